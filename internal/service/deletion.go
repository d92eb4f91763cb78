package service

import (
	"context"
	"strings"
	"time"

	"punctual/internal/cron"
)

// DeletionDelay is how long an account that is to be deleted can still be kept. Its jobs do not run meanwhile.
const DeletionDelay = 7 * 24 * time.Hour

// DeleteAccount removes an account with everything that it owns: at once, or with at once false after DeletionDelay. The
// error is of kind Conflict for the operator's.
func (s *Service) DeleteAccount(ctx context.Context, actor cron.Actor, name string, atOnce bool) error {
	if err := s.allow(&actor, UseDeleteAccount); err != nil {
		return err
	}
	account, err := s.findAccount(ctx, name)
	if err != nil {
		return err
	}
	if err := s.refuseOperator(ctx, &account); err != nil {
		return err
	}
	if atOnce {
		return s.deleteAccount(ctx, &actor, &account)
	}
	_, err = s.scheduleDeletion(ctx, &actor, &account)
	return err
}

// deleteAccount deletes an account now. The log of the service tells of it, since that of the account goes with it.
func (s *Service) deleteAccount(ctx context.Context, actor *cron.Actor, account *cron.Account) error {
	service := *actor
	service.Account = cron.Account{}
	err := s.note(ctx, &service, cron.AuditEntry{Action: actAccountDrop, Object: objectAccount, ObjectID: account.ID, Title: nameOf(account)})
	if err != nil {
		return err
	}
	return s.store.DeleteAccount(ctx, account.ID)
}

// RequestDeletion has the account of the actor deleted after DeletionDelay, of which its owners get a mail, and returns when.
// typed has to be the title or the e-mail address of the account. The error is of kind Conflict for the operator's.
func (s *Service) RequestDeletion(ctx context.Context, actor cron.Actor, typed string) (at time.Time, err error) {
	if err := s.allow(&actor, UseRequestDeletion); err != nil {
		return at, err
	}
	account, err := s.store.Account(ctx, actor.Account.ID)
	if err != nil {
		return at, err
	}
	if typed = strings.TrimSpace(typed); typed != account.Title && !strings.EqualFold(typed, account.Email) || typed == "" {
		return at, invalidAccount(cron.Problem{Pointer: "/name", Rule: cron.RuleTypedName, Want: nameOf(&account)})
	}
	if err := s.refuseOperator(ctx, &account); err != nil {
		return at, err
	}
	return s.scheduleDeletion(ctx, &actor, &account)
}

func (s *Service) scheduleDeletion(ctx context.Context, actor *cron.Actor, account *cron.Account) (at time.Time, err error) {
	at = s.store.Now().Add(DeletionDelay).Truncate(time.Second)
	err = s.changeAccount(ctx, actor, account.ID, actAccountWill, func(a *cron.Account) error {
		if a.Deletes.IsZero() {
			a.Deletes = at
		}
		at = a.Deletes
		return nil
	})
	if err == nil {
		s.mailOwners(ctx, account, mailDeletion(at))
	}
	return at, err
}

// CancelDeletion keeps an account that was to be deleted, of which its owners get a mail.
func (s *Service) CancelDeletion(ctx context.Context, actor cron.Actor) error {
	if err := s.allow(&actor, UseCancelDeletion); err != nil {
		return err
	}
	kept := false
	err := s.changeAccount(ctx, &actor, actor.Account.ID, actAccountKeep, func(a *cron.Account) error {
		kept = !a.Deletes.IsZero()
		a.Deletes = time.Time{}
		return nil
	})
	if err == nil && kept {
		s.mailOwners(ctx, &actor.Account, mailKept)
	}
	return err
}
