package service_test

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// whoMay says who may perform each use case, by the names of callers. It is written apart from the table of the service.
var whoMay = map[string]string{
	"APIKeys": readers, "Admit": readers, "AllHistory": readers, "BadgeTokens": readers, "JobBadgePath": readers, "RenewJobBadge": writers, "RenewPageBadges": writers, "Execution": readers, "Folder": readers, "Record": readers,
	"Folders": readers, "Follow": readers, "History": readers, "Job": readers, "Jobs": readers, "PreviewJob": readers, "PreviewSchedule": readers,
	"JobNow": readers, "JobReport": readers, "CurlCommand": readers, "ExportCrontab": readers,
	"Run": readers, "ScheduleLoad": readers, "Compare": readers, "Failures": readers, "SearchHistory": readers, "Standing": readers, "Stats": readers, "TLS": readers,

	"Versions": readers, "JobVersion": readers, "CompareVersions": readers, "BinJob": readers, "BinJobs": readers, "BinFolders": readers,
	"Problems": readers, "Problem": readers, "ActOnProblem": writers,
	"Incidents": readers, "OpenIncidents": readers, "Incident": readers, "AddIncident": writers, "ChangeIncident": writers, "AddIncidentUpdate": writers,
	"ChangeIncidentUpdate": writers, "DeleteIncident": writers, "StatusDomains": readers, "AddStatusDomain": writers, "CheckStatusDomain": writers, "DeleteStatusDomain": writers, "StatusMaintenances": readers, "StatusMaintenance": readers,
	"AddStatusMaintenance": writers, "ChangeStatusMaintenance": writers, "DeleteStatusMaintenance": writers,
	"MaintenanceWindows": readers, "MaintenanceWindow": readers,
	"AddMaintenance": writers, "ChangeMaintenance": writers, "DeleteMaintenance": writers,
	"StatusPages": readers, "StatusPage": readers, "StatusPagesOfJob": readers, "StatusLogo": readers, "SetStatusLogo": writers, "SetComponentState": writers,
	"NewStatusPage": writers, "AddStatusPage": writers, "ChangeStatusPage": writers,
	"Subscribers": "command, key, operator's key, editor's key, editor, owner, stale owner", "CountSubscribers": "command, key, operator's key, editor's key, editor, owner, stale owner",
	"DeleteSubscriber": "command, key, operator's key, editor's key, editor, owner, stale owner", "ExportSubscribers": "command, key, operator's key, editor's key, editor, owner, stale owner",
	"DeleteStatusPage": "command, key, operator's key, editor's key, editor, owner, stale owner",
	"RestoreVersion":   writers, "ForgetVersion": writers, "RestoreJob": writers, "PurgeJob": writers, "RestoreFolder": writers, "PurgeFolder": writers,
	"NewAction": writers, "NewUndo": writers, "StartAction": writers, "CancelAction": writers, "Actions": readers, "Action": readers, "ActionOrder": writers,

	"NewTestRun": writers, "StartTestRun": writers, "RoomForTestRun": writers, "EndTestRun": writers,
	"TestRun": bodyReaders, "FollowTestRun": bodyReaders,

	"AddFolder": writers, "AddJob": writers, "ChangeFolder": writers, "ChangeJob": writers, "ChangeJobs": writers,
	"CheckFolder": writers, "CheckPatch": writers, "DeleteFolder": writers, "DeleteJob": writers, "DeleteJobs": writers,
	"FolderJobs": writers, "Idempotent": writers, "NewClone": writers, "NewFolder": writers, "NewJob": writers, "Performed": writers,
	"RoomForJob": writers, "RoomForJobs": writers, "ReadCommands": writers, "NewImport": writers, "AddJobs": writers, "RunJob": writers, "PlanReruns": writers, "Rerun": writers, "CancelReruns": writers, "RunAgain": writers,

	"DeleteTLS": "command, key, operator's key, editor's key, editor, owner, stale owner",
	"ChangeTLS": "command, key, operator's key, editor's key, editor, owner, stale owner",
	"SetTLS":    "command, key, operator's key, editor's key, editor, owner, stale owner",

	"Secrets":      "command, key, operator's key, editor's key, viewer's key, viewer, editor, owner, stale owner, owner of a closing account, key of a closing account",
	"NewSecret":    "command, key, operator's key, editor's key, editor, owner, stale owner",
	"AddSecret":    "command, key, operator's key, editor's key, editor, owner, stale owner",
	"SetSecret":    "command, key, operator's key, editor's key, editor, owner, stale owner",
	"DeleteSecret": "command, key, operator's key, editor's key, editor, owner, stale owner",

	"Channels": readers, "Told": readers, "Channel": readers, "ChannelKinds": readers, "MuteChannel": writers,
	"NewChannel":    "command, key, operator's key, editor's key, editor, owner, stale owner",
	"AddChannel":    "command, key, operator's key, editor's key, editor, owner, stale owner",
	"ChangeChannel": "command, key, operator's key, editor's key, editor, owner, stale owner",
	"DeleteChannel": "command, key, operator's key, editor's key, editor, owner, stale owner",
	"TestChannel":   "command, key, operator's key, editor's key, editor, owner, stale owner",
	"Messages":      readers, "Message": readers, "Resend": writers,

	"AddAPIKey": keyMakers, "CreateAPIKey": keyMakers, "DeleteAPIKey": keyMakers, "NewAPIKey": keyMakers,

	"Account": operators, "Accounts": operators, "ChangeAccount": operators, "CreateAccount": operators,
	"Nodes": operators, "DrainNode": operators, "Storage": operators, "Plans": operators, "SetAccountEnabled": operators, "SetPlan": operators, "TestMail": operators,
	"DeleteAccount": "command, operator's key, operator",
	"AllPeople":     "command, operator, stale operator", "SetPersonEnabled": "command, operator", "SetPersonOperator": "command, operator",
	"SetUp": "command", "SetUpLink": "command", "LoginLink": "command", "UseKey": "command",

	"People": "command, viewer, editor, owner, stale owner, owner of a closing account", "RemovePerson": owners, "ChangeRole": owners,
	"Invite": owners, "Invitations": owners, "RevokeInvitation": owners,
	"CancelDeletion":  owners + ", owner of a closing account",
	"RequestDeletion": "command, owner, owner of a closing account",

	"Audit": "command, key, owner, stale owner", "Rename": "command, key, owner, stale owner",
	"Export": "command, key, owner, stale owner, owner of a closing account, key of a closing account",

	"BeginConfirm": people, "ChangeProfile": people, "Confirm": people, "ConfirmByPasskey": people, "ConfirmByOIDC": people, "EndOtherSessions": people,
	"EndSession": people, "Profile": people, "RenamePasskey": people, "Sessions": people, "StatusPass": people, "SwitchAccount": people,
	"AddPasskey": freshPeople, "BeginPasskey": freshPeople, "BeginTOTP": freshPeople, "ChangeEmail": freshPeople,
	"ChangePassword": freshPeople, "DeletePasskey": freshPeople, "DeletePerson": freshPeople, "DisableTOTP": freshPeople,
	"LinkIdentity": freshPeople, "UnlinkIdentity": freshPeople, "EnableTOTP": freshPeople, "NewRecoveryCodes": freshPeople, "TOTPSetup": freshPeople,
	"SecondFactor": people + halves, "SignOut": people + halves,

	"Overview": readers, "ProblemCounts": readers, "ProblemReport": readers,
	"SearchJobs": readers, "LatestRuns": readers, "Tags": readers,
	"Live":  peopleHere,
	"Views": peopleHere, "AddView": peopleHere, "ChangeView": peopleHere, "DeleteView": peopleHere,

	"Leave": "viewer, editor, owner, stale owner, owner of a closing account",
}

