package service_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// ledger is a model of an account's ledger: rows above the watermark appear in any order.
type ledger struct {
	rows    map[int64]*cron.HistoryRecord
	changes map[int64]*cron.JobChange
	hidden  map[int64]bool // rows, and changes by their negative ids, of open transactions
	latest  marks
}

type marks struct{ executions, changes int64 }

const ledgerAccount = 7

func newLedger() *ledger {
	return &ledger{rows: map[int64]*cron.HistoryRecord{}, changes: map[int64]*cron.JobChange{}, hidden: map[int64]bool{}}
}

func (l *ledger) Watermarks(context.Context) (cron.Watermarks, error) {
	safe := l.latest
	for id := range l.hidden {
		if id > 0 {
			safe.executions = min(safe.executions, id-1)
		} else {
			safe.changes = min(safe.changes, -id-1)
		}
	}
	return cron.Watermarks{
		Executions: cron.Watermark{Safe: safe.executions, Latest: l.latest.executions},
		Changes:    cron.Watermark{Safe: safe.changes, Latest: l.latest.changes},
	}, nil
}

func (l *ledger) list(wanted func(*cron.HistoryRecord) bool) (list []cron.HistoryRecord) {
	for _, id := range slices.Sorted(maps.Keys(l.rows)) {
		if r := l.rows[id]; !l.hidden[id] && wanted(r) {
			list = append(list, *r)
		}
	}
	return list
}

func (l *ledger) ExecutionsAfter(_ context.Context, account, id int64, limit int) ([]cron.HistoryRecord, error) {
	list := l.list(func(r *cron.HistoryRecord) bool { return r.AccountID == account && r.ID > id })
	return list[:min(len(list), limit)], nil
}

func (l *ledger) RunningExecutions(_ context.Context, account int64) ([]cron.HistoryRecord, error) {
	return l.list(func(r *cron.HistoryRecord) bool {
		return r.AccountID == account && r.Outcome == cron.OutcomeRunning
	}), nil
}

func (l *ledger) ChangedExecutions(_ context.Context, account int64, ids []int64, planned time.Time, was cron.Outcome) (
	[]cron.HistoryRecord, error) {
	return l.list(func(r *cron.HistoryRecord) bool {
		return r.AccountID == account && slices.Contains(ids, r.ID) && !r.Planned.Before(planned) && r.Outcome != was
	}), nil
}

func (l *ledger) JobChangesAfter(_ context.Context, _, id int64, limit int) (list []cron.JobChange, err error) {
	for _, i := range slices.Sorted(maps.Keys(l.changes)) {
		if i > id && !l.hidden[-i] && len(list) < limit {
			list = append(list, *l.changes[i])
		}
	}
	return list, nil
}

var _ service.EventStore = (*ledger)(nil)

// step makes a random change.
func (l *ledger) step(t *rapid.T, now time.Time) {
	pick := func(ids []int64) int64 { return rapid.SampledFrom(ids).Draw(t, "id") }
	var running, lost []int64
	for _, id := range slices.Sorted(maps.Keys(l.rows)) {
		switch r := l.rows[id]; {
		case l.hidden[id]:
		case r.Outcome == cron.OutcomeRunning:
			running = append(running, id)
		case r.Outcome == cron.OutcomeLost:
			lost = append(lost, id)
		}
	}
	switch action := rapid.IntRange(0, 9).Draw(t, "action"); {
	case action <= 3:
		for range rapid.SampledFrom([]int{1, 2, 3, 90}).Draw(t, "executions") {
			l.latest.executions++
			r := &cron.HistoryRecord{Execution: cron.Execution{
				ID: l.latest.executions, JobID: 1, AccountID: ledgerAccount, Planned: now, Attempt: 1,
				Outcome: rapid.SampledFrom([]cron.Outcome{cron.OutcomeRunning, cron.OutcomeRunning, cron.OutcomeSucceeded,
					cron.OutcomeMissed, cron.OutcomeSkipped}).Draw(t, "outcome"),
				Result: cron.Result{Started: now},
			}}
			if rapid.IntRange(0, 9).Draw(t, "account") == 0 {
				r.AccountID++
			}
			l.rows[r.ID] = r
			if action == 3 {
				l.hidden[r.ID] = true
			}
		}
	case action <= 5 && len(running) > 0:
		l.rows[pick(running)].Outcome =
			rapid.SampledFrom([]cron.Outcome{cron.OutcomeSucceeded, cron.OutcomeFailed, cron.OutcomeLost}).Draw(t, "outcome")
	case action == 6 && len(lost) > 0:
		l.rows[pick(lost)].Outcome = cron.OutcomeSucceeded
	case action == 7:
		l.latest.changes++
		c := &cron.JobChange{ID: l.latest.changes, JobID: 1, Kind: cron.ChangeEdited, At: now}
		l.changes[c.ID] = c
		if rapid.Bool().Draw(t, "hidden") {
			l.hidden[-c.ID] = true
		}
	case len(l.hidden) > 0:
		delete(l.hidden, pick(slices.Sorted(maps.Keys(l.hidden))))
	}
}

