package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// movedTables are all tables, each after those that it refers to. A test compares them with the schema. What is derived from them
// (the full-text index job_gram of SQLite, and job_text.grams of PostgreSQL) is made anew.
var movedTables = []string{
	"setting", "zone_data", "account", "account_tls", "api_key", "folder",
	"person", "membership", "session", "link", "passkey", "recovery_code", "identity", "audit", "used_challenge",
	"idempotency_key", "usage", "acme_file", "acme_lock", "mail", "node", "duty",
	"job", "job_secret", "job_state", "job_about", "job_search", "job_text", "job_certificate", "job_badge", "job_view", "job_version",
	"job_change", "deleted_job", "bin_job", "bin_folder", "pending", "rerun", "secret", "test_run", "problem", "action", "action_job",
	"status_page", "status_logo", "status_component", "status_component_job", "status_transition", "status_day", "maintenance",
	"incident", "incident_update", "status_subscriber", "status_notice", "status_delivery", "status_domain", "status_domain_set",
	"monitor", "monitor_result", "channel", "outbox", "message", "message_notice",
	"rollup_state", "rollup_account", "rollup_job", "rollup_minute", "rollup_open", "execution", "response",
}

// seededTables are those that a database has rows of before it is used.
var seededTables = []string{"setting", "status_domain_set"}

// derivedColumns are columns that only one of the databases has.
var derivedColumns = []string{"job_text.grams"}

// moveRows and moveBytes bound a chunk, which is held in memory.
const (
	moveRows  = 2000
	moveBytes = 4 << 20
)

// moveChunk is rows of a table. Values are int64, float64, string, []byte or nil; what is true or false is 1 or 0.
type moveChunk struct {
	columns []string
	rows    [][]any
	grams   [][]int32 // of job_text
	bytes   int
}

// Checksum is a checksum of the rows of a table in any order. It says nothing of the rows to somebody who does not have the key, since
// it is printed, and some tables have few rows with secrets.
type Checksum [2]uint64

// String is the checksum in hexadecimal digits.
func (c Checksum) String() string {
	return hex.EncodeToString(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, c[0]), c[1]))
}

// add adds a row: the sum of all does not depend on their order.
func (c *Checksum) add(row []byte) {
	var carry uint64
	c[1], carry = bits.Add64(c[1], binary.BigEndian.Uint64(row[8:]), 0)
	c[0], _ = bits.Add64(c[0], binary.BigEndian.Uint64(row), carry)
}

// newChecksum is the function that rows are hashed by. Its key is the same for both databases.
func (m *mover) newChecksum() hash.Hash { return hmac.New(sha256.New, m.hashing[:]) }

// sealedAt is a sealed column, by the positions of its value and of its key.
type sealedAt struct {
	*sealedColumn
	value int
	key   []int
}

// sealed tells whether the value of a row is sealed.
func (c *sealedAt) sealed(key []any) bool {
	return c.table != "setting" || key[0] == serviceSecret || key[0] == keyCheck
}