// The names of callers, and the lists of them.
const (
	readers = "command, key, operator's key, editor's key, viewer's key, reading key, viewer, editor, owner, stale owner, " +
		"owner of a closing account, key of a closing account"
	writers     = "command, key, operator's key, editor's key, writing key, editor, owner, stale owner"
	bodyReaders = "command, key, operator's key, editor's key, reading key, editor, owner, stale owner"
	keyMakers   = "command, key, operator's key, editor's key, writing key, editor, owner"
	operators   = "command, operator's key, operator, stale operator"
	owners      = "command, owner, stale owner"
	halves      = ", half signed in, a half session of the operator"
	people      = freshPeople + ", stale owner, stale operator"
	peopleHere  = "viewer, editor, owner, stale owner, owner of a closing account"
	freshPeople = "viewer, editor, owner, operator, member of nothing, owner of a disabled account, owner of a closing account, " +
		"a session in another account"
)

// callers are all kinds of callers of an account, by name.
func callers(account cron.Account, personID int64, now time.Time) map[string]cron.Actor {
	key := func(account cron.Account, k cron.APIKey, role cron.Role) cron.Actor {
		k.ID, k.AccountID, k.Role = 4711, account.ID, role
		return cron.Actor{Account: account, Key: &k, Role: role, Way: cron.WayAPI}
	}
	person := func(account cron.Account, role cron.Role, change func(*cron.Person, *cron.Session)) cron.Actor {
		p := &cron.Person{ID: personID, Email: "x@example.com"}
		s := &cron.Session{ID: 4713, PersonID: p.ID, AccountID: account.ID, Console: true, SignedIn: now, LastSeen: now, Expires: now.Add(time.Hour)}
		if change != nil {
			change(p, s)
		}
		return cron.Actor{Account: account, Person: p, Session: s, Role: role, Way: cron.WayConsole}
	}
	stale := func(_ *cron.Person, s *cron.Session) { s.SignedIn = now.Add(-cron.FreshFor) }
	operates := func(p *cron.Person, _ *cron.Session) { p.Operator = true }
	disabled, closing, other := account, account, account
	disabled.Disabled, closing.Deletes, other.ID = true, now.Add(time.Hour), account.ID+1
	return map[string]cron.Actor{
		"nobody":                         {},
		"an account without a key":       {Account: account},
		"a key without an account":       {Key: &cron.APIKey{ID: 1, AccountID: account.ID}, Role: cron.RoleOwner},
		"key of another account":         {Account: account, Key: &cron.APIKey{ID: 1, AccountID: other.ID}, Role: cron.RoleOwner},
		"key with other scopes":          key(account, cron.APIKey{Scopes: 1 << 40}, cron.RoleOwner),
		"key without a role":             key(account, cron.APIKey{}, cron.RoleNone),
		"expired key":                    key(account, cron.APIKey{Expires: now}, cron.RoleOwner),
		"disabled key":                   key(account, cron.APIKey{Disabled: true}, cron.RoleOwner),
		"command":                        cron.OperatorOf(account),
		"key":                            key(account, cron.APIKey{}, cron.RoleOwner),
		"operator's key":                 key(account, cron.APIKey{Operator: true}, cron.RoleEditor),
		"reading operator's key":         key(account, cron.APIKey{Operator: true, Scopes: cron.ScopeRead}, cron.RoleNone),
		"editor's key":                   key(account, cron.APIKey{}, cron.RoleEditor),
		"viewer's key":                   key(account, cron.APIKey{}, cron.RoleViewer),
		"reading key":                    key(account, cron.APIKey{Scopes: cron.ScopeRead}, cron.RoleOwner),
		"writing key":                    key(account, cron.APIKey{Scopes: cron.ScopeWrite}, cron.RoleOwner),
		"key of a closing account":       key(closing, cron.APIKey{}, cron.RoleOwner),
		"viewer":                         person(account, cron.RoleViewer, nil),
		"editor":                         person(account, cron.RoleEditor, nil),
		"owner":                          person(account, cron.RoleOwner, nil),
		"stale owner":                    person(account, cron.RoleOwner, stale),
		"operator":                       person(cron.Account{}, cron.RoleNone, operates),
		"stale operator":                 person(cron.Account{}, cron.RoleNone, func(p *cron.Person, s *cron.Session) { stale(p, s); operates(p, s) }),
		"member of nothing":              person(cron.Account{}, cron.RoleNone, nil),
		"owner of a disabled account":    person(disabled, cron.RoleOwner, nil),
		"owner of a closing account":     person(closing, cron.RoleOwner, nil),
		"half signed in":                 person(account, cron.RoleOwner, func(_ *cron.Person, s *cron.Session) { s.Second = true }),
		"disabled person":                person(account, cron.RoleOwner, func(p *cron.Person, _ *cron.Session) { p.Disabled = true }),
		"owner whose session has ended":  person(account, cron.RoleOwner, func(_ *cron.Person, s *cron.Session) { s.Expires = now }),
		"owner away for too long":        person(account, cron.RoleOwner, func(_ *cron.Person, s *cron.Session) { s.LastSeen = now.Add(-15 * 24 * time.Hour) }),
		"session of somebody else":       person(account, cron.RoleOwner, func(_ *cron.Person, s *cron.Session) { s.PersonID++ }),
		"a person without a session":     {Account: account, Person: &cron.Person{ID: 4712}, Role: cron.RoleOwner},
		"a session in another account":   inAccount(person(other, cron.RoleOwner, nil), account),
		"a half session of the operator": person(cron.Account{}, cron.RoleNone, func(p *cron.Person, s *cron.Session) { p.Operator, s.Second = true, true }),
	}
}

