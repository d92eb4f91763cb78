package service

import (
	"context"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// maxEmail is the longest e-mail address in bytes (RFC 5321, section 4.5.3.1.3, without the brackets).
const maxEmail = 254

// operatorEmail is the address of the operator's account until it is changed.
const operatorEmail = "operator@localhost"

// Accounts lists all accounts of the service, the oldest first.
func (s *Service) Accounts(ctx context.Context, actor cron.Actor) ([]cron.Account, error) {
	if err := s.allow(&actor, UseListAccounts); err != nil {
		return nil, err
	}
	return s.store.Accounts(ctx)
}

// Account finds an account by its ID in digits, or by its e-mail address ignoring case; the operator's when name is empty.
func (s *Service) Account(ctx context.Context, actor cron.Actor, name string) (cron.Account, error) {
	if err := s.allow(&actor, UseListAccounts); err != nil {
		return cron.Account{}, err
	}
	return s.findAccount(ctx, name)
}

func (s *Service) findAccount(ctx context.Context, name string) (cron.Account, error) {
	if name == "" {
		return s.store.Operator(ctx)
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return s.store.Account(ctx, id)
	}
	return s.store.AccountByEmail(ctx, strings.ToLower(name))
}

// parseEmail is an e-mail address in lower case; ok is false when it is none.
func parseEmail(text string) (email string, ok bool) {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || len(text) > maxEmail {
		return "", false
	}
	return strings.ToLower(text), true
}

// CreateAccount adds an account. The error is of kind Conflict when the e-mail address is taken, and of kind Invalid
// for an invalid e-mail address or an unknown plan.
func (s *Service) CreateAccount(ctx context.Context, actor cron.Actor, email, plan string, access cron.Access) (
	cron.Account, error) {
	if err := s.allow(&actor, UseCreateAccount); err != nil {
		return cron.Account{}, err
	}
	address, ok := parseEmail(email)
	if !ok {
		return cron.Account{}, invalidAccount(cron.Problem{Pointer: "/email", Rule: cron.RuleEmail, Given: email})
	}
	if err := s.checkPlan(plan, nil); err != nil {
		return cron.Account{}, err
	}
	account := cron.Account{Email: address, Plan: plan, Access: access}
	return account, s.addAccount(ctx, &actor, &account)
}

// addAccount saves a new account.
func (s *Service) addAccount(ctx context.Context, actor *cron.Actor, account *cron.Account) error {
	return s.audited(ctx, actor, cron.AuditEntry{Action: actAccountMake, Object: objectAccount, Title: account.Email},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateAccount(ctx, account)
			e.AccountID, e.ObjectID = account.ID, account.ID
			return err
		})
}

// changeAccount lets change edit an account, and notes which of its values are others then.
func (s *Service) changeAccount(ctx context.Context, actor *cron.Actor, id int64, action string, change func(*cron.Account) error) error {
	entry := cron.AuditEntry{AccountID: id, Action: action, Object: objectAccount, ObjectID: id}
	return s.audited(ctx, actor, entry, func(ctx context.Context, e *cron.AuditEntry) error {
		return s.store.UpdateAccount(ctx, id, func(a *cron.Account) error {
			before := *a
			err := change(a)
			e.Title, e.Changes = nameOf(a), accountChanges(&before, a)
			return err
		})
	})
}

// nameOf is how people call an account.
func nameOf(a *cron.Account) string {
	if a.Title != "" {
		return a.Title
	}
	return a.Email
}

// accountChanges names what differs.
func accountChanges(before, after *cron.Account) (pointers []string) {
	for _, f := range []struct {
		pointer string
		differs bool
	}{
		{"/title", before.Title != after.Title},
		{"/email", before.Email != after.Email},
		{"/plan", before.Plan != after.Plan},
		{"/limits", !maps.Equal(before.Overrides, after.Overrides)},
		{"/privateNetworks", before.Access != after.Access},
		{"/enabled", before.Disabled != after.Disabled},
		{"/deletes", !before.Deletes.Equal(after.Deletes)},
	} {
		if f.differs {
			pointers = append(pointers, f.pointer)
		}
	}
	return pointers
}

// PlanChange is the new plan of an account.
type PlanChange struct {
	Plan      string
	Overrides cron.Overrides // replace all former overrides
	Access    *cron.Access   // nil keeps it
}

// SetPlan gives an account another plan, like ChangeAccount.
func (s *Service) SetPlan(ctx context.Context, actor cron.Actor, name string, change PlanChange) error {
	overrides := change.Overrides
	if overrides == nil {
		overrides = cron.Overrides{}
	}
	return s.ChangeAccount(ctx, actor, name, AccountChange{Plan: &change.Plan, Overrides: overrides, Access: change.Access})
}

// SetAccountEnabled enables an account, or disables it: then neither its keys and people may act in it nor its jobs run.
func (s *Service) SetAccountEnabled(ctx context.Context, actor cron.Actor, name string, enabled bool) error {
	return s.ChangeAccount(ctx, actor, name, AccountChange{Enabled: &enabled})
}

// AccountChange is what an operator changes of an account; nil leaves a value.
type AccountChange struct {
	Plan      *string
	Overrides cron.Overrides // all of them
	Access    *cron.Access
	Enabled   *bool
}

// ChangeAccount changes what operators decide of an account. The error is of kind Invalid when there is no such plan, and of
// kind Conflict when it would keep the operator's account, which has the whole service, from private networks.
func (s *Service) ChangeAccount(ctx context.Context, actor cron.Actor, name string, change AccountChange) error {
	if err := s.allow(&actor, UseChangeAccount); err != nil {
		return err
	}
	if change.Plan != nil {
		if err := s.checkPlan(*change.Plan, nil); err != nil {
			return err
		}
	}
	if err := change.Overrides.Check(); err != nil {
		return err
	}
	account, err := s.findAccount(ctx, name)
	if err != nil {
		return err
	}
	if change.Access != nil && *change.Access == cron.AccessGlobal {
		if err := s.refuseOperator(ctx, &account); err != nil {
			return err
		}
	}
	return s.changeAccount(ctx, &actor, account.ID, actAccountSet, func(a *cron.Account) error {
		if change.Plan != nil {
			a.Plan = *change.Plan
		}
		if change.Overrides != nil {
			a.Overrides = change.Overrides
		}
		if change.Access != nil {
			a.Access = *change.Access
		}
		if change.Enabled != nil {
			a.Disabled = !*change.Enabled
		}
		return nil
	})
}

// Rename gives the account of the actor another title; an empty one is its e-mail address.
func (s *Service) Rename(ctx context.Context, actor cron.Actor, title string) error {
	if err := s.allow(&actor, UseRenameAccount); err != nil {
		return err
	}
	return s.changeAccount(ctx, &actor, actor.Account.ID, actAccountSet, func(a *cron.Account) error {
		a.Title = title
		return a.AcceptTitle()
	})
}

// SetUp gives a new database its operator's account, and returns the first API key of it; none when another start has done
// so before.
func (s *Service) SetUp(ctx context.Context, actor cron.Actor) (key string, err error) {
	if err := s.allow(&actor, UseSetUp); err != nil {
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
	if err := s.addAccount(ctx, &actor, &account); err != nil {
		if cron.KindOf(err) == cron.Conflict {
			return "", nil // another node was first, and has shown the key
		}
		return "", err
	}
	return s.CreateAPIKey(ctx, s.store.Now(), cron.OperatorOf(account), func(k *cron.APIKey) error {
		k.Title, k.Operator = "first key", true
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
