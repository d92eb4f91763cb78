package store

import (
	"context"
	"fmt"
	"time"

	"punctual/internal/cron"
)

// listedNodes is how many nodes are listed: those that are alive, and those that started last.
const listedNodes = 20

// Nodes lists nodes, those that are alive first.
func (s *Store) Nodes(ctx context.Context) ([]cron.Node, error) {
	alive := s.engine.aliveAfter(s.Now())
	return collect(ctx, s.read, "list the nodes", func(scan scanner, n *cron.Node) error {
		var (
			lease int64
			dead  bool
		)
		err := scan(&n.Epoch, &n.Name, moment(&n.Started), &lease, flag(&dead))
		n.Alive = !dead && lease > alive
		return err
	}, `SELECT epoch, name, started_at, lease_until, dead FROM node ORDER BY dead, epoch DESC LIMIT $1`, listedNodes)
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
