package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"punctual/internal/cron"
)

func tlsRow(accountID int64) string { return "account tls " + strconv.FormatInt(accountID, 10) }

// SetTLS replaces the TLS material of an account.
func (s *Store) SetTLS(ctx context.Context, accountID int64, m cron.TLSMaterial) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) (err error) {
		var sealed []byte
		if m.Key != "" {
			if sealed, err = s.seal(ctx, q, []byte(m.Key), tlsRow(accountID)); err != nil {
				return err
			}
		}
		_, err = q.ExecContext(ctx,
			`INSERT INTO account_tls (account_id, roots, certificate, sealed_key) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (account_id) DO UPDATE
			 SET roots = excluded.roots, certificate = excluded.certificate, sealed_key = excluded.sealed_key`,
			accountID, m.Roots, m.Certificate, sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("save the TLS material: %w", err)
	}
	return nil
}

// ChangeTLS changes parts of the TLS material of an account.
func (s *Store) ChangeTLS(ctx context.Context, accountID int64, c cron.TLSChange) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) (err error) {
		_, err = q.ExecContext(ctx, `INSERT INTO account_tls (account_id, roots, certificate) VALUES ($1, '', '') ON CONFLICT (account_id) DO NOTHING`,
			accountID)
		if err == nil && c.Roots != nil {
			_, err = q.ExecContext(ctx, `UPDATE account_tls SET roots = $2 WHERE account_id = $1`, accountID, *c.Roots)
		}
		if err == nil && c.Client != nil {
			var sealed []byte
			if c.Client.Key != "" {
				if sealed, err = s.seal(ctx, q, []byte(c.Client.Key), tlsRow(accountID)); err != nil {
					return err
				}
			}
			_, err = q.ExecContext(ctx, `UPDATE account_tls SET certificate = $2, sealed_key = $3 WHERE account_id = $1`, accountID,
				c.Client.Certificate, sealed)
		}
		if err == nil {
			_, err = q.ExecContext(ctx, `DELETE FROM account_tls WHERE account_id = $1 AND roots = '' AND certificate = ''`, accountID)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("change the TLS material: %w", err)
	}
	return nil
}

// DeleteTLS removes the TLS material of an account, if it has any.
func (s *Store) DeleteTLS(ctx context.Context, accountID int64) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `DELETE FROM account_tls WHERE account_id = $1`, accountID)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete the TLS material: %w", err)
	}
	return nil
}

// TLS reads the TLS material of an account without the private key; empty when there is none.
func (s *Store) TLS(ctx context.Context, accountID int64) (cron.TLSMaterial, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return cron.TLSMaterial{}, err
	}
	defer leave()
	var m cron.TLSMaterial
	err = s.read.QueryRowContext(ctx, `SELECT roots, certificate FROM account_tls WHERE account_id = $1`, accountID).
		Scan(&m.Roots, &m.Certificate)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("read the TLS material: %w", err)
	}
	return m, nil
}

// sealedTLS is the TLS material of an account as it is stored.
type sealedTLS struct {
	material cron.TLSMaterial // without the key
	key      []byte
}

// readTLS reads the TLS material of the accounts that are keys of the map.
func (s *Store) readTLS(ctx context.Context, q queryer, accounts map[int64]*sealedTLS) error {
	return each(ctx, q, "read the TLS material", func(scan scanner) error {
		var (
			id int64
			t  sealedTLS
		)
		if err := scan(&id, &t.material.Roots, &t.material.Certificate, &t.key); err != nil {
			return err
		}
		accounts[id] = &t
		return nil
	}, `SELECT account_id, roots, certificate, sealed_key FROM account_tls WHERE `+s.engine.in("account_id", 1),
		s.engine.list(slices.Collect(maps.Keys(accounts))))
}

// openTLS decrypts TLS material. An account whose material cannot be decrypted has none.
func (s *Store) openTLS(accounts map[int64]*sealedTLS) map[int64]*cron.AccountTLS {
	materials := make(map[int64]*cron.AccountTLS, len(accounts))
	for id, t := range accounts {
		if t == nil {
			continue
		}
		m, err := s.opened.open(id, t, s.sealer)
		if err != nil {
			s.logger.Error("the jobs of an account cannot run", slogErr(fmt.Errorf("open the key of account %d: %w", id, err)))
			continue
		}
		materials[id] = m
	}
	return materials
}

// maxOpenedBytes is the size at which the cache of decrypted TLS material starts a new generation.
const maxOpenedBytes = 8 << 20

// openedTLS caches decrypted TLS material by account, so that it is decrypted and digested once and all executions of
// an account share it. It has two generations: the older one is dropped as a whole.
type openedTLS struct {
	mu                sync.Mutex
	entries, previous map[int64]opened
	used              int // bytes of entries
}

type opened struct {
	from *sealedTLS
	tls  *cron.AccountTLS
}

// open decrypts t, or returns the cached result if t is unchanged.
func (o *openedTLS) open(account int64, t *sealedTLS, sealer *sealer) (*cron.AccountTLS, error) {
	if known, ok := o.find(account, t); ok {
		return known, nil
	}
	m := t.material
	if t.key != nil {
		key, err := sealer.open(t.key, tlsRow(account))
		if err != nil {
			return nil, err
		}
		m.Key = string(key)
	}
	made := cron.NewAccountTLS(m)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.put(account, opened{t, made})
	return made, nil
}

func (o *openedTLS) find(account int64, t *sealedTLS) (*cron.AccountTLS, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e, ok := o.entries[account]
	if !ok {
		if e, ok = o.previous[account]; !ok {
			return nil, false
		}
		o.put(account, e)
	}
	return e.tls, e.from.material == t.material && bytes.Equal(e.from.key, t.key)
}

// put replaces the entry of an account.
func (o *openedTLS) put(account int64, e opened) {
	if old, ok := o.entries[account]; ok {
		o.used -= old.size()
	}
	if o.entries == nil || o.used+e.size() > maxOpenedBytes {
		o.entries, o.previous, o.used = make(map[int64]opened), o.entries, 0
	}
	o.entries[account] = e
	o.used += e.size()
}

// size is the approximate size of an entry in memory.
func (e opened) size() int {
	m := &e.tls.TLSMaterial
	return 512 + len(m.Roots) + len(m.Certificate) + len(m.Key) + len(e.from.key)
}
