package browser

import (
	"regexp"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"punctual/test/harness"
)

// password is that of all people of these tests.
const password = "correct horse battery"

var setupLink = regexp.MustCompile(`http://\S+/console/setup/\S+`)

// start starts a service.
func start(t *testing.T, flags ...string) (node *harness.Node, url string) {
	t.Helper()
	node = harness.NewService(t, "").Start(flags...)
	return node, addressOf(node)
}

// addressOf is where browsers find a node, by the name of the host, which passkeys need.
func addressOf(node *harness.Node) string {
	return strings.Replace(node.URL, "127.0.0.1", "localhost", 1)
}

// setUp sets up the operator of a node, who is signed in then.
func (tab *Tab) setUp(node *harness.Node) *Tab {
	tab.t.Helper()
	tab.Open(setupLink.FindString(node.Stdout())).Fill("E-mail address", "jane@example.com").Fill("Password", password)
	return tab.Press("Create the operator").At("/console")
}

// setUp sets up the operator of a new service in a tab, who is signed in then.
func setUp(t *testing.T) *Tab {
	t.Helper()
	node, url := start(t)
	return openTab(t, url).setUp(node)
}

// again opens another browser on the same service and signs in.
func (tab *Tab) again(t *testing.T, email string) *Tab {
	t.Helper()
	return openTab(t, tab.base).signIn(email)
}

// signIn enters an address and the password.
func (tab *Tab) signIn(email string) *Tab {
	tab.t.Helper()
	return tab.Open("/console/sign-in").Fill("E-mail address", email).Fill("Password", password).Press("Sign in")
}

// TestFirstStart sets up the operator, looks at the first pages, signs out and in.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	node, url := start(t)
	tab := openTab(t, url)
	link := setupLink.FindString(node.Stdout())
	tab.Open(link).See("Set up Punctual").Look("setup")
	tab.Fill("E-mail address", "jane@example.com").Fill("Password", "password12").Expect(422).Press("Create the operator")
	tab.See("guessed first").Look("setup-wrong")
	tab.Fill("Password", password).Press("Create the operator").At("/console").See("Paste a URL").Look("start")
	tab.Click("jane@example.com").See("Sign out").Look("menu-person").Click("operator@localhost").See("Your accounts").Look("menu-accounts")
	tab.Click("jane@example.com")
	tab.Press("Sign out").At("/console/sign-in").See("You are signed out.").Look("sign-in")
	tab.Open("/console/settings/sessions").At("/console/sign-in")
	tab.Fill("E-mail address", "jane@example.com").Fill("Password", "wrong").Expect(422).Press("Sign in")
	tab.See("password is wrong").Look("sign-in-wrong")
	tab.Fill("Password", password).Press("Sign in").At("/console/settings/sessions").See("this one").Look("sessions")
	tab.Expect(410).Open(link).See("used already").Look("gone")
}

// TestWithoutScripts signs in, makes a key and changes the profile without JavaScript.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	node, url := start(t)
	tab := openTab(t, url).WithoutScripts().setUp(node)
	tab.Open("/console/settings/keys").Fill("What it is for", "deploy").Press("Make the key").SeeText("not shown again")
	tab.Open("/console/settings/person").Fill("Name", "Jane Doe").Fill("Time zone", "Asia/Tokyo").Press("Save").SeeText("Saved.")
	tab.Open("/console/settings/sign-in").SeeText("allow JavaScript")
	tab.Click("Jane Doe").Press("Sign out").At("/console/sign-in")
}

// TestSettings fills the settings and looks at them.
func TestSettings(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/settings").Look("settings")
	tab.Open("/console/settings/person").Fill("Name", "Jane Doe").Fill("Time zone", "Europe/Berlin").Press("Save").See("Saved.").Look("person")
	tab.Open("/console/settings/keys").Look("keys").Fill("What it is for", "deploy").Fill("Allowed addresses", "nowhere").
		Expect(422).Press("Make the key").See("nowhere").Look("keys-wrong")
	tab.Fill("Allowed addresses", "192.0.2.0/24").Press("Make the key").See("not shown again").Look("key-new")
	tab.Open("/console/settings/account").Fill("Name", "Example Corporation").Press("Save").See("Saved.").Look("account")
	tab.Open("/console/settings/people").Fill("E-mail address", "bob@example.com").Press("Invite").See("Give this link").Look("people")
	tab.Open("/console/settings/accounts").Fill("Contact address", "shop@example.com").Press("Create the account").See("shop@example.com").Look("accounts")
	tab.Click("Change").See("Delete in 7 days").Look("accounts-change")
	tab.Open("/console/settings/everyone").Look("everyone")
	tab.Open("/console/settings/service").Look("service")
	tab.Open("/console/settings/audit").See("Made the API key").Look("audit")
	tab.Choose("What", "API keys").Press("Filter").See("Made the API key").SeeNot("Invited")
}

// TestLeavingAChangedForm asks before what was typed is lost, and only then.
func TestLeavingAChangedForm(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/settings/person").Open("/console/settings/account").Fill("Name", "Example").Press("Save").See("Saved.")
	tab.Fill("Name", "Another").Expect(dialog).Press("People").At("/console/settings/people")
}

// TestAuthenticatorApp turns the second factor on, and signs in with it.
func TestAuthenticatorApp(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/settings/sign-in").Look("sign-in-settings").Press("Set up an authenticator app").Look("totp")
	secret := strings.ReplaceAll(tab.Text("#secret"), " ", "")
	tab.Fill("Code", "000000").Expect(422).Press("Turn on").See("code is wrong")
	tab.Fill("Code", code(t, secret, 0)).Press("Turn on").See("not shown again").Look("recovery-codes")
	recovery := tab.Text("#codes div")
	other := tab.again(t, "jane@example.com").At("/console/sign-in/code").Look("code")
	other.Fill("Code", code(t, secret, 1)).Press("Continue").At("/console")
	third := tab.again(t, "jane@example.com").Fill("Code", recovery).Press("Continue").At("/console/settings/sign-in")
	third.See("Unused recovery codes: 9").Look("sign-in-settings-full").Press("Turn off").See("Removed.")
	tab.again(t, "jane@example.com").At("/console")
}

// code is what an authenticator app shows in some periods from now.
func code(t *testing.T, secret string, periods int) string {
	t.Helper()
	text, err := totp.GenerateCode(secret, later(periods))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestInvitation invites somebody by a link, who joins.
func TestInvitation(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/settings/people").Fill("E-mail address", "bob@example.com").Press("Invite").See("Give this link")
	link := tab.Text("#invitation-link")
	other := openTab(t, tab.base).Open(link).See("jane@example.com invites you").Look("invitation")
	other.Fill("Name", "Bob").Fill("Password", password).Press("Create your sign-in").At("/console")
	other.Open("/console/settings/people").See("Bob").SeeNot("Invite somebody").Look("people-editor")
	other.Open("/console/settings/keys").See("New API key")
	tab.Open("/console/settings/people").See("Bob").Click("Change").Choose("Role", "Viewer").Press("Save").See("Saved.")
	other.Open("/console/settings/keys").See("Viewers make no API keys").Look("keys-viewer")
	tab.Click("Change").Press("Remove from the account").See("Removed.")
	other.Open("/console").See("You do not belong to an account").Look("start-no-account")
}
