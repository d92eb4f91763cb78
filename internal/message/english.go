package message

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"punctual/internal/cron"
)

// english is the catalogue in English.
var english = Catalogue{
	Tag:        "en",
	layer:      Layer{Problems: englishProblems, Errors: englishErrors},
	titles:     englishTitles,
	things:     englishThings,
	faults:     englishFaults,
	faultNames: englishFaultNames,
	causes:     englishCauses,
	remedies:   englishRemedies,
	redirected: "A redirect from {from} led there.",
	databases:  englishDatabases,
	mails:      englishMails,
	mailTexts:  englishMailTexts,
	methods:    englishMethods,
	labels: map[label]string{
		labelJob: "cron job", labelDisabled: "disabled", labelNotRun: "not run yet", labelOK: "ok", labelFailed: "failed",
		labelCopy: "(copy)",
	},
	console: englishLabels,
	notices: englishNotices, several: englishSeveral, reasons: englishReasons, facts: englishFacts, channelFaults: englishChannelFaults,
	drops: englishDrops, commands: englishCommands,
	grammar: grammar{
		kind: englishType, bounds: englishRange, count: englishCount, crontab: englishCrontab, schedule: englishSchedule,
		duration: englishDuration, bytes: englishBytes, date: englishDay, day: englishPlainDay,
		decimal: ".",
		number:  englishNumber, often: englishOften, span: englishSpan, moment: englishMoment, brief: englishBrief, clock: englishInstant, period: englishPeriod,
		took: englishTook,
	},
}

