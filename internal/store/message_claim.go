package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
)

// Messages are claimed like executions: those that are due, accounts in turn, and never more than can be sent at once.
//
//   - An account has at most MaxSendingOfAccount messages in sending, on all nodes. Each claim begins with the account after the last
//     one that was served, and takes one message of each before a second one of any.
//   - An account takes a further place only while more than twice as many are free as it has, and accounts whose receivers took long lately
//     have at most half of a node's places. So receivers that hang leave places for the messages of others.
//   - A message waits for older ones of its channel and recipient that tell of the same problem or of several. So a recovery does not
//     overtake its failure.
//   - What is not to be sent any more is dropped, with the reason, and what has to wait for the end of quiet hours or for another day
//     is put off.

// recheck is after how long messages are looked at again that are due and wait for others.
const recheck = time.Second

// blocked is the condition for message m to wait for an older one of its channel and recipient: one that tells of the same problem,
// one that tells of several, and any if m tells of several. A failure does not wait for what tells that jobs were missed. Kinds that say nothing of whether a job works neither wait nor hold up
// others, nor do reminders and tests.
var blocked = func() string {
	light := fmt.Sprintf("(%d, %d, %d, %d, %d, %d, %d)", cron.NoticeCertExpiry, cron.NoticeReminder, cron.NoticeTest, cron.NoticeChannels,
		cron.NoticeOwnExpiry, cron.NoticeChannelOff, cron.NoticeBackup)
	older := `EXISTS (SELECT 1 FROM message AS o WHERE o.channel_id = m.channel_id AND o.id < m.id AND o.state < 2
		AND o.recipient = m.recipient AND o.kind NOT IN ` + light
	return `m.kind NOT IN ` + light + ` AND (m.problem_id > 0 AND ` + older + ` AND o.problem_id = m.problem_id)
		OR ` + older + ` AND o.problem_id = 0 AND o.notices > 1 AND (o.kind <> 5 OR m.kind = 2))
		OR m.problem_id = 0 AND m.notices > 1 AND ` + older + ` AND o.problem_id >= 0))`
}()

// ClaimMessages takes messages that are due for a node. That a message is being sent is durable when it returns. The error is
// cron.ErrNodeDead when the node's lease has ended.
func (s *Store) ClaimMessages(ctx context.Context, req cron.MessageClaim) (cron.ClaimedMessages, error) {
	ctx = results.with(ctx)
	var out claimedMessages
	limit := min(req.Limit, cron.MaxSendingOfNode-len(req.Sending))
	due, lost, err := s.dueMessages(ctx, req, limit)
	if err == nil && (len(due) > 0 || lost) {
		err = s.transact(ctx, results, func(ctx context.Context, q queryer) error {
			out = claimedMessages{}
			return s.claimMessages(ctx, q, req, due, &out)
		})
	}
	if err == nil {
		out.More = limit > 0 && len(due) == limit
		err = s.openMessages(&out)
	}
	if err != nil {
		return cron.ClaimedMessages{}, fmt.Errorf("claim messages: %w", err)
	}
	return out.ClaimedMessages, nil
}

// claimedMessages is the result of a claim. Until openMessages has run, the messages have no notices and the channels no settings.
type claimedMessages struct {
	cron.ClaimedMessages
	sealed  [][]byte // settings of the channels
	notices []*listedNotice
	roots   map[int64]string // whom accounts trust, as PEM
}

