// Package ledger is the form of records of the ledger on the wire: for the API, and for the files that the API and the console send.
package ledger

import (
	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// Head is what is told of an execution before its response.
type Head struct {
	JobLogID    int64  `json:"jobLogId"`
	JobID       int64  `json:"jobId"`
	Identifier  string `json:"identifier"`
	Date        int64  `json:"date"` // Unix seconds
	DatePlanned int64  `json:"datePlanned"`
	Jitter      int64  `json:"jitter"` // ms
	URL         string `json:"url"`
	Duration    int64  `json:"duration"` // ms
	Status      int    `json:"status"`
	StatusText  string `json:"statusText"`
	HTTPStatus  int    `json:"httpStatus"`
}

// Tail is what is told of it after its response.
type Tail struct {
	Stats      Timings `json:"stats"`
	CertExpiry *int64  `json:"sslCertExpiry"`
}

// Timings are in µs.
type Timings struct {
	NameLookup    int64 `json:"nameLookup"`
	Connect       int64 `json:"connect"`
	AppConnect    int64 `json:"appConnect"`
	PreTransfer   int64 `json:"preTransfer"`
	StartTransfer int64 `json:"startTransfer"`
	Total         int64 `json:"total"`
}

// NewHead tells of an execution what stands before its response.
func NewHead(c *message.Catalogue, e *cron.Execution) Head {
	r := &e.Result
	return Head{
		JobLogID:    e.ID,
		JobID:       e.JobID,
		Identifier:  e.Identifier(),
		Date:        r.Started.Unix(),
		DatePlanned: e.Planned.Unix(),
		Jitter:      e.Lateness.Milliseconds(),
		URL:         r.URL,
		Duration:    r.Duration.Milliseconds(),
		Status:      int(r.Status),
		StatusText:  c.Outcome(e),
		HTTPStatus:  r.HTTPStatus,
	}
}

// NewTail tells of it what stands after its response.
func NewTail(r *cron.Result) Tail {
	return Tail{
		Stats:      NewTimings(&r.Stats),
		CertExpiry: wire.UnixOrNull(r.CertExpiry),
	}
}

// NewTimings puts timings on the wire.
func NewTimings(s *cron.Stats) Timings {
	return Timings{s.NameLookup.Microseconds(), s.Connect.Microseconds(), s.AppConnect.Microseconds(),
		s.PreTransfer.Microseconds(), s.StartTransfer.Microseconds(), s.Total.Microseconds()}
}

// Origin groups failures, and tells which server was called and which version of the job ran.
type Origin struct {
	Cause     *string `json:"cause"`     // the fingerprint in hexadecimal; null but for failures
	IPAddress *string `json:"ipAddress"` // null where no connection was opened
	Version   *int64  `json:"version"`   // of the job that ran; null for none
}

// NewOrigin tells the cause of a failure, and what was called.
func NewOrigin(e *cron.Execution) Origin {
	return Origin{wire.StringOrNull(e.Cause.String()), wire.StringOrNull(e.Result.Peer), versionOrNull(e.Version)}
}

// Record is a HistoryItem of the contract without headers and body, and with what we add.
type Record struct {
	Head
	Tail
	JobTitle string   `json:"jobTitle"`
	Outcome  string   `json:"outcome"`
	Kind     string   `json:"kind"`
	Attempt  int      `json:"attempt"`
	Reason   string   `json:"reason"`
	Covers   *Covered `json:"covers"`  // null but for missed and skipped records
	RerunOf  *string  `json:"rerunOf"` // the identifier of the record that is repeated; null for none
	// Who asked for a manual execution, and how: the way is that of versions. Null for others.
	RequestedBy  *string `json:"requestedBy"`
	RequestedWay *string `json:"requestedWay"`
	Origin
}

// Covered are the occurrences that a record stands for. Times are Unix seconds.
type Covered struct {
	First   int64 `json:"first"`
	Last    int64 `json:"last"`
	Count   int64 `json:"count"`
	AtLeast bool  `json:"atLeast"`
}

// New puts a record on the wire.
func New(c *message.Catalogue, r *cron.HistoryRecord) Record {
	e := &r.Execution
	record := Record{
		Head: NewHead(c, e), Tail: NewTail(&e.Result),
		JobTitle: r.Title, Outcome: e.Outcome.String(), Kind: r.KindName(), Attempt: e.Attempt,
		Reason: wire.FaultNames[e.Result.Fault], Origin: NewOrigin(e),
		RequestedBy: wire.StringOrNull(r.RequestedBy.Label), RequestedWay: wire.StringOrNull(r.RequestedBy.Way),
	}
	if e.Outcome == cron.OutcomeMissed || e.Outcome == cron.OutcomeSkipped {
		record.Covers = &Covered{e.Planned.Unix(), e.Last.Unix(), e.Count, e.AtLeast}
	}
	if of := r.RerunOf; of.ID != 0 {
		record.RerunOf = new((&cron.Execution{ID: of.ID, JobID: e.JobID, Planned: of.Planned}).Identifier())
	}
	return record
}

func versionOrNull(n int64) *int64 {
	if n <= 0 {
		return nil
	}
	return &n
}
