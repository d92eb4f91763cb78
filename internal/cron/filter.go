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
	Causes   []Fingerprint // none is all
	Text     string        // as in HistoryRecord.Contains; empty is all
	Kinds    []RecordKind  // none is all
	Not      HistoryExclusion
}

// HistoryExclusion is what records may not have. A record with one of these is not selected.
type HistoryExclusion struct {
	JobIDs    []int64
	FolderIDs []int64 // current folders of the jobs
	Outcomes  []Outcome
	Faults    []Fault
	Statuses  []StatusRange
	Causes    []Fingerprint
	Kinds     []RecordKind
	Text      string // as in HistoryRecord.Contains; empty excludes none
}

// RecordKind is why a record came about, in the coarse way in which a filter tells them apart.
type RecordKind int

// The kinds of records.
const (
	RecordScheduled RecordKind = iota // the first attempt of an occurrence, or occurrences that did not run
	RecordRetry                       // a further attempt of an occurrence
	RecordManual                      // somebody asked for it
	RecordRerun                       // it repeats a record
	recordKinds
)

// RecordKinds lists the kinds of records in the order of their numbers.
func RecordKinds() []RecordKind {
	kinds := make([]RecordKind, recordKinds)
	for i := range kinds {
		kinds[i] = RecordKind(i)
	}
	return kinds
}

// String is the name of the kind: that of HistoryRecord.KindName, where "retry" also stands for "repeat".
func (k RecordKind) String() string { return [...]string{"scheduled", "retry", "manual", "rerun"}[k] }

// RecordKind is the kind by which a filter knows the record.
func (r *HistoryRecord) RecordKind() RecordKind {
	switch r.KindName() {
	case "rerun":
		return RecordRerun
	case "manual":
		return RecordManual
	case "scheduled":
		return RecordScheduled
	}
	return RecordRetry
}

// Check adds what is wrong with the filter.
func (f *HistoryFilter) Check(c *Checker) {
	checkFilterText(c, "/text", f.Text)
	checkFilterText(c, "/not/text", f.Not.Text)
	for _, list := range [...]struct {
		pointer string
		length  int
	}{{"/cause", len(f.Causes)}, {"/not/job", len(f.Not.JobIDs)}, {"/not/folder", len(f.Not.FolderIDs)}, {"/not/cause", len(f.Not.Causes)}} {
		if list.length > MaxFilterValues {
			c.Add(list.pointer, Problem{Rule: RuleTooMany, Limit: MaxFilterValues})
		}
	}
}

func checkFilterText(c *Checker, pointer, text string) {
	switch {
	case utf8.RuneCountInString(text) > MaxFilterText:
		c.Add(pointer, Problem{Rule: RuleTooLong, Limit: MaxFilterText, Unit: UnitCharacters})
	case strings.ContainsFunc(text, unicode.IsControl):
		c.Add(pointer, Problem{Rule: RuleControlCharacter})
	}
}

// SearchesTexts reports whether the texts of a record decide if the filter wants it.
func (f *HistoryFilter) SearchesTexts() bool { return f.Text != "" || f.Not.Text != "" }

// WantsTexts reports whether a record has the text that the filter wants, and not the one that it excludes.
func (f *HistoryFilter) WantsTexts(r *HistoryRecord) bool {
	return (f.Text == "" || r.Contains(f.Text)) && (f.Not.Text == "" || !r.Contains(f.Not.Text))
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
	// RequestedBy is who asked for a manual execution; nobody for others, and for those from before this was kept.
	RequestedBy Author
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
