package store

import (
	"encoding/json"
	"fmt"
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

// runningTraceBytes is how much of each request and response is stored while a test run is not finished, since it is
// written again and again.
const runningTraceBytes = 4 << 10

// encodeTestResult returns progress as it is sealed, in at most maxTestResult bytes: bodies are cut first, then certificates.
func encodeTestResult(p *cron.TestProgress) []byte {
	keep := cron.MaxTraceBytes
	if p.Result == nil {
		keep = runningTraceBytes
	}
	plain := []byte(encode(cutTestResult(p, keep)))
	for len(plain) > maxTestResult && keep > 0 {
		keep /= 2
		plain = []byte(encode(cutTestResult(p, keep)))
	}
	return plain
}

// maxTestResult leaves room for what sealing adds.
const maxTestResult = cron.MaxTestRunBytes - 64

// cutTestResult is progress with at most keep bytes of each request and response. With 0 it has neither certificates nor
// headers.
func cutTestResult(p *cron.TestProgress, keep int) testResult {
	cut := func(b []byte) []byte { return b[:min(len(b), keep)] }
	row := testResult{Diagnosis: p.Diagnosis, Trace: p.Trace}
	row.Trace.Hops = append([]cron.Hop(nil), p.Trace.Hops...)
	for i := range row.Trace.Hops {
		h := &row.Trace.Hops[i]
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
