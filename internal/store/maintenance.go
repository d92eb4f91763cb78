package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// Whether an instant lies in a maintenance window is worked out from the definition of the window, in the transaction that asks. No
// node remembers windows, so a window counts from its commit on, everywhere. What a claim pays for accounts without windows is one
// column of a row that it reads anyway:
//
//	account.maintenance_from    the earliest start of a span that has not ended; NULL without windows
//	maintenance.starts_at       the current span or the next one, which upkeep moves on once it has been over for maintenanceLag
//
// A claim reads windows when maintenance_from has passed, or when an occurrence was due more than maintenanceLag ago: it may have
// been in a span that is over.
const (
	maintenanceLag   = time.Minute
	maintenanceKept  = 30 * 24 * time.Hour // after the last span
	maintenanceChunk = 20                  // windows that one step of upkeep looks at
	// maintenanceRetry is how soon a retry that waits for the end of a span is looked at again: its window may be gone.
	maintenanceRetry = 10 * time.Minute
)

// noMaintenance is maintenance_from of an account whose windows are all over.
const noMaintenance = math.MaxInt64

// maintenanceDefinition is the columns of maintenance that people set, and who did.
func maintenanceDefinition(w *cron.MaintenanceWindow) columns {
	return func(list *columnList) {
		list.add("title", text(&w.Title))
		list.add("effect", integer(&w.Effect))
		list.add("once_from", moment(&w.Start))
		list.add("once_to", moment(&w.End))
		list.add("duration", inSeconds(&w.Duration))
		addSchedule(list, &w.Schedule)
		list.add("job_ids", idsField{&w.JobIDs})
		list.add("folder_ids", idsField{&w.FolderIDs})
		list.add("tags", textsField{&w.Tags})
		list.add("updated_at", moment(&w.Updated))
		list.add("updated_by", text(&w.UpdatedBy))
	}
}

// maintenanceKey is the other columns of maintenance, but for the span.
func maintenanceKey(w *cron.MaintenanceWindow) columns {
	return func(list *columnList) {
		list.add("id", integer(&w.ID))
		list.add("account_id", integer(&w.AccountID))
		list.add("created_at", moment(&w.Created))
		list.add("page_id", integer(&w.PageID))
		list.add("component_ids", idsField{&w.ComponentIDs})
	}
}

// maintenanceSpan is the current or next span of a window.
type maintenanceSpan struct {
	start, end time.Time
	over       bool
}

func (m *maintenanceSpan) columns(list *columnList) {
	list.add("starts_at", moment(&m.start))
	list.add("ends_at", moment(&m.end))
	list.add("over", flag(&m.over))
}

// spanOf is the span of a window at an instant.
func spanOf(w *cron.MaintenanceWindow, now time.Time) *maintenanceSpan {
	start, end, ok := w.Span(now)
	if !ok && !w.Once() {
		start, end = now, now
	}
	return &maintenanceSpan{start, end, !ok}
}

var (
	maintenanceNames  = names("", maintenanceKey(new(cron.MaintenanceWindow)), maintenanceDefinition(new(cron.MaintenanceWindow)))
	maintenanceInsert = insertRow("maintenance", func(list *columnList) {
		list.add("account_id", nil)
		list.add("created_at", nil)
		maintenanceDefinition(new(cron.MaintenanceWindow))(list)
		new(maintenanceSpan).columns(list)
	})
	maintenanceUpdate = updateRow("maintenance", func(list *columnList) {
		maintenanceDefinition(new(cron.MaintenanceWindow))(list)
		new(maintenanceSpan).columns(list)
	})
)

func scanMaintenance(scan scanner, w *cron.MaintenanceWindow) error {
	return scan(targets(maintenanceKey(w), maintenanceDefinition(w))...)
}

// idsField is a list of numbers. Its column has them as JSON, and empty for none.
type idsField struct{ to *[]int64 }

// Scan implements sql.Scanner.
func (f idsField) Scan(value any) error {
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil || encoded == "" {
		return err
	}
	return json.Unmarshal([]byte(encoded), f.to)
}

func (f idsField) value() any {
	if len(*f.to) == 0 {
		return ""
	}
	return encode(*f.to)
}

// MaintenanceWindows lists the windows of an account by their numbers, those that are over too, but not those of status pages.
func (s *Store) MaintenanceWindows(ctx context.Context, accountID int64) ([]cron.MaintenanceWindow, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the maintenance windows", scanMaintenance,
		`SELECT `+maintenanceNames+` FROM maintenance WHERE account_id = $1 AND page_id IS NULL ORDER BY id`, accountID)
}

// JobWindows lists the windows of an account that do something to jobs, those of status pages too, which name the jobs that they are for.
func (s *Store) JobWindows(ctx context.Context, accountID int64) ([]cron.MaintenanceWindow, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	list, err := collect(ctx, s.read, "list the maintenance windows", scanMaintenance,
		`SELECT `+maintenanceNames+` FROM maintenance WHERE account_id = $1 AND effect >= 0 ORDER BY id`, accountID)
	if err != nil {
		return nil, err
	}
	return list, s.nameJobs(ctx, s.read, list)
}

