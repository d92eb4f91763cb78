package app

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// What operators are told about the service itself, by the channels of the operator's account. A node that ended without saying so is
// told of by the node that finds it (store.SettleDead).
const (
	checkEvery = 10 * time.Second // the service is looked at
	slowChecks = 5 * time.Minute  // what costs a statement or hardly changes

	behindFor  = 30 * time.Second // executions have to start late for this long
	behindBy   = 5 * time.Second  // by at least this much
	behindTold = 6 * time.Hour    // is told again after

	diskTold     = 24 * time.Hour
	diskLeast    = 1 << 30  // free bytes below which a disk is filling up
	diskShare    = 50       // or below the 50th part of it,
	diskPlenty   = 10 << 30 // unless this much is free
	channelsTold = 24 * time.Hour
	manyChannels = 3 // that fail at a time are a fault of the service or its network, rather than of one receiver
	expiryTold   = 24 * time.Hour
	expiryAhead  = 14 * 24 * time.Hour // of a certificate that somebody has to renew
	renewalAhead = 7 * 24 * time.Hour  // of one that should have been renewed by ACME weeks ago
)

// serviceWatch looks at the service and tells its operators what they should know.
type serviceWatch struct {
	tell     func(ctx context.Context, n *cron.Notice, every time.Duration) error // once in that time, over all nodes
	lateBy   func() time.Duration
	space    func() (free, total int64, ok bool)                // of the database's disk; nil when it is not this machine's
	channels func(ctx context.Context) (failing int, err error) // that keep failing
	expiry   func() time.Time                                   // of the service's certificate; zero for none
	ahead    time.Duration                                      // of expiry

	onTime time.Time // when executions were last on time
	slow   time.Time // when the slow checks were made
}

// step makes the checks that are due at now.
func (w *serviceWatch) step(ctx context.Context, now time.Time) error {
	late := w.lateBy()
	if late < behindBy || w.onTime.IsZero() {
		w.onTime = now
	}
	if now.Sub(w.onTime) >= behindFor {
		if err := w.tell(ctx, &cron.Notice{Kind: cron.NoticeBehind, Amount: late.Milliseconds()}, behindTold); err != nil {
			return err
		}
	}
	if now.Sub(w.slow) < slowChecks {
		return nil
	}
	w.slow = now
	return w.look(ctx, now)
}

// look makes the slow checks.
func (w *serviceWatch) look(ctx context.Context, now time.Time) error {
	if w.space != nil {
		if free, total, ok := w.space(); ok && filling(free, total) {
			if err := w.tell(ctx, &cron.Notice{Kind: cron.NoticeDisk, Amount: free}, diskTold); err != nil {
				return err
			}
		}
	}
	if at := w.expiry(); !at.IsZero() && at.Sub(now) < w.ahead {
		n := &cron.Notice{Kind: cron.NoticeOwnExpiry, Result: cron.Result{CertExpiry: at}}
		if err := w.tell(ctx, n, expiryTold); err != nil {
			return err
		}
	}
	failing, err := w.channels(ctx)
	if err != nil || failing < manyChannels {
		return err
	}
	return w.tell(ctx, &cron.Notice{Kind: cron.NoticeChannels, Amount: int64(failing)}, channelsTold)
}

// filling tells whether a disk is filling up.
func filling(free, total int64) bool {
	return free < diskLeast && total >= 2*diskLeast || free < min(total/diskShare, diskPlenty)
}

// watchService tells the operators of faults of the service.
func (n *node) watchService() worker {
	w := serviceWatch{
		tell: n.db.TellOperators, channels: n.db.FailingChannels, lateBy: n.jobs.LateBy, ahead: expiryAhead,
		expiry: func() time.Time { return time.Time{} },
	}
	if n.config.Database == "" {
		w.space = func() (free, total int64, ok bool) { return diskSpace(n.config.Data) }
	}
	if n.certificates != nil {
		w.expiry = n.certificates.NotAfter
	}
	if n.acme != nil {
		w.ahead = renewalAhead
	}
	return worker{
		name: "operator notices", first: checkEvery, period: checkEvery,
		step:    func(ctx context.Context) (more bool, err error) { return false, w.step(ctx, time.Now()) },
		failure: "the operators could not be told about the service; trying again",
	}
}
