package store

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// The positions of a page are found by what promises to be the least work. job_search (s) has the titles and whatever else a save
// changes, job_state (t) what executions change; no index of t has to do with searches, since each execution would pay for it.
//
//	plan           reads, in this order                     for
//	walk           s by the index of the order              no conditions
//	states         t of all jobs                            orders and conditions of t alone
//	window         windowRows of s by the order, then t     conditions on t that many jobs meet
//	state window   t of all jobs, then s of windowRows      orders of t, with conditions on s that many jobs meet
//	s first        s of all jobs, t of those that are left  everything else
//	t first        t of all jobs, s of those that are left  conditions on t that are more selective than those on s
//	candidates     the few jobs that hold the words         a text
//
// How many jobs meet conditions is estimated by a sample. If a window does not fill the page, all is read after all.
//
// Texts (x) are wide. So without few candidates no more than textRows are compared with a text, and in orders of t no more than
// windowRows: a page ends where that is reached, full or not.

const (
	windowRows = 1000 // pages of so many are not looked for in a window
	windowPart = 250  // how many rows of a window are compared at once
	sampleRows = 300
	sampleMany = sampleRows * 15 / 100 // so many that a window most likely fills the page
)

// condition is a condition in SQL, in which each $0 stands for the next argument. Columns are written with their table, s or t; x is
// the text.
type condition struct {
	text string
	args []any
}

func (c *condition) of(table string) bool { return strings.Contains(c.text, table+".") }

// jobSearch is a search for one page.
type jobSearch struct {
	s          *Store
	q          *cron.JobQuery
	now        time.Time
	account    int64
	candidates *condition  // names the few jobs that can hold the words; nil when there are many, or no words
	ofS, ofT   []condition // conditions on one table alone
	ofBoth     []condition
	texts      []condition
}

func (f *jobSearch) add(c condition) {
	switch s, t := c.of("s"), c.of("t"); {
	case s && t:
		f.ofBoth = append(f.ofBoth, c)
	case t:
		f.ofT = append(f.ofT, c)
	default:
		f.ofS = append(f.ofS, c)
	}
}

// findOrder is the key of an order.
type findOrder struct {
	key     string
	scanned string // the same value, but neither an index nor one of two tables has its order
	state   bool   // it is in job_state
}

func stateOrder(key string) findOrder { return findOrder{key, key + " + 0 * s.job_id", true} }

var orders = map[cron.JobSort]findOrder{
	cron.SortTitle:   {key: "s.title_key", scanned: "s.title_key || ''"},
	cron.SortChanged: {key: "s.updated_at", scanned: "s.updated_at + 0"},
	cron.SortNext:    stateOrder("coalesce(t.next_run_at, " + strconv.Itoa(math.MaxInt64) + ")"),
	cron.SortLast:    stateOrder("t.last_execution_at"),
	cron.SortStatus:  stateOrder("CAST(t.last_status AS BIGINT)"),
	cron.SortID:      {key: "s.job_id", scanned: "s.job_id"},
}

// run finds the positions of the page; next is where the next one starts.
func (f *jobSearch) run(ctx context.Context) (found []cron.JobPosition, next cron.JobPosition, err error) {
	states, ofT, ofS := orders[f.q.Sort].state, len(f.ofT)+len(f.ofBoth) > 0, len(f.ofS)+len(f.ofBoth) > 0
	switch {
	case f.candidates != nil, f.q.Limit >= windowRows, !states && !ofT:
		return f.scan(ctx, f.all(false))
	case states && !ofS:
		return f.scan(ctx, f.states())
	}
	share, joint, err := f.sample(ctx)
	if err != nil {
		return nil, next, err
	}
	if states && share >= sampleMany || !states && joint >= sampleMany {
		rows := f.walk()
		if states {
			rows = f.states()
		}
		found, next, err = f.window(ctx, rows, windowRows, f.keep)
		if err != nil || next.IsZero() || len(found) == f.q.Limit {
			return found, next, err
		}
	}
	return f.scan(ctx, f.all(share >= sampleMany && !states))
}

// scan finds the page among the rows of a statement, which are compared with the texts, if there are any.
func (f *jobSearch) scan(ctx context.Context, b *findStatement) (found []cron.JobPosition, next cron.JobPosition, err error) {
	switch {
	case len(f.texts) == 0 || f.candidates != nil:
	case orders[f.q.Sort].state:
		return f.window(ctx, b, windowRows, f.keepTexts)
	default:
		return f.window(ctx, b, textRows, f.keepTexts)
	}
	found, err = f.positions(ctx, b, f.q.Limit+1)
	if len(found) > f.q.Limit {
		found = found[:f.q.Limit]
		next = found[f.q.Limit-1]
	}
	return found, next, err
}

