package service

import (
	"time"

	"punctual/internal/cron"
)

// jobField is a value of a job that people can set.
type jobField struct {
	pointer string // a JSON pointer into the job as the API shows it
	secret  bool   // only its name leaves the service: in no audit log, export or answer to a viewer
	value   func(j *cron.Job) any
}

// jobFields are all values that people can set, in the order in which an export shows them. Changes of a job are named by
// them.
var jobFields = []jobField{
	{"/folderId", false, func(j *cron.Job) any { return j.FolderID }},
	{"/enabled", false, func(j *cron.Job) any { return j.Enabled }},
	{"/title", false, func(j *cron.Job) any { return j.Title }},
	{"/description", false, func(j *cron.Job) any { return j.Description }},
	{"/tags", false, func(j *cron.Job) any { return append([]string{}, j.Tags...) }},
	{"/channelIds", false, func(j *cron.Job) any { return j.ChannelIDs }},
	{"/saveResponses", false, func(j *cron.Job) any { return j.SaveResponses }},
	{"/url", true, func(j *cron.Job) any { return j.Request.URL }},
	{"/requestMethod", false, func(j *cron.Job) any { return int(j.Request.Method) }},
	{"/requestTimeout", false, func(j *cron.Job) any { return j.Timeout }},
	{"/redirectSuccess", false, func(j *cron.Job) any { return j.RedirectSuccess }},
	{"/extendedData/headers", true, func(j *cron.Job) any { return j.Request.Headers }},
	{"/extendedData/body", true, func(j *cron.Job) any { return j.Request.Body }},
	{"/auth/enable", false, func(j *cron.Job) any { return j.Request.Auth.Enable }},
	{"/auth/user", true, func(j *cron.Job) any { return j.Request.Auth.User }},
	{"/auth/password", true, func(j *cron.Job) any { return j.Request.Auth.Password }},
	{"/traceparent", false, func(j *cron.Job) any { return j.Traceparent }},
	{"/signingSecret", true, func(j *cron.Job) any { return j.SigningSecret }},
	{"/schedule/timezone", false, func(j *cron.Job) any { return j.Schedule.Timezone }},
	{"/schedule/expiresAt", false, func(j *cron.Job) any { return j.Schedule.ExpiresAt }},
	{"/schedule/seconds", false, func(j *cron.Job) any { return numbers(j.Schedule.Seconds) }},
	{"/schedule/minutes", false, func(j *cron.Job) any { return numbers(j.Schedule.Minutes) }},
	{"/schedule/hours", false, func(j *cron.Job) any { return numbers(j.Schedule.Hours) }},
	{"/schedule/mdays", false, func(j *cron.Job) any { return numbers(j.Schedule.MonthDays) }},
	{"/schedule/months", false, func(j *cron.Job) any { return numbers(j.Schedule.Months) }},
	{"/schedule/wdays", false, func(j *cron.Job) any { return numbers(j.Schedule.Weekdays) }},
	{"/schedule/lastDay", false, func(j *cron.Job) any { return j.Schedule.LastDay }},
	{"/schedule/days", false, func(j *cron.Job) any { return dayNames[j.Schedule.Days] }},
	{"/schedule/dst", false, func(j *cron.Job) any { return dstNames[j.Schedule.DST] }},
	{"/schedule/spreadSeconds", false, func(j *cron.Job) any { return seconds(j.Timing.Spread) }},
	{"/runAt", false, func(j *cron.Job) any { return unixOrNil(j.Timing.RunAt) }},
	{"/pausedUntil", false, func(j *cron.Job) any { return unixOrNil(j.Timing.PausedUntil) }},
	{"/pauseNote", false, func(j *cron.Job) any { return j.Timing.PauseNote }},
	{"/silencedUntil", false, func(j *cron.Job) any { return untilOrNil(j.Notification.SilencedUntil) }},
	{"/misfire", false, func(j *cron.Job) any { return misfireNames[j.Policy.Misfire] }},
	{"/lateAfterSeconds", false, func(j *cron.Job) any { return seconds(j.Policy.LateAfter) }},
	{"/graceSeconds", false, func(j *cron.Job) any { return max(seconds(j.Policy.Grace), -1) }},
	{"/overlap", false, func(j *cron.Job) any { return overlapNames[j.Policy.Overlap] }},
	{"/delivery", false, func(j *cron.Job) any { return deliveryNames[j.Policy.Delivery] }},
	{"/retry/count", false, func(j *cron.Job) any { return j.Policy.Retry.Count }},
	{"/retry/delaySeconds", false, func(j *cron.Job) any { return seconds(j.Policy.Retry.Delay) }},
	{"/retry/factor", false, func(j *cron.Job) any { return j.Policy.Retry.Factor }},
	{"/retry/ceilingSeconds", false, func(j *cron.Job) any { return seconds(j.Policy.Retry.Ceiling) }},
	{"/followRedirects", false, func(j *cron.Job) any { return j.Exchange.FollowRedirects }},
	{"/success", false, func(j *cron.Job) any { return successOf(&j.Exchange) }},
	{"/verifyTls", false, func(j *cron.Job) any { return !j.Exchange.Unverified }},
	{"/oversize", false, func(j *cron.Job) any { return oversizeNames[j.Exchange.Oversize] }},
	{"/connection", false, func(j *cron.Job) any { return connectionNames[j.Exchange.Connection] }},
	{"/notification/onFailure", false, func(j *cron.Job) any { return j.Notification.OnFailure }},
	{"/notification/onFailureCount", false, func(j *cron.Job) any { return j.Notification.OnFailureCount }},
	{"/notification/onSuccess", false, func(j *cron.Job) any { return j.Notification.OnSuccess }},
	{"/notification/onDisable", false, func(j *cron.Job) any { return j.Notification.OnDisable }},
	{"/notification/onSslCertExpiry", false, func(j *cron.Job) any { return j.Notification.OnCertExpiry }},
	{"/notification/onSslCertExpirySeconds", false, func(j *cron.Job) any { return seconds(j.Notification.CertExpiryAhead) }},
}

