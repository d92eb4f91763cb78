package service

import (
	"punctual/internal/cron"
	"punctual/internal/message"
)

// UseCase is something that an actor may do. Requests are counted apart for each: it is the Kind of a cron.RateLimit, and the
// numbers are stored.
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

// scopes says which scope each use case needs. Nobody may do what is not listed.
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

// allow is an error of kind Forbidden when the actor may not do something. Every use case begins with it.
func allow(actor *cron.Actor, use UseCase) error {
	if needed, listed := scopes[use]; listed && actor.May(needed) {
		return nil
	}
	return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectAPIKey, Problems: []cron.Problem{{Rule: cron.RuleKeyScope}}}
}

// allowIn is allow for what belongs to an account, which is to be that of the actor.
func allowIn(actor *cron.Actor, use UseCase, accountID int64) error {
	if accountID != actor.Account.ID {
		return allow(&cron.Actor{}, use)
	}
	return allow(actor, use)
}

// language is the catalogue in the language of the actor.
func language(actor *cron.Actor) *message.Catalogue {
	return message.Choose(actor.Language, message.Languages())
}
