package api

import (
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// version is a definition that a job has or had, without its values.
type version struct {
	Version   int64    `json:"version"`
	Created   int64    `json:"created"` // Unix seconds
	By        string   `json:"by"`
	Way       string   `json:"way"`
	Changes   []string `json:"changes"`
	Restored  *int64   `json:"restored"`
	ActionID  *int64   `json:"actionId"`
	Forgotten bool     `json:"forgotten"`
	Kept      bool     `json:"kept"`
}

func newVersion(v *cron.JobVersion) version {
	return version{v.Version, v.Created.Unix(), v.Author.Label, v.Author.Way, append([]string{}, v.Changes...),
		positiveOrNull(v.Restored), positiveOrNull(v.ActionID), v.Forgotten, v.Kept}
}

func positiveOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return new(n)
}

// versionDetails is a version with its values.
type versionDetails struct {
	version
	Job versionJob `json:"job"`
}

// versionJob is the members of detailedJob that people can set, and the type.
type versionJob struct {
	Enabled       bool         `json:"enabled"`
	Title         string       `json:"title"`
	SaveResponses bool         `json:"saveResponses"`
	URL           string       `json:"url"`
	Auth          basicAuth    `json:"auth"`
	Notification  notification `json:"notification"`
	ExtendedData  extendedData `json:"extendedData"`
	jobTail
	Schedule      detailedSchedule `json:"schedule"`
	RequestMethod int              `json:"requestMethod"`
	timing
	policy
	exchange
	marks
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	ChannelIDs  []int64  `json:"channelIds"`
}

func newVersionJob(j *cron.Job) versionJob {
	d := newDetailedJob(&cron.JobRecord{Job: *j})
	return versionJob{
		Enabled: d.Enabled, Title: d.Title, SaveResponses: d.SaveResponses, URL: d.URL,
		Auth: d.Auth, Notification: d.Notification, ExtendedData: d.ExtendedData, jobTail: d.jobTail, Schedule: d.Schedule,
		RequestMethod: d.RequestMethod, timing: d.timing, policy: d.policy, exchange: d.exchange, marks: d.marks,
		Description: d.Description, Tags: d.Tags, ChannelIDs: d.ChannelIDs,
	}
}

func (a *api) listVersions(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p      wire.Problems
		query  = wire.Query(r, &p)
		before int64
		limit  = wire.DefaultVersionsPage
	)
	wire.Integer(query, "cursor", &before, 1, wire.MaxID)
	wire.Integer(query, "limit", &limit, 1, wire.MaxVersionsPage)
	if err := p.Err(); err != nil {
		return err
	}
	versions, next, err := a.service.Versions(r.Context(), actor, pathID(r, "jobId"), before, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Versions []version `json:"versions"`
		Next     *string   `json:"next"` // the cursor of the next page; null at the end
	}{Versions: make([]version, len(versions))}
	if next != 0 {
		answer.Next = new(strconv.FormatInt(next, 10))
	}
	for i := range versions {
		answer.Versions[i] = newVersion(&versions[i])
	}
	return reply(w, answer)
}

func (a *api) getVersion(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	v, job, err := a.service.JobVersion(r.Context(), actor, pathID(r, "jobId"), pathID(r, "version"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Details versionDetails `json:"versionDetails"`
	}{versionDetails{newVersion(&v), newVersionJob(&job)}})
}

// versionChange is a value that differs between two versions.
type versionChange struct {
	Pointer string `json:"pointer"`
	Secret  bool   `json:"secret"`
	Before  any    `json:"before"`
	After   any    `json:"after"`
}

// compareVersions compares a version with another one, or with the latest.
func (a *api) compareVersions(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p     wire.Problems
		query = wire.Query(r, &p)
		to    int64
	)
	wire.Integer(query, "to", &to, 1, wire.MaxID)
	if err := p.Err(); err != nil {
		return err
	}
	before, after, changes, err := a.service.CompareVersions(r.Context(), actor, pathID(r, "jobId"), pathID(r, "version"), to)
	if err != nil {
		return err
	}
	answer := struct {
		Version int64           `json:"version"`
		To      int64           `json:"to"`
		Changes []versionChange `json:"changes"`
	}{before.Version, after.Version, make([]versionChange, len(changes))}
	for i := range changes {
		c := &changes[i]
		answer.Changes[i] = versionChange{c.Pointer, c.Secret, versionValue(c.Before), versionValue(c.After)}
	}
	return reply(w, answer)
}

// versionValue is a value in the form of the API.
func versionValue(v any) any {
	if list, ok := v.([]cron.Header); ok {
		return headers(list)
	}
	return v
}

// restored is what came of a restoring.
type restored struct {
	JobID      int64 `json:"jobId"`
	Version    int64 `json:"version"`
	FolderID   int64 `json:"folderId"`
	FolderGone bool  `json:"folderGone"`
}

func (a *api) replyRestored(w http.ResponseWriter, done *service.Restored) error {
	a.setETag(w, &done.Job)
	return reply(w, restored{done.Job.ID, done.Version, done.Job.FolderID, done.FolderGone})
}

func (a *api) restoreVersion(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	done, err := a.service.RestoreVersion(r.Context(), actor, pathID(r, "jobId"), pathID(r, "version"), ifMatch(r))
	if err != nil {
		return err
	}
	return a.replyRestored(w, &done)
}

func (a *api) forgetVersion(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.ForgetVersion(r.Context(), actor, pathID(r, "jobId"), pathID(r, "version")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
