package message

// englishOperatorPages is what operators of the service read.
var englishOperatorPages = map[string]string{
	"accounts.change":   "Change",
	"accounts.new":      "New account",
	"accounts.create":   "Create the account",
	"accounts.plan":     "Plan {plan}",
	"accounts.plan-of":  "Plan",
	"accounts.made":     "created",
	"accounts.public":   "Its jobs may call public addresses only, no private networks",
	"accounts.disabled": "disabled",
	"accounts.deleting": "being deleted",
	"accounts.enable":   "Enable",
	"accounts.disable":  "Disable",
	"accounts.delete":   "Delete in 7 days",

	"service.intro":       "These settings are in effect. They come from the flags and the environment of the service, and change with its next start.",
	"service.mail":        "Mail",
	"service.mail-text":   "Send a test mail to see whether the mail server takes it.",
	"service.mail-submit": "Send a test mail",
	"service.sent":        "The mail server took a test mail to {email}.",
	"service.no-mail":     "This service cannot send mail. Start it with --smtp and --public-url.",

	"everyone.operator":      "operator",
	"everyone.make-operator": "Make an operator",
	"everyone.no-operator":   "No longer an operator",
	"everyone.enable":        "Enable",
	"everyone.disable":       "Disable",
}