// englishProblems are the sentences about values. RuleNone is the fallback.
var englishProblems = map[cron.Rule]string{
	cron.RuleNone:             "The value is not valid.",
	cron.RuleMandatory:        "A value is missing here; it must be given.",
	cron.RuleWrongType:        "The value has the wrong type; {type} is expected.",
	cron.RuleTooLong:          "The value is too long; at most {count} are allowed.",
	cron.RuleOutOfRange:       "{given} is out of range; the value must be {range}.",
	cron.RuleTooMany:          "These are too many; at most {limit} are possible at once.",
	cron.RuleUnknownValue:     "{quoted} is not one of the values that are possible here[: {want}].",
	cron.RuleNotText:          "The value is not text in UTF-8; send it in that encoding.",
	cron.RuleControlCharacter: "The value[ of {quoted}] holds a control character; only printable text is allowed.",

	cron.RuleUnknownTimeZone: "{quoted} is not a known time zone; use an IANA name such as Europe/Berlin or UTC.",
	cron.RuleLocalTime:       "{given} is not a local time; give a date and a time that exist, or none.",
	cron.RuleCommand:         "{given} Nothing was filled in.",
	cron.RuleCrontab:         "This is not a crontab line; write five fields such as 0 3 * * *, or a word such as @daily.",
	cron.RuleTooOften: "Some runs of this schedule are only {given} s apart; the plan of this account allows at least " +
		"{limit} s.",

	cron.RuleURLScheme: "The scheme {quoted} is not supported; the URL must start with http:// or https://.",
	cron.RuleURLHost:   "The URL names no host; it must look like https://example.com/path.",
	cron.RuleURLHostName: "{quoted} cannot be the name of a host; a name has parts of 1 to 63 letters, digits, hyphens and " +
		"underscores, with single dots between them and 253 characters in all, and no hyphen at the edge of a part.",
	cron.RuleURLSyntax: "This is not a valid URL; it must look like https://example.com/path?query, " +
		"with other characters percent-encoded and a port between 1 and 65535.",
	cron.RuleURLStart:   "The URL begins with {quoted}, which is neither a scheme nor a host; begin it with {want} if that is meant.",
	cron.RuleURLBlocked: "This service may not call {given}; use an address that it may reach.",
	cron.RuleURLNotGlobal: "{given} is not a public address, and this account may call no other; " +
		"use a public address, or ask the operator of the service to let the account reach private networks.",
	cron.RuleURLPlaceholder: "A placeholder cannot be part of the host or the port of a URL, and the credentials can have secrets only; " +
		"use it in the path or the query.",
	cron.RulePlaceholders:      "The job holds too many placeholders; at most {limit} are possible in URL, headers and body together.",
	cron.RulePlaceholderGrowth: "The title and the secrets of its placeholders could make the request grow by more than {limit} bytes; use fewer.",
	cron.RuleSigningSecret:     "A signing secret is \"whsec_\" followed by 24 to 64 bytes in base64; \"generate\" makes one.",
	cron.RuleHeaderName:        "{quoted} cannot be the name of a header; letters, digits and !#$%&'*+-.^_`|~ are allowed.",
	cron.RuleStatusRange:       "{quoted} is neither an HTTP status code from 100 to 999 nor a range of them such as 200-299.",
	cron.RulePattern: "{quoted} is not a regular expression; write it in RE2 syntax, which has no look-around " +
		"and no back-references.",
	cron.RulePatternSize: "The regular expression is too large; use fewer or shorter repetitions, and fewer classes such as \\pL.",
	cron.RuleCertificates: "This is not a list of certificates in PEM, each from -----BEGIN CERTIFICATE----- " +
		"to -----END CERTIFICATE-----.",
	cron.RulePrivateKey: "This is not the private key of the certificate in PEM; it must belong to the first certificate " +
		"and not be encrypted.",

	cron.RuleUnknownFolder: "There is no folder {given} in this account; choose one that exists, or none.",
	cron.RuleClock:         "{quoted} is not a time of day; write hours and minutes as in \"22:00\".",
	cron.RuleSearchName:    "There is no filter {quoted}; there are {want}. To search for the text itself, put it in quotes.",
	cron.RuleSearchValue:   "The filter {quoted} has no value; write it right after the colon, as in tag:backup.",
	cron.RuleSearchQuote:   "A quotation mark in {quoted} has no second one; close the quotation.",
	cron.RuleSearchFolder:  "There is no folder {quoted} in this account; use the title of one that exists, or none.",
	cron.RuleSearchTime:    "{quoted} is not a time; write a date such as 2030-12-31, or a duration such as 90m, 24h or 7d.",

	cron.RuleUnknownChannel: "There is no channel {given} in this account; name those that exist.",
	cron.RuleMonitorJob:     "The job is part of a status page[: {given}]. Take it out of the page's components, then delete it.",
	cron.RuleSlug: "{quoted} cannot be the address of a status page; use lower-case letters, digits and hyphens, with a letter or digit " +
		"at both ends.",
	cron.RuleSlugReserved:     "The address {quoted} is kept for the service itself; choose another one.",
	cron.RuleColour:           "{quoted} is not a colour; write it as six hexadecimal digits, such as #1a73e8.",
	cron.RuleTwice:            "{quoted} is there twice; each may be listed once.",
	cron.RuleUnknownGroup:     "The page has no group {quoted}; choose one of its groups, or add it.",
	cron.RuleUnknownComponent: "The page has no component {given}; name one that it has, or leave out the ID of a new one.",
	cron.RulePicture:          "The file is not a picture that can be read; upload a PNG, JPEG or WebP file.",
	cron.RuleDomain: "{quoted} cannot be the domain of a status page; write the name of a host with at least two parts, such as " +
		"status.example.com, without scheme, port and path.",
	cron.RuleDomainOwn:   "{quoted} is a host of this service itself; choose one of your own domain.",
	cron.RuleDomainsOff:  "This service has no public host name that domains could lead to; its operator has to set --public-url.",
	cron.RuleDomainCheck: "The domain was checked a moment ago; wait {limit} seconds between two checks.",
	cron.RulePictureSize: "The picture is too large; its width times its height may be at most {limit} pixels.",
	cron.RuleUnknownJob:  "There is no job {given} in this account; choose one that exists.",
	cron.RuleIdentifier: "{quoted} is not the identifier of an execution; use one from the history of the job, " +
		"such as 12345-31-0-67890.",
	cron.RuleRunWaits: "A manual run of this job was requested before and has not started yet; wait until it has.",
	cron.RuleRepeated: "A run that repeats this one waits, is running, or has succeeded. Nothing was started.",
	cron.RuleRerunsWait: "At most {limit} runs that repeat others may wait in an account, and so many do. Nothing was started; wait until " +
		"some have run.",
	cron.RuleStillRuns: "An execution of this job is still running, and the job skips overlaps; wait until it has ended.",
	cron.RuleWaiting: "This account already has {limit} calls waiting for the database, which is the limit. " +
		"Wait for their answers, or make fewer at once.",
	cron.RuleLocked: "Another call was changing the same data for more than {limit} seconds. Nothing was changed; try again.",
	cron.RuleEdited: "Other calls changed this job each time this one was about to be saved. Nothing was changed; " +
		"try again.",
	cron.RuleDate:        "{quoted} is not a date; write it as YYYY-MM-DD, such as 2030-12-31.",
	cron.RuleOtherOrigin: "The form came from another site, so nothing was done. Open the page again and fill in the form again.",
	cron.RuleRequests:    "This account already has {limit} requests in progress, which is the limit. Make fewer at once.",
	cron.RuleSlow:        "The database took too long for this call, so it was stopped. Ask for less at once, or try again later.",

	cron.RuleKeyAddress: "This API key may not be used from [{given}|an address that is not known]; use it from an address " +
		"that its allow list holds, or change the list.",
	cron.RuleKeyScope:  "The scopes of this API key do not allow this call; use a key that may do more, or change its scopes.",
	cron.RuleKeyRights: "The new API key would have more rights than the one that asks for it; leave the value out, or narrow it.",
	cron.RuleKeyInUse:  "An API key cannot delete itself; use another key of this account for that.",
	cron.RuleDailyQuota: "This API key has used up its {limit} requests of the day. Wait until midnight UTC, " +
		"or ask the operator of the service for a larger plan.",
	cron.RuleEmail:        "{quoted} is not an e-mail address; give one such as jane@example.com.",
	cron.RuleAddressRange: "{quoted} is neither an IP address nor a range of them such as 192.0.2.0/24 or 2001:db8::/32.",
	cron.RuleEventStreams: "Too many streams of events are open; at most {limit} at once are possible for an account. " +
		"Close one, or wait until one ends.",

	cron.RuleRole:         "Your role in this account does not allow this; it needs the role {want}. Ask an owner of the account.",
	cron.RuleSessionOnly:  "An API key cannot do this; it needs a person who is signed in.",
	cron.RuleFresh:        "Your last sign-in was too long ago for this; sign in again.",
	cron.RuleSecondFactor: "Your sign-in is not complete; enter the code of your authenticator app or a recovery code first.",
	cron.RuleOperatorOnly: "Only an operator of the service can do this.",
	cron.RuleLastOwner:    "This is the last owner of the account; make somebody else an owner first, or delete the account.",
	cron.RuleLastOperator: "This is the last operator of the service; make somebody else an operator first.",
	cron.RuleInviterRole:  "You cannot give a higher role than your own, which is {want}.",
	cron.RuleLinkUsed:     "This link was used already; each link works once. Ask for a new one.",
	cron.RuleLinkExpired:  "This link has expired; ask for a new one.",
	cron.RuleLinkEmail:    "This invitation is for another e-mail address; sign in with that address, or ask for a new invitation.",
	cron.RuleSignIn:       "The e-mail address or the password is wrong; check both and try again.",
	cron.RuleGuesses:      "There were too many failed sign-ins; wait a while, then try again, or sign in by a passkey or a link.",
	cron.RuleSignInBusy:   "Too many people are signing in at this moment; try again in a few seconds.",
	cron.RuleCode:         "The code is wrong; enter the one that your authenticator app shows now, or a recovery code.",
	cron.RuleCodeUsed:     "This code was used already; wait for the next one of your authenticator app, or use another recovery code.",
	cron.RulePasskey:      "The passkey was not accepted; try again, or sign in another way.",
	cron.RulePasskeyHost: "Passkeys need the name of a host, such as cron.example.com or localhost, which {given} is not; open " +
		"the console by such a name.",
	cron.RulePasskeyInsecure: "Browsers allow passkeys over HTTPS only, not at {given}; open the console by an https:// URL, " +
		"or as http://localhost on the same machine.",
	cron.RulePasskeyUnverified: "The authenticator did not check that it is you; set a PIN, a fingerprint or face recognition up " +
		"in it, then try again.",
	cron.RuleChallengeUsed:  "The request for the passkey is no longer valid; start again.",
	cron.RulePasswordShort:  "The password is too short; it needs at least {limit} characters.",
	cron.RulePasswordLong:   "The password is too long; it may have at most {limit} bytes.",
	cron.RulePasswordCommon: "This password is among those that are guessed first; choose another, such as four unrelated words.",
	cron.RulePasswordEmail:  "The password is made of your e-mail address; choose one that has nothing to do with it.",
	cron.RuleEmailTaken:     "This e-mail address belongs to another person; use another one.",
	cron.RuleMember:         "This person is a member of the account already; change the role instead.",
	cron.RuleSignUpClosed:   "Nobody can sign up here without an invitation; ask the operator of the service for one.",
	cron.RuleNoMail:         "This service cannot send mail; ask its operator to configure that.",
	cron.RuleTypedName:      "The text does not match; type {want} to confirm.",
	cron.RuleIssuerDown:     "{given} does not answer at the moment; try again later, or sign in another way.",
	cron.RuleIssuerAnswer:   "{given} gave an answer that is not valid, so nobody was signed in; try again, or tell the operator of the service.",
	cron.RuleIssuerClock: "The sign-in at {given} has expired or lies in the future, so a clock is wrong; tell the operator of the service " +
		"when it happens again.",
	cron.RuleIssuerDenied:  "The sign-in at {given} was cancelled or refused; try again, or sign in another way.",
	cron.RuleIssuerState:   "This sign-in at {given} was begun in another browser or too long ago; begin it again.",
	cron.RuleIssuerGroups:  "Your groups at {given} do not allow you to sign in here; ask the operator of the service.",
	cron.RuleIdentityTaken: "This sign-in belongs to another person; unlink it there first.",
	cron.RuleLastSignIn:    "You could no longer sign in without this; set a password or add a passkey first.",

	cron.RuleAccountDisabled: "This account is disabled; ask the operator of the service to enable it.",
	cron.RuleAccountDeletes:  "This account waits for its deletion, so nothing in it can be changed; cancel the deletion first.",
	cron.RuleInviterGone: "This invitation is no longer valid, because the person who sent it may not give that role any more; " +
		"ask an owner of the account for a new one.",
	cron.RuleSignInFirst: "You can sign in with this e-mail address already; sign in, then open the link again.",
	cron.RuleIdentityUnknown: "You are signed in at {given}, but that does not let you in here; ask an owner of the account for an invitation " +
		"to the same e-mail address.",
	cron.RuleIdentityOther: "You are signed in at {given} as somebody else; sign in there as the person that is linked here.",
	cron.RuleIdentityLink: "Somebody has this e-mail address already. If it is you, sign in another way, then link {given} on the page " +
		"Sign-in of the settings.",
	cron.RuleTestRunInterval: "This account may start one test run every {limit} s. Wait a moment, then start it again.",
	cron.RuleTestRunsDay: "This account has used up its {limit} test runs of the day. Wait until midnight UTC, " +
		"or ask the operator of the service for a larger plan.",
	cron.RuleTestRunsOpen: "{limit} test runs of this account have not finished, which is the limit. Wait until one has finished, or end one.",
	cron.RuleTagComma:     "The tag {quoted} holds a comma; use several tags instead.",
	cron.RuleSecretName: "{quoted} cannot be the name of a secret; use letters, digits, underscores, hyphens and dots, and begin with a " +
		"letter or an underscore.",
	cron.RuleResolved:         "The problem is resolved. It opens again when a job fails for the same cause.",
	cron.RuleCurrentVersion:   "The job runs by this version now. Change the job first, then forget the secrets that it had.",
	cron.RuleSecretUsed:       "Jobs still use this secret, {limit} in number; change or delete them first.",
	cron.RuleDeleteAlone:      "Jobs are deleted by an action of its own; leave out the other operations.",
	cron.RuleEmptyHeader:      "The header {quoted} would have no value; use removeHeader to remove it.",
	cron.RuleReplacedTooOften: "The pattern matches in more than {limit} places of this text; use one that matches less often.",
	cron.RuleShift: "The schedule cannot be moved by {given} minutes: no set of hours, minutes and days has these times. " +
		"Change the schedule of this job by itself.",
	cron.RuleKeepInstants: "No schedule in {quoted} is always due at the same instants as this one, because the clocks of the two zones " +
		"do not always differ by the same time. Keep the local times, or change the schedule of this job by itself.",
	cron.RulePurgeTitle:     "Deleting for good needs the title, exactly as the bin shows it, or the URL of a job without a title. Nothing was deleted.",
	cron.RuleActionsOpen:    "{limit} actions of this account have not finished, which is the limit. Wait until one has finished.",
	cron.RuleActionWorks:    "The action has not finished. Wait until it has.",
	cron.RuleActionEnded:    "The action has ended already, so that it cannot be cancelled. If it changed jobs, you can take that back by undoing it.",
	cron.RuleActionNoUndo:   "The action was a dry run, which changed nothing. There is nothing to undo.",
	cron.RuleOtherService:   "{given} is a host of {want}; choose that kind of channel, or paste the URL of the service that you have chosen.",
	cron.RuleSecretAgain:    "The channel sends to {given} now, so this has to be given again; a secret is not sent to a host that it was not given for.",
	cron.RuleNobodyConfirms: "Whoever has this address would have to confirm it, and this service cannot send mail; ask its operator to configure that, or choose another kind of channel.",
	cron.RuleWebhookHTTPS:   "Begin the URL with https://; updates are sent over encrypted connections only.",
	cron.RuleNeedsHTTPS:     "{given} takes encrypted connections only; begin the URL with https://.",
	cron.RulePhoneNumber:    "{quoted} is not a telephone number; write it with the country code and without spaces, such as +491701234567.",
	cron.RuleFolderGone:     "The folder of the job no longer exists, so the job is in the root folder.",
	cron.RuleTemplateName:   "{quoted} is not a placeholder of templates. These are: {want}.",
	cron.RuleActionNoDryRun: "There is no finished dry run of that number in this account. Dry runs are kept for 30 days.",
	cron.RuleNoSecondFactor: "You have no authenticator app as second factor; set one up first.",
}

