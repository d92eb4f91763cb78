package message

import (
	"context"
	"log/slog"

	"punctual/internal/cron"
)

// Database says why the database cannot be used or written, as the end of a sentence, and in another sentence what to
// do about it.
func (English) Database(f cron.DatabaseFault) (why, remedy string) {
	switch f {
	case cron.DatabaseFull:
		return "its disk is full", "Free space on the disk that holds the database, or enlarge it."
	case cron.DatabaseReadOnly:
		return "it is read-only", "Make the data directory and its files writable for the user that runs the service; " +
			"on PostgreSQL connect to the primary, with a role that may write."
	case cron.DatabaseBusy:
		return "another process holds a lock on it", "End the process that keeps it locked, such as a shell or a backup of " +
			"the database with an open transaction."
	case cron.DatabaseIOError:
		return "its disk fails to read or write", "Check the disk and the log of the operating system."
	case cron.DatabaseNoFile:
		return "its file cannot be opened", "Check that the data directory is there, that the user that runs the service " +
			"may write to it, and that enough files may be open (ulimit -n)."
	case cron.DatabaseDamaged:
		return "it is damaged", "Stop the service and restore the database from a backup."
	case cron.DatabaseMemory:
		return "there is too little memory", "Give the database or the machine more memory, or stop other programs."
	case cron.DatabaseConnectionLimit:
		return "it has no connection left", "Raise max_connections of the database, or close connections of other programs."
	case cron.DatabaseStopping:
		return "it is shutting down or starting", "Wait until it has started; if it stays down, start it."
	case cron.DatabaseUnreachable:
		return "the connection was refused or broke off", "Check that the database runs, and the host and port of its URL."
	case cron.DatabaseLogin:
		return "the login or a permission was refused", "Check the user, the password and the name of the database in its " +
			"URL, and what the user may do."
	case cron.DatabaseSlow:
		return "it does not answer in time", "Check the load of the database, its locks, and the network to it."
	}
	return "of an unknown error", "The log has it."
}

// DatabaseUnusable says at a start or of a command that the database cannot be used.
func (e English) DatabaseUnusable(f cron.DatabaseFault) string {
	why, remedy := e.Database(f)
	return "The database cannot be used: " + why + ". " + remedy
}

// DatabaseUnwritable says at a start that the database takes no writes.
func (e English) DatabaseUnwritable(f cron.DatabaseFault) string {
	why, remedy := e.Database(f)
	return "The database cannot be written: " + why + ". " + remedy
}

// LogDatabase logs that an operation on the database failed: why, and what to do about it, where the error tells.
func LogDatabase(logger *slog.Logger, text string, err error, more ...slog.Attr) {
	if f := cron.DatabaseFaultOf(err); f != cron.DatabaseOK {
		why, remedy := English{}.Database(f)
		more = append(more, slog.String("why", why), slog.String("remedy", remedy))
	}
	more = append(more, slog.String("error", err.Error()))
	logger.LogAttrs(context.Background(), slog.LevelError, text, more...)
}
