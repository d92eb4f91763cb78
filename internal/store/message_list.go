package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

// An account keeps at most cron.MaxMessages messages, so that a list reads them by the index of the account and filters what it
// reads.

// Messages lists messages of an account, the newest first, without the notices but with the jobs that they tell of.
func (s *Store) Messages(ctx context.Context, accountID int64, query *cron.MessageQuery) ([]cron.Message, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	states := make([]int64, 0, len(cron.MessageStateNames))
	for state := range cron.MessageStateNames {
		if len(query.States) == 0 || slices.Contains(query.States, cron.MessageState(state)) {
			states = append(states, int64(state))
		}
	}
	before := int64(largestID)
	if query.Before != 0 {
		before = query.Before
	}
	condition, args := ``, []any{accountID, before, query.Limit, s.engine.list(states)}
	where := func(format string, id int64) {
		if id != 0 {
			args = append(args, id)
			condition += fmt.Sprintf(` AND `+format, len(args))
		}
	}
	where(`channel_id = $%d`, query.ChannelID)
	where(`problem_id = $%d`, query.ProblemID)
	where(`id IN (SELECT message_notice.message_id FROM outbox JOIN message_notice ON message_notice.outbox_id = outbox.id
		WHERE outbox.job_id = $%d)`, query.JobID)
	list, err := collect(ctx, s.read, "list the messages", func(scan scanner, m *cron.Message) error { return scanMessage(scan, m) },
		`SELECT `+messageNames+` FROM message WHERE account_id = $1 AND id < $2 AND `+s.engine.in("state", 4)+condition+`
		ORDER BY id DESC LIMIT $3`, args...)
	if err != nil {
		return nil, err
	}
	return list, s.readMessageJobs(ctx, list)
}

// readMessageJobs sets the jobs that messages tell of.
func (s *Store) readMessageJobs(ctx context.Context, list []cron.Message) error {
	byID, ids := make(map[int64]*cron.Message, len(list)), make([]int64, len(list))
	for i := range list {
		ids[i], byID[list[i].ID] = list[i].ID, &list[i]
	}
	if len(ids) == 0 {
		return nil
	}
	return each(ctx, s.read, "read the jobs of messages", func(scan scanner) error {
		var of, job int64
		err := scan(&of, &job)
		if m := byID[of]; err == nil && !slices.Contains(m.JobIDs, job) {
			m.JobIDs = append(m.JobIDs, job)
		}
		return err
	}, `SELECT message_notice.message_id, outbox.job_id FROM message_notice JOIN outbox ON outbox.id = message_notice.outbox_id
		WHERE `+s.engine.in("message_notice.message_id", 1)+` AND message_notice.listed AND outbox.job_id <> 0
		ORDER BY message_notice.message_id, message_notice.outbox_id`, s.engine.list(ids))
}

// Message reads a message of an account with the notices that it lists.
func (s *Store) Message(ctx context.Context, accountID, messageID int64) (m cron.Message, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return m, err
	}
	defer leave()
	err = scanMessage(s.read.QueryRowContext(ctx, `SELECT `+messageNames+` FROM message WHERE id = $1 AND account_id = $2`, messageID,
		accountID).Scan, &m)
	if err != nil {
		return m, oneRow(err, cron.SubjectMessage)
	}
	return m, s.readNotices(ctx, s.read, []*cron.Message{&m})
}

// LinkedMessage reads a message of any account, for a link that is in it, and when that link was used.
func (s *Store) LinkedMessage(ctx context.Context, messageID int64) (m cron.Message, used time.Time, err error) {
	err = scanMessage(s.read.QueryRowContext(ctx, `SELECT `+messageNames+`, message.link_used_at FROM message WHERE id = $1`,
		messageID).Scan, &m, moment(&used))
	if err != nil {
		return m, used, oneRow(err, cron.SubjectMessage)
	}
	return m, used, s.readNotices(ctx, s.read, []*cron.Message{&m})
}

// UseMessageLink uses up the link of a message of an account and runs effect, both in one transaction, which what effect does joins; an
// error of effect undoes both and is returned as it is. The error is of kind NotFound without the message, and of kind Gone when the
// link was used.
func (s *Store) UseMessageLink(ctx context.Context, accountID, messageID int64, effect func(ctx context.Context) error) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var used time.Time
		err := q.QueryRowContext(ctx, `SELECT link_used_at FROM message WHERE id = $1 AND account_id = $2`+s.engine.lock(forUpdate),
			messageID, accountID).Scan(moment(&used))
		if err != nil {
			return oneRow(err, cron.SubjectMessage)
		}
		now := s.stamp()
		if err := (&cron.Link{Used: used, Expires: now.Add(time.Hour)}).Open(now); err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, `UPDATE message SET link_used_at = $2 WHERE id = $1`, messageID, millis(now)); err != nil {
			return fmt.Errorf("use the link of a message: %w", err)
		}
		return effect(ctx)
	})
}
