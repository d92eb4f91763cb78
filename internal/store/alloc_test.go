package store_test

import (
	"runtime"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// TestEditMemory edits a job many times and counts the bytes that are allocated: a compressor of definitions, which has buffers of
// more than a megabyte, is not made for each edit.
func TestEditMemory(t *testing.T) {
	db := open(t, storetest.Databases[0].New(t))
	account, _ := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	rename := func() {
		ok(t, db.UpdateJob(t.Context(), account, j.ID, func(j *cron.Job) error {
			j.Title += "."
			return nil
		}))
	}
	rename()
	const edits = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range edits {
		rename()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / edits; each > 1_000_000 {
		t.Errorf("an edit allocates %d bytes", each)
	}
}

// TestExecutionMemory claims and finishes jobs that succeed after success, and counts what is allocated for each: no more than there
// was before problems and versions.
func TestExecutionMemory(t *testing.T) {
	options := storetest.Databases[0].New(t)
	db, raw := open(t, options), past(t, options)
	account, node := newAccount(t, db)
	j := newJob(account)
	ok(t, db.CreateJob(t.Context(), &j))
	const jobs = 500
	tables(t, raw).CopyJob(j.ID, jobs-1)
	at := time.Now().Add(-25 * time.Minute)
	due := func() {
		at = at.Add(time.Second)
		tables(t, raw).SetAllDue(at)
	}
	run := func() {
		claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: jobs})
		ok(t, err)
		if len(claimed.Launches) != jobs {
			t.Fatalf("claimed %d of %d jobs", len(claimed.Launches), jobs)
		}
		batch := make([]cron.Completion, jobs)
		for i, l := range claimed.Launches {
			batch[i] = completion(l, cron.StatusOK)
		}
		ok(t, db.Finish(t.Context(), batch))
	}
	due()
	run()
	due()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	each := (after.Mallocs - before.Mallocs) / jobs
	t.Logf("%d allocations for each execution", each)
	if each > 100 {
		t.Errorf("an execution allocates %d times", each)
	}
}
