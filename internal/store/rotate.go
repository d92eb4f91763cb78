package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How a key is replaced while nodes run
//
//	1  every node gets the new key beside the former one, and reports that in its row     RefreshKeys
//	2  the key check names the new key; refused while a node lacks it                     UseKey
//	3  every value that the former key seals is sealed again                              Reseal
//	4  the former key is removed from the nodes, which do not need it any more            RefreshKeys
//
// From step 2 on, nothing is sealed with the former key any more (see seal.go), so one pass over the tables is enough. A
// node that registers or reports its keys locks the key check, so either UseKey sees it or it sees the new key. Each step
// can be repeated: a rotation that was interrupted starts again with the first step that is not complete.

// sealedColumn is a column of sealed values.
type sealedColumn struct {
	table, column string
	key           []string               // the columns of a unique key
	where         string                 // which rows have sealed values; empty for those where the column is not NULL
	row           func(key []any) string // the associated data of a row
}

// sealedColumns are all columns of sealed values. A test compares them with the schema.
var sealedColumns = []sealedColumn{
	{"setting", "value", []string{"name"}, `name = '` + serviceSecret + `'`, func(key []any) string { return key[0].(string) }},
	{"job_secret", "sealed", []string{"job_id"}, "", ofNumber(jobRow)},
	{"job", "sealed_url", []string{"id"}, "", ofNumber(urlRow)},
	{"account_tls", "sealed_key", []string{"account_id"}, "", ofNumber(tlsRow)},
	{"person", "sealed_totp", []string{"id"}, "", ofNumber(totpRow)},
	{"acme_file", "sealed_value", []string{"path"}, "", func(key []any) string { return acmeRow(key[0].(string)) }},
	{"secret", "sealed_value", []string{"account_id", "name"}, "",
		func(key []any) string { return secretRowOf(key[0].(int64), key[1].(string)) }},
	{"test_run", "sealed_job", []string{"id"}, "", ofNumber(testJobRow)},
	{"test_run", "sealed_result", []string{"id"}, "", ofNumber(testResultRow)},
	{"job_version", "sealed", []string{"job_id", "version"}, "",
		func(key []any) string { return versionRow(key[0].(int64), key[1].(int64)) }},
	{"action", "sealed", []string{"id"}, "", ofNumber(actionRow)},
	{"channel", "sealed", []string{"id"}, "", ofNumber(channelRow)},
	{"status_subscriber", "sealed", []string{"page_id", "hash"}, "",
		func(key []any) string { return subscriberSeal(key[0].(int64), key[1].([]byte)) }},
	{"mail", "sealed", []string{"id"}, "", func(key []any) string { return mailRow(key[0].(string)) }},
	{"idempotency_key", "answer", []string{"account_id", "key"}, "",
		func(key []any) string { return idempotencyRow(key[0].(int64), key[1].(string)) }},
}

func ofNumber(row func(id int64) string) func(key []any) string {
	return func(key []any) string { return row(key[0].(int64)) }
}

// resealChunk and resealBytes bound what one transaction seals again, and so what is held in memory. resealRest is the
// least pause after it: on SQLite another process, the service, waits for the same lock.
const (
	resealChunk = 64
	resealBytes = 1 << 20
	resealRest  = 5 * time.Millisecond
)

// Resealed is what Reseal has done.
type Resealed struct {
	Values   int // that were sealed again
	Unopened int // that none of the keys opens, and that stay as they are
}

// reportedKeys is what the row of a node says of its keys.
type reportedKeys struct {
	epoch int64
	keys  string
}

// NodesError says that nodes which run do not have a key.
type NodesError struct{ Nodes []string }

func (e *NodesError) Error() string {
	return "nodes do not have the new key of the secrets: " + strings.Join(e.Nodes, ", ")
}

