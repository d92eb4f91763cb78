package scheduler

import (
	"testing"

	"punctual/internal/cron"
)

// TestRunningFrom checks runningFrom at each step of claims and results. The latest ID of other nodes is 100.
func TestRunningFrom(t *testing.T) {
	f := newInFlight(10, 10)
	launch := func(id int64) cron.Launch {
		return cron.Launch{ExecutionID: id, Job: &cron.Job{}, Plan: &cron.Plan{}}
	}
	start := func(ids ...int64) {
		for _, id := range ids {
			l := launch(id)
			f.start(&l, func() { f.end(&l, 0) })
		}
	}
	record := func(id int64) { f.recorded([]cron.Completion{{Launch: launch(id)}}) }
	for _, step := range []struct {
		what string
		do   func()
		want int64
	}{
		{"nothing was claimed", func() {}, 100},
		{"the first claim is under way", func() { f.beginClaim() }, 0},
		{"it took some", func() { start(7, 9); f.endClaim() }, 7},
		{"another is under way", func() { f.beginClaim() }, 7},
		{"the oldest is recorded meanwhile", func() { record(7) }, 9},
		{"and the other", func() { record(9) }, 9},
		{"the claim took nothing", f.endClaim, 100},
		{"one fails", func() { f.beginClaim() }, 9},
		{"what it took is found", func() { start(12); f.endClaim() }, 12},
		{"and recorded", func() { record(12) }, 100},
	} {
		step.do()
		f.running.Wait()
		if got := f.runningFrom(100); got != step.want {
			t.Errorf("%s: %d, want %d", step.what, got, step.want)
		}
	}
}

// TestBytesInFlight has many accounts with large definitions. Each of them always finds some room.
func TestBytesInFlight(t *testing.T) {
	const size = 1 << 20
	f := newInFlight(10_000, 10_000)
	plan := &cron.Plan{}
	var id int64
	var started []cron.Launch
	land := make(chan struct{})
	take := func(account, bytes int64) bool {
		j := &cron.Job{AccountID: account}
		if f.admission()(j, plan, bytes) != cron.AdmitNow {
			return false
		}
		id++
		l := cron.Launch{ExecutionID: id, Job: j, Plan: plan, Bytes: bytes}
		started = append(started, l)
		f.start(&l, func() { <-land })
		return true
	}
	for account := range int64(8) {
		n := int64(0)
		for n <= maxAccountBytes/size && take(account, size) {
			n++
		}
		if n == 0 && account < 4 || n > maxAccountBytes/size {
			t.Errorf("account %d has %d large definitions in flight", account, n)
		}
	}
	if f.defined > maxDefinitionBytes {
		t.Errorf("%d bytes are in flight", f.defined)
	}
	if got, _ := f.accountsWithoutRoom(nil); len(got) != 8 {
		t.Errorf("accounts %v have no room", got)
	}
	if !take(100, 100<<10) || !take(100, 0) || !take(1, 0) {
		t.Error("nothing is left for small ones")
	}
	for i := range started {
		f.end(&started[i], 0)
	}
	close(land)
	f.wait()
	if got, _ := f.accountsWithoutRoom([]int64{0, 1, 2}); len(got) != 0 || f.defined != 0 || len(f.waiting) != 0 {
		t.Errorf("with nothing in flight accounts %v have no room, and %d bytes are counted", got, f.defined)
	}
}

// TestABatchOfLargeResponses takes as many completions for a transaction as it has room for.
func TestABatchOfLargeResponses(t *testing.T) {
	f := newInFlight(1000, 1000)
	fin := newFinisher(nil, nil, nil, f)
	const large = 100
	for i := range 2 * large {
		c := cron.Completion{Launch: cron.Launch{ExecutionID: int64(i), Job: &cron.Job{}, Plan: &cron.Plan{}}}
		if i < large {
			c.Result.Body = make([]byte, cron.MaxStoredBody*4)
		}
		f.start(&c.Launch, func() { fin.add(c) })
		f.running.Wait()
	}
	taken := 0
	for batch := fin.take(); len(batch) > 0; batch = fin.take() {
		bytes := 0
		for i := range batch {
			if batch[i].Launch.ExecutionID != int64(taken) {
				t.Fatalf("completion %d came as number %d", batch[i].Launch.ExecutionID, taken)
			}
			taken++
			bytes += size(&batch[i])
		}
		if bytes >= maxBatchBytes+cron.MaxStoredBody*4 {
			t.Errorf("a batch of %d bytes", bytes)
		}
	}
	if taken != 2*large {
		t.Errorf("took %d of %d", taken, 2*large)
	}
}
