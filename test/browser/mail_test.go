package browser

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"punctual/internal/notify/email/emailtest"
	"punctual/test/harness"
)

// publicURL is where the links of mails lead. The browser opens them at the port of the node.
const publicURL = "http://cron.example.net:8080"

var (
	anyLink   = regexp.MustCompile(`https?://\S+`)
	setupPath = regexp.MustCompile(`/console/setup/\S+`)
)

// mailSite is a service with a mail server.
type mailSite struct {
	*emailtest.Server
	t       *testing.T
	service *harness.Service
	node    *harness.Node
	url     string
	jane    *Tab           // of the operator
	read    map[string]int // how far the mails to an address were read
}

// startWithMail starts a service with a mail server, and sets up its operator.
func startWithMail(t *testing.T, o emailtest.Options, flags ...string) *mailSite {
	t.Helper()
	s := &mailSite{Server: emailtest.Start(t, o), t: t, service: harness.NewService(t, ""), read: map[string]int{}}
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, s.Roots, 0o600); err != nil {
		t.Fatal(err)
	}
	s.service.Extra = []string{"SSL_CERT_FILE=" + roots, "PUNCTUAL_SMTP=" + s.URL() + "?starttls=required",
		"PUNCTUAL_MAIL_FROM=Punctual <cron@example.com>", "PUNCTUAL_PUBLIC_URL=" + publicURL}
	s.node = s.service.Start(flags...)
	s.url = strings.Replace(s.node.URL, "127.0.0.1", "localhost", 1)
	s.jane = openTab(t, s.url).Open(setupPath.FindString(s.node.Stdout()))
	s.jane.Fill("E-mail address", "jane@example.com").Fill("Password", password).Press("Create the operator").At("/console")
	return s
}

// mail waits for the next mail to an address, which must have a subject, and returns it with the paths of its links.
func (s *mailSite) mail(to, subject string) (m emailtest.Mail, paths []string) {
	s.t.Helper()
	m, s.read[to] = s.Wait(s.t, to, s.read[to])
	if m.Subject != subject || m.From != "cron@example.com" || !m.Encrypted || m.User != emailtest.User {
		s.t.Fatalf("the mail is not %q but %+v", subject, m)
	}
	for _, link := range anyLink.FindAllString(m.Text, -1) {
		path, ok := strings.CutPrefix(link, publicURL+"/console/")
		if !ok {
			s.t.Errorf("the mail %q leads to %s", subject, link)
		}
		paths = append(paths, "/console/"+path)
	}
	return m, paths
}

// link waits for the next mail to an address, which must have a subject, and returns the path of its one link.
func (s *mailSite) link(to, subject string) string {
	s.t.Helper()
	m, paths := s.mail(to, subject)
	if len(paths) != 1 {
		s.t.Fatalf("the mail has %d links: %s", len(paths), m.Text)
	}
	return paths[0]
}

// never makes sure that no mail has gone to an address.
func (s *mailSite) never(to string) {
	s.t.Helper()
	for _, m := range s.Mails() {
		if strings.EqualFold(m.To, to) {
			s.t.Errorf("a mail to %s arrived: %q", to, m.Subject)
		}
	}
}

// TestInvitationByMail invites somebody by mail, who joins.
func TestInvitationByMail(t *testing.T) {
	t.Parallel()
	s := startWithMail(t, emailtest.Options{})
	s.jane.Open("/console/settings/people").See("goes to this address by mail").Fill("E-mail address", "bob@example.org").Press("Invite")
	s.jane.See("An invitation is on its way to bob@example.org.").SeeNot("Give this link").Look("people-mailed")
	link := s.link("bob@example.org", "Invitation to operator@localhost")
	tab := openTab(t, s.url).Open(link).See("jane@example.com invites you")
	tab.Fill("Name", "Bob").Fill("Password", password).Press("Create your sign-in").At("/console").See("Bob")
	openTab(t, s.url).Expect(410).Open(link).See("used already")
	s.jane.Open("/console/settings/people").See("Bob").SeeNot("Open invitations")
}

