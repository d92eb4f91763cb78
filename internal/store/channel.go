package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// A channel is a row with its settings and headers sealed in one column, and what nothing selects by in another as JSON:
//
//	title, kind, enabled …   what lists, routing and conditions read
//	options                  rules, template, language, quiet hours, reminder, unsubscribed addresses
//	sealed                   settings and headers; NULL while nobody has written any
//	stopped, failures, last_ what became of its messages: written where messages are finished, and by no edit but the one that
//	                         starts a stopped channel again
//
// Each edit seals anew, so a row whose sealed value is still the one that was read has not been edited meanwhile.

// channelRow is the associated data of the sealed settings of a channel.
func channelRow(id int64) string { return "channel " + strconv.FormatInt(id, 10) }

// channelColumns are the columns of channel that an edit writes.
func channelColumns(c *cron.Channel) columns {
	return func(list *columnList) {
		list.add("kind", text(&c.Kind))
		list.add("title", text(&c.Title))
		list.add("enabled", flag(&c.Enabled))
		list.add("is_default", flag(&c.Default))
		list.add("options", channelOptionsField{c})
		list.add("muted_until", mutedField{c})
		list.add("confirmed", flag(&c.Confirmed))
		list.add("stopped", integer(&c.Stopped))
		list.add("failures", integer(&c.Failures))
		list.add("updated_at", moment(&c.Updated))
		addAuthor(list, "updated", &c.UpdatedBy)
	}
}

// channelFixed are the columns of channel that no edit writes.
func channelFixed(c *cron.Channel) columns {
	return func(list *columnList) {
		list.add("account_id", integer(&c.AccountID))
		list.add("created_at", moment(&c.Created))
		addAuthor(list, "created", &c.CreatedBy)
	}
}

// channelResults are the columns of channel about its messages.
func channelResults(c *cron.Channel) columns {
	return func(list *columnList) {
		list.add("last_sent_at", moment(&c.LastSent))
		list.add("last_failed_at", moment(&c.LastFailed))
		list.add("last_fault", integer(&c.LastFault))
		list.add("last_detail", text(&c.LastDetail))
	}
}

var (
	channelNames = `channel.id, ` + names("channel", channelFixed(new(cron.Channel)), channelColumns(new(cron.Channel)),
		channelResults(new(cron.Channel)))
	channelInsert = insertRow("channel", func(list *columnList) {
		channelFixed(new(cron.Channel))(list)
		channelColumns(new(cron.Channel))(list)
	})
	channelUpdate = updateRow("channel", channelColumns(new(cron.Channel)))
)

// scanChannel reads channelNames, without settings and headers, and the columns that follow into more.
func scanChannel(scan scanner, c *cron.Channel, more ...any) error {
	to := append([]any{integer(&c.ID)}, targets(channelFixed(c), channelColumns(c), channelResults(c))...)
	return scan(append(to, more...)...)
}

// mutedField is until when a channel is muted, -1 for good.
type mutedField struct{ of *cron.Channel }

// Scan implements sql.Scanner.
func (f mutedField) Scan(value any) error {
	n, err := readInteger(value)
	f.of.MutedForGood, f.of.MutedUntil = n < 0, time.Time{}
	if n > 0 {
		f.of.MutedUntil = instant(n)
	}
	return err
}

func (f mutedField) value() any {
	if f.of.MutedForGood {
		return int64(-1)
	}
	return millis(f.of.MutedUntil)
}

