package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// maxShownBody limits the body that a page shows, in bytes. A larger one is kept until another one is typed.
const maxShownBody = 24 << 10

// hidesBody tells whether a body is not shown: it is too large, or a control cannot hold it.
func hidesBody(body string) bool { return len(body) > maxShownBody || strings.ContainsRune(body, 0) }

// requestParts are the parts of the section Request.
var requestParts = []part{
	{
		key: "method", fields: []string{"/requestMethod"}, names: []string{"requestMethod"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) {
			f.Set("requestMethod", job.Request.Method.String())
		},
		read: func(r *reading, job *cron.Job) {
			m, ok := cron.ParseMethod(r.text("requestMethod"))
			if !ok {
				r.wrong("requestMethod", cron.Problem{Rule: cron.RuleUnknownValue, Given: r.text("requestMethod")})
			}
			job.Request.Method = m
		},
		words: func(_ *wording, job *cron.Job) string { return job.Request.Method.String() },
	},
	{
		key: "headers", fields: []string{"/extendedData/headers"}, names: []string{"headerName", "headerValue", "headerKept"},
		show: showHeaders, read: func(r *reading, job *cron.Job) { job.Request.Headers = r.headers() },
		canon: func(f url.Values) string { return fmt.Sprintf("%q", headerRows(f)) },
		words: func(_ *wording, job *cron.Job) string {
			var lines []string
			for _, row := range headersOf(job) {
				lines = append(lines, row.Name+": "+row.shown())
			}
			return strings.Join(lines, "\n")
		},
	},
	{
		key: "body", fields: []string{"/extendedData/body"}, names: []string{"body"}, boxes: []string{"bodyClear"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) {
			f.Set("body", job.Request.Body)
			if hidesBody(job.Request.Body) {
				f.Set("body", "")
			}
		},
		read: func(r *reading, job *cron.Job) { job.Request.Body = r.text("body") },
		words: func(w *wording, job *cron.Job) string {
			if hidesBody(job.Request.Body) {
				return w.t("editor.bytes", "count", len(job.Request.Body))
			}
			return job.Request.Body
		},
	},
	boxPart("auth", "/auth/enable", "auth", func(j *cron.Job) *bool { return &j.Request.Auth.Enable }),
	textPart("auth-user", "/auth/user", "authUser", func(j *cron.Job) *string { return &j.Request.Auth.User }),
	{
		key: "auth-password", fields: []string{"/auth/password"}, names: []string{"authPassword"}, boxes: []string{"authPasswordClear"},
		show:  func(f url.Values, _ *cron.Job, _ *time.Location) { f.Set("authPassword", "") },
		read:  func(r *reading, job *cron.Job) { job.Request.Auth.Password = r.text("authPassword") },
		words: func(w *wording, job *cron.Job) string { return w.hidden(job.Request.Auth.Password) },
	},
	{
		key: "signing", fields: []string{"/signingSecret"}, names: []string{"signing"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) {
			f.Set("signing", "none")
			if job.SigningSecret != "" {
				f.Set("signing", "keep")
			}
		},
		read: func(r *reading, job *cron.Job) {
			job.SigningSecret = ""
			if r.text("signing") == "own" {
				if job.SigningSecret = r.text("signingSecret"); strings.TrimSpace(job.SigningSecret) == "" {
					r.wrong("signingSecret", cron.Problem{Rule: cron.RuleMandatory})
				}
			}
		},
		words: func(w *wording, job *cron.Job) string { return w.hidden(job.SigningSecret) },
	},
	boxPart("traceparent", "/traceparent", "traceparent", func(j *cron.Job) *bool { return &j.Traceparent }),
}

// credentialHeaders are the names, in lower case, of headers whose values are not sent to pages.
var credentialHeaders = []string{"authorization", "proxy-authorization", "cookie", "api-key", "apikey", "token", "secret", "password"}

// headerRow is a header as the form has it. The value of one that holds credentials stays on the server.
type headerRow struct {
	Name, Value string
	Kept        string // which header of the stored job has the value: its name and its place among those of that name
	Error       string
}

