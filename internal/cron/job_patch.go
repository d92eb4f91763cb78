package cron

import (
	"errors"
	"iter"
	"maps"
	"slices"
)

// JobPatch is an edit of a job by a user: the fields that it sets, with their values. It is decoded once, can be checked
// without a job, and can be applied to any number of jobs, also by several goroutines at once.
type JobPatch struct {
	Values Job      // only those of Fields count
	Fields []string // some of JobFields
	Err    error    // of kind Invalid: the values that could not be decoded; nil when all could
}

// Apply sets the fields in a job and accepts the result; before is the job before the edit (see Job.Accept). The error is
// of kind Invalid and has everything that is wrong.
func (p *JobPatch) Apply(job, before *Job) error {
	p.set(job)
	return JoinProblems(p.Err, job.Accept(before))
}

func (p *JobPatch) set(job *Job) {
	for _, field := range p.Fields {
		jobFields[field](job, &p.Values)
	}
}

// Check returns an error of kind Invalid with what is wrong with the patch whatever the job is. Values are checked as those
// of a job, and problems of fields that are not set do not count.
func (p *JobPatch) Check() error {
	var c Checker
	values := p.Values
	if e, ok := errors.AsType[*Error](values.Accept(&Job{})); ok {
		for _, problem := range e.Problems {
			if slices.ContainsFunc(p.Fields, func(field string) bool { return covers(field, problem.Pointer) }) {
				c.Add(problem.Pointer, problem)
			}
		}
	}
	return JoinProblems(p.Err, c.Err())
}

// Sets reports whether the patch sets a field.
func (p *JobPatch) Sets(field string) bool { return slices.Contains(p.Fields, field) }

// JobFields lists the fields that a patch can set, in a fixed order. The name of a field is the JSON pointer of its problems,
// such as "/schedule/hours".
func JobFields() iter.Seq[string] { return slices.Values(jobFieldNames) }

var jobFieldNames = slices.Sorted(maps.Keys(jobFields))

