package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"punctual/internal/api/openapi"
	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// publication is the description of the API as it is sent.
type publication struct {
	document, page []byte
	policy         string // of the page
}

// published never changes, and is made when somebody asks for it.
var published = sync.OnceValues(func() (publication, error) {
	d := description()
	document, err := d.JSON()
	if err != nil {
		return publication{}, err
	}
	page, policy, err := d.Page()
	return publication{document, page, policy}, err
})

// getOpenAPI answers with the description of the API for programs.
func (a *api) getOpenAPI(w http.ResponseWriter, r *http.Request, _ cron.Account) error {
	p, err := published()
	if err == nil {
		publish(w, r, "application/json", p.document)
	}
	return err
}

// getDocs answers with the description of the API for people.
func (a *api) getDocs(w http.ResponseWriter, r *http.Request, _ cron.Account) error {
	p, err := published()
	if err == nil {
		w.Header().Set("Content-Security-Policy", p.policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		publish(w, r, "text/html; charset=utf-8", p.page)
	}
	return err
}

// publish sends what is the same for everybody and changes with the program only.
func publish(w http.ResponseWriter, r *http.Request, mediaType string, content []byte) {
	hash := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(hash[:8]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, max-age=300")
	if notModified(w, r, tag) {
		return
	}
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(content) // whoever is gone does not need it
}

// description is the API in the words of OpenAPI. A test compares it with the routes, and all tests of the API with what
// is sent.
func description() *openapi.Document {
	return &openapi.Document{
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
			"`application/problem+json` (RFC 9457) and names every bad value.",
		License: openapi.License{Name: "Apache License 2.0", Identifier: "Apache-2.0"},
		Security: openapi.Security{
			Name: "key", Scheme: "bearer",
			Description: "An API key, in the header `Authorization: Bearer …`. `punctual apikey create` makes one. A key may be " +
				"limited to reading or writing, to addresses, and in time.",
		},
		Groups: withIgnored([]openapi.Group{
			jobOperations(), runOperations(), historyOperations(), eventOperations(), folderOperations(), scheduleOperations(),
			accountOperations(), openOperations(),
		}),
		Schemas: slices.Concat(jobSchemas(), historySchemas(), otherSchemas()),
	}
}

// withIgnored adds what was ignored to the answers of the calls that have a body.
func withIgnored(groups []openapi.Group) []openapi.Group {
	for _, g := range groups {
		for _, o := range g.Operations {
			if o.Body == nil {
				continue
			}
			for i := range o.Responses {
				if r := &o.Responses[i]; r.Status/100 == 2 {
					r.Headers = append(r.Headers, openapi.Maybe(wire.HeaderIgnored, openapi.String("JSON pointers to the members of "+
						"the body that nothing reads, percent-encoded and separated by commas; at most 20.")))
				}
			}
		}
	}
	return groups
}

// problemTexts says when a call is answered with an error, where the operation does not say it better.
var problemTexts = map[int]string{
	http.StatusBadRequest:          "A value is not valid; `errors` names each by JSON pointer.",
	http.StatusUnauthorized:        "No API key, or one that is unknown, disabled or expired.",
	http.StatusForbidden:           "The key may not be used from this address, or for this call.",
	http.StatusNotFound:            "Not there, or of another account.",
	http.StatusPreconditionFailed:  "It was changed since the ETag in `If-Match` was read.",
	http.StatusTooManyRequests:     "A rate, the daily quota, or another limit of the plan is exceeded.",
	http.StatusInternalServerError: "The service's fault.",
}

// problemOf is an answer that is an error. An empty text stands for the usual one.
func problemOf(status int, text string) openapi.Response {
	if text == "" {
		text = problemTexts[status]
	}
	r := openapi.Response{Status: status, Description: text, Contents: []openapi.Content{
		{MediaType: "application/problem+json", Schema: openapi.Ref("Problem")},
	}}
	switch status {
	case http.StatusUnauthorized:
		r.Headers = []openapi.Member{openapi.Of("WWW-Authenticate", openapi.String("`Bearer`."))}
	case http.StatusTooManyRequests:
		r.Headers = []openapi.Member{openapi.Of("Retry-After", openapi.Integer("When to try again.").In("s").AtLeast(1))}
	}
	return r
}

// answers are those of a call: what it says when all is well, the errors of all calls that need a key, and the others
// given, by their status or as they are.
func answers(done openapi.Response, others ...any) []openapi.Response {
	list := []openapi.Response{done}
	for _, o := range others {
		switch o := o.(type) {
		case int:
			list = append(list, problemOf(o, ""))
		case openapi.Response:
			list = append(list, o)
		}
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusInternalServerError} {
		list = append(list, problemOf(status, ""))
	}
	return inOrder(list)
}

// inOrder sorts by status.
func inOrder(list []openapi.Response) []openapi.Response {
	sorted := make([]openapi.Response, 0, len(list))
	for status := range 600 {
		for _, r := range list {
			if r.Status == status {
				sorted = append(sorted, r)
			}
		}
	}
	return sorted
}

// jsonAnswer is 200 with a JSON object.
func jsonAnswer(text, example string, members ...openapi.Member) openapi.Response {
	return openapi.Response{Status: http.StatusOK, Description: text, Contents: []openapi.Content{
		{MediaType: "application/json", Schema: openapi.Object("", members...), Example: example},
	}}
}

// doneAnswer is 200 with an empty object.
func doneAnswer() openapi.Response { return jsonAnswer("Done.", "{}") }

// withETag adds the version of a job to an answer.
func withETag(r openapi.Response) openapi.Response {
	r.Headers = append(r.Headers, openapi.Of("ETag", openapi.String("The version of the job's definition, for `If-Match`.")))
	return r
}

// jsonBody is a body with one object.
func jsonBody(text, member string, s openapi.Schema, example string) *openapi.Body {
	return &openapi.Body{Description: text, Content: openapi.Content{
		MediaType: "application/json", Schema: openapi.Object("", openapi.Of(member, s)), Example: example,
	}}
}

func jobIDParameter() openapi.Parameter {
	return openapi.Parameter{In: "path", Name: "jobId", Schema: openapi.Integer("The number of the job.").Like(1)}
}

func folderIDParameter() openapi.Parameter {
	return openapi.Parameter{In: "path", Name: "folderId", Schema: openapi.Integer("The number of the folder.").Like(1)}
}

// named are the values of a choice by their numbers, with what they mean.
func named(names []string, meanings ...string) []openapi.Choice {
	choices := make([]openapi.Choice, len(names))
	for i, name := range names {
		choices[i] = openapi.Choice{Value: name, Meaning: meanings[i]}
	}
	return choices
}

// numbered are the values of a choice of numbers from 0 on, each with its name.
func numbered(names ...string) []openapi.Choice {
	choices := make([]openapi.Choice, len(names))
	for i, name := range names {
		choices[i] = openapi.Choice{Value: i, Name: name}
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
