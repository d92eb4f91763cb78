package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/mail"
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

// command is a command that works on the database beside a running service.
type command func(ctx context.Context, c config.Config, s *store.Store, stdout io.Writer) error

// commands are all of them.
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

// onDatabase runs a command with the database open. It never makes or migrates one.
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
	return run(ctx, c, s, stdout)
}

// loadPlans are the built-in plans with the configured numbers.
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

func backup(ctx context.Context, c config.Config, s *store.Store, _ io.Writer) error {
	return s.Backup(ctx, c.Backup.File)
}

// maxEmail is how many bytes an e-mail address has at most (RFC 5321, section 4.5.3.1.3, without the brackets).
const maxEmail = 254

func createAccount(ctx context.Context, c config.Config, s *store.Store, _ io.Writer) error {
	o := c.Account.Create
	if a, err := mail.ParseAddress(o.Email); err != nil || a.Address != o.Email || len(o.Email) > maxEmail {
		return errors.New(message.Default().NotAnEmail(o.Email))
	}
	if err := checkPlan(c, o.Plan, nil); err != nil {
		return err
	}
	a := cron.Account{Email: strings.ToLower(o.Email), Plan: o.Plan, Access: accessOf(o.PrivateNetworks)}
	err := s.CreateAccount(ctx, &a)
	if cron.KindOf(err) == cron.Conflict {
		return errors.New(message.Default().AccountExists(o.Email))
	}
	return err
}

func listAccounts(ctx context.Context, _ config.Config, s *store.Store, stdout io.Writer) error {
	accounts, err := s.Accounts(ctx)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tEMAIL\tPLAN\tSTATE\tNETWORKS\tCREATED")
	for _, a := range accounts {
		state := map[bool]string{false: "enabled", true: "disabled"}[a.Disabled]
		networks := map[cron.Access]string{cron.AccessAll: "all", cron.AccessGlobal: "public"}[a.Access]
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Email, planText(a), state, networks,
			a.Created.Format(time.DateOnly))
	}
	return t.Flush()
}

// planText is the plan of an account with the numbers that differ for it.
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

func setPlan(ctx context.Context, c config.Config, s *store.Store, _ io.Writer) error {
	o := c.Account.SetPlan
	if err := checkPlan(c, o.Plan, o.Set); err != nil {
		return err
	}
	if accessOf(o.PrivateNetworks) == cron.AccessGlobal {
		if err := refuseOperator(ctx, s, o.Email); err != nil {
			return err
		}
	}
	return changeAccount(ctx, s, o.Email, func(a *cron.Account) {
		a.Plan, a.Overrides = o.Plan, o.Set
		if o.PrivateNetworks != "keep" {
			a.Access = accessOf(o.PrivateNetworks)
		}
	})
}

// accessOf is what the switch for private networks stands for.
func accessOf(s config.Switch) cron.Access {
	if s == "off" {
		return cron.AccessGlobal
	}
	return cron.AccessAll
}

// refuseOperator is an error when the account is the operator's, who always reaches private networks.
func refuseOperator(ctx context.Context, s *store.Store, email string) error {
	operator, err := s.Operator(ctx)
	if err != nil {
		return err
	}
	if operator.Email == strings.ToLower(email) {
		return errors.New(message.Default().OperatorReaches(email))
	}
	return nil
}

func disableAccount(ctx context.Context, c config.Config, s *store.Store, _ io.Writer) error {
	return changeAccount(ctx, s, c.Account.Disable.Email, func(a *cron.Account) { a.Disabled = true })
}

func enableAccount(ctx context.Context, c config.Config, s *store.Store, _ io.Writer) error {
	return changeAccount(ctx, s, c.Account.Enable.Email, func(a *cron.Account) { a.Disabled = false })
}

func deleteAccount(ctx context.Context, c config.Config, s *store.Store, _ io.Writer) error {
	a, err := findAccount(ctx, s, c.Account.Delete.Email)
	if err != nil {
		return err
	}
	operator, err := s.Operator(ctx)
	if err != nil {
		return err
	}
	if a.ID == operator.ID {
		return errors.New(message.Default().OperatorStays(a.Email))
	}
	return s.DeleteAccount(ctx, a.ID)
}

func changeAccount(ctx context.Context, s *store.Store, email string, change func(*cron.Account)) error {
	a, err := findAccount(ctx, s, email)
	if err != nil {
		return err
	}
	change(&a)
	return s.UpdateAccount(ctx, &a)
}

func checkPlan(c config.Config, name string, o cron.Overrides) error {
	plans, err := loadPlans(c)
	if err != nil {
		return err
	}
	if _, ok := plans[name]; !ok {
		return errors.New(message.Default().NoSuchPlan(name, plans))
	}
	return o.Check()
}

// findAccount finds an account by its e-mail address; the operator's when that is empty.
func findAccount(ctx context.Context, s *store.Store, email string) (a cron.Account, err error) {
	if email == "" {
		a, err = s.Operator(ctx)
	} else {
		a, err = s.AccountByEmail(ctx, strings.ToLower(email))
	}
	if cron.KindOf(err) == cron.NotFound {
		return a, errors.New(message.Default().NoSuchAccount(email))
	}
	return a, err
}

// createAPIKey prints a new API key, alone on its line.
func createAPIKey(ctx context.Context, c config.Config, s *store.Store, stdout io.Writer) error {
	o := c.APIKey.Create
	account, err := findAccount(ctx, s, o.Account)
	if err != nil {
		return err
	}
	now := s.Now()
	fill := func(k *cron.APIKey) error {
		k.Title, k.AllowFrom, k.Expires = o.Title, o.AllowFrom, o.Expires.From(now)
		if o.ReadOnly {
			k.Scopes = cron.ScopeRead
		}
		return nil
	}
	text, err := service.New(service.Config{Store: s}).CreateAPIKey(ctx, now, cron.OperatorOf(account), fill)
	if cron.KindOf(err) == cron.TooMany {
		return errors.New(message.Default().TooManyKeys(account))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}

func listAPIKeys(ctx context.Context, c config.Config, s *store.Store, stdout io.Writer) error {
	account, err := findAccount(ctx, s, c.APIKey.List.Account)
	if err != nil {
		return err
	}
	keys, err := s.APIKeys(ctx, account.ID)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tKEY\tTITLE\tSTATE\tCREATED\tEXPIRES\tMAY\tFROM")
	for _, k := range keys {
		state, expires := "usable", "never"
		if !k.Usable(s.Now()) {
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

// printable is a text that people chose, safe for a terminal and a table.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, text)
}

// scopeText is what a key may do.
func scopeText(s cron.Scope) string {
	switch {
	case s.Has(cron.ScopeRead | cron.ScopeWrite):
		return "read and write"
	case s.Has(cron.ScopeWrite):
		return "write"
	}
	return "read"
}

// prefixText is where a key may be used.
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

func revokeAPIKey(ctx context.Context, c config.Config, s *store.Store, _ io.Writer) error {
	o := c.APIKey.Revoke
	account, err := findAccount(ctx, s, o.Account)
	if err != nil {
		return err
	}
	err = s.DeleteAPIKey(ctx, account.ID, o.ID)
	if cron.KindOf(err) == cron.NotFound {
		return errors.New(message.Default().NoSuchKey(o.ID))
	}
	return err
}
