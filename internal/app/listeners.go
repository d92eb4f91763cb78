package app

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"punctual/internal/cron"
)

// listeners returns a function that tells the other nodes where this one listens. While the addresses of the machine cannot be listed, the
// last ones count.
func (n *node) listeners() func() []netip.AddrPort {
	var known []netip.AddrPort
	warned := false
	return func() []netip.AddrPort {
		list, err := n.guard.Listeners()
		switch {
		case err != nil && known == nil:
			known = n.guard.Own
		case err == nil:
			known = list
		}
		if over := len(known) - cron.MaxListeners; over > 0 {
			known = known[:cron.MaxListeners]
			if !warned {
				n.logger.Warn("this machine has more addresses than other nodes learn; keep jobs from calling the rest with --deny-targets",
					slog.Int("rest", over))
				warned = true
			}
		}
		return known
	}
}

// learnListeners has the guard block the listeners of all nodes.
func (n *node) learnListeners(ctx context.Context) error {
	if n.config.Database == "" {
		return nil
	}
	list, err := n.db.Listeners(ctx)
	if err == nil {
		n.guard.Learn(n.host, list)
	}
	return err
}

// learningListeners has the guard know where other nodes listen, which only a shared database has.
func (n *node) learningListeners() worker {
	if n.config.Database == "" {
		return worker{}
	}
	const period, limit = 2 * time.Second, 5 * time.Second
	return worker{
		name: "listeners", first: period, period: period,
		step: func(ctx context.Context) (more bool, err error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return false, n.learnListeners(ctx)
		},
		failure: "it could not be read where other nodes listen; the addresses known stay blocked for jobs",
	}
}
