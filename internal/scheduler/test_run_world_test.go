package scheduler

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// WaitingTestRuns implements TestRuns.
func (d *database) WaitingTestRuns(ctx context.Context, after int64, without []int64, limit int) (list []cron.WaitingTestRun, err error) {
	err = d.around(ctx, opWaitingTests, func() (err error) {
		list, err = d.Store.WaitingTestRuns(ctx, after, without, limit)
		return err
	})
	return list, err
}

// ClaimTestRun implements TestRuns.
func (d *database) ClaimTestRun(ctx context.Context, node int64, w cron.WaitingTestRun, admit func(*cron.Job) bool) (
	l cron.TestLaunch, ok bool, err error) {
	err = d.around(ctx, opClaimTest, func() (err error) {
		l, ok, err = d.Store.ClaimTestRun(ctx, node, w, admit)
		return err
	})
	return l, ok && err == nil, err
}

// AdvanceTestRun implements TestRuns.
func (d *database) AdvanceTestRun(ctx context.Context, p *cron.TestProgress) (running, ends bool, err error) {
	err = d.around(ctx, opAdvanceTest, func() (err error) {
		running, ends, err = d.Store.AdvanceTestRun(ctx, p)
		return err
	})
	return running, ends, err
}

// FinishTestRun implements TestRuns.
func (d *database) FinishTestRun(ctx context.Context, p *cron.TestProgress) error {
	return d.around(ctx, opFinishTest, func() error { return d.Store.FinishTestRun(ctx, p) })
}

// EndingTestRuns implements TestRuns.
func (d *database) EndingTestRuns(ctx context.Context, node int64) (ids []int64, err error) {
	err = d.around(ctx, opEndingTests, func() (err error) {
		ids, err = d.Store.EndingTestRuns(ctx, node)
		return err
	})
	return ids, err
}

// called is how often an operation was called.
func (d *database) called(op operation) (n int) {
	d.note(func() { n = d.done[op] })
	return n
}

// testRun starts a test run of an account.
func (w *world) testRun(account int64, target string, edits ...func(*cron.Job)) cron.TestRun {
	w.Helper()
	t := cron.TestRun{AccountID: account, Job: cron.NewJob()}
	t.Job.AccountID, t.Job.Request.URL = account, target
	for _, edit := range edits {
		edit(&t.Job)
	}
	w.ok(w.db.StartTestRun(w.Context(), &t))
	return t
}

// tested reads a test run.
func (w *world) tested(t cron.TestRun) cron.TestRun {
	w.Helper()
	got, err := w.db.TestRun(w.Context(), t.AccountID, t.ID)
	w.ok(err)
	return got
}

// testStates are the states of test runs, in their order.
func (w *world) testStates(runs ...cron.TestRun) (states []cron.TestState) {
	w.Helper()
	for _, t := range runs {
		states = append(states, w.tested(t).State)
	}
	return states
}

// order is the URLs of all calls, in the order in which they came.
func (w *world) order() (urls []string) {
	for _, c := range w.targets.asked("") {
		urls = append(urls, c.url)
	}
	return urls
}

// takesUpTo is the timeout of a job.
func takesUpTo(d time.Duration) func(*cron.Job) {
	return func(j *cron.Job) { j.Timeout = int(d / time.Second) }
}
