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

// EventStore reads what happens in an account.
type EventStore interface {
	// Watermarks tells how far the ids below are safe to follow.
	Watermarks(ctx context.Context) (cron.Watermarks, error)
	// ExecutionsAfter lists executions with larger ids, in their order and at most limit of them.
	ExecutionsAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.HistoryRecord, error)
	// RunningExecutions lists the executions under way, in the order of their ids.
	RunningExecutions(ctx context.Context, accountID int64) ([]cron.HistoryRecord, error)
	// ChangedExecutions lists those of the given executions whose outcome is not the given one any more. None of them was
	// planned before the given instant.
	ChangedExecutions(ctx context.Context, accountID int64, ids []int64, planned time.Time, was cron.Outcome) (
		[]cron.HistoryRecord, error)
	// JobChangesAfter lists what was done to jobs, with larger ids, in their order and at most limit of it.
	JobChangesAfter(ctx context.Context, accountID, id int64, limit int) ([]cron.JobChange, error)
}

// Limits on following events, on each node.
const (
	maxFollowers        = 200 // at once
	maxAccountFollowers = 5   // of them of one account
)

const (
	eventChunk = 500       // how many executions, and changes, a look reads at most
	maxOpen    = 64        // executions that a position names
	maxLost    = 1000      // lost executions whose late result is waited for
	lostKept   = time.Hour // for so long it is: no execution takes longer
)

// Event is one thing that happened in an account. One of Execution, Change and Gap is set.
type Event struct {
	Position  string              // where to go on after it; empty as long as that is where the follower began
	Execution *cron.HistoryRecord // that was started, or that has ended; lost ones may end once more
	Change    *cron.JobChange
	Gap       *Gap
}

// Gap says that what happened in a time is not known any more, or not in the order of this position.
type Gap struct{ Since time.Time }

// Follower follows what happens in an account. It is for one goroutine.
type Follower struct {
	store      EventStore
	account    int64
	executions tail
	changes    tail
	running    watched              // executions under way: no more than the nodes have slots
	lost       watched              // lost executions that may have a result yet: maxLost at most
	gap        *Gap                 // to be told
	underWay   []cron.HistoryRecord // to be told, likewise
	now        time.Time
	release    func()
}

// tail is how far a list whose rows have ids is read.
type tail struct {
	done  int64          // up to here all of it was seen
	ahead map[int64]bool // seen beyond, where more may turn up; a chunk at most is read again from done on
}

// watched are executions that have not ended for good.
type watched struct {
	ids     []int64             // in their order, so that a position is made of each event without looking at all of them
	planned map[int64]time.Time // when each was planned
}

func (w *watched) add(id int64, planned time.Time) {
	if w.planned == nil {
		w.planned = make(map[int64]time.Time)
	}
	if _, known := w.planned[id]; !known {
		at, _ := slices.BinarySearch(w.ids, id)
		w.ids = slices.Insert(w.ids, at, id)
	}
	w.planned[id] = planned
}

func (w *watched) remove(id int64) {
	if at, known := slices.BinarySearch(w.ids, id); known {
		w.ids = slices.Delete(w.ids, at, at+1)
		delete(w.planned, id)
	}
}

// upTo lists the ids up to the given one, in their order.
func (w *watched) upTo(last int64) []int64 {
	at, known := slices.BinarySearch(w.ids, last)
	if known {
		at++
	}
	return w.ids[:at]
}

// take tells whether the row with the given id is new.
func (t *tail) take(id, safe int64) bool {
	known := t.ahead[id]
	if id <= safe {
		t.done = id
	} else {
		t.ahead[id] = true
	}
	return !known
}

// settle notes that all was read up to the safe id.
func (t *tail) settle(safe int64) {
	t.done = max(t.done, safe)
	maps.DeleteFunc(t.ahead, func(id int64, _ bool) bool { return id <= t.done })
}

// followers counts who follows, by account. The zero value is ready for use.
type followers struct {
	most  int // at once, if less than maxFollowers; 0 for that
	mu    sync.Mutex
	total int
	of    map[int64]int
}

// add counts one more, which release takes back, unless there are too many.
func (f *followers) add(account int64) (release func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.total >= maxFollowers || f.most > 0 && f.total >= f.most || f.of[account] >= maxAccountFollowers {
		return nil, false
	}
	if f.of == nil {
		f.of = make(map[int64]int)
	}
	f.total++
	f.of[account]++
	return sync.OnceFunc(func() { f.remove(account) }), true
}

func (f *followers) remove(account int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total--
	if f.of[account]--; f.of[account] == 0 {
		delete(f.of, account)
	}
}

