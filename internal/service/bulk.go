package service

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"

	"punctual/internal/cron"
)

// bulkWorkers is how many jobs are changed in parallel: on SQLite they share a sync of the disk, on PostgreSQL they use
// a part of the connections.
const bulkWorkers = 8

// ChangeJobs edits jobs in parallel, each in a transaction of its own, and returns their errors in the order of jobIDs.
// Jobs that were not reached when ctx ended have the error of ctx.
func (s *Service) ChangeJobs(ctx context.Context, actor cron.Actor, jobIDs []int64, patch *cron.JobPatch) (
	[]error, error) {
	if err := s.allow(&actor, UseBulk); err != nil {
		return nil, err
	}
	return forEach(ctx, jobIDs, func(jobID int64) error {
		_, err := s.ChangeJob(ctx, actor, jobID, nil, patch)
		return err
	}), nil
}

// DeleteJobs removes jobs in the same way as ChangeJobs.
func (s *Service) DeleteJobs(ctx context.Context, actor cron.Actor, jobIDs []int64) ([]error, error) {
	if err := s.allow(&actor, UseBulk); err != nil {
		return nil, err
	}
	return forEach(ctx, jobIDs, func(jobID int64) error { return s.DeleteJob(ctx, actor, jobID, nil) }), nil
}

// forEach calls do for each of the jobs, in parallel, until ctx ends.
func forEach(ctx context.Context, jobIDs []int64, do func(jobID int64) error) []error {
	results := make([]error, len(jobIDs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(bulkWorkers, len(jobIDs)) {
		workers.Go(func() {
			for i := range next {
				if results[i] = ctx.Err(); results[i] == nil {
					results[i] = withoutPanic(func() error { return do(jobIDs[i]) })
				}
			}
		})
	}
	for i := range jobIDs {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}

// withoutPanic runs fn and turns a panic into an error. On this goroutine a panic would end the process.
func withoutPanic(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fn()
}

// FolderJobs lists the jobs in a folder, at most most of them. Folder 0 is the root folder.
func (s *Service) FolderJobs(ctx context.Context, actor cron.Actor, folderID int64, most int) ([]int64, error) {
	if err := s.allow(&actor, UseBulk); err != nil {
		return nil, err
	}
	if err := s.CheckFolder(ctx, actor, folderID); err != nil {
		return nil, err
	}
	return s.store.FolderJobs(ctx, actor.Account.ID, folderID, most)
}

// CheckFolder returns an error of kind Invalid when the account has no such folder.
func (s *Service) CheckFolder(ctx context.Context, actor cron.Actor, folderID int64) error {
	if err := s.allow(&actor, UseBulk); err != nil {
		return err
	}
	if folderID == 0 {
		return nil
	}
	_, err := s.store.Folder(ctx, actor.Account.ID, folderID)
	if cron.KindOf(err) == cron.NotFound {
		return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectFolder, Problems: []cron.Problem{
			{Rule: cron.RuleUnknownFolder, Given: strconv.FormatInt(folderID, 10)},
		}}
	}
	return err
}
