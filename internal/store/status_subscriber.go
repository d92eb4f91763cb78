package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// subscriberSeal is the associated data of what is sealed of a subscriber.
func subscriberSeal(pageID int64, hash []byte) string {
	return "subscriber " + strconv.FormatInt(pageID, 10) + " " + hex.EncodeToString(hash)
}

// subscriberSecrets is what is sealed of a subscriber.
type subscriberSecrets struct {
	Address string
	Secret  string `json:",omitempty"`
	Member  bool   `json:",omitempty"`
}

// subscriberRow is the columns of status_subscriber that are read, but hash and sealed.
func subscriberRow(x *statuspage.Subscriber) columns {
	return func(list *columnList) {
		list.add("id", integer(&x.ID))
		list.add("page_id", integer(&x.PageID))
		list.add("account_id", integer(&x.AccountID))
		list.add("kind", integer(&x.Kind))
		list.add("component_ids", idsField{&x.ComponentIDs})
		list.add("language", text(&x.Language))
		list.add("created_at", moment(&x.Created))
		list.add("expires_at", moment(&x.Expires))
		list.add("confirmed_at", moment(&x.Confirmed))
		list.add("failing_since", moment(&x.Failing))
	}
}

var subscriberNames = names("s", subscriberRow(new(statuspage.Subscriber))) + ", s.hash, s.sealed"

// subscriberAsRead is a subscriber whose address is still sealed.
type subscriberAsRead struct {
	statuspage.Subscriber
	hash, sealed []byte
}

func scanSubscriber(scan scanner, x *subscriberAsRead) error {
	return scan(append(targets(subscriberRow(&x.Subscriber)), &x.hash, &x.sealed)...)
}

// openSubscriber opens the address of a subscriber, which stays empty when it does not open. It is not for transactions.
func (s *Store) openSubscriber(x *subscriberAsRead) {
	var secrets subscriberSecrets
	plain, err := s.sealer.open(x.sealed, subscriberSeal(x.PageID, x.hash))
	if err == nil {
		err = json.Unmarshal(plain, &secrets)
	}
	if err != nil {
		s.logger.Error("the address of a subscriber cannot be read", slogErr(err))
	}
	x.Address, x.Secret, x.Member = secrets.Address, secrets.Secret, secrets.Member
}

// Subscribe adds a subscription that waits to be confirmed, and sets its ID and times. hash tells kind and address apart, on that page. One
// that waits already is replaced by the new one, and one that is confirmed is left as it is; known tells that. A webhook is asked at once.
// The transaction also runs then, with the subscriber. The error is of kind NotFound when the page is not published, and TooMany when it
// has as many subscribers as the plan of the account allows, or too many that wait: then whatever the address is, so that nothing is
// learnt from it.
func (s *Store) Subscribe(ctx context.Context, x *statuspage.Subscriber, hash [32]byte,
	then func(ctx context.Context, x *statuspage.Subscriber, known bool) error) error {
	plain, err := json.Marshal(subscriberSecrets{x.Address, x.Secret, x.Member})
	if err != nil {
		return fmt.Errorf("encode a subscriber: %w", err)
	}
	return s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		if err := s.roomForSubscriber(ctx, q, x); err != nil {
			return err
		}
		is := *x
		err := q.QueryRowContext(ctx, `SELECT id, created_at, confirmed_at FROM status_subscriber WHERE page_id = $1 AND hash = $2`, x.PageID, hash[:]).
			Scan(&is.ID, moment(&is.Created), moment(&is.Confirmed))
		switch {
		case err == nil && !is.Confirmed.IsZero():
			return then(ctx, &is, true)
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("find the subscriber: %w", err)
		}
		sealed, err := s.seal(ctx, q, plain, subscriberSeal(x.PageID, hash[:]))
		if err != nil {
			return err
		}
		former := is.Created
		if is.Created = s.stamp(); !is.Created.After(former) { // it tells the links of both apart
			is.Created = former.Add(time.Millisecond)
		}
		is.Expires = is.Created.Add(statuspage.ConfirmWithin)
		err = q.QueryRowContext(ctx, `INSERT INTO status_subscriber (page_id, account_id, kind, hash, sealed, component_ids, language, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (page_id, hash) DO UPDATE SET sealed = excluded.sealed,
			component_ids = excluded.component_ids, language = excluded.language, created_at = excluded.created_at, expires_at = excluded.expires_at
			RETURNING id`, is.PageID, is.AccountID, int(is.Kind), hash[:], sealed, idsField{&is.ComponentIDs}.value(), is.Language,
			millis(is.Created), millis(is.Expires)).Scan(&is.ID)
		if err != nil {
			return fmt.Errorf("add the subscriber: %w", err)
		}
		if is.Kind == statuspage.SubscriberWebhook {
			if err := askSubscriber(ctx, q, &is); err != nil {
				return err
			}
		}
		*x = is
		return then(ctx, &is, false)
	})
}