// Follow begins to follow what happens in the account: from a position on, or, when that is empty, from now on,
// beginning with the executions under way. The error is of kind TooMany when too many follow already, and of kind Invalid
// when position is not one. Close ends it.
func (s *Service) Follow(ctx context.Context, now time.Time, actor cron.Actor, position string) (*Follower, error) {
	if err := allow(&actor, UseFollow); err != nil {
		return nil, err
	}
	f := &Follower{store: s.events, account: actor.Account.ID, now: now}
	written, err := f.read(position)
	if err != nil {
		return nil, err
	}
	release, ok := s.followers.add(actor.Account.ID)
	if !ok {
		return nil, &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{Rule: cron.RuleEventStreams, Limit: maxAccountFollowers}}}
	}
	f.release = release
	if err := f.begin(ctx, written, min(s.planOf(actor.Account).Retention, cron.ChangesKept)); err != nil {
		release()
		return nil, err
	}
	return f, nil
}

// begin finds out where to start. written is when the position was; the zero time for none.
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
		// The database is not the one that the position is of, such as a copy from before.
		f.gap = &Gap{Since: written}
		f.executions.done, f.changes.done = watermarks.Executions.Safe, watermarks.Changes.Safe
	default:
		if f.now.Sub(written) > kept {
			f.gap = &Gap{Since: written}
		}
		return nil
	}
	f.running = watched{}
	running, err := f.store.RunningExecutions(ctx, f.account)
	if err != nil {
		return fmt.Errorf("begin to follow: %w", err)
	}
	for i := range running {
		f.watch(&running[i])
	}
	f.underWay = running
	return nil
}

// Close ends it.
func (f *Follower) Close() { f.release() }

// Look returns what happened since the last look, in an order in which positions are good to go on from. more tells that
// there is more to be read at once.
func (f *Follower) Look(ctx context.Context, now time.Time) (events []Event, more bool, err error) {
	f.now = now
	add := func(e Event) {
		if len(f.underWay) == 0 { // else a position would claim that all of them are told
			e.Position = f.Position()
		}
		events = append(events, e)
	}
	if f.gap != nil {
		add(Event{Gap: f.gap})
		f.gap = nil
	}
	for len(f.underWay) > 0 {
		e := Event{Execution: &f.underWay[0]}
		f.underWay = f.underWay[1:]
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
			if e := &list[i]; f.executions.take(e.ID, reach.Safe) {
				f.watch(e)
				add(Event{Execution: e})
			}
		}
		if len(list) < eventChunk {
			f.executions.settle(reach.Safe)
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
			if f.changes.take(list[i].ID, reach.Safe) {
				add(Event{Change: &list[i]})
			}
		}
		if len(list) < eventChunk {
			f.changes.settle(reach.Safe)
		} else {
			more = more || f.changes.done > before
		}
	}
	return events, more, nil
}

// watch remembers an execution that has not ended for good.
func (f *Follower) watch(e *cron.HistoryRecord) {
	f.running.remove(e.ID)
	f.lost.remove(e.ID)
	switch {
	case e.Outcome == cron.OutcomeRunning:
		f.running.add(e.ID, e.Planned)
	case e.Outcome == cron.OutcomeLost && len(f.lost.ids) < maxLost && f.now.Sub(e.Result.Started) < lostKept:
		f.lost.add(e.ID, e.Planned)
	}
}

// ended lists the executions that were under way, or lost, and are no more, by their ids.
func (f *Follower) ended(ctx context.Context) ([]cron.HistoryRecord, error) {
	var all []cron.HistoryRecord
	for _, of := range []struct {
		watched
		was cron.Outcome
	}{{f.running, cron.OutcomeRunning}, {f.lost, cron.OutcomeLost}} {
		if len(of.ids) == 0 {
			continue
		}
		first := slices.MinFunc(slices.Collect(maps.Values(of.planned)), time.Time.Compare)
		list, err := f.store.ChangedExecutions(ctx, f.account, of.ids, first, of.was)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b cron.HistoryRecord) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Position is where to go on after a look: when it was written, up to which ids all executions and changes were seen, and which of
// those executions have not ended. Executions that do not fit are seen again.
//
//	1767225600-1042-7-1001.1017
func (f *Follower) Position() string {
	done := f.executions.done
	open, lost := f.running.upTo(done), f.lost.upTo(done)
	if len(open) > maxOpen {
		done = open[maxOpen] - 1
		open = open[:maxOpen]
	}
	open = append(slices.Clip(open), lost[max(0, len(lost)-(maxOpen-len(open))):]...) // told once; the latest are the likeliest to change
	var b strings.Builder
	fmt.Fprintf(&b, "%d-%d-%d", f.now.Unix(), done, f.changes.done)
	for i, id := range open {
		b.WriteByte("-."[min(i, 1)])
		b.WriteString(strconv.FormatInt(id, 10))
	}
	return b.String()
}

// read takes over a position and tells when it was written.
func (f *Follower) read(position string) (written time.Time, err error) {
	if position == "" {
		return time.Time{}, nil
	}
	parts := strings.Split(position, "-")
	var open []string
	if len(parts) == 4 {
		open = strings.Split(parts[3], ".")
		parts = parts[:3]
	}
	if len(parts) != 3 || len(open) > maxOpen {
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
