package scheduler

import (
	"sync"
	"time"
)

// The highest lateness is kept for each of several spans of time, of which the last one is under way. Together they cover between 50 and 60
// seconds.
const (
	latenessSpan  = 10 * time.Second
	latenessSpans = 6
)

// lateness is the highest lateness of the executions that were started in the last minute.
type lateness struct {
	mu    sync.Mutex
	spans [latenessSpans]struct {
		number  int64 // of the span, since the Unix epoch
		highest time.Duration
	}
}

func spanOf(at time.Time) int64 { return at.UnixNano() / int64(latenessSpan) }

// note takes an execution into account that was started at an instant.
func (l *lateness) note(at time.Time, late time.Duration) {
	number := spanOf(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.spans[number%latenessSpans]
	if s.number != number {
		s.number, s.highest = number, 0
	}
	s.highest = max(s.highest, late)
}

// highest is what the node reports.
func (l *lateness) highest(now time.Time) (late time.Duration) {
	number := spanOf(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.spans {
		if s.number > number-latenessSpans && s.number <= number {
			late = max(late, s.highest)
		}
	}
	return late
}
