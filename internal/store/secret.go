package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// A secret of an account is read in two ways. Lists never read its value. What runs a job reads the sealed values of the names
// in job.secret_names, and opens them outside of the transaction:
//
//	definitions     the names of each due job            with the narrow part of the job
//	admission       counts them towards claimBytes       at the size that a value can have
//	readSecretValues the sealed values, each once        one statement, and none where no job names a secret
//	openSecrets     opens them                           after the commit
//
// A name that the account has no secret of is left out: Job.Call makes a failure of it.

// secretRowOf is the associated data of a sealed value.
func secretRowOf(accountID int64, name string) string {
	return "secret " + strconv.FormatInt(accountID, 10) + " " + name
}

const countSecrets = `SELECT count(*) FROM secret WHERE account_id = $1`

// CreateSecret adds a secret and sets its ID and times. The error is of kind TooMany when the account's plan allows no
// further one, and of kind Conflict when the account has one of that name.
func (s *Store) CreateSecret(ctx context.Context, secret *cron.Secret) error {
	now := s.stamp()
	err := s.transact(ctx, ofAccount(secret.AccountID), func(ctx context.Context, q queryer) error {
		plan, err := s.lockPlan(ctx, q, secret.AccountID)
		if err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countSecrets, secret.AccountID, plan.MaxSecrets, cron.SubjectSecret); err != nil {
			return err
		}
		sealed, err := s.seal(ctx, q, []byte(secret.Value), secretRowOf(secret.AccountID, secret.Name))
		if err != nil {
			return err
		}
		err = q.QueryRowContext(ctx, `INSERT INTO secret (account_id, name, sealed_value, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4) ON CONFLICT (account_id, name) DO NOTHING RETURNING id`,
			secret.AccountID, secret.Name, sealed, millis(now)).Scan(&secret.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectSecret}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create the secret: %w", err)
	}
	secret.Created, secret.Updated = now, now
	return nil
}

// SetSecret gives a secret of an account another value. Executions that are claimed afterwards send it. The secret has its
// name, which never changes, as Secret reads it.
func (s *Store) SetSecret(ctx context.Context, secret *cron.Secret) error {
	err := s.transact(ctx, ofAccount(secret.AccountID), func(ctx context.Context, q queryer) error {
		sealed, err := s.seal(ctx, q, []byte(secret.Value), secretRowOf(secret.AccountID, secret.Name))
		if err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `UPDATE secret SET sealed_value = $4, updated_at = $5 WHERE id = $1 AND account_id = $2 AND name = $3`,
			secret.ID, secret.AccountID, secret.Name, sealed, millis(s.stamp()))
		return changedOne(res, err, cron.SubjectSecret)
	})
	if err != nil {
		return fmt.Errorf("change the secret: %w", err)
	}
	return nil
}

// namesSecret is a condition: the job names the secret of parameter $n, in the list that separates names by commas.
func namesSecret(n int) string {
	return fmt.Sprintf(`job.secret_names <> '' AND replace(',' || job.secret_names || ',', ',' || $%d || ',', '') <> ',' || job.secret_names || ','`, n)
}

var countSecretJobs = `SELECT count(*) FROM job WHERE job.account_id = $1 AND ` + namesSecret(2)

// DeleteSecret removes a secret of an account. The error is of kind Conflict while jobs name it: its problem has their number.
func (s *Store) DeleteSecret(ctx context.Context, accountID, secretID int64) error {
	err := s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		if _, err := s.lockPlan(ctx, q, accountID); err != nil { // no job is created meanwhile
			return err
		}
		var name string
		err := q.QueryRowContext(ctx, `SELECT name FROM secret WHERE id = $1 AND account_id = $2`+s.engine.lock(forUpdate),
			secretID, accountID).Scan(&name)
		if err != nil {
			return oneRow(err, cron.SubjectSecret)
		}
		var jobs int64
		if err := q.QueryRowContext(ctx, countSecretJobs, accountID, name).Scan(&jobs); err != nil {
			return fmt.Errorf("count the jobs: %w", err)
		}
		if jobs > 0 {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectSecret,
				Problems: []cron.Problem{{Rule: cron.RuleSecretUsed, Limit: jobs}}}
		}
		_, err = q.ExecContext(ctx, `DELETE FROM secret WHERE id = $1`, secretID)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete the secret: %w", err)
	}
	return nil
}

const secretNames = `id, account_id, name, created_at, updated_at`

func scanSecret(scan scanner, secret *cron.Secret) error {
	return scan(integer(&secret.ID), integer(&secret.AccountID), &secret.Name, moment(&secret.Created), moment(&secret.Updated))
}

// Secret reads a secret of an account without its value and its jobs.
func (s *Store) Secret(ctx context.Context, accountID, secretID int64) (secret cron.Secret, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return secret, err
	}
	defer leave()
	err = scanSecret(s.read.QueryRowContext(ctx, `SELECT `+secretNames+` FROM secret WHERE id = $1 AND account_id = $2`,
		secretID, accountID).Scan, &secret)
	return secret, oneRow(err, cron.SubjectSecret)
}

