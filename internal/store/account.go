package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"punctual/internal/cron"
)

// accountRow is a row of account. Column disabled is what keeps the jobs from running: the account is disabled, or waits
// for its deletion.
type accountRow struct {
	cron.Account
	disabled bool // column disabled
	was      bool // column was_disabled: an account that waits for its deletion is disabled as well
}

// columns lists the columns that UpdateAccount writes.
func (r *accountRow) columns(list *columnList) {
	list.add("title", text(&r.Title))
	list.add("email", text(&r.Email))
	list.add("plan", text(&r.Plan))
	list.add("overrides", overridesField{&r.Overrides})
	list.add("access", integer(&r.Access))
	list.add("disabled", flag(&r.disabled))
	list.add("was_disabled", flag(&r.was))
	list.add("deletes_at", moment(&r.Deletes))
}

// key lists the columns that never change.
func (r *accountRow) key(list *columnList) {
	list.add("id", integer(&r.ID))
	list.add("created_at", moment(&r.Created))
}

// read returns the account after a scan.
func (r *accountRow) read() cron.Account {
	a := r.Account
	a.Disabled = r.disabled
	if !a.Deletes.IsZero() {
		a.Disabled = r.was
	}
	return a
}

// write sets the columns from the account.
func (r *accountRow) write() {
	r.disabled, r.was = r.Disabled || !r.Deletes.IsZero(), r.Disabled && !r.Deletes.IsZero()
}

// targets returns the variables for accountNames.
func (r *accountRow) targets() []any { return targets(r.key, r.columns) }

var (
	accountNames  = names("account", new(accountRow).key, new(accountRow).columns)
	accountUpdate = updateRow("account", new(accountRow).columns)
	accountInsert = `INSERT INTO account (created_at, ` + names("", new(accountRow).columns) + `) VALUES (` +
		parameters(1, 1+columns(new(accountRow).columns).count()) + `) ON CONFLICT (email) DO NOTHING RETURNING id`
)

// overridesField is the limits that differ from the plan. Its column has them as JSON.
type overridesField struct{ to *cron.Overrides }

// Scan implements sql.Scanner.
func (f overridesField) Scan(value any) error {
	var encoded string
	err := textField{&encoded}.Scan(value)
	if err == nil {
		*f.to, err = decodeOverrides(encoded)
	}
	return err
}

func (f overridesField) value() any {
	if len(*f.to) == 0 {
		return ""
	}
	return encode(*f.to)
}

// CreateAccount adds an account with a channel that tells its owners, and sets its ID. The error is of kind Conflict when the e-mail address is taken.
func (s *Store) CreateAccount(ctx context.Context, a *cron.Account) error {
	if a.Created.IsZero() {
		a.Created = s.stamp()
	}
	row := accountRow{Account: *a}
	row.write()
	err := s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		err := q.QueryRowContext(ctx, accountInsert, values([]any{millis(a.Created)}, row.columns)...).Scan(&a.ID)
		if err != nil {
			return err
		}
		return s.addOwnersChannel(ctx, q, a.ID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return errEmailOfAccount()
	}
	if err != nil {
		return fmt.Errorf("create the account: %w", err)
	}
	return nil
}

// errEmailOfAccount says that another account has the e-mail address.
func errEmailOfAccount() error { return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAccount} }

// account reads one account.
func (s *Store) account(ctx context.Context, condition string, args ...any) (cron.Account, error) {
	var row accountRow
	err := s.read.QueryRowContext(ctx, `SELECT `+accountNames+` FROM account `+condition, args...).Scan(row.targets()...)
	if err != nil {
		return cron.Account{}, oneRow(err, cron.SubjectAccount)
	}
	return row.read(), nil
}

// Operator is the oldest account. The error is of kind NotFound when there is none.
func (s *Store) Operator(ctx context.Context) (cron.Account, error) {
	return s.account(ctx, `ORDER BY id LIMIT 1`)
}

// Account reads an account. The error is of kind NotFound when it does not exist.
func (s *Store) Account(ctx context.Context, id int64) (cron.Account, error) {
	return s.account(ctx, `WHERE id = $1`, id)
}

// AccountByEmail finds an account. The error is of kind NotFound when it does not exist.
func (s *Store) AccountByEmail(ctx context.Context, email string) (cron.Account, error) {
	return s.account(ctx, `WHERE email = $1`, email)
}

// Accounts lists all accounts, the oldest first.
func (s *Store) Accounts(ctx context.Context) ([]cron.Account, error) {
	return collect(ctx, s.read, "list the accounts", func(scan scanner, a *cron.Account) error {
		var row accountRow
		err := scan(row.targets()...)
		*a = row.read()
		return err
	}, `SELECT `+accountNames+` FROM account ORDER BY id`)
}

