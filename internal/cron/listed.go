package cron

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ListedJob is what the list of an account's jobs shows of one. It is a quarter of the size of a JobRecord, since a list may be long.
type ListedJob struct {
	ID              int64
	FolderID        int64
	Type            JobType
	Enabled         bool
	SaveResponses   bool
	RedirectSuccess bool
	Title           string
	URL             string
	Method          Method
	Timeout         int
	Timezone        string
	ExpiresAt       int64
	Minutes         Set
	Hours           Set
	MonthDays       Set
	Months          Set
	Weekdays        Set
	NextRun         time.Time
	LastStatus      Status
	LastDuration    time.Duration
	LastExecution   time.Time
	CertExpiry      time.Time
}

// Listed is what the list shows of a job.
func (r *JobRecord) Listed() ListedJob {
	s, st := &r.Schedule, &r.State
	return ListedJob{
		ID: r.ID, FolderID: r.FolderID, Type: r.Type, Enabled: r.Enabled, SaveResponses: r.SaveResponses, RedirectSuccess: r.RedirectSuccess,
		Title: r.Title, URL: r.Request.URL, Method: r.Request.Method, Timeout: r.Timeout,
		Timezone: s.Timezone, ExpiresAt: s.ExpiresAt, Minutes: s.Minutes, Hours: s.Hours, MonthDays: s.MonthDays, Months: s.Months, Weekdays: s.Weekdays,
		NextRun: st.NextRun, LastStatus: st.LastStatus, LastDuration: st.LastDuration, LastExecution: st.LastExecution, CertExpiry: st.CertExpiry,
	}
}

// SortListed sorts jobs in the order of the list: enabled ones first, then by last status, by the bytes of the URL, and by ID.
func SortListed(jobs []*ListedJob) {
	slices.SortFunc(jobs, func(a, b *ListedJob) int {
		if a.Enabled != b.Enabled {
			if a.Enabled {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.LastStatus, b.LastStatus), strings.Compare(a.URL, b.URL), cmp.Compare(a.ID, b.ID))
	})
}
