package cron

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxFilterText is the length of the longest text of a HistoryFilter, in characters.
const MaxFilterText = 200

// HistoryFilter selects records of the ledger of an account. The zero value selects all.
type HistoryFilter struct {
	JobID    int64         // 0 is all jobs
	FolderID *int64        // current folder of the job; nil for all folders
	Outcomes []Outcome     // none is all
	Statuses []StatusRange // HTTP status codes; empty for all, including no response
	From, To time.Time     // of the start, or of the recording: From <= t < To; zero for no bound
	Text     *TextFilter   // nil is all
}

// TextFilter looks for a text, ignoring case, in the URL of a record, in the title of its job, and in what is said of the
// record. Whoever searches gives the text alone; what is said depends on the language, which package service knows.
type TextFilter struct {
	Text   string                    // not empty
	Says   func(e *Execution) string // what is said of a record
	Faults []Fault                   // all whose sentence may hold the text, if only with a part that is no detail
	Codes  []int64                   // all status codes whose own reason phrase may hold the text
}

// Check adds what is wrong with the text.
func (t *TextFilter) Check(c *Checker, pointer string) {
	switch {
	case utf8.RuneCountInString(t.Text) > MaxFilterText:
		c.Add(pointer, Problem{Rule: RuleTooLong, Limit: MaxFilterText, Unit: UnitCharacters})
	case strings.ContainsFunc(t.Text, unicode.IsControl):
		c.Add(pointer, Problem{Rule: RuleControlCharacter})
	}
}

// Matches reports whether the record holds the text.
func (t *TextFilter) Matches(r *HistoryRecord) bool {
	text := strings.ToLower(t.Text)
	holds := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return holds(r.Result.URL) || holds(r.Title) || holds(t.Says(&r.Execution))
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
	Title   string // current title of the job
	Repeats bool   // it is the attempt after a lost one, as opposed to a failed one
}
