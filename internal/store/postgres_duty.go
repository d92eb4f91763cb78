package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// holds implements engine.
func (e *postgresEngine) holds(ctx context.Context, d *duty, epoch int64) (bool, error) {
	now := e.store.Now()
	if millis(now) < d.sure.Load() {
		return true, nil
	}
	err := e.store.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, `INSERT INTO duty (name, epoch, held_until)
			SELECT $1, epoch, $3 FROM node WHERE epoch = $2 AND NOT dead AND NOT draining AND lease_until > $4
			ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, held_until = excluded.held_until
			WHERE duty.epoch = excluded.epoch OR duty.held_until < $4 OR NOT EXISTS
				(SELECT 1 FROM node WHERE node.epoch = duty.epoch AND NOT dead AND NOT draining AND lease_until > $4)
			RETURNING epoch`, d.name, epoch, millis(now.Add(d.held)), millis(now)).Scan(&epoch)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for the duty of %s: %w", d.name, err)
	}
	d.sure.Store(millis(now.Add(dutySure)))
	return true, nil
}
