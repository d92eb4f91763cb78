package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// columns lists the columns of a table and the variable of each. One list drives INSERT, UPDATE and SELECT: names makes
// the column names of a statement, values the arguments to write, targets the variables to scan into.
type columns func(list *columnList)

// columnList collects columns.
type columnList struct {
	named  bool // collect names, not fields
	names  []string
	fields []any
}

func (l *columnList) add(name string, f field) {
	if l.named {
		l.names = append(l.names, name)
	}
	l.fields = append(l.fields, f)
}

// field is the variable of a column.
type field interface {
	sql.Scanner
	value() any // as it is written to the column
}

// names lists the columns of a table. Each is qualified by the name of the table unless that is empty.
func names(table string, lists ...columns) string {
	all := columnList{named: true}
	for _, list := range lists {
		list(&all)
	}
	if table == "" {
		return strings.Join(all.names, ", ")
	}
	return table + "." + strings.Join(all.names, ", "+table+".")
}

// columnsHint is the capacity of new lists, so that they seldom grow.
const columnsHint = 30

// targets are the variables to scan the columns into.
func targets(lists ...columns) []any {
	all := columnList{fields: make([]any, 0, columnsHint*len(lists))}
	for _, list := range lists {
		list(&all)
	}
	return all.fields
}

// scanners are targets for eachInto, followed by others.
func scanners(lists []columns, others ...sql.Scanner) []sql.Scanner {
	fields := targets(lists...)
	all := make([]sql.Scanner, 0, len(fields)+len(others))
	for _, f := range fields {
		all = append(all, f.(field))
	}
	return append(all, others...)
}

// values are the arguments first, followed by the values of the columns.
func values(first []any, lists ...columns) []any {
	all := append(make([]any, 0, len(first)+3*columnsHint), first...)
	for _, f := range targets(lists...) {
		all = append(all, f.(field).value())
	}
	return all
}

// count is the number of columns.
func (c columns) count() int { return len(targets(c)) }

// parameters lists count parameters that start at $first.
func parameters(first, count int) string {
	var b strings.Builder
	for i := range count {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}

// insertRow is the statement that adds a row of columns to a table and returns its id.
func insertRow(table string, list columns) string {
	return `INSERT INTO ` + table + ` (` + names("", list) + `) VALUES (` + parameters(1, list.count()) + `) RETURNING id`
}

// updateRow is the statement that writes columns of the row of a table whose id is $1.
func updateRow(table string, list columns) string {
	return `UPDATE ` + table + ` SET (` + names("", list) + `) = (` + parameters(2, list.count()) + `) WHERE id = $1`
}

// The kinds of fields. Without them database/sql would use reflection for each value, and text for named kinds, which
// takes most of the time of a long list. Fields that are read as integers are 0 where the column is NULL.
type (
	integerField[T ~int | ~int64 | ~uint64] struct{ to *T }
	flagField                               struct{ to *bool }
	textField                               struct{ to *string }
	realField                               struct{ to *float64 }
	instantField                            struct{ to *time.Time }
	bytesField                              struct{ to *[]byte }
	hashField                               struct{ to *[32]byte }
	optionalField                           struct{ field } // left as it is where the column is NULL
)

// durationField is a duration in whole units.
type durationField struct {
	to   *time.Duration
	unit time.Duration
}

// integer is a variable of any integer kind.
func integer[T ~int | ~int64 | ~uint64](to *T) field { return integerField[T]{to} }

func flag(to *bool) field { return flagField{to} }

func text(to *string) field { return textField{to} }

func moment(to *time.Time) field { return instantField{to} }

func inSeconds(to *time.Duration) field { return durationField{to, time.Second} }

func inMicroseconds(to *time.Duration) field { return durationField{to, time.Microsecond} }

func blob(to *[]byte) field { return bytesField{to} }

func hashed(to *[32]byte) field { return hashField{to} }

// optional are the variables of columns of a row that may be missing, as in an outer join.
func optional(lists ...columns) []any {
	all := targets(lists...)
	for i, f := range all {
		all[i] = optionalField{f.(field)}
	}
	return all
}

// readInteger converts what a driver returns for an integer column.
func readInteger(value any) (int64, error) {
	switch n := value.(type) {
	case int64:
		return n, nil
	case nil:
		return 0, nil
	default:
		return 0, fmt.Errorf("%T is not an integer", value)
	}
}

// Scan implements sql.Scanner.
func (f integerField[T]) Scan(value any) error {
	n, err := readInteger(value)
	*f.to = T(n)
	return err
}

func (f integerField[T]) value() any { return int64(*f.to) }

// Scan implements sql.Scanner.
func (f flagField) Scan(value any) error {
	switch b := value.(type) {
	case bool: // PostgreSQL
		*f.to = b
	case int64: // SQLite
		*f.to = b != 0
	default:
		return fmt.Errorf("%T is not a truth value", value)
	}
	return nil
}

func (f flagField) value() any { return *f.to }

// Scan implements sql.Scanner.
func (f textField) Scan(value any) error {
	switch s := value.(type) {
	case string:
		*f.to = s
	case []byte:
		*f.to = string(s)
	default:
		return fmt.Errorf("%T is not a text", value)
	}
	return nil
}

func (f textField) value() any { return *f.to }

// Scan implements sql.Scanner.
func (f realField) Scan(value any) error {
	n, ok := value.(float64)
	if !ok {
		return fmt.Errorf("%T is not a number", value)
	}
	*f.to = n
	return nil
}

func (f realField) value() any { return *f.to }

// Scan implements sql.Scanner.
func (f instantField) Scan(value any) error {
	n, err := readInteger(value)
	*f.to = instant(n)
	return err
}

func (f instantField) value() any { return millis(*f.to) }

// Scan implements sql.Scanner.
func (f durationField) Scan(value any) error {
	n, err := readInteger(value)
	*f.to = time.Duration(n) * f.unit
	return err
}

func (f durationField) value() any { return int64(*f.to / f.unit) }

// Scan implements sql.Scanner.
func (f bytesField) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok && value != nil {
		return fmt.Errorf("%T is not a list of bytes", value)
	}
	*f.to = slices.Clone(b) // the driver may use its own again
	return nil
}

func (f bytesField) value() any { return *f.to }

// Scan implements sql.Scanner.
func (f hashField) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok || len(b) != len(f.to) {
		return fmt.Errorf("%T of %d bytes is not a hash", value, len(b))
	}
	*f.to = [32]byte(b)
	return nil
}

func (f hashField) value() any { return f.to[:] }

// Scan implements sql.Scanner.
func (f optionalField) Scan(value any) error {
	if value == nil {
		return nil
	}
	return f.field.Scan(value)
}

// publicURLField is the URL of a job. Its column has the URL without user and password.
type publicURLField struct{ textField }

func (f publicURLField) value() any {
	url, _ := cron.WithoutUser(*f.to)
	return url
}

// criteriaField is the criteria of success. Its column has them as JSON.
type criteriaField struct{ to **cron.Success }

// Scan implements sql.Scanner.
func (f criteriaField) Scan(value any) error {
	var encoded string
	err := textField{&encoded}.Scan(value)
	if err == nil {
		*f.to, err = decodeSuccess(encoded)
	}
	return err
}

func (f criteriaField) value() any { return encodeSuccess(*f.to) }

// secretNamesField is the secrets that a request refers to. The column has their names, separated by commas. A job that is
// read gets them from its request.
type secretNamesField struct{ of *cron.Request }

// Scan implements sql.Scanner.
func (secretNamesField) Scan(any) error { return nil }

func (f secretNamesField) value() any { return strings.Join(f.of.SecretNames(), ",") }
