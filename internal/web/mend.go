package web

import (
	"net/url"
	"strconv"

	"punctual/internal/cron"
)

// mendNames are the names of the mends in addresses of the editor.
var mendNames = map[cron.MendKind]string{
	cron.MendURL: "url", cron.MendTimeout: "timeout", cron.MendContentType: "content-type", cron.MendFollowRedirects: "redirects",
	cron.MendRedirectSuccess: "redirect-success", cron.MendOversize: "oversize", cron.MendConnection: "connection",
}

// mendLink is the editor of a job with the change in its form, not saved yet; that of a new job for 0. It is empty for no change.
func mendLink(jobID int64, m cron.Mend) string {
	name, ok := mendNames[m.Kind]
	if !ok {
		return ""
	}
	q := url.Values{"mend": {name}}
	switch m.Kind {
	case cron.MendTimeout, cron.MendFollowRedirects:
		q.Set("to", strconv.Itoa(m.Number))
	case cron.MendURL, cron.MendContentType:
		q.Set("to", m.Text)
	}
	if jobID == 0 {
		return root + "/jobs/new?" + q.Encode()
	}
	return jobAddress(jobID, "/settings?") + q.Encode()
}

// parseMend reads what mendLink wrote.
func parseMend(q url.Values) (m cron.Mend, ok bool) {
	for kind, name := range mendNames {
		if q.Get("mend") == name {
			m.Kind, ok = kind, true
		}
	}
	switch m.Kind {
	case cron.MendTimeout, cron.MendFollowRedirects:
		var err error
		m.Number, err = strconv.Atoi(q.Get("to"))
		ok = err == nil && m.Number > 0
	case cron.MendURL, cron.MendContentType:
		m.Text = q.Get("to")
		ok = m.Text != ""
	}
	return m, ok
}

// mendLabel is the label of the button that leads to a change.
func mendLabel(kind cron.MendKind) string {
	switch kind {
	case cron.MendURL:
		return "mend.url"
	case cron.MendTimeout:
		return "mend.timeout"
	case cron.MendContentType:
		return "mend.content-type"
	case cron.MendFollowRedirects:
		return "mend.redirects"
	case cron.MendRedirectSuccess:
		return "mend.redirect-success"
	case cron.MendConnection:
		return "mend.connection"
	}
	return "mend.oversize"
}
