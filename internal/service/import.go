package service

import (
	"context"
	"crypto/sha256"
	"strconv"
	"time"

	"punctual/internal/command"
	"punctual/internal/cron"
)

// ReadCommands reads commands and crontab lines that somebody pasted. It changes nothing.
func (s *Service) ReadCommands(actor cron.Actor, text string) (command.Result, error) {
	if err := s.allow(&actor, UseCreateJob); err != nil {
		return command.Result{}, err
	}
	return command.Read(text), nil
}

// ImportDefaults is what a text does not say of its jobs.
type ImportDefaults struct {
	Zone     string        // of schedules without a time zone
	Schedule cron.Schedule // of commands without a schedule; its time zone does not count
	FolderID int64
}

// ImportJob is a job that was made of a text and is not saved.
type ImportJob struct {
	command.Entry
	Job     cron.Job // for AddJobs
	Err     error    // of kind Invalid: why it cannot be saved
	Words   string   // the schedule, in the language of the actor
	NextRun time.Time
}

// Import is what was made of a text.
type Import struct {
	Jobs   []ImportJob
	Unread []command.Unread
	Notes  []command.Note
}

// NewImport makes jobs of the commands in a text: enabled, and with the responses and notices of a job that is made in the console.
// AddJobs saves them.
func (s *Service) NewImport(now time.Time, actor cron.Actor, text string, d ImportDefaults) (Import, error) {
	read, err := s.ReadCommands(actor, text)
	if err != nil {
		return Import{}, err
	}
	im := Import{Unread: read.Unread, Notes: read.Notes, Jobs: make([]ImportJob, 0, len(read.Entries))}
	for _, e := range read.Entries {
		job := ImportJob{Entry: e}
		patch := d.complete(e.Patch)
		job.Job, job.Err = s.newJob(actor.Account, cron.NewJob(), &patch)
		if job.Err != nil && cron.KindOf(job.Err) != cron.Invalid {
			return Import{}, job.Err
		}
		job.Words = language(&actor).Schedule(&job.Job.Schedule, time.Time{})
		if job.Err == nil {
			job.NextRun = job.Job.OccurrenceAfter(now)
		}
		im.Jobs = append(im.Jobs, job)
	}
	return im, nil
}

// complete is a patch with what a text does not say.
func (d *ImportDefaults) complete(p cron.JobPatch) cron.JobPatch {
	set := func(fields ...string) { p.Fields = append(p.Fields[:len(p.Fields):len(p.Fields)], fields...) }
	v := &p.Values
	if v.Enabled = true; !p.Sets("/schedule/minutes") {
		v.Schedule = d.Schedule
		set("/schedule/seconds", "/schedule/minutes", "/schedule/hours", "/schedule/mdays", "/schedule/months", "/schedule/wdays",
			"/schedule/lastDay", "/schedule/days")
	}
	if !p.Sets("/schedule/timezone") {
		v.Schedule.Timezone = d.Zone
		set("/schedule/timezone")
	}
	v.FolderID = d.FolderID
	v.SaveResponses, v.Notification.OnFailure, v.Notification.OnDisable = true, true, true
	set("/enabled", "/folderId", "/saveResponses", "/notification/onFailure", "/notification/onDisable")
	return p
}

// ImportedJob is a job to be saved once, however often it is sent.
type ImportedJob struct {
	Job *cron.Job
	Key string // an idempotency key of the account; a job that was saved with it before has the ID of that one, and is not saved again
}

// AddJobs saves jobs from NewImport in their order and sets their IDs. It goes on after a job that cannot be saved, but not
// when the account has as many jobs as it may, or ctx has ended: the others have the same error then. The errors are in the
// order of the jobs.
func (s *Service) AddJobs(ctx context.Context, actor cron.Actor, jobs []ImportedJob) ([]error, error) {
	if err := s.allow(&actor, UseBulk); err != nil {
		return nil, err
	}
	results := make([]error, len(jobs))
	for i, job := range jobs {
		err := ctx.Err()
		if err == nil {
			err = s.addOnce(ctx, actor, job)
		}
		results[i] = err
		if err != nil && (cron.KindOf(err) == cron.TooMany || ctx.Err() != nil) {
			for j := range jobs[i:] {
				results[i+j] = err
			}
			break
		}
	}
	return results, nil
}

// addOnce saves a job, unless that was done before.
func (s *Service) addOnce(ctx context.Context, actor cron.Actor, job ImportedJob) error {
	call := cron.IdempotentCall{Key: job.Key, Request: sha256.Sum256([]byte("import " + job.Key))}
	answer, replayed, err := s.Idempotent(ctx, actor, UseBulk, call, func(ctx context.Context) ([]byte, error) {
		err := s.AddJob(ctx, actor, job.Job)
		return strconv.AppendInt(nil, job.Job.ID, 10), err
	})
	if err == nil && replayed {
		job.Job.ID, err = strconv.ParseInt(string(answer), 10, 64)
	}
	return err
}

// RoomForJobs is how many more jobs the account may have; limited is false when there is no limit.
func (s *Service) RoomForJobs(ctx context.Context, actor cron.Actor) (room int, limited bool, err error) {
	if err := s.allow(&actor, UseCreateJob); err != nil {
		return 0, false, err
	}
	limit := s.planOf(actor.Account).MaxJobs
	if limit == 0 {
		return 0, false, nil
	}
	n, err := s.store.CountJobs(ctx, actor.Account.ID)
	return max(limit-n, 0), true, err
}
