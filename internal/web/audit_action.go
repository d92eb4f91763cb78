package web

// actionLabels maps the actions of the audit log to the labels that say what was done. The title of the object follows.
var actionLabels = map[string]string{
	"job.create":               "did.job-create",
	"job.change":               "did.job-change",
	"job.delete":               "did.job-delete",
	"job.restore":              "did.job-restore",
	"job.purge":                "did.job-purge",
	"job.version.restore":      "did.job-version-restore",
	"job.version.forget":       "did.job-version-forget",
	"job.run":                  "did.job-run",
	"testrun.start":            "did.testrun-start",
	"folder.create":            "did.folder-create",
	"folder.change":            "did.folder-change",
	"folder.delete":            "did.folder-delete",
	"folder.restore":           "did.folder-restore",
	"folder.purge":             "did.folder-purge",
	"key.create":               "did.key-create",
	"key.delete":               "did.key-delete",
	"tls.set":                  "did.tls-set",
	"tls.delete":               "did.tls-delete",
	"secret.create":            "did.secret-create",
	"secret.change":            "did.secret-change",
	"secret.delete":            "did.secret-delete",
	"account.create":           "did.account-create",
	"account.change":           "did.account-change",
	"account.delete":           "did.account-delete",
	"account.deletion.request": "did.account-deletion-request",
	"account.deletion.cancel":  "did.account-deletion-cancel",
	"account.export":           "did.account-export",
	"sign-in":                  "did.sign-in",
	"sign-in.first-factor":     "did.sign-in-first-factor",
	"sign-in.failed":           "did.sign-in-failed",
	"sign-in.confirm":          "did.sign-in-confirm",
	"sign-in.link":             "did.sign-in-link",
	"sign-in.identity":         "did.sign-in-identity",
	"sign-in.passkey":          "did.sign-in-passkey",
	"sign-in.passkey.cloned":   "did.sign-in-passkey-cloned",
	"session.end":              "did.session-end",
	"session.end-others":       "did.session-end-others",
	"person.change":            "did.person-change",
	"person.delete":            "did.person-delete",
	"person.password":          "did.person-password",
	"person.email.request":     "did.person-email-request",
	"person.app.set":           "did.person-app-set",
	"person.app.delete":        "did.person-app-delete",
	"person.recovery-codes":    "did.person-recovery-codes",
	"person.passkey.create":    "did.person-passkey-create",
	"person.passkey.change":    "did.person-passkey-change",
	"person.passkey.delete":    "did.person-passkey-delete",
	"person.identity.create":   "did.person-identity-create",
	"person.identity.delete":   "did.person-identity-delete",
	"member.create":            "did.member-create",
	"member.change":            "did.member-change",
	"member.delete":            "did.member-delete",
	"member.leave":             "did.member-leave",
	"invitation.create":        "did.invitation-create",
	"invitation.delete":        "did.invitation-delete",
	"service.key":              "did.service-key",
}

// actionName says what an action is; the action itself if nobody knows.
func (v *visit) actionName(action string) string {
	if label, ok := actionLabels[action]; ok {
		return v.catalogue.Label(label)
	}
	return action
}
