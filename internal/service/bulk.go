package service

import (
	"context"
	"strconv"
	"sync"

	"punctual/internal/cron"
)

// How many jobs EachJob takes at a time: so many share a sync of the disk on SQLite, and a part of the connections
// elsewhere.
const bulkWorkers = 8

// EachJob does something to each of the jobs, several at a time, and returns what came of each, in their order. Jobs that
// it has not come to when ctx ends have the error of ctx.
func (s *Service) EachJob(ctx context.Context, jobIDs []int64, do func(ctx context.Context, jobID int64) error) []error {
	results := make([]error, len(jobIDs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(bulkWorkers, len(jobIDs)) {
		workers.Go(func() {
			for i := range next {
				if results[i] = ctx.Err(); results[i] == nil {
					results[i] = do(ctx, jobIDs[i])
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

// FolderJobs lists the jobs in a folder, 0 for the root folder, at most so many of them.
func (s *Service) FolderJobs(ctx context.Context, account cron.Account, folderID int64, most int) ([]int64, error) {
	if err := s.CheckFolder(ctx, account, folderID); err != nil {
		return nil, err
	}
	return s.folders.FolderJobs(ctx, account.ID, folderID, most)
}

// CheckFolder is an error of kind Invalid when the account has no such folder.
func (s *Service) CheckFolder(ctx context.Context, account cron.Account, folderID int64) error {
	if folderID == 0 {
		return nil
	}
	_, err := s.folders.Folder(ctx, account.ID, folderID)
	if cron.KindOf(err) == cron.NotFound {
		return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectFolder, Problems: []cron.Problem{
			{Rule: cron.RuleUnknownFolder, Given: strconv.FormatInt(folderID, 10)},
		}}
	}
	return err
}
