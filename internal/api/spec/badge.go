package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/badge"
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
			Of("path", String("The path of the image; anyone who knows it can see the image."))))),
			Of("addresses", badgeAddresses("The other badges of the job."))),
			http.StatusBadRequest, http.StatusNotFound),
	}
}

// badgeAddresses are the paths of badges.
func badgeAddresses(description string) Schema {
	metrics := make([]string, badge.MetricCount)
	for m := range metrics {
		metrics[m] = badge.Metric(m).String()
	}
	const share = "the share of the time in which the component was up, or of the runs of the job that succeeded"
	meanings := []string{"how it is", share, share, share, share, "the median of the last 24 hours", "when it last ran", "when it runs next",
		"the days until the TLS certificate expires"}
	return Array(description, Object("",
		Of("metric", String("What the badge shows.").Choose(named(metrics, meanings...)...)),
		Of("svg", String("The path of the image.")),
		Of("json", String("The path of the same as JSON.")),
		Of("shields", String("The path of the same for an endpoint badge of shields.io."))))
}

// renewBadgesOperation renews the addresses of the badges of a job.
func renewBadgesOperation() Operation {
	return Operation{
		Method: http.MethodPost, Path: "/jobs/{jobId}/badge/renew", ID: "renewBadges", Summary: "Renew the addresses of badges", Added: true,
		Description: "Those that are known, the original ones included, end within seconds.",
		Parameters:  []Parameter{jobIDParameter()},
		Responses:   answers(doneAnswer(), http.StatusNotFound),
	}
}

// pageBadgeOperations are those of the badges of status pages.
func pageBadgeOperations(id Parameter) []Operation {
	return []Operation{
		{
			Method: http.MethodGet, Path: "/statuspages/{statusPageId}/badges", ID: "listPageBadges", Summary: "List the badges of a status page", Added: true,
			Description: "The first ones are those of the page, the others those of its components.",
			Parameters:  []Parameter{id},
			Responses: answers(jsonAnswer("The badges.", "",
				Of("open", Boolean("Everybody may read the page, so the paths have no token.")),
				Of("badges", Array("", Object("",
					Of("componentId", Integer("The number of the component; null for the page.").OrNull()),
					Of("title", String("The title of the component or the page.")),
					Of("addresses", badgeAddresses("Its badges.")))))), http.StatusNotFound),
		},
		{
			Method: http.MethodPost, Path: "/statuspages/{statusPageId}/badges/renew", ID: "renewPageBadges", Summary: "Renew the tokens of badges", Added: true,
			Description: "Paths without a token stay.",
			Parameters:  []Parameter{id},
			Responses:   answers(doneAnswer(), http.StatusNotFound),
		},
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
