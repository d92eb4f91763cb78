package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// The nodes of a database share the certificates that they get by ACME. They are stored as files with paths such as
// certificates/ca/host/host.key. Locks with a lease let one node at a time order a certificate.

func acmeRow(path string) string { return "acme " + path }

// ACMEFile reads a file.
func (s *Store) ACMEFile(ctx context.Context, path string) (value []byte, modified time.Time, found bool, err error) {
	var (
		sealed []byte
		at     int64
	)
	err = s.read.QueryRowContext(upkeep.with(ctx), `SELECT sealed_value, modified_at FROM acme_file WHERE path = $1`, path).
		Scan(&sealed, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, false, nil
	}
	if err == nil {
		value, err = s.sealer.open(sealed, acmeRow(path))
	}
	if err != nil {
		return nil, time.Time{}, false, fmt.Errorf("read a file of the certificates: %w", databaseError(err))
	}
	return value, instant(at), true, nil
}

// SaveACMEFile writes or replaces a file.
func (s *Store) SaveACMEFile(ctx context.Context, path string, value []byte) error {
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		sealed, err := s.seal(ctx, q, value, acmeRow(path))
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `INSERT INTO acme_file (path, sealed_value, modified_at) VALUES ($1, $2, $3)
			ON CONFLICT (path) DO UPDATE SET sealed_value = excluded.sealed_value, modified_at = excluded.modified_at`,
			path, sealed, millis(s.Now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("save a file of the certificates: %w", err)
	}
	return nil
}

// DeleteACMEFile deletes a file, or a directory with all files below it. It is no error if there is none.
func (s *Store) DeleteACMEFile(ctx context.Context, path string) error {
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `DELETE FROM acme_file WHERE path = $1 OR substr(path, 1, $3) = $2`,
			path, path+"/", utf8.RuneCountInString(path)+1)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete a file of the certificates: %w", err)
	}
	return nil
}

// ACMEFiles lists the paths of all files below a directory, sorted.
func (s *Store) ACMEFiles(ctx context.Context, directory string) (paths []string, err error) {
	return collect(upkeep.with(ctx), s.read, "list the files of the certificates", single[string],
		`SELECT path FROM acme_file WHERE substr(path, 1, $2) = $1 ORDER BY path`,
		directory+"/", utf8.RuneCountInString(directory)+1)
}

// LockACME acquires or renews a lock for an owner. It returns false while another owner has an unexpired lease.
func (s *Store) LockACME(ctx context.Context, name, owner string, lease time.Duration) (locked bool, err error) {
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		now := s.Now()
		res, err := q.ExecContext(ctx, `INSERT INTO acme_lock (name, owner, lease_until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
			WHERE acme_lock.owner = excluded.owner OR acme_lock.lease_until <= $4`,
			name, owner, millis(now.Add(lease)), millis(now))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		locked = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("acquire a lock of the certificates: %w", err)
	}
	return locked, nil
}

// UnlockACME releases a lock of an owner.
func (s *Store) UnlockACME(ctx context.Context, name, owner string) error {
	err := s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `DELETE FROM acme_lock WHERE name = $1 AND owner = $2`, name, owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("release a lock of the certificates: %w", err)
	}
	return nil
}
