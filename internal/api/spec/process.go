package spec

import "net/http"

// processOperations are those of the process, which package app answers.
func processOperations() []Operation {
	parts := func(status int, text, example string, members ...Member) Response {
		r := jsonAnswer(text, example, members...)
		r.Status = status
		return r
	}
	readiness := []Member{
		Of("process", String("`ok`, or that it is starting or stopping.")),
		Of("database", String("`ok`, or what is wrong.")),
		Of("writing", String("`ok`, or why the database takes no writes. A write is tried at most once a second.")),
		Of("scheduler", String("`ok`, or what is wrong.")),
		Of("timeZones", String("The release of the time zone data, and whether the database has the same.")),
	}
	orWord := func(r Response, word string) Response {
		r.Contents = append(r.Contents, Content{MediaType: "text/plain", Schema: String("").Like(word)})
		return r
	}
	return []Operation{
		{
			Method: http.MethodGet, Path: "/", ID: "welcome", Summary: "Greet a visitor", Open: true, Added: true,
			Responses: []Response{{Status: http.StatusOK, Description: "A few lines about the service.",
				Contents: []Content{{MediaType: "text/plain", Schema: String("")}}}},
		},
		{
			Method: http.MethodGet, Path: "/healthz", ID: "getHealth", Summary: "Tell whether the process lives", Open: true,
			Added: true,
			Responses: []Response{parts(http.StatusOK, "It does.", `{"process":"ok"}`,
				Of("process", String("`ok`.")))},
		},
		{
			Method: http.MethodGet, Path: "/readyz", ID: "getReadiness", Summary: "Tell whether the service works", Open: true,
			Added: true, Description: "The answer is one word. Programs on the machine of the service, and those that ask " +
				"the address of `--operations-listen`, are told in JSON what is not ready.",
			Responses: []Response{
				orWord(parts(http.StatusOK, "The database answers and takes writes, and the scheduler turns.",
					`{"process":"ok","database":"ok","writing":"ok","scheduler":"ok","timeZones":"ok, release 2026f"}`,
					readiness...), "ready"),
				orWord(parts(http.StatusServiceUnavailable, "One of them does not.", "", readiness...), "unready"),
			},
		},
		{
			Method: http.MethodGet, Path: "/metrics", ID: "getMetrics", Summary: "Show the metrics", Open: true, Added: true,
			Description: "They are for programs on the machine of the service, or at the address of `--operations-listen`.",
			Responses: inOrder([]Response{{Status: http.StatusOK, Description: "Metrics for Prometheus.",
				Contents: []Content{{MediaType: "text/plain", Schema: String("")}}},
				problemOf(http.StatusForbidden, "Metrics are not for this client.")}),
		},
	}
}
