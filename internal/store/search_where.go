package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"punctual/internal/cron"
)

// where collects conditions and their arguments.
type where struct {
	conditions strings.Builder
	args       []any
}

// add adds a condition. ? stands for the argument.
func (w *where) add(condition string, arg any) {
	w.args = append(w.args, arg)
	w.conditions.WriteString(" AND " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(w.args))))
}

// wanted is the condition of the filter. Its arguments follow the given ones.
func (s *Store) wanted(args []any, accountID int64, f *cron.HistoryFilter, run *idRange, since time.Time) *where {
	w := &where{args: append(args, run.owner)}
	w.conditions.WriteString(`execution.` + run.column + ` = $` + strconv.Itoa(len(w.args)))
	w.conditions.WriteString(run.only())
	if f.JobID != 0 && run.column != "job_id" {
		w.add(`execution.job_id + 0 = ?`, f.JobID)
	}
	if len(f.Causes) > 0 {
		w.and(s.in(w, `execution.cause + 0`, fingerprints(f.Causes)))
	}
	w.add(`execution.id >= ?`, run.first)
	w.add(`execution.id < ?`, run.before)
	var days string
	days, w.args = s.engine.days(run.planned[0], run.planned[1], w.args...)
	w.conditions.WriteString(days)
	w.add(`execution.planned_at + 0 >= ?`, millis(since)) // so that no index is used for it
	w.add(`job.account_id = ?`, accountID)
	if f.FolderID != nil {
		w.add(`job.folder_id = ?`, *f.FolderID)
	}
	if !f.From.IsZero() {
		w.add(`execution.started_at >= ?`, millis(f.From))
	}
	if !f.To.IsZero() {
		w.add(`execution.started_at < ?`, millis(f.To))
	}
	s.wantedKinds(w, f)
	s.notExcluded(w, &f.Not)
	if f.Text != "" {
		stored := []string{`execution.url`, `job.title`, `execution.reason`, `execution.detail`}
		for i, column := range stored {
			stored[i] = s.engine.lower(column) + ` LIKE ? ESCAPE '\'`
		}
		w.add("("+strings.Join(stored, " OR ")+")", likePattern(f.Text))
	}
	return w
}

// searchedColumns are the columns that the text of a filter is looked for in, to end a list of columns; none without a text.
// searchedTexts are the variables to scan them into, after those given.
func searchedColumns(f *cron.HistoryFilter) string {
	if !f.SearchesTexts() {
		return ""
	}
	return `, execution.url, job.title, execution.reason, execution.detail`
}

func searchedTexts(f *cron.HistoryFilter, r *cron.HistoryRecord, first ...any) []any {
	if !f.SearchesTexts() {
		return first
	}
	return append(first, text(&r.Result.URL), text(&r.Title), text(&r.Result.Reason), text(&r.Result.Detail))
}

func numbersOf[T ~int](values []T) []int64 {
	numbers := make([]int64, len(values))
	for i, v := range values {
		numbers[i] = int64(v)
	}
	return numbers
}

// likePattern is a pattern of LIKE that matches at least the texts that contain the given one, whose ASCII letters are
// in lower case. Any other letter matches every character, so HistoryRecord.Contains has to check the result.
func likePattern(text string) string {
	var b strings.Builder
	b.WriteByte('%')
	for _, r := range text {
		switch {
		case r == '%' || r == '_' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r > unicode.MaxASCII && (unicode.ToLower(r) != r || unicode.ToUpper(r) != r):
			b.WriteByte('_')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	b.WriteByte('%')
	return b.String()
}

// wantedKinds adds the conditions for outcomes, faults, statuses and kinds of records.
func (s *Store) wantedKinds(w *where, f *cron.HistoryFilter) {
	if len(f.Outcomes) > 0 {
		w.and(s.in(w, `execution.outcome`, numbersOf(f.Outcomes)))
	}
	if len(f.Faults) > 0 {
		w.and(s.in(w, `execution.fault`, numbersOf(f.Faults)))
	}
	if len(f.Statuses) > 0 {
		w.and(inRanges(w, f.Statuses))
	}
	if len(f.Kinds) > 0 {
		w.and(ofKinds(f.Kinds))
	}
}

// notExcluded adds the conditions for what records may not have. Texts are left to HistoryFilter.WantsTexts: a pattern would match
// more records than contain a text.
func (s *Store) notExcluded(w *where, not *cron.HistoryExclusion) {
	for _, list := range [...]struct {
		column  string
		numbers []int64
	}{
		{`execution.job_id + 0`, not.JobIDs}, {`job.folder_id`, not.FolderIDs}, {`execution.outcome`, numbersOf(not.Outcomes)},
		{`execution.fault`, numbersOf(not.Faults)}, {`coalesce(execution.cause, 0)`, fingerprints(not.Causes)},
	} {
		if len(list.numbers) > 0 {
			w.and(`NOT (` + s.in(w, list.column, list.numbers) + `)`)
		}
	}
	if len(not.Statuses) > 0 {
		w.and(`NOT ` + inRanges(w, not.Statuses))
	}
	if len(not.Kinds) > 0 {
		w.and(`NOT ` + ofKinds(not.Kinds))
	}
}

// and adds a condition that has its arguments.
func (w *where) and(condition string) { w.conditions.WriteString(" AND " + condition) }

// in is the condition for a column that has one of some numbers.
func (s *Store) in(w *where, column string, numbers []int64) string {
	w.args = append(w.args, s.engine.list(numbers))
	return s.engine.in(column, len(w.args))
}

// inRanges is the condition for a status code in one of some ranges.
func inRanges(w *where, statuses []cron.StatusRange) string {
	var ranges []string
	for _, r := range statuses {
		w.args = append(w.args, r.First, r.Last)
		ranges = append(ranges, fmt.Sprintf(`execution.http_status BETWEEN $%d AND $%d`, len(w.args)-1, len(w.args)))
	}
	return "(" + strings.Join(ranges, " OR ") + ")"
}

// isRerun is the condition for a manual execution that repeats a record.
const isRerun = `EXISTS (SELECT 1 FROM rerun WHERE rerun.planned_at = execution.planned_at AND rerun.job_id = execution.job_id
	AND rerun.record_id <> 0)`

// kindConditions are the conditions for the kinds of records.
var kindConditions = [...]string{
	cron.RecordScheduled: `execution.kind = 0 AND execution.attempt = 1`,
	cron.RecordRetry:     `execution.kind = 0 AND execution.attempt > 1`,
	cron.RecordManual:    `execution.kind = 1 AND NOT ` + isRerun,
	cron.RecordRerun:     `execution.kind = 1 AND ` + isRerun,
}

// ofKinds is the condition for a record of one of some kinds.
func ofKinds(kinds []cron.RecordKind) string {
	conditions := make([]string, len(kinds))
	for i, k := range kinds {
		conditions[i] = kindConditions[k]
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

func fingerprints(causes []cron.Fingerprint) []int64 {
	numbers := make([]int64, len(causes))
	for i, c := range causes {
		numbers[i] = int64(c)
	}
	return numbers
}