func inAccount(a cron.Actor, account cron.Account) cron.Actor {
	a.Account = account
	return a
}

// ofRights are the rules by which the table of rights refuses.
var ofRights = []cron.Rule{cron.RuleKeyScope, cron.RuleRole, cron.RuleSessionOnly, cron.RuleFresh, cron.RuleSecondFactor,
	cron.RuleOperatorOnly, cron.RuleAccountDisabled, cron.RuleAccountDeletes}

// refusedByRights tells whether an error is that of somebody who may not do something, as opposed to anything else that is
// wrong with a call.
func refusedByRights(err error) bool {
	e, ok := errors.AsType[*cron.Error](err)
	switch {
	case !ok:
		return false
	case e.Kind == cron.Unauthorized:
		return e.Subject == cron.SubjectSession || e.Subject == cron.SubjectAPIKey
	}
	return e.Kind == cron.Forbidden && len(e.Problems) == 1 && slices.Contains(ofRights, e.Problems[0].Rule)
}

// TestWhoMayDoWhat asks for every use case as everybody.
func TestWhoMayDoWhat(t *testing.T) {
	svc, st, _, account := newService(t, cron.Plan{Name: "any"})
	owner := cron.Person{Email: "x@example.com"}
	if err := st.CreatePerson(t.Context(), &owner); err != nil {
		t.Fatal(err)
	}
	err := st.SetMembership(t.Context(), cron.Membership{AccountID: account.ID, PersonID: owner.ID, Role: cron.RoleOwner})
	if err != nil {
		t.Fatal(err)
	}
	for caller, actor := range callers(account, owner.ID, time.Now()) {
		calls := useCases(t.Context(), svc, actor)
		for _, method := range slices.Sorted(maps.Keys(calls)) {
			may := slices.Contains(strings.Split(whoMay[method], ", "), caller)
			if method == "Idempotent" && may {
				continue // it has nothing to perform
			}
			if err := calls[method](); refusedByRights(err) == may {
				t.Errorf("%s as %q: %v", method, caller, err)
			}
		}
	}
}

// TestEveryUseCaseHasARow looks for use cases without rights, and for numbers that two of them have.
func TestEveryUseCaseHasARow(t *testing.T) {
	source, err := os.ReadFile("usecase.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[int]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(Use\w+) +UseCase = (\d+)`).FindAllStringSubmatch(string(source), -1) {
		number, err := strconv.Atoi(m[2])
		if err != nil || names[number] != "" {
			t.Errorf("%s has the number %s of %q", m[1], m[2], names[number])
		}
		names[number] = m[1]
		if _, ok := service.Rights[service.UseCase(number)]; !ok {
			t.Errorf("%s has no row", m[1])
		}
	}
	if len(names) != len(service.Rights) {
		t.Errorf("%d use cases and %d rows", len(names), len(service.Rights))
	}
}
