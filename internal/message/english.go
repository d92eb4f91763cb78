package message

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"punctual/internal/cron"
)

// English is the catalogue in English.
type English struct{}

// Problem says what is wrong with a value that somebody sent, and what would be valid.
func (English) Problem(p cron.Problem) string {
	switch p.Rule {
	case cron.RuleMandatory:
		return "A value is missing here; it must be given."
	case cron.RuleWrongType:
		return "The value has the wrong type; " + englishType(p.Want) + " is expected."
	case cron.RuleTooLong:
		return fmt.Sprintf("The value is too long; at most %s are allowed.", englishCount(p.Limit, p.Unit))
	case cron.RuleOutOfRange:
		return clip(p.Given) + " is out of range; the value must be " + englishRange(p.Min, p.Max) + "."
	case cron.RuleUnknownValue:
		if p.Want != "" {
			return fmt.Sprintf("%s is not one of the values that are possible here: %s.", quote(p.Given), p.Want)
		}
		return quote(p.Given) + " is not one of the values that are possible here."
	case cron.RuleUnknownTimeZone:
		return quote(p.Given) + " is not a known time zone; use an IANA name such as Europe/Berlin or UTC."
	case cron.RuleURLScheme:
		return fmt.Sprintf("The scheme %s is not supported; the URL must start with http:// or https://.", quote(p.Given))
	case cron.RuleURLHost:
		return "The URL names no host; it must look like https://example.com/path."
	case cron.RuleURLHostName:
		return quote(p.Given) + " cannot be the name of a host; a name has parts of 1 to 63 letters, digits, hyphens and " +
			"underscores, with single dots between them and 253 characters in all, and no hyphen at the edge of a part."
	case cron.RuleURLSyntax:
		return "This is not a valid URL; it must look like https://example.com/path?query, " +
			"with other characters percent-encoded and a port between 1 and 65535."
	case cron.RuleURLBlocked:
		return fmt.Sprintf("Jobs of this service may not call %s; use an address that it may reach.", clip(p.Given))
	case cron.RuleURLPlaceholder:
		return "A placeholder cannot be part of the host, the port or the credentials of a URL; " +
			"use it in the path or the query only."
	case cron.RulePlaceholders:
		return fmt.Sprintf("The job holds too many placeholders; at most %d are possible in URL, headers and body together.",
			p.Limit)
	case cron.RuleURLNotGlobal:
		return fmt.Sprintf("%s is not a public address, and jobs of this account may call no other; "+
			"use a public address, or ask the operator of the service to let the account reach private networks.", clip(p.Given))
	case cron.RuleControlCharacter:
		if p.Given != "" {
			return fmt.Sprintf("The value of %s holds a control character; only printable text is allowed.",
				quote(p.Given))
		}
		return "The value holds a control character; only printable text is allowed."
	case cron.RuleHeaderName:
		return quote(p.Given) + " cannot be the name of a header; letters, digits and !#$%&'*+-.^_`|~ are allowed."
	case cron.RuleUnknownFolder:
		return fmt.Sprintf("There is no folder %s in this account; use the number of one that exists, or 0 for none.",
			clip(p.Given))
	case cron.RuleLocalTime:
		return clip(p.Given) + " is not a local time; write it as YYYYMMDDhhmmss, such as 20301231235959, or 0 for never."
	case cron.RuleNotJSON:
		return "The body is not valid JSON; exactly one JSON object is expected."
	case cron.RuleMediaType:
		return "The request needs a body in JSON, with the header Content-Type: application/json."
	case cron.RuleIdentifier:
		return quote(p.Given) + " is not the identifier of an execution; use one from the history of the job, " +
			"such as 12345-31-0-67890."
	case cron.RuleMonitorJob:
		return "The job belongs to a monitor and cannot be deleted by itself; delete the monitor instead."
	case cron.RuleStatusRange:
		return quote(p.Given) + " is no HTTP status code from 100 to 999, and no range of them such as 200-299."
	case cron.RulePattern:
		return quote(p.Given) + " is not a regular expression; write it in RE2 syntax, which has no look-around " +
			"and no back-references."
	case cron.RulePatternSize:
		return "The regular expression is too large; use fewer or shorter repetitions, and fewer classes such as \\pL."
	case cron.RuleCertificates:
		return "This is not a list of certificates in PEM, each from -----BEGIN CERTIFICATE----- " +
			"to -----END CERTIFICATE-----."
	case cron.RulePrivateKey:
		return "This is not the private key of the certificate in PEM; it must belong to the first certificate " +
			"and not be encrypted."
	case cron.RuleTooOften:
		return fmt.Sprintf("Some runs of this schedule are only %s s apart; the plan of this account allows at least %d s.",
			clip(p.Given), p.Limit)
	case cron.RuleKeyAddress:
		from := "from an address that is not known"
		if p.Given != "" {
			from = "from " + clip(p.Given)
		}
		return fmt.Sprintf("This API key may not be used %s; use it from an address that its allow list holds, "+
			"or change the list.", from)
	case cron.RuleKeyScope:
		return "The scopes of this API key do not allow this call; use a key that may do more, or change its scopes."
	case cron.RuleDailyQuota:
		return fmt.Sprintf("This API key has used up its %d requests of the day. Wait until midnight UTC, "+
			"as Retry-After says, or ask the operator of the service for a larger plan.", p.Limit)
	case cron.RuleRunWaits:
		return "A run of this job that was asked for before has not started yet; wait until it has."
	case cron.RuleStillRuns:
		return "An execution of this job is still under way, and the job skips overlaps; wait until it has ended."
	case cron.RuleEventStreams:
		return fmt.Sprintf("Too many streams of events are open; at most %d at once are possible for an account. "+
			"Close one, or wait until one ends.", p.Limit)
	case cron.RulePosition:
		return quote(p.Given) + " is not the id of an event; use one that a stream of this account gave, " +
			"or none to begin now."
	case cron.RuleCursor:
		return "This is no cursor; use the one that the page before gave as next, or none for the first page."
	case cron.RuleHTTPVersion:
		return "An export needs HTTP/1.1 or later, since over HTTP/1.0 a part of it would look like all of it; " +
			"a reverse proxy may have to be told to use it."
	case cron.RuleTooMany:
		return fmt.Sprintf("These are too many; at most %d are possible at once.", p.Limit)
	case cron.RuleEitherOr:
		return fmt.Sprintf("Either %s or %s is to be given, and not both.", p.Given, p.Want)
	case cron.RuleAddressRange:
		return quote(p.Given) + " is not an IP address, and no range of them such as 192.0.2.0/24 or 2001:db8::/32."
	case cron.RuleKeyRights:
		return "The new API key would have more rights than the one that asks for it; leave the value out, or narrow it."
	case cron.RuleKeyInUse:
		return "An API key cannot delete itself; use another key of this account for that."
	case cron.RuleIdempotencyKey:
		return fmt.Sprintf("The header Idempotency-Key must be one value of 1 to %d printable ASCII characters.", p.Limit)
	case cron.RuleIdempotencyBusy:
		return "The first request with this Idempotency-Key is still under way; send it again in a moment for its answer."
	case cron.RuleIdempotencyOther:
		return "This Idempotency-Key came with another request before; use a new one for each request."
	case cron.RuleIdempotencyFull:
		return fmt.Sprintf("This account has %d Idempotency-Keys in use, and no further one is taken; "+
			"each is free again 24 hours after its request.", p.Limit)
	case cron.RuleNotUTF8:
		return fmt.Sprintf("The body is not UTF-8: the byte %s at offset %s begins no character. Send JSON in UTF-8.",
			p.Want, p.Given)
	case cron.RuleSurrogate:
		return fmt.Sprintf("The body is not UTF-8: %s at offset %s is half of a surrogate pair. "+
			"Send both halves, or the character itself in UTF-8.", p.Want, p.Given)
	case cron.RuleNotText:
		return "The value is not text in UTF-8; send it in that encoding."
	case cron.RuleTooDeep:
		return fmt.Sprintf("Values are nested too deeply; at most %d levels are possible.", p.Limit)
	case cron.RuleURLStart:
		return fmt.Sprintf("The URL begins with %s, which is no scheme and no host; begin it with %s if that is meant.",
			quote(p.Given), p.Want)
	case cron.RuleWaiting:
		return fmt.Sprintf("This account has %d calls waiting for the database already, and no further one is taken. "+
			"Wait for their answers, or send fewer at once.", p.Limit)
	case cron.RuleLocked:
		return fmt.Sprintf("Another call held what this one changes for more than %d seconds. Nothing was changed; "+
			"send the call again.", p.Limit)
	case cron.RuleEdited:
		return "Other calls changed this job while this one was being saved, several times over. Nothing was changed; " +
			"send the call again."
	case cron.RuleCrontab:
		if p.Crontab != nil {
			return englishCrontab(p.Crontab)
		}
		return "This is no crontab line; write five fields such as 0 3 * * *, or a word such as @daily."
	}
	return "The value is not valid."
}

