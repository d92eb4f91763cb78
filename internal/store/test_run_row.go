package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"punctual/internal/cron"
)

// The sealed columns of a test run are JSON of domain types: rows live for minutes, so nothing old is ever read, and no
// field of a job can be forgotten.

func testJobRow(id int64) string { return "test run " + strconv.FormatInt(id, 10) + " job" }

func testResultRow(id int64) string { return "test run " + strconv.FormatInt(id, 10) + " result" }

func encodeTestJob(j *cron.Job) ([]byte, error) {
	plain, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encode the job of a test run: %w", err)
	}
	return plain, nil
}

func (s *Store) openTestJob(id int64, sealed []byte) (*cron.Job, error) {
	plain, err := s.sealer.open(sealed, testJobRow(id))
	if err != nil {
		return nil, fmt.Errorf("open the job of test run %d: %w", id, err)
	}
	j := new(cron.Job)
	if err := json.Unmarshal(plain, j); err != nil {
		return nil, fmt.Errorf("decode the job of test run %d: %w", id, err)
	}
	return j, nil
}

// testResult is what is stored of a test run.
type testResult struct {
	Result    *cron.Result // nil until it is finished, and when it was lost
	Diagnosis cron.Diagnosis
	Trace     cron.Trace
}

// While a test run is not finished, less of it is stored, since that is written again and again.
const (
	runningTraceBytes = 4 << 10 // of each request and response
	maxRunningResult  = 64 << 10
	maxTestResult     = cron.MaxTestRunBytes - 64 // leaves room for what sealing adds
)

// encodeTestResult returns progress as it is sealed, in at most maxTestResult bytes: bodies are cut first, then certificates
// are left out.
func encodeTestResult(p *cron.TestProgress) []byte {
	keep, most := cron.MaxTraceBytes, maxTestResult
	if p.Result == nil {
		keep, most = runningTraceBytes, maxRunningResult
	}
	plain := encodeTestRow(cutTestResult(p, keep))
	for len(plain) > most && keep > 0 {
		keep /= 2
		plain = encodeTestRow(cutTestResult(p, keep))
	}
	return plain
}

// encodeTestRow encodes a row without the escapes that make some characters six times as long. A row that JSON cannot hold,
// since a target sent a date beyond the year 9999, is stored as if nothing were known.
func encodeTestRow(row testResult) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(row) != nil {
		return []byte("{}")
	}
	return b.Bytes()
}

// cutTestResult is progress with at most keep bytes of each request and response. With 0 it has neither certificates nor
// headers and, while the test run is not finished, only the last request.
func cutTestResult(p *cron.TestProgress, keep int) testResult {
	cut := func(b []byte) []byte { return b[:min(len(b), keep)] }
	row := testResult{Diagnosis: p.Diagnosis, Trace: p.Trace}
	row.Trace.Hops = slices.Clone(p.Trace.Hops)
	if n := len(row.Trace.Hops); keep == 0 && p.Result == nil && n > 1 {
		row.Trace.Hops = row.Trace.Hops[n-1:]
	}
	for i := range row.Trace.Hops {
		h := &row.Trace.Hops[i]
		h.RequestCut, h.ResponseCut = h.RequestCut || len(h.Request) > keep, h.ResponseCut || len(h.Response) > keep
		h.Request, h.Response = cut(h.Request), cut(h.Response)
		if keep == 0 && h.TLS != nil {
			bare := *h.TLS
			bare.Chain, h.TLS = nil, &bare
		}
	}
	if p.Result != nil {
		r := *p.Result
		r.Body = cut(r.Body)
		if keep == 0 {
			r.Headers = nil
		}
		row.Result = &r
	}
	return row
}

// openTestResult sets what is stored of a test run. A finished one without a result is lost.
func (s *Store) openTestResult(t *cron.TestRun, sealed []byte) error {
	var row testResult
	if sealed != nil {
		plain, err := s.sealer.open(sealed, testResultRow(t.ID))
		if err != nil {
			return fmt.Errorf("open the result of test run %d: %w", t.ID, err)
		}
		if err := json.Unmarshal(plain, &row); err != nil {
			return fmt.Errorf("decode the result of test run %d: %w", t.ID, err)
		}
	}
	t.Trace, t.Diagnosis = row.Trace, row.Diagnosis
	switch {
	case row.Result != nil:
		t.Result = *row.Result
	case t.State == cron.TestFinished:
		t.Result = cron.Lost()
		t.Diagnosis = cron.Diagnose(&t.Result, new(cron.Job), new(cron.Plan))
	}
	return nil
}
