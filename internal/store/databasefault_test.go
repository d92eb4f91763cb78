package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"punctual/internal/cron"
)

// TestDatabaseFaults reads what drivers say of a database.
func TestDatabaseFaults(t *testing.T) {
	state := func(code string) error { return &pgconn.PgError{Code: code} }
	for _, tt := range []struct {
		err  error
		want cron.DatabaseFault
	}{
		{state("53100"), cron.DatabaseFull}, {state("53200"), cron.DatabaseMemory}, {state("53300"), cron.DatabaseConnectionLimit},
		{state("25006"), cron.DatabaseReadOnly}, {state("57P01"), cron.DatabaseStopping}, {state("57P03"), cron.DatabaseStopping},
		{state("28P01"), cron.DatabaseLogin}, {state("08006"), cron.DatabaseUnreachable}, {state("23505"), cron.DatabaseOK},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, cron.DatabaseUnreachable}, {io.ErrUnexpectedEOF, cron.DatabaseUnreachable},
		{&tls.CertificateVerificationError{Err: io.EOF}, cron.DatabaseTLS}, {errors.New("tls error: server refused TLS connection"), cron.DatabaseTLS},
		{errors.Join(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, pgconn.ErrReadOnlyConnection), cron.DatabaseReadOnly},
		{&pgconn.PgError{Code: "08P01", Message: "no more connections allowed (max_client_conn)"}, cron.DatabaseConnectionLimit},
		{context.DeadlineExceeded, cron.DatabaseSlow}, {context.Canceled, cron.DatabaseOK},
		{&fs.PathError{Op: "open", Path: "ca.pem", Err: syscall.ENOENT}, cron.DatabaseOK},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, cron.DatabaseFull},
		{syscall.ENOSPC, cron.DatabaseFull}, {syscall.EROFS, cron.DatabaseReadOnly}, {errors.New("other"), cron.DatabaseOK},
	} {
		err := databaseError(fmt.Errorf("write: %w", tt.err))
		if got := cron.DatabaseFaultOf(err); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%v is fault %d, want %d", tt.err, got, tt.want)
		}
		if kind := cron.KindOf(err); (kind == cron.Unavailable) != (tt.want != cron.DatabaseOK) {
			t.Errorf("%v is of kind %v", tt.err, kind)
		}
	}
	// Result codes of SQLite, extended ones among them (sqlite.org/rescode.html).
	for code, want := range map[int]cron.DatabaseFault{
		13: cron.DatabaseFull, 8: cron.DatabaseReadOnly, 1032: cron.DatabaseReadOnly, 5: cron.DatabaseBusy, 517: cron.DatabaseBusy,
		10: cron.DatabaseIOError, 778: cron.DatabaseIOError, 3082: cron.DatabaseMemory, 14: cron.DatabaseNoFile, 11: cron.DatabaseDamaged,
		19: cron.DatabaseOK, 2067: cron.DatabaseOK,
	} {
		if got := sqliteFault(code); got != want {
			t.Errorf("SQLite's code %d is fault %d, want %d", code, got, want)
		}
	}
}
