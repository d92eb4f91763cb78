package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"punctual/internal/cron"
)

// CreateAccount adds an account and sets its ID. The error is of kind Conflict when the e-mail address is taken.
func (s *Store) CreateAccount(ctx context.Context, a *cron.Account) error {
	if a.Created.IsZero() {
		a.Created = s.stamp()
	}
	err := s.backend.write(ctx, waitedOn, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx,
			`INSERT INTO account (email, plan, disabled, created_at) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (email) DO NOTHING RETURNING id`,
			a.Email, a.Plan, a.Disabled, millis(a.Created)).Scan(&a.ID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAccount}
	}
	if err != nil {
		return fmt.Errorf("create the account: %w", err)
	}
	return nil
}

const accountColumns = `account.id, account.email, account.plan, account.disabled, account.created_at`

func scanAccount(scan func(...any) error, a *cron.Account, more ...any) error {
	var created int64
	if err := scan(append([]any{&a.ID, &a.Email, &a.Plan, &a.Disabled, &created}, more...)...); err != nil {
		return err
	}
	a.Created = instant(created)
	return nil
}

// Operator is the first account that was made; Missing when there is none.
func (s *Store) Operator(ctx context.Context) (cron.Account, error) {
	var a cron.Account
	row := s.read.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account ORDER BY id LIMIT 1`)
	if err := scanAccount(row.Scan, &a); err != nil {
		return a, oneRow(err, cron.SubjectAccount)
	}
	return a, nil
}

// AccountByEmail finds an account; Missing when there is none.
func (s *Store) AccountByEmail(ctx context.Context, email string) (cron.Account, error) {
	var a cron.Account
	row := s.read.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account WHERE email = $1`, email)
	if err := scanAccount(row.Scan, &a); err != nil {
		return a, oneRow(err, cron.SubjectAccount)
	}
	return a, nil
}

// CreateAPIKey adds a key and sets its ID.
func (s *Store) CreateAPIKey(ctx context.Context, k *cron.APIKey) error {
	if k.Created.IsZero() {
		k.Created = s.stamp()
	}
	err := s.backend.write(ctx, waitedOn, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx,
			`INSERT INTO api_key (account_id, title, hash, created_at) VALUES ($1, $2, $3, $4) RETURNING id`,
			k.AccountID, k.Title, k.Hash[:], millis(k.Created)).Scan(&k.ID)
	})
	if err != nil {
		return fmt.Errorf("create the API key: %w", err)
	}
	return nil
}

// APIKeyByHash finds a key and its account; Missing when there is none.
func (s *Store) APIKeyByHash(ctx context.Context, hash [32]byte) (cron.APIKey, cron.Account, error) {
	var (
		k       cron.APIKey
		a       cron.Account
		stored  []byte
		created int64
	)
	row := s.read.QueryRowContext(ctx,
		`SELECT `+accountColumns+`, api_key.id, api_key.title, api_key.hash, api_key.created_at
		 FROM api_key JOIN account ON account.id = api_key.account_id WHERE api_key.hash = $1`, hash[:])
	if err := scanAccount(row.Scan, &a, &k.ID, &k.Title, &stored, &created); err != nil {
		return k, a, oneRow(err, cron.SubjectAPIKey)
	}
	k.AccountID, k.Created = a.ID, instant(created)
	copy(k.Hash[:], stored)
	return k, a, nil
}
