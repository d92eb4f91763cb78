package service

import (
	"context"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/notify"
)

// MaxChannelsPage is the largest page of Channels.
const MaxChannelsPage = 100

// ChannelChange is an edit of a channel: the fields that it sets, with their values, and settings by name. A setting that is empty
// is taken away, and one that is what Channel shows of a secret stays as it is.
type ChannelChange struct {
	Kind     string // of a new channel; of another one it is "" or what it is
	Values   cron.Channel
	Fields   []string // some of ChannelFields
	Settings map[string]string
}

// channelFields copies each field that people can set from one channel to another.
var channelFields = map[string]func(to, from *cron.Channel){
	"/title":           func(to, from *cron.Channel) { to.Title = from.Title },
	"/enabled":         func(to, from *cron.Channel) { to.Enabled = from.Enabled },
	"/default":         func(to, from *cron.Channel) { to.Default = from.Default },
	"/folderIds":       func(to, from *cron.Channel) { to.FolderIDs = slices.Clone(from.FolderIDs) },
	"/tags":            func(to, from *cron.Channel) { to.Tags = from.Tags },
	"/headers":         func(to, from *cron.Channel) { to.Headers = keptHeaders(to.Headers, from.Headers) },
	"/template":        func(to, from *cron.Channel) { to.Template = from.Template },
	"/language":        func(to, from *cron.Channel) { to.Language = from.Language },
	"/reminderSeconds": func(to, from *cron.Channel) { to.Reminder = from.Reminder },
	"/quietHours": func(to, from *cron.Channel) {
		to.QuietFrom, to.QuietTo, to.QuietGrave, to.Timezone = from.QuietFrom, from.QuietTo, from.QuietGrave, from.Timezone
	},
}

// ChannelFields are the names of the fields that a ChannelChange can set, which are JSON pointers into a channel.
func ChannelFields() []string { return slices.Sorted(maps.Keys(channelFields)) }

