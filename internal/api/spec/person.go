package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// signedIn says what the calls about people need.
const signedIn = "Needs a session (`POST /sessions`) in place of an API key."

func idParameter(name, text string) Parameter {
	return Parameter{In: "path", Name: name, Schema: Integer(text).Like(1)}
}

// roles are those of people.
func roles() Schema {
	return String("What the person may do in the account.").Choose(named(wire.RoleNames,
		"sees everything but secrets, and changes nothing", "changes jobs and folders, and runs them", "everything, people included")...)
}

// next is the cursor of a list.
func next() Member {
	return Of("next", String("The `cursor` of the next page; null at the end.").OrNull())
}

func peopleOperations() Group {
	role := Input("", []Member{Of("role", roles())}, "role")
	return Group{
		Name:        "People",
		Description: "Who belongs to the account, and who is invited. " + signedIn,
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/people", ID: "listPeople", Summary: "List the people of the account", Added: true,
				Responses: answers(jsonAnswer("The people.", "", Of("people", Array("", Ref("Member"))), next())),
			},
			{
				Method: http.MethodPatch, Path: "/people/{personId}", ID: "changePerson", Summary: "Change the role of a person", Added: true,
				Description: "For owners.",
				Parameters:  []Parameter{idParameter("personId", "The number of the person.")},
				Body:        jsonBody("The role.", "person", role, `{"person":{"role":"editor"}}`),
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound,
					problemOf(http.StatusConflict, "The account would have no owner.")),
			},
			{
				Method: http.MethodDelete, Path: "/people/{personId}", ID: "removePerson", Summary: "Remove a person from the account", Added: true,
				Description: "For owners; everybody may leave the account themselves. API keys that the person created keep working, and the owners are told.",
				Parameters:  []Parameter{idParameter("personId", "The number of the person.")},
				Responses: answers(doneAnswer(), http.StatusNotFound,
					problemOf(http.StatusConflict, "The account would have no owner.")),
			},
			{
				Method: http.MethodGet, Path: "/invitations", ID: "listInvitations", Summary: "List the open invitations", Added: true,
				Responses: answers(jsonAnswer("The invitations.", "", Of("invitations", Array("", Ref("Invitation"))), next())),
			},
			{
				Method: http.MethodPost, Path: "/invitations", ID: "createInvitation", Summary: "Invite somebody", Added: true,
				Description: "For owners. The link is sent by mail, or returned if the service cannot send mails. It works once, for 7 days, and for this e-mail address only.",
				Parameters:  creating(),
				Body: jsonBody("The invitation.", "invitation", Input("", []Member{
					Of("email", String("Who is invited.").UpTo(254)), Of("role", roles().WithDefault("viewer")),
				}, "email"), `{"invitation":{"email":"jane@example.com","role":"editor"}}`),
				Responses: creatingAnswers(created(jsonAnswer("The invitation was created.", "",
					Of("invitationId", Integer("The number of the invitation.")),
					Of("mailed", Boolean("The link was sent by mail.")),
					Of("path", String("The path of the link on this host, if it was not sent. It cannot be shown again.").OrNull()))),
					"The person belongs to the account.", http.StatusBadRequest),
			},
			{
				Method: http.MethodDelete, Path: "/invitations/{invitationId}", ID: "deleteInvitation", Summary: "Withdraw an invitation", Added: true,
				Parameters: []Parameter{idParameter("invitationId", "The number of the invitation.")},
				Responses:  answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

func sessionOperations() Group {
	return Group{
		Name:        "Sessions",
		Description: "Sign-ins of a person. " + signedIn,
		Operations: []Operation{
			{
				Method: http.MethodPost, Path: "/sessions", ID: "createSession", Summary: "Sign in", Added: true, Open: true,
				Description: "Returns a token that is used like an API key. It acts with the role of the person, expires, and counts against rates only, not against a daily quota.",
				Body: jsonBody("Who signs in.", "session", Input("", []Member{
					Of("email", String("The e-mail address.")), Of("password", String("The password.")),
					Of("code", String("The code of the authenticator app or a recovery code, if a second factor is set up.").WithDefault("")),
				}, "email", "password"), `{"session":{"email":"jane@example.com","password":"correct horse battery staple"}}`),
				Responses: inOrder([]Response{jsonAnswer("Signed in.", "",
					Of("sessionId", Integer("The number of the session.")), Of("token", String("The token. It cannot be shown again.")),
					Of("expires", Time("When the session ends."))),
					problemOf(http.StatusBadRequest, ""), problemOf(http.StatusUnauthorized, "E-mail address, password or code is wrong."),
					problemOf(http.StatusTooManyRequests, "Too many failed attempts, or too many people sign in at once."),
					problemOf(http.StatusInternalServerError, "")}),
			},
			{
				Method: http.MethodGet, Path: "/sessions", ID: "listSessions", Summary: "List your sessions", Added: true,
				Responses: answers(jsonAnswer("The sessions of the person.", "", Of("sessions", Array("", Ref("Session"))), next())),
			},
			{
				Method: http.MethodDelete, Path: "/sessions/{sessionId}", ID: "deleteSession", Summary: "End a session", Added: true,
				Parameters: []Parameter{idParameter("sessionId", "The number of the session.")},
				Responses:  answers(doneAnswer(), http.StatusNotFound),
			},
		},
	}
}

func auditOperations() Group {
	number := func(name, text string) Parameter {
		return Parameter{In: "query", Name: name, Schema: Integer(text).Within(1, wire.MaxID)}
	}
	text := func(name, text string) Parameter { return Parameter{In: "query", Name: name, Schema: String(text)} }
	return Group{
		Name:        "Audit log",
		Description: "Who did what to what, and from where. For owners, with a session or a key with the scope `all`.",
		Operations: []Operation{{
			Method: http.MethodGet, Path: "/audit", ID: "listAudit", Summary: "List changes", Added: true,
			Parameters: []Parameter{
				text("action", "Only actions that begin with this, such as `job.`."),
				text("object", "Only this kind of object, such as `job`."), number("objectId", "Only the object with this number."),
				number("personId", "Only what this person did."), number("apiKeyId", "Only what was done with this API key."),
				text("from", "Only entries at or after this time: Unix seconds, or RFC 3339."),
				text("to", "Only entries before this time."),
				{In: "query", Name: "limit", Schema: Integer("Entries in a page.").Within(1, wire.MaxAuditPage).WithDefault(wire.DefaultAuditPage)},
				text("cursor", "`next` of the previous page."),
				{In: "query", Name: "all", Schema: Boolean("All accounts; for operators.").WithDefault(false)},
			},
			Responses: answers(jsonAnswer("A page of entries, the newest first.", "", Of("audit", Array("", Ref("AuditEntry"))), next()),
				http.StatusBadRequest),
		}},
	}
}

func serviceOperations() Group {
	members := managedMembers()
	id := []Parameter{idParameter("accountId", "The number of the account.")}
	taken := "The e-mail address belongs to another account."
	return Group{
		Name:        "Accounts",
		Description: "All accounts of the service. For its operators, with a session, or with a key that has `operator` and the scope `all`.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/accounts", ID: "listAccounts", Summary: "List the accounts", Added: true,
				Responses: answers(jsonAnswer("The accounts.", "", Of("accounts", Array("", Ref("ManagedAccount"))), next())),
			},
			{
				Method: http.MethodPost, Path: "/accounts", ID: "createAccount", Summary: "Create an account", Added: true,
				Parameters: creating(),
				Body:       jsonBody("The account.", "account", Input("", members, "email"), `{"account":{"email":"jane@example.com","plan":"member"}}`),
				Responses: creatingAnswers(created(jsonAnswer("The account was created.", "", Of("accountId", Integer("The number of the account.")))),
					taken, http.StatusBadRequest),
			},
			{
				Method: http.MethodGet, Path: "/accounts/{accountId}", ID: "getManagedAccount", Summary: "Show an account", Added: true,
				Parameters: id,
				Responses:  answers(jsonAnswer("The account.", "", Of("account", Ref("ManagedAccount"))), http.StatusNotFound),
			},
			{
				Method: http.MethodPatch, Path: "/accounts/{accountId}", ID: "changeAccount", Summary: "Change an account", Added: true,
				Description: "`limits` replaces all limits that differ from the plan.",
				Parameters:  id, Body: jsonBody("What changes.", "account", Input("", members), `{"account":{"enabled":false}}`),
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound,
					problemOf(http.StatusConflict, "The operator's account cannot be kept from private networks.")),
			},
			{
				Method: http.MethodDelete, Path: "/accounts/{accountId}", ID: "deleteAccount", Summary: "Delete an account", Added: true,
				Description: "Its jobs stop at once; its data is deleted after 7 days.",
				Parameters:  append(id, Parameter{In: "query", Name: "now", Schema: Boolean("Delete the data at once.").WithDefault(false)}),
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound,
					problemOf(http.StatusConflict, "It is the operator's account.")),
			},
		},
	}
}

