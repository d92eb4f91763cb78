package notify

import (
	"net/url"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// telegram calls the method sendMessage of the Bot API: https://core.telegram.org/bots/api#sendmessage, with HTML by
// https://core.telegram.org/bots/api#html-style.
var telegram = Kind{
	Name: "telegram", Title: "Telegram",
	Fields: []Field{server("telegram", "https://api.telegram.org"), token("token"), {Name: "chat", Required: true}, {Name: "thread", check: checkNumber}},
	build:  buildTelegram, judge: judgeTelegram,
}

// Limits of Telegram in characters.
const (
	telegramText   = 4096
	telegramButton = 64
)

var telegramMarkup = markup{
	escape: escapeTelegram, bold: func(s string) string { return "<b>" + s + "</b>" },
	code: func(raw string) string { return "<pre>" + escapeTelegram(raw) + "</pre>" },
	link: func(label, url string) string {
		return `<a href="` + escapeTelegram(url) + `">` + escapeTelegram(label) + "</a>"
	},
}

// escapeTelegram is a text in HTML. What names somebody by @ gets an invisible character.
func escapeTelegram(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "@", "@"+joint).Replace(s)
}

func buildTelegram(d *draft) (cron.Request, error) {
	subject := telegramMarkup.strong(shorten(d.Subject, 300))
	n := *d.Notification
	var keyboard [][]object
	if d.hasPublicLinks() {
		n.Links = nil
		for _, l := range d.Links {
			keyboard = append(keyboard, []object{{"text": shorten(l.Label, telegramButton), "url": l.URL}})
		}
	}
	body := object{
		"chat_id": d.setting("chat"), "parse_mode": "HTML", "link_preview_options": object{"is_disabled": true},
		"text": subject + "\n\n" + telegramMarkup.body(&n, telegramText-unitsIn(subject)-len("\n\n")),
	}
	if thread := d.setting("thread"); thread != "" {
		body["message_thread_id"], _ = strconv.ParseInt(thread, 10, 64)
	}
	if keyboard != nil {
		body["reply_markup"] = object{"inline_keyboard": keyboard}
	}
	return postJSON(d.at("/bot"+d.setting("token")+"/sendMessage"), body)
}

// hasPublicLinks reports whether the links have names of the internet. Telegram rejects a message with a button that leads to
// another one, such as localhost.
func (d *draft) hasPublicLinks() bool {
	for _, l := range d.Links {
		u, err := url.Parse(l.URL)
		if err != nil || !strings.Contains(u.Hostname(), ".") {
			return false
		}
	}
	return len(d.Links) > 0
}

func checkNumber(value string) cron.Problem {
	if _, err := strconv.ParseInt(value, 10, 64); err != nil {
		return cron.Problem{Rule: cron.RuleWrongType, Want: "integer"}
	}
	return cron.Problem{}
}

func judgeTelegram(a *answer) (Verdict, bool) {
	var reply struct {
		OK          *bool
		Code        int `json:"error_code"`
		Description string
		Parameters  struct {
			RetryAfter float64 `json:"retry_after"`
		}
	}
	if !a.json(&reply) || reply.OK == nil {
		if a.ok() {
			return refused(cron.ChannelAnswer, said(a.body))
		}
		return usual()
	}
	if *reply.OK {
		return Verdict{}, a.ok()
	}
	code := reply.Code
	if code == 0 {
		code = a.status
	}
	v := Verdict{Wait: seconds(reply.Parameters.RetryAfter), Detail: reply.Description}
	v.Fault, _ = meaning(code)
	switch {
	case strings.Contains(reply.Description, "chat not found"):
		v.Fault = cron.ChannelNotFound
	case v.Fault == cron.ChannelNotFound: // the path is the token
		v.Fault = cron.ChannelUnauthorized
	case v.Fault == cron.ChannelOK:
		v.Fault = cron.ChannelAnswer
	}
	return v, true
}
