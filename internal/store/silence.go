package store

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// silenced tells whether no notices are given about what happened to a job between two instants: a result, from its start on. Of the
// job only its ID, account and notification are looked at.
func (s *Store) silenced(_ context.Context, _ queryer, j *cron.Job, _, to time.Time) (bool, error) {
	return j.Notification.Silenced(to), nil
}
