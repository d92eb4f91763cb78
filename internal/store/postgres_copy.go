package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// New rows of claims and results are sent by COPY, which writes a page of a table at once where an INSERT writes row after
// row, and has no arrays to take apart. COPY cannot pass over a row that is there already: see carefully.
//
//	BEGIN ─ LOCK execution, take IDs ─ COPY records ─ … ─ COMMIT
//	                                      │ a record is there already
//	                                      └─▶ ROLLBACK ─▶ the whole transaction again, with INSERT … ON CONFLICT DO NOTHING

// copyFrom is the number of rows from which on COPY costs less than an INSERT.
const copyFrom = 8

// postgresTx is a transaction that also understands COPY: a statement whose only argument is copyRows.
type postgresTx struct {
	*sql.Tx
	conn *sql.Conn
}

// begin begins a transaction of a class, with its settings where its connections cannot have them. leave returns its connection to the
// pool, after its end.
func (e *postgresEngine) begin(ctx context.Context, c class) (tx postgresTx, leave func(), err error) {
	db, local := e.pools[c], e.session.local(c)
	for range e.sizes[c] + 1 { // as many connections of the pool can have been lost
		conn, connErr := db.Conn(ctx)
		if connErr != nil {
			return tx, nil, connErr
		}
		begun, beginErr := beginOn(ctx, conn, local)
		if beginErr == nil {
			return postgresTx{begun, conn}, func() { _ = conn.Close() }, nil
		}
		_ = conn.Close()
		if err = beginErr; !errors.Is(err, driver.ErrBadConn) {
			break
		}
	}
	return tx, nil, err
}

func beginOn(ctx context.Context, conn *sql.Conn, local string) (*sql.Tx, error) {
	if local == "" {
		return conn.BeginTx(ctx, nil)
	}
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, local); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return tx, nil
}

// ExecContext runs a statement.
func (tx postgresTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if len(args) == 1 {
		if rows, ok := args[0].(copyRows); ok {
			return tx.copy(ctx, query, rows)
		}
	}
	return tx.Tx.ExecContext(ctx, query, args...)
}

func (tx postgresTx) copy(ctx context.Context, query string, rows copyRows) (result sql.Result, err error) {
	err = tx.conn.Raw(func(driverConn any) error {
		tag, err := driverConn.(*stdlib.Conn).Conn().PgConn().CopyFrom(ctx, bytes.NewReader(rows), query)
		result = driver.RowsAffected(tag.RowsAffected())
		return err
	})
	return result, err
}

// copyRows are rows in the binary format of COPY.
type copyRows []byte

// copyStatement is the statement that takes the rows that makeCopy makes.
func copyStatement[R any](into string, table []batchColumn[R]) string {
	return `COPY ` + into + ` (` + batchNames(table, "#") + `) FROM STDIN (FORMAT binary)`
}

// copySize is about the size of a row without its texts.
const copySize = 160

// makeCopy encodes rows. https://www.postgresql.org/docs/current/sql-copy.html describes the format.
func makeCopy[R any](table []batchColumn[R], rows []R) copyRows {
	b := make([]byte, 0, (len(rows)+1)*copySize)
	b = append(b, "PGCOPY\n\xff\r\n\x00"...)
	b = binary.BigEndian.AppendUint64(b, 0) // no flags, and no extension
	for _, row := range rows {
		b = binary.BigEndian.AppendUint16(b, uint16(len(table)))
		for _, c := range table {
			b = c.binary(b, row)
		}
	}
	return binary.BigEndian.AppendUint16(b, 0xffff)
}

// binaryOf makes the function that appends a value of a column in the binary format, after its length. fixed tells whether all
// values have the same length.
func binaryOf[R, V any](value func(R) V) (fixed bool, appendTo func(b []byte, row R) []byte) {
	switch value := any(value).(type) {
	case func(R) int64:
		return true, func(b []byte, row R) []byte {
			return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(value(row)))
		}
	case func(R) int32:
		return true, func(b []byte, row R) []byte {
			return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(value(row)))
		}
	case func(R) int16:
		return true, func(b []byte, row R) []byte {
			return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(value(row)))
		}
	case func(R) bool:
		return true, func(b []byte, row R) []byte {
			if value(row) {
				return append(b, 0, 0, 0, 1, 1)
			}
			return append(b, 0, 0, 0, 1, 0)
		}
	case func(R) string:
		return false, func(b []byte, row R) []byte {
			s := value(row)
			return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
		}
	case func(R) []byte:
		return false, func(b []byte, row R) []byte {
			s := value(row)
			if s == nil {
				return append(b, 0xff, 0xff, 0xff, 0xff) // NULL
			}
			return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
		}
	}
	return false, nil
}

// carefulKey is the context key of a transaction that is run again since a record was in the ledger already.
type carefulKey struct{}

// carefully returns ctx for the next try of a transaction that failed with err. A COPY of records fails when one of them is there
// already, which is rare: a claim locks the job that is due. The next try then passes over those records.
func carefully(ctx context.Context, err error) (next context.Context, again bool) {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != uniqueViolation || !strings.HasPrefix(e.TableName, "execution_") || isCareful(ctx) {
		return ctx, false
	}
	return context.WithValue(ctx, carefulKey{}, true), true
}

func isCareful(ctx context.Context) bool { return ctx.Value(carefulKey{}) != nil }
