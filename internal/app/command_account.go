package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

func createAccount(ctx context.Context, in *invocation) error {
	o := in.config.Account.Create
	_, err := in.service.CreateAccount(ctx, operator(), o.Email, o.Plan, accessOf(o.PrivateNetworks))
	if cron.KindOf(err) == cron.Conflict {
		return errors.New(message.Default().AccountExists(o.Email))
	}
	return in.explain(err, o.Email)
}

// explain words what is wrong with what a command says of an account.
func (in *invocation) explain(err error, name string) error {
	e, ok := errors.AsType[*cron.Error](err)
	switch {
	case !ok || e.Subject != cron.SubjectAccount:
		return err
	case e.Kind == cron.NotFound:
		return errors.New(message.Default().NoSuchAccount(name))
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
	_, _ = fmt.Fprintln(t, "ID\tEMAIL\tPLAN\tSTATE\tNETWORKS\tCREATED\tTITLE")
	for _, a := range accounts {
		state := map[bool]string{false: "enabled", true: "disabled"}[a.Disabled]
		if !a.Deletes.IsZero() {
			state += ", to be deleted on " + a.Deletes.UTC().Format(time.DateOnly)
		}
		networks := map[cron.Access]string{cron.AccessAll: "all", cron.AccessGlobal: "public"}[a.Access]
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Email, planText(a), state, networks,
			a.Created.Format(time.DateOnly), printable(a.Title))
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

func setPlan(ctx context.Context, in *invocation) error {
	o := in.config.Account.SetPlan
	change := service.PlanChange{Plan: o.Plan, Overrides: o.Set}
	if o.PrivateNetworks != "keep" {
		change.Access = new(accessOf(o.PrivateNetworks))
	}
	err := in.service.SetPlan(ctx, operator(), o.Account, change)
	if cron.KindOf(err) == cron.Conflict {
		return errors.New(message.Default().OperatorReaches(o.Account))
	}
	return in.explain(err, o.Account)
}

// accessOf is what the switch for private networks stands for.
func accessOf(s config.Switch) cron.Access {
	if s == "off" {
		return cron.AccessGlobal
	}
	return cron.AccessAll
}

func disableAccount(ctx context.Context, in *invocation) error {
	name := in.config.Account.Disable.Account
	return in.explain(in.service.SetAccountEnabled(ctx, operator(), name, false), name)
}

func enableAccount(ctx context.Context, in *invocation) error {
	name := in.config.Account.Enable.Account
	return in.explain(in.service.SetAccountEnabled(ctx, operator(), name, true), name)
}

func deleteAccount(ctx context.Context, in *invocation) error {
	o := in.config.Account.Delete
	account, err := in.service.Account(ctx, operator(), o.Account)
	if err != nil {
		return in.explain(err, o.Account)
	}
	own, err := in.service.Account(ctx, operator(), "")
	if err != nil {
		return err
	}
	if account.ID == own.ID {
		return errors.New(message.Default().OperatorStays(account.Email))
	}
	now := o.Now
	if !o.Now && !o.Later {
		if now, err = in.askWhen(account); err != nil {
			return err
		}
	}
	err = in.service.DeleteAccount(ctx, operator(), o.Account, now)
	if err != nil || now {
		return in.explain(err, o.Account)
	}
	if account, err = in.service.Account(ctx, operator(), o.Account); err != nil {
		return in.explain(err, o.Account)
	}
	_, err = fmt.Fprintln(in.stdout, message.Default().AccountDeletedLater(account))
	return err
}

// askWhen asks whether an account is to be deleted at once.
func (in *invocation) askWhen(account cron.Account) (now bool, err error) {
	if _, err := fmt.Fprint(in.stdout, message.Default().AskDeletion(account)); err != nil {
		return false, err
	}
	line, _ := bufio.NewReader(io.LimitReader(in.stdin, 100)).ReadString('\n') // a line that breaks off is an answer too
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "now":
		return true, nil
	case "later":
		return false, nil
	}
	return false, errors.New(message.Default().NoAnswer())
}

func restoreAccount(ctx context.Context, in *invocation) error {
	name := in.config.Account.Restore.Account
	actor, err := in.operatorFor(ctx, name)
	if err != nil {
		return err
	}
	return in.explain(in.service.CancelDeletion(ctx, actor), name)
}

// exportAccount writes what an account has to a file that only its user can read.
func exportAccount(ctx context.Context, in *invocation) (err error) {
	o := in.config.Account.Export
	actor, err := in.operatorFor(ctx, o.Account)
	if err != nil {
		return err
	}
	if o.File == "-" {
		return in.service.Export(ctx, actor, in.stdout)
	}
	file, err := os.OpenFile(o.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			_ = os.Remove(o.File)
		}
	}()
	return in.service.Export(ctx, actor, file)
}
