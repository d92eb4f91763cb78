package public

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"punctual/internal/badge"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// Badges of pages and components need the access of the page, or a token of it; badges of jobs need a token of the job. Everything else
// gets the answer of a page that does not exist. While the database does not answer, badges say that there is no data.

// Characters of what badges are labelled with.
const (
	maxBadgeTitle = 40
	maxBadgeLabel = 60 // where the address gives a label
)

// badgeAge is how long others may keep a badge.
const badgeAge = "public, max-age=60"

// reading is what is known of what a badge is about. Only what the metric needs is set.
type reading struct {
	title     string // of the component or the page; empty for a job
	stateWord string // in the language of the visit; empty when the state is not known
	stateName string // for programs
	colour    badge.Colour
	share     float64 // an uptime, when known
	known     bool
	runs      badge.Runs
}

// showBadge answers with a badge of a page or one of its components.
func showBadge(v *visit) error {
	metric, form, ok := badge.ParseName(v.r.PathValue("name"))
	if !ok {
		return cron.Missing(cron.SubjectNone)
	}
	if err := v.find(); err != nil {
		return err
	}
	door, page := &v.shown.door, &v.shown.view.Page
	token := v.r.PathValue("token")
	renewals, known := v.badges.key.OfPage(door.PageID, token)
	// A token of more renewals than this node knows of is from the service too: the console shows images right after a renewal.
	if token == "" && v.restricted() || token != "" && (!door.Published || !known || renewals < door.BadgeRenewals) {
		return cron.Missing(cron.SubjectNone)
	}
	if page.Language != "" {
		v.catalogue = message.Choose(page.Language, message.Languages())
	} else {
		v.w.Header().Add("Vary", "Accept-Language")
	}
	var of *statuspage.Component
	if v.r.PathValue("id") != "" {
		var err error
		if of, err = v.component(); err != nil {
			return err
		}
	}
	return v.sendBadge(form, v.label(metric, v.pageReading(metric, of)))
}

// pageReading reads a component, or the whole page when it is nil.
func (v *visit) pageReading(m badge.Metric, of *statuspage.Component) *reading {
	view := &v.shown.view
	p := &view.Page
	r, state, id := &reading{title: p.Title}, statuspage.StateOf(p.Components), int64(0)
	if of != nil {
		r.title, state, id = of.Title, of.State, of.ID
	}
	switch {
	case v.shown.stale:
	case m == badge.State && state != statuspage.Unknown:
		f := v.plainFrame()
		r.stateWord, r.stateName, r.colour = f.stateWord(state), state.String(), stateColours[state]
	case m.IsUptime():
		var all statuspage.Durations
		for i := range view.Histories {
			if h := &view.Histories[i]; of == nil || h.ComponentID == of.ID {
				all.Add(*spanOf(h, m))
			}
		}
		r.share, r.known = all.Uptime(p.WithMaintenance)
	case m != badge.State:
		r.runs = v.shown.runs.get(v, m, id)
	}
	return r
}

// spanOf is the part of a history that an uptime is of.
func spanOf(h *statuspage.History, m badge.Metric) *statuspage.Durations {
	switch m {
	case badge.Uptime24h:
		return &h.Last24h
	case badge.Uptime7d:
		return &h.Last7
	case badge.Uptime30d:
		return &h.Last30
	}
	return &h.Last90
}

var stateColours = [statuspage.StateCount]badge.Colour{badge.Grey, badge.Green, badge.Amber, badge.Orange, badge.Red, badge.Blue}

// showJobBadge answers with a badge of a job.
func showJobBadge(v *visit) error {
	metric, form, ok := badge.ParseName(v.r.PathValue("name"))
	text := v.r.PathValue("jobId")
	jobID, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || strconv.FormatInt(jobID, 10) != text {
		return cron.Missing(cron.SubjectNone)
	}
	renewals, ok := v.badges.key.OfJob(jobID, v.r.PathValue("token"))
	if !ok {
		return cron.Missing(cron.SubjectNone)
	}
	v.w.Header().Add("Vary", "Accept-Language")
	entry := v.badges.entry(jobID)
	job, err := entry.job.get(v.ctx(), v.now, checkEvery, v.badges.job(jobID))
	switch {
	case cron.KindOf(err) == cron.NotFound, err == nil && renewals < job.Renewals:
		return cron.Missing(cron.SubjectNone)
	case v.ctx().Err() != nil:
		return err
	case err != nil:
		return v.sendBadge(form, v.label(metric, &reading{}))
	}
	return v.sendBadge(form, v.label(metric, v.jobReading(metric, entry, &job)))
}

