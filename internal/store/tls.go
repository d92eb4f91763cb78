package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"punctual/internal/cron"
)

func tlsRow(accountID int64) string { return "account tls " + strconv.FormatInt(accountID, 10) }

// SetTLS replaces the TLS material of an account.
func (s *Store) SetTLS(ctx context.Context, accountID int64, m cron.TLSMaterial) error {
	var sealed []byte
	if m.Key != "" {
		sealed = s.sealer.seal([]byte(m.Key), tlsRow(accountID))
	}
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx,
			`INSERT INTO account_tls (account_id, roots, certificate, secret) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (account_id) DO UPDATE
			 SET roots = excluded.roots, certificate = excluded.certificate, secret = excluded.secret`,
			accountID, m.Roots, m.Certificate, sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("save the TLS material: %w", err)
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

// readTLS reads the TLS material of the accounts that are the keys of a map.
func (s *Store) readTLS(ctx context.Context, q queryer, accounts map[int64]*sealedTLS) error {
	rows, err := q.QueryContext(ctx,
		`SELECT account_id, roots, certificate, secret FROM account_tls WHERE `+s.dialect.in("account_id", 1),
		s.dialect.list(slices.Collect(maps.Keys(accounts))))
	if err != nil {
		return fmt.Errorf("read the TLS material: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			id int64
			t  sealedTLS
		)
		if err := rows.Scan(&id, &t.material.Roots, &t.material.Certificate, &t.key); err != nil {
			return fmt.Errorf("read the TLS material: %w", err)
		}
		accounts[id] = &t
	}
	return rows.Err()
}

// openTLS makes TLS material ready for use; an account whose material does not open has none.
func (s *Store) openTLS(accounts map[int64]*sealedTLS) map[int64]*cron.AccountTLS {
	materials := make(map[int64]*cron.AccountTLS, len(accounts))
	for id, t := range accounts {
		if t == nil {
			continue
		}
		if t.key != nil {
			key, err := s.sealer.open(t.key, tlsRow(id))
			if err != nil {
				s.logger.Error("the jobs of an account cannot run", slogErr(fmt.Errorf("open the key of account %d: %w", id, err)))
				continue
			}
			t.material.Key = string(key)
		}
		materials[id] = cron.NewAccountTLS(t.material)
	}
	return materials
}
