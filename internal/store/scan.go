package store

import (
	"database/sql"
	"fmt"
)

// into reads a column of integers into a variable of any integer kind; NULL is 0. Left to itself, database/sql goes
// through reflection for each value, and through text for named kinds, which takes most of the time of a long list.
func into[T ~int | ~int64 | ~uint64](to *T) sql.Scanner { return integerColumn[T]{to} }

type integerColumn[T ~int | ~int64 | ~uint64] struct{ to *T }

// Scan implements sql.Scanner.
func (c integerColumn[T]) Scan(value any) error {
	switch n := value.(type) {
	case int64:
		*c.to = T(n)
	case nil:
		*c.to = 0
	default:
		return fmt.Errorf("%T is no integer", value)
	}
	return nil
}

// intoFlag reads a column of truth values.
func intoFlag(to *bool) sql.Scanner { return flagColumn{to} }

type flagColumn struct{ to *bool }

// Scan implements sql.Scanner.
func (c flagColumn) Scan(value any) error {
	switch b := value.(type) {
	case bool: // PostgreSQL
		*c.to = b
	case int64: // SQLite
		*c.to = b != 0
	default:
		return fmt.Errorf("%T is no truth value", value)
	}
	return nil
}
