package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

func findOperations() Group {
	viewID := idParameter("viewId", "The number of the view.")
	return Group{
		Name:        "Finding jobs",
		Description: "Search, tags, and filters that a person keeps as views.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/jobs/search", ID: "searchJobs", Summary: "Search the jobs", Added: true,
				Description: "Jobs that meet all criteria. Each criterion also exists with the prefix `not.`, for jobs that do not meet it. " +
					"A page examines a limited number of texts, so that it can be short or empty although more jobs match. " +
					"Continue until `next` is null.",
				Parameters: slices.Concat(filterParametersOf("", "Only jobs"), filterParametersOf("not.", "No jobs"), []Parameter{
					{In: "query", Name: "sort", Schema: sortSchema()},
					{In: "query", Name: "limit", Schema: Integer("Jobs per page.").Within(1, service.MaxJobPage).WithDefault(wire.DefaultJobPage)},
					{In: "query", Name: "after", Schema: String("The value of `next` of the previous page.")},
				}),
				Responses: answers(jsonAnswer("The jobs.", "",
					Of("jobs", Array("", Ref("FoundJob"))),
					Of("next", String("`after` of the next page; null at the end.").OrNull())), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/tags", ID: "listTags", Summary: "List the tags", Added: true,
				Description: "All tags of the account's jobs by their names, ignoring case.",
				Responses: answers(jsonAnswer("The tags.", "", Of("tags", Array("", Object("",
					Of("tag", String("The tag, as most jobs write it.")),
					Of("jobs", Integer("How many jobs have it.").AtLeast(1))))))),
			},
			{
				Method: http.MethodGet, Path: "/views", ID: "listViews", Summary: "List your views", Added: true,
				Description: "Views belong to a person in an account: sign in for them; an API key has none.",
				Responses:   answers(jsonAnswer("The views by their titles.", "", Of("views", Array("", Ref("View"))), next())),
			},
			{
				Method: http.MethodPost, Path: "/views", ID: "createView", Summary: "Save a view", Added: true,
				Parameters: creating(),
				Body: jsonBody("The view.", "view", Input("", viewMembers(), "title"),
					`{"view":{"title":"Failing in production","filter":{"state":["failing"],"tag":["prod"]},"sort":"-last"}}`),
				Responses: creatingAnswers(made("The view was saved.", "viewId", "view"),
					"You have a view with this title.", http.StatusBadRequest),
			},
			{
				Method: http.MethodPatch, Path: "/views/{viewId}", ID: "changeView", Summary: "Change a view", Added: true,
				Description: "A filter replaces the former one.",
				Parameters:  []Parameter{viewID},
				Body:        jsonBody("The members to change.", "view", Input("", viewMembers()), `{"view":{"title":"Failing"}}`),
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound,
					problemOf(http.StatusConflict, "Another view of yours has this title.")),
			},
			{
				Method: http.MethodDelete, Path: "/views/{viewId}", ID: "deleteView", Summary: "Delete a view", Added: true,
				Parameters: []Parameter{viewID},
				Responses:  answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

// sortSchema is an order of jobs.
func sortSchema() Schema {
	descending := make([]string, len(wire.SortNames))
	for i, name := range wire.SortNames {
		descending[i] = "-" + name
	}
	meanings := []string{"the title, ignoring case", "the next run; jobs without one come last", "the latest execution; jobs without one come first",
		"when the job was last saved", "the result of the latest execution"}
	down := make([]string, len(meanings))
	for i := range down {
		down[i] = "the same, descending"
	}
	return String("The order.").WithDefault(wire.SortNames[cron.SortTitle]).Choose(append(named(wire.SortNames, meanings...), named(descending, down...)...)...)
}

// criterion is one condition of a filter.
type criterion struct {
	name, about string
	item        Schema // of a list; without a type for a text
	repeats     bool   // commas do not separate the items
}

func criteria() []criterion {
	text := func(n int) Schema { return String("").UpTo(n) }
	return []criterion{
		{name: "text", about: "that contain all of these words in title, URL, description or tags, ignoring case; with `not`, any of them"},
		{name: "state", about: "that are any of these now", item: String("").Choose(named(wire.ConditionNames, "the latest execution failed",
			"due for more than ten seconds and not started", "paused", "disabled", "never executed", "silenced", "with a certificate of its target that ends within 14 days")...)},
		{name: "outcome", about: "whose latest execution had any of these results: a `lastStatus`, `succeeded` or `failed`"},
		{name: "folderId", about: "in any of these folders; 0 is the root folder", item: Integer("").AtLeast(0)},
		{name: "tag", about: "with all of these tags; with `not`, any of them", item: text(320)},
		{name: "method", about: "with any of these methods: a number or a name"},
		{name: "host", about: "that call any of these hosts, with or without the port", item: text(320)},
		{name: "timezone", about: "with any of these time zones", item: text(320)},
		{name: "changedBy", about: "that any of these saved last, as in `updatedBy`, ignoring case", item: text(320), repeats: true},
		{name: "changedSince", about: "saved at this time or later"},
		{name: "nextBefore", about: "with a next run before this time"},
		{name: "nextAfter", about: "with a next run at this time or later"},
	}
}

// filterParametersOf are the criteria in a query string.
func filterParametersOf(prefix, which string) []Parameter {
	var list []Parameter
	for _, c := range criteria() {
		about := which + " " + c.about + "."
		schema := String(about)
		switch c.name {
		case "text":
			schema = schema.UpTo(cron.MaxFilterText)
		case "changedSince", "nextBefore", "nextAfter":
			schema = String(about + " Unix seconds, or as in RFC 3339.")
		default:
			schema = String(about + map[bool]string{true: " The parameter can be repeated.", false: " Separated by commas, or repeated."}[c.repeats])
		}
		list = append(list, Parameter{In: "query", Name: prefix + c.name, Schema: schema})
	}
	return list
}

// criteriaMembers are the criteria in JSON.
func criteriaMembers() []Member {
	var list []Member
	for _, c := range criteria() {
		about := "Jobs " + c.about + "."
		schema := Array(about, c.item).UpTo(cron.MaxFilterValues)
		switch c.name {
		case "text":
			schema = String(about).UpTo(cron.MaxFilterText)
		case "changedSince", "nextBefore", "nextAfter":
			schema = Time(about)
		case "outcome":
			schema = Array(about, Either("", Integer("").Within(0, int(cron.StatusOther)), String(""))).UpTo(cron.MaxFilterValues)
		case "method":
			schema = Array(about, Either("", Integer("").Within(0, int(cron.MethodPatch)), String(""))).UpTo(cron.MaxFilterValues)
		}
		list = append(list, Maybe(c.name, schema))
	}
	return list
}

func viewMembers() []Member {
	return []Member{
		Of("viewId", Integer("The number of the view.").Output()),
		Of("title", String("The title, unique among your views ignoring case; surrounding spaces are removed.").NotEmpty().UpTo(cron.MaxFolderTitle)),
		Of("filter", Ref("JobFilter")),
		Of("sort", sortSchema()),
	}
}

// findSchemas are the schemas of searches and views.
func findSchemas() []Member {
	return []Member{
		Of("JobCriteria", Object("Conditions on jobs, each of which may be left out.", criteriaMembers()...)),
		Of("JobFilter", Object("Jobs that meet all of these, and none of those in `not`.",
			append(criteriaMembers(), Maybe("not", Ref("JobCriteria")))...)),
		Of("View", Object("A filter and an order with a title.", viewMembers()...)),
		Of("FoundJob", Object("A job that was found.", append(jobMembers(),
			Of("tags", Array("Its tags.", String(""))),
			Of("state", Array("What it is now.", String("").Choose(named(wire.ConditionNames, "", "", "", "", "", "", "")...))),
			Of("pausedUntil", Time("The job is paused until this time; null if it is not paused.").OrNull()),
			Of("silencedUntil", Until("The job is silenced until this time; null if it is not silenced.").OrNull()),
			Of("updated", Time("When it was last saved.")),
			Of("updatedBy", String("Who saved it last.")))...)),
	}
}
