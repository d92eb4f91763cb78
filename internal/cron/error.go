package cron

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrorKind classifies errors by what the caller can do about them. One table in package api maps kinds to HTTP.
type ErrorKind int

// The kinds of errors. An error that is not an *Error is internal.
const (
	Internal ErrorKind = iota
	Invalid
	NotFound
	Conflict
	Unauthorized
	Forbidden
	TooMany
	Unavailable
	PreconditionFailed // what was to be changed is no longer as the caller knows it
	Unprocessable      // understood, but contradicts what the same caller sent before
	Gone               // was there, and can no longer be used: a link that was used, or has expired
)

var kindNames = [...]string{"internal", "invalid", "not found", "conflict", "unauthorized", "forbidden", "too many", "unavailable",
	"precondition failed", "unprocessable", "gone"}

// String is the kind in words, for logs.
func (k ErrorKind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("ErrorKind(%d)", int(k))
	}
	return kindNames[k]
}

// Rule is a rule that a value violates. Package message has a sentence for each.
type Rule int

// The rules. The comment names the fields of Problem that its sentence uses.
const (
	RuleNone              Rule = iota
	RuleMandatory              // nothing
	RuleWrongType              // Want, in words such as "integer"
	RuleTooLong                // Limit, Unit
	RuleOutOfRange             // Given, Min, Max
	RuleUnknownValue           // Given
	RuleUnknownTimeZone        // Given
	RuleURLScheme              // Given: the scheme
	RuleURLHost                // nothing
	RuleURLHostName            // Given: a host that is neither an address nor a name that can have one
	RuleURLSyntax              // nothing
	RuleURLBlocked             // Given: the address
	RuleURLPlaceholder         // nothing; a placeholder in the host, or beside it
	RulePlaceholders           // Limit: placeholders that a job may hold
	RulePlaceholderGrowth      // Limit: bytes that titles and secrets may add to a request
	RuleSigningSecret          // nothing; not a secret of the Standard Webhooks specification
	RuleURLNotGlobal           // Given: the address, which only accounts that may reach private networks may call
	RuleControlCharacter       // nothing
	RuleHeaderName             // Given: the name
	RuleUnknownFolder          // Given: the id
	RuleLocalTime              // Given: not a local time as YYYYMMDDhhmmss
	RuleNotJSON                // nothing
	RuleMediaType              // nothing
	RuleIdentifier             // Given: not a history identifier
	RuleMonitorJob             // Given: the titles of the status pages that the job is part of
	RuleTooOften               // Given: how many seconds two occurrences are apart; Limit: how many they must be
	RuleKeyAddress             // Given: where the request comes from
	RuleKeyScope               // nothing
	RuleDailyQuota             // Limit: requests a day
	RuleStatusRange            // Given: no HTTP status code or range of them
	RulePattern                // Given: no regular expression
	RulePatternSize            // nothing
	RuleCertificates           // nothing
	RulePrivateKey             // nothing; not in PEM, encrypted, or not that of the certificate
	RuleCrontab                // Crontab
	RuleCursor                 // nothing; not a cursor that a page of history gave
	RuleCause                  // Given: not the cause of a failure
	RuleHTTPVersion            // nothing; an export over HTTP/1.0
	RuleEventStreams           // Limit: streams of events of an account at once
	RulePosition               // Given: not the id of an event
	RuleRunWaits               // nothing; of the job, asked for before
	RuleRerunsWait             // Limit: how many reruns of an account may wait
	RuleRepeated               // nothing; of a record that a run repeats already
	RuleStillRuns              // nothing; the job, which minds overlaps
	RuleTooMany                // Limit: how many are possible at once
	RuleEitherOr               // Given, Want: the names of two members of which one is to be given
	RuleAddressRange           // Given: not an address or a range of them
	RuleKeyRights              // nothing; of a new API key, more than those of the one that makes it
	RuleKeyInUse               // nothing; the API key that asks for its own end
	RuleIdempotencyKey         // Limit: how many characters it may have
	RuleIdempotencyBusy        // nothing; the first request with the key is still under way
	RuleIdempotencyOther       // nothing; the key came with another request before
	RuleIdempotencyFull        // Limit: how many keys an account may have in use
	RuleNotUTF8                // Given: the offset in the body of a byte that is no UTF-8; Want: the byte
	RuleSurrogate              // Given: the offset in the body of half a surrogate pair; Want: the half
	RuleTooDeep                // Limit: how deeply values may be nested
	RuleURLStart               // Given: how the URL begins; Want: how it is to begin
	RuleOtherOrigin            // nothing; a form that another site sent
	RuleDate                   // Given: not a date
	RuleWaiting                // Limit: how many calls of an account may wait at once
	RuleLocked                 // Limit: seconds that a call waited for another one
	RuleEdited                 // nothing; of the job, changed by others all the time
	RuleRequests               // Limit: how many requests of an account may be in progress at once
	RuleSlow                   // nothing; a call that kept the database busy for too long
	RuleNotText                // nothing; not UTF-8
	RuleEmail                  // Given: not an e-mail address
	RuleRole                   // Want: the name of the role that is needed
	RuleSessionOnly            // nothing; for people who are signed in, not for keys
	RuleFresh                  // nothing; the last proof of identity is too long ago
	RuleSecondFactor           // nothing; the second factor is still missing
	RuleOperatorOnly           // nothing; for operators of the service
	RuleLastOwner              // nothing; of an account, who cannot leave or be another role
	RuleLastOperator           // nothing; of the service
	RuleInviterRole            // Want: the name of the role of whoever invites or changes a role, which is the highest possible
	RuleLinkUsed               // nothing
	RuleLinkExpired            // nothing
	RuleLinkEmail              // nothing; the invitation is for another address than that of the person
	RuleSignIn                 // nothing; no such pair of e-mail address and password
	RuleGuesses                // nothing; too many failed sign-ins
	RuleSignInBusy             // nothing; too many sign-ins at the same moment
	RuleCode                   // nothing; a wrong code of an authenticator app, or a wrong recovery code
	RuleCodeUsed               // nothing; such a code that was used before
	RulePasskey                // nothing; a passkey that is not known or did not prove itself
	RulePasskeyHost            // Given: an address or what else is no name that passkeys can belong to
	RulePasskeyInsecure        // Given: a URL without TLS, likewise
	RulePasskeyUnverified      // nothing; the authenticator asked for no PIN, fingerprint or face
	RuleChallengeUsed          // nothing; of a passkey, answered before or too late
	RulePasswordShort          // Limit: characters that it needs
	RulePasswordLong           // Limit: bytes that it may have
	RulePasswordCommon         // nothing
	RulePasswordEmail          // nothing; the password is the e-mail address or a part of it
	RuleEmailTaken             // nothing; of a person
	RuleMember                 // nothing; who is invited is a member already
	RuleSignUpClosed           // nothing
	RuleNoMail                 // nothing; the service cannot send mail
	RuleTypedName              // Want: what is to be typed
	RuleIssuerDown             // Given: the title of an OpenID Connect issuer that does not answer
	RuleIssuerAnswer           // Given: the title of one whose answer does not hold
	RuleIssuerClock            // Given: the title of one whose clock is not ours
	RuleIssuerDenied           // Given: the title of one that, or at which the person, refused
	RuleIssuerState            // Given: the title of one; of a sign-in begun elsewhere or too long ago
	RuleIssuerGroups           // Given: the title of one; of a person who is of no group that may sign in
	RuleIdentityTaken          // nothing; the identity is linked with another person
	RuleLastSignIn             // nothing; the only way by which a person can sign in, which cannot be taken off
	RuleAccountDisabled        // nothing; by an operator of the service
	RuleAccountDeletes         // nothing; the account waits for its deletion
	RuleInviterGone            // nothing; who invited may no longer give the role of the invitation
	RuleSignInFirst            // nothing; the person of an invitation exists, and has to sign in for it
	RuleIdentityUnknown        // Given: the title of an issuer; who comes from it is not let in
	RuleIdentityOther          // Given: the title of an issuer; who confirms by it is somebody else there
	RuleIdentityLink           // Given: the title of an issuer; the person has to link the identity
	RuleNoSecondFactor         // nothing; of a person who has none
	RuleTestRunInterval        // Limit: seconds in which an account can start one test run
	RuleTestRunsDay            // Limit: test runs that an account can start on a day
	RuleTestRunsOpen           // Limit: test runs of an account that may be waiting or running at once
	RuleTagComma               // Given: a tag
	RuleSecretName             // Given: what cannot be the name of a secret
	RuleCurrentVersion         // nothing; the version is what the job is now
	RuleResolved               // nothing; the problem that is to be acknowledged or snoozed
	RuleSecretUsed             // Limit: how many jobs use the secret that is to be deleted
	RuleDeleteAlone            // nothing; an operation beside others that cannot be
	RuleEmptyHeader            // Given: the name of a header without a value
	RuleReplacedTooOften       // Limit: places of a text in which a pattern can be replaced
	RuleShift                  // Given: minutes by which a schedule cannot be moved
	RuleKeepInstants           // Given: a time zone in which a schedule cannot be due at the same instants
	RulePurgeTitle             // nothing; the title of what is to be deleted for good
	RuleActionsOpen            // Limit: actions of an account that may be under way at once
	RuleActionWorks            // nothing; an action that is still under way
	RuleActionEnded            // nothing; an action that is to be cancelled and has ended
	RuleActionNoUndo           // nothing; a dry run, which has changed nothing
	RuleActionNoDryRun         // nothing; an action that is not a finished dry run
	RuleTemplateName           // Given, Want: the possible ones; a placeholder of a channel's template
	RuleFolderGone             // nothing; the folder of a definition of the past
	RuleOtherService           // Given: a host; Want: the name of the service that has it, which is not that of the channel
	RuleWebhookHTTPS           // nothing: a URL that has to begin with https://
	RuleNeedsHTTPS             // Given: a host that takes encrypted connections only
	RuleSecretAgain            // Given: a host; of a secret of a channel that leads to another host now
	RuleNobodyConfirms         // nothing; an e-mail address that has to be confirmed, without a mail server
	RulePhoneNumber            // Given: what is not a telephone number
	RuleUnknownChannel         // Given: the id
	RuleUnknownJob             // Given: the id
	RuleClock                  // Given: what is not a time of day
	RuleCommand                // Given: a sentence that says why a text is no command that can become a job
	RuleSearchName             // Given: what is not the name of a token of a search; Want: those that are
	RuleSearchValue            // Given: the name of a token of a search that has no value
	RuleSearchQuote            // Given: a token of a search with a quote that is not closed
	RuleSearchFolder           // Given: the title of a folder that the account does not have
	RuleSearchTime             // Given: what is neither a time nor a duration
	RuleSlug                   // Given: what cannot be the slug of a status page
	RuleSlugReserved           // Given: a slug that the service keeps for itself
	RuleColour                 // Given: what is not a colour
	RuleTwice                  // Given: what a list may hold once, and holds twice
	RuleUnknownGroup           // Given: the title of a group that the status page does not have
	RuleUnknownComponent       // Given: the id of a component that the status page does not have
	RulePicture                // nothing; not a PNG, JPEG or WebP picture that can be read
	RulePictureSize            // Limit: pixels that a picture may have
	RuleDomain                 // Given: what cannot be the domain of a status page
	RuleDomainOwn              // Given: a host of the service itself
	RuleDomainsOff             // nothing; a service without a public URL with a host name
	RuleDomainCheck            // Limit: seconds between two checks of a domain
)