// window finds the page among the first rows of a statement. next is where the page ends, or the rows that were looked at.
func (f *jobSearch) window(ctx context.Context, b *findStatement, rows int, keep func(context.Context, []int64) (map[int64]bool, error)) (
	found []cron.JobPosition, next cron.JobPosition, err error) {
	window, err := f.positions(ctx, b, rows)
	if err != nil {
		return nil, next, err
	}
	for from, n := 0, windowPart; from < len(window); from, n = from+n, 2*n {
		part := window[from:min(from+n, len(window))]
		ids := make([]int64, len(part))
		for i := range part {
			ids[i] = part[i].ID
		}
		kept, err := keep(ctx, ids)
		if err != nil {
			return nil, next, err
		}
		for _, p := range part {
			if kept[p.ID] {
				found = append(found, p)
			}
		}
		if len(found) > f.q.Limit {
			found = found[:f.q.Limit]
			return found, found[f.q.Limit-1], nil
		}
	}
	if len(window) == rows {
		next = window[rows-1]
	}
	return found, next, nil
}

// keep tells which jobs meet all conditions.
func (f *jobSearch) keep(ctx context.Context, ids []int64) (kept map[int64]bool, err error) {
	b := f.statement()
	b.where(condition{"s.account_id = $0", []any{f.account}})
	b.whereIn("s.job_id", ids)
	b.where(f.ofS...)
	from := "job_search s"
	if len(f.ofT)+len(f.ofBoth) > 0 {
		from += " CROSS JOIN job_state t"
		b.where(condition{text: "t.job_id = s.job_id"})
		b.where(f.ofT...)
		b.where(f.ofBoth...)
	}
	b.whereText("s.job_id")
	return f.idsOf(ctx, b, `SELECT s.job_id FROM `+from)
}

// keepTexts tells the texts of which jobs meet the conditions.
func (f *jobSearch) keepTexts(ctx context.Context, ids []int64) (kept map[int64]bool, err error) {
	b := f.statement()
	b.whereIn("x.job_id", ids)
	b.where(f.texts...)
	return f.idsOf(ctx, b, `SELECT x.job_id FROM job_text x`)
}

func (f *jobSearch) idsOf(ctx context.Context, b *findStatement, selected string) (map[int64]bool, error) {
	ids := make(map[int64]bool, windowPart)
	return ids, each(ctx, f.s.read, "compare the jobs", func(scan scanner) error {
		var id int64
		err := scan(&id)
		ids[id] = true
		return err
	}, selected+` WHERE `+parenthesized(b.conditions), b.args...)
}

