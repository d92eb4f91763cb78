package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"punctual/internal/cron"
)

// personColumns lists the columns that UpdatePerson writes.
func personColumns(p *cron.Person) columns {
	return func(list *columnList) {
		personShown(p)(list)
		list.add("zone", text(&p.Zone))
		list.add("language", text(&p.Language))
		list.add("theme", text(&p.Theme))
		list.add("password_hash", text(&p.PasswordHash))
	}
}

// personShown lists the columns that lists of people read.
func personShown(p *cron.Person) columns {
	return func(list *columnList) {
		list.add("email", text(&p.Email))
		list.add("name", text(&p.Name))
		list.add("operator", flag(&p.Operator))
		list.add("disabled", flag(&p.Disabled))
		list.add("confirmed", flag(&p.Confirmed))
		list.add("created_at", moment(&p.Created))
		list.add("last_sign_in_at", moment(&p.LastSignIn))
	}
}

const hasTOTP = `, person.sealed_totp IS NOT NULL`

var (
	personInsert = insertRow("person", personColumns(new(cron.Person)))
	personUpdate = updateRow("person", personColumns(new(cron.Person)))
	personNames  = `person.id, ` + names("person", personColumns(new(cron.Person))) + hasTOTP
	// memberNames is for lists of people: without the hash of the password.
	memberNames = `person.id, ` + names("person", personShown(new(cron.Person))) + hasTOTP
)

// personTargets returns the variables for personNames.
func personTargets(p *cron.Person) []any {
	return append(append([]any{integer(&p.ID)}, targets(personColumns(p))...), flag(&p.HasTOTP))
}

// memberTargets returns the variables for memberNames.
func memberTargets(p *cron.Person) []any {
	return append(append([]any{integer(&p.ID)}, targets(personShown(p))...), flag(&p.HasTOTP))
}

// errEmailOfPerson says that another person has the e-mail address.
func errEmailOfPerson() error {
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectPerson,
		Problems: []cron.Problem{{Pointer: "/email", Rule: cron.RuleEmailTaken}}}
}

// CreatePerson adds a person and sets its ID. The error is of kind Conflict when another person has the e-mail address.
func (s *Store) CreatePerson(ctx context.Context, p *cron.Person) error {
	if p.Created.IsZero() {
		p.Created = s.stamp()
	}
	err := s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		if err := checkPersonEmail(ctx, q, 0, p.Email); err != nil {
			return err
		}
		err := q.QueryRowContext(ctx, personInsert, values(nil, personColumns(p))...).Scan(&p.ID)
		if s.engine.duplicate(err) {
			return errEmailOfPerson() // another node was faster
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create the person: %w", err)
	}
	return nil
}

// checkPersonEmail returns an error of kind Conflict when another person has an e-mail address.
func checkPersonEmail(ctx context.Context, q queryer, id int64, email string) error {
	var taken bool
	err := q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM person WHERE email = $1 AND id <> $2`, email, id).Scan(flag(&taken))
	if err != nil {
		return fmt.Errorf("look for the e-mail address: %w", err)
	}
	if taken {
		return errEmailOfPerson()
	}
	return nil
}

// readPerson reads one person.
func readPerson(ctx context.Context, q queryer, condition string, args ...any) (cron.Person, error) {
	var p cron.Person
	err := q.QueryRowContext(ctx, `SELECT `+personNames+` FROM person `+condition, args...).Scan(personTargets(&p)...)
	return p, oneRow(err, cron.SubjectPerson)
}

// Person finds a person; Missing when there is none.
func (s *Store) Person(ctx context.Context, id int64) (cron.Person, error) {
	return readPerson(ctx, s.read, `WHERE id = $1`, id)
}

// PersonByEmail finds a person by an address in lower case; Missing when there is none.
func (s *Store) PersonByEmail(ctx context.Context, email string) (cron.Person, error) {
	return readPerson(ctx, s.read, `WHERE email = $1`, email)
}

// People lists all people in the order in which they came, without the hashes of their passwords and their settings.
func (s *Store) People(ctx context.Context) ([]cron.Person, error) {
	return collect(ctx, s.read, "list the people", func(scan scanner, p *cron.Person) error {
		return scan(memberTargets(p)...)
	}, `SELECT `+memberNames+` FROM person ORDER BY id`)
}

// HasOperator tells whether there is an operator who is not disabled.
func (s *Store) HasOperator(ctx context.Context) (has bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM person WHERE operator AND NOT disabled)`).Scan(flag(&has))
	if err != nil {
		return false, fmt.Errorf("look for an operator: %w", err)
	}
	return has, nil
}

