package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// replayable are the headers of an answer that are kept with it.
var replayable = []string{"Content-Type", "ETag", "Location", wire.HeaderIgnored}

// keptAnswer is the answer to a call that takes effect once. It is stored.
type keptAnswer struct {
	Status int               `json:"s"`
	Header map[string]string `json:"h"`
	Body   []byte            `json:"b"`
}

// effectKey finds, in the context of a request, the idempotentRequest that is to take effect once.
type effectKey struct{}

// idempotentRequest is a request that is to take effect once.
type idempotentRequest struct {
	actor cron.Actor
	use   service.UseCase
	call  cron.IdempotentCall
}

// idempotent lets a use case take effect once for each value of the header Idempotency-Key; a call without the header is as it
// was. limit is that of its body. A call that was performed before is answered without a look at its body. Otherwise the
// handler decodes and checks the request as ever, and what it hands to effect runs in one transaction with what notes the
// key and the answer.
func (a *api) idempotent(use service.UseCase, limit wire.BodyLimit, handle handler) handler {
	return func(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
		values, given := r.Header["Idempotency-Key"]
		if !given {
			return handle(w, r, actor)
		}
		if len(values) != 1 || !isIdempotencyKey(values[0]) {
			return wire.Invalid(cron.Problem{Rule: cron.RuleIdempotencyKey, Limit: cron.MaxIdempotencyKeyLength})
		}
		body, err := wire.ReadBody(w, r, limit)
		if err != nil {
			return err
		}
		call := cron.IdempotentCall{Key: values[0], Request: fingerprint(r, actor, body)}
		answer, found, err := a.service.Performed(r.Context(), actor, use, call)
		if err != nil {
			return err
		}
		if found {
			return replay(w, answer, true)
		}
		again := r.WithContext(context.WithValue(r.Context(), effectKey{}, idempotentRequest{actor, use, call}))
		again.Body = io.NopCloser(bytes.NewReader(body))
		return handle(w, again, actor)
	}
}

// effect performs what a handler has decoded and checked, and answers. act only writes, with the context that it is given,
// and may run more than once.
func (a *api) effect(w http.ResponseWriter, r *http.Request, act func(ctx context.Context, w http.ResponseWriter) error) error {
	once, given := r.Context().Value(effectKey{}).(idempotentRequest)
	if !given {
		return act(r.Context(), w)
	}
	perform := func(ctx context.Context) ([]byte, error) {
		return record(w.Header().Clone(), func(w http.ResponseWriter) error { return act(ctx, w) })
	}
	answer, replayed, err := a.service.Idempotent(r.Context(), once.actor, once.use, once.call, perform)
	if err != nil {
		return err
	}
	return replay(w, answer, replayed)
}

// isIdempotencyKey tells whether text can be the value of Idempotency-Key.
func isIdempotencyKey(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return text != "" && len(text) <= cron.MaxIdempotencyKeyLength
}

// fingerprint tells requests apart by all that the handler of a creating call looks at. The caller is a part of it: an
// answer may hold what other callers are not to see.
func fingerprint(r *http.Request, actor cron.Actor, body []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	caller := int64(0)
	if actor.Key != nil {
		caller = actor.Key.ID
	} else if actor.Person != nil {
		caller = -actor.Person.ID
	}
	_, _ = fmt.Fprintf(h, "%d %s %q %t ", caller, r.Pattern, r.URL.Path, wire.IsJSON(r)) // never fails
	_, _ = h.Write(body)
	h.Sum(sum[:0])
	return sum
}

// record returns what act answers, to a response that has some headers already.
func record(header http.Header, act func(w http.ResponseWriter) error) (answer []byte, err error) {
	w := recorder{header: header}
	if err := act(&w); err != nil {
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
