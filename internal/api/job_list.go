package api

import (
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// listJobs answers with all jobs of an account, which may be many: they are written without reflection, and sent in parts.
func (a *api) listJobs(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	leave, err := a.lists.enter(r.Context(), actor.Account.ID)
	if err != nil {
		return err
	}
	defer leave()
	jobs, someFailed, err := a.service.Jobs(r.Context(), a.now(), actor)
	if err != nil {
		return err
	}
	answer := a.newLongAnswer(w, r)
	defer answer.release()
	answer.part = append(answer.part, `{"jobs":[`...)
	for i, job := range jobs {
		if i > 0 {
			answer.part = append(answer.part, ',')
		}
		answer.part = appendListed(answer.part, job)
		if !answer.next() {
			return nil
		}
	}
	answer.part = append(answer.part, `],"someFailed":`...)
	answer.part = strconv.AppendBool(answer.part, someFailed)
	answer.part = append(answer.part, "}\n"...)
	answer.end()
	return nil
}

// appendListed appends what package encoding/json would write of a job of the contract.
func appendListed(to []byte, j *cron.ListedJob) []byte {
	number := func(name string, n int64) { to = strconv.AppendInt(append(to, name...), n, 10) }
	truth := func(name string, b bool) { to = strconv.AppendBool(append(to, name...), b) }
	words := func(name, s string) { to = wire.AppendText(append(to, name...), s) }
	set := func(name string, s cron.Set) { to = wire.AppendSet(append(to, name...), s) }
	number(`{"jobId":`, j.ID)
	truth(`,"enabled":`, j.Enabled)
	words(`,"title":`, j.Title)
	truth(`,"saveResponses":`, j.SaveResponses)
	words(`,"url":`, j.URL)
	number(`,"lastStatus":`, int64(j.LastStatus))
	number(`,"lastDuration":`, j.LastDuration.Milliseconds())
	number(`,"lastExecution":`, unixOrZero(j.LastExecution))
	to = wire.AppendUnixOrNull(append(to, `,"sslCertExpiry":`...), j.CertExpiry)
	to = wire.AppendUnixOrNull(append(to, `,"nextExecution":`...), j.NextRun)
	number(`,"type":`, int64(j.Type))
	number(`,"requestTimeout":`, int64(j.Timeout))
	truth(`,"redirectSuccess":`, j.RedirectSuccess)
	number(`,"folderId":`, j.FolderID)
	words(`,"schedule":{"timezone":`, j.Timezone)
	number(`,"expiresAt":`, j.ExpiresAt)
	set(`,"hours":`, j.Hours)
	set(`,"mdays":`, j.MonthDays)
	set(`,"minutes":`, j.Minutes)
	set(`,"months":`, j.Months)
	set(`,"wdays":`, j.Weekdays)
	number(`},"requestMethod":`, int64(j.Method))
	return append(to, '}')
}
