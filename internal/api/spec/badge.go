package spec

import (
	"net/http"

	"punctual/internal/api/wire"
)

// badgesOperation lists the badges of a job.
func badgesOperation() Operation {
	return Operation{
		Method: http.MethodGet, Path: "/jobs/{jobId}/badge", ID: "listBadges", Summary: "Show where a job's badges are", Added: true,
		Parameters: []Parameter{jobIDParameter(), {In: "query", Name: "options", Joined: true, Schema: Array(
			"Only the badges with these options; see the badge. All eight when left out.",
			Integer("").Within(0, int(wire.AllBadges)))}},
		Responses: answers(jsonAnswer("The badges.", "", Of("badges", Array("", Object("",
			Of("options", Integer("1 for the title, 2 for the last execution, 4 for its duration, added up.").
				Within(0, int(wire.AllBadges))),
			Of("title", Boolean("It shows the title.")),
			Of("lastExecution", Boolean("It shows when the job was executed last.")),
			Of("duration", Boolean("It shows how long that took.")),
			Of("path", String("The path of the image; whoever knows it sees it.")))))),
			http.StatusBadRequest, http.StatusNotFound),
	}
}

// badgeOperation is a way to ask for a badge.
func badgeOperation(method, id, summary string) Operation {
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
