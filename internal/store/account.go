package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"punctual/internal/cron"
)

// CreateAccount adds an account and sets its ID. The error is of kind Conflict when the e-mail address is taken.
func (s *Store) CreateAccount(ctx context.Context, a *cron.Account) error {
	if a.Created.IsZero() {
		a.Created = s.stamp()
	}
	overrides, err := encodeOverrides(a.Overrides)
	if err != nil {
		return err
	}
	err = s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx,
			`INSERT INTO account (email, plan, overrides, disabled, created_at, access) VALUES ($1, $2, $3, $4, $5, $6)
			 ON CONFLICT (email) DO NOTHING RETURNING id`,
			a.Email, a.Plan, overrides, a.Disabled, millis(a.Created), int(a.Access)).Scan(&a.ID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAccount}
	}
	if err != nil {
		return fmt.Errorf("create the account: %w", err)
	}
	return nil
}

const accountColumns = `account.id, account.email, account.plan, account.disabled, account.created_at,
	account.overrides, account.access`

func scanAccount(scan func(...any) error, a *cron.Account, more ...any) error {
	var (
		created   int64
		overrides string
	)
	err := scan(append([]any{&a.ID, &a.Email, &a.Plan, &a.Disabled, &created, &overrides, &a.Access}, more...)...)
	if err != nil {
		return err
	}
	a.Created = instant(created)
	a.Overrides, err = decodeOverrides(overrides)
	return err
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

// Accounts lists all accounts, the oldest first.
func (s *Store) Accounts(ctx context.Context) ([]cron.Account, error) {
	return collect(ctx, s.read, "list the accounts", func(scan scanner, a *cron.Account) error {
		return scanAccount(scan, a)
	}, `SELECT `+accountColumns+` FROM account ORDER BY id`)
}

// UpdateAccount lets change edit an account, and writes its plan, its overrides, its access and whether it is disabled.
// The row is locked meanwhile, so concurrent changes of different fields all take effect. change runs within the
// transaction, may run more than once, and does no more than set fields; its error changes nothing and is returned as it
// is.
//
// The jobs of a disabled account do not run. When it is enabled again, what they were due for is recorded as skipped, and
// they are planned from then on.
func (s *Store) UpdateAccount(ctx context.Context, id int64, change func(*cron.Account) error) error {
	var wakes bool
	err := s.writeJobs(ctx, id, func(ctx context.Context, q queryer) error {
		var (
			a       cron.Account
			enabled int64
		)
		err := scanAccount(q.QueryRowContext(ctx, `SELECT `+accountColumns+`, enabled_at FROM account WHERE id = $1`+
			s.engine.lock(forUpdate), id).Scan, &a, &enabled)
		if err != nil {
			return oneRow(err, cron.SubjectAccount)
		}
		wasDisabled := a.Disabled
		if err := change(&a); err != nil {
			return err
		}
		if wakes = wasDisabled && !a.Disabled; wakes {
			enabled = millis(s.stamp())
		}
		overrides, err := encodeOverrides(a.Overrides)
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE account SET plan = $2, overrides = $3, disabled = $4, enabled_at = $5,
			access = $6 WHERE id = $1`, id, a.Plan, overrides, a.Disabled, enabled, int(a.Access))
		if err != nil {
			return fmt.Errorf("change the account: %w", err)
		}
		return nil
	})
	if err != nil || !wakes {
		return err
	}
	return s.wakeJobs(ctx, id)
}

// deleteChunk is how many jobs of an account one transaction deletes.
const deleteChunk = 100

// DeleteAccount removes an account with its jobs, folders and keys; its history is no longer reachable and goes with
// the retention. The jobs go first, in chunks, and run no more meanwhile; when it fails halfway, the account is disabled.
func (s *Store) DeleteAccount(ctx context.Context, id int64) error {
	err := s.writeJobs(ctx, id, func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `UPDATE account SET disabled = $2 WHERE id = $1`, id, true)
		return changedOne(res, err, cron.SubjectAccount)
	})
	for more := true; more && err == nil; {
		err = s.writeJobs(ctx, id, func(ctx context.Context, q queryer) (err error) {
			more, err = s.deleteSomeJobs(ctx, q, id)
			return err
		})
	}
	if err != nil {
		return err
	}
	return s.writeJobs(ctx, id, func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM account WHERE id = $1`, id)
		return changedOne(res, err, cron.SubjectAccount)
	})
}

