package store_test

import (
	"context"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// writingChannels are the methods of channels that write, for TestOneDoor.
var writingChannels = map[string]func(w *doorWorld, ctx context.Context, db *store.Store) error{
	"CreateChannel": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateChannel(ctx, &cron.Channel{AccountID: w.account, Kind: "webhook"})
	},
	"UpdateChannel": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		ids, err := db.ChannelIDs(ctx, w.account)
		if err != nil {
			return err
		}
		return db.UpdateChannel(ctx, w.account, ids[0], func(c *cron.Channel) error { c.Title = "other"; return nil })
	},
	"NoteChannelTest": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		ids, err := db.ChannelIDs(ctx, w.account)
		if err != nil {
			return err
		}
		return db.NoteChannelTest(ctx, w.account, ids[0], &cron.MessageResult{Fault: cron.ChannelBroken})
	},
	"DeleteChannel": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		ids, err := db.ChannelIDs(ctx, w.account)
		if err != nil {
			return err
		}
		return db.DeleteChannel(ctx, w.account, ids[0])
	},
}

// runChannels calls everything about channels, for TestPlans.
func runChannels(t testing.TB, db *store.Store, account int64) {
	t.Helper()
	ctx := t.Context()
	c := cron.Channel{AccountID: account, Kind: "webhook"}
	ok(t, db.CreateChannel(ctx, &c))
	_, err := db.Channels(ctx, account, 0, 10)
	ok(t, err)
	_, err = db.ChannelIDs(ctx, account)
	ok(t, err)
	ok(t, db.UpdateChannel(ctx, account, c.ID, func(c *cron.Channel) error { c.Title = "other"; return nil }))
	ok(t, db.NoteChannelTest(ctx, account, c.ID, &cron.MessageResult{Fault: cron.ChannelBroken}))
	ok(t, db.NoteChannelTest(ctx, account, c.ID, &cron.MessageResult{}))
	_, err = db.Nodes(ctx)
	ok(t, err)
	_, err = db.Told(ctx, account, true)
	ok(t, err)
	j := newJob(account)
	j.ChannelIDs = []int64{c.ID}
	ok(t, db.CreateJob(ctx, &j))
	ok(t, db.DeleteChannel(ctx, account, c.ID))
	ok(t, db.DeleteJob(ctx, account, j.ID))
}
