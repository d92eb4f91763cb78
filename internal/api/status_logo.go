package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

func (a *api) getStatusLogo(dark bool) handler {
	return func(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
		picture, err := a.service.StatusLogo(r.Context(), actor, pathID(r, "statusPageId"), dark)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
		_, err = w.Write(picture)
		return err
	}
}

// setStatusLogo takes the file as the body of the request, whatever its media type says.
func (a *api) setStatusLogo(dark bool) handler {
	return func(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
		file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, statuspage.MaxLogo))
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return wire.Invalid(cron.Problem{Rule: cron.RuleTooLong, Limit: statuspage.MaxLogo, Unit: cron.UnitBytes})
		}
		if err != nil {
			return wire.Invalid(cron.Problem{Rule: cron.RulePicture})
		}
		if err := a.service.SetStatusLogo(r.Context(), actor, pathID(r, "statusPageId"), dark, file); err != nil {
			return err
		}
		return reply(w, struct{}{})
	}
}

func (a *api) deleteStatusLogo(dark bool) handler {
	return func(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
		if err := a.service.SetStatusLogo(r.Context(), actor, pathID(r, "statusPageId"), dark, nil); err != nil {
			return err
		}
		return reply(w, struct{}{})
	}
}
