package message

import (
	"cmp"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// telling is one notice with what its words need.
type telling struct {
	n     *cron.Notice
	c     *Catalogue
	w     *wording
	zone  *time.Location // of the job; UTC when it is not known
	full  string         // the title of the job, or its host; "" of a notice about the service
	title string         // the same, short enough for a subject
	why   cron.Diagnosis
}

// telling prepares the words for a notice.
func (c *Catalogue) telling(n *cron.Notice, w *wording) telling {
	t := telling{n: n, c: c, w: w, zone: time.UTC}
	if zone, err := cron.LoadZone(n.Timezone); err == nil && n.Timezone != "" {
		t.zone = zone
	}
	if n.JobID != 0 || n.Title != "" {
		t.full = cmp.Or(plain(n.Title), plain(cron.TargetHost(n.URL)), fill(c.facts["nameless"], func(string) string {
			return strconv.FormatInt(n.JobID, 10)
		}))
		t.full = clipTo(t.full, cron.MaxTitleLength)
		t.title = clipTo(t.full, maxSubjectTitle)
	}
	// The job may be another one by now. What could be changed in it is left out, because it is not known.
	if t.why = cron.Diagnose(&n.Result, new(cron.Job), new(cron.Plan)); t.why.Mend.Kind != cron.MendNone {
		t.why.Remedy, t.why.Mend = cron.RemedyNone, cron.Mend{}
	}
	switch t.why.Cause {
	case cron.CauseRedirect, cron.CauseRedirectLoop, cron.CauseRedirectURL:
		t.why.Text = Target(t.why.Text)
	}
	return t
}

// argument is the value of a placeholder of a message that tells of one notice; "" when it is not known.
func (t *telling) argument(name string) string {
	g, n := &t.c.grammar, t.n
	switch name {
	case "title":
		return t.title
	case "diagnosis":
		return plain(t.c.Diagnosis(&t.why))
	case "reason":
		return t.reason()
	case "repeated":
		if n.Failures > 1 {
			return g.number(int64(n.Failures), nounTime)
		}
	case "failures":
		if n.Failures > 0 {
			return g.number(int64(n.Failures), nounFailure)
		}
	case "spell":
		return t.spell()
	case "since":
		return t.sinceBrief()
	case "lasted":
		return t.lasted()
	case "clock":
		return g.clock(t.at().In(t.zone))
	case "host":
		return clip(plain(cmp.Or(cron.TargetHost(n.Result.URL), cron.TargetHost(n.URL), n.Detail)))
	case "left":
		return t.left()
	case "expiry":
		return g.moment(n.Result.CertExpiry.In(t.zone))
	case "missed":
		return g.number(max(n.Missed, 1), nounRun)
	case "account":
		return clip(plain(t.w.x.Account))
	case "channel":
		return clip(plain(t.w.channel.Title))
	}
	return t.serviceArgument(name)
}

// listed are the placeholders of a line in a list. A reason that all lines share is said once, above them.
func (t *telling) listed(shared bool) func(string) string {
	return func(name string) string {
		if name == "reason" && shared {
			return ""
		}
		return t.argument(name)
	}
}

// serviceArgument is the value of a placeholder of a notice about the service or a channel.
func (t *telling) serviceArgument(name string) string {
	switch n, g := t.n, &t.c.grammar; name {
	case "detail":
		return clip(plain(n.Detail))
	case "late":
		return g.span(time.Duration(n.Amount) * time.Millisecond)
	case "free":
		return g.bytes(roundBytes(n.Amount))
	case "channels":
		return g.number(n.Amount, nounChannel)
	case "fault":
		return t.c.ChannelFault(cron.ChannelFault(n.Amount), "")
	}
	return ""
}

// roundBytes rounds a number of bytes down to whole MiB.
func roundBytes(n int64) int64 {
	if n >= 1<<20 {
		return n >> 20 << 20
	}
	return n
}

// at is when what is told happened.
func (t *telling) at() time.Time {
	if !t.n.Result.Started.IsZero() {
		return t.n.Result.Started
	}
	return t.n.Created
}

// reason is why the execution failed, or how it succeeded, in a few words.
func (t *telling) reason() string {
	r := &t.n.Result
	words, known := t.c.reasons[r.Fault]
	switch {
	case known:
		return fill(words, func(string) string { return t.duration(r.Duration) })
	case r.HTTPStatus != 0:
		return plain(responseOf(&t.why))
	}
	return ""
}

func (t *telling) duration(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return t.c.grammar.span(d)
}

func (t *telling) sinceBrief() string {
	if t.n.Since.IsZero() {
		return ""
	}
	return t.c.grammar.brief(t.n.Since.In(t.zone))
}

// spell is how often in a row the job failed and since when; "" for a single failure that is told when it happens.
func (t *telling) spell() string {
	n := t.n
	if n.Failures < 1 || n.Failures == 1 && n.Kind == cron.NoticeFailure {
		return ""
	}
	arguments := map[string]string{"often": t.c.grammar.often(int64(n.Failures)), "since": t.sinceBrief()}
	return fill(t.c.facts["spell"], func(name string) string { return arguments[name] })
}

// lasted is for how long the job failed, or fails.
func (t *telling) lasted() string {
	since, until := t.n.Since, t.w.x.Now
	if t.n.Kind == cron.NoticeSuccess {
		until = t.at()
	}
	if since.IsZero() && t.n.Kind != cron.NoticeSuccess {
		since = t.at()
	}
	if since.IsZero() || !since.Before(until) {
		return ""
	}
	return t.c.grammar.span(until.Sub(since))
}

// left is how long a certificate is still valid; "" when it has expired.
func (t *telling) left() string {
	const day = 24 * time.Hour
	left := t.n.Result.CertExpiry.Sub(t.w.x.Now)
	switch {
	case left <= 0:
		return ""
	case left >= 2*day:
		left = left.Round(day)
	}
	return t.c.grammar.span(left)
}

// factsOf are the facts of a kind of notice, in the order in which they matter.
var factsOf = map[cron.NoticeKind][]string{
	cron.NoticeFailure:    {"target", "since", "failures", "planned", "started", "attempt", "status", "duration", "usual", "next", "zone"},
	cron.NoticeDisabled:   {"target", "since", "failures", "planned", "started", "attempt", "status", "duration", "usual", "zone"},
	cron.NoticeSuccess:    {"target", "since", "lasted", "failures", "planned", "started", "status", "duration", "usual", "next", "zone"},
	cron.NoticeCertExpiry: {"target", "expiry", "next", "zone"},
	cron.NoticeMissed:     {"target", "missed", "planned", "next", "zone"},
	cron.NoticeOwnExpiry:  {"expiry"},
}

// facts are the facts that are known.
func (t *telling) facts() []Fact {
	var facts []Fact
	for _, name := range factsOf[t.n.Kind] {
		if value := t.value(name); value != "" {
			label := t.c.facts[name]
			if name == "since" && t.n.Kind == cron.NoticeSuccess {
				label = t.c.facts["since.over"]
			}
			facts = append(facts, Fact{name, label, value})
		}
	}
	return facts
}

// value is the value of a fact; "" when it is not known, or says nothing.
func (t *telling) value(name string) string {
	n, g := t.n, &t.c.grammar
	switch name {
	case "target":
		return Target(n.URL)
	case "since":
		if n.Failures == 1 && n.Kind == cron.NoticeFailure {
			return ""
		}
		return t.moment(n.Since)
	case "lasted":
		return t.lasted()
	case "failures":
		if n.Failures > 1 {
			return g.number(int64(n.Failures), nounNone)
		}
	case "missed":
		return g.number(max(n.Missed, 1), nounNone)
	case "planned":
		return t.moment(n.Planned)
	case "started":
		return t.started()
	case "attempt":
		if n.Attempt > 1 {
			return g.number(int64(n.Attempt), nounNone)
		}
	case "status":
		return t.reason()
	case "duration":
		return t.duration(n.Result.Duration)
	case "usual":
		return t.usual()
	case "expiry":
		return t.moment(n.Result.CertExpiry)
	case "next":
		return cmp.Or(t.moment(n.Next), t.c.facts["none"])
	case "zone":
		if n.Timezone != "" && t.zone != time.UTC && n.Timezone != "UTC" {
			return n.Timezone + " (" + t.at().In(t.zone).Format("UTC-07:00") + ")"
		}
	}
	return ""
}

func (t *telling) moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return t.c.grammar.moment(at.In(t.zone))
}

// started is when the execution began, and how late, unless it is a further attempt or was asked for by somebody.
func (t *telling) started() string {
	n := t.n
	if n.Result.Started.IsZero() {
		return ""
	}
	at, planned := n.Result.Started.In(t.zone), n.Planned.In(t.zone)
	words := t.c.grammar.moment(at)
	if at.Format(time.DateOnly) == planned.Format(time.DateOnly) {
		words = t.c.grammar.clock(at)
	}
	late := at.Sub(planned)
	if n.Planned.IsZero() || n.Attempt > 1 || n.ExecKind == cron.KindManual || late < time.Second {
		return words
	}
	arguments := map[string]string{"clock": words, "late": t.c.grammar.span(late)}
	return fill(t.c.facts["late"], func(name string) string { return arguments[name] })
}

// usual is the usual duration of the job.
func (t *telling) usual() string {
	if t.n.Usual.Count == 0 || t.n.Usual.High <= 0 {
		return ""
	}
	g := &t.c.grammar
	low, high := g.span(t.n.Usual.Low), g.span(t.n.Usual.High)
	if low == high {
		return low
	}
	return fill(t.c.facts["range"], func(name string) string {
		if name == "low" {
			return low
		}
		return high
	})
}