// RefreshKeys reads the keys again, and reports them in the row of this process's node when they have changed.
func (s *Store) RefreshKeys(ctx context.Context) error {
	if err := s.sealer.load(); err != nil {
		return err
	}
	was, keys := s.reported.Load(), s.sealer.idText()
	if was == nil || was.keys == keys {
		return nil
	}
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		if _, err := s.currentKey(ctx, q, s.engine.lock(forKeyShare)); err != nil {
			return err
		}
		_, err := q.ExecContext(ctx, `UPDATE node SET key_ids = $2 WHERE epoch = $1`, was.epoch, keys)
		return err
	})
	if err != nil {
		return fmt.Errorf("report the keys of the secrets: %w", err)
	}
	s.reported.CompareAndSwap(was, &reportedKeys{was.epoch, keys})
	return nil
}

// CurrentKey is the ID of the key that secrets are sealed with.
func (s *Store) CurrentKey(ctx context.Context) (KeyID, error) {
	return s.currentKey(upkeep.with(ctx), s.read, "")
}

// NodesWithout lists the names of the nodes that count as alive and have not reported a key.
func (s *Store) NodesWithout(ctx context.Context, id KeyID) ([]string, error) {
	return s.nodesWithout(upkeep.with(ctx), s.read, id)
}

func (s *Store) nodesWithout(ctx context.Context, q queryer, id KeyID) (names []string, err error) {
	err = each(ctx, q, "list the nodes", func(scan scanner) error {
		var (
			epoch      int64
			name, keys string
		)
		if err := scan(&epoch, &name, &keys); err != nil {
			return err
		}
		if !slices.Contains(strings.Fields(keys), id.String()) {
			names = append(names, fmt.Sprintf("%s (node %d)", name, epoch))
		}
		return nil
	}, `SELECT epoch, name, key_ids FROM node WHERE NOT dead AND lease_until > $1 ORDER BY epoch`, s.engine.aliveAfter(s.Now()))
	return names, err
}

// UseKey makes the nodes seal secrets with another one of their keys from now on. The error is a *NodesError when a node
// that counts as alive lacks it, unless alone says that no node runs.
func (s *Store) UseKey(ctx context.Context, id KeyID, alone bool) error {
	key, ok := s.sealer.find(id)
	if !ok {
		return ErrOtherKey
	}
	if err := s.ofThisVersion(upkeep.with(ctx)); err != nil { // there may be sealed values that it does not know of
		return err
	}
	return s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		current, err := s.currentKey(ctx, q, s.engine.lock(forReplace))
		if err != nil || current == id {
			return err
		}
		if !alone {
			names, err := s.nodesWithout(ctx, q, id)
			if err != nil {
				return err
			}
			if len(names) > 0 {
				return &NodesError{names}
			}
		}
		if _, err := q.ExecContext(ctx, `UPDATE setting SET value = $2 WHERE name = $1`, keyCheck, key.seal(checked(), keyCheck)); err != nil {
			return fmt.Errorf("change the key in use: %w", err)
		}
		tx, _ := joined(ctx)
		tx.key = key
		return nil
	})
}

// Reseal seals with the key in use all values that other keys seal, in short transactions with pauses between them. Rows
// that are locked are left for another pass; a value that is changed meanwhile is sealed with the key in use by the
// writer that changes it.
func (s *Store) Reseal(ctx context.Context) (done Resealed, err error) {
	ctx = upkeep.with(ctx)
	if err := s.ofThisVersion(ctx); err != nil {
		return done, err
	}
	for {
		pass := Resealed{}
		left := 0
		for i := range sealedColumns {
			n, missed, err := s.resealColumn(ctx, &sealedColumns[i])
			pass.Values += n.Values
			pass.Unopened += n.Unopened
			left += missed
			if err != nil {
				done.Values += pass.Values
				return done, fmt.Errorf("seal the secrets with the new key: %w", databaseError(err))
			}
		}
		done.Values += pass.Values
		done.Unopened = pass.Unopened
		if pass.Values == 0 && left == 0 {
			return done, nil
		}
	}
}

