package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"punctual/internal/cron"
)

// databaseError makes err a *cron.Error of kind Unavailable when it tells what is wrong with the database, and returns
// all others as they are.
func databaseError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*cron.Error](err); ok {
		return err
	}
	fault := databaseFault(err)
	if fault == cron.DatabaseOK {
		return err
	}
	return &cron.Error{Kind: cron.Unavailable, Subject: cron.SubjectDatabase, Database: fault, Err: err}
}

// databaseFault is what an error of a driver or of the operating system says of the database.
func databaseFault(err error) cron.DatabaseFault {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteFault(e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresFault(e.Code)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return cron.DatabaseSlow
	}
	if errors.Is(err, context.Canceled) {
		return cron.DatabaseOK
	}
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return cron.DatabaseFull
	case errors.Is(err, syscall.EROFS):
		return cron.DatabaseReadOnly
	case connect, network, errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return cron.DatabaseUnreachable
	}
	return cron.DatabaseOK
}

// sqliteFault reads SQLite's result codes (sqlite.org/rescode.html).
func sqliteFault(code int) cron.DatabaseFault {
	if code == sqlite3.SQLITE_IOERR_NOMEM {
		return cron.DatabaseMemory
	}
	switch code & 0xff { // the rest is detail
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

// postgresFault reads PostgreSQL's SQLSTATE codes (its documentation, appendix A).
func postgresFault(code string) cron.DatabaseFault {
	switch code {
	case "53100": // disk_full
		return cron.DatabaseFull
	case "53200": // out_of_memory
		return cron.DatabaseMemory
	case "53300": // too_many_connections
		return cron.DatabaseConnectionLimit
	case "25006": // read_only_sql_transaction
		return cron.DatabaseReadOnly
	case "55P03": // lock_not_available
		return cron.DatabaseBusy
	case "57014": // query_canceled, by a statement_timeout
		return cron.DatabaseSlow
	case "57P01", "57P02", "57P03": // admin_shutdown, crash_shutdown, cannot_connect_now
		return cron.DatabaseStopping
	case "58030": // io_error
		return cron.DatabaseIOError
	case "3D000", "28000", "28P01", "42501": // invalid_catalog_name, invalid authorization, invalid_password, insufficient_privilege
		return cron.DatabaseLogin
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return cron.DatabaseDamaged
	}
	if strings.HasPrefix(code, "08") { // connection exceptions
		return cron.DatabaseUnreachable
	}
	return cron.DatabaseOK
}
