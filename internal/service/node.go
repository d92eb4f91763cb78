package service

import (
	"context"
	"maps"
	"slices"

	"punctual/internal/cron"
)

// Nodes lists the nodes of the service, those that are alive first.
func (s *Service) Nodes(ctx context.Context, actor cron.Actor) ([]cron.Node, error) {
	if err := s.allow(&actor, UseListNodes); err != nil {
		return nil, err
	}
	return s.store.Nodes(ctx)
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
