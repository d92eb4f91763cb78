package app

import (
	"context"
	"log/slog"
	"time"

	"punctual/internal/message"
)

// The pauses between two steps of the statistics: while there is more to count, and when there is not.
const (
	rollUpPause = 100 * time.Millisecond
	rollUpEvery = 30 * time.Second
)

// rollUpPatience is how long executions that wait postpone a step.
const rollUpPatience = time.Minute

// keepStatistics counts executions into the statistics until ctx ends, in small steps and while nothing waits for a
// slot: an account that always has work waiting postpones a step by rollUpPatience and no more.
func keepStatistics(ctx context.Context, logger *slog.Logger, rollUp func(context.Context) (more bool, err error),
	lateBy func() time.Duration) {
	latest := time.Now()
	for pause := rollUpEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if lateBy() > 0 && time.Since(latest) < rollUpPatience {
			continue
		}
		latest = time.Now()
		more, err := rollUp(ctx)
		if err != nil && ctx.Err() == nil {
			message.LogDatabase(logger, "the statistics could not be brought up to date", err)
		}
		pause = rollUpEvery
		if more && err == nil {
			pause = rollUpPause
		}
	}
}