// dueMessages finds messages that can be claimed. The transaction of the claim is short, and takes those that are still there. lost
// tells that the node has messages that it does not know of. Where there is nothing of either kind, nothing is written.
func (s *Store) dueMessages(ctx context.Context, req cron.MessageClaim, limit int) (ids []int64, lost bool, err error) {
	places := sendingPlaces{busy: make(map[int64]int), slow: make(map[int64]bool), free: cron.MaxSendingOfNode - len(req.Sending),
		slowFree: max((len(req.Sending)+max(limit, 0))/2, 1)}
	for _, account := range req.Slow {
		places.slow[account] = true
	}
	all := 0
	err = each(ctx, s.read, "count the messages that are being sent", func(scan scanner) error {
		var id, account, node int64
		err := scan(&id, &account, &node)
		places.busy[account]++
		all++
		lost = lost || node == req.Node && !slices.Contains(req.Sending, id)
		if node == req.Node && places.slow[account] {
			places.slowFree--
		}
		return err
	}, `SELECT id, account_id, node FROM message WHERE state = 1`)
	if err != nil || limit <= 0 {
		return nil, lost, err
	}
	err = each(ctx, s.read, "find messages that are due", func(scan scanner) error {
		var id, account int64
		if err := scan(&id, &account); err != nil {
			return err
		}
		if !places.take(account) {
			return nil
		}
		ids = append(ids, id)
		s.sendingTurn.Store(account)
		if len(ids) == limit {
			return errEnough
		}
		return nil
	}, `SELECT id, account_id FROM (
		    SELECT m.id, m.account_id, row_number() OVER (PARTITION BY `+s.engine.unindexed("m.account_id")+` ORDER BY m.due_at, m.id) AS place
		      FROM message AS m WHERE m.state = 0 AND m.due_at <= $1 AND NOT (`+blocked+`)) AS waiting
		WHERE place <= $2
		ORDER BY CASE WHEN `+s.engine.in("account_id", 5)+` THEN 1 ELSE 0 END, place, CASE WHEN account_id > $3 THEN 0 ELSE 1 END, account_id LIMIT $4`,
		millis(s.Now()), cron.MaxSendingOfAccount, s.sendingTurn.Load(), limit+all, s.engine.list(req.Slow))
	return ids, lost, err
}

// sendingPlaces shares the places of a node among accounts.
type sendingPlaces struct {
	busy     map[int64]int // messages in sending, by account
	slow     map[int64]bool
	free     int
	slowFree int // of those for slow accounts
}

// take gives a place to an account, if it may have one.
func (p *sendingPlaces) take(account int64) bool {
	switch has := p.busy[account]; {
	case has >= cron.MaxSendingOfAccount, has > 0 && p.free <= 2*has, p.slow[account] && p.slowFree <= 0:
		return false
	}
	p.busy[account]++
	p.free--
	if p.slow[account] {
		p.slowFree--
	}
	return true
}

// claimMessages is the transaction of ClaimMessages.
func (s *Store) claimMessages(ctx context.Context, q queryer, req cron.MessageClaim, due []int64, out *claimedMessages) error {
	if err := s.checkSender(ctx, q, req.Node); err != nil {
		return err
	}
	now := s.Now()
	err := s.settleMessages(ctx, q, `state = 1 AND node = $2 AND NOT `+s.engine.in("id", 3), now, req.Node, s.engine.list(req.Sending))
	if err != nil || len(due) == 0 {
		return err
	}
	var messages []*cron.Message
	err = each(ctx, q, "lock messages", func(scan scanner) error {
		m := new(cron.Message)
		messages = append(messages, m)
		return scanMessage(scan, m)
	}, `SELECT `+messageNames+` FROM message WHERE `+s.engine.in("id", 1)+` AND state = 0 ORDER BY id`+s.engine.lock(skipLocked),
		s.engine.list(due))
	if err != nil || len(messages) == 0 {
		return err
	}
	slices.SortFunc(messages, func(a, b *cron.Message) int { return slices.Index(due, a.ID) - slices.Index(due, b.ID) })
	c := messageClaim{store: s, now: now}
	if err := c.read(ctx, q, messages); err != nil {
		return err
	}
	for _, m := range messages {
		if err := c.decide(ctx, q, m); err != nil {
			return err
		}
	}
	if err := c.save(ctx, q, req.Node, out); err != nil {
		return err
	}
	taken := make([]*cron.Message, len(out.Deliveries))
	for i := range out.Deliveries {
		taken[i] = &out.Deliveries[i].Message
	}
	if out.notices, err = s.listedNotices(ctx, q, taken); err != nil {
		return err
	}
	out.roots, err = s.readRoots(ctx, q, out.Deliveries)
	return err
}

// checkSender fails when the node's lease has ended, and keeps it from being declared dead before the claim is committed.
func (s *Store) checkSender(ctx context.Context, q queryer, node int64) error {
	var epoch int64
	err := q.QueryRowContext(ctx, `SELECT epoch FROM node WHERE epoch = $1 AND NOT dead`+s.engine.lock(forShare), node).Scan(&epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return cron.ErrNodeDead
	}
	return err
}

