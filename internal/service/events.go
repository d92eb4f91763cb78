package service

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
)

// EventStore reads the executions and job changes of an account.
type EventStore interface {
	// Watermarks returns the IDs up to which both lists are complete.
	Watermarks(ctx context.Context) (cron.Watermarks, error)
	// ExecutionsAfter lists executions with IDs above the given one, in ascending order, at most limit of them.
	ExecutionsAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.HistoryRecord, error)
	// RunningExecutions lists the running executions in the order of their IDs.
	RunningExecutions(ctx context.Context, accountID int64) ([]cron.HistoryRecord, error)
	// ChangedExecutions lists those of the given executions whose outcome differs from the given one. None of them may
	// be planned before the given instant.
	ChangedExecutions(ctx context.Context, accountID int64, ids []int64, planned time.Time, outcome cron.Outcome) (
		[]cron.HistoryRecord, error)
	// JobChangesAfter lists job changes with IDs above the given one, in ascending order, at most limit of them.
	JobChangesAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.JobChange, error)
}

// Limits on followers, per node.
const (
	maxFollowers        = 200 // at the same time
	maxAccountFollowers = 5   // of one account at the same time
)

const (
	eventChunk        = 500       // executions, and job changes, that one poll reads at most
	maxOpenInPosition = 64        // executions in a position
	maxLost           = 1000      // lost executions whose late result is waited for
	lostWait          = time.Hour // how long a late result is waited for; executions are shorter
)

// Event is something that happened in an account. Exactly one of Execution, Change and Gap is set.
type Event struct {
	Position  string              // the position after the event; empty while the initial executions are being reported
	Execution *cron.HistoryRecord // has started or ended; a lost one may end again
	Change    *cron.JobChange
	Gap       *Gap
}

// Gap says that events since an instant are no longer known, or not in the order of the position.
type Gap struct{ Since time.Time }

// Follower reads the events of an account. It must be used by one goroutine at a time.
type Follower struct {
	store      EventStore
	account    int64
	executions cursor
	changes    cursor
	running    openExecutions       // at most one for each slot of all nodes
	lost       openExecutions       // those that may still get a result; at most maxLost
	gap        *Gap                 // to be reported by the next Poll
	initial    []cron.HistoryRecord // executions that were running at the start, to be reported by the next Poll
	now        time.Time
	release    func()
}

// cursor is how far a list of rows has been read, in the order of their IDs.
type cursor struct {
	done  int64          // all rows up to this ID have been read
	ahead map[int64]bool // rows above done that have been read; more may appear between them
}

// openExecutions is a set of executions whose outcome can change.
type openExecutions struct {
	ids     []int64             // in ascending order, so that Position need not sort them
	planned map[int64]time.Time // the planned time of each
}

func (w *openExecutions) add(id int64, planned time.Time) {
	if w.planned == nil {
		w.planned = make(map[int64]time.Time)
	}
	if _, known := w.planned[id]; !known {
		at, _ := slices.BinarySearch(w.ids, id)
		w.ids = slices.Insert(w.ids, at, id)
	}
	w.planned[id] = planned
}

func (w *openExecutions) remove(id int64) {
	if at, known := slices.BinarySearch(w.ids, id); known {
		w.ids = slices.Delete(w.ids, at, at+1)
		delete(w.planned, id)
	}
}

// upTo lists the IDs up to the given one in ascending order.
func (w *openExecutions) upTo(last int64) []int64 {
	at, known := slices.BinarySearch(w.ids, last)
	if known {
		at++
	}
	return w.ids[:at]
}

// add marks a row as read and reports whether it is new. safe is the watermark.
func (t *cursor) add(id, safe int64) bool {
	known := t.ahead[id]
	if id <= safe {
		t.done = id
	} else {
		t.ahead[id] = true
	}
	return !known
}

// advance records that all rows up to safe have been read.
func (t *cursor) advance(safe int64) {
	t.done = max(t.done, safe)
	maps.DeleteFunc(t.ahead, func(id int64, _ bool) bool { return id <= t.done })
}

// followers counts the followers of each account. The zero value is ready for use.
type followers struct {
	max   int // at the same time, if less than maxFollowers; 0 for maxFollowers
	mu    sync.Mutex
	total int
	of    map[int64]int
}

