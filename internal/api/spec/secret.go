package spec

import (
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func secretOperations() Group {
	value := Of("value", String("The value, one line of text; never returned.").NotEmpty().UpTo(cron.MaxSecretLength))
	value.Schema.WriteOnly = true
	id := []Parameter{idParameter("secretId", "The number of the secret.")}
	return Group{
		Name: "Secrets",
		Description: "Values that the requests of jobs refer to as `%secret:NAME%`. Nothing returns a value. " +
			"These calls need a session, or a key with the scope `all`.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/secrets", ID: "listSecrets", Summary: "List the secrets", Added: true,
				Parameters: []Parameter{
					{In: "query", Name: "limit", Schema: Integer("Secrets in a page.").Within(1, wire.MaxSecretsPage).WithDefault(wire.DefaultSecretsPage)},
					{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")},
				},
				Responses: answers(jsonAnswer("A page of secrets, the oldest first, without their values.", "",
					Of("secrets", Array("", Ref("Secret"))), next()), http.StatusBadRequest),
			},
			{
				Method: http.MethodPost, Path: "/secrets", ID: "createSecret", Summary: "Create a secret", Added: true,
				Parameters: creating(),
				Body: jsonBody("The secret.", "secret", Input("", append(secretMembers(), value), "name", "value"),
					`{"secret":{"name":"API_TOKEN","value":"s3cr3t-t0k3n"}}`),
				Responses: creatingAnswers(made("The secret was created.", "secretId", "secret"),
					"A secret with this name exists.", http.StatusBadRequest),
			},
			{
				Method: http.MethodPatch, Path: "/secrets/{secretId}", ID: "changeSecret", Summary: "Change the value of a secret", Added: true,
				Description: "Executions that start afterwards send the new value. The name cannot be changed.",
				Parameters:  id,
				Body:        jsonBody("The new value.", "secret", Input("", []Member{value}), `{"secret":{"value":"another-t0k3n"}}`),
				Responses:   answers(doneAnswer(), http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodDelete, Path: "/secrets/{secretId}", ID: "deleteSecret", Summary: "Delete a secret", Added: true,
				Parameters: id,
				Responses:  answers(doneAnswer(), http.StatusNotFound, problemOf(http.StatusConflict, "Jobs use the secret.")),
			},
		},
	}
}

func secretMembers() []Member {
	return []Member{
		Of("secretId", Integer("The number of the secret.").Output()),
		Of("name", String("Letters, digits, `_`, `-` and `.`, beginning with a letter or `_`; unique in the account, case-sensitive.").
			NotEmpty().UpTo(cron.MaxSecretName)),
		Of("created", Time("When it was created.").Output()),
		Of("updated", Time("When its value was last set.").Output()),
		Of("jobs", Integer("How many jobs use it.").AtLeast(0).Output()),
		Of("jobIds", Array("The jobs that use it, the first ones of them.", Integer("The number of a job.")).UpTo(cron.MaxSecretJobs).Output()),
	}
}

// secretSchemas are the schemas of secrets.
func secretSchemas() []Member {
	return []Member{Of("Secret", Object("A secret, without its value.", secretMembers()...))}
}