// TestLostPasswordByMail sets another password by a link. The other sessions end, and the second factor stays needed.
func TestLostPasswordByMail(t *testing.T) {
	t.Parallel()
	const changed = "a new long password"
	s := startWithMail(t, emailtest.Options{})
	s.jane.Open("/console/settings/sign-in").Press("Set up an authenticator app")
	secret := strings.ReplaceAll(s.jane.Text("#secret"), " ", "")
	s.jane.Fill("Code", code(t, secret, 0)).Press("Turn on").See("not shown again")
	s.mail("jane@example.com", "A new way to sign in was added")

	tab := openTab(t, s.url).Open("/console/sign-in").Press("Forgot your password?").Look("lost-password")
	tab.Fill("E-mail address", "nobody@example.org").Press("Send a link").See("If nobody@example.org belongs to somebody here").Look("lost-password-sent")
	tab.Open("/console/lost-password").Fill("E-mail address", "jane@example.com").Press("Send a link").See("If jane@example.com belongs")
	link := s.link("jane@example.com", "Set a new password")
	tab.Open(link).See("For jane@example.com.").Look("reset")
	tab.Fill("New password", "password12").Expect(422).Press("Set the password").See("guessed first")
	tab.Fill("New password", changed).Press("Set the password").At("/console/sign-in/code")
	tab.Open("/console/settings/person").At("/console/sign-in/code")
	s.jane.Open("/console/settings/person").At("/console/sign-in")
	tab.Fill("Code", code(t, secret, 1)).Press("Continue").At("/console/settings/person")
	_, paths := s.mail("jane@example.com", "Your password was changed")
	if len(paths) > 0 {
		t.Errorf("the mail leads to %q", paths)
	}
	s.jane.Fill("E-mail address", "jane@example.com").Fill("Password", password).Expect(422).Press("Sign in").See("password is wrong")
	s.jane.Fill("Password", changed).Press("Sign in").At("/console/sign-in/code")
	openTab(t, s.url).Expect(410).Open(link).See("used already")
	s.never("nobody@example.org")
}

