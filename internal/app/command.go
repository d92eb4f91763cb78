package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
	"punctual/internal/store"
)

// invocation is the environment of a command that runs beside the service. It acts as the operator.
type invocation struct {
	config  config.Config
	service *service.Service
	store   *store.Store
	plans   cron.Plans
	stdout  io.Writer
}

// command is a command that works on the database.
type command func(ctx context.Context, in *invocation) error

// operator is the actor of commands: whoever can open the database has all rights.
func operator() cron.Actor { return cron.OperatorOf(cron.Account{}) }

// commands lists all commands on the database.
var commands = map[config.Command]command{
	config.AccountCreate:  createAccount,
	config.AccountList:    listAccounts,
	config.AccountSetPlan: setPlan,
	config.AccountDisable: disableAccount,
	config.AccountEnable:  enableAccount,
	config.AccountDelete:  deleteAccount,
	config.APIKeyCreate:   createAPIKey,
	config.APIKeyList:     listAPIKeys,
	config.APIKeyRevoke:   revokeAPIKey,
	config.Backup:         backup,
}

// onDatabase opens the database, which must exist and be current, and runs a command.
func onDatabase(ctx context.Context, c config.Config, run command, stdout io.Writer) (err error) {
	key, err := loadKey(c, false)
	if err != nil {
		return err
	}
	plans, err := loadPlans(c)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{
		URL: c.Database, Dir: c.Data, Key: key, Plans: plans, Logger: slog.New(slog.DiscardHandler), NoMigrate: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return run(ctx, &invocation{
		config: c, service: service.New(service.Config{Store: s, Plans: plans}), store: s, plans: plans, stdout: stdout,
	})
}

// loadPlans returns the built-in plans with the configured limits.
func loadPlans(c config.Config) (cron.Plans, error) {
	numbers, err := c.PlanNumbers()
	if err != nil {
		return nil, err
	}
	changes := make(map[string]cron.Overrides, len(numbers))
	for name, n := range numbers {
		changes[name] = n
	}
	plans, err := cron.DefaultPlans().Configure(changes)
	if err != nil {
		return nil, fmt.Errorf("read the plans in %s: %w", c.Plans, err)
	}
	return plans, nil
}

func backup(ctx context.Context, in *invocation) error {
	return in.store.Backup(ctx, in.config.Backup.File)
}

func createAccount(ctx context.Context, in *invocation) error {
	o := in.config.Account.Create
	_, err := in.service.CreateAccount(ctx, operator(), o.Email, o.Plan, accessOf(o.PrivateNetworks))
	if cron.KindOf(err) == cron.Conflict {
		return errors.New(message.Default().AccountExists(o.Email))
	}
	return in.explain(err, o.Email)
}

// explain returns the sentence for an error about the account with that e-mail address.
func (in *invocation) explain(err error, email string) error {
	e, ok := errors.AsType[*cron.Error](err)
	switch {
	case !ok || e.Subject != cron.SubjectAccount:
		return err
	case e.Kind == cron.NotFound:
		return errors.New(message.Default().NoSuchAccount(email))
	case e.Kind == cron.Invalid && e.Problems[0].Pointer == "/plan":
		return errors.New(message.Default().NoSuchPlan(e.Problems[0].Given, in.plans))
	}
	return err
}

func listAccounts(ctx context.Context, in *invocation) error {
	accounts, err := in.service.Accounts(ctx, operator())
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(in.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tEMAIL\tPLAN\tSTATE\tNETWORKS\tCREATED")
	for _, a := range accounts {
		state := map[bool]string{false: "enabled", true: "disabled"}[a.Disabled]
		networks := map[cron.Access]string{cron.AccessAll: "all", cron.AccessGlobal: "public"}[a.Access]
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Email, planText(a), state, networks,
			a.Created.Format(time.DateOnly))
	}
	return t.Flush()
}

// planText is the plan of an account and its overrides.
func planText(a cron.Account) string {
	if len(a.Overrides) == 0 {
		return a.Plan
	}
	var numbers []string
	for _, name := range slices.Sorted(maps.Keys(a.Overrides)) {
		numbers = append(numbers, fmt.Sprintf("%s=%d", name, a.Overrides[name]))
	}
	return a.Plan + ", " + strings.Join(numbers, ", ")
}

func setPlan(ctx context.Context, in *invocation) error {
	o := in.config.Account.SetPlan
	change := service.PlanChange{Plan: o.Plan, Overrides: o.Set}
	if o.PrivateNetworks != "keep" {
		change.Access = new(accessOf(o.PrivateNetworks))
	}
	err := in.service.SetPlan(ctx, operator(), o.Email, change)
	if cron.KindOf(err) == cron.Conflict {
		return errors.New(message.Default().OperatorReaches(o.Email))
	}
	return in.explain(err, o.Email)
}

// accessOf is the access that the switch for private networks stands for.
func accessOf(s config.Switch) cron.Access {
	if s == "off" {
		return cron.AccessGlobal
	}
	return cron.AccessAll
}

func disableAccount(ctx context.Context, in *invocation) error {
	email := in.config.Account.Disable.Email
	return in.explain(in.service.SetAccountEnabled(ctx, operator(), email, false), email)
}

func enableAccount(ctx context.Context, in *invocation) error {
	email := in.config.Account.Enable.Email
	return in.explain(in.service.SetAccountEnabled(ctx, operator(), email, true), email)
}

func deleteAccount(ctx context.Context, in *invocation) error {
	email := in.config.Account.Delete.Email
	err := in.service.DeleteAccount(ctx, operator(), email, true)
	if cron.KindOf(err) == cron.Conflict {
		return errors.New(message.Default().OperatorStays(email))
	}
	return in.explain(err, email)
}

// operatorFor is the operator acting for the account with that e-mail address, or for the operator's account if it is
// empty.
func (in *invocation) operatorFor(ctx context.Context, email string) (cron.Actor, error) {
	account, err := in.service.Account(ctx, operator(), email)
	if err != nil {
		return cron.Actor{}, in.explain(err, email)
	}
	return cron.OperatorOf(account), nil
}

// createAPIKey prints a new API key on a line of its own.
func createAPIKey(ctx context.Context, in *invocation) error {
	o := in.config.APIKey.Create
	actor, err := in.operatorFor(ctx, o.Account)
	if err != nil {
		return err
	}
	now := in.store.Now()
	fill := func(k *cron.APIKey) error {
		k.Title, k.AllowFrom, k.Expires = o.Title, o.AllowFrom, o.Expires.From(now)
		if o.ReadOnly {
			k.Scopes = cron.ScopeRead
		}
		return nil
	}
	text, err := in.service.CreateAPIKey(ctx, now, actor, fill)
	if cron.KindOf(err) == cron.TooMany {
		return errors.New(message.Default().TooManyKeys(actor.Account))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(in.stdout, text)
	return err
}

func listAPIKeys(ctx context.Context, in *invocation) error {
	actor, err := in.operatorFor(ctx, in.config.APIKey.List.Account)
	if err != nil {
		return err
	}
	keys, err := in.service.APIKeys(ctx, actor)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(in.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tKEY\tTITLE\tSTATE\tCREATED\tEXPIRES\tMAY\tFROM")
	for _, k := range keys {
		state, expires := "usable", "never"
		if !k.Usable(in.store.Now()) {
			state = "unusable"
		}
		if !k.Expires.IsZero() {
			expires = k.Expires.Format(time.DateOnly)
		}
		_, _ = fmt.Fprintf(t, "%d\t…%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Hint, printable(k.Title), state,
			k.Created.Format(time.DateOnly), expires, scopeText(k.Scopes), prefixText(k.AllowFrom))
	}
	return t.Flush()
}

// printable makes a user's text safe for a terminal and a table.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, text)
}

// scopeText describes the scopes of a key.
func scopeText(s cron.Scope) string {
	switch {
	case s.Has(cron.ScopeRead | cron.ScopeWrite):
		return "read and write"
	case s.Has(cron.ScopeWrite):
		return "write"
	}
	return "read"
}

// prefixText describes the addresses from which a key may be used.
func prefixText(prefixes []netip.Prefix) string {
	if len(prefixes) == 0 {
		return "anywhere"
	}
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

func revokeAPIKey(ctx context.Context, in *invocation) error {
	o := in.config.APIKey.Revoke
	actor, err := in.operatorFor(ctx, o.Account)
	if err != nil {
		return err
	}
	err = in.service.DeleteAPIKey(ctx, actor, o.ID)
	if cron.KindOf(err) == cron.NotFound {
		return errors.New(message.Default().NoSuchKey(o.ID))
	}
	return err
}
