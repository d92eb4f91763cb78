package store_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// TestGoneNode: where nodes have leases, the one that finds another's ended names it, once, in its log and to the operators.
func TestGoneNode(t *testing.T) {
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			options := kind.New(t)
			options.Logger = slog.New(slog.NewTextHandler(&log, nil))
			db, raw := open(t, options), past(t, options)
			_, self := newAccount(t, db)
			_, err := db.StartNode(t.Context(), cron.Node{Name: "cron-7"})
			ok(t, err)
			exec(t, raw, `UPDATE node SET lease_until = 0 WHERE name = 'cron-7'`)
			for range 2 {
				_, err = db.SettleDead(t.Context(), self)
				ok(t, err)
			}
			want := 1
			if options.URL == "" { // there is one node, and the one before it need not have ended by a fault
				want = 0
			}
			told := number(t, raw, `SELECT count(*) FROM outbox WHERE event = $1`, int(cron.NoticeNodeGone))
			if logged := strings.Count(log.String(), "node=cron-7 "); logged != want || told != int64(want) {
				t.Errorf("the log names it %d times, and operators are told %d times, want %d:\n%s", logged, told, want, log.String())
			}
		})
	}
}
