package message

import "maps"

// englishLabels are the texts of the console by their keys: the page, then the part of it. A test compares the keys with
// those that the pages use.
var englishLabels = joined(englishFrame, englishEntrance, englishSettings, englishActions, englishOperatorPages)

// joined is one map of the entries of several.
func joined(tables ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// englishFrame is what stands around and on every page.
var englishFrame = map[string]string{
	"app.name":          "Punctual",
	"app.skip":          "Skip to the content",
	"error.not-found":   "Not found",
	"error.gone":        "This link no longer works",
	"error.forbidden":   "Not allowed",
	"error.too-many":    "Too many requests",
	"error.refused":     "Nothing was changed",
	"error.unavailable": "Not available at the moment",
	"error.failed":      "Something went wrong",
	"error.back":        "Go to the start page",
	"form.optional":     "optional",
	"form.attention":    "Correct what is marked below, then send the form again.",
	"form.save":         "Save",
	"form.remove":       "Remove",
	"form.cancel":       "Cancel",
	"list.search":       "Search",
	"list.submit":       "Search",
	"list.first":        "First page",
	"list.next":         "Next page",
	"list.none":         "Nothing matches.",
	"copy.text":         "Copy",
	"copy.done":         "Copied",
	"language.name":     "English",
	"time.never":        "never",
	"nav.main":          "Main",
	"nav.overview":      "Overview",
	"nav.settings":      "Settings",
	"nav.you":           "You",
	"nav.person":        "Profile",
	"nav.sign-in":       "Sign-in",
	"nav.sessions":      "Sessions",
	"nav.people":        "People",
	"nav.keys":          "API keys",
	"nav.audit":         "Audit log",
	"nav.account":       "Account",
	"nav.service":       "Service",
	"nav.accounts":      "Accounts",
	"nav.everyone":      "All people",
	"nav.configuration": "Configuration",
	"frame.accounts":    "Your accounts",
	"frame.no-account":  "No account",
	"frame.person":      "Signed in as {name}",
	"frame.sign-out":    "Sign out",

	"field.email":        "E-mail address",
	"field.password":     "Password",
	"field.new-password": "New password",
	"field.code":         "Code",
	"field.name":         "Name",
	"field.zone":         "Time zone",
	"field.language":     "Language",
	"field.theme":        "Appearance",
	"field.role":         "Role",
	"password.hint":      "At least 10 characters. Several random words are easy to remember and hard to guess.",

	"role.owner":        "Owner",
	"role.editor":       "Editor",
	"role.viewer":       "Viewer",
	"role.none":         "No role",
	"role.owner-means":  "Everything, people and API keys included.",
	"role.editor-means": "Creates, changes and runs jobs, and makes API keys.",
	"role.viewer-means": "Sees everything but secrets, and changes nothing.",

	"device.both":    "{browser} on {system}",
	"device.unknown": "Unknown device",
	"way.password":   "password",
	"way.passkey":    "passkey",
	"way.oidc":       "single sign-on",
	"way.link":       "one-time link",

	"done.signed-out": "You are signed out.",
	"done.saved":      "Saved.",
	"done.removed":    "Removed.",
	"done.ended":      "Ended.",
	"done.password":   "Your password is changed. Your other sessions have ended.",
	"done.revoked":    "Revoked.",
	"done.recovered":  "You signed in with a recovery code, which cannot be used again. See below how many are left.",
	"done.left":       "You left the account.",
	"done.deleted":    "You are deleted. Everything that you made in accounts of others stays there.",
	"done.kept":       "The account will not be deleted.",
	"done.email":      "Your new e-mail address is confirmed. Use it to sign in from now on.",

	"start.welcome":    "Welcome",
	"start.jobs":       "Jobs in this account: {count}",
	"start.api-title":  "Use the API",
	"start.api":        "Jobs are created and read through the cron-job.org REST API. Every program that speaks it works with this base URL and an API key of this account.",
	"start.disabled":   "This account is disabled. Ask the operator of the service.",
	"start.keep":       "Take it back",
	"start.keys":       "API keys",
	"start.example":    "curl -H 'Authorization: Bearer API-KEY' {url}/jobs",
	"start.docs":       "API documentation",
	"start.no-account": "You do not belong to an account. Ask an owner of one to invite you.",
}