// TestSignUpByMail signs somebody up, who gets an account of their own whose jobs reach public addresses only. Whoever is
// known gets another mail, and sees the same page.
func TestSignUpByMail(t *testing.T) {
	t.Parallel()
	s := startWithMail(t, emailtest.Options{}, "--signup", "open")
	tab := openTab(t, s.url).Open("/console/sign-in").Press("Sign up").Look("sign-up")
	tab.Fill("E-mail address", "carl@example.org").Press("Send a link").See("A link is on its way to carl@example.org.").Look("sign-up-sent")
	link := s.link("carl@example.org", "Confirm your e-mail address")
	tab.Open(link).See("Your e-mail address is confirmed.").Look("sign-up-complete")
	tab.Fill("Name", "Carl").Fill("Password", password).Press("Create the account").At("/console").See("Carl")
	tab.Open("/console/settings/account").See("carl@example.org")
	tab.Open("/console/settings/people").See("Owner").SeeNot("jane@example.com")
	code, stdout, stderr := harness.Run(t, s.service.Env(), "account", "list")
	if code != 0 || !regexp.MustCompile(`(?m)^2 +carl@example\.org +default +enabled +public `).MatchString(stdout) {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	openTab(t, s.url).Expect(410).Open(link).See("used already")

	for _, known := range []string{"carl@example.org", "jane@example.com"} {
		again := openTab(t, s.url).Open("/console/sign-up").Fill("E-mail address", known).Press("Send a link")
		again.See("A link is on its way to " + known)
		if link := s.link(known, "You can sign in already"); link != "/console/sign-in" {
			t.Errorf("the link leads to %s", link)
		}
	}
}

// TestChangeOfEmail changes the address of a person. Both addresses hear of it, and nothing changes before the link is used.
func TestChangeOfEmail(t *testing.T) {
	t.Parallel()
	s := startWithMail(t, emailtest.Options{})
	s.jane.Open("/console/settings/person").Fill("New e-mail address", "doe@example.org").Press("Send the link")
	s.jane.See("A link is on its way to doe@example.org.").See("You sign in as jane@example.com.").Look("person-email-sent")
	asked, paths := s.mail("jane@example.com", "Your e-mail address is about to change")
	if !strings.Contains(asked.Text, "doe@example.org") || len(paths) != 1 || paths[0] != "/console/sign-in" {
		t.Errorf("the mail is %s", asked.Text)
	}
	link := s.link("doe@example.org", "Confirm your new e-mail address")
	tab := openTab(t, s.url).Open(link).See("You will sign in as doe@example.org from now on.").Look("email-confirm")
	s.jane.Open("/console/settings/person").See("You sign in as jane@example.com.") // by what GET has done
	tab.Press("Confirm").At("/console/sign-in")
	if told, _ := s.mail("jane@example.com", "Your e-mail address was changed"); !strings.Contains(told.Text, "doe@example.org") {
		t.Errorf("the mail is %s", told.Text)
	}
	tab.Fill("E-mail address", "jane@example.com").Fill("Password", password).Expect(422).Press("Sign in").See("password is wrong")
	tab.Fill("E-mail address", "doe@example.org").Fill("Password", password).Press("Sign in").At("/console")
	openTab(t, s.url).Expect(410).Open(link).See("used already")
}

// TestMailButton sends a test mail, and says why the mail server does not take it.
func TestMailButton(t *testing.T) {
	t.Parallel()
	s := startWithMail(t, emailtest.Options{})
	s.jane.Open("/console/settings/service").See(s.Addr).SeeNot("p@ss").Fill("E-mail address", "ops@example.org").Press("Send a test mail")
	s.jane.See("The mail server took a test mail to ops@example.org.").Look("service-mail-sent")
	s.mail("ops@example.org", "Test mail from Punctual")
	refuses := startWithMail(t, emailtest.Options{Recipient: errors.New("no such mailbox")})
	refuses.jane.Open("/console/settings/service").Fill("E-mail address", "ops@example.org").Expect(422).Press("Send a test mail")
	refuses.jane.See("The address ops@example.org is not accepted").Look("service-mail-refused")
}

// TestWithoutMail says what cannot be done without a mail server, and what to do.
func TestWithoutMail(t *testing.T) {
	t.Parallel()
	jane := setUp(t)
	tab := openTab(t, jane.base).Open("/console/sign-in").SeeNot("Sign up").Press("Forgot your password?")
	tab.See("This service cannot send mail. Ask its operator for a link").SeeNot("Send a link").Look("lost-password-no-mail")
	tab.Expect(403).Open("/console/sign-up").See("Nobody can sign up here without an invitation").Look("sign-up-closed")
	jane.Open("/console/settings/person").See("the address cannot be changed here")
	jane.Open("/console/settings/service").See("This service cannot send mail.")
	jane.Open("/console/settings/people").See("This service cannot send mail, so pass it on yourself.")
	jane.Fill("E-mail address", "bob@example.org").Press("Invite").See("Give this link to bob@example.org.")
	if link := jane.Text("#invitation-link"); !strings.HasPrefix(link, jane.base+"/console/invitation/") {
		t.Errorf("the link is %s", link)
	}
	jane.Click("Copy").See("Copied")
}

// TestForgedHost sends requests that lie about the host. The links of their mails lead to --public-url all the same.
func TestForgedHost(t *testing.T) {
	t.Parallel()
	s := startWithMail(t, emailtest.Options{}, "--signup", "open", "--trusted-proxies", "127.0.0.0/8")
	forged := func(method, path, kind, body, token string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.node.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "evil.example.net"
		r.Header = http.Header{"Content-Type": {kind}, "X-Forwarded-Host": {r.Host}, "Forwarded": {"host=" + r.Host},
			"Origin": {"http://" + r.Host}, "X-Forwarded-Proto": {"http"}, "Authorization": {"Bearer " + token}}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text := readAll(t, response.Body)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s: %s", method, path, response.Status, text)
		}
		return text
	}
	const form, object = "application/x-www-form-urlencoded", "application/json"
	forged("POST", "/console/lost-password", form, "email=jane@example.com", "")
	forged("POST", "/console/sign-up", form, "email=carl@example.org", "")
	token := regexp.MustCompile(`punctual_session_[\w-]+`).FindString(
		forged("POST", "/sessions", object, `{"session": {"email": "jane@example.com", "password": "`+password+`"}}`, ""))
	forged("POST", "/invitations", object, `{"invitation": {"email": "bob@example.org", "role": "viewer"}}`, token)
	for to, subject := range map[string]string{"jane@example.com": "Set a new password", "carl@example.org": "Confirm your e-mail address",
		"bob@example.org": "Invitation to operator@localhost"} {
		s.link(to, subject)
	}
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
