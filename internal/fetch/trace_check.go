package fetch

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// traceChecks notes the success criteria of the call with their verdicts. err is that of the exchange. Unlike
// checkSuccess, it goes on after the first criterion that is not met.
func (x *exchange) traceChecks(ctx context.Context, err error) {
	if x.tracer == nil || x.result.HTTPStatus == 0 {
		return
	}
	s := x.call.Exchange.Success
	if s == nil {
		s = new(cron.Success)
	}
	code := x.result.HTTPStatus
	checks := []cron.Check{{
		Kind: cron.CheckStatus, Want: wantedStatus(x.call), Got: strconv.Itoa(code), Verdict: verdict(x.call.IsSuccess(code)),
	}}
	add := func(kind cron.CheckKind, want string, judge func() cron.Verdict) {
		if want == "" {
			return
		}
		c := cron.Check{Kind: kind, Want: want}
		if isWhole(err) {
			c.Verdict = judge()
		}
		checks = append(checks, c)
	}
	add(cron.CheckContains, s.Contains, func() cron.Verdict {
		return verdict(bytes.Contains(x.body, []byte(s.Contains)))
	})
	add(cron.CheckNotContains, s.NotContains, func() cron.Verdict {
		return verdict(!bytes.Contains(x.body, []byte(s.NotContains)))
	})
	add(cron.CheckMatches, s.Matches, func() cron.Verdict { return x.matchVerdict(ctx, s.Matches, checks, err) })
	x.tracer.judged(checks)
}

func verdict(passed bool) cron.Verdict {
	if passed {
		return cron.VerdictPassed
	}
	return cron.VerdictFailed
}

// isWhole reports whether an exchange with this error has a response whose body can be judged.
func isWhole(err error) bool {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return err == nil
	}
	switch f.fault {
	case cron.FaultStatus, cron.FaultBodyLacks, cron.FaultBodyHolds, cron.FaultBodyMismatch, cron.FaultMatchTime,
		cron.FaultMatchBusy:
		return true
	}
	return false
}

// matchVerdict is the verdict on the pattern of the call. earlier are the checks before it.
func (x *exchange) matchVerdict(ctx context.Context, pattern string, earlier []cron.Check, err error) cron.Verdict {
	for _, c := range earlier {
		if c.Verdict == cron.VerdictFailed { // so checkSuccess did not come to the pattern
			err = x.match(ctx, pattern)
			break
		}
	}
	f, ok := errors.AsType[*fault](err)
	switch {
	case err == nil:
		return cron.VerdictPassed
	case ok && f.fault == cron.FaultBodyMismatch:
		return cron.VerdictFailed
	}
	return cron.VerdictNotChecked // it took too long
}

// wantedStatus describes the status codes that are a success.
func wantedStatus(call *cron.Call) string {
	ranges := []cron.StatusRange{{First: 200, Last: 299}}
	if s := call.Exchange.Success; s != nil && len(s.Status) > 0 {
		ranges = s.Status
	} else if call.RedirectSuccess {
		for code := http.StatusMovedPermanently; code <= http.StatusPermanentRedirect; code++ {
			if cron.IsRedirect(code) {
				ranges = append(ranges, cron.StatusRange{First: code, Last: code})
			}
		}
	}
	texts := make([]string, len(ranges))
	for i, r := range ranges {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}
