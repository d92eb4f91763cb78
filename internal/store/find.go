package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// A page of a search of jobs is found in three steps, each a query of its own:
//
//	the grams of the words ──▶ are there few jobs that hold them all?     at most fewCandidates are counted
//	job_search, job_state  ──▶ IDs of the page in their order             narrow rows, all of the account if need be
//	job, job_about         ──▶ what is shown of those                     no more than the page
//
// The second one reads rows by what promises to be the least work:
//
//	few candidates        those, compared with the text, and sorted
//	only a text           the order's index, comparing texts until the page is full
//	other criteria        all rows of the account, which are narrow, keeping the first ones in the order
//
// Texts are wide. So without few candidates no more than textRows are compared with a text: a page ends where that is reached,
// full or not.

const (
	fewCandidates = 5000
	textRows      = 10_000
)

// jobSearch builds the statement that finds the IDs of a page.
type jobSearch struct {
	s          *Store
	q          *cron.JobQuery
	now        time.Time
	args       []any
	where      []string // conditions on narrow rows: s, and t for job_state
	texts      []string // conditions on x, the texts
	narrow     int      // how many arguments the conditions on narrow rows have, which are the first ones
	joined     bool     // t is needed
	candidates bool     // where names the few jobs that can hold the words
	key        string   // of the order
}

// add appends an argument and returns its parameter.
func (b *jobSearch) add(value any) string {
	b.args = append(b.args, value)
	return "$" + strconv.Itoa(len(b.args))
}

// SearchJobs reads a page of the jobs of an account that a filter selects, with tags and authors, without descriptions, headers,
// bodies and credentials. A page may be short although there is more: Next tells.
func (s *Store) SearchJobs(ctx context.Context, accountID int64, q *cron.JobQuery) (page cron.JobPage, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return page, err
	}
	defer leave()
	found, next, err := s.findJobs(ctx, accountID, q)
	if err != nil {
		return page, err
	}
	ids := make([]int64, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	page.Next = next
	page.Jobs, err = s.foundJobs(ctx, accountID, ids)
	return page, err
}

// FindJobs is SearchJobs for the IDs alone, in ascending order from after on.
func (s *Store) FindJobs(ctx context.Context, accountID int64, filter *cron.JobFilter, after int64, limit int) (ids []int64, next int64, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	q := &cron.JobQuery{Filter: *filter, Sort: cron.SortID, After: cron.JobPosition{ID: after, Number: after}, Limit: limit}
	found, at, err := s.findJobs(ctx, accountID, q)
	for i := range found {
		ids = append(ids, found[i].ID)
	}
	return ids, at.ID, err
}

// findJobs finds the jobs of a page; next is where the next one starts.
func (s *Store) findJobs(ctx context.Context, accountID int64, q *cron.JobQuery) (found []cron.JobPosition, next cron.JobPosition, err error) {
	b := &jobSearch{s: s, q: q, now: s.Now()}
	b.where = []string{"s.account_id = " + b.add(accountID)}
	if err := b.addCandidates(ctx, accountID); err != nil {
		return nil, next, err
	}
	b.addCriteria(&q.Filter.JobCriteria, false)
	b.addCriteria(&q.Filter.Not, true)
	statement, bounded := b.statement()
	found, err = s.positions(ctx, q, statement, b.args)
	switch {
	case err != nil:
	case len(found) > q.Limit:
		found = found[:q.Limit]
		next = found[q.Limit-1]
	case bounded:
		next, err = b.reached(ctx)
	}
	return found, next, err
}

// addCandidates adds the condition that jobs hold the grams of the words, when few do.
func (b *jobSearch) addCandidates(ctx context.Context, accountID int64) (err error) {
	grams := fewGrams(gramsOf(accountID, strings.Join(b.q.Filter.Words(), " ")))
	if len(grams) == 0 {
		return nil
	}
	if b.candidates, err = b.s.fewHold(ctx, grams); b.candidates {
		b.add(b.s.engine.gramList(grams))
		b.where = append(b.where, "s.job_id IN ("+b.s.engine.holding(len(b.args))+")")
	}
	return err
}

