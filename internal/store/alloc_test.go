package store_test

import (
	"runtime"
	"testing"

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
