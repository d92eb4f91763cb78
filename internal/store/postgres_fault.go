package store

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"punctual/internal/cron"
)

// sqlState is the code of an error of PostgreSQL; empty for others.
func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// postgresFault reads PostgreSQL's SQLSTATE codes (its documentation, appendix A).
func postgresFault(code string) cron.DatabaseFault {
	switch code {
	case "53100": // disk_full
		return cron.DatabaseFull
	case "53200": // out_of_memory
		return cron.DatabaseMemory
	case tooManyConnections:
		return cron.DatabaseConnectionLimit
	case readOnlyTransaction:
		return cron.DatabaseReadOnly
	case lockNotAvailable:
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
