package web

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// wording says what parts of jobs hold, for people.
type wording struct {
	catalogue *message.Catalogue
	zone      *time.Location // of the person
	folders   []cron.Folder
	channel   []cron.Channel
}

func (w *wording) t(key string, arguments ...any) string { return w.catalogue.Label(key, arguments...) }

func (w *wording) onOff(on bool) string {
	if on {
		return w.t("editor.on")
	}
	return w.t("editor.off")
}

// hidden tells whether there is a secret.
func (w *wording) hidden(secret string) string {
	if secret == "" {
		return w.t("editor.none")
	}
	return w.t("editor.secret-set")
}

// unitLabels are the labels of units of durations.
var unitLabels = map[string]string{"d": "editor.unit-d", "h": "editor.unit-h", "m": "editor.unit-m", "s": "editor.unit-s"}

// duration is a duration in the units in which it is written.
func (w *wording) duration(d time.Duration) string {
	d = d.Round(time.Second)
	var parts []string
	for _, unit := range durationUnits {
		if n := d / unit.of; n > 0 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+w.t(unitLabels[unit.name]))
			d -= n * unit.of
		}
	}
	if len(parts) == 0 {
		return "0 " + w.t("editor.unit-s")
	}
	return strings.Join(parts, " ")
}

func (w *wording) until(at time.Time) string {
	switch {
	case at.IsZero():
		return w.t("editor.none")
	case at.Equal(cron.Forever):
		return w.t("editor.for-good")
	}
	return at.In(w.zone).Format("2006-01-02 15:04 MST")
}

func (w *wording) folder(id int64) string {
	for _, f := range w.folders {
		if f.ID == id {
			return f.Title
		}
	}
	if id == 0 {
		return w.t("editor.folder-none")
	}
	return strconv.FormatInt(id, 10)
}

func (w *wording) channels(ids []int64) string {
	if ids == nil {
		return w.t("editor.channels-account")
	}
	if len(ids) == 0 {
		return w.t("editor.none")
	}
	var titles []string
	for _, id := range ids {
		title := strconv.FormatInt(id, 10)
		for i := range w.channel {
			if w.channel[i].ID == id {
				title = w.channel[i].Title
			}
		}
		titles = append(titles, title)
	}
	return strings.Join(titles, ", ")
}

func (w *wording) success(job *cron.Job) string {
	f := url.Values{}
	showSuccess(f, job)
	var lines []string
	for _, criterion := range [...]struct{ name, label string }{
		{"status", "editor.status"}, {"bodyContains", "editor.contains"}, {"bodyLacks", "editor.not-contains"}, {"bodyMatches", "editor.matches"},
	} {
		if text := f.Get(criterion.name); text != "" {
			lines = append(lines, w.t(criterion.label)+": "+text)
		}
	}
	if len(lines) == 0 {
		return w.t("editor.default")
	}
	return strings.Join(lines, "\n")
}
