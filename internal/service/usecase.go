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
	UseStartTestRun UseCase = 18
	UseGetTestRun   UseCase = 19
	UseEndTestRun   UseCase = 20
	UsePreview      UseCase = 21
	UseListZones    UseCase = 22
	UseScheduleLoad UseCase = 23
	UseListVersions UseCase = 24
	UseGetVersion   UseCase = 25

	UseRestoreVersion UseCase = 26
	UseForgetVersion  UseCase = 27
	UseListBin        UseCase = 28
	UseRestoreBin     UseCase = 29
	UsePurgeBin       UseCase = 30

	UseGetTLS       UseCase = 31
	UseSetTLS       UseCase = 32
	UseDeleteTLS    UseCase = 33
	UseListSecrets  UseCase = 34
	UseCreateSecret UseCase = 35
	UseChangeSecret UseCase = 36
	UseDeleteSecret UseCase = 37
	UseHistory      UseCase = 41
	UseExecutions   UseCase = 42
	UseStats        UseCase = 43
	UseCompare      UseCase = 44
	UseRerun        UseCase = 45
	UseCancelReruns UseCase = 46
	UseFollow       UseCase = 51
	UseLive         UseCase = 52
	UseGetAccount   UseCase = 61
	UseListKeys     UseCase = 62
	UseCreateKey    UseCase = 63
	UseDeleteKey    UseCase = 64

	UseListAccounts  UseCase = 71
	UseCreateAccount UseCase = 72
	UseChangeAccount UseCase = 73
	UseDeleteAccount UseCase = 74
	UseSetUp         UseCase = 75
	UseListPersons   UseCase = 76
	UseChangePerson  UseCase = 77
	UseTestMail      UseCase = 78
	UseRotateKey     UseCase = 79
	UseListNodes     UseCase = 80
	UseDrainNode     UseCase = 87

	UseListPeople       UseCase = 81
	UseChangeRole       UseCase = 82
	UseRemovePerson     UseCase = 83
	UseInvite           UseCase = 84
	UseListInvitations  UseCase = 85
	UseRevokeInvitation UseCase = 86

	UseStartAction  UseCase = 131
	UseGetAction    UseCase = 132
	UseCancelAction UseCase = 133

	UseAudit           UseCase = 91
	UseAuditAll        UseCase = 92
	UseRenameAccount   UseCase = 93
	UseExport          UseCase = 94
	UseRequestDeletion UseCase = 95
	UseCancelDeletion  UseCase = 96

	UseListProblems UseCase = 161
	UseGetProblem   UseCase = 162
	UseActOnProblem UseCase = 163

	UseListMaintenance   UseCase = 171
	UseGetMaintenance    UseCase = 172
	UseCreateMaintenance UseCase = 173
	UseChangeMaintenance UseCase = 174
	UseDeleteMaintenance UseCase = 175
	UseListChannels      UseCase = 181
	UseCreateChannel     UseCase = 182
	UseChangeChannel     UseCase = 183
	UseDeleteChannel     UseCase = 184
	UseMuteChannel       UseCase = 185
	UseTestChannel       UseCase = 186
	UseListMessages      UseCase = 187
	UseGetMessage        UseCase = 188
	UseResendMessage     UseCase = 189

	UseListStatusPages   UseCase = 201
	UseGetStatusPage     UseCase = 202
	UseCreateStatusPage  UseCase = 203
	UseChangeStatusPage  UseCase = 204
	UseDeleteStatusPage  UseCase = 205
	UseSetComponentState UseCase = 206
	UseVisitStatusPage   UseCase = 221 // of any account that the person is a member of
	UseRenewBadge        UseCase = 251 // of a job
	UseRenewPageBadges   UseCase = 252
	UseListIncidents     UseCase = 211 // and reading one
	UseCreateIncident    UseCase = 212
	UseChangeIncident    UseCase = 213 // and its updates
	UseDeleteIncident    UseCase = 214
	UseListPlans         UseCase = 215 // maintenances of status pages, and reading one
	UseCreatePlan        UseCase = 216
	UseChangePlan        UseCase = 217
	UseDeletePlan        UseCase = 218
	UseListSubscribers   UseCase = 231
	UseDeleteSubscriber  UseCase = 232
	UseExportSubscribers UseCase = 233
	UseListDomains       UseCase = 241
	UseAddDomain         UseCase = 242
	UseCheckDomain       UseCase = 243
	UseDeleteDomain      UseCase = 244

	UseGetProfile    UseCase = 101
	UseChangeProfile UseCase = 102
	UseChangeSignIn  UseCase = 103 // password, passkeys, authenticator app, recovery codes and identities
	UseChangeEmail   UseCase = 104
	UseDeletePerson  UseCase = 105
	UseListSessions  UseCase = 106
	UseEndSession    UseCase = 107
	UseSwitchAccount UseCase = 108
	UseConfirm       UseCase = 110
	UseJoin          UseCase = 111
	UseGiveSecond    UseCase = 112
	UseSignOut       UseCase = 113

	UseSearchJobs UseCase = 121
	UseListTags   UseCase = 122
	UseOverview   UseCase = 127
	UseListViews  UseCase = 123
	UseAddView    UseCase = 124
	UseChangeView UseCase = 125
	UseDeleteView UseCase = 126
)