// UpdatePerson lets change edit a person, and writes all fields but ID and HasTOTP. The row is locked
// meanwhile. change runs within the transaction, may run more than once, and does no more than set fields; its error
// changes nothing and is returned as it is. The error is of kind Conflict when another person has the e-mail address, or
// when no operator would be left.
func (s *Store) UpdatePerson(ctx context.Context, id int64, change func(*cron.Person) error) error {
	return s.transact(ctx, ofPerson(id), func(ctx context.Context, q queryer) error {
		p, last, err := s.lockPerson(ctx, q, id, forUpdate)
		if err != nil {
			return err
		}
		email := p.Email
		if err := change(&p); err != nil {
			return err
		}
		if last && (!p.Operator || p.Disabled) {
			return errLastOperator()
		}
		if p.Email != email {
			if err := checkPersonEmail(ctx, q, id, p.Email); err != nil {
				return err
			}
		}
		if _, err := q.ExecContext(ctx, personUpdate, values([]any{id}, personColumns(&p))...); s.engine.duplicate(err) {
			return errEmailOfPerson()
		} else if err != nil {
			return fmt.Errorf("change the person: %w", err)
		}
		return nil
	})
}

// errLastOperator says that no operator would be left.
func errLastOperator() error {
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleLastOperator}}}
}

// lockPerson reads a person and locks the row until the end of the transaction. last tells that the person is the only
// operator who is not disabled. All operators are locked together, in the order of their IDs, so that one remains when
// several resign at the same time.
func (s *Store) lockPerson(ctx context.Context, q queryer, id int64, lock lockKind) (p cron.Person, last bool, err error) {
	runs := func() bool { return p.Operator && !p.Disabled }
	p, err = readPerson(ctx, q, `WHERE id = $1`, id)
	for err == nil {
		counted := runs()
		if counted {
			var operators []int64
			operators, err = collect(ctx, q, "lock the operators", single[int64],
				`SELECT id FROM person WHERE operator AND NOT disabled ORDER BY id`+s.engine.lock(lock))
			last = len(operators) == 1 && operators[0] == id
		}
		if err == nil {
			p, err = readPerson(ctx, q, `WHERE id = $1`+s.engine.lock(lock), id)
		}
		if counted || !runs() { // otherwise somebody has just made the person an operator
			break
		}
	}
	return p, last, err
}

// DeletePerson removes a person with memberships, sessions, links, passkeys and identities. The API keys that the person
// made stay, and are returned as RemoveMembership does. The error is of kind Conflict when the person is the last owner of
// an account, or the last operator.
func (s *Store) DeletePerson(ctx context.Context, id int64) (keys []cron.APIKey, err error) {
	err = s.transact(ctx, ofPerson(id), func(ctx context.Context, q queryer) (err error) {
		if keys, err = s.leaveAccounts(ctx, q, id); err != nil {
			return err
		}
		_, last, err := s.lockPerson(ctx, q, id, forReplace)
		if err != nil {
			return err
		}
		if last {
			return errLastOperator()
		}
		late, err := s.leaveAccounts(ctx, q, id) // joined before the person was locked
		if err != nil {
			return err
		}
		keys = append(keys, late...)
		if _, err := q.ExecContext(ctx, `DELETE FROM link WHERE person_id = $1`, id); err != nil {
			return fmt.Errorf("delete the links of the person: %w", err)
		}
		res, err := q.ExecContext(ctx, `DELETE FROM person WHERE id = $1`, id)
		return changedOne(res, err, cron.SubjectPerson)
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// leaveAccounts ends all memberships of a person, and returns the API keys that stay. Accounts are locked in the order of
// their IDs.
func (s *Store) leaveAccounts(ctx context.Context, q queryer, personID int64) (keys []cron.APIKey, err error) {
	accounts, err := collect(ctx, q, "list the accounts", single[int64],
		`SELECT account_id FROM membership WHERE person_id = $1 ORDER BY account_id`, personID)
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		left, err := s.removeMember(ctx, q, account, personID)
		if err != nil && cron.KindOf(err) != cron.NotFound { // somebody else has just ended it
			return nil, err
		}
		keys = append(keys, left...)
	}
	return keys, nil
}

func totpRow(personID int64) string { return "person totp " + strconv.FormatInt(personID, 10) }

// SetTOTP gives a person the secret of an authenticator app, or takes it away with the recovery codes when it is nil.
func (s *Store) SetTOTP(ctx context.Context, personID int64, secret []byte) error {
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) (err error) {
		var sealed []byte
		if secret != nil {
			if sealed, err = s.seal(ctx, q, secret, totpRow(personID)); err != nil {
				return err
			}
		}
		res, err := q.ExecContext(ctx, `UPDATE person SET sealed_totp = $2, totp_step = 0 WHERE id = $1`, personID, sealed)
		if err := changedOne(res, err, cron.SubjectPerson); err != nil || secret != nil {
			return err
		}
		return deleteRecoveryCodes(ctx, q, personID)
	})
}

