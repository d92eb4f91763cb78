package notify

import (
	"strings"

	"punctual/internal/cron"
)

// signal sends by signal-cli-rest-api, POST /v2/send: https://bbernhard.github.io/signal-cli-rest-api.
var signal = Kind{
	Name: "signal", Title: "Signal",
	Fields: []Field{server("signal", ""), {Name: "number", Required: true, check: checkPhone}, {Name: "recipients", Required: true}},
	build:  buildSignal,
}

// signalText is how long a message may be that every app shows whole, in bytes.
const signalText = 2000

func buildSignal(d *draft) (cron.Request, error) {
	text := markup{size: bytesIn}
	subject := cut(d.Subject, 300, bytesIn)
	return postJSON(d.at("/v2/send"), object{
		"number": d.setting("number"), "recipients": list(d.setting("recipients")), "text_mode": "normal",
		"message": subject + "\n\n" + text.body(d.Notification, signalText-len(subject)-len("\n\n")),
	})
}

// list is the parts of a text between commas.
func list(text string) (parts []string) {
	for p := range strings.SplitSeq(text, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}
