package store

import (
	"context"
	"fmt"

	"punctual/internal/cron"
)

// Every change of members locks the row of the account, so that one owner stays when several leave at the same time.

func membershipColumns(m *cron.Membership) columns {
	return func(list *columnList) {
		list.add("account_id", integer(&m.AccountID))
		list.add("person_id", integer(&m.PersonID))
		list.add("role", integer(&m.Role))
		list.add("created_at", moment(&m.Created))
	}
}

var membershipNames = names("membership", membershipColumns(new(cron.Membership)))

func readMembership(ctx context.Context, q queryer, accountID, personID int64) (m cron.Membership, err error) {
	err = q.QueryRowContext(ctx, `SELECT `+membershipNames+` FROM membership WHERE account_id = $1 AND person_id = $2`,
		accountID, personID).Scan(targets(membershipColumns(&m))...)
	return m, oneRow(err, cron.SubjectMember)
}

// Memberships lists the members of an account in the order in which they came, without the hashes of their passwords.
func (s *Store) Memberships(ctx context.Context, accountID int64) ([]cron.Membership, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the members", func(scan scanner, m *cron.Membership) error {
		return scan(append(targets(membershipColumns(m)), memberTargets(&m.Person)...)...)
	}, `SELECT `+membershipNames+`, `+memberNames+` FROM membership JOIN person ON person.id = membership.person_id
		WHERE membership.account_id = $1 ORDER BY membership.created_at, membership.person_id`, accountID)
}

// MembershipsOf lists the accounts of a person, the first one first.
func (s *Store) MembershipsOf(ctx context.Context, personID int64) ([]cron.Membership, error) {
	ctx, leave, err := s.enter(ctx, ofPerson(personID).account)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the accounts of a person", func(scan scanner, m *cron.Membership) error {
		var row accountRow
		err := scan(append(targets(membershipColumns(m)), row.targets()...)...)
		m.Account = row.read()
		return err
	}, `SELECT `+membershipNames+`, `+accountNames+` FROM membership JOIN account ON account.id = membership.account_id
		WHERE membership.person_id = $1 ORDER BY membership.created_at, membership.account_id`, personID)
}

// Membership finds out what a person may do in an account; Missing when the person is no member of it.
func (s *Store) Membership(ctx context.Context, accountID, personID int64) (cron.Membership, error) {
	return readMembership(ctx, s.read, accountID, personID)
}

// SetMembership makes a person a member of an account, or gives a member another role. Open invitations to a higher role
// than the new one that the person made end. The error is of kind Conflict when no owner would be left who is not
// disabled, and of kind TooMany when it has as many members as possible.
func (s *Store) SetMembership(ctx context.Context, m cron.Membership) error {
	if m.Created.IsZero() {
		m.Created = s.stamp()
	}
	return s.transact(ctx, ofAccount(m.AccountID), func(ctx context.Context, q queryer) error {
		if _, err := s.lockPlan(ctx, q, m.AccountID); err != nil {
			return err
		}
		if _, err := readPerson(ctx, q, `WHERE id = $1`+s.engine.lock(forKeyShare), m.PersonID); err != nil {
			return err
		}
		old, err := readMembership(ctx, q, m.AccountID, m.PersonID)
		switch {
		case cron.KindOf(err) == cron.NotFound:
			err = checkRoom(ctx, q, `SELECT count(*) FROM membership WHERE account_id = $1`, m.AccountID, cron.MaxMembers,
				cron.SubjectMember)
		case err == nil && old.Role == cron.RoleOwner && m.Role < cron.RoleOwner:
			err = checkOwners(ctx, q, m.AccountID, m.PersonID)
		}
		if err == nil && m.Role < old.Role {
			err = s.endInvitations(ctx, q, m.AccountID, m.PersonID, m.Role)
		}
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `INSERT INTO membership (account_id, person_id, role, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account_id, person_id) DO UPDATE SET role = excluded.role`, values(nil, membershipColumns(&m))...)
		if err != nil {
			return fmt.Errorf("save the membership: %w", err)
		}
		return nil
	})
}

// checkOwners returns an error of kind Conflict when an account, which is locked, has no owner besides a person who is not
// disabled.
func checkOwners(ctx context.Context, q queryer, accountID, personID int64) error {
	var others bool
	err := q.QueryRowContext(ctx, `SELECT count(*) > 0 FROM membership JOIN person ON person.id = membership.person_id
		WHERE membership.account_id = $1 AND membership.person_id <> $2 AND membership.role = $3 AND NOT person.disabled`,
		accountID, personID, int(cron.RoleOwner)).Scan(flag(&others))
	if err != nil {
		return fmt.Errorf("count the owners: %w", err)
	}
	if !others {
		return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectMember, Problems: []cron.Problem{{Rule: cron.RuleLastOwner}}}
	}
	return nil
}

// RemoveMembership ends that a person belongs to an account, and the open invitations that the person made in it or that are
// to the address of the person. The API
// keys that the person made in it stay, with the role that they have at this moment; they are returned, so that the owners
// can be told. The error is of kind Conflict when no owner would be left who is not disabled.
func (s *Store) RemoveMembership(ctx context.Context, accountID, personID int64) (keys []cron.APIKey, err error) {
	err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) (err error) {
		keys, err = s.removeMember(ctx, q, accountID, personID)
		return err
	})
	return keys, err
}

func (s *Store) removeMember(ctx context.Context, q queryer, accountID, personID int64) (keys []cron.APIKey, err error) {
	if _, err := s.lockPlan(ctx, q, accountID); err != nil {
		return nil, err
	}
	m, err := readMembership(ctx, q, accountID, personID)
	if err == nil && m.Role == cron.RoleOwner {
		err = checkOwners(ctx, q, accountID, personID)
	}
	if err == nil {
		err = s.endInvitations(ctx, q, accountID, personID, cron.RoleNone)
	}
	if err == nil { // also those to the person, who would come back by them
		_, err = q.ExecContext(ctx, `UPDATE link SET expires_at = $2 WHERE `+openInvitations+`
			AND email = (SELECT email FROM person WHERE id = $3)`, accountID, millis(s.Now()), personID)
	}
	if err != nil {
		return nil, err
	}
	if keys, err = leaveKeys(ctx, q, accountID, personID); err != nil {
		return nil, err
	}
	res, err := q.ExecContext(ctx, `DELETE FROM membership WHERE account_id = $1 AND person_id = $2`, accountID, personID)
	return keys, changedOne(res, err, cron.SubjectMember)
}