// ChannelSettings are the names of all settings that kinds of channels have.
func ChannelSettings() []string {
	names := make(map[string]bool)
	for _, kind := range notify.Kinds() {
		for _, f := range kind.Fields {
			names[f.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// The services that channels can be of, and their settings.
type (
	ChannelKind  = notify.Kind
	ChannelField = notify.Field
)

// FindChannelKind finds a service by its name, ignoring case.
func FindChannelKind(name string) (*ChannelKind, bool) { return notify.Find(name) }

// ChannelKinds are the services that channels can be of, in the order in which people see them.
func (s *Service) ChannelKinds(actor cron.Actor) ([]*notify.Kind, error) {
	if err := s.allow(&actor, UseListChannels); err != nil {
		return nil, err
	}
	return notify.Kinds(), nil
}

// keptHeaders are other headers, of which those whose values are masked keep the value that the former one of the name had.
func keptHeaders(former, headers []cron.Header) []cron.Header {
	headers = slices.Clone(headers)
	for i, h := range headers {
		at := slices.IndexFunc(former, func(f cron.Header) bool { return strings.EqualFold(f.Name, h.Name) })
		if h.Value == cron.Masked && at >= 0 {
			headers[i].Value = former[at].Value
		}
	}
	return headers
}

// apply edits a channel. secret is the signing secret that the service has made, which is shown once; "" for none.
func (change *ChannelChange) apply(c *cron.Channel, isNew bool) (secret string, err error) {
	for _, field := range change.Fields {
		channelFields[field](c, &change.Values)
	}
	if isNew {
		c.Kind = change.Kind
	}
	kind, ok := notify.Find(c.Kind)
	if ok {
		c.Kind = kind.Name
	}
	settings := maps.Clone(c.Settings)
	if settings == nil {
		settings = make(map[string]string)
	}
	for name, value := range change.Settings {
		value = strings.TrimSpace(value)
		shown, isSecret := shownSetting(kind, name, value)
		masked := isSecret && value == shown
		former, _ := shownSetting(kind, name, settings[name])
		switch {
		case masked && value == former:
		case masked, value == "": // what is shown of another secret is none
			delete(settings, name)
		default:
			settings[name] = value
		}
	}
	if ok {
		for _, f := range kind.Fields {
			if f.Generated && (settings[f.Name] == cron.GenerateSigningSecret || isNew && settings[f.Name] == "") {
				secret = cron.NewSigningSecret()
				settings[f.Name] = secret
			}
		}
	}
	if c.Settings = settings; len(settings) == 0 {
		c.Settings = nil
	}
	var fixed cron.Checker
	if change.Kind != "" && !strings.EqualFold(change.Kind, c.Kind) {
		fixed.Add("/kind", cron.Problem{Rule: cron.RuleUnknownValue, Given: change.Kind, Want: c.Kind})
	}
	return secret, cron.JoinProblems(fixed.Err(), cron.JoinProblems(c.Accept(), checkKind(c)))
}

// checkKind checks what depends on the kind of a channel. The pointers of settings begin with "/settings".
func checkKind(c *cron.Channel) error {
	problems := notify.Check(c.Kind, c.Settings, c.Headers, c.Template)
	for i := range problems {
		if p := &problems[i]; p.Pointer != "/kind" && p.Pointer != "/headers" && p.Pointer != "/template" {
			p.Pointer = "/settings" + p.Pointer
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectChannel, Problems: problems}
}

// allowTarget refuses a channel that sends to an address that the account may not call.
func (s *Service) allowTarget(c *cron.Channel, access cron.Access) error {
	target := notify.Target(c.Kind, c.Settings)
	if target == "" {
		return nil
	}
	u, problem := cron.ParseURL(target)
	if problem.Rule == cron.RuleNone {
		problem = s.addresses.CheckHost(u.Hostname(), portOf(u), access)
	}
	if problem.Rule == cron.RuleNone {
		return nil
	}
	problem.Pointer = "/settings/url"
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectChannel, Problems: []cron.Problem{problem}}
}

// shownSetting is what people see of a setting: of a secret no more than the host of its URL.
func shownSetting(kind *notify.Kind, name, value string) (shown string, isSecret bool) {
	if kind == nil || value == "" {
		return value, false
	}
	for _, f := range kind.Fields {
		if f.Name != name || !f.Secret {
			continue
		}
		if u, err := url.Parse(value); err == nil && u.Host != "" && f.IsURL() {
			return u.Scheme + "://" + u.Host + "/" + cron.Masked, true
		}
		return cron.Masked, true
	}
	return value, false
}

// hideChannel takes out of a channel what nobody is shown and, for a viewer, passwords and queries of URLs too.
func hideChannel(actor *cron.Actor, c *cron.Channel) {
	kind, _ := notify.Find(c.Kind)
	c.Settings = maps.Clone(c.Settings)
	for name, value := range c.Settings {
		c.Settings[name], _ = shownSetting(kind, name, value)
		if !seesSecrets(actor) && strings.Contains(value, "://") {
			c.Settings[name] = cron.MaskURL(c.Settings[name])
		}
	}
	c.Headers = slices.Clone(c.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = cron.Masked
	}
}

// Channels lists channels of the account in the order of their IDs, without secrets: a page of those with larger IDs than after. next
// is the after of the next page, and 0 at the end.
func (s *Service) Channels(ctx context.Context, actor cron.Actor, after int64, limit int) (list []cron.Channel, next int64, err error) {
	if err := s.allow(&actor, UseListChannels); err != nil {
		return nil, 0, err
	}
	limit = min(limit, MaxChannelsPage)
	list, err = s.store.Channels(ctx, actor.Account.ID, after, limit+1)
	if err == nil && len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	for i := range list {
		hideChannel(&actor, &list[i])
	}
	return list, next, err
}

// Channel reads a channel without secrets.
func (s *Service) Channel(ctx context.Context, actor cron.Actor, channelID int64) (cron.Channel, error) {
	if err := s.allow(&actor, UseListChannels); err != nil {
		return cron.Channel{}, err
	}
	c, err := s.store.Channel(ctx, actor.Account.ID, channelID)
	hideChannel(&actor, &c)
	return c, err
}

// Told reports whether a channel of the account could tell somebody now.
func (s *Service) Told(ctx context.Context, actor cron.Actor) (bool, error) {
	if err := s.allow(&actor, UseListChannels); err != nil {
		return false, err
	}
	return s.store.Told(ctx, actor.Account.ID, s.mailer != nil)
}

// NewChannel makes a channel, which AddChannel can save. secret is the signing secret that the service has made for it, which
// nothing shows later; "" for none.
func (s *Service) NewChannel(actor cron.Actor, change *ChannelChange) (c cron.Channel, secret string, err error) {
	if err := s.allow(&actor, UseCreateChannel); err != nil {
		return c, "", err
	}
	c = cron.Channel{AccountID: actor.Account.ID, Enabled: true}
	if secret, err = change.apply(&c, true); err == nil {
		err = s.allowTarget(&c, actor.Account.Access)
	}
	return c, secret, err
}

// AddChannel saves a channel from NewChannel and sets its ID. An e-mail address that has to be confirmed is sent a link. The error is
// of kind TooMany when the plan allows no further channel, and of kind Invalid for an address that nobody could confirm.
func (s *Service) AddChannel(ctx context.Context, actor cron.Actor, c *cron.Channel) error {
	if err := s.allowIn(&actor, UseCreateChannel, c.AccountID); err != nil {
		return err
	}
	var err error
	if c.Confirmed, err = s.isConfirmed(ctx, &actor.Account, c); err != nil {
		return err
	}
	if !c.Confirmed && !s.canLink() {
		return errNobodyConfirms()
	}
	c.CreatedBy = authorOf(&actor)
	c.UpdatedBy = c.CreatedBy
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actChannelMake, Object: objectChannel, Title: channelTitle(c)},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateChannel(ctx, c)
			if e.ObjectID = c.ID; err != nil {
				return err
			}
			return s.askConfirmation(ctx, &actor, c)
		})
}

// ChangeChannel edits a channel. Enabling one that was stopped starts it again. secret is as in NewChannel.
func (s *Service) ChangeChannel(ctx context.Context, actor cron.Actor, channelID int64, change *ChannelChange) (secret string, err error) {
	if err := s.allow(&actor, UseChangeChannel); err != nil {
		return "", err
	}
	err = s.store.UpdateChannel(ctx, actor.Account.ID, channelID, func(c *cron.Channel) (err error) {
		former := *c
		if secret, err = change.apply(c, false); err != nil {
			return err
		}
		if slices.Contains(change.Fields, "/enabled") && c.Enabled {
			c.Stopped = cron.ChannelOK
		}
		if !maps.Equal(former.Settings, c.Settings) {
			if err := cron.JoinProblems(s.allowTarget(c, actor.Account.Access), change.secretsAgain(&former, c)); err != nil {
				return err
			}
			if former.Settings["to"] != c.Settings["to"] || !c.Confirmed {
				if c.Confirmed, err = s.isConfirmed(ctx, &actor.Account, c); err != nil {
					return err
				}
			}
			if former.Settings["to"] != c.Settings["to"] && !c.Confirmed && !s.canLink() {
				return errNobodyConfirms()
			}
		}
		c.UpdatedBy = authorOf(&actor)
		return nil
	}, func(ctx context.Context, before, after *cron.Channel) error {
		e := cron.AuditEntry{Action: actChannelSet, Object: objectChannel, ObjectID: channelID, Title: channelTitle(after),
			Changes: channelChanges(before, after)}
		if err := s.note(ctx, &actor, e); err != nil {
			return err
		}
		if before.Settings["to"] == after.Settings["to"] {
			return nil
		}
		return s.askConfirmation(ctx, &actor, after)
	})
	return secret, err
}

// channelChanges points to what differs between two channels, for the audit log.
func channelChanges(before, after *cron.Channel) (changes []string) {
	for _, field := range ChannelFields() {
		changed := *before
		if channelFields[field](&changed, after); !reflect.DeepEqual(changed, *before) {
			changes = append(changes, field)
		}
	}
	all := maps.Clone(after.Settings)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, before.Settings)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if before.Settings[name] != after.Settings[name] {
			changes = append(changes, "/settings/"+name)
		}
	}
	return changes
}

