package message

import (
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// englishNotices are the words of messages that tell of one job or of the service. The placeholders are those of
// notification.argument.
var englishNotices = map[cron.NoticeKind]noticeText{
	cron.NoticeFailure: {
		subject: "{title} failed[ {repeated}][: {reason}]",
		summary: "[{diagnosis}|The job failed.][ The job has failed {spell}.]",
		line:    "failed at {clock}[, {repeated} in a row][: {reason}]",
	},
	cron.NoticeSuccess: {
		subject: "{title} recovered[ after {lasted}]",
		summary: "The job succeeded at {clock}[ with {reason}].[ Before that, it had failed {spell}.]",
		line:    "recovered at {clock}[ after {lasted}]",
	},
	cron.NoticeDisabled: {
		subject: "{title} was disabled[ after {failures}]",
		summary: "Punctual disabled the job because it kept failing[: {failures} in a row]. It does not run until somebody enables it again. " +
			"[The last failure: {diagnosis}]",
		line: "was disabled[ after {failures}][: {reason}]",
	},
	cron.NoticeCertExpiry: {
		subject: "[Certificate of {host} expires in {left}|Certificate of {host} has expired]",
		summary: "[The TLS certificate of {host} expires in {left}, on {expiry}.|The TLS certificate of {host} expired on {expiry}.] " +
			"Renew it, and check that the server uses the new one. The job {title} calls this host.",
		line: "[certificate of {host} expires in {left}, on {expiry}|certificate of {host} expired on {expiry}]",
	},
	cron.NoticeMissed: {
		subject: "{title} missed {missed}",
		summary: "{missed} of the job did not start, because Punctual was down or overloaded when they were due. " +
			"If the job must run nevertheless, start it by hand.",
		line: "missed {missed}",
	},
	cron.NoticeReminder: {
		subject: "Still open[ after {lasted}]: {inner}",
		summary: "Nobody has acknowledged this problem, and it is not resolved. [{told}]",
	},
	cron.NoticeTest: {
		subject: "Test notification from Punctual",
		summary: "[The channel {channel} works|This channel works]: notifications of the account {account} arrive here. " +
			"Nothing has failed; somebody tested the channel.",
	},

	cron.NoticeAcknowledged: {
		subject: "[{title}: problem|Problem] acknowledged",
		summary: "Somebody takes care of this problem. Further failures are not told until it is resolved or opens again.",
		line:    "problem acknowledged",
	},
	mixed: { // of a kind that only a newer version knows
		subject: "[{title} needs attention|Punctual needs attention]",
		summary: "A newer version of the service wrote this notice, and this one cannot say more about it. Open the console to see what happened.",
		line:    "needs attention",
	},
	cron.NoticeBehind: {
		subject: "Punctual starts runs {late} late",
		summary: "Runs of this service start {late} after they are due, because it has more to do than it can handle. Check the load of the machine and " +
			"of the database; add a node, or spread jobs that are due at the same second.",
	},
	cron.NoticeDisk: {
		subject: "The disk of Punctual is almost full: {free} left",
		summary: "[{detail}|The disk of the database] has {free} left. When it is full, results cannot be recorded, and no further runs start. " +
			"Free space, or enlarge the disk.",
	},
	cron.NoticeNodeGone: {
		subject: "Node {detail} of Punctual is gone",
		summary: "The node {detail} ended without saying so, or cannot reach the database any more. Other nodes take over its jobs; the runs that it had " +
			"started are marked as lost. Check the machine and the log of the node.",
	},
	cron.NoticeChannels: {
		subject: "{channels} of Punctual cannot be notified",
		summary: "Notifications to {channels} of accounts of this service keep failing. Check the network of the service and its mail server; the last " +
			"result of each channel says why.",
	},
	cron.NoticeOwnExpiry: {
		subject: "[Certificate of Punctual expires in {left}|Certificate of Punctual has expired]",
		summary: "[The certificate by which Punctual serves HTTPS expires in {left}, on {expiry}.|The certificate by which Punctual serves HTTPS " +
			"expired on {expiry}.] Without a valid one, browsers and programs refuse to connect. Renew it, or check why it was not renewed.",
	},
	cron.NoticeBackup: {
		subject: "A backup of Punctual failed",
		summary: "A scheduled backup of the database failed[. {detail}|.] It is tried again every few minutes, and no older backup is removed meanwhile.",
	},
	cron.NoticeChannelOff: {
		subject: "The channel {detail} was stopped",
		summary: "Punctual no longer sends notifications to the channel {detail}. {fault} Correct the channel, then enable it again.",
	},
}

// englishSeveral are the words of messages that tell of several jobs. The placeholders are those of list.argument.
var englishSeveral = map[cron.NoticeKind]noticeText{
	cron.NoticeFailure: {
		subject: "{jobs} failed[: {reason}][ ({host})]",
		summary: "[{diagnosis}|The causes differ.][ They failed {period}.]",
	},
	cron.NoticeSuccess:    {subject: "{jobs} recovered", summary: "These jobs succeeded again {period}."},
	cron.NoticeDisabled:   {subject: "{jobs} were disabled after failures", summary: "Punctual disabled these jobs because they kept failing. They do not run until somebody enables them again."},
	cron.NoticeCertExpiry: {subject: "Certificates of {jobs} expire soon", summary: "These jobs call hosts whose TLS certificates expire soon, or have expired. Renew them, and check that the servers use the new ones."},
	cron.NoticeMissed: {
		subject: "{jobs} missed runs",
		summary: "Runs of these jobs did not start, because Punctual was down or overloaded when they were due. Start by hand those that must run nevertheless.",
	},
	cron.NoticeReminder: {
		subject: "Still open[ after {lasted}]: {inner}",
		summary: "Nobody has acknowledged this problem, and it is not resolved. [{told}]",
	},
	mixed: {subject: "{first}, and {more} more", summary: "This message tells of several events."},
}

// englishReasons say in a few words why an execution failed that has no usable response.
var englishReasons = map[cron.Fault]string{
	cron.FaultInvalidURL: "invalid URL", cron.FaultUnknownSecret: "unknown secret", cron.FaultHostNotFound: "host not found",
	cron.FaultResolver: "name lookup failed", cron.FaultLookupTimeout: "name lookup timed out", cron.FaultRefused: "connection refused",
	cron.FaultUnreachable: "host unreachable", cron.FaultBlocked: "address not allowed", cron.FaultMetadata: "address not allowed",
	cron.FaultOwnListener: "address not allowed", cron.FaultDenied: "address not allowed", cron.FaultLinkLocal: "address not allowed",
	cron.FaultNotGlobal: "address not allowed", cron.FaultConnect: "connection failed", cron.FaultConnectTimeout: "connection timed out",
	cron.FaultTLSTimeout: "TLS handshake timed out", cron.FaultTimeout: "timed out[ after {duration}]", cron.FaultCertificateExpired: "certificate expired",
	cron.FaultCertificateNotYet: "certificate not valid yet", cron.FaultCertificateChain: "certificate chain expired",
	cron.FaultCertificateHost: "certificate for another host", cron.FaultCertificateUnknown: "certificate not trusted",
	cron.FaultTLS: "TLS failed", cron.FaultTooMuchData: "response too large", cron.FaultClosed: "connection closed early",
	cron.FaultReset: "connection reset", cron.FaultKeptClosed: "reused connection closed", cron.FaultMalformed: "answer is not HTTP", cron.FaultInternal: "fault of the service",
	cron.FaultLost: "result unknown", cron.FaultOverlap: "skipped, still running", cron.FaultDisabled: "skipped, disabled",
	cron.FaultMissed: "missed", cron.FaultPaused: "skipped, paused", cron.FaultMaintenance: "skipped, maintenance", cron.FaultAccountDisabled: "skipped, account disabled",
	cron.FaultBodyLacks: "expected text missing", cron.FaultBodyHolds: "forbidden text found", cron.FaultBodyMismatch: "pattern not matched",
	cron.FaultMatchTime: "pattern too slow", cron.FaultMatchBusy: "service too busy to match the pattern", cron.FaultRedirects: "too many redirects",
	cron.FaultRedirectLoop: "redirect loop", cron.FaultRedirectURL: "invalid redirect", cron.FaultShortage: "service short of resources",
}

// englishFacts are the labels of notifications.
var englishFacts = map[string]string{
	"job": "Job", "target": "URL", "since": "Failing since", "since.over": "Failed from", "lasted": "Lasted", "failures": "Failures in a row", "missed": "Missed runs",
	"planned": "Planned", "started": "Started", "attempt": "Attempt", "status": "Status", "duration": "Duration", "usual": "Usual duration",
	"expiry": "Valid until", "next": "Next run", "zone": "Time zone",

	"none":     "none planned",
	"late":     "{clock}, {late} late",
	"range":    "{low} to {high}",
	"spell":    "{often}[ since {since}]",
	"nameless": "Job {number}",

	"link.problem": "Open the problem", "link.acknowledge": "Acknowledge", "link.snooze": "Snooze", "link.run": "Show the run",
	"link.job": "Show the job", "link.problems": "Show the problems", "link.service": "Show the service", "link.channels": "Open the channels",

	"excerpt": "The answer begins with", "runbook": "Runbook", "unsubscribe": "Unsubscribe",

	"more":          "{number} more are not listed.",
	"footer":        "Sent to the channel {channel}[ of the account {account}] by Punctual.[ Change what is sent at {url}]",
	"footer.owners": "You get this as an owner of the account[ {account}] of Punctual.[ Change what is sent at {url}]",
}

// englishChannelFaults say what became of the last message to a channel. ChannelInside is the fallback. {detail} is what the receiver
// said, or a sentence.
var englishChannelFaults = map[cron.ChannelFault]string{
	cron.ChannelOK:           "The last message arrived.",
	cron.ChannelExchange:     "The receiver could not be reached[: {detail}].",
	cron.ChannelUnauthorized: "The receiver rejects the token, key or password of the channel[: {detail}].",
	cron.ChannelNotFound:     "The receiver does not know the address, room or hook of the channel[: {detail}].",
	cron.ChannelRejected:     "The receiver rejects the message[: {detail}].",
	cron.ChannelBusy:         "The receiver asked to wait[: {detail}]. The message is sent again.",
	cron.ChannelBroken:       "The receiver has a fault of its own[: {detail}]. The message is sent again.",
	cron.ChannelAnswer:       "The receiver gave an answer that is not expected[: {detail}].",
	cron.ChannelTemplateBad:  "The template of the channel makes a message that is too large. Shorten it.",
	cron.ChannelNoMail:       "This service cannot send mail; ask its operator to configure that.",
	cron.ChannelMail:         "The mail could not be sent[: {detail}].",
	cron.ChannelUnconfirmed:  "Nobody has confirmed the e-mail address. Open the link in the mail that was sent there.",
	cron.ChannelLost:         "The service stopped while it was sending the message. It is sent again, so it may arrive twice.",
	cron.ChannelInside:       "The message could not be sent because of a fault of the service. It is sent again; tell the operator if that goes on.",
	cron.ChannelUnsubscribed: "The receiver has unsubscribed.",
	cron.ChannelLimit:        "The account has sent as many mails today as its plan allows. The message is sent tomorrow.",
}

// englishDrops say why a message was not sent.
var englishDrops = map[cron.MessageDrop]string{
	cron.DropMuted:        "The channel was muted.",
	cron.DropAcknowledged: "Somebody had acknowledged the problem.",
	cron.DropSnoozed:      "The problem was snoozed.",
	cron.DropResolved:     "The problem was resolved.",
	cron.DropChannel:      "The channel was disabled, stopped or deleted, or the receiver is no owner any more or has unsubscribed.",
	cron.DropAccount:      "The account was disabled.",
}

// englishNouns are the singular and the plural of what is counted.
var englishNouns = map[noun][2]string{
	nounJob: {"job", "jobs"}, nounRun: {"run", "runs"}, nounFailure: {"failure", "failures"}, nounTime: {"time", "times"},
	nounChannel: {"channel", "channels"},
}

// englishNumber sets thousands apart by commas.
func englishNumber(n int64, of noun) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	words := englishNouns[of]
	switch {
	case of == nounNone:
		return text
	case n == 1:
		return text + " " + words[0]
	}
	return text + " " + words[1]
}

