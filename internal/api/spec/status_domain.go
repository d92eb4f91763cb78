package spec

import (
	"net/http"

	"punctual/internal/statuspage"
)

func statusDomainOperations() Group {
	const list = "/statuspages/{statusPageId}/domains"
	page := idParameter("statusPageId", "The number of the status page.")
	one := []Parameter{page, idParameter("domainId", "The number of the domain.")}
	return Group{
		Name: "Domains of status pages",
		Description: "Hosts of your own at which a status page is shown. A domain counts once a check has found a TXT record with the token of the " +
			"account. It is checked again each day, and released when the record has been missing for three days.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: list, ID: "listStatusPageDomains", Summary: "List the domains of a status page", Added: true,
				Parameters: []Parameter{page},
				Responses: answers(jsonAnswer("The domains, the oldest first.", "", Of("domains", Array("", Ref("StatusPageDomain"))), next()),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: list, ID: "addStatusPageDomain", Summary: "Add a domain to a status page", Added: true,
				Description: "The list shows the DNS records that it needs. The plan limits how many domains the pages of an account have (`maxStatusDomains`).",
				Parameters:  append(creating(), page),
				Body: jsonBody("The domain.", "domain", Input("", statusDomainMembers(), "host"),
					`{"domain":{"host":"status.example.com"}}`),
				Responses: creatingAnswers(made("The domain was added.", "domainId", "domain"), "The account has the domain already.",
					http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: list + "/{domainId}/check", ID: "checkStatusPageDomain", Summary: "Check a domain of a status page now", Added: true,
				Description: "Looks up the DNS records. A domain can be checked every 10 seconds, and an account can ask for 10 checks a minute.",
				Parameters:  one,
				Responses:   answers(jsonAnswer("The domain after the check.", "", Of("domain", Ref("StatusPageDomain"))), http.StatusNotFound),
			},
			{
				Method: http.MethodDelete, Path: list + "/{domainId}", ID: "deleteStatusPageDomain", Summary: "Remove a domain from a status page", Added: true,
				Description: "The page is no longer shown there within two seconds.",
				Parameters:  one,
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

func statusDomainMembers() []Member {
	faults := named(statuspage.DomainFaultNames, "everything is as it is to be", "there is no TXT record", "the TXT records hold another value",
		"the name servers do not answer", "another account holds the domain, and its record is there too",
		"verified, but the domain has no address", "verified, but the domain does not lead to this service; a proxy in front of it may be the reason")
	return []Member{
		Of("domainId", Integer("The number of the domain.").Output()),
		Of("host", String("The name of the host, such as `status.example.com`. Internationalized names are stored in their ASCII form.").NotEmpty()),
		Of("verified", Time("Since when the account holds it; null if it does not.").OrNull().Output()),
		Of("missing", Time("Since when the TXT record of a verified one is missing; null when it is there.").OrNull().Output()),
		Of("checked", Time("When it was checked last; null before the first check.").OrNull().Output()),
		Of("fault", String("What the last check found.").Choose(faults...).Output()),
		Of("records", Array("The DNS records that it needs.", Object("",
			Of("type", String("`TXT`, `CNAME`, `A` or `AAAA`.")), Of("name", String("The name of the record.")), Of("value", String("Its value.")))).Output()),
		Of("created", Time("When it was added.").Output()),
		Of("createdBy", String("Who added it.").Output()),
	}
}

// statusDomainSchemas are the schemas of domains of status pages.
func statusDomainSchemas() []Member {
	return []Member{Of("StatusPageDomain", Object("A domain of a status page.", statusDomainMembers()...))}
}