// englishType names a type with its article.
func englishType(want string) string {
	switch want {
	case "array", "integer", "object":
		return "an " + want
	}
	return "a " + want
}

// englishRange names a range; a bound that every number keeps is none.
func englishRange(low, high int64) string {
	switch {
	case low == math.MinInt64 && high == math.MaxInt64:
		return "an integer of at most 64 bits"
	case low == math.MinInt64:
		return fmt.Sprintf("at most %d", high)
	case high == math.MaxInt64:
		return fmt.Sprintf("at least %d", low)
	}
	return fmt.Sprintf("from %d to %d", low, high)
}

func englishCount(n int64, unit cron.Unit) string {
	switch unit {
	case cron.UnitCharacters:
		return strconv.FormatInt(n, 10) + " characters"
	case cron.UnitBytes:
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return strconv.FormatInt(n, 10)
}

// Error is what is said of an error as a whole: a title of few words, and in a sentence or two what happened and what
// to do.
func (English) Error(kind cron.ErrorKind, subject cron.Subject) (title, detail string) {
	thing := englishThing(subject)
	switch kind {
	case cron.Invalid:
		return "Bad Request", "Some of the values sent are not valid. Correct those that are listed, then try again."
	case cron.NotFound:
		if subject == cron.SubjectNone {
			return "Not Found", "There is nothing at this path for this method. Check both against the documentation."
		}
		return "Not Found", fmt.Sprintf("There is no such %s in this account. "+
			"Check its number, or list what there is.", thing)
	case cron.Conflict:
		if subject == cron.SubjectFolder {
			return "Conflict", "There is a folder of this title already, whatever its letter case. Choose another title."
		}
		return "Conflict", fmt.Sprintf("The %s contradicts what exists already. "+
			"Look at what exists, then try again.", thing)
	case cron.Unauthorized:
		if subject == cron.SubjectAPIKey {
			return "Unauthorized", "There is no valid API key in this request. " +
				"Send one as Authorization: Bearer <API key>."
		}
		return "Unauthorized", "You are not signed in. Sign in and try again."
	case cron.Forbidden:
		if subject == cron.SubjectAPIKey {
			return "Forbidden", "The API key may not be used for this, or not from this address. " +
				"Use another key, or change its settings."
		}
		return "Forbidden", fmt.Sprintf("You may not do this with the %s. Ask the operator of the service.", thing)
	case cron.TooMany:
		if subject == cron.SubjectNone {
			return "Too Many Requests", "There were too many requests in too short a time. " +
				"Wait as long as Retry-After says, then try again."
		}
		return "Too Many Requests", fmt.Sprintf("The plan of this account allows no further %s. "+
			"Delete one that is no longer needed, or ask the operator of the service for a larger plan.", thing)
	case cron.PreconditionFailed:
		return "Precondition Failed", fmt.Sprintf("The %s was changed since you read it. "+
			"Read it again, then repeat the change with its new ETag.", thing)
	case cron.Unprocessable:
		return "Unprocessable Content", "The request contradicts an earlier one. Look at what you sent before."
	case cron.Unavailable:
		return "Service Unavailable", "The service cannot answer at the moment. Try again in a few seconds."
	}
	return "Internal Server Error", "Something went wrong inside the service, and it was logged. " +
		"Try again later, or tell the operator."
}

func englishThing(s cron.Subject) string {
	switch s {
	case cron.SubjectJob:
		return "job"
	case cron.SubjectExecution:
		return "execution"
	case cron.SubjectFolder:
		return "folder"
	case cron.SubjectAPIKey:
		return "API key"
	case cron.SubjectAccount:
		return "account"
	case cron.SubjectDatabase:
		return "database"
	}
	return "resource"
}

// maxBadgeTitle is how many characters of a title a badge shows.
const maxBadgeTitle = 40

// Badge is what a job's badge says: which job it is, and how it is.
func (English) Badge(job *cron.JobRecord, parts cron.BadgeParts) (label, state string) {
	label, state = "cron job", "failed"
	if parts&cron.BadgeTitle != 0 && job.Title != "" {
		label = clipTo(job.Title, maxBadgeTitle)
	}
	switch {
	case !job.Enabled:
		state = "disabled"
	case job.State.LastStatus == cron.StatusUnknown:
		state = "not run yet"
	case job.State.LastStatus == cron.StatusOK:
		state = "ok"
	}
	if job.State.LastExecution.IsZero() {
		return label, state
	}
	if parts&cron.BadgeExecution != 0 {
		state += " · " + job.State.LastExecution.UTC().Format("2006-01-02 15:04 UTC")
	}
	if parts&cron.BadgeLatency != 0 {
		state += fmt.Sprintf(" · %d ms", job.State.LastDuration.Milliseconds())
	}
	return label, state
}

// CopyTitle is the title of a copy of a job with the given one, which it shortens where there is no room for both.
func (English) CopyTitle(title string) string {
	const suffix = " (copy)"
	if letters := []rune(title); len(letters)+len(suffix) > cron.MaxTitleLength {
		title = string(letters[:cron.MaxTitleLength-len(suffix)])
	}
	return strings.TrimSpace(title + suffix)
}

// Execution is the text for what came of an execution: the reason phrase when there was a response that counts, and
// otherwise a sentence about why there was none.
func (English) Execution(r *cron.Result) string {
	if r.Status == cron.StatusOK || r.Status == cron.StatusHTTPError && r.Fault == cron.FaultNone {
		switch text := http.StatusText(r.HTTPStatus); {
		case r.Reason != "":
			return r.Reason
		case text != "":
			return text
		}
		return "HTTP " + strconv.Itoa(r.HTTPStatus)
	}
	return englishFault(r.Fault, r.Detail)
}

func englishFault(f cron.Fault, detail string) string {
	switch f {
	case cron.FaultInvalidURL:
		return "The URL is not valid."
	case cron.FaultHostNotFound:
		return fmt.Sprintf("The host %s does not exist.", detail)
	case cron.FaultResolver:
		return fmt.Sprintf("The name server gave no usable answer for the host %s.", detail)
	case cron.FaultRefused:
		return fmt.Sprintf("%s refused the connection.", detail)
	case cron.FaultUnreachable:
		return fmt.Sprintf("%s cannot be reached.", detail)
	case cron.FaultBlocked:
		return fmt.Sprintf("Jobs of this service may not call %s.", detail)
	case cron.FaultConnect:
		return fmt.Sprintf("The connection to %s failed.", detail)
	case cron.FaultLookupTimeout:
		return fmt.Sprintf("Looking up the host %s took too long.", detail)
	case cron.FaultConnectTimeout:
		return fmt.Sprintf("Connecting to %s took too long.", detail)
	case cron.FaultTLSTimeout:
		return fmt.Sprintf("The TLS handshake with %s took too long.", detail)
	case cron.FaultTimeout:
		return fmt.Sprintf("There was no whole response within %s.", detail)
	case cron.FaultCertificateExpired:
		return fmt.Sprintf("The certificate for %s has expired or is not valid yet.", detail)
	case cron.FaultCertificateHost:
		return fmt.Sprintf("The certificate is for another host: %s.", detail)
	case cron.FaultCertificateUnknown:
		return fmt.Sprintf("The certificate comes from an authority that is not trusted: %s.", detail)
	case cron.FaultTLS:
		return fmt.Sprintf("The TLS connection failed: %s.", strings.TrimSuffix(detail, "."))
	case cron.FaultTooMuchData:
		return fmt.Sprintf("The response was larger than the allowed %s bytes.", detail)
	case cron.FaultClosed:
		return "The connection ended before the whole response had come."
	case cron.FaultMalformed:
		return fmt.Sprintf("The response was not valid HTTP: %s.", strings.TrimSuffix(detail, "."))
	case cron.FaultReset:
		return "The server reset the connection."
	case cron.FaultInternal:
		return "An error inside the service kept the execution from being performed."
	case cron.FaultNotGlobal:
		return fmt.Sprintf("%s has no public address, and jobs of this account may call no other.", detail)
	case cron.FaultMatchBusy:
		return fmt.Sprintf("The response came, but the service was too busy to match it with the pattern within %s. "+
			"This does not count against the job.", detail)
	case cron.FaultShortage:
		return fmt.Sprintf("The service itself lacked %s, so the target could not be called properly. "+
			"This does not count against the job; the operator of the service can mend it.", detail)
	case cron.FaultLost:
		return "The execution was started, but the service stopped before its result was known."
	case cron.FaultOverlap:
		return "The execution was skipped, since the former one of the job was still running."
	case cron.FaultDisabled:
		return "The execution was skipped, since the job was disabled before it could start."
	case cron.FaultMissed:
		return "The execution was missed, since its time was over when the service got to it."
	case cron.FaultPaused:
		return "The execution was skipped, since the job was paused before it could start."
	case cron.FaultAccountDisabled:
		return "The execution was skipped, since the account was disabled."
	case cron.FaultStatus:
		return fmt.Sprintf("The status code %s is none of those that count as a success of this job.", detail)
	case cron.FaultBodyLacks:
		return fmt.Sprintf("The response does not contain %s.", strconv.Quote(detail))
	case cron.FaultBodyHolds:
		return fmt.Sprintf("The response contains %s.", strconv.Quote(detail))
	case cron.FaultBodyMismatch:
		return fmt.Sprintf("The response does not match the pattern %s.", strconv.Quote(detail))
	case cron.FaultMatchTime:
		return fmt.Sprintf("Matching the response with the pattern %s took too long.", strconv.Quote(detail))
	case cron.FaultRedirects:
		return fmt.Sprintf("There were more redirects than the %s that this job follows.", detail)
	case cron.FaultRedirectLoop:
		return fmt.Sprintf("The redirects lead in a circle, back to %s.", detail)
	case cron.FaultRedirectURL:
		return fmt.Sprintf("The server redirected to %s, which cannot be requested.", strconv.Quote(detail))
	}
	return "The reason is not known."
}