// channelOptions are the options of a channel in its column. They are written out, so that a renamed field of the domain changes
// no row.
type channelOptions struct {
	FolderIDs    []int64  `json:"folderIds,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Template     string   `json:"template,omitempty"`
	Language     string   `json:"language,omitempty"`
	Timezone     string   `json:"timezone,omitempty"`
	QuietFrom    int      `json:"quietFrom,omitempty"`
	QuietTo      int      `json:"quietTo,omitempty"`
	QuietGrave   bool     `json:"quietGrave,omitempty"`
	Reminder     int64    `json:"reminder,omitempty"` // seconds
	Unsubscribed []string `json:"unsubscribed,omitempty"`
}

// channelOptionsField is the options of a channel. Its column is empty for none.
type channelOptionsField struct{ of *cron.Channel }

// Scan implements sql.Scanner.
func (f channelOptionsField) Scan(value any) error {
	var (
		encoded string
		o       channelOptions
	)
	if err := (textField{&encoded}).Scan(value); err != nil {
		return err
	}
	if encoded != "" {
		if err := json.Unmarshal([]byte(encoded), &o); err != nil {
			return fmt.Errorf("decode the options of a channel: %w", err)
		}
	}
	c := f.of
	c.FolderIDs, c.Tags, c.Template, c.Language, c.Timezone = o.FolderIDs, o.Tags, o.Template, o.Language, o.Timezone
	c.QuietFrom, c.QuietTo, c.QuietGrave, c.Unsubscribed = o.QuietFrom, o.QuietTo, o.QuietGrave, o.Unsubscribed
	c.Reminder = time.Duration(o.Reminder) * time.Second
	return nil
}

func (f channelOptionsField) value() any {
	c := f.of
	encoded := encode(channelOptions{c.FolderIDs, c.Tags, c.Template, c.Language, c.Timezone, c.QuietFrom, c.QuietTo, c.QuietGrave,
		int64(c.Reminder / time.Second), c.Unsubscribed})
	if encoded == "{}" {
		return ""
	}
	return encoded
}

// channelSettings are what is sealed of a channel.
type channelSettings struct {
	Settings map[string]string `json:"settings,omitempty"`
	Headers  [][2]string       `json:"headers,omitempty"`
}

func encodeChannelSettings(c *cron.Channel) []byte {
	s := channelSettings{Settings: c.Settings}
	for _, h := range c.Headers {
		s.Headers = append(s.Headers, [2]string{h.Name, h.Value})
	}
	encoded, _ := json.Marshal(s) // which texts always are
	return encoded
}

// openChannel sets the settings and the headers of a channel from their sealed column. It is not for transactions.
func (s *Store) openChannel(sealed []byte, c *cron.Channel) error {
	c.Settings, c.Headers = nil, nil
	if sealed == nil {
		return nil
	}
	plain, err := s.sealer.open(sealed, channelRow(c.ID))
	if err != nil {
		return fmt.Errorf("open the settings of channel %d: %w", c.ID, err)
	}
	var opened channelSettings
	if err := json.Unmarshal(plain, &opened); err != nil {
		return fmt.Errorf("decode the settings of channel %d: %w", c.ID, err)
	}
	c.Settings = opened.Settings
	for _, h := range opened.Headers {
		c.Headers = append(c.Headers, cron.Header{Name: h[0], Value: h[1]})
	}
	return nil
}

// readChannels reads all channels of an account in the order of their IDs, without settings and headers.
func readChannels(ctx context.Context, q queryer, accountID int64) ([]cron.Channel, error) {
	return collect(ctx, q, "list the channels", func(scan scanner, c *cron.Channel) error { return scanChannel(scan, c) },
		`SELECT `+channelNames+` FROM channel WHERE account_id = $1 ORDER BY id`, accountID)
}

// Channels lists channels of an account with larger IDs than after, at most most of them in the order of their IDs, with their
// settings and headers. One whose settings do not open is logged, and listed without them.
func (s *Store) Channels(ctx context.Context, accountID, after int64, most int) ([]cron.Channel, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	var sealed [][]byte
	list, err := collect(ctx, s.read, "list the channels", func(scan scanner, c *cron.Channel) error {
		var settings []byte
		err := scanChannel(scan, c, &settings)
		sealed = append(sealed, settings)
		return err
	}, `SELECT `+channelNames+`, channel.sealed FROM channel WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		accountID, after, most)
	for i := range list {
		if err := s.openChannel(sealed[i], &list[i]); err != nil {
			s.logger.Error("the settings of a channel cannot be read", slogErr(err))
		}
	}
	return list, err
}

