package message

import (
	"context"
	"log/slog"

	"punctual/internal/cron"
)

// DatabaseUnusable says at a start or of a command that the database cannot be used.
func (c *Catalogue) DatabaseUnusable(f cron.DatabaseFault) string {
	why, remedy := c.Database(f)
	return "The database cannot be used: " + why + ". " + remedy
}

// DatabaseUnwritable says at a start that the database takes no writes.
func (c *Catalogue) DatabaseUnwritable(f cron.DatabaseFault) string {
	why, remedy := c.Database(f)
	return "The database cannot be written: " + why + ". " + remedy
}

// LogDatabase logs that an operation on the database failed: why, and what to do about it, where the error tells.
func LogDatabase(logger *slog.Logger, text string, err error, more ...slog.Attr) {
	if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
		why, remedy := Default().Database(f)
		more = append(more, slog.String("why", why), slog.String("remedy", remedy))
	}
	more = append(more, slog.String("error", err.Error()))
	logger.LogAttrs(context.Background(), slog.LevelError, text, more...)
}
