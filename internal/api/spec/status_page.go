package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/statuspage"
)

func statusPageOperations() Group {
	id := idParameter("statusPageId", "The number of the status page.")
	ifMatch := Parameter{In: "header", Name: "If-Match", Schema: String(
		"The call takes effect only if the page has this ETag, or one of several; `*` matches any.")}
	const one = `{"statusPage":{"title":"Example systems","published":true,"components":[{"title":"Website","jobIds":[1]}]}}`
	taken := problemOf(http.StatusConflict, "The slug is taken, or other calls changed the page again and again.")
	group := Group{
		Name: "Status pages",
		Description: "Pages that tell your own users how your services are. A page has components, whose states come from the runs of jobs " +
			"or are set by people. It is shown at `/status/{slug}`.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/statuspages", ID: "listStatusPages", Summary: "List the status pages", Added: true,
				Responses: answers(jsonAnswer("The pages by their numbers.", "", Of("statusPages", Array("", Ref("StatusPage"))), next())),
			},
			{
				Method: http.MethodPost, Path: "/statuspages", ID: "createStatusPage", Summary: "Create a status page", Added: true,
				Description: "Only `title` is required. Without a `slug`, one is made of the title. The jobs of its components get the type 1: " +
					"they are never disabled for failures, and cannot be deleted.",
				Parameters: creating(),
				Body:       jsonBody("The page.", "statusPage", Input("", statusPageMembers(), "title"), one),
				Responses: creatingAnswers(made("The page was created.", "statusPageId", "page"),
					"The slug is taken.", http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/statuspages/{statusPageId}", ID: "getStatusPage", Summary: "Show a status page", Added: true,
				Parameters: []Parameter{id},
				Responses: answers(withPageETag(jsonAnswer("The page.", "", Of("statusPage", Ref("StatusPage")))),
					http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/statuspages/{statusPageId}", ID: "changeStatusPage", Summary: "Change a status page", Added: true,
				Description: "Send only the members that change. `components` replaces the list: those with a `componentId` stay with their " +
					"history and keep what is not sent, those without one are new, and those that are left out go.",
				Parameters: []Parameter{id, ifMatch},
				Body:       jsonBody("The members to change.", "statusPage", Input("", statusPageMembers()), `{"statusPage":{"published":true}}`),
				Responses:  answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound, taken, http.StatusPreconditionFailed),
			},
			{
				Method: http.MethodDelete, Path: "/statuspages/{statusPageId}", ID: "deleteStatusPage", Summary: "Delete a status page", Added: true,
				Description: "Its components, incidents and history are deleted with it, its jobs are not.",
				Parameters:  []Parameter{id, ifMatch},
				Responses:   answers(doneAnswer(), http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed),
			},
			{
				Method: http.MethodPost, Path: "/statuspages/{statusPageId}/components/{componentId}/state", ID: "setComponentState",
				Summary: "Set the state of a component", Added: true,
				Description: "The state is shown instead of what the jobs, incidents and maintenance say, until it is released with null.",
				Parameters:  []Parameter{id, idParameter("componentId", "The number of the component.")},
				Body: &Body{Description: "The state.", Content: Content{MediaType: "application/json", Example: `{"state":"degraded"}`,
					Schema: Input("", []Member{Of("state", String("The state; null releases the component.").Choose(componentStates()[1:]...).OrNull())})}},
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
		},
	}
	group.Operations = append(group.Operations, logoOperations("/statuspages/{statusPageId}/logo", "Logo", "the logo", id)...)
	group.Operations = append(group.Operations, logoOperations("/statuspages/{statusPageId}/logo/dark", "DarkLogo", "the logo for dark colours", id)...)
	group.Operations = append(group.Operations, pageBadgeOperations(id)...)
	return group
}

// logoOperations are those of one of the two logos.
func logoOperations(path, name, what string, id Parameter) []Operation {
	picture := Content{MediaType: "image/png", Schema: String("A PNG file.")}
	return []Operation{
		{
			Method: http.MethodGet, Path: path, ID: "getStatusPage" + name, Summary: "Read " + what, Added: true, Parameters: []Parameter{id},
			Responses: answers(Response{Status: http.StatusOK, Description: "The picture.", Contents: []Content{picture}}, http.StatusNotFound),
		},
		{
			Method: http.MethodPut, Path: path, ID: "setStatusPage" + name, Summary: "Set " + what, Added: true,
			Description: "The body is a PNG, JPEG or WebP file of at most 1 MiB and 4,194,304 pixels. It is stored as PNG, at most 800 pixels " +
				"wide and 240 high.",
			Parameters: []Parameter{id},
			Body:       &Body{Description: "The file.", Content: Content{MediaType: "image/png", Schema: String("A PNG, JPEG or WebP file.")}},
			Responses:  answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound),
		},
		{
			Method: http.MethodDelete, Path: path, ID: "deleteStatusPage" + name, Summary: "Delete " + what, Added: true, Parameters: []Parameter{id},
			Responses: answers(doneAnswer(), http.StatusNotFound),
		},
	}
}

// withPageETag adds the version of a status page to a response.
func withPageETag(r Response) Response {
	r.Headers = append(r.Headers, Of("ETag", String("The version of the page's definition, for `If-Match`.")))
	return r
}

