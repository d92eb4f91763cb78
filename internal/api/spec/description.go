package spec

import (
	"slices"
	"strings"
	"sync"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// Publication is the description of the API as it is sent.
type Publication struct {
	Document, Page []byte
	Policy         string // the Content-Security-Policy of the page
}

// Published is the description of the API. It is made at the first call and never changes.
var Published = sync.OnceValues(func() (Publication, error) {
	d := Describe()
	document, err := d.JSON()
	if err != nil {
		return Publication{}, err
	}
	page, policy, err := d.Page()
	return Publication{document, page, policy}, err
})

// Describe describes the API. A test compares the description with the routes, and all tests of the API compare it with
// requests and responses.
func Describe() *Document {
	return &Document{
		Title:   "Punctual",
		Version: "1",
		Summary: "An HTTP cron service that speaks the REST API of cron-job.org",
		Description: "Programs written for version 1 of the cron-job.org REST API work once their base URL is changed. " +
			"Additions to that API are marked as added. Their defaults keep the behaviour of the original.\n\n" +
			"Request bodies are JSON with `Content-Type: application/json`. They are parsed leniently: unknown and read-only " +
			"members are ignored, `null` means that a member is not given, an integer may be sent as a string of digits, and a " +
			"boolean as `0`, `1`, `\"true\"` or `\"false\"`. A PATCH changes only the members that are given, also within " +
			"objects; arrays and `headers` are replaced as a whole. Members may be added to responses in future.\n\n" +
			"The plan of the account limits requests: a daily quota for each API key, and a rate for each call. Errors are " +
			"`application/problem+json` (RFC 9457) and identify each invalid value. Texts are in the language that " +
			"`Accept-Language` requests, if it is available; so far, only English is.",
		License: License{Name: "Apache License 2.0", Identifier: "Apache-2.0"},
		Security: Security{
			Name: "key", Scheme: "bearer",
			Description: "An API key in the header `Authorization: Bearer …`. Create one with `punctual apikey create`. A key can be " +
				"limited to reading or writing and to client addresses, and can expire.",
		},
		Groups: withIgnored([]Group{
			jobOperations(), runOperations(), testRunOperations(), historyOperations(), eventOperations(), folderOperations(), findOperations(), versionOperations(), actionOperations(), scheduleOperations(),
			problemOperations(), maintenanceOperations(), statusPageOperations(), incidentOperations(), pageMaintenanceOperations(), subscriberOperations(), statusDomainOperations(), accountOperations(), secretOperations(), channelOperations(), notificationOperations(), peopleOperations(), sessionOperations(), auditOperations(), serviceOperations(), nodeOperations(), openOperations(),
		}),
		Webhooks: webhookOperations(),
		Schemas: slices.Concat(jobSchemas(), historySchemas(), runSchemas(), testRunSchemas(), folderSchemas(), findSchemas(), versionSchemas(), actionSchemas(), accountSchemas(),
			jobProblemSchemas(), maintenanceSchemas(), statusPageSchemas(), incidentSchemas(), pageMaintenanceSchemas(), subscriberSchemas(), statusDomainSchemas(), secretSchemas(), channelSchemas(), notificationSchemas(), personSchemas(), nodeSchemas(), eventSchemas(), problemSchemas(), webhookSchemas()),
	}
}

// withIgnored adds the header that lists ignored members to the responses of operations with a body.
func withIgnored(groups []Group) []Group {
	for _, g := range groups {
		for _, o := range g.Operations {
			if o.Body == nil || !o.Body.Content.isJSON() {
				continue
			}
			for i := range o.Responses {
				if r := &o.Responses[i]; r.Status/100 == 2 {
					r.Headers = append(r.Headers, Maybe(wire.HeaderIgnored, String("JSON pointers to the members of "+
						"the body that were ignored, percent-encoded and separated by commas; at most 20.")))
				}
			}
		}
	}
	return groups
}

// named are the values of a numbered choice, with their meanings.
func named(names []string, meanings ...string) []Choice {
	choices := make([]Choice, len(names))
	for i, name := range names {
		choices[i] = Choice{Value: name, Meaning: meanings[i]}
	}
	return choices
}

// given are names without those of numbers that nothing has.
func given(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
}

// numbered are the values of a choice numbered from 0, each with its name.
func numbered(names ...string) []Choice {
	choices := make([]Choice, len(names))
	for i, name := range names {
		choices[i] = Choice{Value: i, Name: name}
	}
	return choices
}

// methodNames are the names of the request methods, in the order of their numbers.
func methodNames() []string {
	var names []string
	for m := cron.MethodGet; m.Valid(); m++ {
		names = append(names, strings.ToUpper(m.String()))
	}
	return names
}
