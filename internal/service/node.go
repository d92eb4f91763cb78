package service

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"punctual/internal/cron"
)

// Nodes lists the nodes of the service, those that are alive first.
func (s *Service) Nodes(ctx context.Context, actor cron.Actor) ([]cron.Node, error) {
	if err := s.allow(&actor, UseListNodes); err != nil {
		return nil, err
	}
	return s.store.Nodes(ctx)
}

// DrainNode makes a live node finish what runs and claim nothing more, or claim again, within a heartbeat. The error is of kind NotFound
// for others.
func (s *Service) DrainNode(ctx context.Context, actor cron.Actor, epoch int64, draining bool) error {
	if err := s.allow(&actor, UseDrainNode); err != nil {
		return err
	}
	entry := cron.AuditEntry{Action: actNodeResume, Object: objectNode, ObjectID: epoch}
	if draining {
		entry.Action = actNodeDrain
	}
	return s.audited(ctx, &actor, entry, func(ctx context.Context, e *cron.AuditEntry) (err error) {
		e.Title, err = s.store.DrainNode(ctx, epoch, draining)
		return err
	})
}

// Times of ExecutorAddresses.
const (
	executorsKept  = 5 * time.Second // for which an answer counts
	executorsRetry = time.Second     // after a failure
	executorsLimit = 2 * time.Second // of one read
)

// executors keeps where executions come from, which strangers ask.
type executors struct {
	turn chan struct{} // holds the caller that looks
	next time.Time     // when the database is asked again
	list []netip.Addr
	err  error // of the last read, while there is no list
}

// ExecutorAddresses are the addresses that executions of the live nodes come from, in order. Anybody may ask as often as they like: the
// database is asked by one caller at a time, and seldom. While it does not answer, the last answer counts.
func (s *Service) ExecutorAddresses(ctx context.Context) ([]netip.Addr, error) {
	e := &s.executors
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if time.Now().Before(e.next) {
		return e.list, e.err
	}
	reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), executorsLimit) // a caller that leaves is no failure
	defer cancel()
	list, err := s.store.ExecutorAddresses(reading)
	switch {
	case err == nil:
		e.list, e.err, e.next = append([]netip.Addr{}, list...), nil, time.Now().Add(executorsKept)
	case e.list == nil:
		e.err, e.next = err, time.Now().Add(executorsRetry)
	default:
		e.next = time.Now().Add(executorsRetry)
	}
	return e.list, e.err
}

// Storage tells what the database holds, and what waits in it.
func (s *Service) Storage(ctx context.Context, actor cron.Actor) (cron.Storage, error) {
	if err := s.allow(&actor, UseListNodes); err != nil {
		return cron.Storage{}, err
	}
	return s.store.Storage(ctx)
}

// Plans lists the plans that accounts can have, by their names.
func (s *Service) Plans(actor cron.Actor) ([]cron.Plan, error) {
	if err := s.allow(&actor, UseListAccounts); err != nil {
		return nil, err
	}
	list := make([]cron.Plan, 0, len(s.plans))
	for _, name := range slices.Sorted(maps.Keys(s.plans)) {
		list = append(list, s.plans[name])
	}
	return list, nil
}