// managedMembers are those of ManagedAccount.
func managedMembers() []Member {
	return []Member{
		Of("accountId", Integer("The number of the account.").Output()),
		Of("email", String("Its contact address; it cannot be changed here.").UpTo(254)),
		Of("title", String("Its title.").Output()),
		Of("plan", String("The name of its plan.").WithDefault(cron.PlanDefault)),
		Of("limits", Map("Limits that differ from the plan.", Integer(""))),
		Of("privateNetworks", Boolean("Its jobs may call private networks.").WithDefault(true)),
		Of("enabled", Boolean("Its keys work and its jobs run.").WithDefault(true)),
		Of("created", Time("When it was created.").Output()),
		Of("deletes", Time("When it will be deleted; null if it will not.").OrNull().Output()),
	}
}

// personSchemas are the objects of people, sessions, accounts and the audit log.
func personSchemas() []Member {
	id := func(text string) Schema { return Integer(text) }
	return []Member{
		Of("Person", Object("A person.", Of("personId", id("The number of the person.")), Of("email", String("The e-mail address, which signs in.")), Of("name", String("Empty if not given.")),
			Of("timezone", String("An IANA name; empty for that of the browser.")), Of("language", String("Such as `en`; empty for that of the browser.")),
			Of("theme", String("`light`, `dark` or empty.")), Of("operator", Boolean("Runs the service.")),
			Of("secondFactor", Boolean("Signs in with an authenticator app as second factor.")), Of("created", Time("When the person was added.")))),
		Of("Member", Object("A person in an account.", Of("personId", id("The number of the person.")), Of("email", String("The e-mail address.")), Of("name", String("Empty if not given.")),
			Of("role", roles()), Of("since", Time("When the person joined.")),
			Of("lastSignIn", Time("Null if never.").OrNull()), Of("current", Boolean("True for the caller.")))),
		Of("Invitation", Object("An open invitation.", Of("invitationId", id("The number of the invitation.")), Of("email", String("Who is invited.")),
			Of("role", roles()), Of("invitedBy", String("The e-mail address of the inviter; empty for a command.")),
			Of("created", Time("When it was made.")), Of("expires", Time("When the link stops working.")))),
		Of("Session", Object("A sign-in.", Of("sessionId", id("The number of the session.")),
			Of("way", String("How the person signed in.").Choose(named([]string{cron.WayPassword, cron.WayPasskey, cron.WayOIDC, cron.WayLink, cron.WaySetup},
				"with a password", "with a passkey", "by another service (OpenID Connect)", "by a link", "at the first start")...)),
			Of("console", Boolean("It is a browser's; otherwise a token of the API.")), Of("current", Boolean("True for the session of the call.")),
			Of("address", String("Where it began.")), Of("userAgent", String("What the client said it is.")), Of("created", Time("When it began.")),
			Of("signedIn", Time("The last proof of identity.")), Of("lastSeen", Time("To 5 minutes.")), Of("expires", Time("When it ends.")))),
		Of("AuditEntry", Object("A change.", Of("auditId", id("The number of the entry.")), Of("at", Integer("When.").In("Unix ms")),
			Of("accountId", id("Null for the service itself.").OrNull()), Of("actor", String("Who: an e-mail address, the title of a key, `command line` or `the service`.")),
			Of("personId", id("Who did it; null if not a person.").OrNull()), Of("apiKeyId", id("The API key that did it, if any.").OrNull()),
			Of("sessionId", id("The session of the person.").OrNull()),
			Of("way", String("By what.").Choose(named([]string{cron.WayAPI, cron.WayConsole, cron.WayCommand, cron.WayService},
				"the API", "the console", "a command", "the service itself")...)),
			Of("address", String("Null for a command.").OrNull()), Of("action", String("Such as `job.change`.")),
			Of("object", String("Such as `job`.")), Of("objectId", id("The number of the object, if it has one.").OrNull()), Of("title", String("The title of the object.")),
			Of("changes", Array("JSON pointers of what changed.", String(""))))),
		Of("ManagedAccount", Object("An account as an operator sees it.", managedMembers()...)),
	}
}
