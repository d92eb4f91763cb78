package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// sentMessage is the row of a message whose attempt has ended.
type sentMessage struct {
	cron.Message
	tried time.Time
}

// FinishMessage records what became of an attempt to send a message: that it was sent, when it is tried again, or that it failed. It
// also notes that on the channel, which may be stopped, and makes the reminder that follows. A message that was taken for lost accepts
// its result; one that has ended meanwhile, or is being sent by another node, keeps what it has.
func (s *Store) FinishMessage(ctx context.Context, r *cron.MessageResult) error {
	err := s.transact(ctx, results, func(ctx context.Context, q queryer) error {
		m := sentMessage{Message: cron.Message{ID: r.MessageID}}
		to := append([]any{integer(&m.ID)}, targets(messageColumns(&m.Message))...)
		err := q.QueryRowContext(ctx, `SELECT `+messageNames+`, message.tried_at FROM message WHERE id = $1 AND node = $2
			AND (state = 1 OR state = 0 AND fault = $3)`+s.engine.lock(forUpdate), r.MessageID, r.Node, int(cron.ChannelLost)).Scan(
			append(to, moment(&m.tried))...)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.Now()
		if err := s.endAttempt(ctx, q, &m, r, now); err != nil {
			return err
		}
		if err := s.noteResult(ctx, q, &m, r, now); err != nil {
			return err
		}
		wakeHere(ctx, wakeNotices) // others may have waited for it
		return nil
	})
	if err != nil {
		return fmt.Errorf("finish a message: %w", err)
	}
	return nil
}

// endAttempt writes the message.
func (s *Store) endAttempt(ctx context.Context, q queryer, m *sentMessage, r *cron.MessageResult, now time.Time) error {
	m.Fault, m.State, m.Ended = r.Fault, cron.MessageSent, now
	due := m.Due
	if r.Fault != cron.ChannelOK {
		m.State = cron.MessageFailed
		if next := r.NextAttempt(now, m.tried, m.Attempts, rand.Float64()); !next.IsZero() {
			m.State, m.Ended, due = cron.MessageWaiting, time.Time{}, next
		}
	}
	_, err := q.ExecContext(ctx, `UPDATE message SET state = $2, due_at = $3, ended_at = $4, fault = $5, detail = $6, took_us = $7 WHERE id = $1`,
		m.ID, int(m.State), millis(due), millis(m.Ended), int(r.Fault), channelDetail(r), r.Took.Microseconds())
	if err != nil {
		return fmt.Errorf("end the attempt: %w", err)
	}
	return nil
}

func channelDetail(r *cron.MessageResult) string {
	return firstBytes(storable(r.Detail), cron.MaxChannelDetail)
}

// noteResult writes what became of the message to its channel, unless that is gone.
func (s *Store) noteResult(ctx context.Context, q queryer, m *sentMessage, r *cron.MessageResult, now time.Time) error {
	var channel cron.Channel
	err := scanChannel(q.QueryRowContext(ctx, `SELECT `+channelNames+` FROM channel WHERE id = $1`+s.engine.lock(forUpdate), m.ChannelID).Scan,
		&channel)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the channel: %w", err)
	}
	if r.Fault == cron.ChannelOK {
		_, err := q.ExecContext(ctx, `UPDATE channel SET failures = 0, last_sent_at = $2 WHERE id = $1`, channel.ID, millis(now))
		if err != nil {
			return fmt.Errorf("note the message on its channel: %w", err)
		}
		if channel.LastFailed.After(channel.LastSent) && channel.QuietUntil(now).IsZero() {
			if err := releaseMessages(ctx, q, channel.ID, &m.Recipient, now); err != nil {
				return err
			}
		}
		return s.remind(ctx, q, &m.Message, &channel, now)
	}
	failures, stopped := channel.Failures, channel.Stopped
	if m.State == cron.MessageFailed && r.Blames() {
		failures++
	}
	if stopped == cron.ChannelOK && r.Stops(failures) {
		stopped = r.Fault
	}
	_, err = q.ExecContext(ctx, `UPDATE channel SET failures = $2, stopped = $3, last_failed_at = $4, last_fault = $5, last_detail = $6
		WHERE id = $1`, channel.ID, failures, int(stopped), millis(now), int(r.Fault), channelDetail(r))
	if err != nil {
		return fmt.Errorf("note the message on its channel: %w", err)
	}
	if stopped == channel.Stopped {
		return nil
	}
	return s.writeNotices(ctx, q, []*cron.Notice{{AccountID: channel.AccountID, Kind: cron.NoticeChannelOff, Created: now,
		Title: channel.Title, Detail: channel.Title, Amount: int64(stopped), ChannelID: channel.ID, Timezone: channel.Timezone}})
}