// jobReading reads a job.
func (v *visit) jobReading(m badge.Metric, entry *jobEntry, job *badge.Job) *reading {
	r, state := &reading{}, &job.State
	r.runs.Runs = statuspage.Runs{Last: state.LastExecution, Next: state.NextRun, CertExpiry: state.CertExpiry}
	switch {
	case !job.Enabled:
		r.stateName, r.colour = "disabled", badge.Grey
	case state.LastStatus == cron.StatusUnknown:
	case state.LastStatus == cron.StatusOK:
		r.stateName, r.colour = "ok", badge.Green
	default:
		r.stateName, r.colour = "failed", badge.Red
	}
	if m == badge.State && r.stateName != "" {
		_, r.stateWord = v.catalogue.Badge(&cron.JobRecord{Job: cron.Job{Enabled: job.Enabled}, State: job.State}, 0)
	}
	if m.Span() > 0 {
		runs, err := entry.runs[m].get(v.ctx(), v.now, renderEvery, v.badges.runs(job.AccountID, job.ID, m))
		if err == nil {
			r.runs = runs
			r.share, r.known = runs.Uptime()
		}
	}
	return r
}

// label says in words what a badge shows, labelled as the address asks for.
func (v *visit) label(m badge.Metric, r *reading) *badge.Badge {
	f := v.plainFrame()
	b := &badge.Badge{Metric: m, Message: f.label("public.badge-none"), Colour: badge.Grey}
	switch {
	case m == badge.State:
		if r.stateWord != "" {
			b.Message, b.Colour, b.Value = r.stateWord, r.colour, r.stateName
		}
	case m.IsUptime():
		if r.known {
			b.Message, b.Colour, b.Value = v.catalogue.Percent(r.share), badge.UptimeColour(r.share), r.share
		}
	case m == badge.ResponseTime:
		if r.runs.Timed > 0 {
			b.Message, b.Colour, b.Value = f.Short(r.runs.Median), badge.Blue, r.runs.Median.Milliseconds()
		}
	case m == badge.LastRun:
		showInstant(b, r.runs.Last)
	case m == badge.NextRun:
		showInstant(b, r.runs.Next)
	case m == badge.Certificate:
		if expires := r.runs.CertExpiry; !expires.IsZero() {
			days := wholeDays(expires.Sub(v.now()))
			b.Message, b.Colour, b.Value = v.daysLeft(days), badge.CertificateColour(days), days
		}
	}
	b.Label = v.badgeLabel(m, r.title)
	return b
}

// badgeLabel is the label that the address gives, or one that says what the badge is about.
func (v *visit) badgeLabel(m badge.Metric, title string) string {
	if given := clipText(plainLine(v.r.URL.Query().Get("label")), maxBadgeLabel); given != "" {
		return given
	}
	title = clipText(plainLine(title), maxBadgeTitle)
	what := v.catalogue.Label(metricLabels[m])
	switch {
	case title == "":
		return what
	case m == badge.State:
		return title
	}
	return v.catalogue.Label("public.badge-label", "title", title, "what", what)
}

// metricLabels say what is shown.
var metricLabels = [badge.MetricCount]string{
	"public.badge-state", "public.badge-day", "public.badge-week", "public.badge-month", "public.badge-quarter", "public.badge-times",
	"public.badge-last", "public.badge-next", "public.badge-certificate",
}

// plainLine is a text on one line, without control characters.
func plainLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

// clipText is the beginning of a text.
func clipText(text string, characters int) string {
	if letters := []rune(text); len(letters) > characters {
		return string(letters[:characters-1]) + "…"
	}
	return text
}

// wholeDays is how many days have passed in full; those of a negative time are negative.
func wholeDays(d time.Duration) int64 {
	const day = 24 * time.Hour
	days := int64(d / day)
	if d < 0 {
		days--
	}
	return days
}

// showInstant makes a badge of an instant, in UTC since people everywhere see it.
func showInstant(b *badge.Badge, at time.Time) {
	if !at.IsZero() {
		b.Message, b.Colour, b.Value = at.UTC().Format("2006-01-02 15:04 UTC"), badge.Blue, at.Unix()
	}
}

func (v *visit) daysLeft(days int64) string {
	switch {
	case days < 0:
		return v.catalogue.Label("public.badge-expired")
	case days == 1:
		return v.catalogue.Label("public.badge-one-day")
	}
	return v.catalogue.Label("public.badge-days", "count", v.catalogue.Number(days))
}

// sendBadge answers with a badge, for scripts of any site too.
func (v *visit) sendBadge(form badge.Form, b *badge.Badge) error {
	mediaType, body := b.Body(form, badge.ParseStyle(v.r.URL.Query().Get("style")))
	h := v.w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", badgeAge)
	if b.Value == nil { // data may come any moment
		h.Set("Cache-Control", "public, max-age=5")
	}
	h.Set("X-Robots-Tag", "noindex")
	etag := etagOf(body)
	h.Set("Etag", etag)
	if matches(v.r.Header.Get("If-None-Match"), etag) {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(body) // whoever is gone does not need it
	return nil
}
