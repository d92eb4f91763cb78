package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// errEnough is returned by a function that reads rows when it needs no more of them.
var errEnough = errors.New("no further rows are wanted")

// scanner reads the columns of a row.
type scanner = func(to ...any) error

// each runs a query and calls read for each row. An error of read ends the query. doing says in errors what was being
// done.
func each(ctx context.Context, q queryer, doing string, read func(scan scanner) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := read(rows.Scan); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// eachInto is each for the queries of claims and results. It scans all rows into the same variables, and calls read after each. On
// SQLite's writer it calls the driver directly, as execEach does.
func eachInto(ctx context.Context, q queryer, doing string, into []sql.Scanner, read func() error, query string, args ...any) error {
	if w, ok := q.(*writer); ok {
		if err := w.eachInto(ctx, into, read, query, args); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return nil
	}
	to := make([]any, len(into))
	for i, field := range into {
		to[i] = field
	}
	return each(ctx, q, doing, func(scan scanner) error {
		if err := scan(to...); err != nil {
			return err
		}
		return read()
	}, query, args...)
}

// collect runs a query and returns a list, with one element for each row.
func collect[T any](ctx context.Context, q queryer, doing string, read func(scan scanner, to *T) error, query string,
	args ...any) (list []T, err error) {
	err = each(ctx, q, doing, func(scan scanner) error {
		var row T
		if err := read(scan, &row); err != nil {
			return err
		}
		list = append(list, row)
		return nil
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// single reads a row of one column.
func single[T any](scan scanner, to *T) error { return scan(to) }

// eachRow is each for long lists. scan reads the columns of a row from the driver itself: what package database/sql does for each of
// them takes as long as reading it.
func (s *Store) eachRow(ctx context.Context, doing string, read func(scan func(to []field) error) error, query string, args ...any) error {
	p, ok := s.read.(pools)
	if _, inTransaction := joined(ctx); inTransaction || !ok {
		return each(ctx, s.read, doing, func(scan scanner) error {
			return read(func(to []field) error {
				targets := make([]any, len(to))
				for i, f := range to {
					targets[i] = f
				}
				return scan(targets...)
			})
		}, query, args...)
	}
	t, _ := turnOf(ctx)
	begun := false
	for try := 0; ; try++ {
		err := onDriver(ctx, p[t.class], func(c driver.QueryerContext) error {
			return eachOfDriver(ctx, c, &begun, read, query, args)
		})
		if errors.Is(err, driver.ErrBadConn) && !begun && try < 2 {
			continue // as package database/sql does: the server has closed an idle connection
		}
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return nil
	}
}

// onDriver calls do with the driver's connection of one of a pool.
func onDriver(ctx context.Context, pool *sql.DB, do func(c driver.QueryerContext) error) (err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closed := conn.Close(); err == nil && !errors.Is(closed, sql.ErrConnDone) {
			err = closed
		}
	}()
	return conn.Raw(func(c any) error { return do(c.(driver.QueryerContext)) })
}

// cancelRows is after how many rows eachOfDriver looks whether its context has ended.
const cancelRows = 256

func eachOfDriver(ctx context.Context, c driver.QueryerContext, begun *bool, read func(scan func(to []field) error) error, query string,
	args []any) (err error) {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	rows, err := c.QueryContext(ctx, query, named)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	scan := func(to []field) error {
		for i, f := range to {
			if err := f.Scan(row[i]); err != nil {
				return fmt.Errorf("column %s: %w", rows.Columns()[i], err)
			}
		}
		return nil
	}
	for n := 1; ; n++ {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		*begun = true
		if err := read(scan); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
		if n%cancelRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