// addTexts adds the conditions on texts.
func (b *jobSearch) addTexts() {
	b.narrow = len(b.args)
	for _, word := range b.q.Filter.Words() {
		b.add(word)
		b.texts = append(b.texts, b.s.engine.contains("x.body", len(b.args)))
	}
	for _, word := range b.q.Filter.UnwantedWords() {
		b.add(word)
		b.texts = append(b.texts, "NOT "+b.s.engine.contains("x.body", len(b.args)))
	}
}

// fewHold tells whether at most fewCandidates jobs hold all of the grams.
func (s *Store) fewHold(ctx context.Context, grams []int32) (few bool, err error) {
	var n int
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM (`+s.engine.holding(1)+` LIMIT $2) AS c`, s.engine.gramList(grams), fewCandidates+1).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count the jobs that can hold the words: %w", err)
	}
	return n <= fewCandidates, nil
}

// addCriteria adds the conditions on narrow rows.
func (b *jobSearch) addCriteria(c *cron.JobCriteria, not bool) {
	add := func(condition string) {
		if not {
			condition = "NOT (" + condition + ")"
		}
		b.where = append(b.where, condition)
	}
	if len(c.Conditions) > 0 {
		conditions := make([]string, len(c.Conditions))
		for i, condition := range c.Conditions {
			conditions[i] = b.condition(condition)
		}
		add(strings.Join(conditions, " OR "))
	}
	if len(c.Statuses) > 0 {
		b.joined = true
		add(oneOf(b, "t.last_status", c.Statuses))
	}
	if len(c.Folders) > 0 {
		add(oneOf(b, "s.folder_id", c.Folders))
	}
	if len(c.Methods) > 0 {
		add(oneOf(b, "s.method", c.Methods))
	}
	if len(c.Timezones) > 0 {
		add(oneOf(b, "s.timezone", c.Timezones))
	}
	if len(c.ChangedBy) > 0 {
		labels := make([]string, len(c.ChangedBy))
		for i, label := range c.ChangedBy {
			labels[i] = foldLabel(label)
		}
		add(oneOf(b, "s.changed_by", labels))
	}
	if len(c.Hosts) > 0 {
		add(b.hosts(c.Hosts))
	}
	for _, tag := range c.Tags {
		b.add("\n" + cron.TagKey(strings.TrimSpace(tag)) + "\n")
		add(b.s.engine.contains("s.tag_keys", len(b.args)))
	}
	if !c.ChangedSince.IsZero() {
		add("s.updated_at >= " + b.add(millis(c.ChangedSince)))
	}
	if !c.NextBefore.IsZero() {
		b.joined = true
		add("t.next_run_at IS NOT NULL AND t.next_run_at < " + b.add(millis(c.NextBefore)))
	}
	if !c.NextAfter.IsZero() {
		b.joined = true
		add("t.next_run_at IS NOT NULL AND t.next_run_at >= " + b.add(millis(c.NextAfter)))
	}
}

// condition is cron.JobRecord.Conditions in SQL.
func (b *jobSearch) condition(c cron.JobCondition) string {
	switch c {
	case cron.JobFailing:
		b.joined = true
		return "t.last_status > " + b.add(int(cron.StatusOK))
	case cron.JobLate:
		b.joined = true
		return "(s.enabled AND t.next_run_at IS NOT NULL AND t.next_run_at < " + b.add(millis(b.now.Add(-cron.LateAfter))) + ")"
	case cron.JobPaused:
		return "s.paused_until > " + b.add(millis(b.now))
	case cron.JobDisabled:
		return "NOT s.enabled"
	case cron.JobSilenced:
		return "s.silenced_until > " + b.add(millis(b.now))
	case cron.JobNeverRan:
		b.joined = true
		return "t.last_execution_at = 0"
	}
	return "1 = 0" // there is no other
}

// hosts is that the host of a job is one of the given ones, which need not name a port.
func (b *jobSearch) hosts(hosts []string) string {
	conditions := make([]string, len(hosts))
	for i, host := range hosts {
		host = strings.ToLower(strings.TrimSpace(host))
		conditions[i] = "s.host = " + b.add(host) + " OR substr(s.host, 1, " + strconv.Itoa(len([]rune(host))+1) + ") = " + b.add(host+":")
	}
	return strings.Join(conditions, " OR ")
}

// oneOf is that a column is one of the values.
func oneOf[T ~int | ~int64 | ~string](b *jobSearch, column string, values []T) string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = b.add(value)
	}
	return column + " IN (" + strings.Join(list, ", ") + ")"
}

// orders are the keys of the orders.
var orders = map[cron.JobSort]struct {
	key     string
	scanned string // the same value, but no index has its order; empty where none has anyway
	state   bool   // it is in job_state
}{
	cron.SortTitle:   {key: "s.title_key", scanned: "s.title_key || ''"},
	cron.SortChanged: {key: "s.updated_at", scanned: "s.updated_at + 0"},
	cron.SortNext:    {key: "coalesce(t.next_run_at, " + strconv.Itoa(math.MaxInt64) + ")", state: true},
	cron.SortLast:    {key: "t.last_execution_at", state: true},
	cron.SortStatus:  {key: "CAST(t.last_status AS BIGINT)", state: true},
	cron.SortID:      {key: "s.job_id"},
}

// statement is what finds the positions of the page and one more. bounded tells that it looks at textRows rows at most.
func (b *jobSearch) statement() (statement string, bounded bool) {
	order := orders[b.q.Sort]
	b.joined = b.joined || order.state
	b.key = order.key
	walks := b.q.Sort == cron.SortID || order.scanned != "" && len(b.where) == 1
	if order.scanned != "" && !walks {
		b.key = order.scanned
	}
	if !walks && !b.candidates {
		b.where = append(b.where, "s.job_id > 0") // the primary key, in whose order the rows are stored
	}
	b.addPosition()
	from := "job_search s"
	if b.joined {
		from += " CROSS JOIN job_state t"
		b.where = append(b.where, "t.job_id = s.job_id", "t.account_id = s.account_id")
	}
	b.addTexts()
	limit := b.add(b.q.Limit + 1)
	switch {
	case len(b.texts) == 0:
		return b.selectKeys(from, b.where) + " LIMIT " + limit, false
	case b.candidates:
		return b.selectKeys(from, append(b.where, b.compared("s.job_id"))) + " LIMIT " + limit, false
	}
	return `SELECT q.sort_key, q.job_id FROM (` + b.selectKeys(from, b.where) + ` LIMIT ` + strconv.Itoa(textRows) + `) AS q
		WHERE ` + b.compared("q.job_id") + ` ORDER BY ` + b.ordered("q.sort_key", "q.job_id") + ` LIMIT ` + limit, true
}

// compared is that the text of a job meets all conditions. As a subquery it is read by its key, when its turn comes.
func (b *jobSearch) compared(id string) string {
	return `(SELECT ` + strings.Join(b.texts, " AND ") + ` FROM job_text x WHERE x.job_id = ` + id + `)`
}

func (b *jobSearch) selectKeys(from string, where []string) string {
	return `SELECT ` + b.key + ` AS sort_key, s.job_id FROM ` + from + ` WHERE ` + parenthesized(where) + ` ORDER BY ` + b.ordered(b.key, "s.job_id")
}

func parenthesized(conditions []string) string {
	return "(" + strings.Join(conditions, ") AND (") + ")"
}

// ordered is a list of what is sorted by. IDs descend only where an index has them so: of many jobs of one rank the first ones
// are those that a scan meets first, and the rest need not be sorted in.
func (b *jobSearch) ordered(key, id string) string {
	switch {
	case b.q.Descending && !orders[b.q.Sort].state:
		return key + " DESC, " + id + " DESC"
	case b.q.Descending:
		return key + " DESC, " + id
	}
	return key + ", " + id
}

// addPosition makes the page start after a position.
func (b *jobSearch) addPosition() {
	after := b.q.After
	if after.IsZero() {
		return
	}
	compare := " > "
	if b.q.Descending {
		compare = " < "
	}
	if b.q.Sort == cron.SortID {
		b.where = append(b.where, "s.job_id"+compare+b.add(after.ID))
		return
	}
	var key any = after.Number
	if b.q.Sort == cron.SortTitle {
		key = after.Text
	}
	if orders[b.q.Sort].state && b.q.Descending {
		at := b.add(key)
		b.where = append(b.where, b.key+" < "+at+" OR "+b.key+" = "+at+" AND s.job_id > "+b.add(after.ID))
		return
	}
	b.where = append(b.where, "("+b.key+", s.job_id)"+compare+"("+b.add(key)+", "+b.add(after.ID)+")")
}

// positions runs a statement that selects keys and IDs.
func (s *Store) positions(ctx context.Context, q *cron.JobQuery, statement string, args []any) ([]cron.JobPosition, error) {
	return collect(ctx, s.read, "search the jobs", func(scan scanner, p *cron.JobPosition) error {
		if q.Sort == cron.SortTitle {
			return scan(text(&p.Text), integer(&p.ID))
		}
		return scan(integer(&p.Number), integer(&p.ID))
	}, statement, args...)
}

// reached is the position of the last row that a bounded statement has looked at; zero when it has looked at all.
func (b *jobSearch) reached(ctx context.Context) (next cron.JobPosition, err error) {
	from := "job_search s"
	if b.joined {
		from += " CROSS JOIN job_state t"
	}
	statement := b.selectKeys(from, b.where) + ` LIMIT 1 OFFSET ` + strconv.Itoa(textRows-1)
	found, err := b.s.positions(ctx, b.q, statement, b.args[:b.narrow])
	if err == nil && len(found) == 1 {
		next = found[0]
	}
	return next, err
}

// foundColumns are those of a job that a search shows, beside those of lists.
func foundColumns(j *cron.Job) columns {
	return func(list *columnList) {
		list.add("tags", tagsField{&j.Tags})
		addAuthor(list, "created", &j.CreatedBy)
		addAuthor(list, "updated", &j.UpdatedBy)
	}
}

var foundNames = names("job_about", foundColumns(new(cron.Job)))

// foundJobs reads jobs in the order of their IDs in the list. Those that cannot be read, or are gone, are left out.
func (s *Store) foundJobs(ctx context.Context, accountID int64, ids []int64) ([]cron.JobRecord, error) {
	byID := make(map[int64]*cron.JobRecord, len(ids))
	err := each(ctx, s.read, "read the jobs that were found", func(scan scanner) error {
		var (
			rec    cron.JobRecord
			sealed []byte
		)
		err := scanRecord(scan, &rec, append([]any{&sealed}, optional(foundColumns(&rec.Job))...)...)
		if err == nil {
			err = s.openURL(&rec.Job, sealed)
		}
		if err != nil {
			s.logger.Error("a job cannot be read", slogErr(err))
			return nil
		}
		byID[rec.ID] = &rec
		return nil
	}, `SELECT `+listColumns+`, job.sealed_url, `+foundNames+` FROM job JOIN job_state ON job_state.job_id = job.id
		LEFT JOIN job_about ON job_about.job_id = job.id WHERE `+s.engine.in("job.id", 1)+` AND job.account_id = $2`, s.engine.list(ids), accountID)
	if err != nil {
		return nil, err
	}
	jobs := make([]cron.JobRecord, 0, len(ids))
	for _, id := range ids {
		if rec := byID[id]; rec != nil {
			jobs = append(jobs, *rec)
		}
	}
	return jobs, nil
}

// Tags lists the tags of the jobs of an account, by their names, with the number of jobs that have each.
func (s *Store) Tags(ctx context.Context, accountID int64) ([]cron.TagCount, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	counts, spellings := map[string]int{}, map[string]map[string]int{}
	err = each(ctx, s.read, "list the tags", func(scan scanner) error {
		var (
			tags []string
			n    int
		)
		if err := scan(tagsField{&tags}, &n); err != nil {
			return err
		}
		for _, tag := range tags {
			key := cron.TagKey(tag)
			counts[key] += n
			if spellings[key] == nil {
				spellings[key] = map[string]int{}
			}
			spellings[key][tag] += n
		}
		return nil
	}, `SELECT a.tags, count(*) FROM job_search s JOIN job_about a ON a.job_id = s.job_id
		WHERE s.account_id = $1 AND s.tag_keys <> '' GROUP BY a.tags`, accountID)
	if err != nil {
		return nil, err
	}
	list := make([]cron.TagCount, 0, len(counts))
	for key, n := range counts {
		list = append(list, cron.TagCount{Tag: usual(spellings[key]), Jobs: n})
	}
	slices.SortFunc(list, func(a, b cron.TagCount) int { return strings.Compare(cron.TagKey(a.Tag), cron.TagKey(b.Tag)) })
	return list, nil
}

// usual is the spelling that is used most.
func usual(spellings map[string]int) (tag string) {
	for spelling, n := range spellings {
		if most := spellings[tag]; n > most || n == most && spelling < tag {
			tag = spelling
		}
	}
	return tag
}
