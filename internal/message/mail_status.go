package message

import (
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// SubscribeMail asks whoever has an address whether they want mails about a status page.
func (c *Catalogue) SubscribeMail(to, page, link string) Mail {
	return c.subscription(to, mailSubscribe, page, link)
}

// SubscribedMail goes to somebody who subscribes to a status page and gets its mails already. link is where that is changed.
func (c *Catalogue) SubscribedMail(to, page, link string) Mail {
	return c.subscription(to, mailSubscribed, page, link)
}

func (c *Catalogue) subscription(to string, kind mailKind, page, link string) Mail {
	m := c.mail(to, kind, map[string]string{"page": oneLine(page), "link": link})
	m.Sender, m.Patience = oneLine(page), statuspage.ConfirmWithin
	return m
}

// noticeLabels are what notices of maintenance are about.
var noticeLabels = map[statuspage.NoticeKind]string{
	statuspage.NoticeAnnounced: "subscriber-mail.announced", statuspage.NoticeSoon: "subscriber-mail.soon", statuspage.NoticeStarted: "subscriber-mail.started",
	statuspage.NoticeEnded: "subscriber-mail.ended", statuspage.NoticeCancelled: "subscriber-mail.cancelled",
}

// phaseLabels are those of the phases of an incident, as its page shows them.
var phaseLabels = [statuspage.PhaseCount]string{"public.investigating", "public.identified", "public.monitoring", "public.resolved"}

// maxNamed is how many bytes of the names of components a mail has.
const maxNamed = 200

// StatusMail tells a subscriber of an incident or a maintenance. url is where visitors read about it, empty for none; manage is where the
// subscriber chooses what to get, and where a POST unsubscribes.
func (c *Catalogue) StatusMail(to string, d *statuspage.Delivery, url, manage string) Mail {
	zone, err := cron.LoadZone(d.Page.Timezone)
	if err != nil {
		zone = time.UTC // data of zones that lack one
	}
	n := &d.Notice
	names := strings.Join(d.Components, ", ")
	if len(names) > maxNamed {
		names = c.Label("subscriber-mail.components", "count", len(d.Components))
	}
	arguments := map[string]string{"page": oneLine(d.Page.Title), "title": oneLine(n.Title), "update": paragraphs(n.Text), "components": oneLine(names),
		"url": url, "link": manage}
	kind := mailMaintenance
	if n.Kind.OfIncident() {
		kind, arguments["what"], arguments["when"] = mailIncident, c.Label(phaseLabels[n.Phase]), c.Brief(n.Created.In(zone))
	} else {
		arguments["what"], arguments["when"] = c.Label(noticeLabels[n.Kind]), c.Brief(n.Start.In(zone))+" – "+c.Brief(n.End.In(zone))
	}
	m := c.mail(to, kind, arguments)
	m.ID, m.Sender, m.Unsubscribe = d.Key(), arguments["page"], manage
	return m
}

// paragraphs is a text of several lines without what a mail cannot show.
func paragraphs(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, text))
}