// releaseMessages makes due what was collected while the messages of a channel to a recipient could not be sent; nil is all recipients.
func releaseMessages(ctx context.Context, q queryer, channelID int64, recipient *string, now time.Time) error {
	condition, args := ``, []any{channelID, millis(now), millis(now.Add(cron.MessageJoin)), int(cron.NoticeReminder)}
	if recipient != nil {
		condition, args = ` AND recipient = $5`, append(args, *recipient)
	}
	_, err := q.ExecContext(ctx, `UPDATE message SET due_at = $2 WHERE channel_id = $1 AND state = 0 AND attempts = 0
		AND due_at > $3 AND kind <> $4`+condition, args...)
	if err != nil {
		return fmt.Errorf("release the messages of a channel: %w", err)
	}
	return nil
}

// remind makes the message that reminds of a problem, unless one waits. It is dropped when it is due and the problem is not open.
func (s *Store) remind(ctx context.Context, q queryer, m *cron.Message, channel *cron.Channel, now time.Time) error {
	if channel.Reminder == 0 || m.ProblemID == 0 || !m.Kind.OfFailures() && m.Kind != cron.NoticeReminder && m.Kind != cron.NoticeDisabled {
		return nil
	}
	var waits bool
	err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM message WHERE channel_id = $1 AND problem_id = $2 AND recipient = $3
		AND kind = $4 AND state < 2)`, m.ChannelID, m.ProblemID, m.Recipient, int(cron.NoticeReminder)).Scan(flag(&waits))
	if err != nil || waits {
		return err
	}
	next := cron.Message{AccountID: m.AccountID, ChannelID: m.ChannelID, Recipient: m.Recipient, Language: m.Language,
		Kind: cron.NoticeReminder, ProblemID: m.ProblemID, Count: m.Count, Created: now, Due: now.Add(channel.Reminder)}
	return s.copyMessage(ctx, q, &next, m.ID)
}

// copyMessage adds a message that lists the same notices as another one.
func (s *Store) copyMessage(ctx context.Context, q queryer, m *cron.Message, of int64) error {
	if err := q.QueryRowContext(ctx, messageInsert, values(nil, messageColumns(m))...).Scan(&m.ID); err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	_, err := q.ExecContext(ctx, `INSERT INTO message_notice (message_id, outbox_id, listed)
		SELECT $1, outbox_id, listed FROM message_notice WHERE message_id = $2 AND listed`, m.ID, of)
	if err != nil {
		return fmt.Errorf("write what a message tells: %w", err)
	}
	return nil
}

// ResendMessage makes a new message of the notices of one that has ended, which is due at once. The error is of kind NotFound when
// there is no such message, and of kind Conflict when it has not ended.
func (s *Store) ResendMessage(ctx context.Context, accountID, messageID int64) (id int64, err error) {
	err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var m cron.Message
		err := scanMessage(q.QueryRowContext(ctx, `SELECT `+messageNames+` FROM message WHERE id = $1 AND account_id = $2`, messageID,
			accountID).Scan, &m)
		if err != nil {
			return oneRow(err, cron.SubjectMessage)
		}
		if m.State < cron.MessageSent {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectMessage}
		}
		now := s.Now()
		next := cron.Message{AccountID: m.AccountID, ChannelID: m.ChannelID, Recipient: m.Recipient, Language: m.Language, Kind: m.Kind,
			ProblemID: m.ProblemID, Count: m.Count, Created: now, Due: now}
		if err := s.copyMessage(ctx, q, &next, m.ID); err != nil {
			return err
		}
		id = next.ID
		return s.wake(ctx, q, wakeNotices)
	})
	if err != nil {
		return 0, fmt.Errorf("send a message again: %w", err)
	}
	return id, nil
}

// settleMessages gives back messages that nobody is sending any more: they are sent again at once. $1 is the instant; condition has
// the parameters from $2 on.
func (s *Store) settleMessages(ctx context.Context, q queryer, condition string, now time.Time, args ...any) error {
	res, err := q.ExecContext(ctx, `UPDATE message SET state = 0, due_at = $1, fault = `+strconv.Itoa(int(cron.ChannelLost))+` WHERE `+condition,
		append([]any{millis(now)}, args...)...)
	if err != nil {
		return fmt.Errorf("give back messages: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return s.wake(ctx, q, wakeNotices)
}

// Upkeep.

// pruneMessages removes a chunk of messages that ended long ago, or of the oldest ended ones of an account that has too many.
func (s *Store) pruneMessages(ctx context.Context) (more bool, err error) {
	more, err = s.forgetMessages(ctx, `state >= 2 AND ended_at < $1 ORDER BY ended_at, id`, millis(s.Now().Add(-cron.MessagesKept)))
	for range outboxAccounts {
		if more || err != nil {
			return more, err
		}
		var account, last int64
		err = s.read.QueryRowContext(ctx, `SELECT account_id FROM message WHERE account_id > $1 ORDER BY account_id LIMIT 1`,
			s.boundAccount.Load()).Scan(&account)
		if errors.Is(err, sql.ErrNoRows) {
			s.boundAccount.Store(0) // the next step starts with the first account
			return false, nil
		}
		if err == nil {
			err = s.read.QueryRowContext(ctx, `SELECT id FROM message WHERE account_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2`, account,
				cron.MaxMessages).Scan(&last)
		}
		switch {
		case errors.Is(err, sql.ErrNoRows):
			err = nil
		case err == nil:
			more, err = s.forgetMessages(ctx, `account_id = $1 AND id <= $3 AND state >= 2 ORDER BY id`, account, last)
		}
		if err != nil {
			return false, fmt.Errorf("bound the messages of an account: %w", err)
		}
		if !more {
			s.boundAccount.Store(account)
		}
	}
	return more, err
}

// forgetMessages deletes a chunk of the messages that a condition selects in an order, in which $2 is left to the limit. Of a message
// with many notices, a chunk of those goes first.
func (s *Store) forgetMessages(ctx context.Context, condition string, first any, rest ...any) (more bool, err error) {
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		var (
			ids  []int64
			rows int
			wide int64 // the first one has too many notices
		)
		err := each(ctx, q, "list old messages", func(scan scanner) error {
			var (
				id      int64
				notices int
			)
			if err := scan(&id, &notices); err != nil {
				return err
			}
			if rows += notices; rows > routeRows {
				if more = true; len(ids) == 0 {
					wide = id
				}
				return errEnough
			}
			ids = append(ids, id)
			return nil
		}, `SELECT id, (SELECT count(*) FROM message_notice WHERE message_id = message.id) FROM message WHERE `+condition+` LIMIT $2`,
			append([]any{first, pruneChunk}, rest...)...)
		if err != nil {
			return err
		}
		if wide != 0 {
			_, err := q.ExecContext(ctx, `DELETE FROM message_notice WHERE message_id = $1 AND outbox_id IN
				(SELECT outbox_id FROM message_notice WHERE message_id = $1 ORDER BY outbox_id LIMIT $2)`, wide, routeRows)
			return err
		}
		more = more || len(ids) == pruneChunk
		if len(ids) == 0 {
			return nil
		}
		_, err = q.ExecContext(ctx, `DELETE FROM message WHERE `+s.engine.in("id", 1), s.engine.list(ids))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("remove old messages: %w", err)
	}
	return more, nil
}

// deleteSomeMessages deletes a chunk of the messages of an account, whatever their states.
func (s *Store) deleteSomeMessages(ctx context.Context, accountID int64) (more bool, err error) {
	return s.forgetMessages(ctx, `account_id = $1 ORDER BY id`, accountID)
}
