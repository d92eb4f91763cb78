package message

// englishImport are the labels of the page that makes jobs of many commands.
var englishImport = map[string]string{
	"import.title":         "Import jobs",
	"import.intro":         "Paste a crontab, or commands of curl, wget, HTTPie and PowerShell. Nothing is created before you have seen what was read.",
	"import.text":          "Commands or crontab lines",
	"import.example":       "0 3 * * * curl -fsS https://example.com/nightly",
	"import.zone":          "Time zone",
	"import.zone-hint":     "Of schedules without CRON_TZ",
	"import.schedule":      "Schedule of commands without one",
	"import.schedule-hint": "A crontab line such as 0 * * * * or @daily",
	"import.folder":        "Folder",
	"import.no-folder":     "No folder",
	"import.read":          "Read",
	"import.unread":        "Not read",
	"import.line":          "Line {line}:",
	"import.found":         "{count} found",
	"import.create-it":     "Create",
	"import.job":           "Job",
	"import.when":          "When",
	"import.next":          "Next run",
	"import.tick":          "Create {job}",
	"import.edit":          "Edit",
	"import.created":       "Created",
	"import.more":          "and {count} more",
	"import.create":        "Create the ticked jobs",
	"import.changed":       "The text or its settings have changed since the table was made. This is the new table: look at it, and create the jobs then.",
	"import.none":          "No job is ticked. Tick those that are to be created.",
	"import.room":          "{count} are ticked, but the plan of the account has room for {room} more. Nothing was created.",
	"import.partly":        "Created: {created}. Not created: {failed}. The table says why. What was created is no longer ticked.",

	"done.imported": "The jobs were created.",
}