// MaintenanceWindow reads a window.
func (s *Store) MaintenanceWindow(ctx context.Context, accountID, windowID int64) (w cron.MaintenanceWindow, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return w, err
	}
	defer leave()
	err = scanMaintenance(s.read.QueryRowContext(ctx, `SELECT `+maintenanceNames+` FROM maintenance
		WHERE account_id = $1 AND id = $2 AND page_id IS NULL`,
		accountID, windowID).Scan, &w)
	return w, oneRow(err, cron.SubjectMaintenance)
}

// CreateMaintenance adds a window and sets its ID. At cron.MaxMaintenanceWindows it takes the place of the window that has been
// over for the longest time. The error is of kind TooMany when none is over, and Invalid when the account has not all of the jobs and
// folders.
func (s *Store) CreateMaintenance(ctx context.Context, w *cron.MaintenanceWindow) error {
	return s.changeMaintenance(ctx, w.AccountID, func(ctx context.Context, q queryer) error {
		if err := replaceOldest(ctx, q, w.AccountID, "page_id IS NULL", cron.MaxMaintenanceWindows, cron.SubjectMaintenance); err != nil {
			return err
		}
		if err := s.checkSelected(ctx, q, w, &cron.MaintenanceWindow{}); err != nil {
			return err
		}
		now := s.stamp()
		w.Created, w.Updated = now, now
		span := spanOf(w, now)
		err := q.QueryRowContext(ctx, maintenanceInsert,
			values([]any{w.AccountID, millis(now)}, maintenanceDefinition(w), span.columns)...).Scan(&w.ID)
		if err != nil {
			return fmt.Errorf("create the maintenance window: %w", err)
		}
		return nil
	})
}

// replaceOldest deletes the window that has been over for the longest time, of those of an account that a condition selects, when there are as many
// as are possible. The error is of kind TooMany when none is over.
func replaceOldest(ctx context.Context, q queryer, accountID int64, which string, most int, subject cron.Subject) error {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM maintenance WHERE account_id = $1 AND `+which, accountID).Scan(&n); err != nil {
		return fmt.Errorf("count the maintenance windows: %w", err)
	}
	if n < most {
		return nil
	}
	res, err := q.ExecContext(ctx, `DELETE FROM maintenance WHERE id = (SELECT id FROM maintenance
		WHERE account_id = $1 AND over AND next_at = 0 AND `+which+` ORDER BY ends_at, id LIMIT 1)`, accountID)
	if err := changedOne(res, err, subject); cron.KindOf(err) == cron.NotFound {
		return &cron.Error{Kind: cron.TooMany, Subject: subject}
	} else if err != nil {
		return err
	}
	return nil
}

// UpdateMaintenance reads a window, lets change edit it, and writes it. change does no more than that, and may run more than once;
// its error changes nothing and is returned as it is.
func (s *Store) UpdateMaintenance(ctx context.Context, accountID, windowID int64, change func(*cron.MaintenanceWindow) error) error {
	return s.changeMaintenance(ctx, accountID, func(ctx context.Context, q queryer) error {
		var w cron.MaintenanceWindow
		err := scanMaintenance(q.QueryRowContext(ctx, `SELECT `+maintenanceNames+` FROM maintenance
			WHERE account_id = $1 AND id = $2 AND page_id IS NULL`, accountID, windowID).Scan, &w)
		if err != nil {
			return oneRow(err, cron.SubjectMaintenance)
		}
		before := w
		before.JobIDs, before.FolderIDs = slices.Clone(w.JobIDs), slices.Clone(w.FolderIDs)
		if err := change(&w); err != nil {
			return err
		}
		if err := s.checkSelected(ctx, q, &w, &before); err != nil {
			return err
		}
		w.Updated = s.stamp()
		if _, err := q.ExecContext(ctx, maintenanceUpdate,
			values([]any{windowID}, maintenanceDefinition(&w), spanOf(&w, w.Updated).columns)...); err != nil {
			return fmt.Errorf("change the maintenance window: %w", err)
		}
		return nil
	})
}

// DeleteMaintenance removes a window.
func (s *Store) DeleteMaintenance(ctx context.Context, accountID, windowID int64) error {
	return s.changeMaintenance(ctx, accountID, func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM maintenance WHERE account_id = $1 AND id = $2 AND page_id IS NULL`, accountID, windowID)
		return changedOne(res, err, cron.SubjectMaintenance)
	})
}

// changeMaintenance runs a change of an account's windows, which wait for each other.
func (s *Store) changeMaintenance(ctx context.Context, accountID int64, change func(context.Context, queryer) error) error {
	return s.writeJobs(ctx, accountID, func(ctx context.Context, q queryer) error {
		var one int
		err := q.QueryRowContext(ctx, `SELECT 1 FROM account WHERE id = $1`+s.engine.lock(forUpdate), accountID).Scan(&one)
		if err != nil {
			return oneRow(err, cron.SubjectAccount)
		}
		if err := change(ctx, q); err != nil {
			return err
		}
		return noteMaintenance(ctx, q, accountID)
	})
}