// channelTitle is how the audit log names a channel.
func channelTitle(c *cron.Channel) string {
	if c.Title != "" {
		return c.Title
	}
	return c.Kind
}

// MuteChannel keeps a channel from being told anything until a time: cron.Forever for good, and the zero time for no longer.
func (s *Service) MuteChannel(ctx context.Context, actor cron.Actor, channelID int64, until time.Time) error {
	if err := s.allow(&actor, UseMuteChannel); err != nil {
		return err
	}
	return s.store.UpdateChannel(ctx, actor.Account.ID, channelID, func(c *cron.Channel) error {
		if c.MutedForGood = until.Equal(cron.Forever); c.MutedForGood {
			c.MutedUntil = time.Time{}
		} else {
			c.MutedUntil = until
		}
		c.UpdatedBy = authorOf(&actor)
		return nil
	}, func(ctx context.Context, _, after *cron.Channel) error {
		return s.note(ctx, &actor, cron.AuditEntry{Action: actChannelMute, Object: objectChannel, ObjectID: channelID,
			Title: channelTitle(after), Changes: []string{"/mutedUntil"}})
	})
}

// DeleteChannel removes a channel. What waits for it is not sent.
func (s *Service) DeleteChannel(ctx context.Context, actor cron.Actor, channelID int64) error {
	if err := s.allow(&actor, UseDeleteChannel); err != nil {
		return err
	}
	c, err := s.store.Channel(ctx, actor.Account.ID, channelID)
	if cron.KindOf(err) == cron.NotFound {
		return err
	}
	e := cron.AuditEntry{Action: actChannelDrop, Object: objectChannel, ObjectID: channelID, Title: channelTitle(&c)}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		return s.store.DeleteChannel(ctx, actor.Account.ID, channelID)
	})
}

// checkChannels returns an error of kind Invalid when the account lacks one of the channels.
func (s *Service) checkChannels(ctx context.Context, accountID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	there, err := s.store.ChannelIDs(ctx, accountID)
	if err != nil {
		return err
	}
	var c cron.Checker
	for _, id := range ids {
		if !slices.Contains(there, id) {
			c.Add("", cron.UnknownChannel(id))
		}
	}
	return c.Err()
}