// read reads a table of one of the databases in chunks, and returns the number of its rows and their checksum. Unless it only checks, it seals
// with the key of the target what another key seals.
func (m *mover) read(ctx context.Context, side moveSide, table string, checking bool, use func(c *moveChunk) error) (t MovedTable, err error) {
	t.Name = table
	columns, err := columnsOf(ctx, side, table)
	if err != nil {
		return t, err
	}
	sealed, err := sealedAmong(table, columns)
	if err != nil {
		return t, err
	}
	query := `SELECT "` + strings.Join(columns, `", "`) + `"`
	if table == "job_text" {
		query += `, (SELECT account_id FROM job WHERE job.id = job_text.job_id)`
	}
	query += ` FROM "` + table + `"`
	if table == "setting" {
		query += ` WHERE name <> '` + movingMark + `'`
	}
	rows, err := side.QueryContext(ctx, query)
	if err != nil {
		return t, err
	}
	defer func() { _ = rows.Close() }()
	h, chunk, encoded := m.newChecksum(), &moveChunk{columns: columns}, []byte(nil)
	flush := func() error {
		t.Rows += int64(len(chunk.rows))
		err := use(chunk)
		chunk = &moveChunk{columns: columns}
		m.progress(MoveProgress{Checking: checking, Table: table, Rows: t.Rows})
		return err
	}
	for rows.Next() {
		row, account, err := scanMoved(rows, table, len(columns))
		if err != nil {
			return t, err
		}
		plain, err := m.reseal(sealed, row, checking)
		if err != nil {
			return t, err
		}
		encoded = encodeRow(encoded[:0], row, plain)
		h.Reset()
		_, _ = h.Write(encoded) // never fails
		t.Sum.add(h.Sum(nil))
		chunk.rows = append(chunk.rows, row)
		chunk.bytes += len(encoded)
		if table == "job_text" && !checking {
			chunk.grams = append(chunk.grams, gramsOf(account, row[slices.Index(columns, "body")].(string)))
		}
		if len(chunk.rows) >= moveRows || chunk.bytes >= moveBytes {
			if err := flush(); err != nil {
				return t, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return t, err
	}
	err = flush()
	return t, err
}

// columnsOf are the names of the columns of a table that both databases have, in the order of the alphabet.
func columnsOf(ctx context.Context, q queryer, table string) (names []string, err error) {
	rows, err := q.QueryContext(ctx, `SELECT * FROM "`+table+`" LIMIT 0`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if !slices.Contains(derivedColumns, table+"."+name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, rows.Err()
}

// sealedAmong finds the sealed columns of a table.
func sealedAmong(table string, columns []string) (list []sealedAt, err error) {
	for i := range sealedColumns {
		c := &sealedColumns[i]
		if c.table != table {
			continue
		}
		at := sealedAt{sealedColumn: c, value: slices.Index(columns, c.column)}
		for _, name := range c.key {
			at.key = append(at.key, slices.Index(columns, name))
		}
		if at.value < 0 || slices.Contains(at.key, -1) {
			return nil, fmt.Errorf("the table lacks a column of %s and its key", c.column)
		}
		list = append(list, at)
	}
	return list, nil
}

// scanMoved reads a row, and after it the account of a row of job_text.
func scanMoved(rows *sql.Rows, table string, columns int) (row []any, account int64, err error) {
	row = make([]any, columns)
	to := make([]any, columns, columns+1)
	for i := range row {
		to[i] = &row[i]
	}
	var owner sql.NullInt64
	if table == "job_text" {
		to = append(to, &owner)
	}
	if err := rows.Scan(to...); err != nil {
		return nil, 0, err
	}
	for i, value := range row {
		if row[i], err = canonical(value); err != nil {
			return nil, 0, err
		}
	}
	return row, owner.Int64, nil
}

// canonical is a value as both databases can store it.
func canonical(value any) (any, error) {
	switch v := value.(type) {
	case nil, int64, float64:
		return v, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case string:
		return storable(v), nil
	case []byte:
		if v == nil {
			return []byte{}, nil // a driver's form of no bytes, which is not NULL
		}
		return v, nil
	}
	return nil, fmt.Errorf("a column has a value of the type %T", value)
}

// reseal opens the sealed values of a row, and seals them with the key of the target unless it only checks. plain has what they say, by the positions
// of their columns.
func (m *mover) reseal(sealed []sealedAt, row []any, checking bool) (plain map[int][]byte, err error) {
	for i := range sealed {
		c := &sealed[i]
		value, _ := row[c.value].([]byte)
		key := make([]any, len(c.key))
		for k, at := range c.key {
			key[k] = row[at]
		}
		if value == nil || !c.sealed(key) {
			continue
		}
		name := c.row(key)
		text, err := m.sealer.open(value, name)
		if errors.Is(err, errSealed) {
			if !checking {
				m.done.Unopened++
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if plain == nil {
			plain = make(map[int][]byte, len(sealed))
		}
		plain[c.value] = text
		if id, _ := keyOf(value); id == m.key.id {
			continue
		}
		if checking {
			return nil, fmt.Errorf("%w: a value of %s is not sealed with the key of the target", ErrMoveWrong, c.column)
		}
		row[c.value] = m.key.seal(text, name)
		m.done.Resealed++
	}
	return plain, nil
}

// encodeRow appends a row to to in a form in which different rows differ. Sealed values are what they say.
func encodeRow(to []byte, row []any, plain map[int][]byte) []byte {
	for i, value := range row {
		if text, ok := plain[i]; ok {
			to = append(binary.AppendUvarint(append(to, 's'), uint64(len(text))), text...)
			continue
		}
		switch v := value.(type) {
		case nil:
			to = append(to, 'n')
		case int64:
			to = binary.BigEndian.AppendUint64(append(to, 'i'), uint64(v))
		case float64:
			to = binary.BigEndian.AppendUint64(append(to, 'f'), math.Float64bits(v))
		case string:
			to = append(binary.AppendUvarint(append(to, 't'), uint64(len(v))), v...)
		case []byte:
			to = append(binary.AppendUvarint(append(to, 'b'), uint64(len(v))), v...)
		}
	}
	return to
}