// join counts a follower, which release removes. The error is of kind TooMany when there are too many.
func (f *followers) join(account int64) (release func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.total >= maxFollowers || f.max > 0 && f.total >= f.max || f.of[account] >= maxAccountFollowers {
		return nil, &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{Rule: cron.RuleEventStreams, Limit: maxAccountFollowers}}}
	}
	if f.of == nil {
		f.of = make(map[int64]int)
	}
	f.total++
	f.of[account]++
	return sync.OnceFunc(func() { f.remove(account) }), nil
}

func (f *followers) remove(account int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total--
	if f.of[account]--; f.of[account] == 0 {
		delete(f.of, account)
	}
}

// Follow starts to follow an account, after the given position. With an empty position it starts at the present, and
// reports the running executions first. The error is of kind TooMany when there are too many followers, and of kind
// Invalid for an invalid position. The caller must call Close.
func (s *Service) Follow(ctx context.Context, now time.Time, actor cron.Actor, position string) (*Follower, error) {
	if err := s.allow(&actor, UseFollow); err != nil {
		return nil, err
	}
	f := &Follower{store: s.events, account: actor.Account.ID, now: now}
	written, err := f.resume(position)
	if err != nil {
		return nil, err
	}
	if f.release, err = s.followers.join(actor.Account.ID); err != nil {
		return nil, err
	}
	if err := f.begin(ctx, written, min(s.planOf(actor.Account).Retention, cron.ChangesKept)); err != nil {
		f.release()
		return nil, err
	}
	return f, nil
}

// begin sets the starting point. written is when the position was made; zero for none.
func (f *Follower) begin(ctx context.Context, written time.Time, kept time.Duration) error {
	watermarks, err := f.store.Watermarks(ctx)
	if err != nil {
		return fmt.Errorf("begin to follow: %w", err)
	}
	f.executions.ahead, f.changes.ahead = map[int64]bool{}, map[int64]bool{}
	switch {
	case written.IsZero():
		f.executions.done, f.changes.done = watermarks.Executions.Safe, watermarks.Changes.Safe
	case f.executions.done > watermarks.Executions.Latest || f.changes.done > watermarks.Changes.Latest:
		// The position is of another database, for instance from before a backup was restored.
		f.gap = &Gap{Since: written}
		f.executions.done, f.changes.done = watermarks.Executions.Safe, watermarks.Changes.Safe
	default:
		if f.now.Sub(written) > kept {
			f.gap = &Gap{Since: written}
		}
		return nil
	}
	f.running = openExecutions{}
	running, err := f.store.RunningExecutions(ctx, f.account)
	if err != nil {
		return fmt.Errorf("begin to follow: %w", err)
	}
	for i := range running {
		f.watch(&running[i])
	}
	f.initial = running
	return nil
}

// Close ends the follower.
func (f *Follower) Close() { f.release() }

// Poll returns the events since the last call, ordered so that each event's position is valid to continue from. more
// tells that the next call would return more at once.
func (f *Follower) Poll(ctx context.Context, now time.Time) (events []Event, more bool, err error) {
	f.now = now
	add := func(e Event) {
		if len(f.initial) == 0 { // otherwise the position would skip the remaining ones
			e.Position = f.Position()
		}
		events = append(events, e)
	}
	if f.gap != nil {
		add(Event{Gap: f.gap})
		f.gap = nil
	}
	for len(f.initial) > 0 {
		e := Event{Execution: &f.initial[0]}
		f.initial = f.initial[1:]
		add(e)
	}
	watermarks, err := f.store.Watermarks(ctx)
	if err != nil {
		return nil, false, err
	}
	ended, err := f.ended(ctx)
	if err != nil {
		return nil, false, err
	}
	for i := range ended {
		f.watch(&ended[i])
		add(Event{Execution: &ended[i]})
	}
	if reach := watermarks.Executions; f.executions.done < reach.Latest {
		list, err := f.store.ExecutionsAfter(ctx, f.account, f.executions.done, eventChunk)
		if err != nil {
			return nil, false, err
		}
		before := f.executions.done
		for i := range list {
			if e := &list[i]; f.executions.add(e.ID, reach.Safe) {
				f.watch(e)
				add(Event{Execution: e})
			}
		}
		if len(list) < eventChunk {
			f.executions.advance(reach.Safe)
		} else {
			more = f.executions.done > before
		}
	}
	if reach := watermarks.Changes; f.changes.done < reach.Latest {
		list, err := f.store.JobChangesAfter(ctx, f.account, f.changes.done, eventChunk)
		if err != nil {
			return nil, false, err
		}
		before := f.changes.done
		for i := range list {
			if f.changes.add(list[i].ID, reach.Safe) {
				add(Event{Change: &list[i]})
			}
		}
		if len(list) < eventChunk {
			f.changes.advance(reach.Safe)
		} else {
			more = more || f.changes.done > before
		}
	}
	return events, more, nil
}

