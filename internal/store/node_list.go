package store

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Nodes that are listed: all that are alive, within reason, and those that ended last.
const (
	listedNodes = 500
	listedEnded = 20
)

// Nodes lists nodes, those that are alive first. What this process knows of itself is as of its latest heartbeat, also where heartbeats
// are not written.
func (s *Store) Nodes(ctx context.Context) ([]cron.Node, error) {
	alive, own := s.engine.aliveAfter(s.Now()), s.beat.Load()
	return collect(ctx, s.read, "list the nodes", func(scan scanner, n *cron.Node) error {
		var (
			role, addresses         string
			lease, offset, lateness int64
			dead                    bool
		)
		err := scan(&n.Epoch, &n.Name, &role, &n.Version, &addresses, moment(&n.Started), &lease, flag(&dead), flag(&n.Draining),
			moment(&n.Heartbeat), &offset, integer(&n.InFlight), &lateness)
		if err != nil {
			return err
		}
		n.Alive, n.Role, n.Addresses = !dead && lease > alive, cmp.Or(cron.NodeRole(role), cron.NodeAll), splitAddresses(addresses)
		n.ClockOffset, n.Lateness = time.Duration(offset)*time.Millisecond, time.Duration(lateness)*time.Millisecond
		if own != nil && own.Epoch == n.Epoch && n.Alive {
			n.Heartbeat, n.ClockOffset, n.InFlight, n.Lateness = own.at, s.clockOffset(), own.InFlight, own.Lateness
		}
		return nil
	}, `SELECT epoch, name, role, version, addresses, started_at, lease_until, dead, draining, heartbeat_at, clock_offset_ms, in_flight, lateness_ms
		FROM node WHERE NOT dead OR epoch IN (SELECT epoch FROM node WHERE dead ORDER BY epoch DESC LIMIT $2) ORDER BY dead, epoch DESC LIMIT $1`,
		listedNodes, listedEnded)
}

// ExecutorAddresses are the addresses that executions of the live nodes come from, in order, each once.
func (s *Store) ExecutorAddresses(ctx context.Context) ([]netip.Addr, error) {
	lists, err := collect(upkeep.with(ctx), s.read, "list the addresses of the nodes", func(scan scanner, list *string) error { return scan(list) },
		`SELECT DISTINCT addresses FROM node WHERE NOT dead AND lease_until > $1 AND role <> $2`, s.engine.aliveAfter(s.Now()), string(cron.NodeAPI))
	if err != nil {
		return nil, err
	}
	addresses := splitAddresses(strings.Join(lists, ","))
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses), nil
}

// listenersKept is how long after its last heartbeat a node counts as listening: while it starts again, and while it runs but does not
// reach the database. Afterwards its addresses may have become those of somebody else.
const listenersKept = 10 * time.Minute

// Listeners lists where the nodes accept connections that have sent a heartbeat lately, this one included.
func (s *Store) Listeners(ctx context.Context) ([]cron.Listeners, error) {
	return collect(upkeep.with(ctx), s.read, "list the listeners of the nodes", func(scan scanner, l *cron.Listeners) error {
		var list string
		err := scan(&l.Host, &list)
		l.At = splitListeners(list)
		return err
	}, `SELECT host, listeners FROM node WHERE heartbeat_at > $1 AND listeners <> '' GROUP BY host, listeners
		ORDER BY max(heartbeat_at) DESC LIMIT $2`, millis(s.Now().Add(-listenersKept)), listedNodes)
}

// splitListeners reads a list of listeners as it is stored. It leaves out what it does not understand, and what exceeds MaxListeners.
func splitListeners(text string) (list []netip.AddrPort) {
	for part := range strings.SplitSeq(text, ",") {
		if at, err := netip.ParseAddrPort(part); err == nil && len(list) < cron.MaxListeners {
			list = append(list, at)
		}
	}
	return list
}

// joinTexts is a list of addresses as it is stored.
func joinTexts[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, ",")
}

// splitAddresses reads a list of addresses as it is stored. It leaves out what it does not understand.
func splitAddresses(text string) (list []netip.Addr) {
	for part := range strings.SplitSeq(text, ",") {
		if a, err := netip.ParseAddr(part); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// storageLimit is how long Storage may take.
const storageLimit = 5 * time.Second

// Storage tells what the database holds, and what waits in it.
func (s *Store) Storage(ctx context.Context) (about cron.Storage, err error) {
	ctx, cancel := context.WithTimeout(ctx, storageLimit)
	defer cancel()
	if err := s.read.QueryRowContext(upkeep.with(ctx), s.engine.size()).Scan(&about.Bytes); err != nil {
		return about, fmt.Errorf("measure the database: %w", err)
	}
	for _, count := range []struct {
		to   *int
		read func(context.Context) (int, error)
	}{{&about.Due, s.Backlog}, {&about.Notices, s.Notices}, {&about.WaitingMessages, s.WaitingMessages}, {&about.FailingChannels, s.FailingChannels}} {
		if *count.to, err = count.read(ctx); err != nil {
			return about, err
		}
	}
	return about, nil
}