// deleteSomeJobs deletes jobs of an account, locked against claims first.
func (s *Store) deleteSomeJobs(ctx context.Context, q queryer, accountID int64) (more bool, err error) {
	ids, err := collect(ctx, q, "list the jobs", single[int64],
		`SELECT job_id FROM job_state WHERE job_id IN (SELECT id FROM job WHERE account_id = $1 ORDER BY id LIMIT $2)
		 ORDER BY job_id`+s.engine.lock(forUpdate), accountID, deleteChunk)
	if err != nil {
		return false, err
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM job WHERE `+s.engine.in("id", 1), s.engine.list(ids)); err != nil {
		return false, fmt.Errorf("delete the jobs: %w", err)
	}
	return len(ids) == deleteChunk, nil
}

// planRow is what a row of account says of its plan.
type planRow struct{ name, overrides string }

func (s *Store) plan(r planRow) (cron.Plan, error) {
	o, err := decodeOverrides(r.overrides)
	if err != nil {
		return cron.Plan{}, err
	}
	return s.plans.Of(r.name, o), nil
}

// lockPlan reads the plan of an account, and makes others who do so wait until the end of the transaction: what is
// counted against the plan meanwhile holds.
func (s *Store) lockPlan(ctx context.Context, q queryer, accountID int64) (cron.Plan, error) {
	var row planRow
	err := q.QueryRowContext(ctx, `SELECT plan, overrides FROM account WHERE id = $1`+s.engine.lock(forUpdate), accountID).Scan(
		&row.name, &row.overrides)
	if err != nil {
		return cron.Plan{}, oneRow(err, cron.SubjectAccount)
	}
	return s.plan(row)
}

// checkRoom is an error of kind TooMany when as many rows are there as the plan allows; 0 is no limit.
func checkRoom(ctx context.Context, q queryer, count string, accountID int64, limit int, subject cron.Subject) error {
	if limit == 0 {
		return nil
	}
	var n int
	if err := q.QueryRowContext(ctx, count, accountID).Scan(&n); err != nil {
		return fmt.Errorf("count what the plan limits: %w", err)
	}
	if n >= limit {
		return &cron.Error{Kind: cron.TooMany, Subject: subject}
	}
	return nil
}

// encodeOverrides is overrides as a column has them.
func encodeOverrides(o cron.Overrides) (string, error) {
	if len(o) == 0 {
		return "", nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("encode the overrides: %w", err)
	}
	return string(text), nil
}

func decodeOverrides(text string) (o cron.Overrides, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return nil, fmt.Errorf("decode the overrides: %w", err)
	}
	return o, nil
}

const countKeys = `SELECT count(*) FROM api_key WHERE account_id = $1`

// CreateAPIKey adds a key and sets its ID. The error is of kind TooMany when the account's plan allows no further key.
func (s *Store) CreateAPIKey(ctx context.Context, k *cron.APIKey) error {
	if k.Created.IsZero() {
		k.Created = s.stamp()
	}
	err := s.transact(ctx, ofAccount(k.AccountID), func(ctx context.Context, q queryer) error {
		plan, err := s.lockPlan(ctx, q, k.AccountID)
		if err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countKeys, k.AccountID, plan.MaxKeys, cron.SubjectAPIKey); err != nil {
			return err
		}
		return q.QueryRowContext(ctx,
			`INSERT INTO api_key (account_id, title, hash, hint, created_at, disabled, expires_at, scopes, allow_from)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
			k.AccountID, k.Title, k.Hash[:], k.Hint, millis(k.Created), k.Disabled, millis(k.Expires), int64(k.Scopes),
			encodePrefixes(k.AllowFrom)).Scan(&k.ID)
	})
	if err != nil {
		return fmt.Errorf("create the API key: %w", err)
	}
	return nil
}

const keyColumns = `api_key.id, api_key.account_id, api_key.title, api_key.hash, api_key.hint, api_key.created_at,
	api_key.disabled, api_key.expires_at, api_key.scopes, api_key.allow_from, api_key.last_used_at`

// keyRow is keyColumns as they are read.
type keyRow struct {
	cron.APIKey
	hash                   []byte
	created, expires, used int64
	allow                  string
}

func (r *keyRow) fields() []any {
	k := &r.APIKey
	return []any{&k.ID, &k.AccountID, &k.Title, &r.hash, &k.Hint, &r.created, &k.Disabled, &r.expires, &k.Scopes, &r.allow,
		&r.used}
}

func (r *keyRow) key() (cron.APIKey, error) {
	k := r.APIKey
	copy(k.Hash[:], r.hash)
	k.Created, k.Expires, k.LastUsed = instant(r.created), instant(r.expires), instant(r.used)
	var err error
	k.AllowFrom, err = decodePrefixes(r.allow)
	return k, err
}

func encodePrefixes(prefixes []netip.Prefix) string {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

func decodePrefixes(text string) (prefixes []netip.Prefix, err error) {
	if text == "" {
		return nil, nil
	}
	for _, t := range strings.Split(text, ",") {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, fmt.Errorf("decode an address range: %w", err)
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}

// APIKeyByHash finds a key and its account; Missing when there is none.
func (s *Store) APIKeyByHash(ctx context.Context, hash [32]byte) (cron.APIKey, cron.Account, error) {
	var (
		row keyRow
		a   cron.Account
	)
	err := scanAccount(s.read.QueryRowContext(ctx,
		`SELECT `+accountColumns+`, `+keyColumns+`
		 FROM api_key JOIN account ON account.id = api_key.account_id WHERE api_key.hash = $1`, hash[:]).Scan,
		&a, row.fields()...)
	if err != nil {
		return cron.APIKey{}, a, oneRow(err, cron.SubjectAPIKey)
	}
	k, err := row.key()
	return k, a, err
}

// APIKeys lists the keys of an account, the oldest first.
func (s *Store) APIKeys(ctx context.Context, accountID int64) ([]cron.APIKey, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	var keys []cron.APIKey
	err = each(ctx, s.read, "list the API keys", func(scan scanner) error {
		var row keyRow
		if err := scan(row.fields()...); err != nil {
			return err
		}
		k, err := row.key()
		if err != nil {
			return err
		}
		keys = append(keys, k)
		return nil
	}, `SELECT `+keyColumns+` FROM api_key WHERE account_id = $1 ORDER BY id`, accountID)
	return keys, err
}

// DeleteAPIKey removes a key of an account.
func (s *Store) DeleteAPIKey(ctx context.Context, accountID, keyID int64) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM api_key WHERE id = $1 AND account_id = $2`, keyID, accountID)
		return changedOne(res, err, cron.SubjectAPIKey)
	})
}

// TouchAPIKey notes that a key of an account was used at an instant.
func (s *Store) TouchAPIKey(ctx context.Context, accountID, keyID int64, at time.Time) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		_, err := q.ExecContext(ctx, `UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND account_id = $3 AND last_used_at < $2`,
			keyID, millis(at), accountID)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the use of an API key: %w", err)
	}
	return nil
}
