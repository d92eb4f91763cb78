package service

import (
	"punctual/internal/cron"
	"punctual/internal/message"
)

// UseCase is an operation for which rights are checked. Requests are counted separately for each: it is the Kind of a
// cron.RateLimit, and its number is stored.
type UseCase int

// The use cases.
const (
	UseListJobs     UseCase = 1
	UseGetJob       UseCase = 2
	UseCreateJob    UseCase = 3
	UseChangeJob    UseCase = 4
	UseDeleteJob    UseCase = 5
	UseListHistory  UseCase = 6
	UseGetExecution UseCase = 7
	UseListFolders  UseCase = 8
	UseGetFolder    UseCase = 9
	UseCreateFolder UseCase = 10
	UseChangeFolder UseCase = 11
	UseDeleteFolder UseCase = 12
	UseRunJob       UseCase = 13
	UseGetRun       UseCase = 14
	UseCloneJob     UseCase = 15
	UseBulk         UseCase = 16
	UseGetBadge     UseCase = 17
	UsePreview      UseCase = 21
	UseListZones    UseCase = 22
	UseGetTLS       UseCase = 31
	UseSetTLS       UseCase = 32
	UseDeleteTLS    UseCase = 33
	UseHistory      UseCase = 41
	UseExecutions   UseCase = 42
	UseStats        UseCase = 43
	UseFollow       UseCase = 51
	UseGetAccount   UseCase = 61
	UseListKeys     UseCase = 62
	UseCreateKey    UseCase = 63
	UseDeleteKey    UseCase = 64

	UseListAccounts  UseCase = 71
	UseCreateAccount UseCase = 72
	UseChangeAccount UseCase = 73
	UseDeleteAccount UseCase = 74
	UseSetUp         UseCase = 75
)

// scopes lists the scope that each use case needs. A use case that is not listed is forbidden.
var scopes = map[UseCase]cron.Scope{
	UseListJobs: cron.ScopeRead, UseGetJob: cron.ScopeRead, UseCreateJob: cron.ScopeWrite, UseChangeJob: cron.ScopeWrite,
	UseDeleteJob: cron.ScopeWrite, UseCloneJob: cron.ScopeWrite, UseBulk: cron.ScopeWrite,
	UseRunJob: cron.ScopeWrite, UseGetRun: cron.ScopeRead, UseGetBadge: cron.ScopeRead,

	UseListHistory: cron.ScopeRead, UseGetExecution: cron.ScopeRead, UseHistory: cron.ScopeRead,
	UseExecutions: cron.ScopeRead, UseStats: cron.ScopeRead, UseFollow: cron.ScopeRead,

	UseListFolders: cron.ScopeRead, UseGetFolder: cron.ScopeRead, UseCreateFolder: cron.ScopeWrite,
	UseChangeFolder: cron.ScopeWrite, UseDeleteFolder: cron.ScopeWrite,

	UsePreview: cron.ScopeRead, UseListZones: cron.ScopeRead,

	UseGetTLS: cron.ScopeRead, UseSetTLS: cron.ScopeWrite, UseDeleteTLS: cron.ScopeWrite,

	UseGetAccount: cron.ScopeRead,
	UseListKeys:   cron.ScopeRead, UseCreateKey: cron.ScopeWrite, UseDeleteKey: cron.ScopeWrite,

	UseListAccounts: cron.ScopeOperator, UseCreateAccount: cron.ScopeOperator, UseChangeAccount: cron.ScopeOperator,
	UseDeleteAccount: cron.ScopeOperator, UseSetUp: cron.ScopeOperator,
}

// allow returns an error of kind Forbidden when the actor may not perform the use case. Every use case calls it first.
func allow(actor *cron.Actor, use UseCase) error {
	if needed, listed := scopes[use]; listed && actor.May(needed) {
		return nil
	}
	return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectAPIKey, Problems: []cron.Problem{{Rule: cron.RuleKeyScope}}}
}

// allowIn is allow for objects of an account, which must be the actor's.
func allowIn(actor *cron.Actor, use UseCase, accountID int64) error {
	if accountID != actor.Account.ID {
		return allow(&cron.Actor{}, use)
	}
	return allow(actor, use)
}

// language is the message catalogue of the actor's language.
func language(actor *cron.Actor) *message.Catalogue {
	return message.Choose(actor.Language, message.Languages())
}
