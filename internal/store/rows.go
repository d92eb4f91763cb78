package store

import (
	"context"
	"errors"
	"fmt"
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
