package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// The pages of links in messages. Whoever has the link may do what it is for, without a session. GET shows what that is and changes
// nothing, since mail programs and chats open links before people do. Nothing is sent to other sites, not even the address of the page.
func (w *web) messageLinkRoutes() []route {
	return []route{
		{"GET", service.ActPath + "{token}", public, showAct},
		{"POST", service.ActPath + "{token}", public, act},
		{"GET", service.UnsubscribePath + "{token}", public, showUnsubscribe},
		{"POST", service.UnsubscribePath + "{token}", public, unsubscribe},
		{"GET", service.ChannelPath + "{token}", public, showChannelLink},
		{"POST", service.ChannelPath + "{token}", public, confirmChannel},
	}
}

// snoozeHours are for how long a problem can be snoozed.
var snoozeHours = []int{1, 4, 24, 72, 168}

// actPage acknowledges or snoozes the problem that a message told of.
type actPage struct {
	view
	Form  form
	Info  service.ActInfo
	State string // of the problem, as a sentence; "" for one that is open
	Over  bool   // the problem is resolved
	Acted string // what was just done, as a sentence
	Spent string // why the link does nothing any more
	Hours []int
}

// HoursName is a choice of snoozeHours.
func (p actPage) HoursName(hours int) string {
	if hours >= 48 {
		return p.labels.Label("act.days", "count", strconv.Itoa(hours/24))
	}
	return p.labels.Label("act.hours", "count", strconv.Itoa(hours))
}

// unlisted keeps a page out of search engines.
func (v *visit) unlisted() { v.w.Header().Set("X-Robots-Tag", "noindex, nofollow") }

func showAct(v *visit) error { return v.actPage(http.StatusOK, newForm()) }

func (v *visit) actPage(status int, f form) error {
	v.unlisted()
	info, err := v.web.service.ActLink(v.ctx(), v.client(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	p := actPage{view: v.plainView(), Form: f, Info: info, Hours: snoozeHours, Over: info.State == cron.ProblemResolved}
	if info.Used || info.Expired {
		status, p.Spent = http.StatusGone, v.catalogue.Label("act.expired")
		if info.Used {
			p.Spent = v.catalogue.Label("act.used")
		}
		return v.render(status, "act", p)
	}
	switch info.State {
	case cron.ProblemAcknowledged:
		p.State = v.catalogue.Label("act.is-acknowledged")
	case cron.ProblemSnoozed:
		p.State = v.catalogue.Label("act.is-snoozed")
	case cron.ProblemResolved:
		p.State = v.catalogue.Label("act.is-resolved")
	}
	return v.render(status, "act", p)
}

func act(v *visit) error {
	v.unlisted()
	var until time.Time
	acted := v.catalogue.Label("act.acknowledged")
	if v.form("action") == "snooze" {
		hours, err := strconv.Atoi(v.form("hours"))
		if err != nil || !slices.Contains(snoozeHours, hours) {
			hours = snoozeHours[0]
		}
		until = v.web.now().Add(time.Duration(hours) * time.Hour).Truncate(time.Second)
		acted = v.catalogue.Label("act.snoozed")
	}
	if err := v.web.service.Act(v.ctx(), v.client(), v.r.PathValue("token"), until); err != nil {
		if cron.KindOf(err) == cron.Gone {
			return v.actPage(http.StatusGone, newForm())
		}
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.actPage(status, f)
	}
	return v.render(http.StatusOK, "act", actPage{view: v.plainView(), Acted: acted})
}

// subscriptionPage confirms an e-mail address of a channel, or ends what it is told.
type subscriptionPage struct {
	view
	Info service.ChannelInfo
	Done bool
}

func showUnsubscribe(v *visit) error {
	v.unlisted()
	info, err := v.web.service.UnsubscribeLink(v.ctx(), v.client(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "unsubscribe", subscriptionPage{v.plainView(), info, false})
}

// unsubscribe takes the form of the page, and what mail programs send for one click (RFC 8058).
func unsubscribe(v *visit) error {
	v.unlisted()
	if err := v.web.service.Unsubscribe(v.ctx(), v.client(), v.r.PathValue("token")); err != nil {
		return err
	}
	return v.render(http.StatusOK, "unsubscribe", subscriptionPage{view: v.plainView(), Done: true})
}

func showChannelLink(v *visit) error {
	v.unlisted()
	info, err := v.web.service.ChannelLink(v.ctx(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "channel-confirm", subscriptionPage{v.plainView(), info, false})
}

func confirmChannel(v *visit) error {
	v.unlisted()
	if err := v.web.service.ConfirmChannel(v.ctx(), v.client(), v.r.PathValue("token")); err != nil {
		return err
	}
	return v.render(http.StatusOK, "channel-confirm", subscriptionPage{view: v.plainView(), Done: true})
}