// noteMaintenance notes when the next window of an account starts that does something to jobs.
func noteMaintenance(ctx context.Context, q queryer, accountID int64) error {
	_, err := q.ExecContext(ctx, `UPDATE account SET maintenance_from = (SELECT min(CASE WHEN over THEN CAST($2 AS BIGINT) ELSE starts_at END)
		FROM maintenance WHERE account_id = $1 AND effect >= 0) WHERE id = $1`, accountID, int64(noMaintenance))
	if err != nil {
		return fmt.Errorf("note when the next maintenance window starts: %w", err)
	}
	return nil
}

// checkSelected checks that the account has the jobs and folders that a window names and did not name before.
func (s *Store) checkSelected(ctx context.Context, q queryer, w, before *cron.MaintenanceWindow) error {
	for _, list := range []struct {
		table, pointer string
		rule           cron.Rule
		now, before    []int64
	}{
		{"job", "/jobIds", cron.RuleUnknownJob, w.JobIDs, before.JobIDs},
		{"folder", "/folderIds", cron.RuleUnknownFolder, w.FolderIDs, before.FolderIDs},
	} {
		added := slices.DeleteFunc(slices.Clone(list.now), func(id int64) bool { return id == 0 || slices.Contains(list.before, id) })
		if len(added) == 0 {
			continue
		}
		known, err := collect(ctx, q, "look for what a window names", single[int64],
			`SELECT id FROM `+list.table+` WHERE account_id = $1 AND `+s.engine.in("id", 2), w.AccountID, s.engine.list(added))
		if err != nil {
			return err
		}
		for _, id := range added {
			if !slices.Contains(known, id) {
				return &cron.Error{Kind: cron.Invalid,
					Problems: []cron.Problem{{Pointer: list.pointer, Rule: list.rule, Given: strconv.FormatInt(id, 10)}}}
			}
		}
	}
	return nil
}

// moveMaintenance moves the windows of an account on whose span has been over for maintenanceLag, and deletes those that have been
// over for maintenanceKept, but no maintenance of a status page whose end is not shown yet.
func (s *Store) moveMaintenance(ctx context.Context) (more bool, err error) {
	now := s.Now()
	passed, old := millis(now.Add(-maintenanceLag)), millis(now.Add(-maintenanceKept))
	accounts, err := collect(ctx, s.read, "look for maintenance windows that have ended", single[int64],
		`SELECT account_id FROM (SELECT account_id FROM maintenance WHERE NOT over AND ends_at < $1 ORDER BY ends_at LIMIT 1) AS passed
		 UNION ALL SELECT account_id FROM (SELECT account_id FROM maintenance WHERE over AND next_at = 0 AND ends_at < $2 ORDER BY ends_at LIMIT 1) AS old`,
		passed, old)
	if err != nil || len(accounts) == 0 {
		return false, err
	}
	err = s.changeMaintenance(ctx, accounts[0], func(ctx context.Context, q queryer) error {
		if _, err := q.ExecContext(ctx, `DELETE FROM maintenance WHERE account_id = $1 AND over AND next_at = 0 AND ends_at < $2`, accounts[0], old); err != nil {
			return err
		}
		list, err := collect(ctx, q, "read the maintenance windows", scanMaintenance, `SELECT `+maintenanceNames+` FROM maintenance
			WHERE account_id = $1 AND NOT over AND ends_at < $2 ORDER BY id LIMIT $3`, accounts[0], passed, maintenanceChunk)
		if err != nil {
			return err
		}
		for i := range list {
			if _, err := q.ExecContext(ctx, maintenanceMove, values([]any{list[i].ID}, spanOf(&list[i], now).columns)...); err != nil {
				return err
			}
		}
		return nil
	})
	if cron.KindOf(err) == cron.NotFound {
		return true, nil // the account was deleted meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("move maintenance windows on: %w", err)
	}
	return true, nil
}

var maintenanceMove = updateRow("maintenance", new(maintenanceSpan).columns)

// resetMaintenance lets claims look at all windows until upkeep has worked out their spans by new time zone data.
func resetMaintenance(ctx context.Context, q queryer) error {
	_, err := q.ExecContext(ctx, `UPDATE maintenance SET starts_at = 1, ends_at = 1, next_at = CASE WHEN page_id IS NULL THEN 0 ELSE 1 END,
		remind_at = CASE WHEN page_id IS NULL THEN 0 ELSE 1 END WHERE NOT over`)
	if err == nil {
		_, err = q.ExecContext(ctx, `UPDATE account SET maintenance_from = 1 WHERE maintenance_from < $1`, int64(noMaintenance))
	}
	return err
}