// right is what an actor needs for a use case. Commands may do everything that is not a person's own.
type right struct {
	scope    cron.Scope // of a key; ScopeAll is all scopes, of one that keys can perform
	role     cron.Role  // in the account of the actor; RoleNone needs no account
	operator bool       // for operators of the service, whatever the account
	command  bool       // for commands only
	people   bool       // not for keys
	own      bool       // about the person who is signed in: neither for keys nor for commands
	fresh    bool       // by a session, only soon after a proof of identity
	halfway  bool       // also while the second factor is missing
	closing  bool       // also while the account waits for its deletion, as everything that viewers may do
}

// What most use cases need.
var (
	reads    = right{scope: cron.ScopeRead, role: cron.RoleViewer}
	writes   = right{scope: cron.ScopeWrite, role: cron.RoleEditor}
	operates = right{operator: true}
	commands = right{command: true}
	owns     = right{people: true, role: cron.RoleOwner}
	own      = right{people: true, own: true}
	ownHere  = right{people: true, own: true, role: cron.RoleViewer} // in the account that is looked at
	ownFresh = right{people: true, own: true, fresh: true}
)

// rights says what each use case needs. Nobody may do what is not listed.
var rights = map[UseCase]right{
	UseListJobs: reads, UseGetJob: reads, UseGetRun: reads, UseGetBadge: reads,
	UseCreateJob: writes, UseChangeJob: writes, UseDeleteJob: writes, UseCloneJob: writes, UseBulk: writes, UseRunJob: writes,
	UseRerun: writes, UseCancelReruns: writes,
	UseStartAction: writes, UseGetAction: reads, UseCancelAction: writes,

	UseRenewBadge: writes, UseRenewPageBadges: writes,

	UseStartTestRun: writes, UseEndTestRun: writes,
	UseGetTestRun: {scope: cron.ScopeRead, role: cron.RoleEditor}, // it shows bodies and headers

	UseListHistory: reads, UseGetExecution: reads, UseHistory: reads, UseExecutions: reads, UseStats: reads, UseFollow: reads,
	UseCompare: reads,

	UseListVersions: reads, UseGetVersion: reads, UseListBin: reads,
	UseRestoreVersion: writes, UseForgetVersion: writes, UseRestoreBin: writes, UsePurgeBin: writes,

	UseListProblems: reads, UseGetProblem: reads, UseActOnProblem: writes,

	UseListMaintenance: reads, UseGetMaintenance: reads,
	UseCreateMaintenance: writes, UseChangeMaintenance: writes, UseDeleteMaintenance: writes,

	UseListStatusPages: reads, UseGetStatusPage: reads,
	UseCreateStatusPage: writes, UseChangeStatusPage: writes, UseSetComponentState: writes,
	UseDeleteStatusPage: {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseListIncidents:    reads, UseCreateIncident: writes, UseChangeIncident: writes, UseDeleteIncident: writes,
	UseListSubscribers:   {scope: cron.ScopeAll, role: cron.RoleEditor}, // addresses of people
	UseDeleteSubscriber:  {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseExportSubscribers: {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseListDomains:       reads, UseAddDomain: writes, UseCheckDomain: writes, UseDeleteDomain: writes,
	UseListPlans: reads, UseCreatePlan: writes, UseChangePlan: writes, UseDeletePlan: writes,

	UseListFolders: reads, UseGetFolder: reads,
	UseCreateFolder: writes, UseChangeFolder: writes, UseDeleteFolder: writes,

	UseSearchJobs: reads, UseListTags: reads, UseOverview: reads,
	UseListViews: ownHere, UseAddView: ownHere, UseChangeView: ownHere, UseDeleteView: ownHere,

	UsePreview: reads, UseListZones: reads, UseScheduleLoad: reads,

	UseGetTLS:    reads,
	UseSetTLS:    {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseDeleteTLS: {scope: cron.ScopeAll, role: cron.RoleEditor},

	UseListSecrets:  {scope: cron.ScopeAll, role: cron.RoleViewer},
	UseCreateSecret: {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseChangeSecret: {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseDeleteSecret: {scope: cron.ScopeAll, role: cron.RoleEditor},

	UseListChannels: reads, UseMuteChannel: writes,
	UseCreateChannel: {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseChangeChannel: {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseDeleteChannel: {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseTestChannel:   {scope: cron.ScopeAll, role: cron.RoleEditor},
	UseListMessages:  reads, UseGetMessage: reads, UseResendMessage: writes,

	UseGetAccount: reads, UseListKeys: reads,
	UseCreateKey: {scope: cron.ScopeWrite, role: cron.RoleEditor, fresh: true},
	UseDeleteKey: {scope: cron.ScopeWrite, role: cron.RoleEditor, fresh: true},

	UseListAccounts: operates, UseCreateAccount: operates, UseChangeAccount: operates, UseDeleteAccount: {operator: true, fresh: true},
	UseListPersons: {operator: true, people: true}, UseChangePerson: {operator: true, people: true, fresh: true},
	UseTestMail: operates, UseAuditAll: operates, UseListNodes: operates, UseDrainNode: operates,
	UseSetUp: commands, UseRotateKey: commands,

	UseListPeople:   {people: true, role: cron.RoleViewer},
	UseChangeRole:   owns,
	UseRemovePerson: {people: true, role: cron.RoleViewer}, // anybody may leave; UseChangeRole is for others
	UseInvite:       owns, UseListInvitations: owns, UseRevokeInvitation: owns,

	UseAudit:           {scope: cron.ScopeAll, role: cron.RoleOwner},
	UseRenameAccount:   {scope: cron.ScopeAll, role: cron.RoleOwner},
	UseExport:          {scope: cron.ScopeAll, role: cron.RoleOwner, closing: true},
	UseRequestDeletion: {people: true, role: cron.RoleOwner, fresh: true, closing: true},
	UseCancelDeletion:  {people: true, role: cron.RoleOwner, closing: true},

	UseGetProfile: own, UseChangeProfile: own, UseListSessions: own, UseEndSession: own, UseSwitchAccount: own, UseVisitStatusPage: own,
	UseConfirm: own, UseJoin: own, UseLive: ownHere,
	UseChangeSignIn: ownFresh, UseChangeEmail: ownFresh, UseDeletePerson: ownFresh,
	UseGiveSecond: {people: true, own: true, halfway: true}, UseSignOut: {people: true, own: true, halfway: true},
}

// allow is an error of kind Forbidden when the actor may not do something. Every use case begins with it.
func (s *Service) allow(actor *cron.Actor, use UseCase) error {
	r, listed := rights[use]
	switch {
	case !listed:
		return refused(cron.Problem{Rule: cron.RuleKeyScope})
	case actor.Person != nil && actor.Session != nil:
		return s.allowPerson(actor, &r)
	case actor.Key != nil:
		return s.allowKey(actor, &r)
	case actor.Operator && r.own:
		return refused(cron.Problem{Rule: cron.RuleSessionOnly})
	case actor.Operator:
		return nil
	}
	return refused(cron.Problem{Rule: cron.RuleKeyScope})
}

// allowPerson is allow for a person who is signed in.
func (s *Service) allowPerson(actor *cron.Actor, r *right) error {
	now := s.store.Now()
	signedIn := actor.Session.PersonID == actor.Person.ID && !actor.Person.Disabled && s.lives(actor.Session, now)
	switch {
	case !signedIn:
		return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectSession}
	case actor.Session.Second && !r.halfway:
		return refused(cron.Problem{Rule: cron.RuleSecondFactor})
	case r.command, r.operator && !actor.Person.Operator:
		return refused(cron.Problem{Rule: cron.RuleOperatorOnly})
	case r.role != cron.RoleNone && (actor.Account.ID == 0 || actor.Account.ID != actor.Session.AccountID || actor.Role < r.role):
		return refused(cron.Problem{Rule: cron.RuleRole, Want: r.role.String()})
	case r.role != cron.RoleNone && actor.Account.Disabled:
		return refused(cron.Problem{Rule: cron.RuleAccountDisabled})
	case r.role > cron.RoleViewer && !actor.Account.Deletes.IsZero() && !r.closing:
		return refused(cron.Problem{Rule: cron.RuleAccountDeletes})
	case r.fresh && !actor.Session.Fresh(now):
		return refused(cron.Problem{Rule: cron.RuleFresh})
	}
	return nil
}

// allowKey is allow for an API key. What needs all scopes has ScopeAll, which Scope.Has takes for none.
func (s *Service) allowKey(actor *cron.Actor, r *right) error {
	everything := actor.Key.Scopes == cron.ScopeAll
	switch {
	case actor.Key.Disabled, !actor.Key.Expires.IsZero() && !actor.Key.Usable(s.store.Now()):
		return &cron.Error{Kind: cron.Unauthorized, Subject: cron.SubjectAPIKey}
	case actor.Account.ID == 0, actor.Key.AccountID != actor.Account.ID:
		return refused(cron.Problem{Rule: cron.RuleKeyScope})
	case r.people:
		return refused(cron.Problem{Rule: cron.RuleSessionOnly})
	case r.command, r.operator && !actor.Key.Operator:
		return refused(cron.Problem{Rule: cron.RuleOperatorOnly})
	case r.scope == cron.ScopeAll && !everything, !actor.Key.Scopes.Has(r.scope):
		return refused(cron.Problem{Rule: cron.RuleKeyScope})
	case actor.Role < r.role:
		return refused(cron.Problem{Rule: cron.RuleRole, Want: r.role.String()})
	case r.role > cron.RoleViewer && !actor.Account.Deletes.IsZero() && !r.closing:
		return refused(cron.Problem{Rule: cron.RuleAccountDeletes})
	}
	return nil
}

func refused(p cron.Problem) error {
	return &cron.Error{Kind: cron.Forbidden, Subject: cron.SubjectAPIKey, Problems: []cron.Problem{p}}
}

// allowIn is allow for what belongs to an account, which is to be that of the actor.
func (s *Service) allowIn(actor *cron.Actor, use UseCase, accountID int64) error {
	if accountID != actor.Account.ID {
		return s.allow(&cron.Actor{}, use)
	}
	return s.allow(actor, use)
}

// language is the message catalogue of the actor's language.
func language(actor *cron.Actor) *message.Catalogue {
	return message.Choose(actor.Language, message.Languages())
}
