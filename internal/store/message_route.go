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

// A message is what one channel is sent. Notices become messages, and messages are sent, in steps that each are a transaction:
//
//	outbox ── RouteNotices ──▶ waiting ── ClaimMessages ──▶ sending ── FinishMessage ──▶ sent
//	                            │  ▲  ▲                        │   │                └──▶ failed
//	                            │  │  └─ another attempt ──────┼───┘
//	                            ▼  │                           │
//	                         dropped└──── its node has died ◀──┘
//
// A process may die between any two of them: what is not routed is routed by another node, and what a dead node was sending is sent
// again. So a message is sent at least once, and its ID tells a receiver that it comes again.
//
// Routing locks the channels of the account, so nodes take turns. Whoever changes a message that waits holds the lock of its row;
// routing passes over those that are locked, and so does a claim. Nodes find out about notices by a signal in the process, by NOTIFY
// from other nodes, and by a poll of the indexes outbox_unrouted and message_due.

// routeChunk is how many notices one transaction routes at most, and routeRows how many rows it writes about them.
const (
	routeChunk = 500
	routeRows  = 2000
)

// Noticed receives when notices or messages may wait on this node or, as a hint, on another.
func (s *Store) Noticed() <-chan struct{} { return s.noticed }

// RouteNotices turns a chunk of the notices of one account into messages; accounts take turns. more asks for another step.
func (s *Store) RouteNotices(ctx context.Context) (more bool, err error) {
	ctx = results.with(ctx)
	account, err := s.nextUnrouted(ctx)
	if err != nil || account == 0 {
		return false, err
	}
	r := routing{store: s, account: account, now: s.Now()}
	if err = r.read(ctx); err == nil {
		err = s.transact(ctx, results, r.write)
	}
	if err != nil {
		return false, fmt.Errorf("route notices: %w", err)
	}
	s.routedAccount.Store(account)
	return true, nil
}

