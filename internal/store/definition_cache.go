package store

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"time"
)

// Most definitions are the same from claim to claim, and reading one takes PostgreSQL and this process longer than finding out that it has
// not changed. So a node keeps the rows that its claims have read, as they stand in the database, with their secrets sealed:
//
//	claim ─▶ job_state is locked ─▶ stamps of the jobs ─┬─ the stamp of the row that is kept ─▶ that row
//	                                                    └─ another one, or no row ─▶ SELECT the row, keep it
//
// Whatever changes a definition, its secrets included, writes its row of job in the same transaction, so the row has another stamp from the
// commit on. Only Reseal changes secrets alone, and does not change what they say. SQLite reads rows without a server, and keeps none.

// definitionStamp tells versions of a row of job apart.
type definitionStamp struct {
	transaction int64 // that wrote it. A standby that lacks the latest ones when it is promoted gives their numbers again,
	version     int64 // and versions, too,
	updated     int64 // but an edit has its time.
}

const (
	keptBytes     = 24 << 20 // of all rows that a node keeps
	keptShare     = 8        // the part of them that one account may take, once half are taken, is one of so many
	keptRowBytes  = 1 << 10  // of one row; larger ones are read each time
	keptRowCost   = 160      // how many bytes a row takes besides
	keptUnused    = 10 * time.Minute
	keptSweepRest = time.Minute
)

// definitionCache keeps rows of definitions. When it is full it takes no more: which jobs are due recurs, so to make room for a row by one
// that is due as often would help nobody. What has not been due for keptUnused makes room.
type definitionCache struct {
	mu       sync.Mutex
	rows     map[int64]*keptDefinition // by job
	accounts map[int64]int64           // the bytes of each
	bytes    int64
	swept    time.Time
}

// keptDefinition is a row.
type keptDefinition struct {
	account int64
	stamp   definitionStamp
	row     packedRow
	used    time.Time
}

func (k *keptDefinition) size() int64 { return int64(len(k.row)) + keptRowCost }

// get returns the row of a job, if the one that is kept has the stamp.
func (c *definitionCache) get(job int64, stamp definitionStamp, now time.Time) (row packedRow, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.rows[job]
	if k == nil || k.stamp != stamp {
		return "", false
	}
	k.used = now
	return k.row, true
}

// put keeps a row, if there is room for it.
func (c *definitionCache) put(job, account int64, stamp definitionStamp, row packedRow, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(job)
	if len(row) > keptRowBytes {
		return
	}
	k := &keptDefinition{account, stamp, row, now}
	if !c.fits(k) && now.Sub(c.swept) >= keptSweepRest {
		c.swept = now
		for job, k := range c.rows {
			if now.Sub(k.used) >= keptUnused {
				c.remove(job)
			}
		}
	}
	if !c.fits(k) {
		return
	}
	if c.rows == nil {
		c.rows, c.accounts = make(map[int64]*keptDefinition), make(map[int64]int64)
	}
	c.rows[job] = k
	c.bytes += k.size()
	c.accounts[account] += k.size()
}

func (c *definitionCache) fits(k *keptDefinition) bool {
	bytes := c.bytes + k.size()
	return bytes <= keptBytes/2 || bytes <= keptBytes && c.accounts[k.account]+k.size() <= keptBytes/keptShare
}

func (c *definitionCache) remove(job int64) {
	k := c.rows[job]
	if k == nil {
		return
	}
	delete(c.rows, job)
	c.bytes -= k.size()
	if c.accounts[k.account] -= k.size(); c.accounts[k.account] == 0 {
		delete(c.accounts, k.account)
	}
}

// forget removes all rows.
func (c *definitionCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows, c.accounts, c.bytes = nil, nil, 0
}

// keptDefinitions reads what is kept of jobs into fields, calls read after each, and returns the jobs whose definitions are to be read.
func (s *Store) keptDefinitions(ctx context.Context, q queryer, ids []int64, fields []field, read func() error) (rest []int64, err error) {
	var (
		id    int64
		stamp definitionStamp
		now   = time.Now()
		kept  = make(map[int64]bool, len(ids))
		rows  = make([]packedRow, 0, len(ids))
	)
	err = each(ctx, q, "compare the definitions", func(scan scanner) error {
		if err := scan(integer(&id), integer(&stamp.transaction), integer(&stamp.version), integer(&stamp.updated)); err != nil {
			return err
		}
		if row, ok := s.kept.get(id, stamp, now); ok {
			rows = append(rows, row)
			kept[id] = true
		}
		return nil
	}, `SELECT id, xmin, version, updated_at FROM job WHERE `+s.engine.in("id", 1), s.engine.list(ids))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := row.scan(fields); err != nil {
			return nil, err
		}
		if err := read(); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		if !kept[id] {
			rest = append(rest, id)
		}
	}
	return rest, nil
}

// packedRow is the values of a row, each after a byte that tells its kind. Numbers, of which most are small, take as many bytes as they need.
type packedRow string

// The kinds of values.
const (
	packedNull = iota
	packedFalse
	packedTrue
	packedNumber
	packedReal
	packedText
	packedBytes
)

var errPacked = errors.New("a definition that was kept cannot be read")

// pack packs the values of fields.
func pack(fields []field) packedRow {
	b := make([]byte, 0, keptRowBytes/4)
	for _, f := range fields {
		switch v := f.value().(type) {
		case bool:
			if v {
				b = append(b, packedTrue)
			} else {
				b = append(b, packedFalse)
			}
		case int64:
			b = binary.AppendVarint(append(b, packedNumber), v)
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, packedReal), math.Float64bits(v))
		case string:
			b = append(binary.AppendUvarint(append(b, packedText), uint64(len(v))), v...)
		case []byte:
			if v == nil {
				b = append(b, packedNull)
				continue
			}
			b = append(binary.AppendUvarint(append(b, packedBytes), uint64(len(v))), v...)
		}
	}
	return packedRow(b)
}

// scan reads a row into the fields that it was packed from, or into others like them.
func (p packedRow) scan(fields []field) error {
	for _, f := range fields {
		value, rest, ok := p.next()
		if !ok {
			return errPacked
		}
		if err := f.Scan(value); err != nil {
			return err
		}
		p = rest
	}
	if p != "" {
		return errPacked
	}
	return nil
}

// next is the first value. Texts share the memory of the row.
func (p packedRow) next() (value driver.Value, rest packedRow, ok bool) {
	if p == "" {
		return nil, "", false
	}
	kind, p := p[0], p[1:]
	switch kind {
	case packedNull:
		return nil, p, true
	case packedFalse, packedTrue:
		return kind == packedTrue, p, true
	case packedReal:
		if len(p) < 8 {
			return nil, "", false
		}
		return math.Float64frombits(binary.BigEndian.Uint64([]byte(p[:8]))), p[8:], true
	}
	n, p, ok := p.number()
	switch {
	case !ok:
		return nil, "", false
	case kind == packedNumber:
		return int64(n>>1) ^ -int64(n&1), p, true // as binary.Varint has it
	case n > uint64(len(p)):
		return nil, "", false
	case kind == packedText:
		return string(p[:n]), p[n:], true
	case kind == packedBytes:
		return []byte(p[:n]), p[n:], true
	}
	return nil, "", false
}

// number is the number that p begins with, as binary.Uvarint, which reads no strings.
func (p packedRow) number() (n uint64, rest packedRow, ok bool) {
	for i := range min(len(p), binary.MaxVarintLen64) {
		n |= uint64(p[i]&0x7f) << (7 * i)
		if p[i] < 0x80 {
			return n, p[i+1:], true
		}
	}
	return 0, "", false
}
