package app

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"punctual/internal/config"
)

const (
	repeatEvery = 10 * time.Second // the interval between equal warnings or errors
	maxRepeats  = 256              // kinds of records that are remembered
)

// logHandler writes records to w in the configured format, from the configured level on.
func logHandler(c config.ServeConfig, w io.Writer) slog.Handler {
	var o slog.HandlerOptions
	switch c.LogLevel {
	case "debug":
		o.Level = slog.LevelDebug
	case "warn":
		o.Level = slog.LevelWarn
	case "error":
		o.Level = slog.LevelError
	}
	if c.LogFormat == "json" {
		return slog.NewJSONHandler(w, &o)
	}
	return slog.NewTextHandler(w, &o)
}

// newLogger returns a logger that writes equal warnings and errors at most once in repeatEvery. Records are equal if
// they have the same message and the same value of "why" or, without that, of "error". The next one says how many were
// left out.
func newLogger(h slog.Handler) *slog.Logger {
	return slog.New(repeatHandler{h, &repeats{kinds: make(map[repeatKey]*repeat)}})
}

type repeatHandler struct {
	slog.Handler
	repeats *repeats
}

var _ slog.Handler = repeatHandler{}

// repeats remembers recent records.
type repeats struct {
	mu    sync.Mutex
	kinds map[repeatKey]*repeat
}

type repeatKey struct {
	level       slog.Level
	text, cause string
}

type repeat struct {
	logged  time.Time
	leftOut int
}

// Handle writes a record, or counts it as left out.
func (h repeatHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return h.Handler.Handle(ctx, r)
	}
	key := repeatKey{level: r.Level, text: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "why" || a.Key == "error" && key.cause == "" {
			key.cause = a.Value.String()
		}
		return a.Key != "why"
	})
	leftOut, ok := h.repeats.take(key, time.Now())
	if !ok {
		return nil
	}
	if leftOut > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", leftOut))
	}
	return h.Handler.Handle(ctx, r)
}

// take tells whether a record is to be written now, and how many equal ones were left out before it.
func (s *repeats) take(key repeatKey, now time.Time) (leftOut int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.kinds[key]
	switch {
	case known == nil:
		if len(s.kinds) >= maxRepeats {
			clear(s.kinds)
		}
		s.kinds[key] = &repeat{logged: now}
		return 0, true
	case now.Sub(known.logged) < repeatEvery:
		known.leftOut++
		return 0, false
	}
	leftOut = known.leftOut
	*known = repeat{logged: now}
	return leftOut, true
}

// WithAttrs returns a handler whose records have more attributes.
func (h repeatHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return repeatHandler{h.Handler.WithAttrs(attrs), h.repeats}
}

// WithGroup returns a handler that puts what is added later into a group.
func (h repeatHandler) WithGroup(name string) slog.Handler {
	return repeatHandler{h.Handler.WithGroup(name), h.repeats}
}