var englishTitles = map[cron.ErrorKind]string{
	cron.Internal: "Internal Server Error", cron.Invalid: "Bad Request", cron.NotFound: "Not Found",
	cron.Conflict: "Conflict", cron.Unauthorized: "Unauthorized", cron.Forbidden: "Forbidden",
	cron.TooMany: "Too Many Requests", cron.PreconditionFailed: "Precondition Failed",
	cron.Unprocessable: "Unprocessable Content", cron.Unavailable: "Service Unavailable", cron.Gone: "Gone",
}

var englishErrors = map[About]string{
	{cron.Invalid, AnySubject}: "Some of the values sent are not valid. Correct those that are listed, then try again.",

	{cron.NotFound, AnySubject}:           "There is no such {thing} in this account. Check its number, or list what there is.",
	{cron.NotFound, cron.SubjectNone}:     "There is nothing here. Check the address.",
	{cron.NotFound, cron.SubjectLink}:     "This link is not valid. Check that it is complete, or ask for a new one.",
	{cron.NotFound, cron.SubjectSession}:  "There is no such session of yours. List your sessions to see those that have not ended.",
	{cron.NotFound, cron.SubjectPasskey}:  "There is no such passkey. List your passkeys to see those that are registered.",
	{cron.NotFound, cron.SubjectIdentity}: "There is no such sign-in by another service. List those that you linked.",

	{cron.NotFound, cron.SubjectVersion}: "There is no such version of this job, or its definition is no longer kept. List the versions of the job.",
	{cron.NotFound, cron.SubjectAction}:  "There is no such action in this account. Actions are deleted 30 days after their start; list the actions.",
	{cron.NotFound, cron.SubjectTestRun}: "There is no such test run in this account. It is deleted 15 minutes after its start; start it again.",

	{cron.Conflict, AnySubject}:          "The {thing} contradicts what exists already. Look at what exists, then try again.",
	{cron.Conflict, cron.SubjectMessage}: "The notification still waits or is being delivered. Wait until that is over, then try again.",
	{cron.Conflict, cron.SubjectView}:    "You have a view with this title already, ignoring case. Choose another title.",
	{cron.TooMany, cron.SubjectMaintenance}: "This account has as many maintenance windows as are possible, and none of them is over. " +
		"Delete one that is no longer needed, or let one window be for several jobs, folders or tags.",
	{cron.Conflict, cron.SubjectDomain}: "A status page of this account has this domain already. Remove it there first.",
	{cron.TooMany, cron.SubjectDomain}: "The plan of this account allows no further domain of status pages. Remove one that is no longer needed, " +
		"or ask the operator of the service for a larger plan.",
	{cron.Conflict, cron.SubjectStatusPage}: "The address is taken by another status page of this service. Choose another one.",
	{cron.TooMany, cron.SubjectView}:        "You have as many views as are possible. Delete one, then save this one again.",
	{cron.Conflict, cron.SubjectFolder}:     "A folder with this title exists already, ignoring case. Choose another title.",
	{cron.TooMany, cron.SubjectIncident}:    "This status page has as many incidents as are possible that are not resolved. Resolve or delete one first.",
	{cron.TooMany, cron.SubjectIncidentUpdate}: "This incident has as many updates, or as much text, as is possible. Resolve it and open another one, " +
		"or change an update that it has.",
	{cron.TooMany, cron.SubjectSubscriber}:      "This status page takes no further subscribers at the moment. Try again later, or use one of its feeds.",
	{cron.NotFound, cron.SubjectIncidentUpdate}: "This incident has no such update. Read the incident to see those that it has.",
	{cron.TooMany, cron.SubjectPageMaintenance}: "This account has as many maintenances on its status pages as are possible, and none of them is over. " +
		"Delete one that is no longer needed.",

	{cron.NotFound, cron.SubjectNode}: "There is no live node with this epoch. It may have ended, or started again with a new one; list the nodes.",

	{cron.Conflict, cron.SubjectSecret}: "A secret with this name exists already. Choose another name, or change the value of that one.",

	{cron.Unauthorized, AnySubject}:     "You are not signed in. Sign in and try again.",
	{cron.Conflict, cron.SubjectPerson}: "There is a person with this e-mail address already. Use another address.",

	{cron.Unauthorized, cron.SubjectAPIKey}: "There is no valid API key. Use one that is enabled and has not expired.",

	{cron.Forbidden, AnySubject}: "You may not do this with the {thing}. Ask the operator of the service.",
	{cron.Forbidden, cron.SubjectAPIKey}: "The API key may not be used for this, or not from this address. " +
		"Use another key, or change its settings.",

	{cron.TooMany, AnySubject}: "The plan of this account allows no further {thing}. " +
		"Delete one that is no longer needed, or ask the operator of the service for a larger plan.",
	{cron.TooMany, cron.SubjectMember}: "This account has as many members as possible. Remove one who no longer needs it.",
	{cron.TooMany, cron.SubjectInvitation}: "This account has as many open invitations as it may have. " +
		"Revoke one that is no longer needed, or wait until one is accepted.",
	{cron.TooMany, cron.SubjectPasskey}:  "You have as many passkeys as possible. Delete one that is no longer needed.",
	{cron.TooMany, cron.SubjectIdentity}: "You have linked as many other services as possible. Remove one that is no longer needed.",
	{cron.TooMany, cron.SubjectNone}:     "There were too many requests in too short a time. Wait a moment, then try again.",

	{cron.Gone, AnySubject}:               "This {thing} can no longer be used. Ask for a new one.",
	{cron.PreconditionFailed, AnySubject}: "The {thing} was changed since you read it. Read it again, then repeat the change.",
	{cron.Unprocessable, AnySubject}:      "The request contradicts an earlier one. Look at what you sent before.",
	{cron.Unavailable, AnySubject}:        "The service cannot answer at the moment. Try again in a few seconds.",
	{cron.Internal, AnySubject}: "Something went wrong inside the service, and it was logged. " +
		"Try again later, or tell the operator.",
}

