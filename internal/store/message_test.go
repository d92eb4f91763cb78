package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// writingMessages are the methods of notices and messages that write, for TestOneDoor.
var writingMessages = map[string]func(w *doorWorld, ctx context.Context, db *store.Store) error{
	"RouteNotices": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.RouteNotices(ctx)
		return err
	},
	"ClaimMessages": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.ClaimMessages(ctx, cron.MessageClaim{Node: w.node, Limit: 10})
		return err
	},
	"FinishMessage": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.FinishMessage(ctx, &cron.MessageResult{MessageID: w.sending, Node: w.node, Fault: cron.ChannelNotFound, Gone: true})
	},
	"ResendMessage": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.ResendMessage(ctx, w.account, w.sent)
		return err
	},
	"UseMessageLink": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UseMessageLink(ctx, w.account, w.sent, func(context.Context) error { return nil })
	},
	"TellOperators": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.TellOperators(ctx, &cron.Notice{Kind: cron.NoticeDisk}, time.Hour)
	},
	"QueueMail": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.QueueMail(ctx, &cron.Mail{ID: "other"})
	},
	"ClaimMails": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.ClaimMails(ctx, 10)
		return err
	},
	"FinishMail": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.FinishMail(ctx, "mail", 0, time.Time{})
	},
}

// addMessages adds a notice that is not routed, and messages: one that is being sent, one that was sent and one that waits.
func (w *doorWorld) addMessages(t *testing.T, db *store.Store) {
	t.Helper()
	c := cron.Channel{AccountID: w.account, Kind: "webhook", Enabled: true, Default: true}
	ok(t, db.CreateChannel(t.Context(), &c))
	raw := tables(t, past(t, w.options))
	raw.AddMessages(c, 3, db.Now().Add(-time.Second))
	claimed, err := db.ClaimMessages(t.Context(), cron.MessageClaim{Node: w.node, Limit: 2})
	ok(t, err)
	w.sending, w.sent = claimed.Deliveries[0].Message.ID, claimed.Deliveries[1].Message.ID
	ok(t, db.FinishMessage(t.Context(), &cron.MessageResult{MessageID: w.sent, Node: w.node}))
	raw.AddUnrouted(w.job, 1, 1, db.Now())
}

// runMessages calls everything about notices and messages, for TestPlans.
func runMessages(t testing.TB, db *store.Store, account, node int64) {
	t.Helper()
	ctx := t.Context()
	c := cron.Channel{AccountID: account, Kind: "webhook", Enabled: true, Default: true, Reminder: time.Hour}
	ok(t, db.CreateChannel(ctx, &c))
	ok(t, db.TellOperators(ctx, &cron.Notice{Kind: cron.NoticeDisk}, time.Hour))
	for more := true; more; {
		var err error
		more, err = db.RouteNotices(ctx)
		ok(t, err)
	}
	_, err := db.NextMessage(ctx)
	ok(t, err)
	claimed, err := db.ClaimMessages(ctx, cron.MessageClaim{Node: node, Limit: 10})
	ok(t, err)
	if len(claimed.Deliveries) == 0 {
		t.Fatal("no message is due")
	}
	for i, d := range claimed.Deliveries {
		r := cron.MessageResult{MessageID: d.Message.ID, Node: node}
		if i == 1 {
			r.Fault, r.Gone = cron.ChannelNotFound, true
		}
		ok(t, db.FinishMessage(ctx, &r))
	}
	d := claimed.Deliveries[0]
	_, err = db.ResendMessage(ctx, d.Account.ID, d.Message.ID)
	ok(t, err)
	_, err = db.Messages(ctx, d.Account.ID, &cron.MessageQuery{ChannelID: d.Channel.ID, ProblemID: 1, JobID: 1, Limit: 10})
	ok(t, err)
	list, err := db.Messages(ctx, d.Account.ID, &cron.MessageQuery{Limit: 10})
	ok(t, err)
	if len(list) == 0 {
		t.Error("no messages are listed")
	}
	_, err = db.Message(ctx, d.Account.ID, d.Message.ID)
	ok(t, err)
	_, _, err = db.LinkedMessage(ctx, d.Message.ID)
	ok(t, err)
	ok(t, db.UseMessageLink(ctx, d.Account.ID, d.Message.ID, func(context.Context) error { return nil }))
}

// TestClaimOfNothingWritesNothing looks for messages where none is due, as each node does every second.
func TestClaimOfNothingWritesNothing(t *testing.T) {
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			options := kind.New(t)
			db := open(t, options)
			account, node := newAccount(t, db)
			c := cron.Channel{AccountID: account, Kind: "webhook", Enabled: true}
			ok(t, db.CreateChannel(t.Context(), &c))
			raw := tables(t, past(t, options))
			raw.AddMessages(c, 1, db.Now().Add(time.Hour))
			read := 0
			undo := db.Intercept(func(query string, _ []any) error {
				if read++; !strings.HasPrefix(strings.TrimSpace(query), "SELECT") || strings.Contains(query, "FOR ") {
					t.Errorf("it runs %s", query)
				}
				return nil
			})
			defer undo()
			claimed, err := db.ClaimMessages(t.Context(), cron.MessageClaim{Node: node, Limit: 10})
			ok(t, err)
			more, err := db.RouteNotices(t.Context())
			ok(t, err)
			if read == 0 || more || len(claimed.Deliveries) > 0 {
				t.Errorf("%d statements, more notices: %v, %d messages", read, more, len(claimed.Deliveries))
			}
		})
	}
}
