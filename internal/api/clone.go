package api

import (
	"encoding/json"
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// cloneJob makes a copy of a job. The body may say what is to differ.
func (a *api) cloneJob(w http.ResponseWriter, r *http.Request, account cron.Account) error {
	if err := a.service.RoomForJob(r.Context(), account); err != nil {
		return err
	}
	var (
		body  = json.RawMessage("{}")
		outer wire.Object
	)
	if wire.IsJSON(r) && r.ContentLength != 0 {
		var err error
		if outer, err = wire.ReadObject(w, r, jobBody); err != nil {
			return err
		}
		if member, ok := outer.Value("job"); ok {
			body = member
		}
	}
	change, unread := jobChange(body)
	a.tellIgnored(w, r, outer, "/job", unread)
	job, err := a.service.NewClone(r.Context(), account, pathID(r, "jobId"), a.messages.CopyTitle, change)
	if err != nil {
		return under("/job", err)
	}
	return a.addJob(w, r, job)
}