// TestNoEventIsLost cuts streams at random events of random ledgers: together they report the final
// outcome of every execution of the account, and every change.
func TestNoEventIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		svc := service.New(service.Config{Events: l, Plans: cron.DefaultPlans()})
		now := time.Unix(1_800_000_000, 0)
		account := cron.Account{ID: ledgerAccount, Plan: cron.PlanDefault}
		told, toldChanges := map[int64]cron.Outcome{}, map[int64]bool{}
		position := ""
		for range rapid.IntRange(0, 5).Draw(t, "steps before") {
			l.step(t, now)
		}
		before := maps.Clone(l.rows)
		beforeChanges := maps.Clone(l.changes)
		ended := map[int64]bool{} // before the first follower
		for id, r := range before {
			ended[id] = !l.hidden[id] && r.Outcome != cron.OutcomeRunning
		}
		look := func(f *service.Follower, cut bool) {
			for more := true; more; {
				var (
					events []service.Event
					err    error
				)
				if events, more, err = f.Poll(t.Context(), now); err != nil {
					t.Fatal(err)
				}
				if cut && len(events) > 0 {
					events = events[:rapid.IntRange(0, len(events)).Draw(t, "cut")]
					more = false
				}
				for _, e := range events {
					switch {
					case e.Execution != nil && e.Execution.AccountID != ledgerAccount:
						t.Fatalf("told of another account's execution %d", e.Execution.ID)
					case e.Execution != nil:
						told[e.Execution.ID] = e.Execution.Outcome
					case e.Change != nil:
						toldChanges[e.Change.ID] = true
					default:
						t.Fatal("there is a gap")
					}
					if e.Position != "" {
						position = e.Position
					}
				}
			}
		}
		for range rapid.IntRange(1, 8).Draw(t, "streams") {
			f, err := svc.Follow(t.Context(), now, as(account), position)
			if err != nil {
				t.Fatal(err)
			}
			begun := position != ""
			for range rapid.IntRange(0, 6).Draw(t, "looks") {
				for range rapid.IntRange(0, 4).Draw(t, "steps") {
					l.step(t, now)
				}
				now = now.Add(time.Second)
				look(f, false)
				position, begun = f.Position(), true
			}
			for range rapid.IntRange(0, 4).Draw(t, "steps") {
				l.step(t, now)
			}
			look(f, begun) // the first poll is never cut
			if !begun {
				position = f.Position()
			}
			f.Close()
		}
		clear(l.hidden)
		f, err := svc.Follow(t.Context(), now, as(account), position)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		look(f, false)
		for id, r := range l.rows {
			got, ok := told[id]
			switch {
			case r.AccountID != ledgerAccount || ended[id]:
			case !ok:
				t.Fatalf("nothing was told of execution %d", id)
			case got != r.Outcome && got != cron.OutcomeLost: // a late result may come after the last poll
				t.Fatalf("execution %d was told as %v and is %v", id, got, r.Outcome)
			}
		}
		for id := range l.changes {
			if _, old := beforeChanges[id]; !old && !toldChanges[id] {
				t.Fatalf("nothing was told of change %d", id)
			}
		}
	})
}