// ChannelIDs lists the IDs of all channels of an account.
func (s *Store) ChannelIDs(ctx context.Context, accountID int64) ([]int64, error) {
	return collect(ctx, s.read, "list the channels", single[int64], `SELECT id FROM channel WHERE account_id = $1 ORDER BY id`, accountID)
}

// Channel reads a channel of an account with its settings and headers.
func (s *Store) Channel(ctx context.Context, accountID, channelID int64) (cron.Channel, error) {
	c, _, err := s.enterChannel(ctx, accountID, channelID)
	return c, err
}

// enterChannel is Channel, also with the sealed value.
func (s *Store) enterChannel(ctx context.Context, accountID, channelID int64) (c cron.Channel, sealed []byte, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return c, nil, err
	}
	defer leave()
	err = scanChannel(s.read.QueryRowContext(ctx, `SELECT `+channelNames+`, channel.sealed FROM channel
		WHERE id = $1 AND account_id = $2`, channelID, accountID).Scan, &c, &sealed)
	if err != nil {
		return c, nil, oneRow(err, cron.SubjectChannel)
	}
	return c, sealed, s.openChannel(sealed, &c)
}

const countChannels = `SELECT count(*) FROM channel WHERE account_id = $1`

// CreateChannel adds a channel and sets its ID and times. The error is of kind TooMany when the account's plan allows no further one.
func (s *Store) CreateChannel(ctx context.Context, c *cron.Channel) error {
	c.Created = s.stamp()
	c.Updated = c.Created
	err := s.transact(ctx, ofAccount(c.AccountID), func(ctx context.Context, q queryer) error {
		plan, err := s.lockPlan(ctx, q, c.AccountID)
		if err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countChannels, c.AccountID, plan.MaxChannels, cron.SubjectChannel); err != nil {
			return err
		}
		if err := addChannel(ctx, q, c); err != nil {
			return err
		}
		return s.sealChannel(ctx, q, c)
	})
	if err != nil {
		return fmt.Errorf("create the channel: %w", err)
	}
	return nil
}

// addChannel writes the row of a new channel without settings, and sets its ID.
func addChannel(ctx context.Context, q queryer, c *cron.Channel) error {
	return q.QueryRowContext(ctx, channelInsert, values(nil, channelFixed(c), channelColumns(c))...).Scan(&c.ID)
}

// addOwnersChannel gives a new account the channel that tells its owners.
func (s *Store) addOwnersChannel(ctx context.Context, q queryer, accountID int64) error {
	now := s.stamp()
	c := cron.Channel{AccountID: accountID, Kind: cron.KindOwners, Enabled: true, Default: true, Confirmed: true, Created: now, Updated: now}
	if err := addChannel(ctx, q, &c); err != nil {
		return fmt.Errorf("create the channel of the owners: %w", err)
	}
	return nil
}