// englishThings are the names of subjects. SubjectNone is the fallback.
var englishThings = map[cron.Subject]string{
	cron.SubjectNone: "resource", cron.SubjectJob: "job", cron.SubjectExecution: "execution", cron.SubjectFolder: "folder",
	cron.SubjectAPIKey: "API key", cron.SubjectAccount: "account", cron.SubjectDatabase: "database",
	cron.SubjectPerson: "person", cron.SubjectMember: "member", cron.SubjectSession: "session", cron.SubjectLink: "link",
	cron.SubjectInvitation: "invitation", cron.SubjectPasskey: "passkey", cron.SubjectIdentity: "linked service",
	cron.SubjectTestRun: "test run", cron.SubjectSecret: "secret", cron.SubjectVersion: "version",
	cron.SubjectAction:      "action",
	cron.SubjectView:        "view",
	cron.SubjectProblem:     "problem",
	cron.SubjectChannel:     "channel",
	cron.SubjectMessage:     "notification",
	cron.SubjectMaintenance: "maintenance window",
	cron.SubjectStatusPage:  "status page",
	cron.SubjectComponent:   "component",
	cron.SubjectLogo:        "logo",
	cron.SubjectSubscriber:  "subscriber",
	cron.SubjectDomain:      "domain of a status page",
	cron.SubjectNode:        "node",
	cron.SubjectIncident:    "incident", cron.SubjectIncidentUpdate: "update of the incident", cron.SubjectPageMaintenance: "maintenance of a status page",
}

// englishType returns the name of a type with its article.
func englishType(want string) string {
	switch want {
	case "array", "integer", "object":
		return "an " + want
	}
	return "a " + want
}

// englishRange describes a range. A bound that every number satisfies is left out.
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

// englishDuration rounds to seconds, or to tenths below 10 s.
func englishDuration(d time.Duration) string {
	if d = d.Round(100 * time.Millisecond); d < 10*time.Second {
		return strconv.FormatFloat(max(d, 100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	}
	return strconv.FormatInt(int64(d.Round(time.Second)/time.Second), 10) + " s"
}

func englishBytes(n int64) string {
	switch {
	case n == 1:
		return "1 byte"
	case n > 0 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n > 0 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// englishDay is a date in UTC.
func englishDay(t time.Time) string { return t.UTC().Format("2 January 2006") }

// englishPlainDay is a date in the zone of the time.
func englishPlainDay(t time.Time) string { return t.Format("2 Jan 2006") }
