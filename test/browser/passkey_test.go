package browser

import (
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// authenticator gives the tab an authenticator that is part of the device and knows who uses it, such as by a finger.
func (tab *Tab) authenticator() *Tab {
	tab.t.Helper()
	call(tab, webauthn.Enable, webauthn.EnableParams{})
	call(tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	return tab
}

// TestPasskeys adds a passkey, signs in and confirms with it, and removes the password.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	tab := setUp(t).authenticator()
	tab.Open("/console/settings/sign-in").Press("Add a passkey").See("Saved.").See("Last used never").Look("passkeys")
	tab.Click("Add a passkey").See("has a passkey for you already")
	tab.Press("Remove the password").See("You have no password.")
	tab.Click("jane@example.com").Press("Sign out").At("/console/sign-in")
	tab.Press("Sign in with a passkey").At("/console")
	tab.Open("/console/confirm?next=/console/settings/keys").Look("confirm-passkey").Press("Confirm with a passkey").At("/console/settings/keys")
	tab.Open("/console/settings/sign-in").Click("Change").Expect(409).Press("Remove").See("could no longer sign in")
	tab.Fill("New password", password).Press("Set a password").See("Your password is changed")
	tab.Click("Change").Press("Remove").See("Removed.")
}

// TestSetUpWithPasskey sets up the operator without a password.
func TestSetUpWithPasskey(t *testing.T) {
	t.Parallel()
	node, url := start(t)
	tab := openTab(t, url).authenticator()
	tab.Open(setupLink.FindString(node.Stdout())).Fill("E-mail address", "jane@example.com")
	tab.Press("Use a passkey instead").At("/console")
	tab.Open("/console/settings/sign-in").See("You have no password.").See("Last used never")
}