// sealChannel writes the settings and the headers of a channel.
func (s *Store) sealChannel(ctx context.Context, q queryer, c *cron.Channel) error {
	sealed, err := s.seal(ctx, q, encodeChannelSettings(c), channelRow(c.ID))
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE channel SET sealed = $2 WHERE id = $1`, c.ID, sealed)
	return err
}

// UpdateChannel lets change edit a channel, and writes it. change runs outside of transactions unless ctx is part of one, and may run
// more than once; its error changes nothing and is returned as it is. The transaction that writes the channel also runs then, with
// the channel before and after the edit. A channel that change starts again, by setting Stopped to ChannelOK, has no failures in a row
// any more; the rest of what became of its messages is not written. The error is of kind Conflict when the channel changes during
// every attempt.
func (s *Store) UpdateChannel(ctx context.Context, accountID, channelID int64, change func(*cron.Channel) error,
	then ...func(ctx context.Context, before, after *cron.Channel) error) error {
	for range editTries {
		before, sealed, err := s.enterChannel(ctx, accountID, channelID)
		if err != nil {
			return err
		}
		after := before
		if err := change(&after); err != nil {
			return err
		}
		after.ID, after.AccountID, after.Updated = channelID, accountID, s.stamp()
		err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
			if err := s.saveChannel(ctx, q, &before, &after, sealed); err != nil {
				return err
			}
			for _, write := range then {
				if err := write(ctx, &before, &after); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, errEdited) {
			return err
		}
	}
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectChannel, Err: errEdited}
}

// saveChannel writes an edited channel if nobody has edited, stopped or started it meanwhile.
func (s *Store) saveChannel(ctx context.Context, q queryer, before, after *cron.Channel, was []byte) error {
	var (
		sealed  []byte
		stopped cron.ChannelFault
	)
	err := q.QueryRowContext(ctx, `SELECT sealed, stopped, failures FROM channel WHERE id = $1 AND account_id = $2`+
		s.engine.lock(forUpdate), after.ID, after.AccountID).Scan(&sealed, integer(&stopped), integer(&after.Failures))
	if err != nil {
		return oneRow(err, cron.SubjectChannel)
	}
	if !bytes.Equal(sealed, was) || stopped != before.Stopped {
		return errEdited
	}
	if stopped != cron.ChannelOK && after.Stopped == cron.ChannelOK {
		after.Failures = 0
	}
	if _, err := q.ExecContext(ctx, channelUpdate, values([]any{after.ID}, channelColumns(after))...); err != nil {
		return fmt.Errorf("change the channel: %w", err)
	}
	return s.sealChannel(ctx, q, after)
}

// DeleteChannel removes a channel of an account. Its messages that wait are dropped; one that is being sent ends as it does. Jobs that
// name it keep its number, which names nothing any more.
func (s *Store) DeleteChannel(ctx context.Context, accountID, channelID int64) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM channel WHERE id = $1 AND account_id = $2`, channelID, accountID)
		if err := changedOne(res, err, cron.SubjectChannel); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE message SET state = $3, dropped = $4, ended_at = $5
			WHERE channel_id = $1 AND account_id = $2 AND state = 0`, channelID, accountID, int(cron.MessageDropped), int(cron.DropChannel),
			millis(s.stamp()))
		return err
	})
	if err != nil {
		return fmt.Errorf("delete the channel: %w", err)
	}
	return nil
}

// checkChannels checks that the channels which a job names, other than those that it named before, belong to its account.
func (s *Store) checkChannels(ctx context.Context, q queryer, j *cron.Job, before []int64) error {
	var c cron.Checker
	for _, id := range j.ChannelIDs {
		if slices.Contains(before, id) {
			continue
		}
		var there bool
		err := q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM channel WHERE id = $1 AND account_id = $2`, id, j.AccountID).Scan(flag(&there))
		if err != nil {
			return fmt.Errorf("look for the channels of the job: %w", err)
		}
		if !there {
			c.Add("/channelIds", cron.UnknownChannel(id))
		}
	}
	return c.Err()
}

// LeaveGoneChannels takes out of a definition of the past the channels that are gone. One that named no others names none any more.
func (s *Store) LeaveGoneChannels(ctx context.Context, j *cron.Job) error {
	if len(j.ChannelIDs) == 0 {
		return nil
	}
	ids, err := s.ChannelIDs(ctx, j.AccountID)
	if err != nil {
		return err
	}
	gone := func(id int64) bool { return !slices.Contains(ids, id) }
	if slices.ContainsFunc(j.ChannelIDs, gone) {
		if j.ChannelIDs = slices.DeleteFunc(slices.Clone(j.ChannelIDs), gone); len(j.ChannelIDs) == 0 {
			j.ChannelIDs = nil
		}
	}
	return nil
}
