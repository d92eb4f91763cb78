package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"punctual/internal/cron"
)

// minutesKept is for how long the counts of minutes are shown. Those that are older are deleted once a day.
const minutesKept = 25 * time.Hour

// maxFresh bounds the executions without a count that Recent counts itself.
const maxFresh = 500

func minuteOf(at time.Time) int64 { return millis(at) / time.Minute.Milliseconds() }

// minute is the tally of the minute of an execution.
func (d *digest) minute(e *cron.Execution) *cron.Tally {
	minute := minuteOf(e.Instant())
	t, ok := d.minutes[minute]
	if !ok {
		t = new(cron.Tally)
		d.minutes[minute] = t
	}
	return t
}

// minuteCount is what of a tally is kept by minute.
func minuteCount(minute int64, t *cron.Tally) cron.MinuteCount {
	o := &t.Occurrences
	return cron.MinuteCount{Minute: instant(minute * time.Minute.Milliseconds()), Succeeded: o[cron.OutcomeSucceeded],
		Failed: o[cron.OutcomeFailed] + o[cron.OutcomeLost], Missed: o[cron.OutcomeMissed]}
}

// minuteRow is a row of rollup_minute.
type minuteRow struct {
	account int64
	cron.MinuteCount
}

// minuteRows are the counts of minutes that are still shown.
func (d *digest) minuteRows(account int64, now time.Time) (rows []minuteRow) {
	for minute, t := range d.minutes {
		c := minuteCount(minute, t)
		if c.Minute.After(now.Add(-minutesKept)) && (c.Succeeded != 0 || c.Failed != 0 || c.Missed != 0) {
			rows = append(rows, minuteRow{account, c})
		}
	}
	return rows
}

// saveMinutes adds to the counts of minutes.
func saveMinutes(ctx context.Context, q queryer, rows []minuteRow) error {
	slices.SortFunc(rows, func(a, b minuteRow) int { return cmp.Or(cmp.Compare(a.account, b.account), a.Minute.Compare(b.Minute)) })
	for len(rows) > 0 {
		part := rows[:batchOf(len(rows))]
		rows = rows[len(part):]
		values, args := make([]string, len(part)), make([]any, 0, 5*len(part))
		for i, c := range part {
			values[i] = "(" + parameters(len(args)+1, 5) + ")"
			args = append(args, c.account, minuteOf(c.Minute), c.Succeeded, c.Failed, c.Missed)
		}
		_, err := q.ExecContext(ctx, `INSERT INTO rollup_minute (account_id, minute, succeeded, failed, missed)
			VALUES `+strings.Join(values, ", ")+` ON CONFLICT (account_id, minute) DO UPDATE
			SET succeeded = rollup_minute.succeeded + excluded.succeeded, failed = rollup_minute.failed + excluded.failed,
			    missed = rollup_minute.missed + excluded.missed`, args...)
		if err != nil {
			return fmt.Errorf("write the counts of minutes: %w", err)
		}
	}
	return nil
}

// Recent counts what was due in an account from an instant on, no longer than a day ago: what is counted, and at most maxFresh
// executions that are not yet.
func (s *Store) Recent(ctx context.Context, accountID int64, from time.Time) (r cron.RecentStats, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return r, err
	}
	defer leave()
	err = s.whileNotCounted(ctx, accountID, func(position int64) error {
		q := &cron.StatsQuery{From: from.Truncate(time.Hour), To: s.Now().Add(time.Hour)}
		hourly, d, err := s.stats(ctx, accountID, q, position, maxFresh)
		r = cron.RecentStats{HourlyStats: hourly}
		if err != nil {
			return err
		}
		r.Minutes, err = s.minutes(ctx, accountID, from, d)
		return err
	})
	return r, err
}

// minutes reads the counts of minutes, and adds those of a digest.
func (s *Store) minutes(ctx context.Context, accountID int64, from time.Time, d *digest) ([]cron.MinuteCount, error) {
	counts := make(map[int64]cron.MinuteCount, 24*60)
	err := each(ctx, s.read, "read the counts of minutes", func(scan scanner) error {
		var (
			c      cron.MinuteCount
			minute int64
		)
		err := scan(&minute, &c.Succeeded, &c.Failed, &c.Missed)
		c.Minute = instant(minute * time.Minute.Milliseconds())
		counts[minute] = c
		return err
	}, `SELECT minute, succeeded, failed, missed FROM rollup_minute WHERE account_id = $1 AND minute >= $2`, accountID, minuteOf(from))
	if err != nil {
		return nil, err
	}
	for minute, t := range d.minutes {
		if minute < minuteOf(from) {
			continue
		}
		c, more := counts[minute], minuteCount(minute, t)
		c.Minute = more.Minute
		c.Succeeded, c.Failed, c.Missed = c.Succeeded+more.Succeeded, c.Failed+more.Failed, c.Missed+more.Missed
		counts[minute] = c
	}
	list := make([]cron.MinuteCount, 0, len(counts))
	for _, c := range counts {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b cron.MinuteCount) int { return a.Minute.Compare(b.Minute) })
	return list, nil
}