// englishOften is how often in a row.
func englishOften(n int64) string {
	if n == 1 {
		return "once"
	}
	return englishNumber(n, nounTime) + " in a row"
}

// englishSpan is a duration in one or two units, rounded down: "340 ms", "12 s", "5 minutes", "2 hours 5 minutes".
func englishSpan(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(max(d, 0).Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return englishDuration(d)
	case d < 10*time.Minute && d%time.Minute >= time.Second:
		return englishUnit(d/time.Minute, "minute") + " " + strconv.Itoa(int(d%time.Minute/time.Second)) + " s"
	}
	var parts []string
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		n := d / unit.length
		if d -= n * unit.length; n > 0 {
			parts = append(parts, englishUnit(n, unit.name))
		}
		if len(parts) == 2 || len(parts) == 1 && n == 0 {
			break // not "3 days 5 minutes"
		}
	}
	return strings.Join(parts, " ")
}

func englishUnit(n time.Duration, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return strconv.FormatInt(int64(n), 10) + " " + name + "s"
}

func englishMoment(t time.Time) string {
	return t.Format("Mon 2 January 2006, 15:04:05 ") + zoneLetters(t)
}

func englishBrief(t time.Time) string { return t.Format("2 January, 15:04 ") + zoneLetters(t) }

// englishPeriod is when several things happened, for sentences. A period without an end goes on for an unknown time.
func englishPeriod(from, to time.Time) string {
	switch {
	case to.IsZero():
		return "from " + englishBrief(from) + " on"
	case englishBrief(from) == englishBrief(to):
		return from.Format("on 2 January at 15:04 ") + zoneLetters(from)
	case from.Format(time.DateOnly) == to.Format(time.DateOnly) && zoneLetters(from) == zoneLetters(to):
		return from.Format("on 2 January between 15:04") + to.Format(" and 15:04 ") + zoneLetters(to)
	}
	return "between " + englishBrief(from) + " and " + englishBrief(to)
}

func englishInstant(t time.Time) string { return t.Format("15:04:05 ") + zoneLetters(t) }

// zoneLetters is the abbreviation of the zone of t, or its offset where the zone has no letters.
func zoneLetters(t time.Time) string {
	name, _ := t.Zone()
	if name == "" || strings.ContainsAny(name, "+-0123456789") {
		return t.Format("UTC-07:00")
	}
	return name
}
