package browser

import "testing"

// TestSecretsAndTLS makes, replaces and deletes a secret, and looks at the TLS material.
func TestSecretsAndTLS(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/settings/secrets").See("There are no secrets yet.").Look("secrets-first")
	tab.Fill("Name", "9 lives").Fill("Value", "never shown").Expect(422).Press("Make the secret").See("cannot be the name").Look("secrets-wrong")
	tab.Fill("Name", "BACKUP_TOKEN").Fill("Value", "never shown").Press("Make the secret").See("The secret is saved.").Look("secrets")
	tab.Press("BACKUP_TOKEN").See("%secret:BACKUP_TOKEN%").Look("secret")
	tab.Fill("Value", "another").Press("Replace").See("The value is replaced.")
	tab.Open("/console/settings/secrets/1").Press("Delete").See("Removed.")
	tab.Open("/console/settings/tls").See("None were added.").Click("Add certificate authorities").Click("Add a client certificate").Look("tls")
}

// TestOperatorPages looks at what operators see of the service.
func TestOperatorPages(t *testing.T) {
	t.Parallel()
	tab := setUp(t)
	tab.Open("/console/settings/nodes").See("Size of the database").Look("nodes")
	tab.Open("/console/settings/plans").See("unlimited").Look("plans")
	tab.Open("/console/settings/service").See("Trusted proxies").Look("configuration")
}
