package message

import (
	"strings"
	"time"

	"punctual/internal/cron"
)

// InvitationMail invites somebody to an account. inviter is empty when a command did.
func (c *Catalogue) InvitationMail(to, inviter, account string, role cron.Role, until time.Time, link string) Mail {
	return c.mail(to, mailInvitation, map[string]string{"inviter": oneLine(inviter), "account": oneLine(account),
		"role": role.String(), "time": mailTime(until), "link": link})
}

// ChannelMail asks whoever has an address whether an account may send its notifications there.
func (c *Catalogue) ChannelMail(to, account, link string) Mail {
	return c.mail(to, mailChannel, map[string]string{"account": oneLine(account), "link": link})
}

// SignUpMail confirms the address of somebody who signs up.
func (c *Catalogue) SignUpMail(to, link string) Mail {
	return c.mail(to, mailSignUp, map[string]string{"link": link})
}

// KnownMail goes to somebody who signs up and can sign in already. link is the page for that.
func (c *Catalogue) KnownMail(to, link string) Mail {
	return c.mail(to, mailKnown, map[string]string{"link": link})
}

// LostPasswordMail has the link to set another password.
func (c *Catalogue) LostPasswordMail(to, link string) Mail {
	return c.mail(to, mailLostPassword, map[string]string{"link": link})
}

// NewEmailMail confirms the new address of a person.
func (c *Catalogue) NewEmailMail(to, link string) Mail {
	return c.mail(to, mailNewEmail, map[string]string{"link": link})
}

// EmailAskedMail tells the address that a person has of another one that was asked for. link is the page to sign in.
func (c *Catalogue) EmailAskedMail(to, email, link string) Mail {
	return c.mail(to, mailEmailAsked, map[string]string{"email": oneLine(email), "link": link})
}

// EmailChangedMail tells the former address of a person which one took its place.
func (c *Catalogue) EmailChangedMail(to, email string) Mail {
	return c.mail(to, mailEmailChanged, map[string]string{"email": oneLine(email)})
}

// PasswordChangedMail tells a person that the password is another one.
func (c *Catalogue) PasswordChangedMail(to string) Mail { return c.mail(to, mailPasswordChanged, nil) }

// SignInMethod is a way to sign in that a person added or removed.
type SignInMethod int

// The ways to sign in.
const (
	MethodPassword SignInMethod = iota
	MethodPasskey
	MethodApp
	MethodIdentity
)

// SignInAddedMail tells a person of a new way to sign in. name is that of a passkey or of an issuer; it may be empty.
func (c *Catalogue) SignInAddedMail(to string, method SignInMethod, name string) Mail {
	return c.mail(to, mailSignInAdded, map[string]string{"method": c.method(method, name)})
}

// SignInRemovedMail tells a person that a way to sign in is gone.
func (c *Catalogue) SignInRemovedMail(to string, method SignInMethod, name string) Mail {
	return c.mail(to, mailSignInRemoved, map[string]string{"method": c.method(method, name)})
}

// PasskeyCopiedMail tells a person that a passkey seems to be in use on two devices. name may be empty.
func (c *Catalogue) PasskeyCopiedMail(to, name string) Mail {
	return c.mail(to, mailPasskeyCopied, map[string]string{"method": c.method(MethodPasskey, name)})
}

func (c *Catalogue) method(m SignInMethod, name string) string {
	return fill(c.methods[m], func(string) string {
		if name == "" {
			return ""
		}
		return quote(oneLine(name))
	})
}

// KeysLiveMail tells an owner that API keys of a person who left the account still work.
func (c *Catalogue) KeysLiveMail(to, person, account string, keys []string) Mail {
	var list strings.Builder
	for i, k := range keys {
		if i > 0 {
			list.WriteByte('\n')
		}
		list.WriteString("- " + oneLine(k))
	}
	return c.mail(to, mailKeyLives, map[string]string{"person": oneLine(person), "account": oneLine(account), "keys": list.String()})
}

// DeletionMail tells an owner when an account will be deleted.
func (c *Catalogue) DeletionMail(to, account string, at time.Time) Mail {
	return c.mail(to, mailDeletion, map[string]string{"account": oneLine(account), "time": mailTime(at)})
}

// KeptMail tells an owner that an account is not deleted.
func (c *Catalogue) KeptMail(to, account string) Mail {
	return c.mail(to, mailKept, map[string]string{"account": oneLine(account)})
}

// mailTime is an instant in a mail, whose reader's time zone is not known.
func mailTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// oneLine is text that somebody else chose, clipped and without line breaks, so that it cannot add lines to a mail.
func oneLine(s string) string { return clip(strings.Join(strings.Fields(s), " ")) }
