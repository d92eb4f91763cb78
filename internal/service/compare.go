package service

import (
	"bytes"
	"context"
	"unicode/utf8"

	"punctual/internal/cron"
	"punctual/internal/linediff"
)

// Comparison is an execution beside the latest success before it.
type Comparison struct {
	Execution cron.Execution
	Good      cron.GoodBefore
	Timings   []cron.PhaseTiming
	Headers   *Difference // nil unless both responses were saved; the header Date is left out
	Body      *Difference // likewise
}

// Difference is what two responses differ in, from the former to the later one.
type Difference struct {
	Equal     bool
	Binary    bool // one of them is no text, and Lines is empty
	Lines     []linediff.Line
	Truncated bool // there is more than Lines, or one of the responses was not stored whole
}

// Compare compares an execution of a job with the latest success before it.
func (s *Service) Compare(ctx context.Context, actor cron.Actor, jobID, executionID int64) (c Comparison, err error) {
	if err := s.allow(&actor, UseCompare); err != nil {
		return c, err
	}
	e, err := s.store.Execution(ctx, actor.Account.ID, jobID, executionID)
	if err != nil {
		return c, err
	}
	return s.compare(ctx, &e)
}

// compare is Compare for an execution of an account that may see it.
func (s *Service) compare(ctx context.Context, e *cron.Execution) (c Comparison, err error) {
	c.Execution = *e
	if c.Good, err = s.store.GoodBefore(ctx, &c.Execution); err != nil {
		return c, err
	}
	now := &c.Execution.Result
	c.Timings = cron.CompareTimings(now, &c.Good)
	if c.Good.Latest == nil {
		return c, nil
	}
	if good := &c.Good.Latest.Result; good.Headers != nil && now.Headers != nil {
		c.Headers, c.Body = compareHeaders(good, now), compareBodies(good, now)
	}
	return c, nil
}

// compareHeaders compares header lines, whose order does not matter.
func compareHeaders(good, now *cron.Result) *Difference {
	var d Difference
	d.Lines, d.Truncated = linediff.Sets(good.Headers, now.Headers, func(line []byte) bool {
		name, _, _ := bytes.Cut(line, []byte(":"))
		return bytes.EqualFold(bytes.TrimSpace(name), []byte("Date"))
	})
	d.Equal = len(d.Lines) == 0
	return &d
}

func compareBodies(good, now *cron.Result) *Difference {
	d := Difference{Equal: bytes.Equal(good.Body, now.Body), Truncated: good.Truncated || now.Truncated}
	for _, r := range [...]*cron.Result{good, now} {
		d.Binary = d.Binary || !isText(r.Body)
		d.Truncated = d.Truncated || len(r.Body) >= cron.MaxStoredBody
	}
	if !d.Binary && !d.Equal {
		var cut bool
		d.Lines, cut = linediff.Texts(good.Body, now.Body)
		d.Truncated = d.Truncated || cut
	}
	return &d
}

// isText reports whether a stored body is UTF-8 without NUL bytes. Its last character may have been cut.
func isText(body []byte) bool {
	if bytes.IndexByte(body, 0) >= 0 {
		return false
	}
	if len(body) >= cron.MaxStoredBody {
		for cut := 1; cut < utf8.UTFMax; cut++ {
			if last := body[len(body)-cut:]; utf8.RuneStart(last[0]) && !utf8.FullRune(last) {
				body = body[:len(body)-cut]
				break
			}
		}
	}
	return utf8.Valid(body)
}