// roomForSubscriber locks a page that is published, and checks that it may have another subscriber.
func (s *Store) roomForSubscriber(ctx context.Context, q queryer, x *statuspage.Subscriber) error {
	var row planRow
	err := q.QueryRowContext(ctx, `SELECT plan, overrides, id FROM account WHERE id = (SELECT account_id FROM status_page WHERE id = $1)
		AND NOT disabled`, x.PageID).Scan(&row.name, &row.overrides, &x.AccountID)
	if err != nil {
		return oneRow(err, cron.SubjectStatusPage)
	}
	plan, err := s.plan(row)
	if err != nil {
		return err
	}
	if err := checkPage(ctx, q, x.AccountID, x.PageID, ` AND published`+s.engine.lock(forUpdate)); err != nil {
		return err
	}
	var all, waiting int
	err = q.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE expires_at <> 0) FROM status_subscriber WHERE page_id = $1`, x.PageID).
		Scan(&all, &waiting)
	if err != nil {
		return fmt.Errorf("count the subscribers: %w", err)
	}
	if plan.MaxSubscribers > 0 && all >= plan.MaxSubscribers || waiting >= statuspage.MaxWaitingSubscribers {
		return &cron.Error{Kind: cron.TooMany, Subject: cron.SubjectSubscriber}
	}
	return nil
}

// askSubscriber makes the delivery that asks a webhook to confirm itself.
func askSubscriber(ctx context.Context, q queryer, x *statuspage.Subscriber) error {
	_, err := q.ExecContext(ctx, `DELETE FROM status_delivery WHERE subscriber_id = $1`, x.ID)
	if err == nil {
		_, err = q.ExecContext(ctx, `INSERT INTO status_delivery (subscriber_id, account_id, created_at, due_at) VALUES ($1, $2, $3, $3)`,
			x.ID, x.AccountID, millis(x.Created))
	}
	if err != nil {
		return fmt.Errorf("ask the subscriber to confirm: %w", err)
	}
	return nil
}

// Subscriber reads a subscriber of any page, for whoever has a link. The error is of kind NotFound when there is none, and when the account
// of the page is disabled.
func (s *Store) Subscriber(ctx context.Context, id int64) (x statuspage.Subscriber, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return x, err
	}
	defer leave()
	return s.oneSubscriber(ctx, `s.id = $1 AND NOT EXISTS (SELECT 1 FROM account WHERE account.id = s.account_id AND account.disabled)`, id)
}

func (s *Store) oneSubscriber(ctx context.Context, where string, args ...any) (x statuspage.Subscriber, err error) {
	var read subscriberAsRead
	err = scanSubscriber(s.read.QueryRowContext(ctx, `SELECT `+subscriberNames+` FROM status_subscriber AS s WHERE `+where, args...).Scan, &read)
	if err != nil {
		return x, oneRow(err, cron.SubjectSubscriber)
	}
	s.openSubscriber(&read)
	return read.Subscriber, nil
}

// ConfirmSubscriber confirms a subscription that was asked for at an instant. One that is confirmed stays as it is. The error is of kind
// NotFound when there is none of that instant, or it has expired.
func (s *Store) ConfirmSubscriber(ctx context.Context, id int64, created time.Time) error {
	return s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		now := millis(s.stamp())
		res, err := q.ExecContext(ctx, `UPDATE status_subscriber SET confirmed_at = CASE WHEN confirmed_at = 0 THEN $3 ELSE confirmed_at END, expires_at = 0
			WHERE id = $1 AND created_at = $2 AND (expires_at = 0 OR expires_at > $3)`, id, millis(created), now)
		return changedOne(res, err, cron.SubjectSubscriber)
	})
}

// ChangeSubscriber sets the components that a subscriber is told of; none is all.
func (s *Store) ChangeSubscriber(ctx context.Context, id int64, components []int64) error {
	return s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `UPDATE status_subscriber SET component_ids = $2 WHERE id = $1`, id, idsField{&components}.value())
		return changedOne(res, err, cron.SubjectSubscriber)
	})
}

// Unsubscribe removes a subscriber, with what waits for it. There may be none.
func (s *Store) Unsubscribe(ctx context.Context, id int64) error {
	err := s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `DELETE FROM status_subscriber WHERE id = $1`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove a subscriber: %w", err)
	}
	return nil
}

// DeleteSubscriber removes a subscriber of a page of an account. The transaction also runs then, with the subscriber and the page's title.
func (s *Store) DeleteSubscriber(ctx context.Context, accountID, pageID, id int64,
	then func(ctx context.Context, x *statuspage.Subscriber, page string) error) error {
	read, err := s.subscriberOf(ctx, accountID, pageID, id)
	if err != nil {
		return err
	}
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		var page string
		err := q.QueryRowContext(ctx, `SELECT title FROM status_page WHERE id = $1 AND account_id = $2`, pageID, accountID).Scan(&page)
		if err != nil {
			return oneRow(err, cron.SubjectStatusPage)
		}
		res, err := q.ExecContext(ctx, `DELETE FROM status_subscriber WHERE id = $1`, id)
		if err := changedOne(res, err, cron.SubjectSubscriber); err != nil {
			return err
		}
		return then(ctx, &read, page)
	})
}

func (s *Store) subscriberOf(ctx context.Context, accountID, pageID, id int64) (x statuspage.Subscriber, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return x, err
	}
	defer leave()
	if err := checkPage(ctx, s.read, accountID, pageID, ""); err != nil {
		return x, err
	}
	return s.oneSubscriber(ctx, `s.id = $1 AND s.page_id = $2`, id, pageID)
}

// Subscribers lists subscribers of a page of an account, the latest first, from behind an ID on (0: all).
func (s *Store) Subscribers(ctx context.Context, accountID, pageID, before int64, limit int) ([]statuspage.Subscriber, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkPage(ctx, s.read, accountID, pageID, ""); err != nil {
		return nil, err
	}
	if before == 0 {
		before = largestID
	}
	read, err := collect(ctx, s.read, "list the subscribers", scanSubscriber, `SELECT `+subscriberNames+` FROM status_subscriber AS s
		WHERE s.page_id = $1 AND s.id < $2 ORDER BY s.id DESC LIMIT $3`, pageID, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]statuspage.Subscriber, len(read))
	for i := range read {
		s.openSubscriber(&read[i])
		list[i] = read[i].Subscriber
	}
	return list, nil
}

// CountSubscribers counts the subscribers of a page of an account: those that have confirmed, and those that wait.
func (s *Store) CountSubscribers(ctx context.Context, accountID, pageID int64) (confirmed, waiting int, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, 0, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE expires_at = 0), count(*) FILTER (WHERE expires_at <> 0) FROM status_subscriber
		WHERE page_id = $1 AND account_id = $2`, pageID, accountID).Scan(&confirmed, &waiting)
	if err != nil {
		return 0, 0, fmt.Errorf("count the subscribers: %w", err)
	}
	return confirmed, waiting, nil
}
