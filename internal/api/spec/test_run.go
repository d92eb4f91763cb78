package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// testRunOperations are the operations on test runs.
func testRunOperations() Group {
	id := Parameter{In: "path", Name: "testRunId", Schema: Integer("The number of the test run.").Like(1)}
	answered := func(status int, text string) Response {
		r := jsonAnswer(text, "", Of("testRun", Ref("TestRun")))
		r.Status = status
		return r
	}
	accepted := created(answered(http.StatusAccepted, "The test run starts as soon as a node has a free slot."))
	accepted.Headers = append(accepted.Headers, Of("Location", String("The path of the test run.")))
	return Group{
		Name: "Test runs",
		Description: "A test run calls a URL as a job would, and shows everything that was seen, also of a call that failed. It is not in " +
			"the history, changes no counter and creates no notice.",
		Operations: []Operation{
			{
				Method: http.MethodPost, Path: "/testruns", ID: "startTestRun", Summary: "Start a test run", Added: true,
				Description: "Tests a job as it would be saved: a new one, or a stored one with changes. Nothing is saved.",
				Parameters:  creating(),
				Body: &Body{Description: "The job. With `jobId`, the members that differ from the stored one, if any.", Content: Content{
					MediaType: "application/json", Example: `{"jobId":1,"job":{"requestTimeout":10}}`,
					Schema: Object("",
						Maybe("job", Ref("JobChange")),
						Maybe("jobId", Integer("A stored job; without it, the job is a new one, whose `url` is required.").AtLeast(1))),
				}},
				Responses: creatingAnswers(accepted, http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/testruns/{testRunId}", ID: "getTestRun", Summary: "Show a test run", Added: true,
				Description: "While it runs, it shows what is known so far. The calls of this operation do not count against the daily quota.",
				Parameters:  []Parameter{id},
				Responses:   answers(answered(http.StatusOK, "The test run."), http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/testruns/{testRunId}/events", ID: "followTestRun", Summary: "Stream a test run", Added: true,
				Description: "Sends the test run at once, and again each time it has changed. The stream ends when the test run is finished; " +
					"close it then, since browsers would open it again. It counts as one of the streams of `GET /events`.",
				Parameters: []Parameter{id},
				Responses: answers(Response{
					Status: http.StatusOK, Description: "The stream.",
					Contents: []Content{{MediaType: "text/event-stream", Schema: String("Server-Sent Events (HTML standard). `testRun`: a `TestRun`.")}},
				}, http.StatusNotFound),
			},
			{
				Method: http.MethodDelete, Path: "/testruns/{testRunId}", ID: "endTestRun", Summary: "End a test run", Added: true,
				Description: "Its call is interrupted. What was seen until then can still be read. A finished one stays as it is.",
				Parameters:  []Parameter{id},
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

// testRunSchemas are the schemas of test runs.
func testRunSchemas() []Member {
	return []Member{
		Of("TestRun", Object("A test run. While it is not finished, it has what is known so far.", slices.Concat([]Member{
			Of("testRunId", Integer("The number of the test run.")),
			Of("jobId", Integer("The stored job; null for a job that is not stored.").OrNull()),
			Of("state", String("The state of the test run.").Choose(named(wire.TestStates, "for a free slot", "", "")...)),
			Of("phase", String("The phase that its call is in or, once finished, has reached; empty before its start.").Choose(phaseChoices()...)),
			Of("path", String("The path of the test run.")),
			Of("created", Time("When it was asked for.")),
			Of("started", Time("When a node started it; null before.").OrNull()),
			Of("expires", Time("When it is deleted.")),
			Of("ended", Boolean("True if somebody ended it.")),
			Of("status", Integer("The result; 0 until it is finished.").Choose(statusChoices()...)),
			Of("statusText", String("The reason phrase of the response, or a sentence that explains the failure; empty until it is finished.")),
			Of("httpStatus", Integer("The status code of the response; 0 without one.").Within(0, 999)),
			Of("sentence", String("Why it failed, and what to do about it; null for a success.").OrNull()),
			Of("mend", mendSchema()),
			Of("url", String("The URL that was called; empty before.")),
			Of("duration", Integer("Time from start to end.").In("ms").AtLeast(0)),
			Of("sslCertExpiry", Time("When the certificate of the target expires; null if there was none.").OrNull()),
		}, tracedMembers(), []Member{
			Of("redirects", Array("The redirects that were followed, in order.", redirectSchema())),
			Of("hops", Array("The requests that were answered by these redirects, in order, each with its response. The members above are about "+
				"the last request, which is not among them.", Object("", slices.Concat([]Member{
				Of("url", String("The URL that was called.")),
				Of("startedUs", Integer("Time from the start of the test run to that of this request.").In("µs").AtLeast(0)),
			}, tracedMembers())...))),
			Of("checks", Array("The success criteria of the job; empty without a response.", Object("",
				Of("check", String("What was checked: the status code, or whether the body contains or does not contain a text, or matches a pattern.").
					Choose(named(wire.CheckNames, "", "", "", "")...)),
				Of("want", String("The status codes and ranges, the text or the pattern.")),
				Of("got", String("The status code of the response; null for the others.").OrNull()),
				Of("passed", Schema{Type: []string{"boolean", "null"}, Description: "Null if it was not checked."})))),
		})...)),
	}
}

func phaseChoices() []Choice {
	var choices []Choice
	for p := cron.PhaseNone; p <= cron.PhaseDone; p++ {
		choices = append(choices, Choice{Value: p.String(), Meaning: map[cron.Phase]string{
			cron.PhasePreparing: "the URL is read", cron.PhaseResolving: "the host name is looked up",
			cron.PhaseConnecting: "a TCP connection is opened", cron.PhaseSecuring: "the TLS handshake",
			cron.PhaseSending: "the request is sent", cron.PhaseWaiting: "for the first byte of the response",
			cron.PhaseReceiving: "the response arrives", cron.PhaseDone: "the response is complete",
		}[p]})
	}
	return choices
}

// tracedMembers are what was seen of one request.
func tracedMembers() []Member {
	base64 := func(name, of string) Member {
		return Maybe(name, String("`"+of+"` in Base64, if it is not UTF-8."))
	}
	return []Member{
		Of("ipAddress", String("The address that was called; null without a connection.").OrNull()),
		Of("stats", statsSchema()),
		Of("request", Object("The request; null if nothing was sent.",
			Of("raw", String("As it was sent. Values that may be credentials are masked.")), base64("rawBase64", "raw"),
			Of("bytes", Integer("How many bytes were sent.").AtLeast(0)),
			Of("truncated", Boolean("True if `raw` is not all of them."))).OrNull()),
		Of("response", Object("The response; null if nothing was received.",
			Of("statusLine", String("Null if it is incomplete.").OrNull()),
			Of("headers", String("The header lines, as in the history; null if they are incomplete.").OrNull()), base64("headersBase64", "headers"),
			Of("body", String("The body, as in the history; null if it is incomplete, until the test run is finished, and for a redirect that was "+
				"followed.").OrNull()), base64("bodyBase64", "body"),
			Of("raw", String("As it was received.")), base64("rawBase64", "raw"),
			Of("bytes", Integer("How many bytes were received.").AtLeast(0)),
			Of("truncated", Boolean("True if `raw` or `body` is not all of it."))).OrNull()),
		Of("tls", Object("The TLS handshake, also of one that failed; null without TLS.",
			Of("version", String("Empty if it failed before.").Like("TLS 1.3")),
			Of("cipher", String("The cipher suite; empty if it failed before.").Like("TLS_AES_128_GCM_SHA256")),
			Of("resumed", Boolean("True if it resumed an earlier session, whose certificates are shown.")),
			Of("certificates", Array("The certificates of the target, its own first.", Object("",
				Of("subject", String("The distinguished name.").Like("CN=example.org")),
				Of("names", Array("The host names and addresses that it is for.", String(""))),
				Of("omitted", Integer("How many names are left out.").AtLeast(0)),
				Of("issuer", String("The distinguished name.")),
				Of("notBefore", Time("When it becomes valid.")),
				Of("notAfter", Time("When it expires.")),
				Of("sha256", String("Its fingerprint, in hex digits."))))),
			Of("omitted", Integer("How many certificates are left out.").AtLeast(0))).OrNull()),
		Of("resolved", Array("What the host name resolved to.", String(""))),
		Of("addresses", Array("The connection attempts, in the order of their start.", Object("",
			Of("address", String("The address and port; null if the account may not learn it.").OrNull()),
			Of("startedUs", Integer("Time from the start of the test run to that of the attempt.").In("µs").AtLeast(0)),
			Of("durationUs", Integer("Time from its start to its end.").In("µs").AtLeast(0)),
			Of("sentence", String("Why it failed; null if it did not.").OrNull()),
			Of("chosen", Boolean("True if this connection was used."))))),
	}
}
