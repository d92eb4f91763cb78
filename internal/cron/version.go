package cron

import (
	"reflect"
	"slices"
	"time"
)

// JobVersion is a definition that a job has or had.
type JobVersion struct {
	JobID     int64
	Version   int64 // grows with each change of the job
	Created   time.Time
	Author    Author
	Changes   []string // JSON pointers of the values that differ from the version before; empty for the first one
	Restored  int64    // the version that it restores; 0 for none
	ActionID  int64    // that made it; 0 for none
	Forgotten bool     // secrets were taken out of it
	Kept      bool     // the definition can be read
}

// Limits on versions.
const (
	MinVersions = 50                  // of a job that are kept, however old they are
	BinLifetime = 30 * 24 * time.Hour // of deleted jobs and folders
)

// BinJob is a deleted job that can be brought back.
type BinJob struct {
	JobID     int64
	AccountID int64
	Title     string
	URL       string // without user and password
	FolderID  int64
	Version   int64
	Deleted   time.Time
	Purges    time.Time
	DeletedBy string
}

// BinPosition is the place of a job in the list of the bin.
type BinPosition struct {
	Deleted time.Time
	JobID   int64
}

// Position is the place of the job in the list of the bin.
func (b *BinJob) Position() BinPosition { return BinPosition{b.Deleted, b.JobID} }

// BinFolder is a deleted folder that can be brought back, with the jobs that were in it.
type BinFolder struct {
	FolderID  int64
	AccountID int64
	Title     string
	JobIDs    []int64
	Deleted   time.Time
	Purges    time.Time
	DeletedBy string
}

// JobChanges lists the fields of JobFields that differ between two jobs, in the order of JobFields.
func JobChanges(before, after *Job) []string { return changesAmong(jobFieldNames, before, after) }

// changesAmong looks at half of the fields and half again, as few of them differ and a comparison of jobs is dear.
func changesAmong(fields []string, before, after *Job) []string {
	changed := *before
	for _, field := range fields {
		jobFields[field](&changed, after)
	}
	changed.Timing.RunAtPassed = before.Timing.RunAtPassed // which SetEnabled sets
	switch n := len(fields); {
	case reflect.DeepEqual(&changed, before):
		return nil
	case n == 1:
		return fields[:1:1]
	default:
		return slices.Concat(changesAmong(fields[:n/2], before, after), changesAmong(fields[n/2:], before, after))
	}
}

// Restore gives the job the values that people can set of a former definition of it. Those that Forget took out of the former one
// stay as they are.
func (j *Job) Restore(former *Job, forgotten bool) {
	now := *j
	for _, field := range jobFieldNames {
		jobFields[field](j, former)
	}
	if !forgotten {
		return
	}
	for _, field := range [...]string{"/extendedData/headers", "/extendedData/body", "/auth/user", "/auth/password", "/signingSecret"} {
		jobFields[field](j, &now)
	}
	if public, _ := WithoutUser(now.Request.URL); public == former.Request.URL {
		j.Request.URL = now.Request.URL
	}
}

// Forget takes the secrets out of a definition: credentials, values of headers, and the body.
func (j *Job) Forget() {
	r := &j.Request
	if public, ok := WithoutUser(r.URL); ok {
		r.URL = public
	}
	headers := make([]Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = Header{Name: h.Name}
	}
	r.Headers, r.Body, r.Auth.User, r.Auth.Password, j.SigningSecret = headers, "", "", "", ""
}
