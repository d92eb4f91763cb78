package service_test

import (
	"context"
	"io"
	"iter"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// second returns the error of a call with two results.
func second[T any](_ T, err error) error { return err }

// third returns the error of a call with three results.
func third[T, U any](_ T, _ U, err error) error { return err }

// fourth returns the error of a call with four results.
func fourth[T, U, V any](_ T, _ U, _ V, err error) error { return err }

// useCases calls every use case on behalf of an actor. The other methods of Service are in noUseCases.
func useCases(ctx context.Context, s *service.Service, a cron.Actor) map[string]func() error {
	var (
		now       = time.Unix(1_800_000_000, 0)
		job       = cron.NewJob()
		folder    = cron.Folder{AccountID: a.Account.ID, Title: "x"}
		key       = cron.APIKey{AccountID: a.Account.ID}
		changeJob = setURL("a.example")
		changeKey = func(*cron.APIKey) error { return nil }
		once      = cron.IdempotentCall{Key: "key"}
		ids       = []int64{1}
	)
	job.AccountID, job.Request.URL = a.Account.ID, "http://a.example/"
	return map[string]func() error{
		"JobNow":        func() error { return second(s.JobNow(ctx, now, a, 1)) },
		"JobReport":     func() error { return second(s.JobReport(ctx, now, a, &cron.Job{ID: 1}, time.UTC)) },
		"CurlCommand":   func() error { return second(s.CurlCommand(ctx, now, a, 1, service.Bash)) },
		"ExportCrontab": func() error { return s.ExportCrontab(ctx, now, a, "head", io.Discard) },

		"Versions":        func() error { return third(s.Versions(ctx, a, 1, 0, 1)) },
		"JobVersion":      func() error { return third(s.JobVersion(ctx, a, 1, 1)) },
		"CompareVersions": func() error { return fourth(s.CompareVersions(ctx, a, 1, 1, 2)) },
		"Problems": func() error {
			_, _, _, err := s.Problems(ctx, a, &cron.ProblemQuery{Limit: 1})
			return err
		},
		"Incidents":     func() error { return third(s.Incidents(ctx, a, 1, 0, 1)) },
		"OpenIncidents": func() error { return second(s.OpenIncidents(ctx, a, 1)) },
		"Incident":      func() error { return second(s.Incident(ctx, a, 1, 1)) },
		"AddIncident": func() error {
			return s.AddIncident(ctx, a, 1, &statuspage.Incident{Title: "x", Updates: []statuspage.Update{{Text: "x"}}})
		},
		"ChangeIncident":    func() error { return s.ChangeIncident(ctx, a, 1, 1, func(*statuspage.Incident) error { return nil }) },
		"AddIncidentUpdate": func() error { return s.AddIncidentUpdate(ctx, a, 1, 1, &statuspage.Update{Text: "x"}) },
		"ChangeIncidentUpdate": func() error {
			return s.ChangeIncidentUpdate(ctx, a, 1, 1, 1, func(*statuspage.Update) error { return nil })
		},
		"DeleteIncident":     func() error { return s.DeleteIncident(ctx, a, 1, 1) },
		"StatusMaintenances": func() error { return second(s.StatusMaintenances(ctx, a, 1)) },
		"StatusMaintenance":  func() error { return second(s.StatusMaintenance(ctx, a, 1, 1)) },
		"AddStatusMaintenance": func() error {
			return s.AddStatusMaintenance(ctx, a, 1, &statuspage.Plan{Title: "x", Start: now, End: now.Add(time.Hour), ComponentIDs: ids})
		},
		"ChangeStatusMaintenance": func() error {
			return s.ChangeStatusMaintenance(ctx, a, 1, 1, func(*statuspage.Plan) error { return nil })
		},
		"DeleteStatusMaintenance": func() error { return s.DeleteStatusMaintenance(ctx, a, 1, 1) },
		"Subscribers":             func() error { return third(s.Subscribers(ctx, a, 1, 0, 1)) },
		"CountSubscribers":        func() error { return third(s.CountSubscribers(ctx, a, 1)) },
		"DeleteSubscriber":        func() error { return s.DeleteSubscriber(ctx, a, 1, 1) },
		"StatusDomains":           func() error { return second(s.StatusDomains(ctx, a, 1)) },
		"AddStatusDomain":         func() error { return second(s.AddStatusDomain(ctx, a, 1, "status.example.com")) },
		"CheckStatusDomain":       func() error { return second(s.CheckStatusDomain(ctx, a, 1, 1)) },
		"DeleteStatusDomain":      func() error { return s.DeleteStatusDomain(ctx, a, 1, 1) },
		"ExportSubscribers":       func() error { return s.ExportSubscribers(ctx, a, 1, io.Discard) },

		"Problem":          func() error { return second(s.Problem(ctx, a, 1)) },
		"ActOnProblem":     func() error { return s.ActOnProblem(ctx, a, 1, cron.ProblemAction{Note: new("note")}) },
		"RestoreVersion":   func() error { return second(s.RestoreVersion(ctx, a, 1, 1, nil)) },
		"ForgetVersion":    func() error { return s.ForgetVersion(ctx, a, 1, 1) },
		"BinJobs":          func() error { return third(s.BinJobs(ctx, a, cron.BinPosition{}, 1)) },
		"BinJob":           func() error { return second(s.BinJob(ctx, a, 1)) },
		"BinFolders":       func() error { return second(s.BinFolders(ctx, a)) },
		"RestoreJob":       func() error { return second(s.RestoreJob(ctx, a, 1)) },
		"PurgeJob":         func() error { return s.PurgeJob(ctx, a, 1, "") },
		"RestoreFolder":    func() error { return third(s.RestoreFolder(ctx, a, 1)) },
		"PurgeFolder":      func() error { return s.PurgeFolder(ctx, a, 1, "") },
		"StatusPages":      func() error { return second(s.StatusPages(ctx, a)) },
		"StatusPage":       func() error { return second(s.StatusPage(ctx, a, 1)) },
		"StatusPagesOfJob": func() error { return second(s.StatusPagesOfJob(ctx, a, 1)) },
		"NewStatusPage":    func() error { return second(s.NewStatusPage(a, "x")) },
		"AddStatusPage": func() error {
			p := statuspage.NewPage()
			p.Title = "x"
			return s.AddStatusPage(ctx, a, &p)
		},
		"StatusLogo":         func() error { return second(s.StatusLogo(ctx, a, 1, false)) },
		"SetStatusLogo":      func() error { return s.SetStatusLogo(ctx, a, 1, false, nil) },
		"SetComponentState":  func() error { return s.SetComponentState(ctx, a, 1, 1, nil) },
		"ChangeStatusPage":   func() error { return s.ChangeStatusPage(ctx, a, 1, nil, func(*statuspage.Page) {}) },
		"DeleteStatusPage":   func() error { return s.DeleteStatusPage(ctx, a, 1, nil) },
		"MaintenanceWindows": func() error { return second(s.MaintenanceWindows(ctx, a)) },
		"MaintenanceWindow":  func() error { return second(s.MaintenanceWindow(ctx, a, 1)) },
		"AddMaintenance": func() error {
			return s.AddMaintenance(ctx, a, &cron.MaintenanceWindow{Title: "x", Start: now, End: now.Add(time.Hour)})
		},
		"ChangeMaintenance": func() error { return s.ChangeMaintenance(ctx, a, 1, func(*cron.MaintenanceWindow) {}) },
		"DeleteMaintenance": func() error { return s.DeleteMaintenance(ctx, a, 1) },

		"Account":         func() error { return second(s.Account(ctx, a, "")) },
		"Accounts":        func() error { return second(s.Accounts(ctx, a)) },
		"AddAPIKey":       func() error { return s.AddAPIKey(ctx, a, &key) },
		"AddFolder":       func() error { return s.AddFolder(ctx, a, &folder) },
		"AddJob":          func() error { return s.AddJob(ctx, a, &job) },
		"Admit":           func() error { return s.Admit(ctx, a, service.UseListJobs) },
		"AllHistory":      func() error { return firstError(s.AllHistory(ctx, a, cron.HistoryFilter{})) },
		"APIKeys":         func() error { return second(s.APIKeys(ctx, a)) },
		"BadgeTokens":     func() error { return second(s.BadgeTokens(ctx, a, 1, nil)) },
		"JobBadgePath":    func() error { return second(s.JobBadgePath(ctx, a, 1)) },
		"RenewJobBadge":   func() error { return s.RenewJobBadge(ctx, a, 1) },
		"RenewPageBadges": func() error { return s.RenewPageBadges(ctx, a, 1) },
		"SearchJobs":      func() error { return second(s.SearchJobs(ctx, now, a, &cron.JobQuery{Limit: 1})) },
		"Overview":        func() error { return second(s.Overview(ctx, now, a)) },
		"ProblemCounts":   func() error { return second(s.ProblemCounts(ctx, a)) },
		"ProblemReport":   func() error { return second(s.ProblemReport(ctx, a, 1)) },
		"LatestRuns":      func() error { return second(s.LatestRuns(ctx, a, ids, 1)) },
		"Tags":            func() error { return second(s.Tags(ctx, a)) },
		"Views":           func() error { return second(s.Views(ctx, a)) },
		"AddView":         func() error { return s.AddView(ctx, a, &cron.JobView{Title: "x"}) },
		"ChangeView":      func() error { return s.ChangeView(ctx, a, 1, func(*cron.JobView) {}) },
		"DeleteView":      func() error { return s.DeleteView(ctx, a, 1) },
		"ChangeFolder":    func() error { return s.ChangeFolder(ctx, a, 1, nil) },
		"ChangeJob":       func() error { return second(s.ChangeJob(ctx, a, 1, nil, changeJob)) },
		"ChangeJobs":      func() error { return second(s.ChangeJobs(ctx, a, ids, changeJob)) },
		"CheckFolder":     func() error { return s.CheckFolder(ctx, a, 1) },
		"CheckPatch":      func() error { return s.CheckPatch(a, changeJob) },
		"CreateAccount":   func() error { return second(s.CreateAccount(ctx, a, "b@example.com", "any", cron.AccessAll)) },
		"CreateAPIKey":    func() error { return second(s.CreateAPIKey(ctx, now, a, changeKey)) },
		"DeleteAccount":   func() error { return s.DeleteAccount(ctx, a, "b@example.com", true) },
		"DeleteAPIKey":    func() error { return s.DeleteAPIKey(ctx, a, 1) },
		"DeleteFolder":    func() error { return s.DeleteFolder(ctx, a, 1) },
		"DeleteJob":       func() error { return s.DeleteJob(ctx, a, 1, nil) },
		"DeleteJobs":      func() error { return second(s.DeleteJobs(ctx, a, ids)) },
		"DeleteTLS":       func() error { return s.DeleteTLS(ctx, a) },
		"Compare":         func() error { return second(s.Compare(ctx, a, 1, 1)) },
		"Record":          func() error { return second(s.Record(ctx, now, a, 1, 1)) },
		"RunAgain":        func() error { return s.RunAgain(ctx, a, 1, 1) },
		"Failures":        func() error { return third(s.Failures(ctx, a, &cron.HistoryFilter{})) },
		"Execution":       func() error { return third(s.Execution(ctx, a, 1, 1)) },
		"Folder":          func() error { return second(s.Folder(ctx, a, 1)) },
		"FolderJobs":      func() error { return second(s.FolderJobs(ctx, a, 1, 1)) },
		"Folders":         func() error { return second(s.Folders(ctx, a)) },
		"Live":            func() error { return second(s.Live(ctx, now, a)) },
		"Follow":          func() error { return second(s.Follow(ctx, now, a, "")) },
		"History":         func() error { return third(s.History(ctx, now, a, 1)) },
		"Job":             func() error { return second(s.Job(ctx, now, a, 1)) },
		"Jobs":            func() error { return third(s.Jobs(ctx, now, a)) },
		"NewAPIKey":       func() error { return third(s.NewAPIKey(now, a, changeKey)) },
		"NewClone":        func() error { return second(s.NewClone(ctx, a, 1, changeJob)) },
		"NewFolder":       func() error { return second(s.NewFolder(a, "x")) },
		"NewJob":          func() error { return second(s.NewJob(a, changeJob)) },
		"Idempotent":      func() error { return third(s.Idempotent(ctx, a, service.UseCreateJob, once, nil)) },
		"PreviewJob":      func() error { return second(s.PreviewJob(ctx, now, a, new(cron.NewJob()), 1)) },
		"PreviewSchedule": func() error {
			return second(s.PreviewSchedule(ctx, now, a, 0, func(*service.PreviewRequest) error { return nil }))
		},
		"Performed": func() error { return third(s.Performed(ctx, a, service.UseCreateJob, once)) },
		"NewAction": func() error {
			return second(s.NewAction(ctx, a, service.ActionRequest{Operations: []cron.Operation{{Kind: cron.OperationEnable}}}))
		},
		"NewUndo":        func() error { return second(s.NewUndo(ctx, a, 1)) },
		"StartAction":    func() error { return s.StartAction(ctx, a, &cron.Action{AccountID: a.Account.ID}) },
		"Actions":        func() error { return third(s.Actions(ctx, a, 0, 1)) },
		"Action":         func() error { _, _, _, err := s.Action(ctx, a, 1, 0, 0, 1); return err },
		"ActionOrder":    func() error { return second(s.ActionOrder(ctx, a, 1)) },
		"NewTestRun":     func() error { return second(s.NewTestRun(ctx, a, 0, changeJob)) },
		"StartTestRun":   func() error { return s.StartTestRun(ctx, a, &cron.TestRun{AccountID: a.Account.ID, Job: job}) },
		"RoomForTestRun": func() error { return s.RoomForTestRun(ctx, a) },
		"TestRun":        func() error { return second(s.TestRun(ctx, a, 1)) },
		"EndTestRun":     func() error { return s.EndTestRun(ctx, a, 1) },
		"FollowTestRun":  func() error { return second(s.FollowTestRun(ctx, a, 1)) },
		"RoomForJob":     func() error { return s.RoomForJob(ctx, a) },
		"RoomForJobs":    func() error { return third(s.RoomForJobs(ctx, a)) },
		"ReadCommands":   func() error { return second(s.ReadCommands(a, "curl a.example")) },
		"NewImport": func() error {
			return second(s.NewImport(now, a, "curl a.example", service.ImportDefaults{Zone: "UTC"}))
		},
		"AddJobs": func() error { return second(s.AddJobs(ctx, a, nil)) },
		"Run":     func() error { return second(s.Run(ctx, a, 1, now)) },
		"RunJob":  func() error { return second(s.RunJob(ctx, a, 1)) },
		"PlanReruns": func() error {
			return second(s.PlanReruns(ctx, a, &cron.RerunQuery{Filter: cron.HistoryFilter{From: now, Outcomes: cron.RepeatableOutcomes}, PerMinute: 1}))
		},
		"CancelReruns":      func() error { return second(s.CancelReruns(ctx, a)) },
		"CancelAction":      func() error { return s.CancelAction(ctx, a, 1) },
		"Rerun":             func() error { return second(s.Rerun(ctx, a, &cron.RerunPlan{})) },
		"ScheduleLoad":      func() error { return second(s.ScheduleLoad(ctx, now, a, cron.LoadQuery{})) },
		"SearchHistory":     func() error { return second(s.SearchHistory(ctx, a, &cron.HistoryQuery{Limit: 1})) },
		"SetAccountEnabled": func() error { return s.SetAccountEnabled(ctx, a, "", true) },
		"SetPlan":           func() error { return s.SetPlan(ctx, a, "", service.PlanChange{Plan: "any"}) },
		"SetUp":             func() error { return second(s.SetUp(ctx, a)) },
		"ChangeTLS":         func() error { return s.ChangeTLS(ctx, a, cron.TLSChange{}) },
		"SetTLS":            func() error { return s.SetTLS(ctx, a, cron.TLSMaterial{}) },
		"Secrets":           func() error { return third(s.Secrets(ctx, a, 0, 1)) },
		"NewSecret":         func() error { return second(s.NewSecret(a, "A", "value")) },
		"AddSecret": func() error {
			return s.AddSecret(ctx, a, &cron.Secret{AccountID: a.Account.ID, Name: "A", Value: "value"})
		},
		"Channels":     func() error { return third(s.Channels(ctx, a, 0, 1)) },
		"Channel":      func() error { return second(s.Channel(ctx, a, 1)) },
		"DrainNode":    func() error { return s.DrainNode(ctx, a, 4711, true) },
		"Nodes":        func() error { return second(s.Nodes(ctx, a)) },
		"Storage":      func() error { return second(s.Storage(ctx, a)) },
		"Plans":        func() error { return second(s.Plans(a)) },
		"Told":         func() error { return second(s.Told(ctx, a)) },
		"ChannelKinds": func() error { return second(s.ChannelKinds(a)) },
		"NewChannel": func() error {
			return third(s.NewChannel(a, &service.ChannelChange{Kind: "webhook", Settings: map[string]string{"url": "https://a.example/"}}))
		},
		"AddChannel":    func() error { return s.AddChannel(ctx, a, &cron.Channel{AccountID: a.Account.ID, Kind: "webhook"}) },
		"ChangeChannel": func() error { return second(s.ChangeChannel(ctx, a, 1, &service.ChannelChange{})) },
		"DeleteChannel": func() error { return s.DeleteChannel(ctx, a, 1) },
		"MuteChannel":   func() error { return s.MuteChannel(ctx, a, 1, now) },
		"TestChannel":   func() error { return second(s.TestChannel(ctx, a, 1)) },
		"Messages":      func() error { return third(s.Messages(ctx, a, cron.MessageQuery{Limit: 1})) },
		"Message":       func() error { return third(s.Message(ctx, a, 1)) },
		"Resend":        func() error { return second(s.Resend(ctx, a, 1)) },
		"SetSecret":     func() error { return s.SetSecret(ctx, a, 1, nil) },
		"DeleteSecret":  func() error { return s.DeleteSecret(ctx, a, 1) },
		"Standing":      func() error { return second(s.Standing(ctx, a)) },
		"Stats":         func() error { return second(s.Stats(ctx, now, a, service.StatsRequest{})) },
		"TLS":           func() error { return second(s.TLS(ctx, a)) },

		"AddPasskey":        func() error { return second(s.AddPasskey(ctx, a, service.PasskeyAnswer{})) },
		"AllPeople":         func() error { return second(s.AllPeople(ctx, a)) },
		"Audit":             func() error { return third(s.Audit(ctx, a, cron.AuditFilter{}, 1)) },
		"BeginConfirm":      func() error { return second(s.BeginConfirm(ctx, a, "https://a.example")) },
		"BeginPasskey":      func() error { return second(s.BeginPasskey(ctx, a, "https://a.example")) },
		"BeginTOTP":         func() error { return second(s.BeginTOTP(ctx, a)) },
		"CancelDeletion":    func() error { return s.CancelDeletion(ctx, a) },
		"ChangeAccount":     func() error { return s.ChangeAccount(ctx, a, "", service.AccountChange{}) },
		"ChangeEmail":       func() error { return s.ChangeEmail(ctx, a, "c@example.com") },
		"ChangePassword":    func() error { return second(s.ChangePassword(ctx, a, "x")) },
		"ChangeProfile":     func() error { return second(s.ChangeProfile(ctx, a, service.ProfileChange{})) },
		"ChangeRole":        func() error { return s.ChangeRole(ctx, a, 4711, cron.RoleViewer) },
		"ConfirmByOIDC":     func() error { return second(s.ConfirmByOIDC(ctx, a, auth.Identity{})) },
		"LinkIdentity":      func() error { return s.LinkIdentity(ctx, a, auth.Identity{}) },
		"UseKey":            func() error { return s.UseKey(ctx, a, store.IDOf([32]byte{2}), true) },
		"UnlinkIdentity":    func() error { return s.UnlinkIdentity(ctx, a, "x", "x") },
		"Confirm":           func() error { return second(s.Confirm(ctx, a, service.Proof{Password: "x"})) },
		"ConfirmByPasskey":  func() error { return second(s.ConfirmByPasskey(ctx, a, "x", nil)) },
		"DeletePasskey":     func() error { return s.DeletePasskey(ctx, a, 4711) },
		"DeletePerson":      func() error { return s.DeletePerson(ctx, a, "x") },
		"DisableTOTP":       func() error { return s.DisableTOTP(ctx, a) },
		"EnableTOTP":        func() error { return second(s.EnableTOTP(ctx, a, "x", "1")) },
		"EndOtherSessions":  func() error { return s.EndOtherSessions(ctx, a) },
		"EndSession":        func() error { return s.EndSession(ctx, a, 4711) },
		"Export":            func() error { return s.Export(ctx, a, io.Discard) },
		"Invitations":       func() error { return second(s.Invitations(ctx, a)) },
		"Invite":            func() error { return second(s.Invite(ctx, a, "x", cron.RoleViewer)) },
		"Leave":             func() error { return s.Leave(ctx, a) },
		"LoginLink":         func() error { return second(s.LoginLink(ctx, a, "nobody@example.com")) },
		"NewRecoveryCodes":  func() error { return second(s.NewRecoveryCodes(ctx, a)) },
		"People":            func() error { return second(s.People(ctx, a)) },
		"Profile":           func() error { return second(s.Profile(ctx, a)) },
		"RemovePerson":      func() error { return s.RemovePerson(ctx, a, 4711) },
		"Rename":            func() error { return s.Rename(ctx, a, "x") },
		"RenamePasskey":     func() error { return s.RenamePasskey(ctx, a, 4711, "x") },
		"RequestDeletion":   func() error { return second(s.RequestDeletion(ctx, a, "x")) },
		"RevokeInvitation":  func() error { return s.RevokeInvitation(ctx, a, 4711) },
		"SecondFactor":      func() error { return third(s.SecondFactor(ctx, a, "1")) },
		"Sessions":          func() error { return second(s.Sessions(ctx, a)) },
		"SetPersonEnabled":  func() error { return s.SetPersonEnabled(ctx, a, 4711, true) },
		"SetPersonOperator": func() error { return s.SetPersonOperator(ctx, a, 4711, true) },
		"SetUpLink":         func() error { return third(s.SetUpLink(ctx, a)) },
		"SignOut":           func() error { return s.SignOut(ctx, a) },
		"StatusPass":        func() error { return second(s.StatusPass(ctx, a, "nobody", "")) },
		"SwitchAccount":     func() error { return s.SwitchAccount(ctx, a, 4711) },
		"TestMail":          func() error { return s.TestMail(ctx, a, "x") },
		"TOTPSetup":         func() error { return second(s.TOTPSetup(ctx, a, "x")) },
	}
}

// noUseCases are the methods that need no rights, and why.
var noUseCases = map[string]string{
	"Badge":               "its token is the right to see it",
	"BadgeJob":            "the token of its address has been checked",
	"BadgeRuns":           "the token of its address has been checked",
	"PageBadgePath":       "it reads nothing but the page that the caller has",
	"StatusBadge":         "visitors may read the page",
	"CheckStatusPassword": "the page has been found for the visitor",
	"IsStatusMember":      "a visitor's cookie is checked",
	"StatusEntrance":      "it decides who may read a page",
	"StatusSubscribe":     "visitors may read the page",
	"SubscribesByMail":    "anybody sees what is offered",
	"SubscriberLinks":     "it makes the links of a mail to the subscriber",

	"StatusConfirmation":        "its link is the right",
	"ConfirmStatusSubscription": "its link is the right",
	"StatusSubscription":        "its link is the right",
	"ChangeStatusSubscription":  "its link is the right",
	"StatusUnsubscribe":         "its link is the right",

	"StatusIncident":      "visitors may read the page",
	"StatusIncidents":     "visitors may read the page",
	"StatusPicture":       "visitors may read the page",
	"StatusResponseTimes": "visitors may read the page",
	"StatusView":          "visitors may read the page",
	"TakeStatusPass":      "the pass is the right",

	"Features": "anybody sees what is offered",

	"ExecutorAddresses": "firewalls of targets are configured with them",
	"KeyUsed":           "it notes something of the actor's own key",
	"SessionUsed":       "it notes something of the actor's own session",
	"Version":           "it reads nothing but the job that the caller has",

	"FinishBackground":  "it does what use cases have begun",
	"RunBackground":     "it does what use cases have begun",
	"WorkActions":       "it does what use cases have begun",
	"WorkStatusDomains": "it checks what people have added",
	"OrderCertificate":  "visitors cause it, for hosts that an account holds",
	"WorkStatusPages":   "it does what people have planned, and what components do by themselves",
	"UnsentMails":       "it tells what use cases of this process have begun",

	"BeginPasskeySignIn": "anybody may try to sign in",
	"LostPassword":       "anybody may try to sign in",
	"SignIn":             "anybody may try to sign in",
	"SignInByOIDC":       "anybody may try to sign in",
	"SignInByPasskey":    "anybody may try to sign in",
	"SignInWithCode":     "anybody may try to sign in",
	"SignUp":             "anybody may try to sign up",

	"AcceptInvitation": "its link is the right",
	"Act":              "its link is the right",
	"ActLink":          "its link is the right",
	"ChannelLink":      "its link is the right",
	"ConfirmChannel":   "its link is the right",
	"Unsubscribe":      "its link is the right",
	"UnsubscribeLink":  "its link is the right",
	"MessageLinks":     "of messages, for whoever sends them",
	"BeginNewPasskey":  "its link is the right",
	"CompleteSignUp":   "its link is the right",
	"ConfirmEmail":     "its link is the right",
	"EmailLink":        "its link is the right",
	"Invitation":       "its link is the right",
	"PasswordLink":     "its link is the right",
	"ResetPassword":    "its link is the right",
	"SetupLink":        "its link is the right",
	"SetUpOperator":    "its link is the right",
	"SignUpLink":       "its link is the right",
}

// firstError is the first error of a sequence.
func firstError[T any](sequence iter.Seq2[T, error]) error {
	for _, err := range sequence {
		return err
	}
	return nil
}

// TestEveryMethodIsInTheTables sees to it that no use case is forgotten.
func TestEveryMethodIsInTheTables(t *testing.T) {
	svc, _, _, _ := newService(t, cron.Plan{Name: "any"})
	var methods []string
	for i := range reflect.TypeFor[*service.Service]().NumMethod() {
		methods = append(methods, reflect.TypeFor[*service.Service]().Method(i).Name)
	}
	calls := useCases(t.Context(), svc, cron.Actor{})
	listed := slices.Sorted(maps.Keys(calls))
	if tried := slices.Sorted(maps.Keys(whoMay)); !slices.Equal(tried, listed) {
		t.Errorf("the tables hold\n%q\nand\n%q", listed, tried)
	}
	for method := range noUseCases {
		listed = append(listed, method)
	}
	slices.Sort(listed)
	if !slices.Equal(methods, listed) {
		t.Errorf("Service has the methods\n%q\nbut the tables hold\n%q", methods, listed)
	}
}

// TestNothingIsAddedToAnotherAccount saves what was made for somebody else.
func TestNothingIsAddedToAnotherAccount(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	job, err := svc.NewJob(as(account), setURL("a.example"))
	if err != nil {
		t.Fatal(err)
	}
	folder := cron.Folder{AccountID: account.ID, Title: "x"}
	key := cron.APIKey{AccountID: account.ID, Role: cron.RoleViewer}
	stranger := as(cron.Account{ID: account.ID + 1, Plan: "any"})
	for name, err := range map[string]error{
		"a job":     svc.AddJob(t.Context(), stranger, &job),
		"a folder":  svc.AddFolder(t.Context(), stranger, &folder),
		"a key":     svc.AddAPIKey(t.Context(), stranger, &key),
		"a channel": svc.AddChannel(t.Context(), stranger, &cron.Channel{AccountID: account.ID, Kind: "webhook"}),
		"a secret":  svc.AddSecret(t.Context(), stranger, &cron.Secret{AccountID: account.ID, Name: "A", Value: "value"}),
	} {
		if cron.KindOf(err) != cron.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}
