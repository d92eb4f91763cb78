package web

// doneLabels maps what a form did to the label that says so on the page that follows.
var doneLabels = map[string]string{
	"acknowledged": "done.acknowledged",
	"snoozed":      "done.snoozed",
	"resolved":     "done.resolved",
	"reopened":     "done.reopened",
	"noted":        "done.noted",
	"signed-out":   "done.signed-out",
	"saved":        "done.saved",
	"removed":      "done.removed",
	"ended":        "done.ended",
	"password":     "done.password",
	"revoked":      "done.revoked",
	"recovered":    "done.recovered",
	"left":         "done.left",
	"deleted":      "done.deleted",
	"kept":         "done.kept",
	"email":        "done.email",

	"node-drains":  "done.node-drains",
	"node-resumed": "done.node-resumed",

	"imported":        "done.imported",
	"created":         "done.created",
	"created-run":     "done.created-run",
	"created-not-run": "done.created-not-run",

	"channel-made":    "done.channel-made",
	"channel-deleted": "done.channel-deleted",
	"enabled":         "done.enabled",
	"disabled":        "done.disabled",
	"muted":           "done.muted",
	"unmuted":         "done.unmuted",
	"asked":           "done.asked",
	"resent":          "done.resent",
	"secret-made":     "done.secret-made",
	"secret-set":      "done.secret-set",

	"job-restored":         "done.job-restored",
	"job-restored-to-root": "done.job-restored-to-root",
	"folder-restored":      "done.folder-restored",
	"purged":               "done.purged",
	"maintenance-planned":  "done.maintenance-planned",

	"job-enabled": "done.job-enabled", "job-disabled": "done.job-disabled", "job-run": "done.job-run", "job-deleted": "done.job-deleted",
	"job-paused": "done.job-paused", "job-resumed": "done.job-resumed", "job-silenced": "done.job-silenced",
	"run-again":          "done.run-again",
	"runs-again":         "done.runs-again",
	"reruns-cancelled":   "done.reruns-cancelled",
	"view-saved":         "done.view-saved",
	"view-deleted":       "done.view-deleted",
	"folder-created":     "done.folder-created",
	"folder-deleted":     "done.folder-deleted",
	"status-created":     "done.status-created",
	"status-published":   "done.status-published",
	"status-unpublished": "done.status-unpublished",
	"domain-added":       "done.domain-added",
	"domain-checked":     "done.domain-checked",
	"component-added":    "done.component-added",
	"component-set":      "done.component-set",
	"component-released": "done.component-released",
	"incident-published": "done.incident-published",
	"incident-drafted":   "done.incident-drafted",
	"incident-withdrawn": "done.incident-withdrawn",
	"incident-updated":   "done.incident-updated",
	"incident-resolved":  "done.incident-resolved",
	"job-unsilenced":     "done.job-unsilenced", "badges-renewed": "done.badges-renewed", "version-restored": "done.version-restored", "version-forgotten": "done.version-forgotten",
}

// doneSentence says what was just done.
func (v *visit) doneSentence(what string) string {
	if label, ok := doneLabels[what]; ok {
		return v.catalogue.Label(label)
	}
	return ""
}

// after sends the browser to a page that says what was done.
func (v *visit) after(page, what string) error { return v.redirect(page + "?done=" + what) }
