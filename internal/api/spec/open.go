package spec

import "net/http"

// openOperations are the operations that need no key.
func openOperations() Group {
	publishedAs := func(mediaType, text string, s Schema) []Response {
		return inOrder([]Response{cacheable(Response{Status: http.StatusOK, Description: text,
			Contents: []Content{{MediaType: mediaType, Schema: s}}}), notModifiedAnswer()})
	}
	return Group{
		Name:        "Without a key",
		Description: "Calls that need no API key.",
		Operations: append([]Operation{
			badgeOperation(http.MethodGet, "getBadge", "Show a badge"),
			badgeOperation(http.MethodHead, "headBadge", "Show the headers of a badge"),
			{
				Method: http.MethodGet, Path: "/executor-nodes.json", ID: "listExecutorNodes",
				Summary: "List the addresses that executions come from", Open: true,
				Responses: []Response{jsonAnswer("The addresses.", `{"ipAddresses":["192.0.2.1"]}`,
					Of("ipAddresses", Array("IPv4 and IPv6 addresses.", String(""))))},
			},
			{
				Method: http.MethodGet, Path: "/openapi.json", ID: "getOpenApi", Summary: "Get the OpenAPI document", Open: true,
				Added: true, Parameters: []Parameter{ifNoneMatch()},
				Responses: publishedAs("application/json", "This document.", Schema{Type: "object", Others: &Schema{}}),
			},
			{
				Method: http.MethodGet, Path: "/docs", ID: "getDocs", Summary: "Get this page", Open: true, Added: true,
				Parameters: []Parameter{ifNoneMatch()},
				Responses:  publishedAs("text/html", "This page.", String("HTML.")),
			},
		}, processOperations()...),
	}
}
