package store

import (
	sqlite3 "modernc.org/sqlite/lib"

	"punctual/internal/cron"
)

// sqliteFault reads SQLite's result codes (sqlite.org/rescode.html).
func sqliteFault(code int) cron.DatabaseFault {
	if code == sqlite3.SQLITE_IOERR_NOMEM {
		return cron.DatabaseMemory
	}
	switch code & 0xff { // the higher bits are details
	case sqlite3.SQLITE_FULL:
		return cron.DatabaseFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return cron.DatabaseReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return cron.DatabaseBusy
	case sqlite3.SQLITE_IOERR:
		return cron.DatabaseIOError
	case sqlite3.SQLITE_CANTOPEN:
		return cron.DatabaseNoFile
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return cron.DatabaseDamaged
	case sqlite3.SQLITE_NOMEM:
		return cron.DatabaseMemory
	}
	return cron.DatabaseOK
}
