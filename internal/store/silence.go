package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
)

// silences answers, within one transaction, whether jobs are silenced. It remembers the windows of accounts.
type silences struct {
	s        *Store
	q        queryer
	now      time.Time
	accounts map[int64]*accountWindows
}

// accountWindows is the maintenance windows of an account.
type accountWindows struct {
	first   int64 // maintenance_from; 0 without windows
	read    bool  // windows have been read
	windows *cron.Maintenance
}

func (s *Store) silences(q queryer, now time.Time) *silences { return &silences{s: s, q: q, now: now} }

// silenced tells whether no notices are given about what happened to a job from an instant until now: a result, from its start on. Of
// the job only ID, account and notification are looked at.
func (x *silences) silenced(ctx context.Context, j *cron.Job, from time.Time) (bool, error) {
	if j.Silenced(nil, from, x.now) {
		return true, nil
	}
	if from.IsZero() || from.After(x.now) { // by the clock of another machine
		from = x.now
	}
	windows, err := x.windows(ctx, j.AccountID, from)
	if err != nil || windows == nil {
		return false, err
	}
	selected := cron.Job{ID: j.ID, Notification: j.Notification}
	err = x.q.QueryRowContext(ctx, `SELECT job.folder_id, coalesce(job_about.tags, '') FROM job LEFT JOIN job_about ON job_about.job_id = job.id
		WHERE job.id = $1`, j.ID).Scan(&selected.FolderID, tagsField{&selected.Tags})
	if err != nil {
		return false, fmt.Errorf("read what windows select the job by: %w", err)
	}
	return selected.Silenced(windows, from, x.now), nil
}

// windows reads the windows of an account if one of them can have a span that reaches between an instant and now; nil if none can.
func (x *silences) windows(ctx context.Context, accountID int64, from time.Time) (*cron.Maintenance, error) {
	known := x.accounts[accountID]
	if known == nil {
		known = new(accountWindows)
		if err := x.q.QueryRowContext(ctx, `SELECT maintenance_from FROM account WHERE id = $1`, accountID).Scan(integer(&known.first)); err != nil {
			return nil, fmt.Errorf("look when the next maintenance window starts: %w", err)
		}
		if x.accounts == nil {
			x.accounts = make(map[int64]*accountWindows)
		}
		x.accounts[accountID] = known
	}
	if !mayBeInside(known.first, from, x.now) {
		return nil, nil
	}
	if !known.read {
		windows, err := x.s.windowsOf(ctx, x.q, []int64{accountID}, cron.MaintenanceSilence)
		if err != nil {
			return nil, err
		}
		known.windows, known.read = windows[accountID], true
	}
	return known.windows, nil
}

// mayBeInside tells, by maintenance_from of its account (0 for NULL), whether an instant between two can lie in a maintenance window.
func mayBeInside(first int64, from, to time.Time) bool {
	return first != 0 && (first <= millis(to) || to.Sub(from) > maintenanceLag)
}

// windowsOf reads the windows of accounts that have at least the given effect.
func (s *Store) windowsOf(ctx context.Context, q queryer, accounts []int64, least cron.MaintenanceEffect) (map[int64]*cron.Maintenance, error) {
	list, err := collect(ctx, q, "read the maintenance windows", scanMaintenance, `SELECT `+maintenanceNames+` FROM maintenance
		WHERE `+s.engine.in("account_id", 1)+` AND effect >= $2 ORDER BY account_id, id`, s.engine.list(accounts), int(least))
	if err != nil {
		return nil, err
	}
	if err := s.nameJobs(ctx, q, list); err != nil {
		return nil, err
	}
	windows := make(map[int64]*cron.Maintenance)
	for len(list) > 0 {
		account := list[0].AccountID
		n := slices.IndexFunc(list, func(w cron.MaintenanceWindow) bool { return w.AccountID != account })
		if n < 0 {
			n = len(list)
		}
		windows[account], list = cron.NewMaintenance(list[:n]), list[n:]
	}
	return windows, nil
}

// nameJobs gives the windows of status pages the jobs that their components have.
func (s *Store) nameJobs(ctx context.Context, q queryer, list []cron.MaintenanceWindow) error {
	var components []int64
	for i := range list {
		components = append(components, list[i].ComponentIDs...)
	}
	if len(components) == 0 {
		return nil
	}
	slices.Sort(components)
	jobs := make(map[int64][]int64)
	err := each(ctx, q, "read the jobs of components in maintenance", func(scan scanner) error {
		var component, job int64
		if err := scan(&component, &job); err != nil {
			return err
		}
		jobs[component] = append(jobs[component], job)
		return nil
	}, `SELECT component_id, job_id FROM status_component_job WHERE `+s.engine.in("component_id", 1), s.engine.list(slices.Compact(components)))
	if err != nil {
		return err
	}
	for i := range list {
		for _, component := range list[i].ComponentIDs {
			list[i].JobIDs = append(list[i].JobIDs, jobs[component]...)
		}
	}
	return nil
}

// markMaintenance gives the jobs of a claim the windows of their accounts that can pause them.
func (s *Store) markMaintenance(ctx context.Context, q queryer, work []due, jobs map[int64]*definition, now time.Time) error {
	accounts := make(map[int64]bool)
	for _, w := range work {
		if d := jobs[w.jobID]; d != nil && d.maintenance != 0 {
			from := now
			if w.pending == 0 {
				from = instant(w.planned)
			}
			if mayBeInside(d.maintenance, from, now) {
				accounts[d.job.AccountID] = true
			}
		}
	}
	if len(accounts) == 0 {
		return nil
	}
	windows, err := s.windowsOf(ctx, q, slices.Collect(maps.Keys(accounts)), cron.MaintenancePause)
	if err != nil {
		return err
	}
	var tagged []int64
	for id, d := range jobs {
		if d.windows = windows[d.job.AccountID]; d.windows.NeedsTags() {
			tagged = append(tagged, id)
		}
	}
	if len(tagged) == 0 {
		return nil
	}
	return each(ctx, q, "read the tags", func(scan scanner) error {
		var (
			id   int64
			tags []string
		)
		if err := scan(&id, tagsField{&tags}); err != nil {
			return err
		}
		jobs[id].tags = tags
		return nil
	}, `SELECT job_id, tags FROM job_about WHERE `+s.engine.in("job_id", 1), s.engine.list(tagged))
}

// selected is the job as windows select it. The job of a launch is without tags.
func (d *definition) selected() *cron.Job {
	return &cron.Job{ID: d.job.ID, FolderID: d.job.FolderID, Tags: d.tags}
}

// pausedIn tells whether a window pauses the job at one of the instants, and until when it goes on.
func (d *definition) pausedIn(instants ...time.Time) (until time.Time, paused bool) {
	if d.windows == nil {
		return time.Time{}, false
	}
	j := d.selected()
	for _, at := range instants {
		if until, paused := d.windows.Paused(j, at); paused {
			return until, true
		}
	}
	return time.Time{}, false
}

// missed adds the records of occurrences that were found too late: as skipped where a window paused the job.
func (st *settlement) missed(d *definition, g cron.OccurrenceRange) {
	parts := []cron.GapPart{{OccurrenceRange: g}}
	if d.windows != nil {
		j := d.job
		j.Tags = d.tags
		parts = d.windows.Split(&j, g)
	}
	for _, part := range parts {
		outcome, why := cron.OutcomeMissed, cron.FaultMissed
		if part.Paused {
			outcome, why = cron.OutcomeSkipped, cron.FaultMaintenance
		}
		st.records = append(st.records, gapRecord(&d.job, part.OccurrenceRange, outcome, why, st.now))
	}
}