// Unit is the unit of a limit.
type Unit int

// The units of limits.
const (
	UnitNone Unit = iota
	UnitCharacters
	UnitBytes
)

// Problem is one thing that is wrong with a request.
type Problem struct {
	Pointer  string // JSON pointer (RFC 6901) of the value, from where the error arose; package api prefixes it
	Rule     Rule
	Given    string
	Want     string
	Min, Max int64
	Limit    int64
	Unit     Unit
	Crontab  *CrontabError
}

// Error is an error that a user can do something about: its kind and problems become public through package message,
// Err never does.
type Error struct {
	Kind       ErrorKind
	Subject    Subject
	Problems   []Problem
	Database   DatabaseFault // of SubjectDatabase: what is wrong with it
	RetryAfter time.Duration // of kind TooMany: when another try is worth while; 0 when that is not known
	Err        error
}

// Subject is what an Error is about.
type Subject int

// The subjects of errors.
const (
	SubjectNone Subject = iota
	SubjectJob
	SubjectExecution
	SubjectFolder
	SubjectAPIKey
	SubjectAccount
	SubjectDatabase
	SubjectPerson
	SubjectMember
	SubjectSession
	SubjectLink
	SubjectInvitation
	SubjectPasskey
	SubjectIdentity
	SubjectTestRun
	SubjectSecret
	SubjectVersion
	SubjectAction
	SubjectView
	SubjectProblem
	SubjectChannel
	SubjectMessage
	SubjectMaintenance
	SubjectStatusPage
	SubjectIncident
	SubjectIncidentUpdate
	SubjectPageMaintenance
	SubjectComponent
	SubjectLogo
	SubjectSubscriber
	SubjectDomain
	SubjectNode
)

