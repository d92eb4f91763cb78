package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// problemTexts describe the error responses whose operation has no description of its own.
var problemTexts = map[int]string{
	http.StatusBadRequest:         "A value is invalid; `errors` identifies each by a JSON pointer.",
	http.StatusUnauthorized:       "The API key is missing, unknown, disabled or expired, or its account is disabled.",
	http.StatusForbidden:          "The API key may not be used from this address, or its scopes do not allow the call.",
	http.StatusNotFound:           "It does not exist, or belongs to another account.",
	http.StatusConflict:           "Other calls changed it again and again while this one was saving it.",
	http.StatusPreconditionFailed: "It has changed since the ETag in `If-Match` was read.",
	http.StatusTooManyRequests: "A rate limit, the daily quota or another limit of the plan is exceeded, or too many calls of the account are in progress " +
		"or wait for the database.",
	http.StatusInternalServerError: "An internal error of the service.",
}

// problemOf is an error response. An empty text stands for that of problemTexts.
func problemOf(status int, text string) Response {
	if text == "" {
		text = problemTexts[status]
	}
	r := Response{Status: status, Description: text, Contents: []Content{
		{MediaType: "application/problem+json", Schema: Ref("Problem")},
	}}
	switch status {
	case http.StatusUnauthorized:
		r.Headers = []Member{Of("WWW-Authenticate", String("`Bearer`."))}
	case http.StatusTooManyRequests:
		r.Headers = []Member{Of("Retry-After", Integer("Time to wait before the next try.").In("s").AtLeast(1))}
	}
	return r
}

// answers are the responses of an operation: done, the errors of all operations that need a key, and others, which are
// statuses or responses.
func answers(done Response, others ...any) []Response {
	list := []Response{done}
	for _, o := range others {
		switch o := o.(type) {
		case int:
			list = append(list, problemOf(o, ""))
		case Response:
			list = append(list, o)
		}
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusInternalServerError} {
		list = append(list, problemOf(status, ""))
	}
	return inOrder(list)
}

// inOrder sorts responses by status.
func inOrder(list []Response) []Response {
	sorted := make([]Response, 0, len(list))
	for status := range 600 {
		for _, r := range list {
			if r.Status == status {
				sorted = append(sorted, r)
			}
		}
	}
	return sorted
}

// jsonAnswer is a response 200 with a JSON object.
func jsonAnswer(text, example string, members ...Member) Response {
	return Response{Status: http.StatusOK, Description: text, Contents: []Content{
		{MediaType: "application/json", Schema: Object("", members...), Example: example},
	}}
}

// doneAnswer is a response 200 with an empty object.
func doneAnswer() Response { return jsonAnswer("Done.", "{}") }

// withETag adds the version of a job to a response.
func withETag(r Response) Response {
	r.Headers = append(r.Headers, Of("ETag", String("The version of the job's definition, for `If-Match` and `If-None-Match`.")))
	return r
}

// jsonBody is a request body with one object.
func jsonBody(text, member string, s Schema, example string) *Body {
	return &Body{Description: text, Content: Content{
		MediaType: "application/json", Schema: Object("", Of(member, s)), Example: example,
	}}
}

func jobIDParameter() Parameter {
	return Parameter{In: "path", Name: "jobId", Schema: Integer("The number of the job.").Like(1)}
}

func folderIDParameter() Parameter {
	return Parameter{In: "path", Name: "folderId", Schema: Integer("The number of the folder.").Like(1)}
}

// creating are the parameters of an operation that creates something, after the given ones.
func creating(others ...Parameter) []Parameter {
	return append(others, Parameter{In: "header", Name: "Idempotency-Key", Schema: String(
		"Makes it safe to retry the call: any printable ASCII text, new for each call and the same for its retries. For 24 " +
			"hours, a retry has no effect and gets the original response.").UpTo(cron.MaxIdempotencyKeyLength).Extra()})
}

// created adds the headers of such an operation to its response.
func created(r Response) Response {
	r.Headers = append(r.Headers, Maybe("Idempotency-Replayed",
		String("`true` if this is the stored response to an earlier call.")))
	return r
}

// made is the response to a call that creates one thing, of which it tells the number.
func made(text, member, thing string) Response {
	return created(jsonAnswer(text, `{"`+member+`":1}`, Of(member, Integer("The number of the new "+thing+"."))))
}

// creatingAnswers are answers with the errors of Idempotency-Key. A string among others is another reason for a 409.
func creatingAnswers(done Response, others ...any) []Response {
	text := "A call with this Idempotency-Key is in progress."
	for _, o := range others {
		if conflict, ok := o.(string); ok {
			text = conflict + " Or a call with this Idempotency-Key is in progress."
		}
	}
	return answers(done, append(others, problemOf(http.StatusConflict, text),
		problemOf(http.StatusUnprocessableEntity, "The Idempotency-Key was used with a different request."))...)
}

func ifNoneMatch() Parameter {
	return Parameter{In: "header", Name: "If-None-Match", Schema: String("The response is a 304 if this ETag is still current.")}
}

func cacheable(r Response) Response {
	r.Headers = append(r.Headers, Of("ETag", String("For `If-None-Match`.")),
		Of("Cache-Control", String("How long the response may be cached.")))
	return r
}

func notModifiedAnswer() Response {
	return cacheable(Response{Status: http.StatusNotModified, Description: "It has not changed."})
}

// problemSchemas are the schemas of errors.
func problemSchemas() []Member {
	return []Member{
		Of("Problem", Object("What went wrong (RFC 9457).",
			Of("title", String("The HTTP status in words.")),
			Of("status", Integer("The HTTP status.").Within(400, 599)),
			Of("detail", String("What happened, and what to do about it.")),
			Maybe("errors", Array("The invalid values.", Object("",
				Of("pointer", String("A JSON pointer (RFC 6901) to the value in the body, or a slash and the name of the "+
					"parameter.").Like("/job/schedule/hours/1")),
				Of("detail", String("Why it is invalid.")))).UpTo(wire.MaxProblems)))),
	}
}
