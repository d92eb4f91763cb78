package api

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// readPatch decodes the JSON object of a job. unread lists the members that are ignored.
func readPatch(body json.RawMessage) (patch *cron.JobPatch, unread []string) {
	var p wire.Problems
	patch = &cron.JobPatch{}
	o := wire.NewObject(body, "", &p)
	readJob(o, &patch.Values)
	patch.Fields, patch.Err = p.Given(cron.JobFields()), p.Err()
	if o.Null("channelIds") { // the one member of which null is a value
		patch.Fields = append(patch.Fields, "/channelIds")
	}
	return patch, p.Unread()
}

// readOnlyMembers are the members of a job that the contract ignores in requests.
var readOnlyMembers = []string{
	"jobId", "lastStatus", "lastDuration", "lastExecution", "sslCertExpiry", "nextExecution", "type",
	"created", "createdBy", "updated", "updatedBy",
}

// readJob reads the members of o into job. Seconds are limited to the range of a duration.
func readJob(o wire.Object, job *cron.Job) {
	o.Skip(readOnlyMembers...)
	o.Boolean("enabled", &job.Enabled)
	o.Text("title", &job.Title)
	o.Boolean("saveResponses", &job.SaveResponses)
	o.Text("url", &job.Request.URL)
	wire.Integer(o, "requestTimeout", &job.Timeout, math.MinInt32, math.MaxInt32)
	o.Boolean("redirectSuccess", &job.RedirectSuccess)
	wire.Integer(o, "folderId", &job.FolderID, math.MinInt64, math.MaxInt64)
	readMethod(o, "requestMethod", &job.Request.Method)

	auth := o.Object("auth")
	auth.Boolean("enable", &job.Request.Auth.Enable)
	auth.Text("user", &job.Request.Auth.User)
	auth.Text("password", &job.Request.Auth.Password)

	o.Boolean("traceparent", &job.Traceparent)
	o.Text("signingSecret", &job.SigningSecret)

	extended := o.Object("extendedData")
	readHeaders(extended, "headers", &job.Request.Headers)
	extended.Text("body", &job.Request.Body)

	readNotification(o.Object("notification"), &job.Notification)
	schedule := o.Object("schedule")
	readSchedule(schedule, &job.Schedule)
	readTiming(o, schedule, &job.Timing)
	readPolicy(o, &job.Policy)
	readExchange(o, &job.Exchange)
	wire.ReadUntil(o, "silencedUntil", &job.Notification.SilencedUntil)
	o.Text("description", &job.Description)
	if o.Has("tags") {
		job.Tags = nil
		readItems(o, "tags", &job.Tags, parseItem)
	}
	readNumbers(o, "channelIds", &job.ChannelIDs)
}

// readNumbers reads a list of numbers of things, which replaces the former one.
func readNumbers(o wire.Object, name string, to *[]int64) {
	if !o.Has(name) {
		return
	}
	*to = []int64{}
	readItems(o, name, to, func(item json.RawMessage) ([]int64, cron.Problem) {
		n, wrong := wire.ParseInteger(item, 1, wire.MaxID)
		return []int64{n}, wrong
	})
}

func readNotification(o wire.Object, n *cron.Notification) {
	o.Boolean("onFailure", &n.OnFailure)
	wire.Integer(o, "onFailureCount", &n.OnFailureCount, math.MinInt64, math.MaxInt32)
	o.Boolean("onSuccess", &n.OnSuccess)
	o.Boolean("onDisable", &n.OnDisable)
	o.Boolean("onSslCertExpiry", &n.OnCertExpiry)
	o.Seconds("onSslCertExpirySeconds", &n.CertExpiryAhead, math.MinInt64, math.MaxInt32*time.Second)
}

// readMethod reads an HTTP method.
func readMethod(o wire.Object, name string, to *cron.Method) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	m, wrong := parseMethod(raw)
	if wrong.Rule != cron.RuleNone {
		o.Add(name, wrong)
		return
	}
	*to = m
}

// readTiming reads the members of a job, and of its schedule, that decide when it is due.
func readTiming(job, schedule wire.Object, t *cron.Timing) {
	wire.Instant(job, "runAt", &t.RunAt)
	wire.Instant(job, "pausedUntil", &t.PausedUntil)
	job.Text("pauseNote", &t.PauseNote)
	schedule.Seconds("spreadSeconds", &t.Spread, 0, cron.MaxSpread)
}

