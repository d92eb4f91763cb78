package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

// printLoginLink prints a link by which the operator signs in, alone on its line.
func printLoginLink(ctx context.Context, in *invocation) error {
	o := in.config.LoginLink
	token, err := in.service.LoginLink(ctx, operator(), strings.ToLower(o.Email))
	if err != nil {
		return explainPerson(err, o.Email)
	}
	return in.printLink(ctx, o.PublicURL, service.SetupPath+token)
}

// printLink prints a link to a path of the console, alone on its line. It begins with the given URL, or that of the running
// service.
func (in *invocation) printLink(ctx context.Context, public config.PublicURL, path string) error {
	url, err := in.store.ServiceURL(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(in.stdout, cmp.Or(string(public), url)+path)
	return err
}

// invitePerson prints a link by which somebody joins an account. An account that was made by a command has no owner before.
func invitePerson(ctx context.Context, in *invocation) error {
	o := in.config.Person.Invite
	actor, err := in.operatorFor(ctx, o.Account)
	if err != nil {
		return err
	}
	role, _ := cron.ParseRole(string(o.Role))
	invitation, err := in.service.Invite(ctx, actor, o.Email, role)
	if err != nil {
		return err
	}
	if invitation.Mailed {
		if told, err := in.tellMails(ctx); told || err != nil {
			return err
		}
		_, err = fmt.Fprintln(in.stdout, message.Default().InvitationMailed(invitation.Email))
		return err
	}
	return in.printLink(ctx, o.PublicURL, service.InvitationPath+invitation.Token)
}

// localURL is where somebody on this machine reaches a service that listens at an address. Passkeys need a name, not an
// address.
func localURL(scheme, listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return scheme + "://" + listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func listPeople(ctx context.Context, in *invocation) error {
	people, err := in.service.AllPeople(ctx, operator())
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(in.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tEMAIL\tNAME\tSTATE\tOPERATOR\tCREATED\tSIGNED IN")
	for _, p := range people {
		state := map[bool]string{false: "enabled", true: "disabled"}[p.Disabled]
		operates := map[bool]string{false: "no", true: "yes"}[p.Operator]
		signedIn := "never"
		if !p.LastSignIn.IsZero() {
			signedIn = p.LastSignIn.UTC().Format(time.DateOnly)
		}
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Email, printable(p.Name), state, operates,
			p.Created.UTC().Format(time.DateOnly), signedIn)
	}
	return t.Flush()
}

func disablePerson(ctx context.Context, in *invocation) error {
	return in.setPersonEnabled(ctx, in.config.Person.Disable.Email, false)
}

func enablePerson(ctx context.Context, in *invocation) error {
	return in.setPersonEnabled(ctx, in.config.Person.Enable.Email, true)
}

func (in *invocation) setPersonEnabled(ctx context.Context, email string, enabled bool) error {
	p, err := in.person(ctx, email)
	if err != nil {
		return err
	}
	return in.service.SetPersonEnabled(ctx, operator(), p.ID, enabled)
}

func setOperator(ctx context.Context, in *invocation) error {
	o := in.config.Person.Operator
	p, err := in.person(ctx, o.Email)
	if err != nil {
		return err
	}
	return in.service.SetPersonOperator(ctx, operator(), p.ID, o.Switch == "on")
}

// person finds a person by the e-mail address.
func (in *invocation) person(ctx context.Context, email string) (cron.Person, error) {
	people, err := in.service.AllPeople(ctx, operator())
	if err != nil {
		return cron.Person{}, err
	}
	for _, p := range people {
		if strings.EqualFold(p.Email, email) {
			return p, nil
		}
	}
	return cron.Person{}, errors.New(message.Default().NoSuchPerson(email))
}

// explainPerson words that there is no such person.
func explainPerson(err error, email string) error {
	if cron.KindOf(err) == cron.NotFound {
		return errors.New(message.Default().NoSuchPerson(email))
	}
	return err
}