// The names of choices, as the API has them.
var (
	dayNames      = map[cron.DayRule]string{cron.DaysEither: "either", cron.DaysBoth: "both"}
	dstNames      = map[cron.DSTRule]string{cron.DSTOnce: "once", cron.DSTWallClock: "wallclock"}
	misfireNames  = map[cron.Misfire]string{cron.MisfireSkip: "skip", cron.MisfireRun: "run"}
	overlapNames  = map[cron.Overlap]string{cron.OverlapAllow: "allow", cron.OverlapSkip: "skip"}
	deliveryNames = map[cron.Delivery]string{cron.AtMostOnce: "at-most-once", cron.AtLeastOnce: "at-least-once"}
	oversizeNames = map[cron.Oversize]string{cron.OversizeFail: "fail", cron.OversizeTruncate: "truncate"}

	connectionNames = map[cron.Connection]string{cron.ConnectionFresh: "fresh", cron.ConnectionReuse: "reuse"}
)

// numbers is a set as the API shows it.
func numbers(s cron.Set) []int {
	if s == cron.Every {
		return []int{-1}
	}
	return s.Members()
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// textOrNil is a text, or nil for an empty one.
func textOrNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// unixOrNil is an instant in Unix seconds; nil for none.
func unixOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

// untilOrNil is unixOrNil, but -1 for good.
func untilOrNil(t time.Time) any {
	if t.Equal(cron.Forever) {
		return -1
	}
	return unixOrNil(t)
}

// success is the criteria that a response must meet, as the API shows them.
type success struct {
	Status      []string `json:"status"`
	Contains    string   `json:"contains"`
	NotContains string   `json:"notContains"`
	Matches     string   `json:"matches"`
}

func successOf(x *cron.Exchange) *success {
	s := x.Success
	if s == nil {
		return nil
	}
	shown := &success{make([]string, len(s.Status)), s.Contains, s.NotContains, s.Matches}
	for i, r := range s.Status {
		shown.Status[i] = r.String()
	}
	return shown
}

// hidden stands for a secret that an actor may not read.
const hidden = "xxxxx"

// hideSecrets takes out of a job what a viewer does not see: credentials, the values of headers, and the body.
func hideSecrets(j *cron.Job) {
	r := &j.Request
	r.URL = cron.MaskURL(r.URL)
	headers := make([]cron.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = cron.Header{Name: h.Name, Value: hidden}
	}
	r.Headers = headers
	for _, secret := range []*string{&r.Body, &r.Auth.User, &r.Auth.Password, &j.SigningSecret} {
		if *secret != "" {
			*secret = hidden
		}
	}
}

// seesSecrets tells whether an actor may read the secrets of jobs.
func seesSecrets(actor *cron.Actor) bool { return actor.Role >= cron.RoleEditor }

// titleOf names a job in the audit log.
func titleOf(j *cron.Job) string {
	if j.Title != "" {
		return cron.MaskURL(j.Title)
	}
	return cron.MaskURL(j.Request.URL)
}
