package service_test

import (
	"context"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// publicURL is where the services of tests are reached.
const publicURL = "https://cron.example.com"

// good is a password that nobody else has.
const good = "seven wide boats 4"

// mailbox keeps the mails of a service.
type mailbox struct{ mails []message.Mail }

func (m *mailbox) Send(_ context.Context, mail message.Mail) error {
	m.mails = append(m.mails, mail)
	return nil
}

// world is a service for people with its first account, which has no people yet.
type world struct {
	*testing.T
	*service.Service
	db      *store.Store
	auth    *auth.Authenticator
	mail    *mailbox
	account cron.Account
	options store.Options
}

// spareKey is a key of the secrets that is not in use.
var spareKey = [32]byte{2}

func worldKeys() ([][32]byte, error) { return [][32]byte{spareKey, {1}}, nil }

// newWorld is a world that change configures.
func newWorld(t *testing.T, change func(*service.Config)) *world {
	t.Helper()
	plans := cron.DefaultPlans()
	options := store.Options{Dir: storetest.SQLite(t), Plans: plans, Keys: worldKeys}
	w := &world{T: t, mail: &mailbox{}, options: options, db: storetest.Open(t, options)}
	w.account = storetest.NewAccount(t, w.db, "operator@localhost", cron.PlanUnlimited)
	c := service.Config{Store: w.db, Addresses: &guard{}, Plans: plans, Mailer: w.mail, PublicURL: publicURL, SignUp: true}
	if change != nil {
		change(&c)
	}
	w.Service, w.auth = service.New(c), auth.New(w.db)
	return w
}

// client is somebody at an address.
func client(address string) service.Client {
	return service.Client{Address: netip.MustParseAddr(address), UserAgent: "browser", Console: true}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// fails wants an error of a kind, with a rule unless that is RuleNone.
func (w *world) fails(err error, kind cron.ErrorKind, rule cron.Rule) {
	w.Helper()
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || e.Kind != kind || rule != cron.RuleNone && (len(e.Problems) != 1 || e.Problems[0].Rule != rule) {
		w.Errorf("the error is %v, want %v with rule %d", err, kind, rule)
	}
}

// sent are the mails since the last call, after the background has done its work.
func (w *world) sent() []message.Mail {
	w.FinishBackground(w.Context())
	mails := w.mail.mails
	w.mail.mails = nil
	return mails
}

// oneMail is the only mail since the last call, which has to go to an address.
func (w *world) oneMail(to string) message.Mail {
	w.Helper()
	mails := w.sent()
	if len(mails) != 1 || mails[0].To != to {
		w.Fatalf("the mails are %+v, want one to %s", mails, to)
	}
	return mails[0]
}

// tokenIn finds the token of the link in a mail, which has to lead to a page.
func (w *world) tokenIn(mail message.Mail, path string) string {
	w.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(publicURL+path) + `(\S+)\n`).FindStringSubmatch(mail.Text)
	if m == nil {
		w.Fatalf("no link to %s in %q", path, mail.Text)
	}
	return m[1]
}

// actor is who has a session of the console.
func (w *world) actor(token string) cron.Actor {
	w.Helper()
	a, err := w.auth.AuthenticateSession(w.Context(), w.db.Now(), token, netip.MustParseAddr("192.0.2.1"))
	w.ok(err)
	return a
}

// signedOut wants a token to be that of nobody.
func (w *world) signedOut(token string) {
	w.Helper()
	_, err := w.auth.AuthenticateSession(w.Context(), w.db.Now(), token, netip.Addr{})
	if cron.KindOf(err) != cron.Unauthorized {
		w.Errorf("the token still works: %v", err)
	}
}

// person makes a person with the password good, and a member of the account unless the role is none.
func (w *world) person(email string, role cron.Role) cron.Person {
	w.Helper()
	phc, err := auth.NewPasswords().Hash(w.Context(), netip.Addr{}, good)
	w.ok(err)
	p := cron.Person{Email: email, PasswordHash: phc, Confirmed: true}
	w.ok(w.db.CreatePerson(w.Context(), &p))
	if role != cron.RoleNone {
		w.ok(w.db.SetMembership(w.Context(), cron.Membership{AccountID: w.account.ID, PersonID: p.ID, Role: role}))
	}
	return p
}

// signedIn is the actor of a person with the password good, who has just signed in from an address of their own.
func (w *world) signedIn(email string) cron.Actor {
	w.Helper()
	in, err := w.SignIn(w.Context(), client("192.0.2.1"), email, good)
	w.ok(err)
	return w.actor(in.Token)
}

// member is person and signedIn.
func (w *world) member(email string, role cron.Role) cron.Actor {
	w.Helper()
	w.person(email, role)
	return w.signedIn(email)
}

// log is the audit log of everything, oldest first: action, actor and title.
func (w *world) log() (lines []string) {
	w.Helper()
	entries, _, err := w.db.Audit(w.Context(), cron.AuditFilter{All: true}, 1000)
	w.ok(err)
	for _, e := range slices.Backward(entries) {
		lines = append(lines, strings.Join([]string{e.Action, e.Actor, e.Title}, " | "))
	}
	return lines
}

// oneOf wants one of the mails to have a text in its subject.
func (w *world) oneOf(mails []message.Mail, text string) {
	w.Helper()
	if !slices.ContainsFunc(mails, func(m message.Mail) bool { return strings.Contains(m.Subject, text) }) {
		w.Errorf("no mail about %q in %+v", text, mails)
	}
}

// exportText exports the account of an actor into memory.
func (w *world) exportText(ctx context.Context, a cron.Actor) (string, error) {
	var b strings.Builder
	err := w.Export(ctx, a, &b)
	return b.String(), err
}

// withMail is a service on the same store that can send mails.
func (w *world) withMail() *service.Service {
	return service.New(service.Config{Store: w.db, Plans: cron.DefaultPlans(), Mailer: w.mail, PublicURL: publicURL})
}

// lastEntry is the id of the latest entry of the audit log.
func (w *world) lastEntry() int64 {
	w.Helper()
	entries, _, err := w.db.Audit(w.Context(), cron.AuditFilter{All: true}, 1)
	w.ok(err)
	if len(entries) == 0 {
		return 0
	}
	return entries[0].ID
}

// entriesAfter are the entries of the audit log behind one, oldest first.
func (w *world) entriesAfter(id int64) (after []cron.AuditEntry) {
	w.Helper()
	entries, _, err := w.db.Audit(w.Context(), cron.AuditFilter{All: true}, 1000)
	w.ok(err)
	for _, e := range slices.Backward(entries) {
		if e.ID > id {
			after = append(after, e)
		}
	}
	return after
}

// refreshed is an actor with the person as stored.
func (w *world) refreshed(a cron.Actor) cron.Actor {
	w.Helper()
	p, err := w.db.Person(w.Context(), a.Person.ID)
	w.ok(err)
	a.Person = &p
	return a
}

// codeOf is the code that an authenticator app shows at an instant.
func codeOf(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