// Secrets lists secrets of an account with larger IDs than after, at most most of them in the order of their IDs, without
// their values and with the jobs that name them.
func (s *Store) Secrets(ctx context.Context, accountID, after int64, most int) ([]cron.Secret, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	secrets, err := collect(ctx, s.read, "list the secrets", scanSecret,
		`SELECT `+secretNames+` FROM secret WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`, accountID, after, most)
	if err != nil || len(secrets) == 0 {
		return secrets, err
	}
	byName := make(map[string]*cron.Secret, len(secrets))
	for i := range secrets {
		byName[secrets[i].Name] = &secrets[i]
	}
	err = each(ctx, s.read, "find the jobs that name secrets", func(scan scanner) error {
		var (
			job   int64
			names string
		)
		if err := scan(&job, &names); err != nil {
			return err
		}
		for name := range strings.SplitSeq(names, ",") {
			if used := byName[name]; used != nil {
				if used.Jobs++; used.Jobs <= cron.MaxSecretJobs {
					used.JobIDs = append(used.JobIDs, job)
				}
			}
		}
		return nil
	}, `SELECT id, secret_names FROM job WHERE account_id = $1 AND secret_names <> '' ORDER BY id`, accountID)
	return secrets, err
}

// CountSecrets counts the secrets of an account.
func (s *Store) CountSecrets(ctx context.Context, accountID int64) (n int, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return 0, err
	}
	defer leave()
	if err := s.read.QueryRowContext(ctx, countSecrets, accountID).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the secrets: %w", err)
	}
	return n, nil
}

// secretBytes is what a claim counts for a secret that it has to read: a value of the largest size.
const secretBytes = cron.MaxSecretLength + 64

// secretKey is a secret as jobs refer to it.
type secretKey struct {
	account int64
	name    string
}

// secretKeys are the secrets that a job of an account names in job.secret_names.
func secretKeys(accountID int64, names string) (keys []secretKey) {
	if names == "" {
		return nil
	}
	for name := range strings.SplitSeq(names, ",") {
		keys = append(keys, secretKey{accountID, name})
	}
	return keys
}

// readSecretValues reads the sealed values of secrets, each once. Those that do not exist are left out.
func (s *Store) readSecretValues(ctx context.Context, q queryer, wanted []secretKey) (map[secretKey][]byte, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	slices.SortFunc(wanted, func(a, b secretKey) int {
		if a.account != b.account {
			return int(a.account - b.account)
		}
		return strings.Compare(a.name, b.name)
	})
	wanted = slices.Compact(wanted)
	sealed := make(map[secretKey][]byte, len(wanted))
	condition, args := s.engine.secretsIn(wanted)
	err := each(ctx, q, "read the secrets of accounts", func(scan scanner) error {
		var (
			key   secretKey
			value []byte
		)
		if err := scan(&key.account, &key.name, &value); err != nil {
			return err
		}
		sealed[key] = value
		return nil
	}, `SELECT account_id, name, sealed_value FROM secret WHERE `+condition, args...)
	return sealed, err
}

// openSecrets opens sealed values. One that does not open is logged and left out of the values, and is in broken.
func (s *Store) openSecrets(sealed map[secretKey][]byte) (values map[secretKey]string, broken map[secretKey]bool) {
	values = make(map[secretKey]string, len(sealed))
	for key, value := range sealed {
		plain, err := s.sealer.open(value, secretRowOf(key.account, key.name))
		if err == nil {
			values[key] = string(plain)
			continue
		}
		s.logger.Error("jobs that name a secret cannot run",
			slogErr(fmt.Errorf("open the secret %s of account %d: %w", key.name, key.account, err)))
		if broken == nil {
			broken = make(map[secretKey]bool)
		}
		broken[key] = true
	}
	return values, broken
}

// pick returns the values of some secrets of one account by name; nil for none. ok is false when one of them is broken.
func pick(keys []secretKey, values map[secretKey]string, broken map[secretKey]bool) (picked map[string]string, ok bool) {
	for _, key := range keys {
		if broken[key] {
			return nil, false
		}
		if value, found := values[key]; found {
			if picked == nil {
				picked = make(map[string]string, len(keys))
			}
			picked[key.name] = value
		}
	}
	return picked, true
}

// Material reads and opens what an account adds to a call that is made without a claim, whose request names secrets. It is not
// for transactions, which open nothing.
func (s *Store) Material(ctx context.Context, accountID int64, names []string) (m cron.Material, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT access FROM account WHERE id = $1`, accountID).Scan(&m.Access)
	if err != nil {
		return m, oneRow(err, cron.SubjectAccount)
	}
	sealedTLS := map[int64]*sealedTLS{accountID: nil}
	if err := s.readTLS(ctx, s.read, sealedTLS); err != nil {
		return m, err
	}
	keys := make([]secretKey, len(names))
	for i, name := range names {
		keys[i] = secretKey{accountID, name}
	}
	sealed, err := s.readSecretValues(ctx, s.read, keys)
	if err != nil {
		return m, err
	}
	m.TLS, m.Installation = s.openTLS(sealedTLS)[accountID], s.installation
	values, broken := s.openSecrets(sealed)
	var ok bool
	if m.Secrets, ok = pick(keys, values, broken); !ok || sealedTLS[accountID] != nil && m.TLS == nil {
		return m, fmt.Errorf("open what the account adds to a call: %w", errSealed)
	}
	return m, nil
}
