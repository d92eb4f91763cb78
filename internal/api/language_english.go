package api

import (
	"punctual/internal/cron"
	"punctual/internal/message"
)

// englishLayer is what callers of the API read in English where a neutral sentence would not tell them what to send.
var englishLayer = message.Layer{
	Problems: map[cron.Rule]string{
		cron.RuleNotJSON:   "The body is not valid JSON; exactly one JSON object is expected.",
		cron.RuleMediaType: "The request needs a body in JSON, with the header Content-Type: application/json.",
		cron.RuleNotUTF8: "The body is not UTF-8: the byte {want} at offset {given} does not begin a character. " +
			"Send JSON in UTF-8.",
		cron.RuleSurrogate: "The body is not UTF-8: {want} at offset {given} is half of a surrogate pair. " +
			"Send both halves, or the character itself in UTF-8.",
		cron.RuleTooDeep:  "Values are nested too deeply; at most {limit} levels are possible.",
		cron.RuleEitherOr: "Either {given} or {want} is to be given, and not both.",

		cron.RuleLocalTime: "{given} is not a local time; write it as YYYYMMDDhhmmss, such as 20301231235959, or 0 for never.",
		cron.RuleUnknownFolder: "There is no folder {given} in this account; use the number of one that exists, " +
			"or 0 for none.",
		cron.RulePosition: "{quoted} is not the id of an event; use one that a stream of this account gave, " +
			"or none to begin now.",
		cron.RuleCause:  "{quoted} is not the cause of a failure; use the cause of a failed execution, 16 hexadecimal digits.",
		cron.RuleCursor: "This is not a cursor; use the one that the page before gave as next, or none for the first page.",
		cron.RuleHTTPVersion: "An export needs HTTP/1.1 or later, since over HTTP/1.0 a part of it would look like all of it; " +
			"a reverse proxy may have to be told to use it.",

		cron.RuleIdempotencyKey: "The header Idempotency-Key must be one value of 1 to {limit} printable ASCII characters.",
		cron.RuleIdempotencyBusy: "The first request with this Idempotency-Key is still being performed; " +
			"send it again in a moment for its answer.",
		cron.RuleIdempotencyOther: "This Idempotency-Key came with another request before; use a new one for each request.",
		cron.RuleIdempotencyFull: "This account has {limit} Idempotency-Keys in use, which is the limit; " +
			"each is free again 24 hours after its request.",
		cron.RuleDailyQuota: "This API key has used up its {limit} requests of the day. Wait until midnight UTC, " +
			"as Retry-After says, or ask the operator of the service for a larger plan.",
		cron.RuleWaiting: "This account already has {limit} calls waiting for the database, which is the limit. " +
			"Wait for their answers, or send fewer at once.",
		cron.RuleLocked: "Another call was changing the same data for more than {limit} seconds. Nothing was changed; " +
			"send the call again.",
		cron.RuleEdited: "Other calls changed this job each time this one was about to be saved. " +
			"Nothing was changed; send the call again.",
		cron.RuleRequests: "This account already has {limit} requests in progress, which is the limit. " +
			"Send fewer at once, and read the answers without delay.",
		cron.RuleSlow: "The database took too long for this call, so it was stopped. " +
			"Ask for less at once, such as a shorter span of time, or send the call again later.",
	},
	Errors: map[message.About]string{
		{Kind: cron.NotFound, Subject: cron.SubjectNone}: "There is nothing at this path for this method. " +
			"Check both against the documentation.",
		{Kind: cron.Unauthorized, Subject: cron.SubjectAPIKey}: "There is no valid API key in this request. " +
			"Send one as Authorization: Bearer <API key>.",
		{Kind: cron.TooMany, Subject: cron.SubjectNone}: "There were too many requests in too short a time. " +
			"Wait as long as Retry-After says, then try again.",
		{Kind: cron.PreconditionFailed, Subject: message.AnySubject}: "The {thing} was changed since you read it. " +
			"Read it again, then repeat the change with its new ETag.",
	},
}
