package app

import (
	"context"
	"log/slog"
	"net/netip"

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
