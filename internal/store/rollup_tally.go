package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// addStored adds to digests what is stored of their hours.
func (s *Store) addStored(ctx context.Context, list []*rollup) error {
	var accounts, jobs, hours []int64
	ofAccount, ofJob := make(map[int64]*rollup), make(map[int64]*rollup)
	for _, r := range list {
		for key := range r.tallies {
			hours = append(hours, key.hour)
			if key.jobID == 0 {
				accounts, ofAccount[r.account] = append(accounts, r.account), r
			} else {
				jobs, ofJob[key.jobID] = append(jobs, key.jobID), r
			}
		}
	}
	if len(hours) == 0 {
		return nil
	}
	for _, numbers := range []*[]int64{&accounts, &jobs, &hours} {
		slices.Sort(*numbers)
		*numbers = slices.Compact(*numbers)
	}
	read := func(table, column string, owners []int64, tally func(owner, hour int64) *cron.Tally) error {
		return each(ctx, s.read, "read the statistics", func(scan scanner) error {
			var (
				owner, hour int64
				b           []byte
			)
			if err := scan(&owner, &hour, &b); err != nil {
				return err
			}
			to := tally(owner, hour)
			if to == nil {
				return nil
			}
			t, err := cron.DecodeTally(b)
			if err == nil {
				to.Merge(&t)
			}
			return err
		}, `SELECT `+column+`, hour, tally FROM `+table+` WHERE `+s.engine.in(column, 1)+` AND `+s.engine.in("hour", 2),
			s.engine.list(owners), s.engine.list(hours))
	}
	err := read("rollup_account", "account_id", accounts, func(owner, hour int64) *cron.Tally {
		return ofAccount[owner].tallies[tallyKey{0, hour}]
	})
	if err != nil {
		return err
	}
	return read("rollup_job", "job_id", jobs, func(owner, hour int64) *cron.Tally {
		return ofJob[owner].tallies[tallyKey{owner, hour}]
	})
}

// tallyRow is a row of rollup_job, or of rollup_account, where job is 0.
type tallyRow struct {
	account, job, hour int64
	tally              []byte
}

func encodeTallies(tallies map[tallyKey]*cron.Tally) []tallyRow {
	rows := make([]tallyRow, 0, len(tallies))
	for key, t := range tallies {
		rows = append(rows, tallyRow{0, key.jobID, key.hour, t.Encode()})
	}
	return rows
}

// saveTallies writes the tallies of accounts and of those of their jobs that still exist.
func (s *Store) saveTallies(ctx context.Context, q queryer, tallies []tallyRow) error {
	if len(tallies) == 0 {
		return nil
	}
	var ids []int64
	for _, t := range tallies {
		ids = append(ids, t.job)
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
		case t.job == 0:
			whole = append(whole, t)
		case present[t.job]:
			jobs = append(jobs, t)
		}
	}
	if err := upsertTallies(ctx, q, "rollup_account", "account_id", whole, func(t *tallyRow) int64 { return t.account }); err != nil {
		return err
	}
	return upsertTallies(ctx, q, "rollup_job", "job_id", jobs, func(t *tallyRow) int64 { return t.job })
}

// batchOf is how many of n rows one statement writes: of few numbers of rows, so that there are few different statements.
func batchOf(n int) int {
	for _, size := range []int{50, 10} {
		if n >= size {
			return size
		}
	}
	return 1
}

func upsertTallies(ctx context.Context, q queryer, table, column string, rows []tallyRow, owner func(*tallyRow) int64) error {
	slices.SortFunc(rows, func(a, b tallyRow) int { return cmp.Or(cmp.Compare(owner(&a), owner(&b)), cmp.Compare(a.hour, b.hour)) })
	for len(rows) > 0 {
		var (
			n      = batchOf(len(rows))
			values strings.Builder
			args   = make([]any, 0, 3*n)
		)
		for i := range rows[:n] {
			if i > 0 {
				values.WriteString(", ")
			}
			values.WriteString("(" + parameters(3*i+1, 3) + ")")
			args = append(args, owner(&rows[i]), rows[i].hour, rows[i].tally)
		}
		_, err := q.ExecContext(ctx, `INSERT INTO `+table+` (`+column+`, hour, tally) VALUES `+values.String()+
			` ON CONFLICT (`+column+`, hour) DO UPDATE SET tally = excluded.tally`, args...)
		if err != nil {
			return fmt.Errorf("write to %s: %w", table, err)
		}
		rows = rows[n:]
	}
	return nil
}
