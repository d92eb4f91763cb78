package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// deliveryLease is after how long an attempt counts as lost. It is longer than an attempt takes.
const deliveryLease = 2 * time.Minute

// olderDelivery is the condition for delivery d that its subscriber has to be told of something else before.
const olderDelivery = `EXISTS (SELECT 1 FROM status_delivery AS o WHERE o.subscriber_id = d.subscriber_id AND o.id < d.id)`

// dueAccounts lists the accounts with deliveries that are due at $1, by one search of the index for each account that has any.
const dueAccounts = `WITH RECURSIVE accounts (id) AS (
		SELECT (SELECT min(account_id) FROM status_delivery)
		UNION ALL SELECT (SELECT min(d.account_id) FROM status_delivery AS d WHERE d.account_id > accounts.id) FROM accounts WHERE accounts.id IS NOT NULL)
	SELECT id FROM accounts WHERE EXISTS (SELECT 1 FROM status_delivery AS d WHERE d.account_id = accounts.id AND d.due_at <= $1) ORDER BY id`

// ClaimDeliveries takes deliveries that are due, accounts in turn. It begins with the account after the last one that was served, and gives
// an account no more than it may have in sending.
func (s *Store) ClaimDeliveries(ctx context.Context, c statuspage.DeliveryClaim) ([]statuspage.Delivery, error) {
	if c.Limit <= 0 {
		return nil, nil
	}
	ctx = results.with(ctx)
	ids, err := s.dueDeliveries(ctx, c)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	now := s.Now()
	claimed := map[int64]int{}
	err = s.transact(ctx, results, func(ctx context.Context, q queryer) error {
		clear(claimed)
		return each(ctx, q, "claim deliveries", func(scan scanner) error {
			var id int64
			var attempts int
			err := scan(&id, &attempts)
			claimed[id] = attempts
			return err
		}, `UPDATE status_delivery SET sending = true, attempts = attempts + 1, due_at = $2 WHERE due_at <= $1 AND `+
			s.engine.in("id", 3)+` RETURNING id, attempts`, millis(now), millis(now.Add(deliveryLease)), s.engine.list(ids))
	})
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	return s.claimedDeliveries(ctx, claimed)
}

// dueDeliveries finds deliveries that can be claimed. Two nodes may find the same ones; the transaction of the claim gives them to one.
func (s *Store) dueDeliveries(ctx context.Context, c statuspage.DeliveryClaim) (ids []int64, err error) {
	if there, ok := s.polled(ctx); ok && !there.deliveries {
		return nil, nil
	}
	now := millis(s.Now())
	accounts, err := collect(ctx, s.read, "look for deliveries", single[int64], dueAccounts, now)
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	busy := map[int64]int{}
	err = each(ctx, s.read, "count deliveries that are being sent", func(scan scanner) error {
		var account int64
		var n int
		err := scan(&account, &n)
		busy[account] = n
		return err
	}, `SELECT account_id, count(*) FROM status_delivery WHERE sending AND due_at > $1 GROUP BY account_id`, now)
	if err != nil {
		return nil, err
	}
	turn := s.deliveryTurn.Load()
	start, _ := slices.BinarySearch(accounts, turn+1)
	accounts = append(accounts[start:len(accounts):len(accounts)], accounts[:start]...)
	for share, room := 1, c.Limit; share <= c.Most && room > 0; share++ { // one of each account before a second one of any
		progress := false
		for _, account := range accounts {
			slow := slices.Contains(c.Slow, account)
			if room == 0 || busy[account] >= c.Most || slow && (busy[account] > 0 || room <= c.Limit/2) {
				continue
			}
			next, err := s.dueDelivery(ctx, account, now, ids)
			if err != nil {
				return nil, err
			}
			if next == 0 {
				busy[account] = c.Most
				continue
			}
			ids, progress = append(ids, next), true
			busy[account]++
			room--
			s.deliveryTurn.Store(account)
		}
		if !progress {
			break
		}
	}
	return ids, nil
}

// dueDelivery is the next delivery of an account that is due, beside some; 0 for none.
func (s *Store) dueDelivery(ctx context.Context, account, now int64, beside []int64) (id int64, err error) {
	err = each(ctx, s.read, "find a delivery that is due", func(scan scanner) error {
		if err := scan(&id); err != nil {
			return err
		}
		if slices.Contains(beside, id) {
			id = 0
			return nil
		}
		return errEnough
	}, `SELECT d.id FROM status_delivery AS d WHERE d.account_id = $1 AND d.due_at <= $2 AND NOT `+olderDelivery+` ORDER BY d.due_at, d.id LIMIT $3`,
		account, now, len(beside)+1)
	return id, err
}

// deliveryAsRead is a delivery whose subscriber is still sealed.
type deliveryAsRead struct {
	statuspage.Delivery
	subscriber subscriberAsRead
	noticeID   int64
	access     int
	stopped    bool
}

// deliveryNames are what is read of a delivery d with its subscriber s, page p and account a.
var deliveryNames = `d.id, coalesce(d.notice_id, 0), d.created_at, p.title, p.slug, p.timezone, p.language, p.access, a.access,
	(a.disabled OR NOT p.published), ` + subscriberNames

func scanDelivery(scan scanner, d *deliveryAsRead) error {
	p := &d.Page
	to := []any{&d.ID, &d.noticeID, moment(&d.Begun), &p.Title, &p.Slug, &p.Timezone, &p.Language, integer(&p.Access), &d.access, flag(&d.stopped)}
	return scan(append(append(to, targets(subscriberRow(&d.subscriber.Subscriber))...), &d.subscriber.hash, &d.subscriber.sealed)...)
}