// jobFields copies each field from one job to another.
var jobFields = map[string]func(to, from *Job){
	"/enabled":         func(to, from *Job) { to.SetEnabled(from.Enabled) },
	"/folderId":        func(to, from *Job) { to.FolderID = from.FolderID },
	"/redirectSuccess": func(to, from *Job) { to.RedirectSuccess = from.RedirectSuccess },
	"/requestTimeout":  func(to, from *Job) { to.Timeout = from.Timeout },
	"/saveResponses":   func(to, from *Job) { to.SaveResponses = from.SaveResponses },
	"/title":           func(to, from *Job) { to.Title = from.Title },
	"/description":     func(to, from *Job) { to.Description = from.Description },
	"/tags":            func(to, from *Job) { to.Tags = from.Tags },
	"/channelIds":      func(to, from *Job) { to.ChannelIDs = from.ChannelIDs },

	"/url":                  func(to, from *Job) { to.Request.URL = from.Request.URL },
	"/requestMethod":        func(to, from *Job) { to.Request.Method = from.Request.Method },
	"/auth/enable":          func(to, from *Job) { to.Request.Auth.Enable = from.Request.Auth.Enable },
	"/auth/user":            func(to, from *Job) { to.Request.Auth.User = from.Request.Auth.User },
	"/auth/password":        func(to, from *Job) { to.Request.Auth.Password = from.Request.Auth.Password },
	"/extendedData/headers": func(to, from *Job) { to.Request.Headers = from.Request.Headers },
	"/traceparent":          func(to, from *Job) { to.Traceparent = from.Traceparent },
	"/signingSecret":        func(to, from *Job) { to.SigningSecret = from.SigningSecret },
	"/extendedData/body":    func(to, from *Job) { to.Request.Body = from.Request.Body },

	"/notification/onFailure":       func(to, from *Job) { to.Notification.OnFailure = from.Notification.OnFailure },
	"/notification/onFailureCount":  func(to, from *Job) { to.Notification.OnFailureCount = from.Notification.OnFailureCount },
	"/notification/onSuccess":       func(to, from *Job) { to.Notification.OnSuccess = from.Notification.OnSuccess },
	"/notification/onDisable":       func(to, from *Job) { to.Notification.OnDisable = from.Notification.OnDisable },
	"/notification/onSslCertExpiry": func(to, from *Job) { to.Notification.OnCertExpiry = from.Notification.OnCertExpiry },
	"/notification/onSslCertExpirySeconds": func(to, from *Job) {
		to.Notification.CertExpiryAhead = from.Notification.CertExpiryAhead
	},

	"/silencedUntil": func(to, from *Job) { to.Notification.SilencedUntil = from.Notification.SilencedUntil },

	"/schedule/timezone":  func(to, from *Job) { to.Schedule.Timezone = from.Schedule.Timezone },
	"/schedule/expiresAt": func(to, from *Job) { to.Schedule.ExpiresAt = from.Schedule.ExpiresAt },
	"/schedule/seconds":   func(to, from *Job) { to.Schedule.Seconds = from.Schedule.Seconds },
	"/schedule/minutes":   func(to, from *Job) { to.Schedule.Minutes = from.Schedule.Minutes },
	"/schedule/hours":     func(to, from *Job) { to.Schedule.Hours = from.Schedule.Hours },
	"/schedule/mdays":     func(to, from *Job) { to.Schedule.MonthDays = from.Schedule.MonthDays },
	"/schedule/months":    func(to, from *Job) { to.Schedule.Months = from.Schedule.Months },
	"/schedule/wdays":     func(to, from *Job) { to.Schedule.Weekdays = from.Schedule.Weekdays },
	"/schedule/lastDay":   func(to, from *Job) { to.Schedule.LastDay = from.Schedule.LastDay },
	"/schedule/days":      func(to, from *Job) { to.Schedule.Days = from.Schedule.Days },
	"/schedule/dst":       func(to, from *Job) { to.Schedule.DST = from.Schedule.DST },

	"/schedule/spreadSeconds": func(to, from *Job) { to.Timing.Spread = from.Timing.Spread },
	"/runAt":                  func(to, from *Job) { to.Timing.RunAt = from.Timing.RunAt },
	"/pausedUntil":            func(to, from *Job) { to.Timing.PausedUntil = from.Timing.PausedUntil },
	"/pauseNote":              func(to, from *Job) { to.Timing.PauseNote = from.Timing.PauseNote },

	"/misfire":              func(to, from *Job) { to.Policy.Misfire = from.Policy.Misfire },
	"/graceSeconds":         func(to, from *Job) { to.Policy.Grace = from.Policy.Grace },
	"/lateAfterSeconds":     func(to, from *Job) { to.Policy.LateAfter = from.Policy.LateAfter },
	"/overlap":              func(to, from *Job) { to.Policy.Overlap = from.Policy.Overlap },
	"/delivery":             func(to, from *Job) { to.Policy.Delivery = from.Policy.Delivery },
	"/retry/count":          func(to, from *Job) { to.Policy.Retry.Count = from.Policy.Retry.Count },
	"/retry/delaySeconds":   func(to, from *Job) { to.Policy.Retry.Delay = from.Policy.Retry.Delay },
	"/retry/factor":         func(to, from *Job) { to.Policy.Retry.Factor = from.Policy.Retry.Factor },
	"/retry/ceilingSeconds": func(to, from *Job) { to.Policy.Retry.Ceiling = from.Policy.Retry.Ceiling },

	"/followRedirects": func(to, from *Job) { to.Exchange.FollowRedirects = from.Exchange.FollowRedirects },
	"/success":         func(to, from *Job) { to.Exchange.Success = from.Exchange.Success },
	"/verifyTls":       func(to, from *Job) { to.Exchange.Unverified = from.Exchange.Unverified },
	"/oversize":        func(to, from *Job) { to.Exchange.Oversize = from.Exchange.Oversize },
	"/connection":      func(to, from *Job) { to.Exchange.Connection = from.Exchange.Connection },
}
