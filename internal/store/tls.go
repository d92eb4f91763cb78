package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	err := s.backend.write(ctx, waitedOn, func(ctx context.Context, q queryer) error {
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
	err := s.backend.write(ctx, waitedOn, func(ctx context.Context, q queryer) error {
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
	var m cron.TLSMaterial
	err := s.read.QueryRowContext(ctx, `SELECT roots, certificate FROM account_tls WHERE account_id = $1`, accountID).
		Scan(&m.Roots, &m.Certificate)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("read the TLS material: %w", err)
	}
	return m, nil
}

// addTLS gives the jobs of a claim the TLS material of their accounts. A job whose account's does not open cannot run.
func (s *Store) addTLS(ctx context.Context, q queryer, jobs map[int64]*definition) error {
	accounts := make(map[int64]*cron.AccountTLS)
	var ids []int64
	for _, d := range jobs {
		if _, known := accounts[d.job.AccountID]; d.hasTLS && !known {
			accounts[d.job.AccountID] = nil
			ids = append(ids, d.job.AccountID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := q.QueryContext(ctx,
		`SELECT account_id, roots, certificate, secret FROM account_tls WHERE `+s.dialect.in("account_id", 1),
		s.dialect.list(ids))
	if err != nil {
		return fmt.Errorf("read the TLS material: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var (
			id     int64
			m      cron.TLSMaterial
			sealed []byte
		)
		if err := rows.Scan(&id, &m.Roots, &m.Certificate, &sealed); err != nil {
			return fmt.Errorf("read the TLS material: %w", err)
		}
		if sealed != nil {
			key, err := s.sealer.open(sealed, tlsRow(id))
			if err != nil {
				s.logger.Error("the jobs of an account cannot run", slogErr(fmt.Errorf("open the key of account %d: %w", id, err)))
				continue
			}
			m.Key = string(key)
		}
		accounts[id] = cron.NewAccountTLS(m)
	}
	for _, d := range jobs {
		if d.tls = accounts[d.job.AccountID]; d.hasTLS && d.tls == nil && d.skip == cron.FaultNone {
			d.skip = cron.FaultInternal
		}
	}
	return rows.Err()
}
