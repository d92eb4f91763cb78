package web

import (
	"net/url"
	"strings"

	"punctual/internal/cron"
)

func (v *visit) jobFilterOf(q url.Values) (f cron.JobFilter, err error) {
	for _, word := range strings.Fields(q.Get("q")) {
		if host, ok := strings.CutPrefix(word, "host:"); ok {
			f.Hosts = append(f.Hosts, host)
			continue
		}
		f.Text += " " + word
	}
	return f, nil
}
