package spec

import "net/http"

// processOperations are the operations of the process, which package app serves.
func processOperations() []Operation {
	parts := func(status int, text, example string, members ...Member) Response {
		r := jsonAnswer(text, example, members...)
		r.Status = status
		return r
	}
	readiness := []Member{
		Of("process", String("`ok`, or whether the process is starting or stopping.")),
		Of("database", String("`ok`, or the problem.")),
		Of("writing", String("`ok`, or why the database does not accept writes. A write is tried at most once a second.")),
		Of("scheduler", String("`ok`, or the problem.")),
		Of("timeZones", String("The release of the time zone data, and whether the database has the same.")),
	}
	orWord := func(r Response, word string) Response {
		r.Contents = append(r.Contents, Content{MediaType: "text/plain", Schema: String("").Like(word)})
		return r
	}
	return []Operation{
		{
			Method: http.MethodGet, Path: "/", ID: "welcome", Summary: "Show the start page", Open: true, Added: true,
			Responses: []Response{{Status: http.StatusOK, Description: "A short text about the service.",
				Contents: []Content{{MediaType: "text/plain", Schema: String("")}}},
				{Status: http.StatusSeeOther, Description: "To the console, for browsers (`Accept: text/html`), once somebody can sign in."}},
		},
		{
			Method: http.MethodGet, Path: "/healthz", ID: "getHealth", Summary: "Check whether the process runs", Open: true,
			Added: true,
			Responses: []Response{parts(http.StatusOK, "The process runs.", `{"process":"ok"}`,
				Of("process", String("`ok`.")))},
		},
		{
			Method: http.MethodGet, Path: "/readyz", ID: "getReadiness", Summary: "Check whether the service works", Open: true,
			Added: true, Description: "The response is one word. Clients on the machine of the service, and those that use " +
				"the address of `--operations-listen`, get the state of each part as JSON.",
			Responses: []Response{
				orWord(parts(http.StatusOK, "The database answers and accepts writes, and the scheduler runs.",
					`{"process":"ok","database":"ok","writing":"ok","scheduler":"ok","timeZones":"ok, release 2026f"}`,
					readiness...), "ready"),
				orWord(parts(http.StatusServiceUnavailable, "At least one of these parts fails.", "", readiness...), "unready"),
			},
		},
		{
			Method: http.MethodGet, Path: "/metrics", ID: "getMetrics", Summary: "Show the metrics", Open: true, Added: true,
			Description: "Only for clients on the machine of the service, and at the address of `--operations-listen`.",
			Responses: inOrder([]Response{{Status: http.StatusOK, Description: "Metrics in the Prometheus text format.",
				Contents: []Content{{MediaType: "text/plain", Schema: String("")}}},
				problemOf(http.StatusForbidden, "This client may not read metrics.")}),
		},
	}
}
