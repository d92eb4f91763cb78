package service

import (
	"context"

	"punctual/internal/cron"
)

// People lists the people of the account with their roles, in the order in which they came.
func (s *Service) People(ctx context.Context, actor cron.Actor) ([]cron.Membership, error) {
	if err := s.allow(&actor, UseListPeople); err != nil {
		return nil, err
	}
	return s.store.Memberships(ctx, actor.Account.ID)
}

// ChangeRole gives a person of the account another role. Nobody gives a higher role than their own. The error is of kind
// Conflict for the last owner.
func (s *Service) ChangeRole(ctx context.Context, actor cron.Actor, personID int64, role cron.Role) error {
	if err := s.allow(&actor, UseChangeRole); err != nil {
		return err
	}
	if err := checkRole(&actor, role); err != nil {
		return err
	}
	m, err := s.member(ctx, &actor, personID)
	if err != nil {
		return err
	}
	e := cron.AuditEntry{Action: actMemberChange, Object: objectPerson, ObjectID: personID, Title: asRole(m.Person.Email, role), Changes: []string{"/role"}}
	return s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) error {
		if _, err := s.store.Membership(ctx, actor.Account.ID, personID); err != nil { // left meanwhile
			return err
		}
		return s.store.SetMembership(ctx, cron.Membership{AccountID: actor.Account.ID, PersonID: personID, Role: role})
	})
}

// member finds a person of the account of the actor.
func (s *Service) member(ctx context.Context, actor *cron.Actor, personID int64) (cron.Membership, error) {
	m, err := s.store.Membership(ctx, actor.Account.ID, personID)
	if err == nil {
		m.Person, err = s.store.Person(ctx, personID)
	}
	return m, err
}

// checkRole is an error when a role cannot be given, or not by the actor.
func checkRole(actor *cron.Actor, role cron.Role) error {
	if role < cron.RoleViewer || role > cron.RoleOwner {
		return invalidPerson(cron.Problem{Pointer: "/role", Rule: cron.RuleUnknownValue, Given: role.String(), Want: "viewer, editor, owner"})
	}
	if role > actor.Role {
		return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectMember, Problems: []cron.Problem{
			{Pointer: "/role", Rule: cron.RuleInviterRole, Want: actor.Role.String()}}}
	}
	return nil
}

// RemovePerson ends that a person belongs to the account; anybody can leave, and owners can have others leave. The API keys
// that the person made stay in use, and the owners are told of them. The error is of kind Conflict for the last owner.
func (s *Service) RemovePerson(ctx context.Context, actor cron.Actor, personID int64) error {
	use, action := UseChangeRole, actMemberRemove
	if actor.Person != nil && actor.Person.ID == personID {
		use, action = UseRemovePerson, actMemberLeave
	}
	if err := s.allow(&actor, use); err != nil {
		return err
	}
	m, err := s.member(ctx, &actor, personID)
	if err != nil {
		return err
	}
	var keys []cron.APIKey
	e := personEntry(action, &m.Person)
	err = s.audited(ctx, &actor, e, func(ctx context.Context, _ *cron.AuditEntry) (err error) {
		keys, err = s.store.RemoveMembership(ctx, actor.Account.ID, personID)
		return err
	})
	if err == nil {
		s.tellOfKeys(ctx, &actor.Account, &m.Person, keys)
	}
	return err
}

// Leave ends that the person belongs to the account, like RemovePerson.
func (s *Service) Leave(ctx context.Context, actor cron.Actor) error {
	if actor.Person == nil {
		return refused(cron.Problem{Rule: cron.RuleSessionOnly})
	}
	return s.RemovePerson(ctx, actor, actor.Person.ID)
}
