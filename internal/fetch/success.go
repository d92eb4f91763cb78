package fetch

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// checkSuccess checks the response against the success criteria of the call. The error is a *fault for the first criterion
// that is not met. It is nil if the status fails the default rule, since finish applies that rule.
func (x *exchange) checkSuccess(ctx context.Context) error {
	s := x.call.Exchange.Success
	if s == nil {
		return nil
	}
	if code := x.result.HTTPStatus; !x.call.IsSuccess(code) {
		if len(s.Status) == 0 {
			return nil
		}
		return unmet(cron.FaultStatus, strconv.Itoa(code))
	}
	if s.Contains != "" && !bytes.Contains(x.body, []byte(s.Contains)) {
		return unmet(cron.FaultBodyLacks, s.Contains)
	}
	if s.NotContains != "" && bytes.Contains(x.body, []byte(s.NotContains)) {
		return unmet(cron.FaultBodyHolds, s.NotContains)
	}
	if s.Matches != "" {
		return x.match(ctx, s.Matches)
	}
	return nil
}

// unmet is the fault of a response that does not meet a criterion.
func unmet(f cron.Fault, detail string) error {
	return &fault{status: cron.StatusHTTPError, fault: f, detail: strings.TrimSpace(detail)}
}