// nextUnrouted is the next account with notices that are not routed; 0 when there is none.
func (s *Store) nextUnrouted(ctx context.Context) (account int64, err error) {
	for _, after := range []int64{s.routedAccount.Load(), 0} {
		err = s.read.QueryRowContext(ctx, `SELECT account_id FROM outbox WHERE unrouted AND account_id > $1 ORDER BY account_id LIMIT 1`,
			after).Scan(&account)
		if !errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err = nil; after == 0 {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("find notices: %w", databaseError(err))
	}
	return account, nil
}

// routing is one step of RouteNotices.
type routing struct {
	store   *Store
	account int64
	now     time.Time
	notices []cron.Notice

	channels []cron.Channel
	queues   map[int64][]*cron.MessageQueue // by channel, one for each recipient
	problems map[int64]cron.ProblemNow
	targets  map[*cron.Message][]int64 // the notices that each gets
	failed   map[toldJob]bool          // jobs whose failures this step tells
	failures map[int64][]toldFailure   // by job, those told before of jobs that have recovered, the latest first
	untold   map[int][]int64           // notices that no message tells, by the reason
}

// toldJob is a job of which a recipient hears.
type toldJob struct {
	queue *cron.MessageQueue
	job   int64
}

// read reads a chunk of notices, fewer where many channels take them.
func (r *routing) read(ctx context.Context) (err error) {
	var channels int
	err = r.store.read.QueryRowContext(ctx, `SELECT count(*) FROM channel WHERE account_id = $1`, r.account).Scan(&channels)
	if err != nil {
		return err
	}
	limit := min(max(routeRows/max(channels, 1), 1), routeChunk)
	r.notices, err = collect(ctx, r.store.read, "read notices", func(scan scanner, n *cron.Notice) error { return scanNotice(scan, n) },
		`SELECT `+noticeNames+` FROM outbox WHERE account_id = $1 AND unrouted ORDER BY id LIMIT $2`, r.account, limit)
	return err
}

// write is the transaction.
func (r *routing) write(ctx context.Context, q queryer) error {
	s := r.store
	r.targets, r.untold, r.failed = make(map[*cron.Message][]int64), make(map[int][]int64), make(map[toldJob]bool)
	// They are locked by a statement of their own: the next one sees what the holder of the locks has committed.
	_, err := collect(ctx, q, "lock the channels", single[int64],
		`SELECT id FROM channel WHERE account_id = $1 ORDER BY id`+s.engine.lock(forUpdate), r.account)
	if err != nil {
		return err
	}
	if r.channels, err = readChannels(ctx, q, r.account); err != nil {
		return err
	}
	taken, err := r.take(ctx, q)
	if err != nil || len(taken) == 0 {
		return err
	}
	if err := r.prepare(ctx, q, taken); err != nil {
		return err
	}
	for _, n := range taken {
		if err := r.route(ctx, q, n); err != nil {
			return err
		}
	}
	if err := r.save(ctx, q); err != nil {
		return err
	}
	wakeHere(ctx, wakeNotices)
	return nil
}

// take marks the notices as routed, and returns those that no other node has routed.
func (r *routing) take(ctx context.Context, q queryer) (taken []*cron.Notice, err error) {
	ids := make([]int64, len(r.notices))
	for i := range r.notices {
		ids[i] = r.notices[i].ID
	}
	done, err := collect(ctx, q, "take notices", single[int64],
		`UPDATE outbox SET unrouted = false WHERE `+r.store.engine.in("id", 1)+` AND unrouted RETURNING id`, r.store.engine.list(ids))
	if err != nil {
		return nil, err
	}
	for i := range r.notices {
		if slices.Contains(done, r.notices[i].ID) {
			taken = append(taken, &r.notices[i])
		}
	}
	return taken, nil
}

// prepare reads what decides about notices: recipients, messages that wait or went out lately, and problems.
func (r *routing) prepare(ctx context.Context, q queryer, notices []*cron.Notice) error {
	r.queues = make(map[int64][]*cron.MessageQueue)
	for i := range r.channels {
		c := &r.channels[i]
		if c.Kind != cron.KindOwners {
			r.queues[c.ID] = []*cron.MessageQueue{{Channel: c}}
			continue
		}
		owners, err := ownerQueues(ctx, q, c)
		if err != nil {
			return err
		}
		r.queues[c.ID] = owners
	}
	if err := r.readQueues(ctx, q); err != nil {
		return err
	}
	var ids []int64
	for _, n := range notices {
		if n.ProblemID != 0 && !slices.Contains(ids, n.ProblemID) {
			ids = append(ids, n.ProblemID)
		}
	}
	var err error
	if r.problems, err = r.store.problemsNow(ctx, q, ids, r.now); err != nil {
		return err
	}
	r.failures, err = r.store.toldFailures(ctx, q, notices)
	return err
}

// ownerQueues are the queues of the owners of an account, or of its address when it has none.
func ownerQueues(ctx context.Context, q queryer, c *cron.Channel) (queues []*cron.MessageQueue, err error) {
	add := func(scan scanner) error {
		queue := &cron.MessageQueue{Channel: c}
		if err := scan(&queue.Recipient, &queue.Language); err != nil {
			return err
		}
		if !slices.Contains(c.Unsubscribed, queue.Recipient) {
			queues = append(queues, queue)
		}
		return nil
	}
	err = each(ctx, q, "list the owners", add, `SELECT person.email, person.language FROM membership JOIN person ON person.id = membership.person_id
		WHERE membership.account_id = $1 AND membership.role = $2 AND NOT person.disabled ORDER BY person.id`, c.AccountID, int(cron.RoleOwner))
	if err != nil {
		return nil, err
	}
	var owned bool
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM membership WHERE account_id = $1 AND role = $2)`, c.AccountID,
		int(cron.RoleOwner)).Scan(flag(&owned))
	if err != nil || owned {
		return queues, err
	}
	return queues, each(ctx, q, "read the address of the account", add, `SELECT email, '' FROM account WHERE id = $1`, c.AccountID)
}

// readQueues reads the messages of the queues, and locks those that wait.
func (r *routing) readQueues(ctx context.Context, q queryer) error {
	known := make(map[int64]bool)
	var list []*cron.Message
	add := func(scan scanner) error {
		m := new(cron.Message)
		if err := scanMessage(scan, m); err != nil {
			return err
		}
		if !known[m.ID] {
			known[m.ID], list = true, append(list, m)
		}
		return nil
	}
	err := each(ctx, q, "read the messages that wait", add, `SELECT `+messageNames+` FROM message WHERE account_id = $1 AND state = 0
		AND kind <> $2 ORDER BY id`+r.store.engine.lock(skipLocked), r.account, int(cron.NoticeReminder))
	if err != nil {
		return err
	}
	since := r.now.Add(-cron.QueuedSpan)
	err = each(ctx, q, "read the latest messages", func(scan scanner) error {
		if err := add(scan); err != nil {
			return err
		}
		if list[len(list)-1].Created.Before(since) {
			return errEnough
		}
		return nil
	}, `SELECT `+messageNames+` FROM message WHERE account_id = $1 AND state > 0 ORDER BY id DESC LIMIT $2`, r.account, routeRows)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *cron.Message) int { return int(a.ID - b.ID) })
	for _, m := range list {
		for _, queue := range r.queues[m.ChannelID] {
			if queue.Recipient == m.Recipient {
				queue.Messages = append(queue.Messages, m)
			}
		}
	}
	return nil
}

// problemsNow reads the states of problems. The snooze of a problem ends by itself.
func (s *Store) problemsNow(ctx context.Context, q queryer, ids []int64, now time.Time) (map[int64]cron.ProblemNow, error) {
	problems := make(map[int64]cron.ProblemNow, len(ids))
	if len(ids) == 0 {
		return problems, nil
	}
	return problems, each(ctx, q, "read the problems of messages", func(scan scanner) error {
		var id int64
		p := cron.ProblemNow{Known: true}
		err := scan(&id, integer(&p.State), moment(&p.SnoozedUntil))
		problems[id] = p
		return err
	}, `SELECT id, `+stateNow("$2")+`, snoozed_until FROM problem WHERE `+s.engine.in("id", 1), s.engine.list(ids), millis(now))
}

// route puts a notice into the queues of its channels.
func (r *routing) route(ctx context.Context, q queryer, n *cron.Notice) error {
	if n.ChannelIDs != nil && len(n.ChannelIDs) == 0 {
		r.untold[untoldNobody] = append(r.untold[untoldNobody], n.ID)
		return nil
	}
	told := false
	for _, c := range cron.Route(n, r.channels) {
		drop := n.Kind.Drop(c, r.problems[n.ProblemID], r.now)
		for _, queue := range r.queues[c.ID] {
			why := drop
			if n.Kind == cron.NoticeAcknowledged {
				if heard, err := hasHeard(ctx, q, queue, n.ProblemID); err != nil {
					return err
				} else if !heard {
					continue
				}
			}
			if why == cron.DropNone && n.Kind == cron.NoticeSuccess {
				why = r.recovers(queue, n)
			}
			m := queue.Add(n, why, r.now)
			r.targets[m] = append(r.targets[m], n.ID)
			told = true
			if why == cron.DropNone && n.Kind.OfFailures() {
				r.failed[toldJob{queue, n.JobID}] = true
			}
		}
	}
	if !told {
		r.untold[untoldChannel] = append(r.untold[untoldChannel], n.ID)
	}
	return nil
}

// hasHeard tells whether a message about a problem was sent, or is being sent.
func hasHeard(ctx context.Context, q queryer, queue *cron.MessageQueue, problemID int64) (heard bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM message WHERE channel_id = $1 AND problem_id = $2 AND recipient = $3
		AND state IN (1, 2))`, queue.Channel.ID, problemID, queue.Recipient).Scan(flag(&heard))
	if err != nil {
		return false, fmt.Errorf("look whether a problem was told: %w", err)
	}
	return heard, nil
}

