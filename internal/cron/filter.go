package cron

import (
	"strings"
	"time"
)

// MaxFilterText is the longest text that a HistoryFilter looks for, in characters.
const MaxFilterText = 200

// HistoryFilter says which records of the ledger of an account are wanted. The zero value is all of them.
type HistoryFilter struct {
	JobID    int64         // 0 is all jobs
	FolderID *int64        // of jobs as they stand now; nil is all folders
	Outcomes []Outcome     // none is all
	Statuses []StatusRange // HTTP status codes; none is all, and no response
	From, To time.Time     // of when it started, or was recorded: at or after From, and before To; zero is no bound
	Text     *TextFilter   // nil is all
}

// TextFilter looks for a text, whatever its letter case, in the URL of a record, in the title of its job, and in what is
// said of the record.
type TextFilter struct {
	Text   string                    // not empty
	Says   func(e *Execution) string // what is said of a record
	Faults []Fault                   // all whose sentence may hold the text, if only with a part that is no detail
	Codes  []int64                   // all status codes whose own reason phrase may hold the text
}

// Matches tells whether the record holds the text.
func (t *TextFilter) Matches(r *HistoryRecord) bool {
	text := strings.ToLower(t.Text)
	holds := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return holds(r.Result.URL) || holds(r.Title) || holds(t.Says(&r.Execution))
}

// HistoryQuery asks for one page of records, newest first.
type HistoryQuery struct {
	Filter HistoryFilter
	After  HistoryPosition // where the page begins; the zero value is the newest record
	Limit  int             // records of the page, at most
}

// HistoryPosition is between a record, which the pages before it have looked at, and the one that is next older.
type HistoryPosition struct {
	ID int64
	At time.Time // when that record started, or was recorded
}

// HistoryPage is the answer to a HistoryQuery.
type HistoryPage struct {
	Records []HistoryRecord
	Next    HistoryPosition // where the next page begins; zero when there is no more. It may be set without any Records
}

// HistoryRecord is a record of the ledger with what a reader wants to know besides.
type HistoryRecord struct {
	Execution
	Title   string // of the job, as it stands now
	Repeats bool   // it is an attempt after one that was lost, and not after a failed one
}
