package web

import (
	"net/http"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

const pathChannels = root + "/settings/channels"

func (w *web) channelRoutes() []route {
	return []route{
		{"GET", pathChannels, signedIn, showChannels},
		{"GET", pathChannels + "/new", signedIn, showNewChannel},
		{"POST", pathChannels + "/new", signedIn, createChannel},
		{"GET", pathChannels + "/{id}", signedIn, showChannel},
		{"GET", pathChannels + "/{id}/settings", signedIn, showChannelForm},
		{"POST", pathChannels + "/{id}/settings", signedIn, changeChannel},
		{"POST", pathChannels + "/{id}/test", signedIn, testChannel},
		{"POST", pathChannels + "/{id}/enable", signedIn, enableChannel},
		{"POST", pathChannels + "/{id}/disable", signedIn, disableChannel},
		{"POST", pathChannels + "/{id}/mute", signedIn, muteChannel},
		{"POST", pathChannels + "/{id}/delete", signedIn, deleteChannel},
		{"GET", pathMessages + "/{id}", signedIn, showMessage},
		{"POST", pathMessages + "/{id}/again", signedIn, resendMessage},
	}
}

// channelPath is the page of a channel.
func channelPath(id int64) string { return pathChannels + "/" + strconv.FormatInt(id, 10) }

// Untold reports whether no channel of the account could tell anybody of failures now.
func (p view) Untold() bool { return p.untold != nil && p.untold() }

// untold looks whether anybody is told, when a page asks.
func (v *visit) untold() bool {
	if v.actor.Account.ID == 0 || v.actor.Account.Disabled {
		return false
	}
	told, err := v.web.service.Told(v.ctx(), v.actor)
	return err == nil && !told
}

// channelsPage lists the channels of the account.
type channelsPage struct {
	view
	Channels []channelRow
	pages
}

// channelRow is a channel as lists show it.
type channelRow struct {
	cron.Channel
	Name  string // what it is called
	Kind  string // the name of its service
	State state
	Rules string // whom it tells of, as a sentence
	Fault string // of the last message, as a sentence; empty when it arrived
	Mute  bool   // it is muted at present
}

func showChannels(v *visit) error {
	var p channelsPage
	var err error
	if p.view, err = v.view("channels"); err != nil {
		return err
	}
	list, next, err := v.web.service.Channels(v.ctx(), v.actor, parseID(v.r.URL.Query().Get("after")), pageRows)
	if err != nil {
		return err
	}
	for i := range list {
		p.Channels = append(p.Channels, v.channelRow(&p.view, &list[i]))
	}
	if next != 0 {
		p.NextPage = pathChannels + "?after=" + strconv.FormatInt(next, 10)
	}
	return v.render(http.StatusOK, "channels", p)
}

func (v *visit) channelRow(p *view, c *cron.Channel) channelRow {
	row := channelRow{Channel: *c, Name: c.Title, State: p.channelState(c, v.web.service.Features().Notices), Rules: p.channelRules(c), Mute: c.Muted(p.now)}
	if kind, ok := service.FindChannelKind(c.Kind); ok {
		row.Kind = kind.Title
	}
	if row.Name == "" {
		row.Name = row.Kind
	}
	switch {
	case c.Stopped != cron.ChannelOK:
		row.Fault = v.catalogue.ChannelFault(c.Stopped, c.LastDetail)
	case c.LastFailed.After(c.LastSent):
		row.Fault = v.catalogue.ChannelFault(c.LastFault, c.LastDetail)
	}
	return row
}

// channelState is what a channel is at present: the condition that matters most. mails is whether the service can send mails.
func (p *view) channelState(c *cron.Channel, mails bool) state {
	t := p.labels.Label
	switch {
	case !c.Enabled:
		return state{"muted", "circle-slash", t("channel-state.off")}
	case c.Stopped != cron.ChannelOK:
		return state{"bad", "circle-x", t("channel-state.stopped")}
	case !c.Confirmed:
		return state{"warn", "mail-question-mark", t("channel-state.unconfirmed")}
	case c.MutedForGood:
		return state{"muted", "bell-off", t("channel-state.muted-for-good")}
	case c.Muted(p.now):
		return state{"muted", "bell-off", t("channel-state.muted", "until", c.MutedUntil.In(p.zone).Format("2006-01-02 15:04 MST"))}
	case c.Mails() && !mails:
		return state{"bad", "circle-x", t("channel-state.no-mail")}
	case c.LastFailed.After(c.LastSent):
		return state{"bad", "circle-x", t("channel-state.failing")}
	case c.LastSent.IsZero():
		return state{"muted", "circle", t("channel-state.untried")}
	}
	return state{"good", "circle-check", t("channel-state.works")}
}

// channelRules says of which jobs a channel tells.
func (p *view) channelRules(c *cron.Channel) string {
	t := p.labels.Label
	rules := len(c.FolderIDs) + len(c.Tags)
	switch {
	case c.Default && rules > 0:
		return t("channels.default-and-rules", "count", rules)
	case c.Default:
		return t("channels.default")
	case rules > 0:
		return t("channels.rules", "count", rules)
	}
	return t("channels.named")
}

// change edits some fields of a channel.
func (v *visit) change(id int64, c *service.ChannelChange) error {
	_, err := v.web.service.ChangeChannel(v.ctx(), v.actor, id, c)
	return err
}

func enableChannel(v *visit) error  { return v.switchChannel(true, "enabled") }
func disableChannel(v *visit) error { return v.switchChannel(false, "disabled") }

func (v *visit) switchChannel(on bool, done string) error {
	id := v.pathID("id")
	if err := v.change(id, &service.ChannelChange{Values: cron.Channel{Enabled: on}, Fields: []string{"/enabled"}}); err != nil {
		return err
	}
	return v.after(channelPath(id), done)
}

// muteSpans are for how long a channel can be muted, in hours; 0 ends it and -1 is for good.
var muteSpans = []int{1, 8, 24, 168, -1}

func muteChannel(v *visit) error {
	id := v.pathID("id")
	hours, err := strconv.Atoi(v.form("hours"))
	if err != nil || hours < -1 || hours > 24*365 {
		hours = muteSpans[0]
	}
	until, done := v.web.now().Add(time.Duration(hours)*time.Hour).Truncate(time.Second), "muted"
	switch hours {
	case 0:
		until, done = time.Time{}, "unmuted"
	case -1:
		until = cron.Forever
	}
	if err := v.web.service.MuteChannel(v.ctx(), v.actor, id, until); err != nil {
		return err
	}
	return v.after(channelPath(id), done)
}

func deleteChannel(v *visit) error {
	if err := v.web.service.DeleteChannel(v.ctx(), v.actor, v.pathID("id")); err != nil {
		return err
	}
	return v.after(pathChannels, "channel-deleted")
}
