package notify

import (
	"net/url"
	"regexp"
	"strings"

	"punctual/internal/cron"
)

// twilio sends a text message, POST /2010-04-01/Accounts/{AccountSid}/Messages.json:
// https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource.
var twilio = Kind{
	Name: "twilio", Title: "SMS by Twilio",
	Fields: []Field{
		server("twilio", "https://api.twilio.com"), {Name: "accountSid", Required: true, check: checkAccountSID}, token("token"),
		{Name: "from", Required: true}, {Name: "to", Required: true, check: checkPhone},
	},
	build: buildTwilio, judge: judgeTwilio,
}

// twilioText is the limit on a message in characters.
const twilioText = 1600

var accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

func checkAccountSID(value string) cron.Problem {
	if !accountSID.MatchString(value) {
		return cron.Problem{Rule: cron.RuleUnknownValue, Given: value, Want: "AC…"}
	}
	return cron.Problem{}
}

func buildTwilio(d *draft) (cron.Request, error) {
	n := *d.Notification
	n.Facts, n.Excerpt, n.Runbook, n.Footer = nil, "", "", "" // each 160 characters cost
	n.Links = n.Links[:min(len(n.Links), 1)]
	subject := shorten(d.Subject, 300)
	form := url.Values{
		"To": {d.setting("to")}, "Body": {subject + "\n" + plain.body(&n, twilioText-unitsIn(subject)-len("\n"))},
	}
	if from := d.setting("from"); strings.HasPrefix(from, "MG") {
		form.Set("MessagingServiceSid", from)
	} else {
		form.Set("From", from)
	}
	return postForm(d.at("/2010-04-01/Accounts/"+component(d.setting("accountSid"))+"/Messages.json"), form,
		basic(d.setting("accountSid"), d.setting("token")))
}

func judgeTwilio(a *answer) (Verdict, bool) {
	const unsubscribed, limited = 21610, 20429 // https://www.twilio.com/docs/api/errors
	var reply struct {
		Code    int
		Message string
	}
	if a.ok() || !a.json(&reply) {
		return usual()
	}
	switch reply.Code {
	case unsubscribed:
		return Verdict{Fault: cron.ChannelUnsubscribed, Detail: reply.Message, Gone: true}, true
	case limited:
		return refused(cron.ChannelBusy, reply.Message)
	}
	return usual()
}
