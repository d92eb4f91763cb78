package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// binJob is a deleted job. Times are Unix seconds.
type binJob struct {
	JobID     int64  `json:"jobId"`
	Title     string `json:"title"`
	URL       string `json:"url"`
	FolderID  int64  `json:"folderId"`
	Version   int64  `json:"version"`
	Deleted   int64  `json:"deleted"`
	DeletedBy string `json:"deletedBy"`
	Purges    int64  `json:"purges"`
}

// binFolder is a deleted folder, with the jobs that were in it.
type binFolder struct {
	FolderID  int64   `json:"folderId"`
	Title     string  `json:"title"`
	JobIDs    []int64 `json:"jobIds"`
	Deleted   int64   `json:"deleted"`
	DeletedBy string  `json:"deletedBy"`
	Purges    int64   `json:"purges"`
}

// listBin lists the deleted jobs, the latest first, page by page; the first page has all deleted folders, too.
func (a *api) listBin(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p      wire.Problems
		query  = wire.Query(r, &p)
		cursor string
		after  cron.BinPosition
		limit  = wire.DefaultVersionsPage
	)
	query.Text("cursor", &cursor)
	if cursor != "" {
		var ok bool
		if after, ok = readBinCursor(cursor); !ok {
			p.Add("/cursor", cron.Problem{Rule: cron.RuleUnknownValue, Given: cursor, Want: "next of the page before"})
		}
	}
	wire.Integer(query, "limit", &limit, 1, wire.MaxVersionsPage)
	if err := p.Err(); err != nil {
		return err
	}
	jobs, next, err := a.service.BinJobs(r.Context(), actor, after, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Jobs    []binJob    `json:"jobs"`
		Folders []binFolder `json:"folders"`
		Next    *string     `json:"next"` // the cursor of the next page; null at the end
	}{make([]binJob, len(jobs)), []binFolder{}, nil}
	if next.JobID != 0 {
		answer.Next = new(binCursor(next))
	}
	for i := range jobs {
		b := &jobs[i]
		answer.Jobs[i] = binJob{b.JobID, b.Title, b.URL, b.FolderID, b.Version, b.Deleted.Unix(), b.DeletedBy, b.Purges.Unix()}
	}
	if after.JobID != 0 {
		return reply(w, answer)
	}
	folders, err := a.service.BinFolders(r.Context(), actor)
	if err != nil {
		return err
	}
	for i := range folders {
		f := &folders[i]
		answer.Folders = append(answer.Folders, binFolder{f.FolderID, f.Title, append([]int64{}, f.JobIDs...), f.Deleted.Unix(), f.DeletedBy, f.Purges.Unix()})
	}
	return reply(w, answer)
}

func binCursor(at cron.BinPosition) string {
	return fmt.Sprintf("%d-%d", at.Deleted.UnixMilli(), at.JobID)
}

func readBinCursor(text string) (at cron.BinPosition, ok bool) {
	deleted, job, _ := strings.Cut(text, "-")
	at = cron.BinPosition{Deleted: time.UnixMilli(parseID(deleted)), JobID: parseID(job)}
	return at, text == binCursor(at) && at.JobID != 0
}

// restoreJob brings back a deleted job.
func (a *api) restoreJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	done, err := a.service.RestoreJob(r.Context(), actor, pathID(r, "jobId"))
	if err != nil {
		return err
	}
	return a.replyRestored(w, &done)
}

func (a *api) purgeJob(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.PurgeJob(r.Context(), actor, pathID(r, "jobId"), givenTitle(r)); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// givenTitle is the title of what is to be deleted for good.
func givenTitle(r *http.Request) (title string) {
	wire.Query(r, new(wire.Problems)).Text("title", &title)
	return title
}

// restoreFolder brings back a deleted folder with those of its jobs that nobody has changed since.
func (a *api) restoreFolder(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	f, moved, err := a.service.RestoreFolder(r.Context(), actor, pathID(r, "folderId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		FolderID int64 `json:"folderId"`
		Jobs     int   `json:"jobs"`
	}{f.ID, moved})
}

func (a *api) purgeFolder(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.PurgeFolder(r.Context(), actor, pathID(r, "folderId"), givenTitle(r)); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
