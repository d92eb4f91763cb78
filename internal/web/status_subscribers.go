package web

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/download"
	"punctual/internal/statuspage"
)

// subscribersPage lists the subscribers of a status page, the latest first.
type subscribersPage struct {
	statusPage
	pages
	Total   string // how many there are, in words
	Rows    []subscriberRow
	Visible bool // visitors can subscribe
}

// subscriberRow is a subscriber in a list.
type subscriberRow struct {
	ID        int64
	Address   string
	Kind      state
	State     state
	Tells     string // components, in words
	Confirmed time.Time
	Created   time.Time
}

// subscribersPart is the part of the address of the list.
const subscribersPart = "/subscribers"

func showSubscribers(v *visit) error {
	var p subscribersPage
	var err error
	if p.statusPage, err = v.editedStatus(subscribersPart); err != nil {
		return err
	}
	before := parseID(v.r.URL.Query().Get("before"))
	confirmed, waiting, err := v.web.service.CountSubscribers(v.ctx(), v.actor, p.Status.ID)
	if err != nil {
		return err
	}
	list, more, err := v.web.service.Subscribers(v.ctx(), v.actor, p.Status.ID, before, pageRows)
	if err != nil {
		return err
	}
	p.Total, p.Visible = p.subscriberCount(confirmed, waiting), p.Status.Published
	for i := range list {
		p.Rows = append(p.Rows, p.subscriberRow(&list[i]))
	}
	if before != 0 {
		p.FirstPage = p.Path(subscribersPart)
	}
	if more && len(list) > 0 {
		p.NextPage = p.Path(subscribersPart + "?before=" + formatID(list[len(list)-1].ID))
	}
	return v.render(http.StatusOK, "status-subscribers", p)
}

// subscriberCount says how many there are.
func (p view) subscriberCount(confirmed, waiting int) string {
	text := p.labels.Label("subscriber.count", "count", p.Count(confirmed))
	if confirmed == 1 {
		text = p.labels.Label("subscriber.count-one")
	}
	if waiting > 0 {
		text += " · " + p.labels.Label("subscriber.count-waiting", "count", p.Count(waiting))
	}
	return text
}

func (p *statusPage) subscriberRow(x *statuspage.Subscriber) subscriberRow {
	t := p.labels.Label
	row := subscriberRow{ID: x.ID, Address: x.Address, Kind: state{"muted", "mail", t("subscriber.mail")}, State: state{"good", "circle-check", t("subscriber.confirmed")},
		Tells: t("subscriber.all"), Confirmed: x.Confirmed, Created: x.Created}
	if x.Kind == statuspage.SubscriberWebhook {
		row.Kind = state{"muted", "link", t("subscriber.webhook")}
	}
	switch {
	case x.Confirmed.IsZero():
		row.State = state{"muted", "clock", t("subscriber.waits")}
	case !x.Failing.IsZero():
		row.State = state{"bad", "circle-x", t("subscriber.fails")}
	}
	if len(x.ComponentIDs) > 0 {
		var names []string
		for i := range p.Status.Components {
			c := &p.Status.Components[i]
			if slices.Contains(x.ComponentIDs, c.ID) && len(names) < shownAffected {
				names = append(names, p.Named(c.Title))
			}
		}
		row.Tells = strings.Join(names, ", ")
		if more := len(x.ComponentIDs) - len(names); more > 0 {
			row.Tells += " " + t("incident.more-affected", "count", more)
		}
	}
	return row
}

func deleteSubscriber(v *visit) error {
	page := v.pathID("id")
	err := v.web.service.DeleteSubscriber(v.ctx(), v.actor, page, v.pathID("subscriberId"))
	if cron.KindOf(err) == cron.NotFound {
		if _, known := v.web.service.StatusPage(v.ctx(), v.actor, page); known == nil {
			err = nil // it has gone by itself
		}
	}
	if err != nil {
		return err
	}
	return v.after(statusAddress(page, subscribersPart), "removed")
}

// exportSubscribers sends the whole list as a file. It may be long, so nothing of it is kept in memory.
func exportSubscribers(v *visit) error {
	if !v.r.ProtoAtLeast(1, 1) { // without chunks, nobody could tell a part of a file from all of it
		return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RuleHTTPVersion}}}
	}
	if !v.web.exports.Enter(v.actor.Person.ID, personExports) {
		return busy()
	}
	defer v.web.exports.Leave(v.actor.Person.ID)
	return download.CSV(v.w, v.r, "subscribers.csv", v.web.logger, func(to io.Writer) error {
		return v.web.service.ExportSubscribers(v.ctx(), v.actor, v.pathID("id"), to)
	})
}
