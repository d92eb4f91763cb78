package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
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

// invocation is what a command works with, beside a running service. It acts as the operator.
type invocation struct {
	config  config.Config
	service *service.Service
	store   *store.Store
	plans   cron.Plans
	keys    keySource
	stdin   io.Reader
	stdout  io.Writer
}

// command is a command that works on the database.
type command func(ctx context.Context, in *invocation) error

// operator is who performs commands: whoever can open the database may do everything.
func operator() cron.Actor { return cron.OperatorOf(cron.Account{}) }

// commands are all of them.
var commands = map[config.Command]command{
	config.AccountCreate:  createAccount,
	config.AccountList:    listAccounts,
	config.AccountSetPlan: setPlan,
	config.AccountDisable: disableAccount,
	config.AccountEnable:  enableAccount,
	config.AccountDelete:  deleteAccount,
	config.AccountRestore: restoreAccount,
	config.AccountExport:  exportAccount,
	config.LoginLink:      printLoginLink,
	config.NodesList:      listNodes,
	config.NodesDrain:     drainNode,
	config.NodesResume:    resumeNode,
	config.PersonList:     listPeople,
	config.PersonInvite:   invitePerson,
	config.PersonDisable:  disablePerson,
	config.PersonEnable:   enablePerson,
	config.PersonOperator: setOperator,
	config.APIKeyCreate:   createAPIKey,
	config.APIKeyList:     listAPIKeys,
	config.APIKeyRevoke:   revokeAPIKey,
	config.Backup:         backup,
	config.KeyRotate:      rotateKey,
}

// onDatabase opens the database, which must exist and be current, and runs a command.
func onDatabase(ctx context.Context, c config.Config, run command, stdin io.Reader, stdout io.Writer) (err error) {
	keys, err := findKeys(c, false)
	if err != nil {
		return err
	}
	plans, err := loadPlans(c)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{
		URL: c.Database, DirectURL: c.DatabaseDirect, Connections: c.DatabaseConnections, Dir: c.Data, Keys: keys.read, Plans: plans,
		Logger: slog.New(slog.DiscardHandler), NoMigrate: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	people, err := newService(service.Config{Store: s, Plans: plans, Secret: s.ServiceSecret()}, c)
	if err != nil {
		return err
	}
	in := &invocation{config: c, service: people, store: s, plans: plans, keys: keys, stdin: stdin, stdout: stdout}
	err = run(ctx, in)
	_, unsent := in.tellMails(ctx)
	return errors.Join(err, unsent)
}

// tellMails sends the mails that the command has asked for, and tells of those that were not sent. The error names those that no node
// tries again.
func (in *invocation) tellMails(ctx context.Context) (told bool, err error) {
	in.service.FinishBackground(ctx)
	for _, m := range in.service.UnsentMails() {
		told = true
		why := ""
		if m.Err != nil {
			why = explain(m.Err)
		}
		switch text := message.Default().MailUnsent(m.To, why, m.Until); {
		case m.Until.IsZero() && m.Err != nil:
			err = errors.Join(err, errors.New(text))
		default:
			_, printed := fmt.Fprintln(in.stdout, text)
			err = errors.Join(err, printed)
		}
	}
	return told, err
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

// operatorFor is the operator, acting for an account; their own when the name is empty.
func (in *invocation) operatorFor(ctx context.Context, name string) (cron.Actor, error) {
	account, err := in.service.Account(ctx, operator(), name)
	if err != nil {
		return cron.Actor{}, in.explain(err, name)
	}
	return cron.OperatorOf(account), nil
}

// createAPIKey prints a new API key, alone on its line.
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
		k.Operator = o.Operator
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
			k.Created.Format(time.DateOnly), expires, mayText(&k), prefixText(k.AllowFrom))
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

// mayText is what a key may do: its scopes, the role of its maker if that is not owner, and whether it is an operator's.
func mayText(k *cron.APIKey) string {
	text := "read"
	switch s := k.Scopes; {
	case s == cron.ScopeAll:
		text = "all"
	case s.Has(cron.ScopeRead | cron.ScopeWrite):
		text = "read and write"
	case s.Has(cron.ScopeWrite):
		text = "write"
	}
	if k.Role < cron.RoleOwner {
		text += " as " + k.Role.String()
	}
	if k.Operator {
		text += ", operator"
	}
	return text
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
