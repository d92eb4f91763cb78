package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

// channel is a channel without its secrets. Times are Unix seconds.
type channel struct {
	ChannelID    int64             `json:"channelId"`
	Kind         string            `json:"kind"`
	Title        string            `json:"title"`
	Enabled      bool              `json:"enabled"`
	Default      bool              `json:"default"`
	FolderIDs    []int64           `json:"folderIds"`
	Tags         []string          `json:"tags"`
	Settings     map[string]string `json:"settings"`
	Headers      headers           `json:"headers"`
	Template     string            `json:"template"`
	Language     string            `json:"language"`
	QuietHours   *quietHours       `json:"quietHours"` // null for none
	Reminder     int64             `json:"reminderSeconds"`
	MutedUntil   *int64            `json:"mutedUntil"` // null for one that is not muted; -1 for good
	Confirmed    bool              `json:"confirmed"`
	Unsubscribed []string          `json:"unsubscribed"`
	State        string            `json:"state"`
	Stopped      *string           `json:"stopped"` // why, as a sentence; null for one that was not stopped
	Failures     int               `json:"failures"`
	LastSent     *int64            `json:"lastSent"`   // null for never
	LastFailed   *int64            `json:"lastFailed"` // null for never
	LastError    *string           `json:"lastError"`  // of lastFailed, as a sentence
	Created      int64             `json:"created"`
	CreatedBy    string            `json:"createdBy"`
	Updated      int64             `json:"updated"`
	UpdatedBy    string            `json:"updatedBy"`
}

// channelOutput are the members of channel that requests do not change.
var channelOutput = []string{"channelId", "mutedUntil", "confirmed", "unsubscribed", "state", "stopped", "failures", "lastSent", "lastFailed",
	"lastError", "created", "createdBy", "updated", "updatedBy"}

// quietHours are the hours of the day in which a channel is not told.
type quietHours struct {
	From        string `json:"from"` // "22:00"
	To          string `json:"to"`
	Timezone    string `json:"timezone"`
	ExceptGrave bool   `json:"exceptGrave"`
}

func newChannel(words *message.Catalogue, c *cron.Channel, now time.Time) channel {
	answer := channel{
		ChannelID: c.ID, Kind: c.Kind, Title: c.Title, Enabled: c.Enabled, Default: c.Default, FolderIDs: append([]int64{}, c.FolderIDs...),
		Tags: append([]string{}, c.Tags...), Settings: c.Settings, Headers: headers(c.Headers), Template: c.Template, Language: c.Language,
		Reminder: int64(c.Reminder / time.Second), Confirmed: c.Confirmed, Unsubscribed: append([]string{}, c.Unsubscribed...),
		State: wire.ChannelState(c, now), Failures: c.Failures, LastSent: wire.UnixOrNull(c.LastSent), LastFailed: wire.UnixOrNull(c.LastFailed),
		Created: c.Created.Unix(), CreatedBy: c.CreatedBy.Label, Updated: c.Updated.Unix(), UpdatedBy: c.UpdatedBy.Label,
	}
	if answer.Settings == nil {
		answer.Settings = map[string]string{}
	}
	if c.QuietFrom != c.QuietTo {
		answer.QuietHours = &quietHours{wire.ClockText(c.QuietFrom), wire.ClockText(c.QuietTo), c.Timezone, c.QuietGrave}
	}
	switch {
	case c.MutedForGood:
		answer.MutedUntil = new(int64(wire.Forever))
	case now.Before(c.MutedUntil):
		answer.MutedUntil = wire.UnixOrNull(c.MutedUntil)
	}
	if c.Stopped != cron.ChannelOK {
		answer.Stopped = new(words.ChannelFault(c.Stopped, c.LastDetail))
	}
	if !c.LastFailed.IsZero() {
		answer.LastError = new(words.ChannelFault(c.LastFault, c.LastDetail))
	}
	return answer
}

func (a *api) listChannels(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	var (
		p     wire.Problems
		query = wire.Query(r, &p)
		after int64
		limit = wire.DefaultChannelsPage
	)
	wire.Integer(query, "cursor", &after, 1, wire.MaxID)
	wire.Integer(query, "limit", &limit, 1, wire.MaxChannelsPage)
	if err := p.Err(); err != nil {
		return err
	}
	list, next, err := a.service.Channels(r.Context(), actor, after, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Channels []channel `json:"channels"`
		Next     *string   `json:"next"` // the cursor of the next page; null at the end
	}{Channels: make([]channel, len(list))}
	if next != 0 {
		answer.Next = new(strconv.FormatInt(next, 10))
	}
	for i := range list {
		answer.Channels[i] = newChannel(languageOf(r), &list[i], a.now())
	}
	return reply(w, answer)
}

func (a *api) getChannel(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	c, err := a.service.Channel(r.Context(), actor, pathID(r, "channelId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Channel channel `json:"channel"`
	}{newChannel(languageOf(r), &c, a.now())})
}

// readChannel reads the members of a channel. Settings may stand beside the other members too: flat are the names of those.
func readChannel(o wire.Object, change *service.ChannelChange) (flat map[string]bool) {
	c := &change.Values
	o.Skip(channelOutput...)
	o.Text("kind", &change.Kind)
	o.Text("title", &c.Title)
	o.Boolean("enabled", &c.Enabled)
	o.Boolean("default", &c.Default)
	readNumbers(o, "folderIds", &c.FolderIDs)
	readItems(o, "tags", &c.Tags, parseItem)
	readHeaders(o, "headers", &c.Headers)
	o.Text("template", &c.Template)
	o.Text("language", &c.Language)
	o.Seconds("reminderSeconds", &c.Reminder, 0, cron.MaxReminder)
	readQuietHours(o, c)

	change.Settings, flat = map[string]string{}, map[string]bool{}
	for _, name := range service.ChannelSettings() {
		if o.Has(name) || o.Null(name) {
			value := ""
			o.Text(name, &value)
			change.Settings[name], flat[name] = value, true
		}
	}
	settings := o.Object("settings")
	settings.All(func(name string, _ json.RawMessage) {
		value := ""
		settings.Text(name, &value)
		change.Settings[name] = value
		delete(flat, name)
	})
	return flat
}

