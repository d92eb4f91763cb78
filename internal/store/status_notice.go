package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// What subscribers of status pages are told is a row of status_notice, written in the transaction of what it tells. MakeDeliveries makes
// a row of status_delivery for each subscriber, in chunks, and remembers how far it is:
//
//	incident, maintenance ── transaction ──▶ status_notice ── MakeDeliveries ──▶ status_delivery ── ClaimDeliveries ──▶ attempt
//	                                                          last_id, complete         ▲                                 │
//	                                                                                    └── due again ── FinishDelivery ◀─┘
//
// A claim puts a delivery off by deliveryLease, after which it counts as lost and is claimed again, with the same key. An account has a
// bounded number of deliveries in sending on all nodes, and accounts take turns, so neither an endpoint that hangs nor a page with many
// subscribers delays those of others. Subscribers get their notices in order: a delivery waits for older ones of its subscriber. So that
// neither the rows nor what a put off delivery takes along grow without bound, a subscriber has at most statuspage.MaxWaitingDeliveries.

// subscriberNoticeRow is the columns of status_notice that a notice has, but id.
func subscriberNoticeRow(n *statuspage.Notice) columns {
	return func(list *columnList) {
		list.add("page_id", integer(&n.PageID))
		list.add("account_id", integer(&n.AccountID))
		list.add("kind", integer(&n.Kind))
		list.add("object_id", integer(&n.ObjectID))
		list.add("title", text(&n.Title))
		list.add("body", text(&n.Text))
		list.add("phase", integer(&n.Phase))
		list.add("starts_at", moment(&n.Start))
		list.add("ends_at", moment(&n.End))
		list.add("component_ids", idsField{&n.ComponentIDs})
		list.add("created_at", moment(&n.Created))
	}
}

var (
	subscriberNoticeNames  = names("n", subscriberNoticeRow(new(statuspage.Notice)))
	subscriberNoticeInsert = insertRow("status_notice", subscriberNoticeRow(new(statuspage.Notice)))
)