// watch updates the sets of open executions after an event.
func (f *Follower) watch(e *cron.HistoryRecord) {
	f.running.remove(e.ID)
	f.lost.remove(e.ID)
	switch {
	case e.Outcome == cron.OutcomeRunning:
		f.running.add(e.ID, e.Planned)
	case e.Outcome == cron.OutcomeLost && len(f.lost.ids) < maxLost && f.now.Sub(e.Result.Started) < lostWait:
		f.lost.add(e.ID, e.Planned)
	}
}

// ended lists, in the order of their IDs, the open executions whose outcome has changed.
func (f *Follower) ended(ctx context.Context) ([]cron.HistoryRecord, error) {
	var all []cron.HistoryRecord
	for _, of := range []struct {
		openExecutions
		outcome cron.Outcome
	}{{f.running, cron.OutcomeRunning}, {f.lost, cron.OutcomeLost}} {
		if len(of.ids) == 0 {
			continue
		}
		first := slices.MinFunc(slices.Collect(maps.Values(of.planned)), time.Time.Compare)
		list, err := f.store.ChangedExecutions(ctx, f.account, of.ids, first, of.outcome)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b cron.HistoryRecord) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Position is where to continue after the latest Poll: when it was made, the IDs up to which all executions and changes
// have been reported, and the open ones of those executions. If there are more than maxOpenInPosition, it is an earlier position,
// and events are repeated.
//
//	1767225600-1042-7-1001.1017
func (f *Follower) Position() string {
	done := f.executions.done
	open, lost := f.running.upTo(done), f.lost.upTo(done)
	if len(open) > maxOpenInPosition {
		done = open[maxOpenInPosition] - 1
		open = open[:maxOpenInPosition]
	}
	// At most maxOpenInPosition in all; the latest lost ones are the most likely to change.
	open = append(slices.Clip(open), lost[max(0, len(lost)-(maxOpenInPosition-len(open))):]...)
	var b strings.Builder
	fmt.Fprintf(&b, "%d-%d-%d", f.now.Unix(), done, f.changes.done)
	for i, id := range open {
		b.WriteByte("-."[min(i, 1)])
		b.WriteString(strconv.FormatInt(id, 10))
	}
	return b.String()
}

// resume restores the state from a position, and returns when it was made.
func (f *Follower) resume(position string) (written time.Time, err error) {
	if position == "" {
		return time.Time{}, nil
	}
	parts := strings.Split(position, "-")
	var open []string
	if len(parts) == 4 {
		open = strings.Split(parts[3], ".")
		parts = parts[:3]
	}
	if len(parts) != 3 || len(open) > maxOpenInPosition {
		return time.Time{}, invalidPosition(position)
	}
	var numbers [3]int64
	for i, text := range parts {
		if numbers[i], err = parsePosition(text); err != nil {
			return time.Time{}, invalidPosition(position)
		}
	}
	for _, text := range open {
		id, err := parsePosition(text)
		if err != nil {
			return time.Time{}, invalidPosition(position)
		}
		f.running.add(id, time.Time{})
	}
	f.executions.done, f.changes.done = numbers[1], numbers[2]
	return time.Unix(numbers[0], 0), nil
}

func parsePosition(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 62)
	return int64(min(n, math.MaxInt64)), err
}

func invalidPosition(given string) error {
	return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RulePosition, Given: given}}}
}