// TOTP is the secret of the authenticator app of a person, nil when there is none, and the last step of time that was used.
func (s *Store) TOTP(ctx context.Context, personID int64) (secret []byte, step int64, err error) {
	var sealed []byte
	err = s.read.QueryRowContext(ctx, `SELECT sealed_totp, totp_step FROM person WHERE id = $1`, personID).Scan(
		blob(&sealed), &step)
	if err != nil {
		return nil, 0, oneRow(err, cron.SubjectPerson)
	}
	if sealed == nil {
		return nil, step, nil
	}
	secret, err = s.sealer.open(sealed, totpRow(personID))
	if err != nil {
		return nil, 0, fmt.Errorf("open the second factor of person %d: %w", personID, err)
	}
	return secret, step, nil
}

// errCodeUsed says that the code, or a later one, was used before.
func errCodeUsed() error {
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleCodeUsed}}}
}

// totpAhead is how many steps a used one may be ahead of the present one. More means that the clock was wrong then: nobody
// waits until it gets there.
const totpAhead = 10

// UseTOTPStep notes that the code of a step of time was used; Conflict when it or a later one was before.
func (s *Store) UseTOTPStep(ctx context.Context, personID, step int64) error {
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx,
			`UPDATE person SET totp_step = $2 WHERE id = $1 AND (totp_step < $2 OR totp_step > $3) AND sealed_totp IS NOT NULL`,
			personID, step, step+totpAhead)
		if err := changedOne(res, err, cron.SubjectPerson); cron.KindOf(err) == cron.NotFound {
			return errCodeUsed()
		} else if err != nil {
			return fmt.Errorf("use a code: %w", err)
		}
		return nil
	})
}

func deleteRecoveryCodes(ctx context.Context, q queryer, personID int64) error {
	if _, err := q.ExecContext(ctx, `DELETE FROM recovery_code WHERE person_id = $1`, personID); err != nil {
		return fmt.Errorf("delete the recovery codes: %w", err)
	}
	return nil
}

// SetRecoveryCodes replaces the recovery codes of a person by those with the given hashes. The error is of kind TooMany
// for more than cron.MaxRecoveryCodes.
func (s *Store) SetRecoveryCodes(ctx context.Context, personID int64, hashes [][32]byte) error {
	if len(hashes) > cron.MaxRecoveryCodes {
		return &cron.Error{Kind: cron.TooMany, Problems: []cron.Problem{{Rule: cron.RuleTooMany, Limit: cron.MaxRecoveryCodes}}}
	}
	return s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		if _, err := readPerson(ctx, q, `WHERE id = $1`+s.engine.lock(forUpdate), personID); err != nil {
			return err
		}
		if err := deleteRecoveryCodes(ctx, q, personID); err != nil {
			return err
		}
		for _, hash := range hashes {
			if _, err := q.ExecContext(ctx, `INSERT INTO recovery_code (person_id, hash) VALUES ($1, $2)`, personID, hash[:]); err != nil {
				return fmt.Errorf("write a recovery code: %w", err)
			}
		}
		return nil
	})
}

// RecoveryCodes is how many recovery codes of a person are not used.
func (s *Store) RecoveryCodes(ctx context.Context, personID int64) (left int, err error) {
	return countRecoveryCodes(ctx, s.read, personID)
}

func countRecoveryCodes(ctx context.Context, q queryer, personID int64) (left int, err error) {
	err = q.QueryRowContext(ctx, `SELECT count(*) FROM recovery_code WHERE person_id = $1 AND used_at = 0`, personID).Scan(&left)
	if err != nil {
		return 0, fmt.Errorf("count the recovery codes: %w", err)
	}
	return left, nil
}

// UseRecoveryCode uses a recovery code up, and returns how many are left. The error is of kind NotFound when the person
// has no such code, and of kind Conflict when it was used before.
func (s *Store) UseRecoveryCode(ctx context.Context, personID int64, hash [32]byte) (left int, err error) {
	err = s.transact(ctx, ofPerson(personID), func(ctx context.Context, q queryer) error {
		var used int64
		err := q.QueryRowContext(ctx, `SELECT used_at FROM recovery_code WHERE person_id = $1 AND hash = $2`+s.engine.lock(forUpdate),
			personID, hash[:]).Scan(&used)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return &cron.Error{Kind: cron.NotFound, Subject: cron.SubjectPerson, Problems: []cron.Problem{{Rule: cron.RuleCode}}}
		case err != nil:
			return fmt.Errorf("find a recovery code: %w", err)
		case used != 0:
			return errCodeUsed()
		}
		_, err = q.ExecContext(ctx, `UPDATE recovery_code SET used_at = $3 WHERE person_id = $1 AND hash = $2`,
			personID, hash[:], millis(s.Now()))
		if err != nil {
			return fmt.Errorf("use a recovery code: %w", err)
		}
		left, err = countRecoveryCodes(ctx, q, personID)
		return err
	})
	return left, err
}