// messageClaim decides what becomes of messages that are due.
type messageClaim struct {
	store    *Store
	now      time.Time
	channels map[int64]*cron.Channel
	sealed   map[int64][]byte
	accounts map[int64]*cron.Account
	problems map[int64]cron.ProblemNow
	owners   map[int64][]string // whom a channel that tells owners tells now
	taken    []*cron.Message
}

func (c *messageClaim) read(ctx context.Context, q queryer, messages []*cron.Message) (err error) {
	channels, accounts, problems := make(map[int64]bool), make(map[int64]bool), make(map[int64]bool)
	for _, m := range messages {
		channels[m.ChannelID], accounts[m.AccountID] = true, true
		if m.ProblemID != 0 {
			problems[m.ProblemID] = true
		}
	}
	in, list := c.store.engine.in, c.store.engine.list
	c.channels, c.sealed, c.accounts = make(map[int64]*cron.Channel), make(map[int64][]byte), make(map[int64]*cron.Account)
	err = each(ctx, q, "read the channels", func(scan scanner) error {
		var sealed []byte
		channel := new(cron.Channel)
		err := scanChannel(scan, channel, &sealed)
		c.channels[channel.ID], c.sealed[channel.ID] = channel, sealed
		return err
	}, `SELECT `+channelNames+`, channel.sealed FROM channel WHERE `+in("channel.id", 1), list(keysOf(channels)))
	if err != nil {
		return err
	}
	err = each(ctx, q, "read the accounts", func(scan scanner) error {
		var row accountRow
		err := scan(row.targets()...)
		account := row.read()
		account.Disabled = row.disabled // also one that waits for its deletion
		c.accounts[account.ID] = &account
		return err
	}, `SELECT `+accountNames+` FROM account WHERE `+in("account.id", 1), list(keysOf(accounts)))
	if err != nil {
		return err
	}
	if c.problems, err = c.store.problemsNow(ctx, q, keysOf(problems), c.now); err != nil {
		return err
	}
	return c.readOwners(ctx, q)
}

func (c *messageClaim) readOwners(ctx context.Context, q queryer) error {
	c.owners = make(map[int64][]string)
	for id, channel := range c.channels {
		if channel.Kind != cron.KindOwners {
			continue
		}
		queues, err := ownerQueues(ctx, q, channel)
		if err != nil {
			return err
		}
		for _, queue := range queues {
			c.owners[id] = append(c.owners[id], queue.Recipient)
		}
	}
	return nil
}

// decide drops a message, puts it off, or takes it.
func (c *messageClaim) decide(ctx context.Context, q queryer, m *cron.Message) error {
	channel, account, problem := c.channels[m.ChannelID], c.accounts[m.AccountID], c.problems[m.ProblemID]
	if account == nil || account.Disabled {
		return dropMessage(ctx, q, m, cron.DropAccount, c.now)
	}
	switch why := m.Kind.Drop(channel, problem, c.now); {
	case why == cron.DropSnoozed && m.Kind == cron.NoticeReminder: // it may be open again later
		until := c.now.Add(channel.Reminder)
		if problem.SnoozedUntil.Before(until) {
			until = problem.SnoozedUntil
		}
		return putOff(ctx, q, m, until, m.Fault)
	case why != cron.DropNone:
		return dropMessage(ctx, q, m, why, c.now)
	}
	if channel.Kind == cron.KindOwners && !slices.Contains(c.owners[channel.ID], m.Recipient) {
		return dropMessage(ctx, q, m, cron.DropChannel, c.now) // who has left or unsubscribed hears no more, not even a reminder
	}
	if until := channel.Held(m.Kind, c.now); !until.IsZero() {
		return putOff(ctx, q, m, until, m.Fault)
	}
	if channel.Mails() {
		until, err := c.store.countMail(ctx, q, account, c.now)
		if err != nil {
			return err
		}
		if !until.IsZero() {
			return putOff(ctx, q, m, until, cron.ChannelLimit)
		}
	}
	c.taken = append(c.taken, m)
	return nil
}

func dropMessage(ctx context.Context, q queryer, m *cron.Message, why cron.MessageDrop, now time.Time) error {
	_, err := q.ExecContext(ctx, `UPDATE message SET state = 4, dropped = $2, ended_at = $3 WHERE id = $1`, m.ID, int(why), millis(now))
	if err != nil {
		return fmt.Errorf("drop a message: %w", err)
	}
	return nil
}