// Error is the text for logs; people read the sentences of package message.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	for i, p := range e.Problems {
		b.WriteString(map[bool]string{true: ": ", false: ", "}[i == 0])
		fmt.Fprintf(&b, "%s rule %d", p.Pointer, p.Rule)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Missing is the error for a subject that does not exist or belongs to another account.
func Missing(s Subject) error { return &Error{Kind: NotFound, Subject: s} }

// KindOf is the kind of err; Internal when no *Error is in its chain.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// OutOfRange is the problem with a number that is not between two others.
func OutOfRange(given, lowest, highest int64) Problem {
	return Problem{Rule: RuleOutOfRange, Given: strconv.FormatInt(given, 10), Min: lowest, Max: highest}
}

// Checker collects problems. The zero value is ready for use.
type Checker struct {
	problems []Problem
}

// Add notes that p is wrong with the value at pointer.
func (c *Checker) Add(pointer string, p Problem) {
	p.Pointer = pointer
	c.problems = append(c.problems, p)
}

// has reports whether a problem with the value at pointer was added.
func (c *Checker) has(pointer string) bool {
	return slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Pointer == pointer })
}

// unknown adds that n is not the number of a choice.
func (c *Checker) unknown(pointer string, n int) {
	c.Add(pointer, Problem{Rule: RuleUnknownValue, Given: strconv.Itoa(n)})
}