// UpdateAccount lets change edit an account, and writes all fields but ID and Created. The row is locked
// meanwhile, so concurrent changes of different fields all take effect. change runs within the transaction, may run more
// than once, and does no more than set fields; its error changes nothing and is returned as it is. The error is of kind
// Conflict when another account has the e-mail address, and of kind NotFound when the deletion of the account is due.
//
// The jobs of an account that is disabled or waits for its deletion do not run. When they may run again, what they were
// due for is recorded as skipped, and they are planned from then on.
func (s *Store) UpdateAccount(ctx context.Context, id int64, change func(*cron.Account) error) error {
	return s.writeJobs(ctx, id, func(ctx context.Context, q queryer) error {
		var (
			row     accountRow
			enabled int64
		)
		err := q.QueryRowContext(ctx, `SELECT `+accountNames+`, enabled_at FROM account WHERE id = $1`+
			s.engine.lock(forUpdate), id).Scan(append(row.targets(), &enabled)...)
		if err != nil {
			return oneRow(err, cron.SubjectAccount)
		}
		if row.Account = row.read(); !row.Deletes.IsZero() && !s.Now().Before(row.Deletes) {
			return cron.Missing(cron.SubjectAccount)
		}
		email, stopped := row.Email, row.disabled
		if err := change(&row.Account); err != nil {
			return err
		}
		row.write()
		if row.Email != email {
			if err := checkAccountEmail(ctx, q, id, row.Email); err != nil {
				return err
			}
		}
		if _, err := q.ExecContext(ctx, accountUpdate, values([]any{id}, row.columns)...); s.engine.duplicate(err) {
			return errEmailOfAccount()
		} else if err != nil {
			return fmt.Errorf("change the account: %w", err)
		}
		if !stopped || row.disabled {
			return nil
		}
		afterCommit(ctx, func(ctx context.Context) error { return s.wakeJobs(ctx, id) })
		_, err = q.ExecContext(ctx, `UPDATE account SET enabled_at = $2 WHERE id = $1`, id, millis(s.stamp()))
		return err
	})
}

// checkAccountEmail returns an error of kind Conflict when another account has an e-mail address.
func checkAccountEmail(ctx context.Context, q queryer, id int64, email string) error {
	var taken bool
	err := q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM account WHERE email = $1 AND id <> $2`, email, id).Scan(flag(&taken))
	if err != nil {
		return fmt.Errorf("look for the e-mail address: %w", err)
	}
	if taken {
		return errEmailOfAccount()
	}
	return nil
}

// deleteChunk is how many jobs of an account one transaction deletes.
const deleteChunk = 100

// DeleteAccount removes an account with its jobs, folders, keys, memberships and links. Its history is no longer
// reachable and is deleted when its retention ends. The jobs are deleted first, in chunks, and do not run meanwhile.
// When it fails halfway, the account is disabled.
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
	return s.writeJobs(ctx, id, func(ctx context.Context, q queryer) error { return deleteAccount(ctx, q, id) })
}

// deleteAccount removes an account that has at most a few jobs.
func deleteAccount(ctx context.Context, q queryer, id int64) error {
	res, err := q.ExecContext(ctx, `DELETE FROM account WHERE id = $1`, id)
	if err := changedOne(res, err, cron.SubjectAccount); err != nil {
		return err
	}
	if _, err := q.ExecContext(ctx, `DELETE FROM link WHERE account_id = $1`, id); err != nil {
		return fmt.Errorf("delete the links of the account: %w", err)
	}
	return nil
}

// deleteDue takes one step of the deletion of an account that is due: it deletes a chunk of the jobs or, when none are left,
// the account.
func (s *Store) deleteDue(ctx context.Context) (more bool, err error) {
	var id int64
	err = s.read.QueryRowContext(ctx, `SELECT id FROM account WHERE deletes_at > 0 AND deletes_at <= $1 LIMIT 1`,
		millis(s.Now())).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = s.writeJobs(ctx, id, func(ctx context.Context, q queryer) error {
			jobs, err := s.deleteSomeJobs(ctx, q, id)
			if err != nil || jobs {
				return err
			}
			messages, err := s.deleteSomeMessages(ctx, id)
			if err != nil || messages {
				return err
			}
			return s.deleteAudited(ctx, q, id)
		})
	}
	if cron.KindOf(err) == cron.NotFound {
		err = nil // another node has deleted it
	}
	if err != nil {
		return false, fmt.Errorf("delete an account: %w", err)
	}
	return true, nil
}

// deleteAudited deletes an account on behalf of the service, whose audit log says so: that of the account goes with it.
func (s *Store) deleteAudited(ctx context.Context, q queryer, id int64) error {
	e := cron.AuditEntry{Actor: "the service", Way: cron.WayService, Action: "account.delete", Object: "account", ObjectID: id}
	err := q.QueryRowContext(ctx, `SELECT CASE WHEN title <> '' THEN title ELSE email END FROM account WHERE id = $1`, id).Scan(&e.Title)
	if err != nil {
		return oneRow(err, cron.SubjectAccount)
	}
	return s.Audited(ctx, &e, func(ctx context.Context) error { return deleteAccount(ctx, q, id) })
}

// deleteSomeJobs deletes a chunk of an account's jobs, and locks them against claims first.
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
	if len(ids) == deleteChunk {
		return true, nil
	}
	return deleteActionJobs(ctx, q, `action_id IN (SELECT id FROM action WHERE account_id = $1)`, accountID)
}

// planRow is the columns of account about its plan.
type planRow struct{ name, overrides string }

func (s *Store) plan(r planRow) (cron.Plan, error) {
	o, err := decodeOverrides(r.overrides)
	if err != nil {
		return cron.Plan{}, err
	}
	return s.plans.Of(r.name, o), nil
}

// lockPlan reads the plan of an account and locks it until the end of the transaction, so that what is counted against
// the plan stays true.
func (s *Store) lockPlan(ctx context.Context, q queryer, accountID int64) (cron.Plan, error) {
	var row planRow
	err := q.QueryRowContext(ctx, `SELECT plan, overrides FROM account WHERE id = $1`+s.engine.lock(forUpdate), accountID).Scan(
		&row.name, &row.overrides)
	if err != nil {
		return cron.Plan{}, oneRow(err, cron.SubjectAccount)
	}
	return s.plan(row)
}

// checkRoom returns an error of kind TooMany when there are as many rows as the plan allows. A limit of 0 means no
// limit.
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

func decodeOverrides(text string) (o cron.Overrides, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return nil, fmt.Errorf("decode the overrides: %w", err)
	}
	return o, nil
}