func statusPageMembers() []Member {
	markdown := func(text string, most int) Schema { return String(text + " Markdown.").UpTo(most) }
	password := String("The password that visitors need with the access `password`; only in requests.")
	password.WriteOnly = true
	return []Member{
		Of("statusPageId", Integer("The number of the page.").Output()),
		Of("title", String("The title.").NotEmpty().UpTo(statuspage.MaxTitle)),
		Of("slug", String("The last part of its address, unique on the whole service: lower-case letters, digits and hyphens.").UpTo(statuspage.MaxSlug)),
		Of("text", markdown("What stands below the title.", statuspage.MaxText)),
		Of("accent", String("A colour as `#rrggbb`; empty for that of the service.")),
		Of("theme", String("Its colours.").WithDefault(statuspage.ThemeNames[0]).Choose(named(statuspage.ThemeNames,
			"as the visitor's browser wants them", "always light", "always dark")...)),
		Of("timezone", String("The IANA name of the time zone of its days and times.").WithDefault("UTC")),
		Of("language", String("A language tag; empty for the language of the visitor.")),
		Of("days", Integer("How many days of history it shows.").WithDefault(90).Choose(Choice{30, "30", ""}, Choice{90, "90", ""}, Choice{365, "365", ""})),
		Of("published", Boolean("Visitors can see it. A page that is not published is a draft.").WithDefault(false)),
		Of("access", String("Who can see it when it is published.").WithDefault(statuspage.AccessNames[0]).Choose(named(statuspage.AccessNames,
			"everybody", "everybody who knows the address; search engines are asked to leave it out", "whoever knows its password",
			"members of the account who are signed in")...)),
		Maybe("password", password),
		Of("hasPassword", Boolean("It has a password.").Output()),
		Of("networks", Array("The address ranges that visitors have to come from; empty for all.", String("An IP address, or a range in CIDR notation.")).
			UpTo(statuspage.MaxNetworks)),
		Of("announcement", markdown("A banner at its top; empty for none.", statuspage.MaxAnnouncement)),
		Of("announcedUntil", Time("When the banner goes; null when it stays until it is taken off.").OrNull()),
		Of("withMaintenance", Boolean("Maintenance counts as time in which a component was down; otherwise it is left out of uptime.").WithDefault(false)),
		Of("groups", Array("Its groups of components, in their order.", Object("",
			Of("title", String("The title, which is unique on the page.").NotEmpty().UpTo(statuspage.MaxTitle)),
			Of("text", markdown("What stands below the title.", statuspage.MaxNote)),
			Of("fold", String("How it is shown.").WithDefault(statuspage.FoldNames[0]).Choose(named(statuspage.FoldNames,
				"open", "collapsed until a visitor opens it", "collapsed while all of its components are operational")...)))).UpTo(statuspage.MaxGroups)),
		Of("components", Array("Its components, in their order.", Object("", componentMembers()...)).UpTo(statuspage.MaxComponents)),
		Of("hasLogo", Boolean("It has a logo.").Output()),
		Of("hasDarkLogo", Boolean("It has a logo for dark colours.").Output()),
		Of("created", Time("When it was created.").Output()),
		Of("updated", Time("When it was last changed.").Output()),
		Of("updatedBy", String("Who changed it last.").Output()),
	}
}

// componentStates are the states of a component; nobody can set the first one.
func componentStates() []Choice {
	return named(wire.StateNames, "nothing is known, such as before the first run", "all is well", "slow, or less than it is to be",
		"some of it does not work", "it does not work", "it is worked on, as announced")
}

func componentMembers() []Member {
	states := componentStates()
	return []Member{
		Of("componentId", Integer("The number of the component; left out for a new one.")),
		Of("group", String("The title of its group; empty for none.")),
		Of("title", String("The title.").NotEmpty().UpTo(statuspage.MaxTitle)),
		Of("text", String("What it is, as plain text.").UpTo(statuspage.MaxNote)),
		Of("jobIds", Array("The jobs whose runs tell its state; without any, people set it.", Integer("").AtLeast(1)).UpTo(statuspage.MaxJobs)),
		Of("needed", Integer("How many of the jobs have to work for it to be operational; 0 is all.").AtLeast(0).WithDefault(0)),
		Of("rule", Object("How runs become a state.",
			Of("failures", Integer("A job is down when so many of its last `of` runs failed.").Within(1, statuspage.MaxWindow).WithDefault(2)),
			Of("of", Integer("See `failures`.").Within(1, statuspage.MaxWindow).WithDefault(3)),
			Of("successes", Integer("A job that is down is up again after so many successes in a row.").Within(1, statuspage.MaxWindow).WithDefault(2)),
			Of("slowAfterMs", Integer("A job is slow when that percentile of the durations of its last 20 successes is over it; 0 for never.").
				In("ms").Within(0, statuspage.MaxSlowAfter.Milliseconds()).WithDefault(0)),
			Of("percent", Integer("The percentile of the durations that `slowAfterMs` is compared with.").Within(1, 100).WithDefault(95)))),
		Of("automaticMinutes", Integer("After how many minutes of an outage an incident is made; 0 for never.").
			Within(0, int(statuspage.MaxAutomatic.Minutes())).WithDefault(0)),
		Of("publishAutomatic", Boolean("Such incidents are published at once; otherwise they are drafts.").WithDefault(false)),
		Of("state", String("What visitors are shown.").Choose(states...).Output()),
		Of("since", Time("Since when; null for a state that never changed.").OrNull().Output()),
		Of("hand", Object("The state that a person set, until it is released; null for none.",
			Of("state", String("The state.").Choose(states...)), Of("set", Time("When it was set.")), Of("by", String("By whom."))).OrNull().Output()),
	}
}

// statusPageSchemas are the schemas of status pages.
func statusPageSchemas() []Member {
	return []Member{Of("StatusPage", Object("A status page.", statusPageMembers()...))}
}