// Err is nil when no problem was added, and otherwise an *Error of kind Invalid with all of them.
func (c *Checker) Err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Problems: c.problems}
}

// JoinProblems joins two errors of kind Invalid, either of which may be nil. Problems of the second one are left out where
// the first one has a problem with the same value, or with something that holds it.
func JoinProblems(first, second error) error {
	a, inFirst := errors.AsType[*Error](first)
	b, inSecond := errors.AsType[*Error](second)
	if !inFirst {
		return second
	}
	if !inSecond {
		return first
	}
	joined := &Error{Kind: Invalid, Subject: a.Subject, Problems: slices.Clone(a.Problems)}
	for _, p := range b.Problems {
		if !slices.ContainsFunc(a.Problems, func(q Problem) bool { return covers(q.Pointer, p.Pointer) }) {
			joined.Problems = append(joined.Problems, p)
		}
	}
	return joined
}

// WithProblems is an error with its problems changed, such as their pointers moved; another kind of error stays as it is.
func WithProblems(err error, change func(*Problem)) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || len(e.Problems) == 0 {
		return err
	}
	changed := *e
	changed.Problems = slices.Clone(e.Problems)
	for i := range changed.Problems {
		change(&changed.Problems[i])
	}
	return &changed
}

// Under puts a prefix before the pointers of an error, which are relative to a part of what was given.
func Under(prefix string, err error) error {
	return WithProblems(err, func(p *Problem) { p.Pointer = prefix + p.Pointer })
}

// covers reports whether the JSON pointer outer is inner or leads to something that holds it.
func covers(outer, inner string) bool {
	return inner == outer || strings.HasPrefix(inner, outer+"/")
}
