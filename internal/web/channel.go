package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"punctual/internal/cron"
)

// channelPage is one channel: what it is at present, and what it was sent.
type channelPage struct {
	view
	Channel  channelRow
	Tested   bool   // a test was just sent
	Problem  string // why one was not
	Mails    bool   // it sends mails, and the service cannot
	Spans    []muteSpan
	Chips    []chip
	Messages []messageRow
	pages
	Secret string // a signing secret that was just made, which is shown this once
}

// muteSpan is for how long a channel can be muted.
type muteSpan struct {
	Hours int
	Label string
}

func showChannel(v *visit) error { return v.channelPage(http.StatusOK, v.pathID("id"), channelPage{}) }

func (v *visit) channelPage(status int, id int64, p channelPage) error {
	var err error
	if p.view, err = v.view("channels"); err != nil {
		return err
	}
	c, err := v.web.service.Channel(v.ctx(), v.actor, id)
	if err != nil {
		return err
	}
	if v.r.Method == http.MethodPost {
		p.Here = channelPath(id) // and not the page of the form
	}
	p.Channel, p.Spans = v.channelRow(&p.view, &c), p.muteSpans()
	p.Mails = c.Mails() && !v.web.service.Features().Notices
	if p.Tested = p.Tested || v.r.URL.Query().Get("done") == "tested"; p.Tested {
		p.Done = "" // the page says more than that
	}
	if err := v.channelLog(&p, id); err != nil {
		return err
	}
	return v.render(status, "channel", p)
}

// muteSpans are the choices of muteSpans with their labels.
func (p *view) muteSpans() []muteSpan {
	list := make([]muteSpan, len(muteSpans))
	for i, hours := range muteSpans {
		list[i] = muteSpan{hours, p.labels.Label("act.hours", "count", strconv.Itoa(hours))}
		switch {
		case hours < 0:
			list[i].Label = p.labels.Label("channel.for-good")
		case hours >= 48:
			list[i].Label = p.labels.Label("act.days", "count", strconv.Itoa(hours/24))
		}
	}
	return list
}

// Arrived tells whether the latest message to the channel arrived.
func (p channelPage) Arrived() bool {
	return !p.Channel.LastSent.IsZero() && !p.Channel.LastFailed.After(p.Channel.LastSent)
}

// channelLog adds the messages to the channel that the address asks for.
func (v *visit) channelLog(p *channelPage, id int64) error {
	asked := v.r.URL.Query()
	q := cron.MessageQuery{ChannelID: id, Limit: pageRows, Before: parseID(asked.Get("before"))}
	wanted := slices.Index(cron.MessageStateNames[:], asked.Get("state"))
	if wanted >= 0 {
		q.States = []cron.MessageState{cron.MessageState(wanted)}
	}
	address := func(state string, before int64) string {
		to := url.Values{}
		if state != "" {
			to.Set("state", state)
		}
		if before != 0 {
			to.Set("before", strconv.FormatInt(before, 10))
		}
		if len(to) == 0 {
			return channelPath(id)
		}
		return channelPath(id) + "?" + to.Encode()
	}
	for _, s := range []cron.MessageState{cron.MessageSent, cron.MessageWaiting, cron.MessageFailed, cron.MessageDropped} {
		c := chip{Path: address(cron.MessageStateNames[s], 0), Label: p.messageState(s).Text, Set: int(s) == wanted}
		if c.Set {
			c.Path = address("", 0)
		}
		p.Chips = append(p.Chips, c)
	}
	list, next, err := v.web.service.Messages(v.ctx(), v.actor, q)
	if err != nil {
		return err
	}
	for i := range list {
		p.Messages = append(p.Messages, v.messageRow(&p.view, &list[i]))
	}
	if next != 0 {
		p.NextPage = address(asked.Get("state"), next)
	}
	if len(list) == 0 && wanted < 0 && q.Before == 0 {
		p.Chips = nil
	}
	return nil
}

// testChannel sends a test message. What became of it stands on the page of the channel from then on.
func testChannel(v *visit) error { return v.testThenShow(v.pathID("id")) }

func (v *visit) testThenShow(id int64) error {
	result, err := v.web.service.TestChannel(v.ctx(), v.actor, id)
	if err != nil {
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.channelPage(status, id, channelPage{Problem: f.Problem})
	}
	if result.Fault == cron.ChannelUnconfirmed {
		return v.after(channelPath(id), "asked")
	}
	return v.after(channelPath(id), "tested")
}

// Quiet says when the channel is quiet; empty for never.
func (p channelPage) Quiet() string {
	c := p.Channel
	if c.QuietFrom == c.QuietTo {
		return ""
	}
	key := "channel.quiet"
	if c.QuietGrave {
		key = "channel.quiet-grave"
	}
	return p.labels.Label(key, "from", clockText(c.QuietFrom), "to", clockText(c.QuietTo), "zone", c.Timezone)
}
