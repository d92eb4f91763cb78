package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func accountOperations() Group {
	pem := func(name, text string, most int) Member {
		return Of(name, String(text+", in PEM.").WithDefault("").UpTo(most))
	}
	roots := pem("caBundle", "Additional trusted certificate authorities", cron.MaxRootsLength)
	certificate := pem("certificate", "The client certificate, followed by its chain", cron.MaxCertificateLength)
	key := pem("privateKey", "The unencrypted private key of the client certificate; never returned", cron.MaxKeyLength)
	key.Schema.WriteOnly = true
	return Group{
		Name:        "Account",
		Description: "The account of the API key.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/me", ID: "getAccount", Summary: "Show the account", Added: true,
				Responses: answers(jsonAnswer("The account, its limits, and its usage.", "",
					Of("account", Ref("Account")), Of("person", Ref("Person").OrNull()),
					Of("role", String("What the caller may do in the account at most; `none` for a key whose creator lost the rights.")))),
			},
			{
				Method: http.MethodGet, Path: "/export", ID: "exportAccount", Summary: "Export the account", Added: true,
				Description: "All data of the account but secrets: jobs, folders, people, keys without the keys themselves, and history. For owners.",
				Responses: answers(Response{Status: http.StatusOK, Description: "One JSON object.", Contents: []Content{
					{MediaType: "application/json", Schema: Map("What the account has, by kind.", Schema{})}}}),
			},
			{
				Method: http.MethodGet, Path: "/apikeys", ID: "listKeys", Summary: "List the API keys", Added: true,
				Responses: answers(jsonAnswer("The keys, without the keys themselves.", "",
					Of("apiKeys", Array("", Ref("ApiKey"))))),
			},
			{
				Method: http.MethodPost, Path: "/apikeys", ID: "createKey", Summary: "Create an API key", Added: true,
				Description: "The new key cannot have more rights than the key of the call. Members that are left out default to those of the key of the call.",
				Parameters:  creating(),
				Body: jsonBody("The key.", "apiKey", Input("", keyMembers()),
					`{"apiKey":{"title":"deployment","scopes":["read","write"],"expires":1798761600}}`),
				Responses: creatingAnswers(created(jsonAnswer("The key was created.", "",
					Of("apiKeyId", Integer("The number of the key.")),
					Of("key", String("The key. It cannot be shown again.")))), http.StatusBadRequest),
			},
			{
				Method: http.MethodDelete, Path: "/apikeys/{apiKeyId}", ID: "deleteKey", Summary: "Delete an API key", Added: true,
				Parameters: []Parameter{{In: "path", Name: "apiKeyId", Schema: Integer("The number of the key.").Like(2)}},
				Responses: answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound,
					problemOf(http.StatusConflict, "The API key asks for its own end.")),
			},
			{
				Method: http.MethodGet, Path: "/tls", ID: "getTls", Summary: "Show the certificates", Added: true,
				Responses: answers(jsonAnswer("The TLS settings of the executions of the account.", "", Of("tls", Object("",
					roots, certificate,
					Of("certificateExpiry", Time("When the client certificate expires; null if there is none.").OrNull()))))),
			},
			{
				Method: http.MethodPut, Path: "/tls", ID: "setTls", Summary: "Set the certificates", Added: true,
				Description: "Replaces all members, and removes those that are left out.",
				Body: jsonBody("The certificates.", "tls", Input("", []Member{roots, certificate, key}),
					`{"tls":{"caBundle":"-----BEGIN CERTIFICATE-----\n…"}}`),
				Responses: answers(doneAnswer(), http.StatusBadRequest),
			},
			{
				Method: http.MethodDelete, Path: "/tls", ID: "deleteTls", Summary: "Delete the certificates", Added: true,
				Responses: answers(doneAnswer()),
			},
		},
	}
}

// keyMembers are the members of apiKey.
func keyMembers() []Member {
	scopes := []Choice{{Value: wire.ScopeAll, Meaning: "everything, including scopes that are added in future"}}
	for _, name := range wire.ScopeNames {
		scopes = append(scopes, Choice{Value: name})
	}
	return []Member{
		Of("apiKeyId", Integer("The number of the key.").Output()),
		Of("title", String("What the key is for.").WithDefault("").UpTo(cron.MaxKeyTitle)),
		Of("hint", String("The last characters of the key.").Output()),
		Of("enabled", Boolean("The key may be used.").Output()),
		Of("current", Boolean("True for the key of the call.").Output()),
		Of("scopes", Array("What the key may do.", String("").Choose(scopes...))),
		Of("allowFrom", Array("Addresses and ranges that may use the key; an empty list allows any address.", String("").
			Like("192.0.2.0/24")).UpTo(cron.MaxKeyPrefixes)),
		Of("created", Time("When it was created.").Output()),
		Of("lastUsed", Time("When the key was last used, to the hour; null if never.").OrNull().Output()),
		Of("expires", Time("When the key expires; null for never, or 0 in a request.").OrNull()),
		Of("madeBy", Integer("The person who created it; null for a command, or a person who has left.").OrNull().Output()),
		Of("role", String("The role of its creator in the account, which it never exceeds.").Output()),
		Of("operator", Boolean("It reaches the calls for operators, if it has the scope `all`; only operators can set this.").WithDefault(false)),
	}
}

// accountSchemas are the schemas of accounts.
func accountSchemas() []Member {
	var numbers []Member
	for i := range cron.PlanLimits {
		l := &cron.PlanLimits[i]
		number := Integer(l.What).In(l.Unit).AtLeast(0)
		if !l.Zero {
			number = Integer(l.What + " Null is no limit.").In(l.Unit).AtLeast(0).OrNull()
		}
		numbers = append(numbers, Of(l.Name, number))
	}
	used := func(text string) Schema {
		return Object(text,
			Of("jobs", Integer("Jobs.").AtLeast(0).OrNull()),
			Of("apiKeys", Integer("API keys.").AtLeast(0).OrNull()),
			Of("requestsToday", Integer("Requests of this key since midnight UTC.").AtLeast(0).OrNull()))
	}
	return []Member{
		Of("Account", Object("An account.",
			Of("accountId", Integer("The number of the account.")), Of("email", String("Its contact address.")),
			Of("title", String("Its title; empty if it has none.")), Of("plan", String("The name of its plan.")),
			Of("created", Time("When it was created.")),
			Of("limits", Object("The limits of the account.", numbers...)),
			Of("used", used("Usage; null for what is not counted.")),
			Of("left", used("What is left; null for no limit.")),
			Of("apiKey", Ref("ApiKey").OrNull()))),
		Of("ApiKey", Object("An API key, without the key itself.", keyMembers()...)),
	}
}
