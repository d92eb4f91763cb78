package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// someTime is when a call may be worth another try that is refused until somebody deletes something.
const someTime = time.Minute

// statuses maps the kinds of errors to HTTP. The contract has no status for "unavailable" but 500.
var statuses = map[cron.ErrorKind]int{
	cron.Internal:     http.StatusInternalServerError,
	cron.Invalid:      http.StatusBadRequest,
	cron.NotFound:     http.StatusNotFound,
	cron.Conflict:     http.StatusConflict,
	cron.Unauthorized: http.StatusUnauthorized,
	cron.Forbidden:    http.StatusForbidden,
	cron.TooMany:      http.StatusTooManyRequests,
	cron.Unavailable:  http.StatusInternalServerError,

	cron.Gone:               http.StatusGone,
	cron.PreconditionFailed: http.StatusPreconditionFailed,
	cron.Unprocessable:      http.StatusUnprocessableEntity,
}

func statusOf(kind cron.ErrorKind) int {
	if status, ok := statuses[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// retryAfter is when a call may be worth another try, in whole seconds.
func retryAfter(e *cron.Error) int64 {
	wait := e.RetryAfter
	if wait <= 0 {
		wait = someTime
	}
	return int64((wait + time.Second - 1) / time.Second)
}

// problem is problem details as of RFC 9457. Its type is about:blank, which is what an absent one means.
type problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []fieldError `json:"errors,omitempty"`
}

// fieldError is one value of the body that is wrong.
type fieldError struct {
	Pointer string `json:"pointer"` // RFC 6901
	Detail  string `json:"detail"`
}

// newProblem puts e into words. What is wrong with no particular value of the body becomes the detail.
func newProblem(c *message.Catalogue, status int, e *cron.Error) problem {
	title, detail := c.Error(e.Kind, e.Subject)
	p := problem{Title: title, Status: status, Detail: detail}
	for _, wrong := range e.Problems {
		if wrong.Pointer == "" {
			p.Detail = c.Problem(wrong)
		} else if len(p.Errors) < wire.MaxProblems {
			p.Errors = append(p.Errors, fieldError{Pointer: wrong.Pointer, Detail: c.Problem(wrong)})
		}
	}
	return p
}

// recoverPanic answers with our fault when a handler panics. The response may have begun; then it stays as it is.
func (a *api) recoverPanic(w http.ResponseWriter, r *http.Request) {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler:
		panic(p)
	default:
		a.fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}
}

// classify tells what an error is to the caller, and logs it when it is our fault.
func (a *api) classify(r *http.Request, err error) (status int, e *cron.Error) {
	e, ok := errors.AsType[*cron.Error](err)
	if !ok {
		e = &cron.Error{Kind: cron.Internal}
	}
	if errors.Is(err, context.DeadlineExceeded) { // requests have no deadline of their own
		e = &cron.Error{Kind: cron.Unavailable, Problems: []cron.Problem{{Rule: cron.RuleSlow}}}
	}
	status = statusOf(e.Kind)
	if status == http.StatusInternalServerError && r.Context().Err() == nil {
		a.logger.ErrorContext(r.Context(), "a request failed",
			slog.String("method", r.Method), slog.String("pattern", r.Pattern), slog.Any("error", err))
	}
	return status, e
}

// fail writes err as a problem.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, e := a.classify(r, err)
	h := w.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusTooManyRequests:
		h.Set("Retry-After", strconv.FormatInt(retryAfter(e), 10))
	}
	if err := write(w, status, "application/problem+json", newProblem(languageOf(r), status, e)); err != nil {
		a.logger.ErrorContext(r.Context(), "a problem could not be written", slog.Any("error", err))
	}
}