// resealColumn goes through a column once. missed is how many values somebody else has locked or changed.
func (s *Store) resealColumn(ctx context.Context, c *sealedColumn) (done Resealed, missed int, err error) {
	var after []any
	for {
		began := time.Now()
		values, err := s.sealedByOthers(ctx, c, after)
		if err != nil || len(values) == 0 {
			return done, missed, err
		}
		after = values[len(values)-1].key
		values = slices.DeleteFunc(values, func(v sealedValue) bool {
			if v.plain == nil {
				done.Unopened++
			}
			return v.plain == nil
		})
		n := 0
		err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
			n = 0
			for _, v := range values {
				changed, err := s.resealOne(ctx, q, c, v)
				if err != nil {
					return err
				}
				n += changed
			}
			return nil
		})
		if err != nil {
			return done, missed, err
		}
		done.Values += n
		missed += len(values) - n
		select {
		case <-ctx.Done():
			return done, missed, ctx.Err()
		case <-time.After(max(resealRest, time.Since(began))):
		}
	}
}

// sealedValue is a value that another key than the one in use seals.
type sealedValue struct {
	key    []any
	sealed []byte
	plain  []byte // nil when it does not open
}

// sealedByOthers reads the next values of a column, after those of a primary key, that another key than the one in use
// seals, and opens them.
func (s *Store) sealedByOthers(ctx context.Context, c *sealedColumn, after []any) (values []sealedValue, err error) {
	current, err := s.currentKey(ctx, s.read, "")
	if err != nil {
		return nil, err
	}
	size := 0
	err = each(ctx, s.read, "read sealed values", func(scan scanner) error {
		v := sealedValue{key: make([]any, len(c.key))}
		to := make([]any, len(c.key), len(c.key)+1)
		for i := range v.key {
			to[i] = &v.key[i]
		}
		if err := scan(append(to, &v.sealed)...); err != nil {
			return err
		}
		values = append(values, v)
		if size += len(v.sealed); size >= resealBytes {
			return errEnough
		}
		return nil
	}, c.query(after), append([]any{current[:], resealChunk}, after...)...)
	if err != nil {
		return nil, err
	}
	for i := range values {
		v := &values[i]
		if plain, err := s.sealer.open(v.sealed, c.row(v.key)); err == nil {
			v.plain = append([]byte{}, plain...)
		} else if !errors.Is(err, errSealed) {
			return nil, err
		}
	}
	return values, nil
}

// query selects values that another key seals than the one of $1, at most $2 of them.
func (c *sealedColumn) query(after []any) string {
	where := c.where
	if where == "" {
		where = c.column + ` IS NOT NULL`
	}
	key := strings.Join(c.key, ", ")
	if len(after) > 0 {
		where += ` AND (` + key + `) > (` + parameters(3, len(after)) + `)`
	}
	return `SELECT ` + key + `, ` + c.column + ` FROM ` + c.table + ` WHERE ` + where +
		` AND substr(` + c.column + `, 1, 4) <> $1 ORDER BY ` + key + ` LIMIT $2`
}

// resealOne replaces a value unless it is locked or has changed; then n is 0. Rows that others have locked are not waited
// for, since that would keep the locks on the other rows of the chunk.
func (s *Store) resealOne(ctx context.Context, q queryer, c *sealedColumn, v sealedValue) (n int, err error) {
	sealed, err := s.seal(ctx, q, v.plain, c.row(v.key))
	if err != nil {
		return 0, err
	}
	key := strings.Join(c.key, ", ")
	res, err := q.ExecContext(ctx, `UPDATE `+c.table+` SET `+c.column+` = $1 WHERE (`+key+`) IN (SELECT `+key+` FROM `+c.table+
		` WHERE (`+key+`) = (`+parameters(3, len(v.key))+`) AND `+c.column+` = $2`+s.engine.lock(skipLocked)+`)`,
		append([]any{sealed, v.sealed}, v.key...)...)
	if err != nil {
		return 0, err
	}
	changed, err := res.RowsAffected()
	return int(changed), err
}
