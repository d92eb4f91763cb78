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

// Published never changes, and is made when somebody asks for it.
var Published = sync.OnceValues(func() (Publication, error) {
	d := Describe()
	document, err := d.JSON()
	if err != nil {
		return Publication{}, err
	}
	page, policy, err := d.Page()
	return Publication{document, page, policy}, err
})

// Describe is the API in the words of OpenAPI. A test compares it with the routes, and all tests of the API with what
// is sent.
func Describe() *Document {
	return &Document{
		Title:   "Punctual",
		Version: "1",
		Summary: "An HTTP cron service that speaks the REST API of cron-job.org",
		Description: "Programs written for version 1 of the cron-job.org REST API work here once their base URL is changed. " +
			"What Punctual adds is marked as added; it has defaults that change nothing.\n\n" +
			"A body is JSON with `Content-Type: application/json`. It is read leniently: unknown and read-only members are " +
			"ignored, `null` stands for a member that is left out, an integer may come as a string of digits, a boolean as " +
			"`0`, `1`, `\"true\"` or `\"false\"`. A PATCH changes the members that it has, inside objects too; arrays and " +
			"`headers` are replaced as a whole. Answers may get further members.\n\n" +
			"Requests are limited by the plan of the account: a daily quota per key, and rates per call. An error is " +
			"`application/problem+json` (RFC 9457) and names every bad value. Sentences are in the language that " +
			"`Accept-Language` asks for, where there is a choice; English is the only one so far.",
		License: License{Name: "Apache License 2.0", Identifier: "Apache-2.0"},
		Security: Security{
			Name: "key", Scheme: "bearer",
			Description: "An API key, in the header `Authorization: Bearer …`. `punctual apikey create` makes one. A key may be " +
				"limited to reading or writing, to addresses, and in time.",
		},
		Groups: withIgnored([]Group{
			jobOperations(), runOperations(), historyOperations(), eventOperations(), folderOperations(), scheduleOperations(),
			accountOperations(), openOperations(),
		}),
		Schemas: slices.Concat(jobSchemas(), historySchemas(), runSchemas(), folderSchemas(), accountSchemas(),
			eventSchemas(), problemSchemas()),
	}
}

// withIgnored adds what was ignored to the answers of the calls that have a body.
func withIgnored(groups []Group) []Group {
	for _, g := range groups {
		for _, o := range g.Operations {
			if o.Body == nil {
				continue
			}
			for i := range o.Responses {
				if r := &o.Responses[i]; r.Status/100 == 2 {
					r.Headers = append(r.Headers, Maybe(wire.HeaderIgnored, String("JSON pointers to the members of "+
						"the body that nothing reads, percent-encoded and separated by commas; at most 20.")))
				}
			}
		}
	}
	return groups
}

// named are the values of a choice by their numbers, with what they mean.
func named(names []string, meanings ...string) []Choice {
	choices := make([]Choice, len(names))
	for i, name := range names {
		choices[i] = Choice{Value: name, Meaning: meanings[i]}
	}
	return choices
}

// numbered are the values of a choice of numbers from 0 on, each with its name.
func numbered(names ...string) []Choice {
	choices := make([]Choice, len(names))
	for i, name := range names {
		choices[i] = Choice{Value: i, Name: name}
	}
	return choices
}

// methodNames are those of request methods, by their numbers.
func methodNames() []string {
	var names []string
	for m := cron.MethodGet; m.Valid(); m++ {
		names = append(names, strings.ToUpper(m.String()))
	}
	return names
}