// shown is the value for people.
func (h headerRow) shown() string {
	if h.Kept != "" && h.Value == "" {
		return cron.Masked
	}
	return h.Value
}

// headersOf are the rows of a job.
func headersOf(job *cron.Job) []headerRow {
	count := map[string]int{}
	var rows []headerRow
	for _, h := range job.Request.Headers {
		row, name := headerRow{Name: h.Name, Value: h.Value}, strings.ToLower(h.Name)
		holds := func(word string) bool { return strings.Contains(name, word) }
		if slices.ContainsFunc(credentialHeaders, holds) && !cron.HasSecret(h.Value) {
			row.Value, row.Kept = "", fmt.Sprintf("%s#%d", name, count[name])
		}
		count[name]++
		rows = append(rows, row)
	}
	return rows
}

func showHeaders(f url.Values, job *cron.Job, _ *time.Location) {
	for _, row := range headersOf(job) {
		f.Add("headerName", row.Name)
		f.Add("headerValue", row.Value)
		f.Add("headerKept", row.Kept)
	}
}

// maxHeaderRows limits the headers of a form. A job has fewer, since each has some bytes.
const maxHeaderRows = 2000

// headerRows are the rows of a form that are not empty.
func headerRows(f url.Values) []headerRow {
	at := func(name string, i int) string {
		if values := f[name]; i < len(values) {
			return noBreak.Replace(values[i])
		}
		return ""
	}
	var rows []headerRow
	for i := range min(len(f["headerName"]), maxHeaderRows) {
		row := headerRow{Name: at("headerName", i), Value: at("headerValue", i), Kept: at("headerKept", i)}
		if strings.TrimSpace(row.Name) != "" || strings.TrimSpace(row.Value) != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// headers are those of the form, with the values that stayed on the server. A value is kept for a header of the same name only.
func (r *reading) headers() []cron.Header {
	kept, count := map[string]string{}, map[string]int{}
	for _, h := range r.base.Request.Headers {
		name := strings.ToLower(h.Name)
		kept[fmt.Sprintf("%s#%d", name, count[name])] = h.Value
		count[name]++
	}
	var list []cron.Header
	for _, row := range headerRows(r.form) {
		name, _, _ := strings.Cut(row.Kept, "#")
		if row.Value == "" && row.Kept != "" && strings.EqualFold(strings.TrimSpace(row.Name), name) {
			row.Value = kept[row.Kept]
		}
		switch {
		case strings.TrimSpace(row.Name) == "":
			r.say("headers", "editor.header-name-missing")
		case strings.TrimSpace(row.Value) == "":
			r.say("headers", "editor.header-value-missing")
		}
		list = append(list, cron.Header{Name: row.Name, Value: row.Value})
	}
	return list
}

// successParts are the parts of the section Success.
var successParts = []part{
	{
		key: "success", fields: []string{"/success"}, names: []string{"status", "bodyContains", "bodyLacks", "bodyMatches"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) { showSuccess(f, job) },
		read: func(r *reading, job *cron.Job) {
			s := cron.Success{Contains: r.text("bodyContains"), NotContains: r.text("bodyLacks"), Matches: r.text("bodyMatches")}
			for _, text := range strings.FieldsFunc(r.text("status"), func(c rune) bool { return c == ',' || c == ' ' }) {
				code, ok := cron.ParseStatusRange(text)
				if !ok {
					r.wrong("status", cron.Problem{Rule: cron.RuleStatusRange, Given: text})
					break
				}
				if s.Status = append(s.Status, code); len(s.Status) > cron.MaxStatusRanges {
					break // one too many is a problem, and more need not be kept
				}
			}
			job.Exchange.Success = &s
		},
		words: func(w *wording, job *cron.Job) string { return w.success(job) },
	},
	boxPart("redirect-success", "/redirectSuccess", "redirectSuccess", func(j *cron.Job) *bool { return &j.RedirectSuccess }),
}

func showSuccess(f url.Values, job *cron.Job) {
	var s cron.Success
	if job.Exchange.Success != nil {
		s = *job.Exchange.Success
	}
	var codes []string
	for _, code := range s.Status {
		codes = append(codes, code.String())
	}
	f.Set("status", strings.Join(codes, ", "))
	f.Set("bodyContains", s.Contains)
	f.Set("bodyLacks", s.NotContains)
	f.Set("bodyMatches", s.Matches)
}

// failureParts are the parts of the section If it fails.
var failureParts = []part{
	numberPart("retries", "/retry/count", "retries", 0, func(j *cron.Job) *int { return &j.Policy.Retry.Count }),
	durationPart("retry-delay", "/retry/delaySeconds", "retryDelay", 0, func(j *cron.Job) *time.Duration { return &j.Policy.Retry.Delay }),
	{
		key: "retry-factor", fields: []string{"/retry/factor"}, names: []string{"retryFactor"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) { f.Set("retryFactor", factorText(job)) },
		read: func(r *reading, job *cron.Job) {
			n, err := strconv.ParseFloat(strings.TrimSpace(r.text("retryFactor")), 64)
			if err != nil {
				r.wrong("retryFactor", cron.Problem{Rule: cron.RuleWrongType, Want: "number"})
			}
			job.Policy.Retry.Factor = n
		},
		words: func(_ *wording, job *cron.Job) string { return factorText(job) },
	},
	durationPart("retry-ceiling", "/retry/ceilingSeconds", "retryCeiling", 0, func(j *cron.Job) *time.Duration { return &j.Policy.Retry.Ceiling }),
}

func factorText(job *cron.Job) string {
	return strconv.FormatFloat(job.Policy.Retry.Factor, 'g', -1, 64)
}

// lateParts are the parts of the section Late and overlapping.
var lateParts = []part{
	durationPart("grace", "/graceSeconds", "grace", cron.UnsetGrace, func(j *cron.Job) *time.Duration { return &j.Policy.Grace }),
	choicePart("misfire", "/misfire", "misfire", func(j *cron.Job) *cron.Misfire { return &j.Policy.Misfire }, misfireLabels...),
	choicePart("overlap", "/overlap", "overlap", func(j *cron.Job) *cron.Overlap { return &j.Policy.Overlap }, overlapLabels...),
	choicePart("delivery", "/delivery", "delivery", func(j *cron.Job) *cron.Delivery { return &j.Policy.Delivery }, deliveryLabels...),
	durationPart("late-after", "/lateAfterSeconds", "lateAfter", 0, func(j *cron.Job) *time.Duration { return &j.Policy.LateAfter }),
}

// The labels of choices, by their numbers.
var (
	misfireLabels    = []string{cron.MisfireSkip: "editor.misfire-skip", cron.MisfireRun: "editor.misfire-run"}
	overlapLabels    = []string{cron.OverlapAllow: "editor.overlap-allow", cron.OverlapSkip: "editor.overlap-skip"}
	deliveryLabels   = []string{cron.AtMostOnce: "editor.delivery-most", cron.AtLeastOnce: "editor.delivery-least"}
	oversizeLabels   = []string{cron.OversizeFail: "editor.oversize-fail", cron.OversizeTruncate: "editor.oversize-truncate"}
	connectionLabels = []string{cron.ConnectionFresh: "editor.connection-fresh", cron.ConnectionReuse: "editor.connection-reuse"}
	dstLabels        = []string{cron.DSTOnce: "editor.dst-once", cron.DSTWallClock: "editor.dst-wall"}
	dayLabels        = []string{cron.DaysEither: "editor.days-either", cron.DaysBoth: "editor.days-both"}
)

// noticeParts are the parts of the section Notices.
var noticeParts = []part{
	{
		key: "channels", fields: []string{"/channelIds"}, names: []string{"channels"}, boxes: []string{"channel"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) {
			f.Set("channels", "account")
			if job.ChannelIDs != nil {
				f.Set("channels", "chosen")
			}
			for _, id := range job.ChannelIDs {
				f.Add("channel", strconv.FormatInt(id, 10))
			}
		},
		read: func(r *reading, job *cron.Job) {
			if job.ChannelIDs = nil; r.text("channels") != "chosen" {
				return
			}
			job.ChannelIDs = []int64{}
			for _, text := range r.form["channel"] {
				job.ChannelIDs = append(job.ChannelIDs, parseID(text))
			}
		},
		canon: sayChannels,
		words: func(w *wording, job *cron.Job) string { return w.channels(job.ChannelIDs) },
	},
	boxPart("on-failure", "/notification/onFailure", "onFailure", func(j *cron.Job) *bool { return &j.Notification.OnFailure }),
	numberPart("on-failure-count", "/notification/onFailureCount", "onFailureCount", 1, func(j *cron.Job) *int { return &j.Notification.OnFailureCount }),
	boxPart("on-success", "/notification/onSuccess", "onSuccess", func(j *cron.Job) *bool { return &j.Notification.OnSuccess }),
	boxPart("on-disable", "/notification/onDisable", "onDisable", func(j *cron.Job) *bool { return &j.Notification.OnDisable }),
	boxPart("on-cert", "/notification/onSslCertExpiry", "onCertExpiry", func(j *cron.Job) *bool { return &j.Notification.OnCertExpiry }),
	durationPart("cert-ahead", "/notification/onSslCertExpirySeconds", "certAhead", 0, func(j *cron.Job) *time.Duration { return &j.Notification.CertExpiryAhead }),
	{
		key: "silenced", fields: []string{"/silencedUntil"}, names: []string{"silenced"}, boxes: []string{"silencedForGood"},
		show: func(f url.Values, job *cron.Job, zone *time.Location) {
			f.Set("silenced", "")
			switch until := job.Notification.SilencedUntil; {
			case until.Equal(cron.Forever):
				f.Set("silencedForGood", "1")
			case !until.IsZero():
				f.Set("silenced", localText(until.In(zone)))
			}
		},
		read: func(r *reading, job *cron.Job) {
			if job.Notification.SilencedUntil = cron.Forever; !r.box("silencedForGood") {
				job.Notification.SilencedUntil = r.local("silenced", r.zone)
			}
		},
		words: func(w *wording, job *cron.Job) string { return w.until(job.Notification.SilencedUntil) },
	},
}

// sayChannels is what the form says of channels, whose boxes do not count while the account decides.
func sayChannels(f url.Values) string {
	if f.Get("channels") != "chosen" {
		return f.Get("channels")
	}
	ids := slices.Clone(f["channel"])
	slices.Sort(ids)
	return "chosen " + strings.Join(ids, " ")
}

// advancedParts are the parts of the section Advanced.
var advancedParts = []part{
	{
		key: "timeout", fields: []string{"/requestTimeout"}, names: []string{"timeout"},
		show: func(f url.Values, job *cron.Job, _ *time.Location) {
			if f.Set("timeout", ""); job.Timeout >= 1 {
				f.Set("timeout", strconv.Itoa(job.Timeout))
			}
		},
		read: func(r *reading, job *cron.Job) { job.Timeout = r.number("timeout", cron.DefaultTimeout) },
		words: func(w *wording, job *cron.Job) string {
			if job.Timeout < 1 {
				return w.t("editor.default")
			}
			return w.duration(time.Duration(job.Timeout) * time.Second)
		},
	},
	numberPart("redirects", "/followRedirects", "followRedirects", 0, func(j *cron.Job) *int { return &j.Exchange.FollowRedirects }),
	{
		key: "verify", fields: []string{"/verifyTls"}, boxes: []string{"verifyTls"},
		show:  func(f url.Values, job *cron.Job, _ *time.Location) { setBox(f, "verifyTls", !job.Exchange.Unverified) },
		read:  func(r *reading, job *cron.Job) { job.Exchange.Unverified = !r.box("verifyTls") },
		words: func(w *wording, job *cron.Job) string { return w.onOff(!job.Exchange.Unverified) },
	},
	choicePart("oversize", "/oversize", "oversize", func(j *cron.Job) *cron.Oversize { return &j.Exchange.Oversize }, oversizeLabels...),
	choicePart("connection", "/connection", "connection", func(j *cron.Job) *cron.Connection { return &j.Exchange.Connection }, connectionLabels...),
	boxPart("save-responses", "/saveResponses", "saveResponses", func(j *cron.Job) *bool { return &j.SaveResponses }),
}