// readPolicy reads the members of a job about misfires, overlaps, retries and delivery.
func readPolicy(o wire.Object, p *cron.Policy) {
	wire.Choice(o, "misfire", &p.Misfire, wire.MisfireNames)
	o.Seconds("graceSeconds", &p.Grace, wire.DefaultGrace, cron.MaxGrace)
	o.Seconds("lateAfterSeconds", &p.LateAfter, 0, cron.MaxLateAfter)
	wire.Choice(o, "overlap", &p.Overlap, wire.OverlapNames)
	wire.Choice(o, "delivery", &p.Delivery, wire.DeliveryNames)

	retry := o.Object("retry")
	wire.Integer(retry, "count", &p.Retry.Count, 0, cron.MaxRetries)
	retry.Seconds("delaySeconds", &p.Retry.Delay, 0, cron.MaxRetryDelay)
	retry.Number("factor", &p.Retry.Factor, 1, cron.MaxFactor)
	retry.Seconds("ceilingSeconds", &p.Retry.Ceiling, 0, cron.MaxRetryDelay)
}

// readExchange reads the members of a job about its exchange. Criteria of success replace the former ones; {} restores
// the rule of the contract.
func readExchange(o wire.Object, x *cron.Exchange) {
	wire.Integer(o, "followRedirects", &x.FollowRedirects, 0, cron.MaxRedirects)
	verify := !x.Unverified
	o.Boolean("verifyTls", &verify)
	x.Unverified = !verify
	wire.Choice(o, "oversize", &x.Oversize, wire.OversizeNames)
	wire.Choice(o, "connection", &x.Connection, wire.ConnectionNames)

	if !o.Has("success") {
		return
	}
	var s cron.Success
	given := o.Object("success")
	readStatusRanges(given, "status", &s.Status)
	given.Text("contains", &s.Contains)
	given.Text("notContains", &s.NotContains)
	given.Text("matches", &s.Matches)
	x.Success = &s
}

// readStatusRanges reads an array of status codes and ranges.
func readStatusRanges(o wire.Object, name string, to *[]cron.StatusRange) {
	o.Each(name, func(index string, item json.RawMessage) {
		pointer := o.At(name, index)
		text, ok := wire.Scalar(item)
		if !ok {
			o.Problems.Add(pointer, cron.Problem{Rule: cron.RuleWrongType, Want: wire.TypeString})
			return
		}
		if n, wrong := wire.ParseInteger(item, 0, 1000); wrong.Rule == cron.RuleNone {
			text = strconv.FormatInt(n, 10)
		}
		r, ok := cron.ParseStatusRange(text)
		if !ok {
			o.Problems.Add(pointer, cron.Problem{Rule: cron.RuleStatusRange, Given: text})
			return
		}
		if len(*to) <= cron.MaxStatusRanges { // one too many is a problem, and more need not be kept
			*to = append(*to, r)
		}
	})
}

// readHeaders reads an object, or an array of objects with "key" or "name" and "value". Names may repeat in an array.
// If members of the object share a name, the last one counts.
func readHeaders(o wire.Object, name string, to *[]cron.Header) {
	raw, ok := o.Value(name)
	if !ok {
		return
	}
	list := headerList{problems: o.Problems}
	switch raw[0] {
	case '{':
		dictionary := o.Object(name)
		dictionary.All(func(name string, value json.RawMessage) {
			list.add(name, dictionary.At(name), value, dictionary.At(name))
		})
	case '[':
		o.Each(name, func(index string, item json.RawMessage) {
			entry := wire.NewObject(item, o.At(name, index), o.Problems)
			nameMember := "key"
			if !entry.Has(nameMember) {
				nameMember = "name"
			}
			var name string
			entry.Text(nameMember, &name)
			value, _ := entry.Value("value")
			list.add(name, entry.At(nameMember), value, entry.At("value"))
		})
	default:
		o.WrongType(name, wire.TypeObject)
	}
	*to = list.headers
}

// headerList collects headers in the order in which they are given.
type headerList struct {
	headers  []cron.Header
	problems *wire.Problems
}

// add adds a header with its JSON pointers. A header without a name or a value is dropped.
func (l *headerList) add(name, namePointer string, raw json.RawMessage, valuePointer string) {
	var value string
	if raw != nil && string(raw) != "null" {
		text, ok := wire.Scalar(raw)
		if !ok || raw[0] == 't' || raw[0] == 'f' {
			l.problems.Add(valuePointer, cron.Problem{Rule: cron.RuleWrongType, Want: wire.TypeString})
			return
		}
		value = text
	}
	h := cron.Header{Name: name, Value: value}.Normal()
	if h.Name == "" || h.Value == "" {
		return
	}
	if !cron.IsToken(h.Name) { // here its pointer is known
		l.problems.Add(namePointer, cron.Problem{Rule: cron.RuleHeaderName, Given: h.Name})
		return
	}
	l.headers = append(l.headers, h)
}
