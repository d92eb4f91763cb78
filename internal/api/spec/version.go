package spec

import (
	"net/http"
	"slices"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

func versionParameter() Parameter {
	return idParameter("version", "The number of the version.")
}

// pageParameters are those of a list with a cursor.
func pageParameters(what string) []Parameter {
	return []Parameter{
		{In: "query", Name: "limit", Schema: Integer(what+" in a page.").Within(1, wire.MaxVersionsPage).WithDefault(wire.DefaultVersionsPage)},
		{In: "query", Name: "cursor", Schema: String("`next` of the previous page.")},
	}
}

func versionOperations() Group {
	ifMatch := Parameter{In: "header", Name: "If-Match", Schema: String("An ETag of the job: nothing is done if the job has changed since.")}
	return Group{
		Name: "Versions and the bin",
		Description: "Each change of the definition of a job is kept as a version. Deleted jobs and folders stay in the bin for 30 days. " +
			"Secrets of a version are never returned: credentials, the values of headers and the body are shown as `" + cron.Masked + "`.",
		Operations: slices.Concat([]Operation{
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/versions", ID: "listVersions", Summary: "List the versions of a job", Added: true,
				Description: "Also of a job in the bin.",
				Parameters:  append([]Parameter{jobIDParameter()}, pageParameters("Versions")...),
				Responses: answers(jsonAnswer("A page of versions, the newest first.", "", Of("versions", Array("", Ref("Version"))), next()),
					http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/versions/{version}", ID: "getVersion", Summary: "Show a version", Added: true,
				Parameters: []Parameter{jobIDParameter(), versionParameter()},
				Responses: answers(jsonAnswer("The version.", "", Of("versionDetails", Ref("VersionDetails"))),
					http.StatusNotFound),
			},
			{
				Method: http.MethodGet, Path: "/jobs/{jobId}/versions/{version}/diff", ID: "compareVersions", Summary: "Compare two versions",
				Added: true, Parameters: []Parameter{jobIDParameter(), versionParameter(),
					{In: "query", Name: "to", Schema: Integer("The version to compare with; without it, the latest.").Within(1, wire.MaxID)}},
				Responses: answers(jsonAnswer("The values that differ.", "",
					Of("version", Integer("The version that was asked for.")), Of("to", Integer("The version that it is compared with.")),
					Of("changes", Array("", Object("",
						Of("pointer", String("A JSON pointer into the job, such as `/title`.")),
						Of("secret", Boolean("True if secrets are masked, so that `before` and `after` may look alike.")),
						Of("before", Schema{Description: "The value in the version."}),
						Of("after", Schema{Description: "The value in `to`."}))))),
					http.StatusBadRequest, http.StatusNotFound),
			},
			{
				Method: http.MethodPost, Path: "/jobs/{jobId}/versions/{version}/restore", ID: "restoreVersion", Summary: "Restore a version",
				Added: true,
				Description: "The job gets the values of the version, is planned anew, and has a new version. Secrets that the version has " +
					"forgotten stay as they are in the job.",
				Parameters: []Parameter{jobIDParameter(), versionParameter(), ifMatch},
				Responses: answers(withETag(restoredAnswer()), http.StatusBadRequest, http.StatusNotFound, http.StatusConflict,
					http.StatusPreconditionFailed),
			},
			{
				Method: http.MethodDelete, Path: "/jobs/{jobId}/versions/{version}/secrets", ID: "forgetVersion",
				Summary: "Forget the secrets of a version", Added: true,
				Description: "The credentials, the values of headers and the body are deleted from the version for good.",
				Parameters:  []Parameter{jobIDParameter(), versionParameter()},
				Responses:   answers(doneAnswer(), http.StatusNotFound, problemOf(http.StatusConflict, "It is the version that the job has now.")),
			},
		}, binOperations()),
	}
}

func restoredAnswer() Response {
	return jsonAnswer("It was restored.", `{"jobId":1,"version":3,"folderId":0,"folderGone":false}`,
		Of("jobId", Integer("The number of the job.")),
		Of("version", Integer("The number of the new version.")),
		Of("folderId", Integer("The folder that the job is in; 0 is the root folder.").AtLeast(0)),
		Of("folderGone", Boolean("True if the folder no longer exists, and the job is in the root folder.")))
}

func binOperations() []Operation {
	return []Operation{
		{
			Method: http.MethodGet, Path: "/bin", ID: "listBin", Summary: "List the bin", Added: true,
			Parameters: pageParameters("Jobs"),
			Responses: answers(jsonAnswer("A page of deleted jobs, the latest first.", "", Of("jobs", Array("", Ref("BinJob"))),
				Of("folders", Array("All deleted folders, the latest first; empty in all pages but the first.", Ref("BinFolder"))), next()),
				http.StatusBadRequest),
		},
		{
			Method: http.MethodPost, Path: "/bin/jobs/{jobId}/restore", ID: "restoreJob", Summary: "Restore a deleted job", Added: true,
			Description: "The job has its number and its history again, and is planned anew. What it missed is not made up for.",
			Parameters:  []Parameter{jobIDParameter()},
			Responses:   answers(withETag(restoredAnswer()), http.StatusBadRequest, http.StatusNotFound, http.StatusConflict),
		},
		{
			Method: http.MethodDelete, Path: "/bin/jobs/{jobId}", ID: "purgeJob", Summary: "Delete a job for good", Added: true,
			Description: "Of a job in the bin.",
			Parameters: []Parameter{jobIDParameter(), titleParameter(
				"The title of the job, or its `url` if it has none, as the bin shows it. Spaces at the ends do not count.")},
			Responses: answers(doneAnswer(), problemOf(http.StatusBadRequest, noTitle), http.StatusNotFound),
		},
		{
			Method: http.MethodPost, Path: "/bin/folders/{folderId}/restore", ID: "restoreFolder", Summary: "Restore a deleted folder", Added: true,
			Description: "Its jobs return to it, but for those that have been changed, moved or deleted since.",
			Parameters:  []Parameter{folderIDParameter()},
			Responses: answers(jsonAnswer("The folder was restored.", `{"folderId":1,"jobs":2}`,
				Of("folderId", Integer("The number of the folder.")), Of("jobs", Integer("How many jobs returned to it.").AtLeast(0))),
				http.StatusNotFound, problemOf(http.StatusConflict, "Another folder has this title.")),
		},
		{
			Method: http.MethodDelete, Path: "/bin/folders/{folderId}", ID: "purgeFolder", Summary: "Delete a folder for good", Added: true,
			Description: "Of a folder in the bin. Its jobs are not touched.",
			Parameters: []Parameter{folderIDParameter(), titleParameter(
				"The title of the folder. Spaces at the ends do not count.")},
			Responses: answers(doneAnswer(), problemOf(http.StatusBadRequest, noTitle), http.StatusNotFound),
		},
	}
}

const noTitle = "The title is missing, or it is another one. Nothing was deleted."

// titleParameter is the title of what is deleted for good.
func titleParameter(about string) Parameter {
	return Parameter{In: "query", Name: "title", Required: true, Schema: String(about).Like("Nightly backup")}
}

func versionMembers() []Member {
	return []Member{
		Of("version", Integer("The number, which grows with each change of the job.")),
		Of("created", Time("When the change was made.")),
		Of("by", String("Who made it: the e-mail address of a person, the title of an API key, `command line` or `the service`.")),
		Of("way", String("How it was made.").Choose(Choice{Value: cron.WayAPI}, Choice{Value: cron.WayConsole}, Choice{Value: cron.WayCommand},
			Choice{Value: cron.WayService, Meaning: "by the service itself, such as a one-time job that is done"})),
		Of("changes", Array("JSON pointers to the values that differ from the version before.", String("Such as `/title`."))),
		Of("restored", Integer("The version whose values it restores; null for none.").OrNull()),
		Of("actionId", Integer("The action on many jobs that made it; null for none.").OrNull()),
		Of("forgotten", Boolean("True if its secrets were forgotten.")),
		Of("kept", Boolean("False if its values are no longer kept.")),
	}
}

// versionSchemas are the schemas of versions and of the bin.
func versionSchemas() []Member {
	outputs := []string{"jobId", "lastStatus", "lastDuration", "lastExecution", "sslCertExpiry", "nextExecution", "created", "createdBy",
		"updated", "updatedBy"}
	job := slices.DeleteFunc(detailedJobMembers(), func(m Member) bool { return slices.Contains(outputs, m.Name) })
	gone := func(what string) []Member {
		return []Member{
			Of("deleted", Time("When it was deleted.")),
			Of("deletedBy", String("Who deleted it.")),
			Of("purges", Time("When "+what+" is deleted for good.")),
		}
	}
	return []Member{
		Of("Version", Object("A version of a job, without its values.", versionMembers()...)),
		Of("VersionDetails", Object("A version with its values.", append(versionMembers(), Of("job", Object("The values, without secrets.", job...)))...)),
		Of("BinJob", Object("A deleted job.", append([]Member{
			Of("jobId", Integer("The number of the job.")),
			Of("title", String("The title.")),
			Of("url", String("The URL, without credentials.")),
			Of("folderId", Integer("The folder that the job was in; 0 is the root folder.").AtLeast(0)),
			Of("version", Integer("The version that it had.")),
		}, gone("it")...)...)),
		Of("BinFolder", Object("A deleted folder.", append([]Member{
			Of("folderId", Integer("The number of the folder.")),
			Of("title", String("The title.")),
			Of("jobIds", Array("The jobs that were in it.", Integer("The number of a job."))),
		}, gone("it")...)...)),
	}
}
