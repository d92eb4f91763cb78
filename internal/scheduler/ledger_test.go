package scheduler

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestLedger lets schedulers run through random lives (edits, faults of the database, pauses, deaths, restarts) and
// compares the ledger with what a brute force says that was due. PUNCTUAL_SCHEDULER_ROUNDS is how many lives,
// PUNCTUAL_SCHEDULER_SEED the first one of a run that is to be repeated. The order of what happens in the same instant
// is up to Go, so that a seed may need several tries.
func TestLedger(t *testing.T) {
	rounds := int(setting(t, "PUNCTUAL_SCHEDULER_ROUNDS", map[bool]uint64{true: 6, false: 40}[raced]))
	seed := setting(t, "PUNCTUAL_SCHEDULER_SEED", rand.Uint64()>>32)
	for i := range rounds {
		t.Run(fmt.Sprintf("seed %d", seed+uint64(i)), func(t *testing.T) {
			inBubble(t, func(w *world) { newLife(w, seed+uint64(i)).live() })
		})
	}
}

func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text, ok := os.LookupEnv(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// life is one random life.
type life struct {
	*world
	*rand.Rand
	jobs  map[int64]*biography
	story []string // what happened, for who has to understand a failure
}

// biography is all versions of a job.
type biography struct {
	versions []version // in the order of time
	deleted  time.Time
	policy   cron.Policy // never changes
}

// version is what a job is from one instant on.
type version struct {
	from time.Time
	job  cron.Job
}

func newLife(w *world, seed uint64) *life {
	l := &life{world: w, Rand: rand.New(rand.NewPCG(seed, 0)), jobs: make(map[int64]*biography)}
	w.config.Slots = pick(l, 1, 3, 10, 100)
	w.config.HostSlots = pick(l, 1, 5, 100)
	w.config.Drain = pick(l, 0, 3*second, 20*second)
	for range 2 {
		w.newAccount()
	}
	return l
}

func pick[T any](l *life, of ...T) T { return of[l.IntN(len(of))] }

// live runs for some minutes with faults and edits, then without them until everything is settled, and checks the ledger.
func (l *life) live() {
	defer func() {
		if l.Failed() {
			l.Logf("slots %d, a host %d, drain %v", l.config.Slots, l.config.HostSlots, l.config.Drain)
			for _, line := range l.story {
				l.Log(line)
			}
		}
	}()
	for range 3 + l.IntN(6) {
		l.create()
	}
	l.start()
	for end := time.Now().Add(20 * minute); time.Now().Before(end); {
		l.pause()
		l.happen()
	}
	l.db.inject(nil)
	if l.node == nil {
		l.start()
	}
	time.Sleep(2 * minute)
	l.tell("the end")
	l.halt()
	l.check()
}

func (l *life) tell(format string, args ...any) {
	l.story = append(l.story, fmt.Sprintf("%v ", clock(time.Now()))+fmt.Sprintf(format, args...))
}

// pause lets some time pass, often until right before, at or after a full second.
func (l *life) pause() {
	time.Sleep(time.Duration(l.Int64N(int64(pick(l, second, 10*second, minute)))))
	if l.IntN(2) == 0 {
		next := time.Now().Truncate(second).Add(second + pick(l, -time.Millisecond, 0, time.Millisecond))
		time.Sleep(time.Until(next))
		if l.IntN(2) == 0 {
			synctest.Wait()
		}
	}
}

// happen makes something happen.
func (l *life) happen() {
	switch n := l.IntN(20); {
	case n < 2:
		l.create()
	case n < 8:
		l.change()
	case n < 9:
		l.remove()
	case n < 14:
		l.harm()
	case n < 15 && l.node != nil:
		l.tell("another node takes this one for dead")
		l.secondNode()
	case n < 17 && l.node != nil:
		l.tell("a restart")
		l.halt()
		l.reopen(time.Duration(l.Int64N(int64(3 * minute))))
		l.start()
		l.tell("it runs again")
	case n < 18 && l.node != nil:
		l.tell("a crash")
		l.crash()
		l.reopen(time.Duration(l.Int64N(int64(3 * minute))))
		l.start()
		l.tell("it runs again")
	default:
		l.tell("all is well")
		l.db.inject(nil)
	}
}

// halt stops the process, with or without a working database.
func (l *life) halt() {
	n := l.node
	l.node = nil
	n.cancel()
	<-n.ended
	l.db.inject(nil)
}

// harm injects a random fault.
func (l *life) harm() {
	name, f := "", fault(nil)
	switch l.IntN(5) {
	case 0:
		name, f = "fails", failBefore
	case 1:
		name, f = "does it, but fails", failAfter
	case 2:
		name, f = "hangs", hang
	case 3:
		d := time.Duration(l.Int64N(int64(8 * second)))
		name, f = fmt.Sprintf("takes %v", d), slow(d)
	case 4:
		d := time.Duration(l.Int64N(int64(15 * second)))
		name, f = fmt.Sprintf("answers after %v", d), func(_ context.Context, _ operation, do func() error) error {
			err := do()
			time.Sleep(d)
			return err
		}
	}
	all := []operation{opClaim, opFinish, opNextDue, opHeartbeat, opAbandoned, opSettle}
	operations := all
	if l.IntN(3) > 0 {
		operations = []operation{pick(l, all...)}
	}
	l.tell("the database %s: %v", name, operations)
	l.db.inject(f.on(operations...))
}

// create adds a job.
func (l *life) create() {
	j := cron.NewJob()
	j.AccountID, j.Enabled, j.Schedule, j.Request.URL = pick(l, l.accounts...), true, l.schedule(), l.target()
	// Jobs that fail again and again are disabled, except for monitors, which on the other hand cannot be deleted.
	j.Type = pick(l, cron.TypeMonitoring, cron.TypeDefault)
	if j.Type == cron.TypeDefault {
		j.Request.URL = "http://fine/"
	}
	j.Timeout = 5 + l.IntN(20)
	j.Policy = cron.Policy{
		Misfire: pick(l, cron.MisfireSkip, cron.MisfireRun), Grace: pick(l, cron.UnsetGrace, 0, 10*second, hour),
		Overlap: pick(l, cron.OverlapAllow, cron.OverlapSkip), Delivery: pick(l, cron.AtMostOnce, cron.AtLeastOnce),
		Retry: cron.Retry{Count: pick(l, 0, 0, 1, 3), Delay: pick(l, 0, second, 10*second), Factor: 2, Ceiling: minute},
	}
	l.ok(l.db.CreateJob(l.Context(), &j))
	l.jobs[j.ID] = &biography{versions: []version{{time.Now(), j}}, policy: j.Policy}
	l.tell("job %d is created: %s, policy %+v", j.ID, describe(&j), j.Policy)
}

func describe(j *cron.Job) string {
	return fmt.Sprintf("enabled %v, %s, seconds %x, minutes %x, expires %d", j.Enabled, j.Request.URL, uint64(j.Schedule.Seconds),
		uint64(j.Schedule.Minutes), j.Schedule.ExpiresAt)
}

// schedule is every few seconds or minutes.
func (l *life) schedule() cron.Schedule {
	some := func(n int) (set cron.Set) {
		for range 1 + l.IntN(n) {
			set |= cron.SetOf(l.IntN(60))
		}
		return set
	}
	s := times(cron.SetOf(0), cron.Every, cron.Every)
	switch l.IntN(6) {
	case 0:
		s.Minutes = some(10)
	case 1:
		s.Seconds = some(5)
	case 2:
		s.Seconds, s.Minutes = cron.SetOf(0, 10, 20, 30, 40, 50), some(20)
	case 3:
		s.Seconds, s.Minutes = cron.Every, some(4)
	case 4:
		until := time.Now().Add(time.Duration(l.Int64N(int64(10 * minute))))
		s.ExpiresAt, _ = strconv.ParseInt(until.UTC().Format("20060102150405"), 10, 64)
	}
	return s
}

func (l *life) target() string {
	return fmt.Sprintf("http://host%d/?%s", l.IntN(3), pick(l, "", "", "take=700ms", "take=4s", "take=40s", "hang", "status=500",
		"status=503&after=20s", "status=500&take=3s"))
}

// someJob is a job that is not deleted; 0 when there is none.
func (l *life) someJob() int64 {
	ids := slices.Sorted(maps.Keys(l.jobs))
	ids = slices.DeleteFunc(ids, func(id int64) bool { return !l.jobs[id].deleted.IsZero() })
	if len(ids) == 0 {
		return 0
	}
	return pick(l, ids...)
}

// change edits a job.
func (l *life) change() {
	id := l.someJob()
	if id == 0 {
		return
	}
	bio := l.jobs[id]
	j := bio.versions[len(bio.versions)-1].job
	switch l.IntN(4) {
	case 0:
		if j.Type == cron.TypeMonitoring {
			j.Request.URL = l.target()
		}
	case 1:
		j.Enabled = false
	case 2:
		j.Enabled = true
	case 3:
		// What is due already runs by its former schedule; it may wait longer than this test can tell.
		if next := l.nextRun(id); !next.IsZero() && !next.After(time.Now()) {
			return
		}
		j.Schedule = l.schedule()
	}
	l.edit(id, func(former *cron.Job) { *former = j })
	bio.versions = append(bio.versions, version{time.Now(), j})
	l.tell("job %d is changed: %s", id, describe(&j))
}

func (l *life) nextRun(id int64) time.Time {
	return l.tables().NextRun(id)
}

// remove deletes a job.
func (l *life) remove() {
	id := l.someJob()
	if id == 0 {
		return
	}
	bio := l.jobs[id]
	j := bio.versions[len(bio.versions)-1].job
	if j.Type == cron.TypeMonitoring {
		return
	}
	l.ok(l.db.DeleteJob(l.Context(), j.AccountID, id))
	bio.deleted = time.Now()
	l.tell("job %d is deleted", id)
}

// due lists when a job was due up to an instant.
func (b *biography) due(until time.Time) (due []time.Time) {
	for i, v := range b.versions {
		end := until
		if i+1 < len(b.versions) && b.versions[i+1].from.Before(until) {
			end = b.versions[i+1].from
		}
		if !v.job.Enabled {
			continue
		}
		for t, ok := v.job.Schedule.Next(v.from); ok && !t.After(end); t, ok = v.job.Schedule.Next(t) {
			due = append(due, t)
		}
	}
	return due
}

// check compares the ledger with what was due, and with what was sent.
func (l *life) check() {
	if n := l.tables().Executions(cron.OutcomeRunning); n != 0 {
		l.Errorf("%d executions still run", n)
	}
	if l.targets.peak > l.config.Slots {
		l.Errorf("%d in flight at once with %d slots", l.targets.peak, l.config.Slots)
	}
	sent := make(map[int64][]call)
	for _, c := range l.targets.asked("") {
		sent[c.execution] = append(sent[c.execution], c)
	}
	records := make(map[int64][]entry)
	for _, e := range l.ledger() {
		records[e.JobID] = append(records[e.JobID], e)
		l.checkSent(e, sent[e.ID])
		delete(sent, e.ID)
	}
	if len(sent) > 0 {
		l.Errorf("sent without a record: %v", sent)
	}
	for id, bio := range l.jobs {
		l.checkCovered(id, bio, records[id])
		l.checkAttempts(id, bio, records[id])
	}
}

// checkSent compares a record with the calls made for it.
func (l *life) checkSent(e entry, calls []call) {
	switch {
	case len(calls) > 1:
		l.Errorf("%v was sent %d times", e, len(calls))
	case len(calls) == 0 && (e.Outcome == cron.OutcomeSucceeded || e.Outcome == cron.OutcomeFailed):
		l.Errorf("%v was never sent", e)
	case len(calls) == 1 && e.Count > 0:
		l.Errorf("%v was sent", e)
	case len(calls) == 1:
		// The definition is that of an instant between the occurrence and the call.
		c := calls[0]
		versions := l.jobs[e.JobID].versions
		if c.at.Before(e.Planned) || !slices.ContainsFunc(versions, func(v version) bool {
			i := slices.IndexFunc(versions, func(o version) bool { return o.from.Equal(v.from) })
			return v.job.Request.URL == c.url && !v.from.After(c.at) &&
				(i+1 == len(versions) || !versions[i+1].from.Before(e.Planned))
		}) {
			l.Errorf("%v was sent to %s at %v", e, c.url, clock(c.at))
		}
	}
}

// checkCovered reports whether each occurrence has exactly one record, and each record its occurrences.
func (l *life) checkCovered(id int64, bio *biography, records []entry) {
	until := time.Now()
	if !bio.deleted.IsZero() {
		until = bio.deleted
	} else if next := l.nextRun(id); !next.IsZero() && !next.After(until) {
		until = next.Add(-time.Millisecond) // it waits for a slot
	}
	due := bio.due(until)
	covered := make(map[time.Time]int)
	for _, e := range records {
		if e.Attempt > 1 {
			continue
		}
		last := e.Planned
		if e.Count > 0 {
			last = e.Last
		}
		n := int64(0)
		for _, t := range due {
			if !t.Before(e.Planned) && !t.After(last) {
				covered[t]++
				n++
			}
		}
		if n != max(1, e.Count) || e.AtLeast {
			l.Errorf("%v: %d occurrences of the job were due then", e, n)
		}
	}
	for _, t := range due {
		if n := covered[t]; n > 1 || n == 0 && bio.deleted.IsZero() {
			l.Errorf("job %d at %v has %d records", id, clock(t), n)
		}
	}
}

// checkAttempts reports whether the attempts at each occurrence are those that the policy asks for.
func (l *life) checkAttempts(id int64, bio *biography, records []entry) {
	for i, e := range records {
		var former *entry
		if i > 0 && records[i-1].Planned.Equal(e.Planned) {
			former = &records[i-1]
		}
		attempt, retries := 1, bio.policy.Retry.Count
		if former != nil {
			attempt = former.Attempt + 1
		}
		if bio.policy.Delivery == cron.AtLeastOnce {
			retries += cron.MaxRepeats + 1
		}
		switch {
		case e.Attempt != attempt:
			l.Errorf("%v stands where attempt %d belongs", e, attempt)
		case e.Attempt > 1+retries:
			l.Errorf("%v is one too many", e)
		case former != nil && bio.policy.Delivery == cron.AtMostOnce && former.Outcome != cron.OutcomeFailed:
			l.Errorf("%v follows %v", e, *former)
		}
	}
	if n := l.tables().WrongPending(id); n != 0 {
		l.Errorf("%d pending attempts do not follow those before", n)
	}
}