// TestLateResults records a result of an execution that was reported as lost.
func TestLateResults(t *testing.T) {
	l := newLedger()
	svc := service.New(service.Config{Events: l, Plans: cron.DefaultPlans()})
	now := time.Unix(1_800_000_000, 0)
	account := cron.Account{ID: ledgerAccount, Plan: cron.PlanDefault}
	f, err := svc.Follow(t.Context(), now, as(account), "")
	if err != nil {
		t.Fatal(err)
	}
	next := func() (outcomes []cron.Outcome) {
		t.Helper()
		events, _, err := f.Poll(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			outcomes = append(outcomes, e.Execution.Outcome)
		}
		return outcomes
	}
	expect := func(what string, want ...cron.Outcome) {
		t.Helper()
		if got := next(); !slices.Equal(got, want) {
			t.Errorf("%s: told %v, want %v", what, got, want)
		}
	}
	l.latest.executions = 1
	r := &cron.HistoryRecord{Execution: cron.Execution{ID: 1, AccountID: ledgerAccount, Planned: now}}
	r.Result.Started = now
	l.rows[1] = r
	expect("a start", cron.OutcomeRunning)
	expect("nothing")
	r.Outcome = cron.OutcomeLost
	expect("a loss", cron.OutcomeLost)
	expect("nothing more")
	position := f.Position()
	r.Outcome = cron.OutcomeFailed
	expect("its result", cron.OutcomeFailed)
	expect("nothing at the end")

	f.Close()
	if f, err = svc.Follow(t.Context(), now, as(account), position); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	expect("the result for who comes again", cron.OutcomeFailed)
}

// TestPositions uses invalid positions, and positions that are too old or of another database.
func TestPositions(t *testing.T) {
	l := newLedger()
	l.latest = marks{100, 10}
	svc := service.New(service.Config{Events: l, Plans: cron.DefaultPlans()})
	now := time.Unix(1_800_000_000, 0)
	account := cron.Account{ID: ledgerAccount, Plan: cron.PlanDefault}
	long := "1-1-1-1"
	for i := range 64 {
		long += "." + strconv.Itoa(i)
	}
	for _, position := range []string{"x", "1", "1-2", "1-2-", "1-2-3-", "1-2-3-4.", "1-2-3-4-5", "-1-2-3", "1-2-+3", "1-2-3-x",
		"1--2-3", " 1-2-3", "1-2-9223372036854775808", long} {
		_, err := svc.Follow(t.Context(), now, as(account), position)
		e, ok := errors.AsType[*cron.Error](err)
		if !ok || e.Kind != cron.Invalid || len(e.Problems) != 1 || e.Problems[0].Rule != cron.RulePosition {
			t.Errorf("%q: %v", position, err)
		}
	}
	for position, gap := range map[string]bool{
		"":                    false,
		"1799999999-90-9-1.2": false,
		"1800000000-100-10":   false,
		"1800000000-101-10":   true,
		"1800000000-100-11":   true,
		fmt.Sprint(1_800_000_000-7*86400-1) + "-90-9": true,
		fmt.Sprint(1_800_000_000-7*86400) + "-90-9":   false,
		"0-0-0": true,
	} {
		f, err := svc.Follow(t.Context(), now, as(account), position)
		if err != nil {
			t.Errorf("%q: %v", position, err)
			continue
		}
		events, _, err := f.Poll(t.Context(), now)
		if err != nil || (len(events) == 1 && events[0].Gap != nil) != gap {
			t.Errorf("%q: %+v, %v", position, events, err)
		}
		again, err := svc.Follow(t.Context(), now, as(account), f.Position())
		if err != nil {
			t.Errorf("%q, then %q: %v", position, f.Position(), err)
			continue
		}
		again.Close()
		f.Close()
		f.Close() // counts once
	}
}