// claimedDeliveries reads what is to be sent. Webhooks that members of the account subscribed reach what the account may, while the page is for
// members; those of strangers reach global addresses only, also once nobody but members can read the page.
func (s *Store) claimedDeliveries(ctx context.Context, attempts map[int64]int) ([]statuspage.Delivery, error) {
	ids := make([]int64, 0, len(attempts))
	for id := range attempts {
		ids = append(ids, id)
	}
	read, err := collect(ctx, s.read, "read the deliveries", scanDelivery, `SELECT `+deliveryNames+` FROM status_delivery AS d
		JOIN status_subscriber AS s ON s.id = d.subscriber_id JOIN status_page AS p ON p.id = s.page_id JOIN account AS a ON a.id = p.account_id
		WHERE `+s.engine.in("d.id", 1)+` ORDER BY d.id`, s.engine.list(ids))
	if err != nil {
		return nil, err
	}
	notices, titles, err := s.noticesOf(ctx, read)
	if err != nil {
		return nil, err
	}
	list := make([]statuspage.Delivery, 0, len(read))
	for i := range read {
		d := &read[i]
		s.openSubscriber(&d.subscriber)
		d.Subscriber, d.Attempts, d.Dropped = d.subscriber.Subscriber, attempts[d.ID], d.stopped
		d.Page.ID, d.Page.AccountID = d.Subscriber.PageID, d.Subscriber.AccountID
		d.Global = !d.Subscriber.Member || d.Page.Access != statuspage.AccessMembers || cron.Access(d.access) == cron.AccessGlobal
		if d.noticeID != 0 {
			d.Notice = notices[d.noticeID]
			for _, id := range d.Notice.ComponentIDs {
				if title, ok := titles[id]; ok {
					d.Components = append(d.Components, title)
				}
			}
		}
		list = append(list, d.Delivery)
	}
	return list, nil
}

// noticesOf reads the notices of deliveries, and the titles of the components that they name.
func (s *Store) noticesOf(ctx context.Context, deliveries []deliveryAsRead) (notices map[int64]statuspage.Notice, titles map[int64]string, err error) {
	notices, titles = map[int64]statuspage.Notice{}, map[int64]string{}
	var ids, components []int64
	for i := range deliveries {
		if id := deliveries[i].noticeID; id != 0 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return notices, titles, nil
	}
	err = each(ctx, s.read, "read the notices", func(scan scanner) error {
		var n statuspage.Notice
		err := scan(append([]any{&n.ID}, targets(subscriberNoticeRow(&n))...)...)
		notices[n.ID] = n
		components = append(components, n.ComponentIDs...)
		return err
	}, `SELECT n.id, `+subscriberNoticeNames+` FROM status_notice AS n WHERE `+s.engine.in("n.id", 1), s.engine.list(ids))
	if err == nil && len(components) > 0 {
		err = each(ctx, s.read, "read the components", func(scan scanner) error {
			var (
				id    int64
				title string
			)
			err := scan(&id, &title)
			titles[id] = title
			return err
		}, `SELECT id, title FROM status_component WHERE `+s.engine.in("id", 1), s.engine.list(components))
	}
	return notices, titles, err
}

// FinishDelivery ends an attempt. What waits for the same subscriber is put off with a delivery that is tried again.
func (s *Store) FinishDelivery(ctx context.Context, r statuspage.DeliveryResult) error {
	err := s.transact(ctx, results, func(ctx context.Context, q queryer) error {
		run := func(query string, args ...any) (err error) {
			_, err = q.ExecContext(ctx, query, args...)
			return err
		}
		now := s.stamp()
		if r.Gone {
			return run(`DELETE FROM status_subscriber WHERE id = $1`, r.SubscriberID)
		}
		if !r.Next.IsZero() {
			err := run(`UPDATE status_delivery SET due_at = $3, sending = false WHERE id = $1 AND attempts = $2`, r.ID, r.Attempts,
				millis(r.Next))
			if err == nil {
				err = run(`UPDATE status_delivery SET due_at = $3 WHERE subscriber_id = $1 AND id > $2 AND due_at < $3`, r.SubscriberID, r.ID, millis(r.Next))
			}
			if err != nil || !r.Blames {
				return err
			}
			return run(`UPDATE status_subscriber SET failing_since = $2 WHERE id = $1 AND failing_since = 0`, r.SubscriberID, millis(now))
		}
		res, err := q.ExecContext(ctx, `DELETE FROM status_delivery WHERE id = $1`, r.ID)
		if err := changedOne(res, err, cron.SubjectNone); cron.KindOf(err) == cron.NotFound {
			return nil // the subscriber was asked anew, or has been told by another node
		} else if err != nil {
			return err
		}
		switch {
		case r.Sent && r.Confirms:
			return run(`UPDATE status_subscriber SET confirmed_at = $2, expires_at = 0 WHERE id = $1 AND expires_at <> 0`, r.SubscriberID, millis(now))
		case r.Sent:
			return run(`UPDATE status_subscriber SET failing_since = 0 WHERE id = $1 AND failing_since <> 0`, r.SubscriberID)
		case r.Confirms:
			return run(`DELETE FROM status_subscriber WHERE id = $1 AND expires_at <> 0`, r.SubscriberID)
		case r.Blames:
			return run(`DELETE FROM status_subscriber WHERE id = $1 AND failing_since <> 0 AND failing_since <= $2`, r.SubscriberID,
				millis(now.Add(-statuspage.SubscriberPatience)))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("finish a delivery to a subscriber: %w", err)
	}
	return nil
}
