package service

import (
	"context"

	"punctual/internal/cron"
	"punctual/internal/store"
)

// UseKey makes the nodes seal secrets with another one of their keys from now on. The error is a *store.NodesError when a
// node lacks it, unless alone says that no node runs.
func (s *Service) UseKey(ctx context.Context, actor cron.Actor, id store.KeyID, alone bool) error {
	if err := s.allow(&actor, UseRotateKey); err != nil {
		return err
	}
	if current, err := s.store.CurrentKey(ctx); err != nil || current == id {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actKeyRotate, Object: objectService},
		func(ctx context.Context, _ *cron.AuditEntry) error { return s.store.UseKey(ctx, id, alone) })
}
