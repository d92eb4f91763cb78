package public

import (
	"container/list"
	"context"
	"sync"
	"time"

	"punctual/internal/badge"
)

// Badges reads what badges show.
type Badges interface {
	// BadgeJob reads a job of any account. The error is of kind NotFound when there is none, or its account is disabled.
	BadgeJob(ctx context.Context, jobID int64) (badge.Job, error)
	// BadgeRuns is how the runs of a job went in the span of a metric.
	BadgeRuns(ctx context.Context, accountID, jobID int64, m badge.Metric) (badge.Runs, error)
	// StatusBadge is what the runs of a component tell for a metric, or those of all components of the page when componentID is 0.
	StatusBadge(ctx context.Context, accountID, pageID, componentID int64, m badge.Metric) (badge.Runs, error)
}

// maxBadgeJobs is of how many jobs a node remembers what their badges show.
const maxBadgeJobs = 5000

// answer is something that the database is asked for at most once in a while, by one visitor for all who wait.
type answer[T any] struct {
	turn  chan struct{} // holds what whoever asks takes
	value T
	err   error
	asked time.Time
}

func newAnswer[T any]() *answer[T] {
	a := &answer[T]{turn: make(chan struct{}, 1)}
	a.turn <- struct{}{}
	return a
}

// get is the answer, which is no older than every. An error is one of the last second. Asking is not interrupted when the visitor leaves.
func (a *answer[T]) get(ctx context.Context, now func() time.Time, every time.Duration, ask func(context.Context) (T, error)) (value T, err error) {
	select {
	case <-a.turn:
		defer func() { a.turn <- struct{}{} }()
	case <-ctx.Done():
		return value, context.Cause(ctx)
	}
	if a.err != nil {
		every = checkEvery
	}
	if age := now().Sub(a.asked); !a.asked.IsZero() && age >= 0 && age < every {
		return a.value, a.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
	defer cancel()
	a.err = errPanicked
	a.value, a.err = ask(ctx)
	a.asked = now()
	return a.value, a.err
}

// badges remembers what badges of jobs show; the jobs that nobody asked for the longest go first. Only those who have a token of the
// service get here.
type badges struct {
	source Badges
	key    badge.Key
	turn   func(ctx context.Context) (leave func(), err error) // until few enough ask the database

	mu      sync.Mutex
	entries map[int64]*list.Element // of *jobEntry
	order   list.List               // the latest used first
}

// jobEntry is a job.
type jobEntry struct {
	id   int64
	job  *answer[badge.Job]
	runs [badge.MetricCount]*answer[badge.Runs] // of those with a span
}

func newBadges(source Badges, secret [32]byte, c *cache) *badges {
	return &badges{source: source, key: badge.NewKey(secret), entries: map[int64]*list.Element{},
		turn: func(ctx context.Context) (func(), error) { return c.turn(ctx, false) }}
}

// entry is that of a job, which is now the latest used one.
func (b *badges) entry(jobID int64) *jobEntry {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found, ok := b.entries[jobID]; ok {
		b.order.MoveToFront(found)
		return found.Value.(*jobEntry)
	}
	e := &jobEntry{id: jobID, job: newAnswer[badge.Job]()}
	for m := range e.runs {
		if badge.Metric(m).Span() > 0 {
			e.runs[m] = newAnswer[badge.Runs]()
		}
	}
	b.entries[jobID] = b.order.PushFront(e)
	if len(b.entries) > maxBadgeJobs {
		delete(b.entries, b.order.Remove(b.order.Back()).(*jobEntry).id)
	}
	return e
}

// job asks for a job.
func (b *badges) job(jobID int64) func(context.Context) (badge.Job, error) {
	return inTurn(b.turn, func(ctx context.Context) (badge.Job, error) { return b.source.BadgeJob(ctx, jobID) })
}

// runs asks for the runs of a job.
func (b *badges) runs(accountID, jobID int64, m badge.Metric) func(context.Context) (badge.Runs, error) {
	return inTurn(b.turn, func(ctx context.Context) (badge.Runs, error) { return b.source.BadgeRuns(ctx, accountID, jobID, m) })
}

func inTurn[T any](turn func(context.Context) (func(), error), ask func(context.Context) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (value T, err error) {
		leave, err := turn(ctx)
		if err != nil {
			return value, err
		}
		defer leave()
		return ask(ctx)
	}
}

// runsKey is what the runs of a page are asked for.
type runsKey struct {
	component int64 // 0 for the whole page
	timed     bool  // their durations
}

// pageRuns is what runs of a page tell, for those who asked.
type pageRuns struct {
	accountID, pageID int64

	mu      sync.Mutex
	answers map[runsKey]*answer[badge.Runs]
}

func newPageRuns(accountID, pageID int64) *pageRuns {
	return &pageRuns{accountID: accountID, pageID: pageID, answers: map[runsKey]*answer[badge.Runs]{}}
}

// get is what they tell for a metric, as of the last minute; nothing when the database does not answer.
func (p *pageRuns) get(v *visit, m badge.Metric, componentID int64) badge.Runs {
	key := runsKey{componentID, m == badge.ResponseTime}
	p.mu.Lock()
	a := p.answers[key]
	if a == nil {
		a = newAnswer[badge.Runs]()
		p.answers[key] = a
	}
	p.mu.Unlock()
	runs, err := a.get(v.ctx(), v.now, renderEvery, inTurn(v.badges.turn, func(ctx context.Context) (badge.Runs, error) {
		return v.badges.source.StatusBadge(ctx, p.accountID, p.pageID, componentID, m)
	}))
	if err != nil {
		return badge.Runs{}
	}
	return runs
}
