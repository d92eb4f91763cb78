package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func accountOperations() Group {
	pem := func(name, text string, most int) Member {
		return Of(name, String(text+", in PEM.").WithDefault("").UpTo(most))
	}
	roots := pem("caBundle", "Authorities that are trusted too", cron.MaxRootsLength)
	certificate := pem("certificate", "The client certificate, followed by its chain", cron.MaxCertificateLength)
	key := pem("privateKey", "Its private key, not encrypted; never shown", cron.MaxKeyLength)
	key.Schema.WriteOnly = true
	return Group{
		Name:        "Account",
		Description: "The account that the key acts for.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/me", ID: "getAccount", Summary: "Show the account", Added: true,
				Responses: answers(jsonAnswer("The account, what its plan allows, and what of it is left.", "",
					Of("account", Ref("Account")))),
			},
			{
				Method: http.MethodGet, Path: "/apikeys", ID: "listKeys", Summary: "List the API keys", Added: true,
				Responses: answers(jsonAnswer("The keys, without the keys themselves.", "",
					Of("apiKeys", Array("", Ref("ApiKey"))))),
			},
			{
				Method: http.MethodPost, Path: "/apikeys", ID: "createKey", Summary: "Create an API key", Added: true,
				Description: "A key cannot create one that may do more than itself. What is left out is as with the key that asks.",
				Parameters:  creating(),
				Body: jsonBody("The key.", "apiKey", Input("", keyMembers()),
					`{"apiKey":{"title":"deployment","scopes":["read","write"],"expires":1798761600}}`),
				Responses: answers(created(jsonAnswer("The key was created.", "",
					Of("apiKeyId", Integer("The number of the key.")),
					Of("key", String("The key. It is shown this once.")))),
					slices.Concat(creatingProblems(), []any{http.StatusBadRequest})...),
			},
			{
				Method: http.MethodDelete, Path: "/apikeys/{apiKeyId}", ID: "deleteKey", Summary: "Delete an API key", Added: true,
				Parameters: []Parameter{{In: "path", Name: "apiKeyId", Schema: Integer("The number of the key.").Like(2)}},
				Responses:  answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound, http.StatusConflict),
			},
			{
				Method: http.MethodGet, Path: "/tls", ID: "getTls", Summary: "Show the certificates", Added: true,
				Responses: answers(jsonAnswer("What the executions of the account add to TLS.", "", Of("tls", Object("",
					roots, certificate,
					Of("certificateExpiry", Time("When the client certificate expires; null without one.").OrNull()))))),
			},
			{
				Method: http.MethodPut, Path: "/tls", ID: "setTls", Summary: "Set the certificates", Added: true,
				Description: "Replaces all; what is left out is gone.",
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

// keyMembers are those of apiKey.
func keyMembers() []Member {
	scopes := []Choice{{Value: wire.ScopeAll, Meaning: "everything"}}
	for _, name := range wire.ScopeNames {
		scopes = append(scopes, Choice{Value: name})
	}
	return []Member{
		Of("apiKeyId", Integer("The number of the key.").Output()),
		Of("title", String("What it is for.").WithDefault("").UpTo(cron.MaxKeyTitle)),
		Of("hint", String("The last characters of the key.").Output()),
		Of("enabled", Boolean("It may be used.").Output()),
		Of("current", Boolean("It is the key that asks.").Output()),
		Of("scopes", Array("What it may do.", String("").Choose(scopes...))),
		Of("allowFrom", Array("Addresses and ranges that may use it; none is any.", String("").
			Like("192.0.2.0/24")).UpTo(cron.MaxKeyPrefixes)),
		Of("created", Time("When it was made.").Output()),
		Of("lastUsed", Time("When it was used last, to the hour; null for never.").OrNull().Output()),
		Of("expires", Time("When it ends to work; null for never.").OrNull()),
	}
}

// accountSchemas are the objects of accounts.
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
			Of("requestsToday", Integer("Requests of this key in this UTC day.").AtLeast(0).OrNull()))
	}
	return []Member{
		Of("Account", Object("An account.",
			Of("email", String("Its address.")), Of("plan", String("The name of its plan.")),
			Of("created", Time("When it was made.")),
			Of("limits", Object("The numbers of the plan.", numbers...)),
			Of("used", used("How much of it there is; null for what is not counted.")),
			Of("left", used("How much is left; null for no limit.")),
			Of("apiKey", Ref("ApiKey")))),
		Of("ApiKey", Object("An API key, without the key itself.", keyMembers()...)),
	}
}
