package browser

import (
	"testing"

	"punctual/internal/notify/email/emailtest"
)

// TestStatusDomains adds a domain to a page, and looks at what is to be entered at the DNS provider.
func TestStatusDomains(t *testing.T) {
	t.Parallel()
	tab := startWithMail(t, emailtest.Options{}).jane
	tab.Open("/console/status").Fill("Title", "Example").Press("Create the page").See("created as a draft")
	tab.Open("/console/status/1/settings").Press("Set up domains").Look("status-domains-first")
	tab.Fill("New domain", "https://status.example.net").Expect(422).Press("Add the domain").See("without scheme").Look("status-domains-wrong")
	tab.Fill("New domain", "status.invalid").Press("Add the domain").See("Enter the records, then check it").See("_punctual.status.invalid")
	tab.Press("Check now").See("The domain was checked").See("Not verified").Look("status-domains")
	tab.Click("Copy").See("Copied")
	tab.Press("Remove").See("Removed")
}
