package checker

import (
	"punctual/internal/cron"
)

// Action is a row of action, with its jobs and the versions that name it.
type Action struct {
	ID       int64
	State    cron.ActionState
	DryRun   bool
	Ended    bool // before its end: it failed or was cancelled
	Changed  int  // as it counts itself
	Jobs     []ActionJob
	Versions []ActionVersion
}

// ActionJob is a row of action_job.
type ActionJob struct {
	ActionID int64
	JobID    int64
	Version  int64
	After    int64
	Result   cron.ActionResult
	Effect   cron.ActionEffect
}

// ActionVersion is a version of a job that an action has made.
type ActionVersion struct {
	ActionID int64
	JobID    int64
	Version  int64
}

func scanAction(scan func(...any) error) (a Action, err error) {
	var failed, cancelled bool
	err = scan(&a.ID, &a.State, &a.DryRun, &failed, &cancelled, &a.Changed)
	a.Ended = failed || cancelled
	return a, err
}

func scanActionJob(scan func(...any) error) (j ActionJob, err error) {
	return j, scan(&j.ActionID, &j.JobID, &j.Version, &j.After, &j.Result, &j.Effect)
}

func scanActionVersion(scan func(...any) error) (v ActionVersion, err error) {
	return v, scan(&v.ActionID, &v.JobID, &v.Version)
}

// searchAction compares the results of actions with the versions of jobs.
func searchAction(e *evidence) {
	for i := range e.Actions {
		a := &e.Actions[i]
		made := make(map[int64]int64, len(a.Versions)) // by job
		for _, v := range a.Versions {
			if _, again := made[v.JobID]; again {
				e.add("action %d has changed job %d twice", a.ID, v.JobID)
			}
			made[v.JobID] = v.Version
		}
		changed := 0
		for _, j := range a.Jobs {
			version, has := made[j.JobID]
			delete(made, j.JobID)
			changes := j.Result == cron.ActionChanged && !a.DryRun
			if j.Result == cron.ActionChanged {
				changed++
			}
			switch {
			case j.Result == cron.ActionWaiting && a.State == cron.ActionFinished && !a.Ended:
				e.add("action %d has finished, but job %d waits", a.ID, j.JobID)
			case !changes && has:
				e.add("action %d made version %d of job %d, but has the result %d", a.ID, version, j.JobID, j.Result)
			case changes && j.Effect == cron.EffectDeleted:
				if has || j.After != j.Version {
					e.add("action %d deleted job %d in version %d, but says %d", a.ID, j.JobID, j.Version, j.After)
				}
			case changes && (!has || version != j.After || j.After != j.Version+1):
				e.add("action %d says that it made version %d of job %d after %d, but made %d", a.ID, j.After, j.JobID, j.Version, version)
			}
		}
		for job, version := range made {
			e.add("action %d made version %d of job %d, which is not among its jobs", a.ID, version, job)
		}
		if a.State == cron.ActionFinished && changed != a.Changed {
			e.add("action %d has changed %d jobs, but counts %d", a.ID, changed, a.Changed)
		}
	}
}
