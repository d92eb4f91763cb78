package notify

import (
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// discord executes a webhook: https://docs.discord.com/developers/resources/webhook#execute-webhook, with an embed by
// https://docs.discord.com/developers/resources/message#embed-object.
var discord = Kind{
	Name: "discord", Title: "Discord", Fields: []Field{hook("discord")},
	build: buildDiscord, judge: judgeRetryAfter,
}

// Limits of Discord in characters. The sum holds for all texts of an embed together.
const (
	discordTitle  = 256
	discordText   = 4096
	discordName   = 256
	discordValue  = 1024
	discordFields = 25
	discordFooter = 2048
	discordSum    = 6000
)

var discordMarkup = markup{escape: escapeMarkdown, bold: boldMarkdown, code: fenced, link: linkMarkdown}

func buildDiscord(d *draft) (cron.Request, error) {
	title := cut(escapeMarkdown(shorten(d.Subject, discordTitle/2)), discordTitle, unitsIn)
	footer := shorten(d.Footer, discordFooter/4)
	room := discordSum - unitsIn(title) - unitsIn(footer)
	var fields []object
	for _, f := range d.Facts {
		name, value := shorten(f.Label, discordName), shortenEscaped(f.Value, discordValue/2, discordValue, escapeMarkdown)
		if used := unitsIn(name) + unitsIn(value); value != "" && name != "" && len(fields) < discordFields && used <= room-discordText/2 {
			fields = append(fields, object{"name": name, "value": value, "inline": unitsIn(value) <= 40})
			room -= used
		}
	}
	n := *d.Notification
	n.Facts, n.Footer = nil, ""
	embed := object{
		"title": title, "description": discordMarkup.body(&n, min(room, discordText)), "color": colourNumber(d.colour()),
	}
	if fields != nil {
		embed["fields"] = fields
	}
	if url := d.link(); url != "" {
		embed["url"] = url
	}
	if !d.At.IsZero() {
		embed["timestamp"] = instant(d.At)
	}
	if footer != "" {
		embed["footer"] = object{"text": footer}
	}
	return postJSON(d.setting("url"), object{"embeds": []object{embed}, "allowed_mentions": object{"parse": []string{}}})
}

// shortenEscaped is an escaped text of at most limit characters, of a raw one of at most rawLimit.
func shortenEscaped(raw string, rawLimit, limit int, escape func(string) string) string {
	raw = shorten(raw, rawLimit)
	return escape(cut(raw, limit, func(s string) int { return unitsIn(escape(s)) }))
}

// colourNumber is #RRGGBB as a number.
func colourNumber(colour string) int64 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(colour, "#"), 16, 64)
	return n
}

// judgeRetryAfter reads how many seconds an answer asks to wait.
func judgeRetryAfter(a *answer) (Verdict, bool) {
	var reply struct {
		RetryAfter float64 `json:"retry_after"`
		Message    string
	}
	if a.status != 429 || !a.json(&reply) {
		return usual()
	}
	return Verdict{Fault: cron.ChannelBusy, Wait: seconds(reply.RetryAfter), Detail: reply.Message}, true
}

// seconds is a number of seconds, between none and a day.
func seconds(n float64) time.Duration {
	if !(n > 0) {
		return 0
	}
	return time.Duration(min(n, 24*60*60) * float64(time.Second))
}
