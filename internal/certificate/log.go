package certificate

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/zap/zapcore"
)

// logCore writes the log of the library to the log of the service. ACME itself logs what an operator needs to know, such
// as that a certificate was obtained, so informational records of the library are for debugging.
type logCore struct {
	logger *slog.Logger
	fields []zapcore.Field
}

var _ zapcore.Core = logCore{}

// Enabled implements zapcore.LevelEnabler.
func (c logCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.InfoLevel && c.logger.Enabled(context.Background(), levelOf(level))
}

func levelOf(level zapcore.Level) slog.Level {
	if level >= zapcore.WarnLevel {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// With implements zapcore.Core.
func (c logCore) With(fields []zapcore.Field) zapcore.Core {
	c.fields = append(c.fields[:len(c.fields):len(c.fields)], fields...)
	return c
}

// Check implements zapcore.Core.
func (c logCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	attrs := []slog.Attr{slog.String("why", e.Message)}
	for _, f := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		values := zapcore.NewMapObjectEncoder()
		f.AddTo(values)
		if v, ok := values.Fields[f.Key]; ok && isPlain(v) {
			attrs = append(attrs, slog.Any(f.Key, v))
		}
	}
	c.logger.LogAttrs(context.Background(), levelOf(e.Level), "message of the ACME client", attrs...)
	return nil
}

// isPlain tells whether a value is a text, a number or a time. Other values may hold secrets.
func isPlain(v any) bool {
	switch v.(type) {
	case string, bool, int, int64, int32, uint, uint64, uint32, float64, time.Time, time.Duration:
		return true
	}
	return false
}

// Sync implements zapcore.Core.
func (logCore) Sync() error { return nil }
