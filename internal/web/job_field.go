package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// jobFieldLabels are the labels of the values of a job that people can set, by their JSON pointers as of the API.
var jobFieldLabels = map[string]string{
	"/folderId": "job-field.folder", "/enabled": "job-field.enabled", "/title": "job-field.title", "/description": "job-field.description",
	"/tags": "job-field.tags", "/channelIds": "job-field.channels", "/saveResponses": "job-field.save-responses", "/url": "job-field.url",
	"/requestMethod": "job-field.method", "/requestTimeout": "job-field.timeout", "/redirectSuccess": "job-field.redirect-success",
	"/extendedData/headers": "job-field.headers", "/extendedData/body": "job-field.body", "/auth/enable": "job-field.auth",
	"/auth/user": "job-field.user", "/auth/password": "job-field.password", "/traceparent": "job-field.traceparent",
	"/signingSecret": "job-field.signing-secret", "/schedule": "job-field.schedule", "/schedule/timezone": "job-field.zone",
	"/schedule/expiresAt": "job-field.expires", "/schedule/seconds": "job-field.seconds", "/schedule/minutes": "job-field.minutes",
	"/schedule/hours": "job-field.hours", "/schedule/mdays": "job-field.days-of-month", "/schedule/months": "job-field.months",
	"/schedule/wdays": "job-field.weekdays", "/schedule/lastDay": "job-field.last-day", "/schedule/days": "job-field.days",
	"/schedule/dst": "job-field.dst", "/schedule/spreadSeconds": "job-field.spread", "/runAt": "job-field.run-at",
	"/pausedUntil": "job-field.paused-until", "/pauseNote": "job-field.pause-note", "/silencedUntil": "job-field.silenced-until",
	"/misfire": "job-field.misfire", "/lateAfterSeconds": "job-field.late-after", "/graceSeconds": "job-field.grace",
	"/overlap": "job-field.overlap", "/delivery": "job-field.delivery", "/retry/count": "job-field.retries",
	"/retry/delaySeconds": "job-field.retry-delay", "/retry/factor": "job-field.retry-factor", "/retry/ceilingSeconds": "job-field.retry-ceiling",
	"/followRedirects": "job-field.follow-redirects", "/success": "job-field.success", "/verifyTls": "job-field.verify-tls",
	"/oversize": "job-field.oversize", "/connection": "job-field.connection", "/notification/onFailure": "job-field.on-failure", "/notification/onFailureCount": "job-field.on-failure-count",
	"/notification/onSuccess": "job-field.on-success", "/notification/onDisable": "job-field.on-disable",
	"/notification/onSslCertExpiry": "job-field.on-certificate", "/notification/onSslCertExpirySeconds": "job-field.certificate-ahead",
}

// FieldName names a value of a job; the pointer itself if nobody knows it.
func (p view) FieldName(pointer string) string {
	for at := pointer; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
		if label, ok := jobFieldLabels[at]; ok {
			return p.labels.Label(label)
		}
	}
	return pointer
}

// fieldValues shows values of jobs that are given in JSON, as the API has them.
type fieldValues struct {
	view     view
	folders  map[int64]string
	channels map[int64]string
}

// fieldValues reads the names of what values of jobs refer to.
func (v *visit) fieldValues(p view) (fieldValues, error) {
	f := fieldValues{p, map[int64]string{0: p.labels.Label("job-field.no-folder")}, map[int64]string{}}
	folders, err := v.web.service.Folders(v.ctx(), v.actor)
	if err != nil {
		return f, err
	}
	for _, folder := range folders {
		f.folders[folder.ID] = folder.Title
	}
	for after := int64(0); ; {
		channels, next, err := v.web.service.Channels(v.ctx(), v.actor, after, service.MaxChannelsPage)
		if err != nil {
			return f, err
		}
		for _, c := range channels {
			f.channels[c.ID] = p.ChannelName(c)
		}
		if after = next; next == 0 {
			return f, nil
		}
	}
}

// ChannelName is what a channel is called.
func (view) ChannelName(c cron.Channel) string {
	if kind, ok := service.FindChannelKind(c.Kind); ok {
		return cmp.Or(c.Title, kind.Title)
	}
	return cmp.Or(c.Title, c.Kind)
}

// shownValue is a value in words: a text, or an instant.
type shownValue struct {
	Text string
	At   time.Time // zero for a text
}

// Show is a value that is given in JSON in words.
func (f fieldValues) Show(pointer, encoded string) shownValue {
	var value any
	if err := json.Unmarshal([]byte(encoded), &value); err != nil {
		return shownValue{Text: encoded}
	}
	if at, ok := instant(pointer, value); ok {
		return shownValue{At: at}
	}
	return shownValue{Text: f.text(pointer, value)}
}

// Shown is a value in words as HTML.
func (p view) Shown(v shownValue) template.HTML {
	if !v.At.IsZero() {
		return p.Time(v.At)
	}
	return template.HTML(template.HTMLEscapeString(v.Text))
}

// instant is a value that is an instant.
func instant(pointer string, value any) (at time.Time, ok bool) {
	switch pointer {
	case "/runAt", "/pausedUntil", "/silencedUntil":
		seconds, ok := value.(float64)
		return time.Unix(int64(seconds), 0), ok && seconds > 0
	}
	return at, false
}

// text is a value in words.
func (f fieldValues) text(pointer string, value any) string {
	t := f.view.labels.Label
	switch x := value.(type) {
	case nil:
		if pointer == "/channelIds" {
			return t("job-field.account-channels")
		}
		return t("job-field.none")
	case bool:
		if x {
			return t("job-field.on")
		}
		return t("job-field.off")
	case float64:
		return f.number(pointer, int64(x), x)
	case string:
		if x == "" {
			return t("job-field.empty")
		}
		return x
	case []any:
		return f.list(pointer, x)
	}
	encoded, _ := json.Marshal(value) // plain data, which can always be encoded
	return string(encoded)
}

func (f fieldValues) number(pointer string, n int64, exact float64) string {
	t := f.view.labels.Label
	switch {
	case pointer == "/folderId":
		if title, ok := f.folders[n]; ok {
			return title
		}
		return "#" + strconv.FormatInt(n, 10)
	case pointer == "/requestMethod":
		return cron.Method(n).String()
	case pointer == "/silencedUntil" && n < 0:
		return t("job-field.for-good")
	case pointer == "/requestTimeout" && n < 1, pointer == "/graceSeconds" && n < 0:
		return t("job-field.default")
	case pointer == "/schedule/expiresAt" && n == 0:
		return t("time.never")
	case pointer == "/schedule/expiresAt":
		if at, err := time.Parse("20060102150405", strconv.FormatInt(n, 10)); err == nil {
			return at.Format("2006-01-02 15:04:05")
		}
	case pointer == "/requestTimeout", strings.HasSuffix(pointer, "Seconds"):
		return t("job-field.seconds-count", "count", n)
	}
	return strconv.FormatFloat(exact, 'f', -1, 64)
}

// list is a list in words, separated by commas.
func (f fieldValues) list(pointer string, items []any) string {
	switch {
	case len(items) == 0:
		return f.view.labels.Label("job-field.none")
	case len(items) == 1 && items[0] == float64(-1):
		return f.view.labels.Label("job-field.all")
	}
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = fmt.Sprint(item)
		if id, ok := item.(float64); ok && pointer == "/channelIds" {
			if title, known := f.channels[int64(id)]; known {
				words[i] = title
			}
		}
	}
	return strings.Join(words, ", ")
}
