package spec

import (
	"net/http"

	"punctual/internal/api/wire"
)

// badgesOperation lists the badges of a job.
func badgesOperation() Operation {
	return Operation{
		Method: http.MethodGet, Path: "/jobs/{jobId}/badge", ID: "listBadges", Summary: "List the badges of a job", Added: true,
		Parameters: []Parameter{jobIDParameter(), {In: "query", Name: "options", Joined: true, Schema: Array(
			"Only the badges with these options; by default all eight.",
			Integer("").Within(0, int(wire.AllBadges)))}},
		Responses: answers(jsonAnswer("The badges.", "", Of("badges", Array("", Object("",
			Of("options", Integer("A sum: 1 for the title, 2 for the time of the last execution, 4 for its duration.").
				Within(0, int(wire.AllBadges))),
			Of("title", Boolean("The badge shows the title.")),
			Of("lastExecution", Boolean("The badge shows the time of the last execution.")),
			Of("duration", Boolean("The badge shows the duration of the last execution.")),
			Of("path", String("The path of the image; anyone who knows it can see the image.")))))),
			http.StatusBadRequest, http.StatusNotFound),
	}
}

// badgeOperation is a request for a badge.
func badgeOperation(method, id, summary string) Operation {
	image := Response{Status: http.StatusOK, Description: "The image.", Headers: []Member{
		Of("Cache-Control", String("How long the image may be cached.")),
	}}
	if method == http.MethodGet {
		image.Contents = []Content{{MediaType: "image/svg+xml", Schema: String("An image.")}}
	}
	return Operation{
		Method: method, Path: "/jobs/{jobId}/{token}/status-{options}.svg", ID: id, Summary: summary, Open: true,
		Description: "Each client address may make ten calls per second.",
		Parameters: []Parameter{
			jobIDParameter(),
			{In: "path", Name: "token", Schema: String("A token that is specific to the job and the options.").
				Matching("^[0-9a-f]{16}$").Like("0123456789abcdef")},
			{In: "path", Name: "options", Schema: Integer("What the badge shows, as a sum: 1 for the title, 2 for the time "+
				"of the last execution, 4 for its duration.").Within(0, int(wire.AllBadges)).Like(3)},
		},
		Responses: inOrder([]Response{image, problemOf(http.StatusNotFound, "There is no such badge, or the token is wrong."),
			problemOf(http.StatusTooManyRequests, ""), problemOf(http.StatusInternalServerError, "")}),
	}
}
