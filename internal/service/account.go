package service

import (
	"context"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// maxEmail is the longest e-mail address in bytes (RFC 5321, section 4.5.3.1.3, without the brackets).
const maxEmail = 254

// operatorEmail is the address of the operator's account until it is changed.
const operatorEmail = "operator@localhost"

// Accounts lists all accounts of the service, the oldest first.
func (s *Service) Accounts(ctx context.Context, actor cron.Actor) ([]cron.Account, error) {
	if err := allow(&actor, UseListAccounts); err != nil {
		return nil, err
	}
	return s.store.Accounts(ctx)
}

// Account finds an account by its e-mail address, ignoring case. An empty address means the operator's account.
func (s *Service) Account(ctx context.Context, actor cron.Actor, email string) (cron.Account, error) {
	if err := allow(&actor, UseListAccounts); err != nil {
		return cron.Account{}, err
	}
	return s.findAccount(ctx, email)
}

func (s *Service) findAccount(ctx context.Context, email string) (cron.Account, error) {
	if email == "" {
		return s.store.Operator(ctx)
	}
	return s.store.AccountByEmail(ctx, strings.ToLower(email))
}

// CreateAccount adds an account. The error is of kind Conflict when the e-mail address is taken, and of kind Invalid
// for an invalid e-mail address or an unknown plan.
func (s *Service) CreateAccount(ctx context.Context, actor cron.Actor, email, plan string, access cron.Access) (
	cron.Account, error) {
	if err := allow(&actor, UseCreateAccount); err != nil {
		return cron.Account{}, err
	}
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > maxEmail {
		return cron.Account{}, invalidAccount(cron.Problem{Pointer: "/email", Rule: cron.RuleEmail, Given: email})
	}
	if err := s.checkPlan(plan, nil); err != nil {
		return cron.Account{}, err
	}
	account := cron.Account{Email: strings.ToLower(email), Plan: plan, Access: access}
	err := s.store.CreateAccount(ctx, &account)
	return account, err
}

// PlanChange is the new plan of an account.
type PlanChange struct {
	Plan      string
	Overrides cron.Overrides // replace all former overrides
	Access    *cron.Access   // nil keeps it
}

// SetPlan changes the plan of an account. The error is of kind Invalid for an unknown plan, and of kind Conflict when
// the change would keep the operator's account from private networks.
func (s *Service) SetPlan(ctx context.Context, actor cron.Actor, email string, change PlanChange) error {
	if err := allow(&actor, UseChangeAccount); err != nil {
		return err
	}
	if err := s.checkPlan(change.Plan, change.Overrides); err != nil {
		return err
	}
	account, err := s.findAccount(ctx, email)
	if err != nil {
		return err
	}
	if change.Access != nil && *change.Access == cron.AccessGlobal {
		if err := s.refuseOperator(ctx, &account); err != nil {
			return err
		}
	}
	return s.store.UpdateAccount(ctx, account.ID, func(a *cron.Account) error {
		a.Plan, a.Overrides = change.Plan, change.Overrides
		if change.Access != nil {
			a.Access = *change.Access
		}
		return nil
	})
}

// SetAccountEnabled enables or disables an account. While it is disabled, its keys are refused and its jobs do not run.
func (s *Service) SetAccountEnabled(ctx context.Context, actor cron.Actor, email string, enabled bool) error {
	if err := allow(&actor, UseChangeAccount); err != nil {
		return err
	}
	account, err := s.findAccount(ctx, email)
	if err != nil {
		return err
	}
	return s.store.UpdateAccount(ctx, account.ID, func(a *cron.Account) error {
		a.Disabled = !enabled
		return nil
	})
}

// DeleteAccount removes an account with everything that it owns. The error is of kind Conflict for the operator's.
func (s *Service) DeleteAccount(ctx context.Context, actor cron.Actor, email string) error {
	if err := allow(&actor, UseDeleteAccount); err != nil {
		return err
	}
	account, err := s.findAccount(ctx, email)
	if err != nil {
		return err
	}
	if err := s.refuseOperator(ctx, &account); err != nil {
		return err
	}
	return s.store.DeleteAccount(ctx, account.ID)
}

// SetUp creates the operator's account in a new database and returns its first API key. It returns "" when that has
// been done before.
func (s *Service) SetUp(ctx context.Context, actor cron.Actor) (key string, err error) {
	if err := allow(&actor, UseSetUp); err != nil {
		return "", err
	}
	_, err = s.store.Operator(ctx)
	if err == nil {
		return "", nil
	}
	if cron.KindOf(err) != cron.NotFound {
		return "", fmt.Errorf("find the operator's account: %w", err)
	}
	account := cron.Account{Email: operatorEmail, Plan: cron.PlanUnlimited}
	if err := s.store.CreateAccount(ctx, &account); err != nil {
		if cron.KindOf(err) == cron.Conflict {
			return "", nil // another node was first, and has shown the key
		}
		return "", err
	}
	return s.CreateAPIKey(ctx, s.store.Now(), cron.OperatorOf(account), func(k *cron.APIKey) error {
		k.Title = "first key"
		return nil
	})
}

// refuseOperator returns an error of kind Conflict for the operator's account.
func (s *Service) refuseOperator(ctx context.Context, account *cron.Account) error {
	operator, err := s.store.Operator(ctx)
	if err != nil {
		return err
	}
	if operator.ID == account.ID {
		return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectAccount}
	}
	return nil
}

// checkPlan returns an error for an unknown plan or invalid overrides.
func (s *Service) checkPlan(name string, o cron.Overrides) error {
	if _, ok := s.plans[name]; !ok {
		return invalidAccount(cron.Problem{Pointer: "/plan", Rule: cron.RuleUnknownValue, Given: name,
			Want: strings.Join(slices.Sorted(maps.Keys(s.plans)), ", ")})
	}
	return o.Check()
}

func invalidAccount(p cron.Problem) error {
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectAccount, Problems: []cron.Problem{p}}
}
