package checker

import (
	"fmt"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Witness is what a test knows apart from the database.
type Witness struct {
	// From and To bound the instants that must have a record: those of a job that are after its latest edit, at or
	// after From, and at or before To. While its account is disabled, those from State.NextRun on have no record yet.
	From, To time.Time
	// Received counts the requests that the target received, by their whole URL. Each job must have its own URL,
	// distinct before the question mark, with cron.PlaceholderUUID in the query, so that each request has its own URL,
	// too. Nil leaves out the checks that need it.
	Received map[string]int
	// InFlight is the number of executions that were running whenever nodes were killed, paused or disconnected.
	InFlight int
	// Paused says that a node was paused for longer than its lease and resumed, so its executions may have been settled
	// as lost before their results arrived.
	Paused bool
	// Delayed says that results may have waited for the database for long after their executions had ended.
	Delayed bool
	// Stopped says that all nodes were stopped cleanly, so nothing may be left open.
	Stopped bool
	// Forgotten counts the requests, by their whole URL, whose records a failover with asynchronous replication may have forgotten. They
	// are among Received, too.
	Forgotten map[string]int
	// Forgets says that there were such failovers, so messages may have arrived that are not on record.
	Forgets bool
	// Told counts how often each message arrived at the receiver of the channels, by its ID. Nil leaves out the checks that need it.
	Told map[int64]int
}

// Violation is a broken promise.
type Violation struct {
	Check string // the name of the check
	Text  string // what is wrong, as a sentence
}

// String is the violation for the log of a test.
func (v Violation) String() string { return v.Check + ": " + v.Text }

// Check is a promise and the function that finds violations of it.
type Check struct {
	Name    string
	Promise string
	search  func(*evidence)
}

// Checks lists all checks.
func Checks() []Check {
	return []Check{
		{"coverage", "every instant at which an enabled job was due is covered by exactly one record, also while its account was disabled", searchCoverage},
		{"occurrence", "every record covers instants at which the job was due, and counts them", searchOccurrence},
		{"outcome", "every record says what became of it, and its fields agree", searchOutcome},
		{"misfire", "an occurrence is given up only when it was found later than its grace", searchMisfire},
		{"attempts", "the attempts at an occurrence are numbered from 1 without holes", searchAttempts},
		{"succession", "an attempt is followed by another exactly when the policy of the job asks for it", searchSuccession},
		{"sending", "nothing is sent twice, and nothing without a record that stood before", searchSending},
		{"answers", "what the ledger holds an answer of was received by the target", searchAnswers},
		{"lost", "no more is lost than was in flight when a node died", searchLost},
		{"lease", "a node starts nothing after its lease has ended", searchLease},
		{"overlap", "a job that minds overlaps is not started while it still runs", searchOverlap},
		{"lateness", "the lateness of a record is the time from its instant to its start", searchLateness},
		{"order", "the ids of a job's records follow the order of their claims", searchOrder},
		{"state", "the state of a job is what its latest execution left", searchState},
		{"problem", "a job has a problem exactly when its last result that counts is a failure, and a problem is open exactly while a job has it", searchProblem},
		{"action", "an action changes a job once, and its result says how", searchAction},
		{"notice", "every notice becomes messages, or says why nobody is told", searchNotice},
		{"message", "every message says what became of it and what it tells, and none is left with a node that is dead", searchMessage},
		{"telling", "what was sent arrived, and nothing arrived more often than it was attempted", searchTelling},
		{"monitor", "every final result of a job on a status page counts in its components exactly once, and they show what follows from it", searchMonitor},
		{"plan", "a job is planned for the occurrence after the latest one on record", searchPlan},
		{"orphans", "no row refers to nothing, and no file is damaged", searchOrphans},
		{"end", "a clean stop leaves nothing running and no node alive", searchEnd},
	}
}

// Find runs all checks and returns the violations.
func Find(l *Ledger, w Witness) []Violation {
	e := evidence{Ledger: l, Witness: w, nodes: make(map[int64]Node)}
	for _, n := range l.Nodes {
		e.nodes[n.Epoch] = n
	}
	e.gather()
	for _, check := range Checks() {
		e.check = check.Name
		check.search(&e)
	}
	return e.violations
}

// history is a job and all its rows.
type history struct {
	job     *cron.JobRecord
	records []Record
	pending []Pending
}

// evidence is the input of the checks, and the violations found so far.
type evidence struct {
	*Ledger
	Witness
	jobs       []history
	nodes      map[int64]Node
	check      string
	violations []Violation
}

func (e *evidence) add(format string, args ...any) {
	e.violations = append(e.violations, Violation{e.check, fmt.Sprintf(format, args...)})
}

// gather assigns records and pending attempts to their jobs, and leaves out those of deleted jobs.
func (e *evidence) gather() {
	records, pending := e.Records, e.Pending
	for i := range e.Jobs {
		h := history{job: &e.Jobs[i]}
		h.records, records = cut(records, h.job.ID, func(r Record) int64 { return r.JobID })
		h.pending, pending = cut(pending, h.job.ID, func(p Pending) int64 { return p.JobID })
		e.jobs = append(e.jobs, h)
	}
}

// cut splits rows, which are in the order of their owners, into those of an owner and the rest.
func cut[T any](rows []T, owner int64, of func(T) int64) (its, rest []T) {
	first := 0
	for first < len(rows) && of(rows[first]) < owner {
		first++
	}
	end := first
	for end < len(rows) && of(rows[end]) == owner {
		end++
	}
	return rows[first:end], rows[end:]
}

// from is the instant after which the records of a job follow its current definition.
func (e *evidence) from(j *cron.JobRecord) time.Time {
	from := e.From.Add(-time.Millisecond) // an instant equal to From counts
	if j.Updated.After(from) {
		from = j.Updated
	}
	return from
}

// started tells whether a request may have been sent for the record.
func (r *Record) started() bool {
	return r.Outcome != cron.OutcomeSkipped && r.Outcome != cron.OutcomeMissed
}

// last is the last instant that the record covers.
func (r *Record) last() time.Time {
	if r.started() {
		return r.Planned
	}
	return r.Last
}

// text describes a record.
func (r *Record) text() string {
	kind := ""
	if r.Kind == cron.KindManual {
		kind = " by hand"
	}
	return fmt.Sprintf("execution %d of job %d for %s%s, attempt %d, outcome %d",
		r.ID, r.JobID, clock(r.Planned), kind, r.Attempt, r.Outcome)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }

// path is a URL up to its question mark, which identifies the job.
func path(url string) string {
	before, _, _ := strings.Cut(url, "?")
	return before
}
