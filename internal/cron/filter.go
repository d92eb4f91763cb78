package cron

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxFilterText is the length of the longest text of a filter, in characters.
const MaxFilterText = 200

// HistoryFilter selects records of the ledger of an account. The zero value selects all.
type HistoryFilter struct {
	JobID    int64         // 0 is all jobs
	FolderID *int64        // current folder of the job; nil for all folders
	Outcomes []Outcome     // none is all
	Faults   []Fault       // none is all
	Statuses []StatusRange // HTTP status codes; empty for all, including no response
	From, To time.Time     // of the start, or of the recording: From <= t < To; zero for no bound
	Cause    Fingerprint   // 0 is all
	Text     string        // as in HistoryRecord.Contains; empty is all
}

// Check adds what is wrong with the filter.
func (f *HistoryFilter) Check(c *Checker) {
	switch {
	case utf8.RuneCountInString(f.Text) > MaxFilterText:
		c.Add("/text", Problem{Rule: RuleTooLong, Limit: MaxFilterText, Unit: UnitCharacters})
	case strings.ContainsFunc(f.Text, unicode.IsControl):
		c.Add("/text", Problem{Rule: RuleControlCharacter})
	}
}

// HistoryQuery requests one page of records, newest first.
type HistoryQuery struct {
	Filter HistoryFilter
	After  HistoryPosition // where the page starts; zero for the newest record
	Limit  int             // records of the page, at most
}

// HistoryPosition is the position after a record, before the next older one.
type HistoryPosition struct {
	ID int64
	At time.Time // the time at which that record started, or was recorded
}

// HistoryPage is the answer to a HistoryQuery.
type HistoryPage struct {
	Records []HistoryRecord
	Next    HistoryPosition // where the next page starts; zero at the end. It can be set on a page without Records
}

// HistoryRecord is a record of the ledger with information about its job and occurrence.
type HistoryRecord struct {
	Execution
	Title   string    // current title of the job
	Repeats bool      // it is the attempt after a lost one, as opposed to a failed one
	RerunOf RecordRef // the record that it was to repeat; the zero value for none
}

// RecordRef names a record of the same job.
type RecordRef struct {
	ID      int64
	Planned time.Time
}

// KindName says why the execution took place: "rerun" of a record, "manual", "scheduled", "retry" after a failed attempt, or "repeat" after a lost
// one.
func (r *HistoryRecord) KindName() string {
	switch {
	case r.RerunOf.ID != 0:
		return "rerun"
	case r.Kind == KindManual:
		return "manual"
	case r.Attempt == 1:
		return "scheduled"
	case r.Repeats:
		return "repeat"
	}
	return "retry"
}

// Contains reports whether one of the stored texts of a record contains the given one, ignoring case: the URL, the title of
// the job, the reason phrase of the response, or the detail of the fault.
func (r *HistoryRecord) Contains(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{r.Result.URL, r.Title, r.Result.Reason, r.Result.Detail}, func(stored string) bool {
		return strings.Contains(strings.ToLower(stored), text)
	})
}
