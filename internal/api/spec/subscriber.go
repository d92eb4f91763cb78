package spec

import (
	"net/http"

	"punctual/internal/service"
	"punctual/internal/statuspage"
)

func subscriberOperations() Group {
	page := idParameter("statusPageId", "The number of the status page.")
	const list = "/statuspages/{statusPageId}/subscribers"
	export := jsonAnswer("The subscribers, with a line of names. An export whose connection breaks is incomplete.", "")
	export.Contents = []Content{{MediaType: "text/csv", Schema: String("")}}
	return Group{
		Name: "Subscribers",
		Description: "Who is told of incidents and maintenance of a status page, by mail or by a webhook. They subscribe on the page itself, and " +
			"confirm that. A key needs all scopes, since these are addresses of people.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: list, ID: "listSubscribers", Summary: "List the subscribers of a status page", Added: true,
				Description: "Those that have not confirmed too; they are deleted 24 hours after they were asked.",
				Parameters: []Parameter{page,
					{In: "query", Name: "limit", Schema: Integer("Subscribers in a page.").Within(1, service.MaxSubscribersPage).WithDefault(service.MaxSubscribersPage)},
					{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")}},
				Responses: answers(jsonAnswer("A page of subscribers, the latest first.", "", Of("subscribers", Array("", Ref("Subscriber"))), next()),
					http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: list + "/export", ID: "exportSubscribers", Summary: "Export the subscribers of a status page", Added: true,
				Description: "As comma-separated values, the latest first.",
				Parameters:  []Parameter{page},
				Responses:   answers(export, http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodDelete, Path: list + "/{subscriberId}", ID: "deleteSubscriber", Summary: "Remove a subscriber", Added: true,
				Description: "Nothing more is sent to it, and its address is deleted. It is not told.",
				Parameters:  []Parameter{page, idParameter("subscriberId", "The number of the subscriber.")},
				Responses:   answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

// subscriberSchemas are the schemas of subscribers.
func subscriberSchemas() []Member {
	return []Member{Of("Subscriber", Object("A subscriber of a status page.",
		Of("subscriberId", Integer("The number of the subscriber.").Output()),
		Of("kind", String("How it is told.").Choose(named(statuspage.SubscriberKindNames, "by mail", "by a signed request")...).Output()),
		Of("address", String("An e-mail address, or a URL.").Output()),
		Of("componentIds", Array("The components that it is told of; none is all.", Integer("")).Output()),
		Of("language", String("That of the visitor who subscribed, which counts where the page has none.").Output()),
		Of("created", Time("When it was asked to confirm.").Output()),
		Of("confirmed", Time("When it confirmed; null when it has not.").OrNull().Output()),
		Of("failingSince", Time("Since when nothing has reached it; null when the latest attempt has. It is removed after 5 days.").OrNull().Output()),
	))}
}
