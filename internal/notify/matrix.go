package notify

import (
	"strings"
	"time"

	"punctual/internal/cron"
)

// matrix sends an event to a room, by PUT /rooms/{roomId}/send/{eventType}/{txnId} of the client-server API:
// https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid. The ID of the message is the
// ID of the transaction, so that the server takes a repeat for the same event. An empty m.mentions mentions nobody.
var matrix = Kind{
	Name: "matrix", Title: "Matrix", Fields: []Field{server("matrix", ""), {Name: "room", Required: true}, token("token")},
	build: buildMatrix, judge: judgeMatrix,
}

// matrixText is the limit on a text in bytes: an event has 65,536, and holds the text twice.
const matrixText = 16_000

// htmlMarkup is the HTML that chats understand.
var htmlMarkup = markup{
	escape: escapeHTML, bold: func(s string) string { return "<strong>" + s + "</strong>" }, link: linkHTML, line: "<br>",
	code: func(raw string) string { return "<pre><code>" + escapeHTML(raw) + "</code></pre>" }, size: bytesIn,
}

func buildMatrix(d *draft) (cron.Request, error) {
	text := markup{size: bytesIn}
	subject := cut(d.Subject, 1000, bytesIn)
	request, err := postJSON(
		d.at("/_matrix/client/v3/rooms/"+component(d.setting("room"))+"/send/m.room.message/"+component(d.ID)),
		object{
			"msgtype": "m.text", "body": subject + "\n\n" + text.body(d.Notification, matrixText),
			"format":         "org.matrix.custom.html",
			"formatted_body": "<strong>" + escapeHTML(subject) + "</strong><br><br>" + htmlMarkup.body(d.Notification, matrixText),
			"m.mentions":     object{},
		}, bearer(d.setting("token")))
	request.Method = cron.MethodPut
	return request, err
}

func judgeMatrix(a *answer) (Verdict, bool) {
	var reply struct {
		EventID      string `json:"event_id"`
		Code         string `json:"errcode"`
		Error        string
		RetryAfterMS float64 `json:"retry_after_ms"`
	}
	if !a.json(&reply) {
		if a.ok() {
			return refused(cron.ChannelAnswer, said(a.body)) // not a Matrix server
		}
		return usual()
	}
	says := strings.TrimSpace(reply.Code + " " + reply.Error)
	switch reply.Code {
	case "M_LIMIT_EXCEEDED":
		return Verdict{Fault: cron.ChannelBusy, Wait: seconds(reply.RetryAfterMS / float64(time.Second/time.Millisecond)), Detail: says}, true
	case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_FORBIDDEN", "M_USER_DEACTIVATED":
		return refused(cron.ChannelUnauthorized, says)
	case "":
		if a.ok() && reply.EventID == "" {
			return refused(cron.ChannelAnswer, said(a.body))
		}
		return usual()
	}
	if a.ok() {
		return refused(cron.ChannelAnswer, says)
	}
	return usual()
}
