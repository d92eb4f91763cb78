package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// lark posts a card to a custom bot of Lark or Feishu, with its signature where the bot has one:
// https://open.larksuite.com/document/client-docs/bot-v3/add-custom-bot. Texts are plain_text, in which nothing is Markdown.
var lark = Kind{
	Name: "lark", Title: "Lark / Feishu", Fields: []Field{hook("lark"), {Name: "secret", Secret: true}},
	build: buildLark, judge: judgeLark,
}

// larkText is the limit on a text in characters, so that a request has less than 20 KB.
const larkText = 6000

var larkColours = [...]string{
	message.SeverityInfo: "blue", message.SeverityGood: "green", message.SeverityWarning: "orange", message.SeverityError: "red",
}

func buildLark(d *draft) (cron.Request, error) {
	text := func(s string) object { return object{"tag": "plain_text", "content": s} }
	n := *d.Notification
	n.Links = nil
	elements := []object{{"tag": "div", "text": text(plain.body(&n, larkText))}}
	var buttons []object
	for _, l := range d.Links {
		buttons = append(buttons, object{"tag": "button", "text": text(shorten(l.Label, 100)), "url": l.URL, "type": "default"})
	}
	if buttons != nil {
		elements = append(elements, object{"tag": "action", "actions": buttons})
	}
	body := object{"msg_type": "interactive", "card": object{
		"header":   object{"title": text(shorten(d.Subject, 200)), "template": larkColours[d.Severity]},
		"elements": elements,
	}}
	if secret := d.setting("secret"); secret != "" {
		timestamp := strconv.FormatInt(d.now.Unix(), 10)
		mac := hmac.New(sha256.New, []byte(timestamp+"\n"+secret)) // of nothing, by their rule
		body["timestamp"], body["sign"] = timestamp, base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return postJSON(d.setting("url"), body)
}

func judgeLark(a *answer) (Verdict, bool) {
	const signature, busy, broken = 19021, 11232, 9499
	var reply struct {
		Code *int
		Msg  string
	}
	if !a.json(&reply) || reply.Code == nil || *reply.Code == 0 {
		return usual()
	}
	switch *reply.Code {
	case signature:
		return refused(cron.ChannelUnauthorized, reply.Msg)
	case busy:
		return refused(cron.ChannelBusy, reply.Msg)
	case broken:
		return refused(cron.ChannelRejected, reply.Msg)
	}
	return refused(cron.ChannelAnswer, reply.Msg)
}
