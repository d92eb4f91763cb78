package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// storedTallies reads the statistics of some hours.
func (s *Store) storedTallies(ctx context.Context, accountID int64, keys []tallyKey) (map[tallyKey]*cron.Tally, error) {
	var jobs, hours []int64
	for _, k := range keys {
		hours = append(hours, k.hour)
		if k.jobID != 0 {
			jobs = append(jobs, k.jobID)
		}
	}
	slices.Sort(hours)
	slices.Sort(jobs)
	hours, jobs = slices.Compact(hours), slices.Compact(jobs)
	stored, wanted := make(map[tallyKey]*cron.Tally, len(keys)), make(map[tallyKey]bool, len(keys))
	for _, k := range keys {
		wanted[k] = true
	}
	read := func(query string, args ...any) error {
		return each(ctx, s.read, "read the statistics", func(scan scanner) error {
			var (
				key tallyKey
				b   []byte
			)
			if err := scan(&key.jobID, &key.hour, &b); err != nil {
				return err
			}
			if !wanted[key] {
				return nil
			}
			t, err := cron.DecodeTally(b)
			if err != nil {
				return err
			}
			stored[key] = &t
			return nil
		}, query, args...)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	err := read(`SELECT 0, hour, tally FROM rollup_account WHERE account_id = $1 AND `+s.engine.in("hour", 2), accountID,
		s.engine.list(hours))
	if err == nil && len(jobs) > 0 {
		err = read(`SELECT job_id, hour, tally FROM rollup_job WHERE `+s.engine.in("job_id", 1)+` AND `+
			s.engine.in("hour", 2), s.engine.list(jobs), s.engine.list(hours))
	}
	return stored, err
}

// tallyRow is a row of rollup_job, or of rollup_account, where owner is 0 until the row is written.
type tallyRow struct {
	owner, hour int64
	tally       []byte
}

func encodeTallies(tallies map[tallyKey]*cron.Tally) []tallyRow {
	rows := make([]tallyRow, 0, len(tallies))
	for key, t := range tallies {
		rows = append(rows, tallyRow{key.jobID, key.hour, t.Encode()})
	}
	return rows
}

// saveTallies writes the tallies of an account and of those of its jobs that still exist.
func (s *Store) saveTallies(ctx context.Context, q queryer, accountID int64, tallies []tallyRow) error {
	var ids []int64
	for _, t := range tallies {
		ids = append(ids, t.owner)
	}
	slices.Sort(ids)
	present := make(map[int64]bool)
	err := each(ctx, q, "find the jobs", func(scan scanner) error {
		var id int64
		if err := scan(&id); err != nil {
			return err
		}
		present[id] = true
		return nil
	}, `SELECT id FROM job WHERE `+s.engine.in("id", 1), s.engine.list(slices.Compact(ids)))
	if err != nil {
		return err
	}
	var jobs, whole []tallyRow
	for _, t := range tallies {
		switch {
		case t.owner == 0:
			t.owner = accountID
			whole = append(whole, t)
		case present[t.owner]:
			jobs = append(jobs, t)
		}
	}
	if err := upsertTallies(ctx, q, "rollup_account", "account_id", whole); err != nil {
		return err
	}
	return upsertTallies(ctx, q, "rollup_job", "job_id", jobs)
}

// upsertBatch is how many rows one statement writes. The remaining rows are written one by one.
const upsertBatch = 50

func upsertTallies(ctx context.Context, q queryer, table, owner string, rows []tallyRow) error {
	slices.SortFunc(rows, func(a, b tallyRow) int { return int(min(max(a.owner-b.owner, -1), 1)) })
	for len(rows) > 0 {
		n := 1
		if len(rows) >= upsertBatch {
			n = upsertBatch
		}
		var (
			values strings.Builder
			args   = make([]any, 0, 3*n)
		)
		for i, r := range rows[:n] {
			if i > 0 {
				values.WriteString(", ")
			}
			values.WriteString("(" + parameters(3*i+1, 3) + ")")
			args = append(args, r.owner, r.hour, r.tally)
		}
		_, err := q.ExecContext(ctx, `INSERT INTO `+table+` (`+owner+`, hour, tally) VALUES `+values.String()+
			` ON CONFLICT (`+owner+`, hour) DO UPDATE SET tally = excluded.tally`, args...)
		if err != nil {
			return fmt.Errorf("write to %s: %w", table, err)
		}
		rows = rows[n:]
	}
	return nil
}
