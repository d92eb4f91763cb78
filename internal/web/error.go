package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// retryLater is when another try may be worth while if nobody knows.
const retryLater = time.Minute

// statuses maps the kinds of errors to HTTP.
var statuses = map[cron.ErrorKind]int{
	cron.Invalid:            http.StatusUnprocessableEntity,
	cron.NotFound:           http.StatusNotFound,
	cron.Conflict:           http.StatusConflict,
	cron.Unauthorized:       http.StatusUnauthorized,
	cron.Forbidden:          http.StatusForbidden,
	cron.TooMany:            http.StatusTooManyRequests,
	cron.Gone:               http.StatusGone,
	cron.PreconditionFailed: http.StatusPreconditionFailed,
	cron.Unprocessable:      http.StatusUnprocessableEntity,
	cron.Unavailable:        http.StatusServiceUnavailable,
}

// classify tells what an error is to the person, and logs it when it is our fault.
func (v *visit) classify(err error) (status int, e *cron.Error) {
	e, ok := errors.AsType[*cron.Error](err)
	if !ok {
		e = &cron.Error{Kind: cron.Internal}
	}
	if errors.Is(err, context.DeadlineExceeded) { // requests have no deadline of their own
		e = &cron.Error{Kind: cron.Unavailable, Problems: []cron.Problem{{Rule: cron.RuleSlow}}}
	}
	status, ok = statuses[e.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	if status >= http.StatusInternalServerError && v.r.Context().Err() == nil {
		v.web.logger.ErrorContext(v.r.Context(), "a page failed", slog.String("method", v.r.Method),
			slog.String("pattern", v.r.Pattern), slog.Any("error", err))
	}
	return status, e
}

// errorPage says why there is no other page.
type errorPage struct {
	view
	Status int
	Title  string
	Detail string
}

// fail answers with a page that says what happened and what to do.
func (v *visit) fail(err error) {
	if to := v.elsewhere(err); to != "" {
		_ = v.redirect(to)
		return
	}
	status, e := v.classify(err)
	p := errorPage{view: v.plainView(), Status: status}
	p.Title = v.errorTitle(status)
	_, p.Detail = v.catalogue.Error(e.Kind, e.Subject)
	if len(e.Problems) > 0 {
		p.Detail = v.catalogue.Problem(e.Problems[0])
	}
	v.retryAfter(status, e)
	if err := v.render(status, "error", p); err != nil {
		v.web.logger.ErrorContext(v.r.Context(), "an error could not be shown", slog.Any("error", err))
		http.Error(v.w, http.StatusText(status), status)
	}
}

// errorTitle is the heading of an error page.
func (v *visit) errorTitle(status int) string {
	label := "error.failed"
	switch status {
	case http.StatusNotFound:
		label = "error.not-found"
	case http.StatusGone:
		label = "error.gone"
	case http.StatusForbidden:
		label = "error.forbidden"
	case http.StatusTooManyRequests:
		label = "error.too-many"
	case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusPreconditionFailed:
		label = "error.refused"
	case http.StatusServiceUnavailable:
		label = "error.unavailable"
	}
	return v.catalogue.Label(label)
}

// retryAfter tells programs when another try may be worth while.
func (v *visit) retryAfter(status int, e *cron.Error) {
	if status != http.StatusTooManyRequests {
		return
	}
	wait := e.RetryAfter
	if wait <= 0 {
		wait = retryLater
	}
	v.w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
}

// errSignIn is the error of a page for people who are signed in.
var errSignIn = errors.New("nobody is signed in")

// errOperatorOnly is the error of a page for operators of the service that asks the service for nothing of theirs.
var errOperatorOnly = &cron.Error{Kind: cron.Forbidden, Problems: []cron.Problem{{Rule: cron.RuleOperatorOnly}}}

// needsRole is the error of a page for people with a role, that asks the service for nothing of theirs.
func needsRole(role cron.Role) error {
	return &cron.Error{Kind: cron.Forbidden, Problems: []cron.Problem{{Rule: cron.RuleRole, Want: role.String()}}}
}

// elsewhere tells where a page leads people who have to prove who they are first; empty when that would not help.
func (v *visit) elsewhere(err error) string {
	e, _ := errors.AsType[*cron.Error](err)
	rule := cron.RuleNone
	if e != nil && len(e.Problems) > 0 {
		rule = e.Problems[0].Rule
	}
	switch {
	case rule == cron.RuleFresh:
		return withNext(pathConfirm, v.here())
	case rule == cron.RuleSecondFactor, errors.Is(err, errSignIn) && v.actor.Session != nil:
		return withNext(pathCode, v.here())
	case errors.Is(err, errSignIn), e != nil && e.Kind == cron.Unauthorized:
		return withNext(pathSignIn, v.here())
	}
	return ""
}

// here is the page that is asked for; that of the form when one was sent.
func (v *visit) here() string {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return v.r.URL.RequestURI()
	}
	parts := strings.Split(v.r.URL.Path, "/") // such as /console/settings/keys/1/delete
	return localPath(strings.Join(parts[:min(len(parts), 4)], "/"))
}

// notFound is the handler of paths without a page.
func notFound(*visit) error { return cron.Missing(cron.SubjectNone) }