// save writes the messages and which notices they tell.
func (r *routing) save(ctx context.Context, q queryer) error {
	for _, c := range r.channels {
		for _, queue := range r.queues[c.ID] {
			for _, m := range queue.Messages {
				if ids := r.targets[m]; len(ids) > 0 {
					if err := r.store.saveMessage(ctx, q, m, ids); err != nil {
						return err
					}
				}
			}
		}
	}
	for why, ids := range r.untold {
		_, err := q.ExecContext(ctx, `UPDATE outbox SET untold = $2 WHERE `+r.store.engine.in("id", 1), r.store.engine.list(ids), why)
		if err != nil {
			return fmt.Errorf("note why nobody is told: %w", err)
		}
	}
	return nil
}

// saveMessage writes a message, which is new when it has no ID, and adds notices to it.
func (s *Store) saveMessage(ctx context.Context, q queryer, m *cron.Message, notices []int64) (err error) {
	if m.ID == 0 {
		err = q.QueryRowContext(ctx, messageInsert, values(nil, messageColumns(m))...).Scan(&m.ID)
	} else {
		_, err = q.ExecContext(ctx, `UPDATE message SET kind = $2, problem_id = $3, notices = $4 WHERE id = $1`, m.ID, int(m.Kind),
			m.ProblemID, m.Count)
	}
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	listed := min(max(cron.MaxListedNotices-(m.Count-len(notices)), 0), len(notices))
	for list, ids := range map[bool][]int64{true: notices[:listed], false: notices[listed:]} {
		if len(ids) == 0 {
			continue
		}
		_, err := q.ExecContext(ctx, `INSERT INTO message_notice (message_id, outbox_id, listed)
			SELECT $1, id, $3 FROM outbox WHERE `+s.engine.in("id", 2), m.ID, s.engine.list(ids), list)
		if err != nil {
			return fmt.Errorf("write what a message tells: %w", err)
		}
	}
	return nil
}

var messageInsert = insertRow("message", messageColumns(new(cron.Message)))