// addNotice has the subscribers of a page told of something, if the page is published and has any.
func (s *Store) addNotice(ctx context.Context, q queryer, n *statuspage.Notice) error {
	var told bool
	err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM status_subscriber WHERE page_id = $1 AND confirmed_at <> 0)
		AND EXISTS (SELECT 1 FROM status_page WHERE id = $1 AND published)`, n.PageID).Scan(flag(&told))
	if err != nil {
		return fmt.Errorf("look for subscribers: %w", err)
	}
	if !told {
		return nil
	}
	n.Created = s.stamp()
	if err := q.QueryRowContext(ctx, subscriberNoticeInsert, values(nil, subscriberNoticeRow(n))...).Scan(&n.ID); err != nil {
		return fmt.Errorf("add a notice to subscribers: %w", err)
	}
	return nil
}

// announcePlan tells subscribers of a maintenance that was planned, unless it is over.
func (s *Store) announcePlan(ctx context.Context, q queryer, p *statuspage.Plan, now time.Time) error {
	start, end, ok := p.Span(now)
	if !ok {
		return nil
	}
	kind := statuspage.NoticeAnnounced
	if !start.After(now) {
		kind = statuspage.NoticeStarted
	}
	n := p.Notice(kind, start, end)
	return s.addNotice(ctx, q, &n)
}

// withdrawPlan tells subscribers that a maintenance which was deleted has ended, or will not be.
func (s *Store) withdrawPlan(ctx context.Context, q queryer, p *statuspage.Plan, now time.Time) error {
	start, end, ok := p.Span(now)
	if !ok {
		return nil
	}
	kind := statuspage.NoticeCancelled
	if !start.After(now) {
		kind, end = statuspage.NoticeEnded, now
	}
	n := p.Notice(kind, start, end)
	return s.addNotice(ctx, q, &n)
}

// tellBoundary tells subscribers that a span of a maintenance began or ended at an instant.
func (s *Store) tellBoundary(ctx context.Context, q queryer, p *statuspage.Plan, at, now time.Time) error {
	if at.Before(now.Add(-statuspage.MaxNoticeDelay)) {
		return nil
	}
	kind := statuspage.NoticeStarted
	start, end, ok := p.Span(at)
	if !ok || !start.Equal(at) {
		kind = statuspage.NoticeEnded
		if start, end, ok = p.Span(at.Add(-time.Millisecond)); !ok {
			return nil
		}
	}
	n := p.Notice(kind, start, end)
	return s.addNotice(ctx, q, &n)
}

// remindOf reminds subscribers of a maintenance when that is due. changed tells that the next reminder is another one.
func (s *Store) remindOf(ctx context.Context, q queryer, p *shownPlan, now time.Time) (changed bool, err error) {
	if p.remind.IsZero() || p.remind.After(now) {
		return false, nil
	}
	due := p.remind
	if p.remind = p.Reminder(now); due.Equal(newZones) {
		return true, nil
	}
	start, end, ok := p.Span(due.Add(statuspage.SoonBefore))
	if !ok || !start.After(now) {
		return true, nil
	}
	n := p.Notice(statuspage.NoticeSoon, start, end)
	return true, s.addNotice(ctx, q, &n)
}

// deliveryChunk is how many subscribers one step of MakeDeliveries looks at.
const deliveryChunk = 200

// openNotice is a notice that not all subscribers have a delivery of.
type openNotice struct {
	id, account, page, last int64
	components              []int64
	created                 time.Time
}

// errServed says that another node has made the deliveries.
var errServed = errors.New("another node has made these deliveries")

// openNotice finds the notice that has waited longest for deliveries; nil for none.
func (s *Store) openNotice(ctx context.Context) (*openNotice, error) {
	if there, ok := s.polled(ctx); ok && !there.notices {
		return nil, nil
	}
	list, err := collect(ctx, s.read, "look for notices to subscribers", func(scan scanner, n *openNotice) error {
		return scan(&n.id, &n.account, &n.page, &n.last, idsField{&n.components}, moment(&n.created))
	}, `SELECT id, account_id, page_id, last_id, component_ids, created_at FROM status_notice WHERE NOT complete ORDER BY served_at, id LIMIT 1`)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// MakeDeliveries makes deliveries for a chunk of the subscribers of one notice; notices take turns. more asks for another step soon.
func (s *Store) MakeDeliveries(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	n, err := s.openNotice(ctx)
	if err != nil || n == nil {
		return false, err
	}
	type candidate struct {
		id         int64
		components []int64
	}
	candidates, err := collect(ctx, s.read, "list subscribers", func(scan scanner, c *candidate) error {
		return scan(&c.id, idsField{&c.components})
	}, `SELECT id, component_ids FROM status_subscriber WHERE page_id = $1 AND id > $2 AND confirmed_at <> 0 AND confirmed_at <= $3
		ORDER BY id LIMIT $4`, n.page, n.last, millis(n.created), deliveryChunk)
	if err != nil {
		return false, err
	}
	last, complete, told := n.last, len(candidates) < deliveryChunk, []int64{}
	for _, c := range candidates {
		last = c.id
		if (&statuspage.Subscriber{ComponentIDs: c.components}).Wants(n.components) {
			told = append(told, c.id)
		}
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		now := millis(s.Now())
		res, err := q.ExecContext(ctx, `UPDATE status_notice SET last_id = $3, complete = $4, served_at = $5 WHERE id = $1 AND last_id = $2 AND NOT complete`,
			n.id, n.last, last, complete, now)
		if err := changedOne(res, err, cron.SubjectNone); cron.KindOf(err) == cron.NotFound {
			return errServed
		} else if err != nil || len(told) == 0 {
			return err
		}
		return s.addDeliveries(ctx, q, n, told)
	})
	if err != nil && !errors.Is(err, errServed) {
		return false, fmt.Errorf("make deliveries to subscribers: %w", err)
	}
	return true, nil
}

// addDeliveries makes the deliveries of a notice to some subscribers, without those who have unsubscribed since. Whoever has too many that
// wait loses the oldest: the latest say how things are.
func (s *Store) addDeliveries(ctx context.Context, q queryer, n *openNotice, told []int64) error {
	_, err := q.ExecContext(ctx, `INSERT INTO status_delivery (notice_id, subscriber_id, account_id, created_at, due_at)
		SELECT n.id, s.id, n.account_id, n.created_at, n.served_at FROM status_notice AS n JOIN status_subscriber AS s ON s.page_id = n.page_id
		WHERE n.id = $1 AND s.page_id = $3 AND `+s.engine.in("s.id", 2)+` ORDER BY s.id`+s.engine.lock(forKeyShare), n.id, s.engine.list(told), n.page)
	if err == nil {
		_, err = q.ExecContext(ctx, `DELETE FROM status_delivery WHERE id IN (SELECT (SELECT d.id FROM status_delivery AS d
			WHERE d.subscriber_id = s.id ORDER BY d.id DESC LIMIT 1 OFFSET $2) FROM status_subscriber AS s WHERE `+s.engine.in("s.id", 1)+`)`,
			s.engine.list(told), statuspage.MaxWaitingDeliveries)
	}
	return err
}

// prunedSubscribers is how many rows one step of PruneSubscribers deletes of each kind.
const prunedSubscribers = 200

// PruneSubscribers deletes subscriptions that nobody has confirmed in time, and notices that all are told of. more asks for another step
// soon.
func (s *Store) PruneSubscribers(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	for _, of := range []struct {
		table, where string
		args         []any
	}{
		{"status_subscriber", `expires_at <> 0 AND expires_at <= $1`, []any{millis(s.Now())}},
		{"status_notice", `complete AND (SELECT 1 FROM status_delivery WHERE notice_id = status_notice.id LIMIT 1) IS NULL`, nil},
	} {
		ids, err := collect(ctx, s.read, "look for what subscribers no longer need", single[int64],
			`SELECT id FROM `+of.table+` WHERE `+of.where+` LIMIT `+strconv.Itoa(prunedSubscribers), of.args...)
		if err != nil {
			return false, err
		}
		if len(ids) == 0 {
			continue
		}
		err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			args := append(of.args[:len(of.args):len(of.args)], s.engine.list(ids))
			_, err := q.ExecContext(ctx, `DELETE FROM `+of.table+` WHERE `+of.where+` AND `+s.engine.in("id", len(args)), args...)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("delete what subscribers no longer need: %w", err)
		}
		more = more || len(ids) == prunedSubscribers
	}
	return more, nil
}
