package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// replayable are the headers of an answer that are kept with it.
var replayable = []string{"Content-Type", "ETag", "Location", wire.HeaderIgnored}

// keptAnswer is the answer to a call that takes effect once. It is stored.
type keptAnswer struct {
	Status int               `json:"s"`
	Header map[string]string `json:"h"`
	Body   []byte            `json:"b"`
}

// once lets a call take effect once for each value of the header Idempotency-Key; a call without the header is as it was.
// limit is that of its body.
func (a *api) once(limit wire.BodyLimit, handle handler) handler {
	return func(w http.ResponseWriter, r *http.Request, account cron.Account) error {
		values, given := r.Header["Idempotency-Key"]
		if !given {
			return handle(w, r, account)
		}
		if len(values) != 1 || !isOnceKey(values[0]) {
			return wire.Invalid(cron.Problem{Rule: cron.RuleIdempotencyKey, Limit: cron.MaxOnceKey})
		}
		body, err := wire.ReadBody(w, r, limit)
		if err != nil {
			return err
		}
		call := cron.OnceCall{AccountID: account.ID, Key: values[0], Request: fingerprint(r, body)}
		answer, replayed, err := a.service.Once(r.Context(), call, func(ctx context.Context) ([]byte, error) {
			again := r.WithContext(ctx)
			again.Body = io.NopCloser(bytes.NewReader(body))
			return record(handle, again, account)
		})
		if err != nil {
			return err
		}
		return replay(w, answer, replayed)
	}
}

// isOnceKey tells whether text can be the value of Idempotency-Key.
func isOnceKey(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return text != "" && len(text) <= cron.MaxOnceKey
}

// fingerprint tells requests apart by all that the handler of a creating call looks at. The API key is a part of it: an
// answer may hold what other keys are not to see.
func fingerprint(r *http.Request, body []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %s %q %t ", keyOf(r).ID, r.Pattern, r.URL.Path, wire.IsJSON(r)) // never fails
	_, _ = h.Write(body)
	h.Sum(sum[:0])
	return sum
}

// record lets a handler answer, and returns what it has answered. It may run on a goroutine that nobody guards against
// panics.
func record(handle handler, r *http.Request, account cron.Account) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w := recorder{header: http.Header{}}
	if err := handle(&w, r, account); err != nil {
		return nil, err
	}
	kept := keptAnswer{Status: w.status, Header: map[string]string{}, Body: w.body.Bytes()}
	for _, name := range replayable {
		if value := w.header.Get(name); value != "" {
			kept.Header[name] = value
		}
	}
	return json.Marshal(kept)
}

// recorder keeps a response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

var _ http.ResponseWriter = (*recorder)(nil)

// Header is the header of the response.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write keeps a part of the body.
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// replay gives an answer that was kept.
func replay(w http.ResponseWriter, answer []byte, replayed bool) error {
	var kept keptAnswer
	if err := json.Unmarshal(answer, &kept); err != nil {
		return fmt.Errorf("read the answer that was kept: %w", err)
	}
	h := w.Header()
	for name, value := range kept.Header {
		h.Set(name, value)
	}
	if replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	w.WriteHeader(kept.Status)
	_, _ = w.Write(kept.Body) // whoever is gone does not need it
	return nil
}