// readQuietHours reads quiet hours, which replace the former ones.
func readQuietHours(o wire.Object, c *cron.Channel) {
	if !o.Has("quietHours") {
		return
	}
	quiet := o.Object("quietHours")
	wire.Clock(quiet, "from", &c.QuietFrom)
	wire.Clock(quiet, "to", &c.QuietTo)
	quiet.Text("timezone", &c.Timezone)
	quiet.Boolean("exceptGrave", &c.QuietGrave)
}

// channelChange reads the channel of a request. flat is nil when there is none.
func (a *api) channelChange(w http.ResponseWriter, r *http.Request) (change service.ChannelChange, flat map[string]bool, err error) {
	body, outer, err := wire.ReadMember(w, r, channelBody, "channel")
	if err != nil {
		return change, nil, err
	}
	var p wire.Problems
	o := wire.NewObject(body, "", &p)
	flat = readChannel(o, &change)
	change.Fields = p.Given(slices.Values(service.ChannelFields()))
	if o.Null("quietHours") { // it is a value
		change.Fields = append(change.Fields, "/quietHours")
	}
	a.tellIgnored(w, r, outer, "/channel", p.Unread())
	return change, flat, p.Err()
}

// inChannel points the problems of an error into the channel of the request. Settings that stand flat in it have no member "settings".
func inChannel(err error, flat map[string]bool) error {
	const settings = "/settings/"
	moved, ok := errors.AsType[*cron.Error](cron.Under("/channel", err))
	if !ok {
		return err
	}
	for i := range moved.Problems {
		p := &moved.Problems[i]
		if name, of := strings.CutPrefix(p.Pointer, "/channel"+settings); of && flat[name] {
			p.Pointer = "/channel/" + name
		}
	}
	return moved
}

func (a *api) createChannel(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, flat, err := a.channelChange(w, r)
	if flat == nil {
		return err // there is no channel in the body
	}
	c, secret, wrong := a.service.NewChannel(actor, &change)
	if err = cron.JoinProblems(err, wrong); err != nil {
		return inChannel(err, flat)
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		if err := a.service.AddChannel(ctx, actor, &c); err != nil {
			return inChannel(err, flat)
		}
		return reply(w, struct {
			ChannelID int64  `json:"channelId"`
			Secret    string `json:"secret,omitempty"` // this once
		}{c.ID, secret})
	})
}

func (a *api) changeChannel(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, flat, err := a.channelChange(w, r)
	secret := ""
	if err == nil {
		secret, err = a.service.ChangeChannel(r.Context(), actor, pathID(r, "channelId"), &change)
	}
	if err != nil {
		return inChannel(err, flat)
	}
	return reply(w, struct {
		Secret string `json:"secret,omitempty"` // this once
	}{secret})
}

func (a *api) deleteChannel(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteChannel(r.Context(), actor, pathID(r, "channelId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// muteChannel mutes a channel until a time, for good, or no longer.
func (a *api) muteChannel(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, err := wire.ReadObject(w, r, runBody)
	if err != nil {
		return err
	}
	var until time.Time
	body.MustHave("until")
	wire.ReadUntil(body, "until", &until)
	a.tellIgnored(w, r, body, "", nil)
	if err := body.Err(); err != nil {
		return err
	}
	if err := a.service.MuteChannel(r.Context(), actor, pathID(r, "channelId"), until); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// testChannel sends a test message to a channel, and answers what became of it.
func (a *api) testChannel(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	result, err := a.service.TestChannel(r.Context(), actor, pathID(r, "channelId"))
	if err != nil {
		return err
	}
	answer := struct {
		State    string  `json:"state"`
		Error    *string `json:"error"`    // null for one that was sent
		Duration int64   `json:"duration"` // milliseconds
	}{State: cron.MessageStateNames[cron.MessageSent], Duration: result.Took.Milliseconds()}
	if result.Fault != cron.ChannelOK {
		answer.State = cron.MessageStateNames[cron.MessageFailed]
		answer.Error = new(languageOf(r).ChannelFault(result.Fault, result.Detail))
	}
	return reply(w, answer)
}

// listChannelKinds lists the services that channels can be of, with their settings.
func (a *api) listChannelKinds(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	kinds, err := a.service.ChannelKinds(actor)
	if err != nil {
		return err
	}
	type setting struct {
		Name      string   `json:"name"`
		Secret    bool     `json:"secret"`
		Required  bool     `json:"required"`
		Generated bool     `json:"generated"`
		Choices   []string `json:"choices"`
		Default   string   `json:"default"`
	}
	type kind struct {
		Kind     string    `json:"kind"`
		Title    string    `json:"title"`
		Settings []setting `json:"settings"`
		Headers  bool      `json:"headers"`
	}
	answer := struct {
		Kinds []kind `json:"kinds"`
	}{make([]kind, len(kinds))}
	for i, k := range kinds {
		answer.Kinds[i] = kind{k.Name, k.Title, make([]setting, len(k.Fields)), k.Headers}
		for j, f := range k.Fields {
			answer.Kinds[i].Settings[j] = setting{f.Name, f.Secret, f.Required, f.Generated, append([]string{}, f.Choices...), f.Default}
		}
	}
	return reply(w, answer)
}
