package service

import (
	"context"
	"slices"
	"time"

	"punctual/internal/cron"
)

// JobNow is a job and how it is.
type JobNow struct {
	cron.JobRecord                    // with State.FailingSince and ProblemID
	Problem        *cron.JobProblem   // that it has, without numbers of runs and jobs; nil for none
	Latest         *cron.Execution    // the latest start that has ended, without headers and body; nil for none that is kept
	Why            cron.Diagnosis     // of Latest
	Changed        *cron.JobVersion   // its latest version; nil for a job from before there were versions
	Disabled       *cron.JobVersion   // by which it was disabled; nil for a job that is enabled, and when that is long ago
	Windows        []MaintenanceState // that are in force for it, the one that ends last first
}

// disabledVersions is how many versions of a disabled job are looked at for the one that disabled it.
const disabledVersions = 20

// JobNow reads a job and how it is, by few rows. NextRun follows the schedule even while the job is disabled. A viewer does not see
// its secrets.
func (s *Service) JobNow(ctx context.Context, now time.Time, actor cron.Actor, jobID int64) (j JobNow, err error) {
	if j.JobRecord, err = s.Job(ctx, now, actor, jobID); err != nil {
		return j, err
	}
	account := actor.Account.ID
	if j.State.FailingSince, j.Problem, err = s.store.JobProblem(ctx, account, jobID); err != nil {
		return j, err
	}
	if j.Problem != nil {
		j.ProblemID = j.Problem.ID
	}
	latest, err := s.store.History(ctx, account, jobID, 1)
	if err != nil {
		return j, err
	}
	if len(latest) > 0 {
		plan := s.planOf(actor.Account)
		j.Latest, j.Why = &latest[0], cron.Diagnose(&latest[0].Result, &j.Job, &plan)
	}
	look := 1
	if !j.Enabled {
		look = disabledVersions
	}
	versions, err := s.store.Versions(ctx, account, jobID, 0, look)
	if err != nil {
		return j, err
	}
	if len(versions) > 0 {
		j.Changed = &versions[0]
	}
	if i := slices.IndexFunc(versions, func(v cron.JobVersion) bool { return slices.Contains(v.Changes, "/enabled") }); !j.Enabled && i >= 0 {
		j.Disabled = &versions[i]
	}
	j.Windows, err = s.windowsInForce(ctx, now, account, &j.Job)
	return j, err
}

// windowsInForce lists the maintenance windows that are in force for a job.
func (s *Service) windowsInForce(ctx context.Context, now time.Time, accountID int64, job *cron.Job) (states []MaintenanceState, err error) {
	windows, err := s.store.JobWindows(ctx, accountID)
	for i := range windows {
		if state := StateOfWindow(windows[i], now); state.Active && windows[i].Selects(job) {
			states = append(states, state)
		}
	}
	slices.SortStableFunc(states, func(a, b MaintenanceState) int { return b.Ends.Compare(a.Ends) })
	return states, err
}
