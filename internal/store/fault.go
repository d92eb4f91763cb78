package store

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"punctual/internal/cron"
)

// databaseError turns err into a *cron.Error of kind Unavailable when it shows what is wrong with the database. Other
// errors are returned unchanged.
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

// refusesTLS is what pgconn says of a server without TLS.
const refusesTLS = "server refused TLS connection"

// databaseFault is the fault of the database that an error of a driver or of the operating system shows.
func databaseFault(err error) cron.DatabaseFault {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteFault(e.Code())
	}
	if errors.Is(err, errReadOnlyServer) || errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection) {
		return cron.DatabaseReadOnly // whatever is wrong with other servers
	}
	if noConnectionLeft(err) {
		return cron.DatabaseConnectionLimit
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
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	if _, alert := errors.AsType[tls.AlertError](err); untrusted || alert || strings.Contains(err.Error(), refusesTLS) {
		return cron.DatabaseTLS
	}
	_, file := errors.AsType[*fs.PathError](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return cron.DatabaseFull
	case errors.Is(err, syscall.EROFS):
		return cron.DatabaseReadOnly
	case file: // which the operating system's reason would make a failure of the network
	case connect, network, errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return cron.DatabaseUnreachable
	}
	return cron.DatabaseOK
}
