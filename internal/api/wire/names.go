package wire

import (
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// RoleNames are the names of roles, from cron.RoleViewer on.
var RoleNames = []string{cron.RoleViewer.String(), cron.RoleEditor.String(), cron.RoleOwner.String()}

// PhaseNames are the names of the phases of an incident, by their numbers.
var PhaseNames = []string{statuspage.Investigating.String(), statuspage.Identified.String(), statuspage.Monitoring.String(),
	statuspage.Resolved.String()}

// StateNames are the names of the states of a component, by their numbers.
var StateNames = []string{statuspage.Unknown.String(), statuspage.Operational.String(), statuspage.Degraded.String(),
	statuspage.PartialOutage.String(), statuspage.MajorOutage.String(), statuspage.Maintenance.String()}

// ImpactNames are the names of the impacts of an incident, from statuspage.Operational on.
var ImpactNames = StateNames[statuspage.Operational:statuspage.Maintenance]

// PlanEffectNames are the names of what a maintenance of a status page does to jobs, by their numbers.
var PlanEffectNames = []string{statuspage.EffectNone.String(), statuspage.EffectSilence.String(), statuspage.EffectPause.String()}

// DayNames are the names of the rules for two day fields, by their numbers.
var DayNames = []string{cron.DaysEither: "either", cron.DaysBoth: "both"}

// DSTNames are the names of the daylight-saving rules, by their numbers.
var DSTNames = []string{cron.DSTOnce: "once", cron.DSTWallClock: "wallclock"}

// OversizeNames are the names of what becomes of a response that is too large, by their numbers.
var OversizeNames = []string{cron.OversizeFail: "fail", cron.OversizeTruncate: "truncate"}

// ConnectionNames are the names of the connections that a request is sent over, by their numbers.
var ConnectionNames = []string{cron.ConnectionFresh: "fresh", cron.ConnectionReuse: "reuse"}

// DefaultGrace is cron.UnsetGrace on the wire.
const DefaultGrace = -1

// The names of the policies, by their numbers.
var (
	MisfireNames  = []string{cron.MisfireSkip: "skip", cron.MisfireRun: "run"}
	OverlapNames  = []string{cron.OverlapAllow: "allow", cron.OverlapSkip: "skip"}
	DeliveryNames = []string{cron.AtMostOnce: "at-most-once", cron.AtLeastOnce: "at-least-once"}
)

// MendNames are the names of the kinds of mends, by their numbers.
var MendNames = []string{
	cron.MendNone: "", cron.MendURL: "url", cron.MendTimeout: "timeout", cron.MendContentType: "contentType",
	cron.MendFollowRedirects: "followRedirects", cron.MendRedirectSuccess: "redirectSuccess", cron.MendOversize: "oversize",
	cron.MendConnection: "connection",
}

// RunStates are the names of the states of a run, by their numbers.
var RunStates = []string{cron.RunWaiting: "waiting", cron.RunRunning: "running", cron.RunFinished: "finished"}

// TestStates are the names of the states of a test run, by their numbers.
var TestStates = []string{cron.TestWaiting.String(), cron.TestRunning.String(), cron.TestFinished.String()}

// CheckNames are the names of the kinds of checks, by their numbers.
var CheckNames = []string{
	cron.CheckStatus: "status", cron.CheckContains: "contains", cron.CheckNotContains: "notContains", cron.CheckMatches: "matches",
}

// PreviewNotes are the names of the notes of a preview, by their numbers.
var PreviewNotes = []string{
	cron.NoteNone: "", cron.NoteShifted: "shifted", cron.NoteFirst: "first", cron.NoteRepeated: "repeated",
}

// The names of the states, results and effects of actions, by their numbers.
var (
	ActionStates = []string{cron.ActionSelecting: "selecting", cron.ActionWorking: "working", cron.ActionFinished: "finished"}
	// ActionFailed is the state of an action that a fault of the service has ended.
	ActionFailed = "failed"
	// ActionCancelling and ActionCancelled are the states of an action that was cancelled, and ends or has ended.
	ActionCancelling, ActionCancelled = "cancelling", "cancelled"

	ActionResults = []string{
		cron.ActionWaiting: "waiting", cron.ActionChanged: "changed", cron.ActionSame: "same", cron.ActionInvalid: "invalid",
		cron.ActionSkipped: "skipped", cron.ActionMissing: "missing", cron.ActionFaulty: "failed",
		cron.ActionNotReached: "notReached",
	}
	ActionEffects = []string{cron.EffectNone: "", cron.EffectEdited: "edited", cron.EffectDeleted: "deleted", cron.EffectRestored: "restored"}
)

// ReplaceFields are the names of where an operation replaces, by their numbers.
var ReplaceFields = []string{cron.ReplaceURL: "url", cron.ReplaceHeaders: "headers", cron.ReplaceBody: "body", cron.ReplaceTitle: "title"}

// KeepNames are the names of what a change of the time zone keeps.
var KeepNames = []string{"local", "instants"}

// BulkAction is what is done to each of many jobs.
type BulkAction int

const (
	BulkEnable BulkAction = iota
	BulkDisable
	BulkMove
	BulkDelete
	BulkPatch
)

// BulkActions are their names, by their numbers.
var BulkActions = []string{
	BulkEnable: "enable", BulkDisable: "disable", BulkMove: "move", BulkDelete: "delete", BulkPatch: "patch",
}

// ScopeAll is what a key may do that may do everything.
const ScopeAll = "all"

// ScopeNames are the names of the scopes, the lowest bit first.
var ScopeNames = []string{"read", "write"}

// The steps of a series by their numbers, and how long they are.
var (
	StepNames   = []string{"", "hour", "day"}
	StepLengths = []time.Duration{0, time.Hour, 24 * time.Hour}
)

// Outcomes are those of executions, in the order of their numbers.
var Outcomes = []cron.Outcome{cron.OutcomeRunning, cron.OutcomeSucceeded, cron.OutcomeFailed, cron.OutcomeSkipped,
	cron.OutcomeLost, cron.OutcomeMissed}

// Format is how records are sent.
type Format int

// The formats. All but FormatJSON send everything.
const (
	FormatJSON Format = iota
	FormatNDJSON
	FormatCSV
)

var (
	FormatNames = []string{FormatJSON: "json", FormatNDJSON: "ndjson", FormatCSV: "csv"}
	FormatTypes = []string{FormatJSON: "application/json", FormatNDJSON: "application/x-ndjson", FormatCSV: "text/csv"}
)

// GroupNames are what records can be grouped by.
var GroupNames = []string{"cause"}

// FaultNames are the words for what went wrong.
var FaultNames = map[cron.Fault]string{
	cron.FaultNone: "", cron.FaultInvalidURL: "invalidUrl", cron.FaultUnknownSecret: "unknownSecret",
	cron.FaultHostNotFound: "hostNotFound",
	cron.FaultResolver:     "resolver", cron.FaultRefused: "refused", cron.FaultUnreachable: "unreachable",
	cron.FaultBlocked: "blocked", cron.FaultConnect: "connect", cron.FaultLookupTimeout: "lookupTimeout",
	cron.FaultConnectTimeout: "connectTimeout", cron.FaultTLSTimeout: "tlsTimeout", cron.FaultTimeout: "timeout",
	cron.FaultCertificateExpired: "certificateExpired", cron.FaultCertificateHost: "certificateHost",
	cron.FaultCertificateUnknown: "certificateUnknown", cron.FaultTLS: "tls", cron.FaultTooMuchData: "tooMuchData",
	cron.FaultClosed: "closed", cron.FaultMalformed: "malformed", cron.FaultReset: "reset", cron.FaultKeptClosed: "keptClosed",
	cron.FaultInternal: "internal", cron.FaultLost: "lost", cron.FaultOverlap: "overlap",
	cron.FaultDisabled: "disabled", cron.FaultMissed: "missed", cron.FaultPaused: "paused",
	cron.FaultAccountDisabled: "accountDisabled", cron.FaultMaintenance: "maintenance",
	cron.FaultStatus: "status", cron.FaultBodyLacks: "bodyLacks", cron.FaultBodyHolds: "bodyHolds",
	cron.FaultBodyMismatch: "bodyMismatch", cron.FaultMatchTime: "matchTime", cron.FaultRedirects: "redirects",
	cron.FaultRedirectLoop: "redirectLoop", cron.FaultRedirectURL: "redirectUrl",
	cron.FaultMetadata: "metadata", cron.FaultOwnListener: "ownListener", cron.FaultDenied: "denied",
	cron.FaultLinkLocal: "linkLocal", cron.FaultCertificateNotYet: "certificateNotYet",
	cron.FaultCertificateChain: "certificateChain",
	cron.FaultShortage:         "shortage", cron.FaultMatchBusy: "matchBusy", cron.FaultNotGlobal: "notGlobal",
}

// Faults are those with a word, in the order of their numbers.
var Faults = slices.Sorted(maps.Keys(FaultNames))[cron.FaultNone+1:]

// MaintenanceNames are the names of the effects of maintenance windows, by their numbers.
var MaintenanceNames = []string{cron.MaintenanceSilence: "silence", cron.MaintenancePause: "pause"}

// ConditionNames are the names of what jobs are at present, by their numbers.
var ConditionNames = []string{cron.JobFailing: "failing", cron.JobLate: "late", cron.JobPaused: "paused", cron.JobDisabled: "disabled",
	cron.JobNeverRan: "neverRan", cron.JobSilenced: "silenced",
	cron.JobCertificate: "certificate"}

// SortNames are the names of the orders of jobs, by their numbers.
var SortNames = []string{cron.SortTitle: "title", cron.SortNext: "next", cron.SortLast: "last", cron.SortChanged: "changed",
	cron.SortStatus: "status"}
