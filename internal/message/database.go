package message

import (
	"context"
	"log/slog"

	"punctual/internal/cron"
)

// DatabaseUnusable says, at the start or in a command, that the database cannot be used.
func (c *Catalogue) DatabaseUnusable(f cron.DatabaseFault) string {
	why, remedy := c.Database(f)
	return "The database cannot be used: " + why + ". " + remedy
}

// DatabaseUnwritable says, at the start, that the database is not writable.
func (c *Catalogue) DatabaseUnwritable(f cron.DatabaseFault) string {
	why, remedy := c.Database(f)
	return "The database cannot be written: " + why + ". " + remedy
}

// LogDatabase logs that a database operation failed, with the cause and what to do, if they are known.
func LogDatabase(logger *slog.Logger, text string, err error, more ...slog.Attr) {
	if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
		why, remedy := Default().Database(f)
		more = append(more, slog.String("why", why), slog.String("remedy", remedy))
	}
	more = append(more, slog.String("error", err.Error()))
	logger.LogAttrs(context.Background(), slog.LevelError, text, more...)
}