// sample counts of the first jobs of the account those that meet the conditions on s, and those that meet all but the texts.
func (f *jobSearch) sample(ctx context.Context) (share, joint int, err error) {
	b := f.statement()
	b.conditions = []string{"true"}
	b.where(f.ofS...)
	ofS := parenthesized(b.conditions)
	b.where(f.ofT...)
	b.where(f.ofBoth...)
	account := b.arg(f.account)
	err = f.s.read.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN `+ofS+` THEN 1 ELSE 0 END), 0),
		       coalesce(sum(CASE WHEN `+parenthesized(b.conditions)+` THEN 1 ELSE 0 END), 0)
		  FROM (SELECT job_id FROM job_search WHERE account_id = `+account+` ORDER BY job_id LIMIT `+strconv.Itoa(sampleRows)+`) AS w
		  CROSS JOIN job_search s CROSS JOIN job_state t
		 WHERE s.account_id = `+account+` AND s.job_id = w.job_id AND t.job_id = w.job_id`, b.args...).Scan(&share, &joint)
	if err != nil {
		return 0, 0, fmt.Errorf("estimate how many jobs are found: %w", err)
	}
	return share, joint, nil
}

// findStatement builds a statement that finds positions.
type findStatement struct {
	f          *jobSearch
	text       string
	args       []any
	conditions []string
	key, id    string // of the order
}

func (f *jobSearch) statement() *findStatement {
	b := &findStatement{f: f, key: orders[f.q.Sort].key, id: "s.job_id"}
	if orders[f.q.Sort].state {
		b.id = "t.job_id"
	}
	return b
}

// arg appends an argument and returns its parameter.
func (b *findStatement) arg(value any) string {
	b.args = append(b.args, value)
	return "$" + strconv.Itoa(len(b.args))
}

// where adds conditions.
func (b *findStatement) where(conditions ...condition) {
	for _, c := range conditions {
		text := c.text
		for _, value := range c.args {
			text = strings.Replace(text, "$0", b.arg(value), 1)
		}
		b.conditions = append(b.conditions, text)
	}
}

// whereIn adds that a column is one of the IDs.
func (b *findStatement) whereIn(column string, ids []int64) {
	b.conditions = append(b.conditions, b.f.s.engine.in(column, len(b.args)+1))
	b.arg(b.f.s.engine.list(ids))
}

// whereText adds that the text of a job meets all conditions. As a subquery it is read by its key, when its turn comes.
func (b *findStatement) whereText(id string) {
	if len(b.f.texts) == 0 {
		return
	}
	before := b.conditions
	b.conditions = nil
	b.where(b.f.texts...)
	b.conditions = append(before, `(SELECT `+strings.Join(b.conditions, " AND ")+` FROM job_text x WHERE x.job_id = `+id+`)`)
}

// rows reads what the conditions select from tables, in the order of the search.
func (b *findStatement) rows(from string) string {
	return `SELECT ` + b.key + ` AS sort_key, ` + b.id + ` FROM ` + from + ` WHERE ` + parenthesized(b.conditions) + ` ORDER BY ` + b.ordered(b.key, b.id)
}

func parenthesized(conditions []string) string {
	return "(" + strings.Join(conditions, ") AND (") + ")"
}

// states reads the states of all jobs.
func (f *jobSearch) states() *findStatement {
	b := f.statement()
	b.where(condition{"j.account_id = $0", []any{f.account}}, condition{text: "t.job_id = j.id"})
	b.where(f.ofT...)
	b.position()
	b.text = b.rows("job j CROSS JOIN job_state t")
	return b
}

// walk reads all jobs by the index of the order.
func (f *jobSearch) walk() *findStatement {
	b := f.statement()
	b.where(condition{"s.account_id = $0", []any{f.account}})
	b.position()
	b.text = b.rows("job_search s")
	return b
}

// all reads whatever meets the conditions on narrow rows, and with few candidates those on texts.
func (f *jobSearch) all(statesFirst bool) *findStatement {
	b, order := f.statement(), orders[f.q.Sort]
	joined := order.state || len(f.ofT)+len(f.ofBoth) > 0
	statesFirst = statesFirst && joined && f.s.engine.joinsAsWritten()
	b.id = "s.job_id"
	b.where(condition{"s.account_id = $0", []any{f.account}})
	b.where(f.ofS...)
	walks := len(b.conditions) == 1 && !joined || f.q.Sort == cron.SortID
	switch {
	case f.candidates != nil:
		b.where(*f.candidates)
		walks = false
	case !walks && !statesFirst:
		b.where(condition{text: "s.job_id > 0"}) // the primary key, in whose order the rows are stored
	}
	if !walks && !order.state {
		b.key = order.scanned
	}
	b.position()
	if !walks {
		b.key = order.scanned
	}
	from := "job_search s"
	if joined {
		from += " CROSS JOIN job_state t"
		b.where(condition{text: "t.job_id = s.job_id"}, condition{text: "t.account_id = s.account_id"})
		b.where(f.ofT...)
		b.where(f.ofBoth...)
	}
	if statesFirst {
		from = "job j CROSS JOIN job_state t CROSS JOIN job_search s"
		b.where(condition{"j.account_id = $0", []any{f.account}}, condition{text: "t.job_id = j.id"})
	}
	if f.candidates != nil {
		b.whereText("s.job_id")
	}
	b.text = b.rows(from)
	return b
}

// ordered is a list of what is sorted by. IDs descend only where an index has them so: of many jobs of one rank the first ones
// are those that a scan meets first, and the rest need not be sorted in.
func (b *findStatement) ordered(key, id string) string {
	switch {
	case b.f.q.Descending && !orders[b.f.q.Sort].state:
		return key + " DESC, " + id + " DESC"
	case b.f.q.Descending:
		return key + " DESC, " + id
	}
	return key + ", " + id
}

// position makes the page start after a position.
func (b *findStatement) position() {
	q := b.f.q
	after := q.After
	if after.IsZero() {
		return
	}
	compare := " > "
	if q.Descending {
		compare = " < "
	}
	var key any = after.Number
	switch {
	case q.Sort == cron.SortID:
		b.where(condition{b.id + compare + "$0", []any{after.ID}})
		return
	case q.Sort == cron.SortTitle:
		key = after.Text
	case orders[q.Sort].state && q.Descending:
		b.where(condition{b.key + " < $0 OR " + b.key + " = $0 AND " + b.id + " > $0", []any{key, key, after.ID}})
		return
	}
	b.where(condition{"(" + b.key + ", " + b.id + ")" + compare + "($0, $0)", []any{key, after.ID}})
}

// positions reads the first rows of a statement.
func (f *jobSearch) positions(ctx context.Context, b *findStatement, limit int) ([]cron.JobPosition, error) {
	return collect(ctx, f.s.read, "search the jobs", func(scan scanner, p *cron.JobPosition) error {
		if f.q.Sort == cron.SortTitle {
			return scan(text(&p.Text), integer(&p.ID))
		}
		return scan(integer(&p.Number), integer(&p.ID))
	}, b.text+` LIMIT `+b.arg(limit), b.args...)
}
