package web_test

import (
	"strings"
	"testing"
)

// TestStatusDomains adds a domain, shows what to enter, and says what is wrong.
func TestStatusDomains(t *testing.T) {
	c := newConsoleWith(t, settings{publicURL: "https://example.com"})
	b := c.setUp(t)
	page := b.statusPage("Example status")
	b.get(page+"/settings").says(200, "Domains", `href="`+page+`/domains"`)
	b.get(page+"/domains").says(200, "Show the page at a host of your own", `name="host"`)
	b.post(page+"/domains", "host", "*.example.com").says(422, "cannot be the domain", `value="*.example.com"`)
	b.post(page+"/domains", "host", "status.invalid").leads(page + "/domains?done=domain-added")
	b.get(page+"/domains?done=domain-added").says(200, "The domain is added", "Not checked yet", "_punctual.status.invalid", ">punctual-", ">CNAME: name<", ">example.com<",
		"Check now", `data-copy="value-1-0"`)
	b.post(page+"/domains", "host", "status.invalid").says(409, "has this domain already")
	b.post(page + "/domains/1/check").leads(page + "/domains?done=domain-checked")
	b.get(page+"/domains").says(200, "Not verified", "Last check:")
	if a := b.post(page + "/domains/1/check"); a.status != 303 { // unless a window of the limit began meanwhile
		a.says(429, "was checked a moment ago")
	}
	b.post(page + "/domains/2/check").says(404)
	b.post(page + "/domains/1/delete").leads(page + "/domains?done=removed")
	b.get(page + "/domains").says(200).hides("status.invalid")
	b.get("/console/visit/" + strings.TrimPrefix(c.lastPage(t).Slug, "/") + "?host=evil.example").says(404)
}
