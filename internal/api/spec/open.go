package spec

import (
	"net/http"

	"punctual/internal/api/wire"
)

func openOperations() Group {
	badge := func(method, id, summary string) Operation {
		image := Response{Status: http.StatusOK, Description: "The image.", Headers: []Member{
			Of("Cache-Control", String("How long it may be kept.")),
		}}
		if method == http.MethodGet {
			image.Contents = []Content{{MediaType: "image/svg+xml", Schema: String("An image.")}}
		}
		return Operation{
			Method: method, Path: "/jobs/{jobId}/{token}/status-{options}.svg", ID: id, Summary: summary, Open: true,
			Description: "Ten calls a second are answered for each address.",
			Parameters: []Parameter{
				jobIDParameter(),
				{In: "path", Name: "token", Schema: String("Belongs to the job and the options.").
					Matching("^[0-9a-f]{16}$").Like("0123456789abcdef")},
				{In: "path", Name: "options", Schema: Integer("What the badge shows: 1 the title, 2 when the job was executed "+
					"last, 4 how long that took, added up.").Within(0, int(wire.AllBadges)).Like(3)},
			},
			Responses: inOrder([]Response{image, problemOf(http.StatusNotFound, "No such badge, or a wrong token."),
				problemOf(http.StatusTooManyRequests, ""), problemOf(http.StatusInternalServerError, "")}),
		}
	}
	publishedAs := func(mediaType, text string, s Schema) []Response {
		return inOrder([]Response{cacheable(Response{Status: http.StatusOK, Description: text,
			Contents: []Content{{MediaType: mediaType, Schema: s}}}), notModifiedAnswer()})
	}
	parts := func(status int, text, example string, members ...Member) Response {
		r := jsonAnswer(text, example, members...)
		r.Status = status
		return r
	}
	readiness := []Member{
		Of("database", String("`ok`, or what is wrong.")),
		Of("writing", String("`ok`, or why the database takes no writes. A write is tried at most once a second.")),
		Of("scheduler", String("`ok`, or what is wrong.")),
	}
	return Group{
		Name:        "Without a key",
		Description: "For anybody who can reach the service.",
		Operations: []Operation{
			badge(http.MethodGet, "getBadge", "Show a badge"),
			badge(http.MethodHead, "headBadge", "Show the headers of a badge"),
			{
				Method: http.MethodGet, Path: "/executor-nodes.json", ID: "listExecutorNodes",
				Summary: "List where executions come from", Open: true,
				Responses: []Response{jsonAnswer("The addresses.", `{"ipAddresses":["192.0.2.1"]}`,
					Of("ipAddresses", Array("IPv4 and IPv6 addresses.", String(""))))},
			},
			{
				Method: http.MethodGet, Path: "/openapi.json", ID: "getOpenApi", Summary: "Describe the API for programs", Open: true,
				Added: true, Parameters: []Parameter{ifNoneMatch()},
				Responses: publishedAs("application/json", "This document.", Schema{Type: "object", Others: &Schema{}}),
			},
			{
				Method: http.MethodGet, Path: "/docs", ID: "getDocs", Summary: "Describe the API for people", Open: true, Added: true,
				Parameters: []Parameter{ifNoneMatch()},
				Responses:  publishedAs("text/html", "This page.", String("HTML.")),
			},
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
				Added: true,
				Responses: []Response{
					parts(http.StatusOK, "The database answers and takes writes, and the scheduler turns.",
						`{"database":"ok","writing":"ok","scheduler":"ok"}`,
						readiness...),
					parts(http.StatusServiceUnavailable, "One of them does not.", "", readiness...),
				},
			},
			{
				Method: http.MethodGet, Path: "/metrics", ID: "getMetrics", Summary: "Show the metrics", Open: true, Added: true,
				Responses: []Response{{Status: http.StatusOK, Description: "Metrics for Prometheus.",
					Contents: []Content{{MediaType: "text/plain", Schema: String("")}}}},
			},
		},
	}
}
