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

// maxEmail is how many bytes an e-mail address has at most (RFC 5321, section 4.5.3.1.3, without the brackets).
const maxEmail = 254

// operatorEmail is the address of the operator's account until it is given another one.
const operatorEmail = "operator@localhost"

// Accounts lists all accounts of the service, the oldest first.
func (s *Service) Accounts(ctx context.Context, actor cron.Actor) ([]cron.Account, error) {
	if err := allow(&actor, UseListAccounts); err != nil {
		return nil, err
	}
	return s.store.Accounts(ctx)
}

// Account finds an account by its e-mail address, ignoring case; the operator's when that is empty.
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

// CreateAccount adds an account. The error is of kind Conflict when its e-mail address is taken, and of kind Invalid for
// an e-mail address that is not valid or a plan that does not exist.
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

// PlanChange is the plan that an account gets.
type PlanChange struct {
	Plan      string
	Overrides cron.Overrides // all of them; what is not there is as the plan has it
	Access    *cron.Access   // nil leaves it
}

// SetPlan gives an account another plan. The error is of kind Invalid when there is no such plan, and of kind Conflict when
// it would keep the operator's account, which has the whole service, from private networks.
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

// SetAccountEnabled enables an account, or disables it: then neither its keys work nor its jobs run.
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

// SetUp gives a new database its operator, and returns the first API key of the operator's account; none when another
// start has done so before.
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
			return "", nil // another node was first, and has told the key
		}
		return "", err
	}
	return s.CreateAPIKey(ctx, s.store.Now(), cron.OperatorOf(account), func(k *cron.APIKey) error {
		k.Title = "first key"
		return nil
	})
}

// refuseOperator is an error of kind Conflict when the account is the operator's.
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

// checkPlan is an error when there is no such plan, or it has no such numbers.
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
