package app

import (
	"context"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// What operators are told about the service itself, by the channels of the operator's account. A node that ended without saying so is
// told of by the node that finds it (store.SettleDead).
const (
	checkEvery = 10 * time.Second // the service is looked at
	slowChecks = 5 * time.Minute  // what costs a statement or hardly changes

	behindFor  = 30 * time.Second // executions have to start late for this long
	behindBy   = 5 * time.Second  // by at least this much
	behindTold = 6 * time.Hour    // is told again after

	diskTold     = time.Hour // by the process before
	diskLeast    = 1 << 30   // free bytes below which a disk is filling up
	diskShare    = 50        // or below the 50th part of it,
	diskPlenty   = 10 << 30  // unless this much is free
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
	disks    []*disk                                            // of the database and its backups; none when they are not this machine's
	channels func(ctx context.Context) (failing int, err error) // that keep failing
	expiry   func() time.Time                                   // of the service's certificate; zero for none
	ahead    time.Duration                                      // of expiry

	onTime time.Time // when executions were last on time
	slow   time.Time // when the slow checks were made

	toldDisk bool // this process has told of a disk
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
	if err := w.lookAtDisks(ctx); err != nil {
		return err
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

// lookAtDisks tells of the disks that are filling up, when a further one is.
func (w *serviceWatch) lookAtDisks(ctx context.Context) error {
	var names []string
	n, more := cron.Notice{Kind: cron.NoticeDisk}, false
	for _, d := range w.disks {
		free, low := d.look()
		if !low {
			d.told = false
			continue
		}
		if names = append(names, d.dir); len(names) == 1 || free < n.Amount {
			n.Amount = free
		}
		more = more || !d.told
	}
	if !more {
		return nil
	}
	n.Detail = message.Default().DiskOf(strings.Join(names, ", "))
	every := diskTold
	if w.toldDisk {
		every = 0
	}
	if err := w.tell(ctx, &n, every); err != nil {
		return err
	}
	w.toldDisk = true
	for _, d := range w.disks {
		d.told = d.low
	}
	return nil
}

// disk is a disk that must not become full.
type disk struct {
	dir   string                              // a directory on it
	space func() (free, total int64, ok bool) // ok is false when the operating system does not tell
	needs func() int64                        // bytes that what is on it may soon take
	low   bool                                // at the last look
	told  bool                                // of the present shortage
}

// look returns how many bytes are free, and whether the disk is filling up. It is until a tenth more than that is free, so that a disk at
// the limit is told of once.
func (d *disk) look() (free int64, low bool) {
	free, total, ok := d.space()
	margin := int64(0)
	if d.low {
		margin = free / 11
	}
	d.low = ok && filling(free-margin, total, d.needs())
	return free, d.low
}

// filling tells whether a disk is filling up, of which something will need so many bytes.
func filling(free, total, needed int64) bool {
	return free < diskLeast && total >= 2*diskLeast || free < min(total/diskShare, diskPlenty) || free < needed
}

// watchService tells the operators of faults of the service.
func (n *node) watchService() worker {
	w := serviceWatch{
		tell: n.db.TellOperators, channels: n.db.FailingChannels, lateBy: n.jobs.LateBy, ahead: expiryAhead,
		expiry: func() time.Time { return time.Time{} },
	}
	w.disks = n.disks()
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
