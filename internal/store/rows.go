package store

import (
	"context"
	"errors"
	"fmt"
)

// errEnough, of the function that reads rows, ends that without an error.
var errEnough = errors.New("no further rows are wanted")

// scanner reads the columns of a row.
type scanner = func(to ...any) error

// each runs a query and has read look at each row of its answer; an error of read ends that. Errors say what was being
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

// collect is each for a list of what the rows are read into.
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