func putOff(ctx context.Context, q queryer, m *cron.Message, until time.Time, why cron.ChannelFault) error {
	_, err := q.ExecContext(ctx, `UPDATE message SET due_at = $2, fault = $3 WHERE id = $1`, m.ID, millis(until), int(why))
	if err != nil {
		return fmt.Errorf("put a message off: %w", err)
	}
	return nil
}

// kindMails is what is counted in usage for Plan.MailsPerDay. It is apart from the kinds of package service.
const kindMails = 3000

// countMail counts a mail of an account. If its plan allows no more today, it counts nothing and returns when the next day begins.
func (s *Store) countMail(ctx context.Context, q queryer, account *cron.Account, now time.Time) (until time.Time, err error) {
	plan := s.plans.Of(account.Plan, account.Overrides)
	if plan.MailsPerDay == 0 {
		return time.Time{}, nil
	}
	day := cron.RateLimit{Kind: kindMails, Subject: account.ID, Window: 24 * time.Hour}
	res, err := q.ExecContext(ctx, `INSERT INTO usage (kind, subject, window_at, count) VALUES ($1, $2, $3, 1)
		ON CONFLICT (kind, subject, window_at) DO UPDATE SET count = usage.count + 1 WHERE usage.count < $4`,
		day.Kind, day.Subject, millis(day.Start(now)), plan.MailsPerDay)
	if err != nil {
		return time.Time{}, fmt.Errorf("count a mail: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return time.Time{}, err
	}
	return day.Start(now).Add(day.Window), nil
}

// save writes which messages are taken.
func (c *messageClaim) save(ctx context.Context, q queryer, node int64, out *claimedMessages) error {
	ids := make([]int64, len(c.taken))
	for i, m := range c.taken {
		ids[i] = m.ID
		m.State, m.Attempts = cron.MessageSending, m.Attempts+1
		d := cron.MessageDelivery{Message: *m, Channel: *c.channels[m.ChannelID], Account: *c.accounts[m.AccountID]}
		out.Deliveries, out.sealed = append(out.Deliveries, d), append(out.sealed, c.sealed[m.ChannelID])
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, `UPDATE message SET state = 1, node = $2, attempts = attempts + 1, claimed_at = $3,
		tried_at = CASE WHEN tried_at = 0 THEN $3 ELSE tried_at END WHERE `+c.store.engine.in("id", 1),
		c.store.engine.list(ids), node, millis(c.now))
	if err != nil {
		return fmt.Errorf("take messages: %w", err)
	}
	return nil
}

// openMessages decodes what claimed messages tell, and opens the settings of their channels. A message whose settings do not open gets
// the fault ChannelInside.
func (s *Store) openMessages(out *claimedMessages) error {
	for i := range out.Deliveries {
		d := &out.Deliveries[i]
		d.Message.Fault = cron.ChannelOK
		if err := s.openChannel(out.sealed[i], &d.Channel); err != nil {
			s.logger.Error("the settings of a channel cannot be read", slogErr(err))
			d.Message.Fault = cron.ChannelInside
		}
	}
	openRoots(out.Deliveries, out.roots)
	return addNotices(out.notices)
}

// NextMessage is when to claim messages or mails next; the zero time when none waits. Some that are due may wait for others.
func (s *Store) NextMessage(ctx context.Context) (time.Time, error) {
	var (
		next     sql.NullInt64
		unrouted bool
		now      = s.Now()
	)
	ctx = results.with(ctx)
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT min(due_at) FROM (SELECT min(due_at) AS due_at FROM message WHERE state = 0
			UNION ALL SELECT min(due_at) FROM mail) AS waiting),
		EXISTS (SELECT 1 FROM outbox WHERE unrouted)`).Scan(&next, flag(&unrouted))
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("find the next message: %w", databaseError(err))
	case unrouted:
		return now, nil
	case !next.Valid:
		return time.Time{}, nil
	}
	if at := instant(next.Int64); at.After(now) {
		return at, nil
	}
	return now.Add(recheck), nil
}

// keysOf lists the keys of a set, in order.
func keysOf(set map[int64]bool) []int64 {
	list := make([]int64, 0, len(set))
	for id := range set {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}
