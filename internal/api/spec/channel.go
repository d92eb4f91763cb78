package spec

import (
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func channelOperations() Group {
	id := []Parameter{idParameter("channelId", "The number of the channel.")}
	secret := Maybe("secret", String("The signing secret that was made, which nothing returns later."))
	return Group{
		Name: "Channels",
		Description: "Ways by which the account is told about its jobs. Creating, changing, deleting and testing them needs a session, or a key " +
			"with the scope `all`.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/channels", ID: "listChannels", Summary: "List the channels", Added: true,
				Parameters: []Parameter{
					{In: "query", Name: "limit", Schema: Integer("Channels in a page.").Within(1, wire.MaxChannelsPage).WithDefault(wire.DefaultChannelsPage)},
					{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")},
				},
				Responses: answers(jsonAnswer("A page of channels, the oldest first.", "",
					Of("channels", Array("", Ref("Channel"))), next()), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/channels/kinds", ID: "listChannelKinds", Summary: "List the kinds of channels", Added: true,
				Responses: answers(jsonAnswer("The kinds, with their settings.", "", Of("kinds", Array("", Ref("ChannelKind"))))),
			},
			{
				Method: http.MethodPost, Path: "/channels", ID: "createChannel", Summary: "Create a channel", Added: true,
				Description: "An e-mail address that is not that of a member may have to be confirmed first: a link is sent to it.",
				Parameters:  creating(),
				Body: jsonBody("The channel. Its settings may also stand beside the other members.", "channel",
					Input("", channelMembers(), "kind"), `{"channel":{"kind":"webhook","title":"On call","url":"https://example.com/hook","default":true}}`),
				Responses: creatingAnswers(created(jsonAnswer("The channel was created.", `{"channelId":2,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`,
					Of("channelId", Integer("The number of the new channel.")), secret)), http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/channels/{channelId}", ID: "getChannel", Summary: "Get a channel", Added: true,
				Parameters: id,
				Responses:  answers(jsonAnswer("The channel.", "", Of("channel", Ref("Channel"))), http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/channels/{channelId}", ID: "changeChannel", Summary: "Change a channel", Added: true,
				Description: "Only what is sent changes. An empty setting is removed, and one that is sent as it was returned stays. " +
					"`\"secret\":\"generate\"` makes another signing secret, which the answer has. `\"enabled\":true` starts a channel that was stopped.",
				Parameters: id,
				Body:       jsonBody("What changes.", "channel", Input("", channelMembers()), `{"channel":{"title":"On call","reminderSeconds":3600}}`),
				Responses:  answers(jsonAnswer("The channel was changed.", `{}`, secret), http.StatusBadRequest, http.StatusNotFound, http.StatusConflict),
			},
			{
				Method: http.MethodDelete, Path: "/channels/{channelId}", ID: "deleteChannel", Summary: "Delete a channel", Added: true,
				Description: "Notifications that wait for it are dropped.",
				Parameters:  id, Responses: answers(doneAnswer(), http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/channels/{channelId}/mute", ID: "muteChannel", Summary: "Mute a channel", Added: true,
				Description: "Notifications of that time are dropped.",
				Parameters:  id,
				Body: &Body{Description: "How long.", Content: Content{MediaType: "application/json",
					Schema:  Input("", []Member{Of("until", Integer("Unix seconds; -1 is for good, and 0 ends it.").Within(wire.Forever, wire.LastInstant))}, "until"),
					Example: `{"until":1767225600}`}},
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound, http.StatusConflict),
			},
			{
				Method: http.MethodPost, Path: "/channels/{channelId}/test", ID: "testChannel", Summary: "Test a channel", Added: true,
				Description: "Sends a test at once, whatever the state of the channel, and says what became of it. An e-mail address that nobody has " +
					"confirmed is sent the link again, at most once an hour.",
				Parameters: id,
				Responses: answers(jsonAnswer("What became of it.", `{"state":"sent","error":null,"duration":212}`,
					Of("state", String("").Choose(Choice{Value: "sent"}, Choice{Value: "failed"})),
					Of("error", String("Why it failed; null if it did not.").OrNull()),
					Of("duration", Integer("How long it took, in milliseconds.").AtLeast(0))), http.StatusNotFound),
			},
		},
	}
}

func channelMembers() []Member {
	folder := Integer("The number of a folder.")
	clock := func(text string) Schema { return String(text).Like("22:00") }
	return []Member{
		Of("channelId", Integer("The number of the channel.").Output()),
		Of("kind", String("The service, as `GET /channels/kinds` lists them, such as `email`, `webhook` or `slack`. It cannot be changed.")),
		Of("title", String("Its name.").WithDefault("").UpTo(cron.MaxChannelTitle)),
		Of("enabled", Boolean("Whether it is told.").WithDefault(true)),
		Of("default", Boolean("Whether it is told of jobs that name no channels and that no rule matches.").WithDefault(false)),
		Of("folderIds", Array("It is told of jobs in one of these folders.", folder).UpTo(cron.MaxChannelRules)),
		Of("tags", Array("It is told of jobs with one of these tags, ignoring case.", String("").UpTo(cron.MaxTagLength)).UpTo(wire.MaxItems)),
		Of("settings", Map("The settings of the kind, by name. Of a secret, no more than the host is returned.", String(""))),
		Of("headers", Either("Headers of its requests, of the kinds that take them. Their values are returned as `"+cron.Masked+"`; sent so, "+
			"they stay as they are.", Map("", String("")), Array("", Object("", Of("key", String("")), Of("value", String("")))).UpTo(wire.MaxItems))),
		Of("template", String("Own wording; empty for the usual one.").WithDefault("").UpTo(cron.MaxChannelTemplate)),
		Of("language", String("The language of what it says; empty for the usual one.").WithDefault("")),
		Of("quietHours", Object("When it is quiet; null for never.",
			Of("from", clock("The time of day at which they begin, `hh:mm`.")), Of("to", clock("The time of day at which they end.")),
			Of("timezone", String("The time zone of these times.").WithDefault("UTC")),
			Of("exceptGrave", Boolean("Whether failures and disabled jobs are told nevertheless.").WithDefault(false))).OrNull()),
		Of("reminderSeconds", Integer("When an open problem that was told is told again; 0 for never.").In("s").Within(0, int64(cron.MaxReminder/time.Second)).WithDefault(0)),
		Of("mutedUntil", Integer("Until when it is muted, in Unix seconds; -1 for good, null if it is not.").OrNull().Output()),
		Of("confirmed", Boolean("Whether it needs no confirmation of its e-mail address, or has it.").Output()),
		Of("unsubscribed", Array("Owners who have unsubscribed, of the kind `owners`.", String("An e-mail address.")).Output()),
		Of("state", String("Whether it is told.").Choose(named(wire.ChannelStates, "", "a person disabled it", "the service sends no more, see `stopped`",
			"its e-mail address is not confirmed", "until `mutedUntil`")...).Output()),
		Of("stopped", String("Why the service has stopped it, as a sentence; null if it has not.").OrNull().Output()),
		Of("failures", Integer("Notifications in a row that could not be sent.").AtLeast(0).Output()),
		Of("lastSent", Time("When a notification was sent last; null for never.").OrNull().Output()),
		Of("lastFailed", Time("When an attempt failed last; null for never.").OrNull().Output()),
		Of("lastError", String("Why, as a sentence.").OrNull().Output()),
		Of("created", Time("When it was created.").Output()),
		Of("createdBy", String("Who created it; empty for the service.").Output()),
		Of("updated", Time("When it was changed last.").Output()),
		Of("updatedBy", String("Who changed it last.").Output()),
	}
}

// channelSchemas are the schemas of channels.
func channelSchemas() []Member {
	return []Member{
		Of("Channel", Object("A channel, without its secrets.", channelMembers()...)),
		Of("ChannelKind", Object("A service that a channel can be of.",
			Of("kind", String("Its name in the API.")), Of("title", String("Its name for people.")),
			Of("settings", Array("The settings that it has.", Object("", Of("name", String("")), Of("secret", Boolean("Whether it is never returned.")),
				Of("required", Boolean("Whether a channel needs it.")), Of("generated", Boolean("Whether the service makes one where none is given.")),
				Of("choices", Array("The possible values; empty for any.", String(""))), Of("default", String("What counts when it is empty."))))),
			Of("headers", Boolean("Whether a channel can have headers of its own.")))),
	}
}
