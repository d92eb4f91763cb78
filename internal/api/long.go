package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
)

// The sizes of a long answer. One that is shorter than leastPacked is not compressed, as that would hardly make it shorter.
const (
	answerPart  = 32 << 10
	leastPacked = 1 << 10
)

// longAnswer sends the answer to a successful call in parts, so that it takes the memory of two parts however long it is. One that
// fits into a part has a Content-Length. The caller appends to part and calls next after each item, and end at last.
type longAnswer struct {
	part []byte // what is not sent yet

	w      http.ResponseWriter
	packer *gzip.Writer // into packed; nil for a client that takes no gzip
	packed bytes.Buffer
	begun  bool
	pools  *answerPools
}

// answerPools keep what long answers are made with: a compressor has large tables.
type answerPools struct{ parts, packers sync.Pool }

func (a *api) newLongAnswer(w http.ResponseWriter, r *http.Request) *longAnswer {
	l := &longAnswer{w: w, pools: &a.answers}
	if part, ok := a.answers.parts.Get().(*[]byte); ok {
		l.part = *part
	} else {
		l.part = make([]byte, 0, answerPart+answerPart/4)
	}
	w.Header().Add("Vary", "Accept-Encoding")
	if takesGzip(r) {
		var ok bool
		if l.packer, ok = a.answers.packers.Get().(*gzip.Writer); !ok {
			l.packer, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // a level that there is
		}
		l.packer.Reset(&l.packed)
	}
	return l
}

// release gives back what the answer was made with.
func (l *longAnswer) release() {
	if cap(l.part) <= 4*answerPart { // a job may have a long title and a long URL
		part := l.part[:0]
		l.pools.parts.Put(&part)
	}
	if l.packer != nil {
		l.pools.packers.Put(l.packer)
	}
}

// next sends a part when there is one. It returns false when the client is gone.
func (l *longAnswer) next() bool {
	if len(l.part) < answerPart {
		return true
	}
	out := l.part
	if l.packer != nil {
		_, _ = l.packer.Write(l.part) // into memory
		if out = l.packed.Bytes(); len(out) < answerPart {
			l.part = l.part[:0]
			return true
		}
	}
	if !l.begun {
		l.begin()
	}
	_, err := l.w.Write(out)
	l.part = l.part[:0]
	l.packed.Reset()
	return err == nil
}

func (l *longAnswer) begin() {
	l.begun = true
	l.w.Header().Set("Content-Type", "application/json")
	if l.packer != nil {
		l.w.Header().Set("Content-Encoding", "gzip")
	}
	l.w.WriteHeader(http.StatusOK)
}

// end sends the rest.
func (l *longAnswer) end() {
	out := l.part
	switch {
	case l.packer == nil:
	case !l.begun && l.packed.Len() == 0 && len(l.part) < leastPacked:
		l.pools.packers.Put(l.packer)
		l.packer = nil
	default:
		_, _ = l.packer.Write(l.part)
		_ = l.packer.Close()
		out = l.packed.Bytes()
	}
	if !l.begun {
		l.w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		l.begin()
	}
	_, _ = l.w.Write(out) // whoever is gone does not need it
}

// takesGzip reports whether a client prefers gzip to what is not compressed (RFC 9110, section 12.5.3).
func takesGzip(r *http.Request) bool {
	packed, anything, asIs := -1.0, -1.0, 0.0
	for item := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, params, _ := strings.Cut(item, ";")
		quality := 1.0
		if name, value, given := strings.Cut(params, "="); given && strings.EqualFold(strings.TrimSpace(name), "q") {
			quality, _ = strconv.ParseFloat(strings.TrimSpace(value), 64) // what cannot be read is not wanted
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			packed = max(packed, quality)
		case "*":
			anything = quality
		case "identity":
			asIs = quality
		}
	}
	if packed < 0 {
		packed = anything
	}
	return packed > 0 && packed >= asIs
}

// An account has accountLists long lists in memory at once, on one node, until their clients have read them. Further calls wait
// for listWait.
const (
	accountLists = 4
	listWait     = 10 * time.Second
)

// listTurns shares them out. The zero value is ready for use.
type listTurns struct {
	mu sync.Mutex
	of map[int64]*accountTurns
}

type accountTurns struct {
	taken chan struct{}
	calls int // that have a turn, or wait for one
}

// enter waits for a turn, which ends with leave. The error is of kind TooMany when none comes.
func (t *listTurns) enter(ctx context.Context, account int64) (leave func(), err error) {
	t.mu.Lock()
	turns := t.of[account]
	if turns == nil {
		if t.of == nil {
			t.of = make(map[int64]*accountTurns)
		}
		turns = &accountTurns{taken: make(chan struct{}, accountLists)}
		t.of[account] = turns
	}
	turns.calls++
	t.mu.Unlock()
	gone := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if turns.calls--; turns.calls == 0 {
			delete(t.of, account)
		}
	}
	timer := time.NewTimer(listWait)
	defer timer.Stop()
	select {
	case turns.taken <- struct{}{}:
		return func() { <-turns.taken; gone() }, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second,
			Problems: []cron.Problem{{Rule: cron.RuleRequests, Limit: accountLists}}}
	}
	gone()
	return nil, err
}
