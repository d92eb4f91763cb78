package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// A page of a search of jobs is found in three steps, each a query of its own:
//
//	the grams of the words ──▶ are there few jobs that hold them all?     at most fewCandidates are counted
//	job_search, job_state  ──▶ IDs of the page in their order             see find_plan.go
//	job, job_about         ──▶ what is shown of those                     no more than the page

const (
	fewCandidates = 2500 // jobs that hold the grams of the words
	textRows      = 5000 // texts that are compared for a page
)

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
	f := &jobSearch{s: s, q: q, now: s.Now(), account: accountID}
	if grams := fewGrams(gramsOf(accountID, strings.Join(q.Filter.Words(), " "))); len(grams) > 0 {
		few, err := s.fewHold(ctx, grams)
		if err != nil {
			return nil, next, err
		}
		if few {
			f.candidates = &condition{"s.job_id IN (" + s.engine.holding(0) + ")", []any{s.engine.gramList(grams)}}
		}
	}
	f.addCriteria(&q.Filter.JobCriteria, false)
	f.addCriteria(&q.Filter.Not, true)
	f.addTexts()
	return f.run(ctx)
}

// addTexts adds the conditions on texts.
func (f *jobSearch) addTexts() {
	for _, word := range f.q.Filter.Words() {
		f.texts = append(f.texts, condition{f.s.engine.contains("x.body", 0), []any{word}})
	}
	for _, word := range f.q.Filter.UnwantedWords() {
		f.texts = append(f.texts, condition{"NOT " + f.s.engine.contains("x.body", 0), []any{word}})
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
func (f *jobSearch) addCriteria(c *cron.JobCriteria, not bool) {
	add := func(any condition) {
		if not {
			any.text = "NOT (" + any.text + ")"
		}
		f.add(any)
	}
	if len(c.Conditions) > 0 {
		conditions := make([]condition, len(c.Conditions))
		for i, named := range c.Conditions {
			conditions[i] = f.condition(named)
		}
		add(anyOf(conditions))
	}
	if len(c.Statuses) > 0 {
		add(oneOf("t.last_status", c.Statuses))
	}
	if len(c.Folders) > 0 {
		add(oneOf("s.folder_id", c.Folders))
	}
	if len(c.Methods) > 0 {
		add(oneOf("s.method", c.Methods))
	}
	if len(c.Timezones) > 0 {
		add(oneOf("s.timezone", c.Timezones))
	}
	if len(c.ChangedBy) > 0 {
		labels := make([]string, len(c.ChangedBy))
		for i, label := range c.ChangedBy {
			labels[i] = foldLabel(label)
		}
		add(oneOf("s.changed_by", labels))
	}
	if len(c.Hosts) > 0 {
		add(onHosts(c.Hosts))
	}
	for _, tag := range c.Tags {
		add(condition{f.s.engine.contains("s.tag_keys", 0), []any{"\n" + cron.TagKey(strings.TrimSpace(tag)) + "\n"}})
	}
	if !c.ChangedSince.IsZero() {
		add(condition{"s.updated_at >= $0", []any{millis(c.ChangedSince)}})
	}
	if !c.NextBefore.IsZero() {
		add(condition{"t.next_run_at IS NOT NULL AND t.next_run_at < $0", []any{millis(c.NextBefore)}})
	}
	if !c.NextAfter.IsZero() {
		add(condition{"t.next_run_at IS NOT NULL AND t.next_run_at >= $0", []any{millis(c.NextAfter)}})
	}
}

// condition is cron.JobRecord.Conditions in SQL.
func (f *jobSearch) condition(c cron.JobCondition) condition {
	switch c {
	case cron.JobFailing:
		return condition{"t.last_status > $0", []any{int(cron.StatusOK)}}
	case cron.JobLate:
		return condition{"(s.enabled AND t.next_run_at IS NOT NULL AND t.next_run_at < $0)", []any{millis(f.now.Add(-cron.LateAfter))}}
	case cron.JobPaused:
		return condition{"s.paused_until > $0", []any{millis(f.now)}}
	case cron.JobDisabled:
		return condition{text: "NOT s.enabled"}
	case cron.JobSilenced:
		return condition{"s.silenced_until > $0", []any{millis(f.now)}}
	case cron.JobCertificate:
		return condition{"(t.cert_expiry_at > 0 AND t.cert_expiry_at < $0)", []any{millis(f.now.Add(cron.CertificateAhead))}}
	case cron.JobNeverRan:
		return condition{text: "t.last_execution_at = 0"}
	}
	return condition{text: "1 = 0"} // there is no other
}

// onHosts is that the host of a job is one of the given ones, which need not name a port. substr is costly, so the range of texts
// that begin with the host is compared first.
func onHosts(hosts []string) condition {
	conditions := make([]condition, len(hosts))
	for i, host := range hosts {
		host = strings.ToLower(strings.TrimSpace(host))
		conditions[i] = condition{"s.host >= $0 AND s.host < $0 AND (s.host = $0 OR substr(s.host, 1, " + strconv.Itoa(len([]rune(host))+1) + ") = $0)",
			[]any{host, host + ";", host, host + ":"}}
	}
	return anyOf(conditions)
}

// anyOf is that one of the conditions is met.
func anyOf(conditions []condition) (either condition) {
	texts := make([]string, len(conditions))
	for i, c := range conditions {
		texts[i] = c.text
		either.args = append(either.args, c.args...)
	}
	either.text = strings.Join(texts, " OR ")
	return either
}

// oneOf is that a column is one of the values.
func oneOf[T ~int | ~int64 | ~string](column string, values []T) condition {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return condition{column + " IN (" + strings.TrimSuffix(strings.Repeat("$0, ", len(values)), ", ") + ")", args}
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