// TestFollowersAreLimited opens too many streams.
func TestFollowersAreLimited(t *testing.T) {
	svc := service.New(service.Config{Events: newLedger(), Plans: cron.DefaultPlans()})
	follow := func(id int64) (*service.Follower, error) {
		return svc.Follow(t.Context(), time.Unix(1_800_000_000, 0), as(cron.Account{ID: id, Plan: cron.PlanDefault}), "")
	}
	var open []*service.Follower
	for account := int64(1); account <= 40; account++ {
		for range 5 {
			f, err := follow(account)
			if err != nil {
				t.Fatalf("account %d, with %d open: %v", account, len(open), err)
			}
			open = append(open, f)
		}
		if _, err := follow(account); cron.KindOf(err) != cron.TooMany {
			t.Fatalf("one too many of account %d: %v", account, err)
		}
	}
	if _, err := follow(1000); cron.KindOf(err) != cron.TooMany {
		t.Errorf("one too many of all: %v", err)
	}
	rand.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	for _, f := range open {
		f.Close()
	}
	f, err := follow(1)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestFollowingAcrossNodes makes changes on one node, follows them on another, and continues on a third.
func TestFollowingAcrossNodes(t *testing.T) {
	onEachDatabase(t, cron.DefaultPlans(), func(t *testing.T, node func() (*service.Service, *store.Store)) {
		here, s := node()
		there, other := node()
		account := newAccount(t, s, cron.PlanUnlimited)
		stranger := storetest.NewAccount(t, s, "stranger@example.com", cron.PlanUnlimited)
		f, err := here.Follow(t.Context(), s.Now(), as(account), "")
		if err != nil {
			t.Fatal(err)
		}
		// expect waits for events. One that came before may come again from a position.
		came := map[string]bool{}
		expect := func(f *service.Follower, want ...string) (last string) {
			t.Helper()
			var words []string
			for range 200 {
				events, _, err := f.Poll(t.Context(), s.Now())
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					var word string
					if last = e.Position; e.Change != nil {
						word = e.Change.Kind.String()
					} else {
						word = e.Execution.Outcome.String()
					}
					if !came[word] {
						words = append(words, word)
					}
				}
				if len(words) >= len(want) {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if !slices.Equal(words, want) {
				t.Errorf("told %q, want %q", words, want)
			}
			return last
		}
		job := cron.NewJob()
		job.AccountID, job.Enabled, job.Request.URL = account.ID, true, "http://a.example/"
		job.Timing.RunAt = other.Now().Add(time.Second).Truncate(time.Second)
		if err := other.CreateJob(t.Context(), &job); err != nil {
			t.Fatal(err)
		}
		expect(f, "created")
		came["created"] = true
		epoch, err := other.StartNode(t.Context(), cron.Node{Name: "there"})
		if err != nil {
			t.Fatal(err)
		}
		var launches []cron.Launch
		for range 100 {
			claimed, err := other.Claim(t.Context(), cron.ClaimRequest{Node: epoch, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			if launches = claimed.Launches; len(launches) > 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if len(launches) != 1 {
			t.Fatalf("claimed %d", len(launches))
		}
		position := expect(f, "running", "disabled")
		came["running"], came["disabled"] = true, true
		f.Close()
		done := cron.Completion{Launch: launches[0], Result: cron.Result{Status: cron.StatusOK, Started: other.Now()}}
		if err := other.Finish(t.Context(), []cron.Completion{done}); err != nil {
			t.Fatal(err)
		}
		for _, svc := range []*service.Service{here, there} {
			f, err := svc.Follow(t.Context(), s.Now(), as(account), position)
			if err != nil {
				t.Fatal(err)
			}
			expect(f, "succeeded")
			f.Close()
			if f, err = svc.Follow(t.Context(), s.Now(), as(stranger), position); err != nil {
				t.Fatal(err)
			}
			if events, _, err := f.Poll(t.Context(), s.Now()); err != nil || len(events) > 0 {
				t.Errorf("a stranger is told %+v, %v", events, err)
			}
			f.Close()
		}
	})
}

// TestFollowersOnAFewConnections shares a few connections between many streams.
func TestFollowersOnAFewConnections(t *testing.T) {
	svc := service.New(service.Config{Events: newLedger(), Plans: cron.DefaultPlans(), Followers: 2})
	follow := func(id int64) (*service.Follower, error) {
		return svc.Follow(t.Context(), time.Unix(1_800_000_000, 0), as(cron.Account{ID: id, Plan: cron.PlanDefault}), "")
	}
	var open []*service.Follower
	for account := int64(1); account <= 2; account++ {
		f, err := follow(account)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, f)
	}
	if _, err := follow(3); cron.KindOf(err) != cron.TooMany {
		t.Errorf("one stream too many: %v", err)
	}
	open[0].Close()
	if _, err := follow(3); err != nil {
		t.Errorf("a stream in the place of another one: %v", err)
	}
}
