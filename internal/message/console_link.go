package message

import (
	"cmp"
	"strconv"

	"punctual/internal/cron"
)

// links are the pages that lead on.
func (w *wording) links() []Link {
	var links []Link
	add := func(kind LinkKind, label, url string) {
		if url != "" {
			links = append(links, Link{kind, w.c.facts["link."+label], url})
		}
	}
	t, base := w.main, w.x.Console
	single := len(w.told) == 1 && w.m.Count <= 1
	switch kind := t.n.Kind; {
	case kind == cron.NoticeChannelOff || kind == cron.NoticeTest:
		add(LinkOpen, "channels", page(base, "/settings/channels"))
		return links
	case ofService(kind):
		add(LinkOpen, "service", page(base, "/settings/service"))
		return links
	case kind == cron.NoticeCertExpiry || kind == cron.NoticeSuccess:
	case w.m.ProblemID != 0:
		add(LinkOpen, "problem", page(base, "/problems/"+strconv.FormatInt(w.m.ProblemID, 10)))
		if w.x.Act != "" && kind != cron.NoticeAcknowledged {
			add(LinkAcknowledge, "acknowledge", w.x.Act)
			add(LinkSnooze, "snooze", w.x.Act+"#snooze")
		}
	}
	if !single {
		if len(links) == 0 {
			add(LinkOpen, "problems", page(base, "/problems"))
		}
		return links
	}
	add(LinkOpen, "run", t.runURL(base))
	add(LinkOpen, "job", t.jobURL(base))
	return links
}

// page is the URL of a page of the console; "" without the console's URL.
func page(console, path string) string {
	if console == "" {
		return ""
	}
	return console + path
}

func (w *wording) lineURL(t *telling) string {
	return cmp.Or(t.runURL(w.x.Console), t.jobURL(w.x.Console))
}

func (t *telling) jobURL(console string) string {
	if t.n.JobID == 0 {
		return ""
	}
	return page(console, "/jobs/"+strconv.FormatInt(t.n.JobID, 10))
}

func (t *telling) runURL(console string) string {
	if t.n.ExecutionID == 0 {
		return ""
	}
	e := cron.Execution{ID: t.n.ExecutionID, JobID: t.n.JobID, Planned: t.n.Planned}
	return page(console, "/runs/"+e.Identifier())
}
