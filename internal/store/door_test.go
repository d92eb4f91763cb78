package store_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// writing are the methods that write, each with a call in the world of TestOneDoor.
var writing = map[string]func(w *doorWorld, ctx context.Context, db *store.Store) error{
	"CreateAccount": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateAccount(ctx, &cron.Account{Email: "b@example.com", Plan: cron.PlanMember})
	},
	"UpdateAccount": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateAccount(ctx, w.account, disableAccount)
	},
	"DeleteAccount": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteAccount(ctx, w.account)
	},
	"CreateAPIKey": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateAPIKey(ctx, &cron.APIKey{AccountID: w.account, Hash: [32]byte{2}})
	},
	"DeleteAPIKey": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteAPIKey(ctx, w.account, w.key)
	},
	"TouchAPIKey": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.TouchAPIKey(ctx, w.account, w.key, db.Now())
	},
	"CreateFolder": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateFolder(ctx, &cron.Folder{AccountID: w.account, Title: "new"})
	},
	"RenameFolder": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.RenameFolder(ctx, &cron.Folder{ID: w.folder, AccountID: w.account, Title: "other"})
	},
	"DeleteFolder": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteFolder(ctx, w.account, w.folder, cron.Author{})
	},
	"CreateJob": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		j := newJob(w.account)
		return db.CreateJob(ctx, &j)
	},
	"UpdateJob": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateJob(ctx, w.account, w.job, func(j *cron.Job) error { j.Title = "other"; return nil })
	},
	"DeleteJob": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteJob(ctx, w.account, w.job)
	},
	"RestoreVersion": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.RestoreVersion(ctx, w.account, w.job, 1, func(j *cron.Job) error { j.Title = "former"; return nil })
		return err
	},
	"ForgetVersion": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.ForgetVersion(ctx, w.account, w.edited, 1)
	},
	"PurgeJob": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.PurgeJob(ctx, w.account, w.deleted)
		return err
	},
	"PurgeFolder": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.PurgeFolder(ctx, w.account, w.deletedFolder)
		return err
	},
	"RestoreJob": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		b, j, err := db.BinJob(ctx, w.account, w.deleted)
		if err != nil {
			return err
		}
		return db.RestoreJob(ctx, &b, &j, func(context.Context) error { return nil })
	},
	"RestoreFolder": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, _, err := db.RestoreFolder(ctx, w.account, w.deletedFolder, cron.Author{})
		return err
	},
	"DeleteJobIf": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteJobIf(ctx, w.account, w.job, cron.Author{}, func(*cron.Job) error { return nil })
	},
	"ActOnProblem": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.ActOnProblem(ctx, w.account, w.problem, &cron.ProblemAction{Note: new("note")})
	},
	"CreateMaintenance": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateMaintenance(ctx, &cron.MaintenanceWindow{AccountID: w.account, Title: "x", Start: db.Now(), End: db.Now().Add(time.Hour)})
	},
	"UpdateMaintenance": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateMaintenance(ctx, w.account, w.window, func(w *cron.MaintenanceWindow) error { w.Title = "other"; return nil })
	},
	"DeleteMaintenance": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteMaintenance(ctx, w.account, w.window)
	},
	"CreateStatusPage": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateStatusPage(ctx, &statuspage.Page{AccountID: w.account, Title: "new",
			Components: []statuspage.Component{{Title: "x", JobIDs: []int64{w.job}}}})
	},
	"UpdateStatusPage": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateStatusPage(ctx, w.account, w.page, func(p *statuspage.Page) error { p.Title = "other"; return nil })
	},
	"SetComponentState": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SetComponentState(ctx, w.account, w.page, w.component, new(statuspage.Degraded), "jane")
	},
	"RenewJobBadge": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.RenewJobBadge(ctx, w.account, w.job)
	},
	"RenewPageBadges": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.RenewPageBadges(ctx, w.account, w.page)
	},
	"SetStatusLogo": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SetStatusLogo(ctx, w.account, w.page, false, []byte("png"))
	},
	"DeleteStatusPage": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteStatusPage(ctx, w.account, w.page, func(*statuspage.Page) error { return nil })
	},
	"CreateStatusDomain": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateStatusDomain(ctx, &statuspage.Domain{AccountID: w.account, PageID: w.page, Host: "new.example.com"})
	},
	"DeleteStatusDomain": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteStatusDomain(ctx, w.account, w.page, w.domain.ID)
	},
	"SettleStatusDomain": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.SettleStatusDomain(ctx, w.domain, func(d statuspage.Domain, _ int64) (statuspage.Domain, time.Time) {
			d.Held = db.Now()
			return d, db.Now()
		})
		return err
	},
	"ClaimStatusDomains": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.ClaimStatusDomains(ctx, 1)
		return err
	},
	"CreateIncident": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateIncident(ctx, &statuspage.Incident{PageID: w.page, AccountID: w.account, Title: "new",
			Updates: []statuspage.Update{{Text: "x", At: db.Now()}}}, func([]int64) error { return nil })
	},
	"UpdateIncident": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateIncident(ctx, w.account, w.page, w.incident, func(i *statuspage.Incident, _ []int64) error { i.Title = "other"; return nil })
	},
	"DeleteIncident": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteIncident(ctx, w.account, w.page, w.incident)
	},
	"WorkIncidents": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.WorkIncidents(ctx, func(*store.AutomaticIncident) (title, text, by string) { return "x", "x", "x" })
		return err
	},
	"EndAnnouncements": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.EndAnnouncements(ctx)
		return err
	},
	"ShowMaintenance": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.ShowMaintenance(ctx)
		return err
	},
	"CreateStatusPlan": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CreateStatusPlan(ctx, &statuspage.Plan{PageID: w.page, AccountID: w.account, Title: "new", Start: db.Now(), End: db.Now().Add(time.Hour),
			ComponentIDs: []int64{w.component}}, func([]int64) error { return nil })
	},
	"UpdateStatusPlan": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UpdateStatusPlan(ctx, w.account, w.page, w.plan, func(p *statuspage.Plan, _ []int64) error { p.Title = "other"; return nil })
	},
	"Subscribe": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.Subscribe(ctx, &statuspage.Subscriber{PageID: w.page, Kind: statuspage.SubscriberWebhook}, [32]byte{9},
			func(context.Context, *statuspage.Subscriber, bool) error { return nil })
	},
	"ConfirmSubscriber": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.ConfirmSubscriber(ctx, w.asked.ID, w.asked.Created)
	},
	"ChangeSubscriber": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.ChangeSubscriber(ctx, w.asked.ID, []int64{w.component})
	},
	"Unsubscribe": func(w *doorWorld, ctx context.Context, db *store.Store) error { return db.Unsubscribe(ctx, w.asked.ID) },
	"DeleteSubscriber": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteSubscriber(ctx, w.account, w.page, w.asked.ID, func(context.Context, *statuspage.Subscriber, string) error { return nil })
	},
	"PruneSubscribers": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.PruneSubscribers(ctx)
		return err
	},
	"MakeDeliveries": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.MakeDeliveries(ctx)
		return err
	},
	"ClaimDeliveries": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.ClaimDeliveries(ctx, statuspage.DeliveryClaim{Limit: 1, Most: 1})
		return err
	},
	"FinishDelivery": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.FinishDelivery(ctx, statuspage.DeliveryResult{SubscriberID: w.asked.ID, Gone: true})
	},
	"DeleteStatusPlan": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.DeleteStatusPlan(ctx, w.account, w.page, w.plan)
	},
	"RequestRun": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.RequestRun(ctx, w.account, w.job, cron.Author{})
		return err
	},
	"Rerun": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.Rerun(ctx, w.account, &cron.RerunPlan{Runs: []cron.Rerun{{JobID: w.job, RecordID: 4711, Planned: db.Now()}}}, cron.Author{})
		return err
	},
	"CancelReruns": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.CancelReruns(ctx, w.account)
		return err
	},
	"SetTLS": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SetTLS(ctx, w.account, cron.TLSMaterial{Roots: "other"})
	},
	"ChangeTLS": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.ChangeTLS(ctx, w.account, cron.TLSChange{Roots: new("roots"), Client: &cron.TLSMaterial{Certificate: "c", Key: "k"}})
	},
	"DeleteTLS": func(w *doorWorld, ctx context.Context, db *store.Store) error { return db.DeleteTLS(ctx, w.account) },
	"Count": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.Count(ctx, w.account, []cron.RateLimit{{Kind: 1, Subject: w.account, Window: time.Hour, Max: 10}})
		return err
	},
	"Uncount": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.Uncount(ctx, w.account, []cron.RateLimit{{Kind: 1, Subject: w.account, Window: time.Hour, Max: 10}}, db.Now())
	},
	"Idempotent": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, _, err := db.Idempotent(ctx, cron.IdempotentCall{AccountID: w.account, Key: "key"}, func(context.Context) ([]byte, error) {
			return []byte("answer"), nil
		})
		return err
	},
	"StartTestRun": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.StartTestRun(ctx, &cron.TestRun{AccountID: w.account, Job: newJob(w.account)})
	},
	"EndTestRun": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.EndTestRun(ctx, w.account, w.waiting.ID)
	},
	"ClaimTestRun": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, _, err := db.ClaimTestRun(ctx, w.node, w.waiting, func(*cron.Job) bool { return true })
		return err
	},
	"AdvanceTestRun": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, _, err := db.AdvanceTestRun(ctx, &cron.TestProgress{Node: w.node, ID: w.running, AccountID: w.account})
		return err
	},
	"FinishTestRun": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.FinishTestRun(ctx, &cron.TestProgress{Node: w.node, ID: w.running, AccountID: w.account})
	},
	"StartAction": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.StartAction(ctx, &cron.Action{AccountID: w.account})
	},
	"ClaimAction": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, _, err := db.ClaimAction(ctx, w.node)
		return err
	},
	"ListActionJobs": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.ListActionJobs(ctx, &w.selecting, []int64{w.job, 99}, 2, true)
	},
	"CopyActionJobs": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CopyActionJobs(ctx, &w.selecting, w.working.ID, 10)
	},
	"ActOnJob": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		job := cron.ActionJob{JobID: w.job, Version: 1}
		_, err := db.ActOnJob(ctx, &w.working, &job, store.ActionSteps{Edit: func(j *cron.Job, job *cron.ActionJob) {
			j.Title, job.Result, job.Effect = "by an action", cron.ActionChanged, cron.EffectEdited
		}})
		return err
	},
	"SaveActionResults": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		same := []*cron.ActionJob{{JobID: w.job, Result: cron.ActionSame}}
		return db.SaveActionResults(ctx, &w.working, same, w.job, cron.ActionCounts{Same: 1})
	},
	"CancelAction": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.CancelAction(ctx, w.account, w.working.ID)
	},
	"FinishAction": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.FinishAction(ctx, &w.working)
	},
	"PruneTestRuns": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.PruneTestRuns(ctx)
		return err
	},
	"Claim": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.Claim(ctx, cron.ClaimRequest{Node: w.node, Limit: 10})
		return err
	},
	"Finish": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.Finish(ctx, []cron.Completion{completion(w.launch, cron.StatusOK)})
	},
	"StartNode": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.StartNode(ctx, cron.Node{Name: "other"})
		return err
	},
	"StopNode": func(w *doorWorld, ctx context.Context, db *store.Store) error { return db.StopNode(ctx, w.node) },
	"SettleDead": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.SettleDead(ctx, w.node+1000)
		return err
	},
	"RollUp": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.RollUp(ctx)
		return err
	},
	"Maintain": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.Maintain(ctx)
		return err
	},
	"CheckWrite": func(_ *doorWorld, ctx context.Context, db *store.Store) error { return db.CheckWrite(ctx) },
	"SetServiceURL": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SetServiceURL(ctx, "https://cron.example.com")
	},
	"Heartbeat": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return beat(ctx, db, w.node)
	},
	"DrainNode": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.DrainNode(ctx, w.node, true)
		return err
	},
	"Audited": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		return db.Audited(ctx, &cron.AuditEntry{AccountID: w.account}, func(context.Context) error { return nil })
	},
	"Abandoned": func(w *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.Abandoned(ctx, w.node, nil)
		return err
	},
	"AgreeOnZones": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.AgreeOnZones(ctx, cron.CurrentZones())
	},
	"Replan": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.Replan(ctx)
		return err
	},
	"SaveACMEFile": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.SaveACMEFile(ctx, "other", []byte("value"))
	},
	"DeleteACMEFile": func(_ *doorWorld, ctx context.Context, db *store.Store) error { return db.DeleteACMEFile(ctx, "file") },
	"LockACME": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.LockACME(ctx, "lock", "other", time.Hour)
		return err
	},
	"UnlockACME": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UnlockACME(ctx, "held", "owner")
	},
	"RefreshKeys": func(_ *doorWorld, ctx context.Context, db *store.Store) error { return db.RefreshKeys(ctx) },
	"UseKey": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		return db.UseKey(ctx, store.IDOf(spareKey), true)
	},
	"Reseal": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		if err := db.UseKey(ctx, store.IDOf(spareKey), true); err != nil {
			return err
		}
		_, err := db.Reseal(ctx)
		return err
	},
	"ObserveComponents": func(_ *doorWorld, ctx context.Context, db *store.Store) error {
		_, err := db.ObserveComponents(ctx)
		return err
	},
	"WakeJobs": func(w *doorWorld, ctx context.Context, db *store.Store) error { return db.WakeJobs(ctx, w.account) },
}

// spareKey is a key that is not in use.
var spareKey = [32]byte{9}

// swapping has a key in use and a spare one, in another order each time, so that a node has something to report.
func swapping(key [32]byte) func() ([][32]byte, error) {
	keys := [][32]byte{key, spareKey}
	return func() ([][32]byte, error) {
		keys[0], keys[1] = keys[1], keys[0]
		return slices.Clone(keys), nil
	}
}

// notWriting are the other methods.
var notWriting = []string{
	"Action", "ActionJobs", "Actions", "WaitingActionJobs", "Edits", "ExecutionJob", "JobCounts", "LastResolved", "NextJobs", "ProblemCounts", "Recent", "Unresolved",
	"ACMEFile", "ACMEFiles", "APIKeyByHash", "AfterCommit", "APIKeys", "Account", "AccountByEmail", "Accounts", "Audit", "Backlog", "Backup", "BinFolders", "BinJob", "BinJobs", "ChangedExecutions", "Changed", "Close", "Monitored", "PageHistory",
	"AnyStatusPage", "CountJobs", "DueBeside", "EachJob", "EndingTestRuns", "Execution", "ExecutionsAfter", "Failures", "Folder", "FindJobs", "FolderJobs", "Folders", "SearchJobs", "Tags", "Views", "Forget", "GoodBefore", "Watermarks", "History", "InConnections", "PlanReruns", "Record", "Attempts", "RerunsOf",
	"InTransaction", "SetPollAge", "Observable", "OpenNotice", "DueDeliveries", "Intercept", "InterceptScheduler", "Job", "JobChangesAfter", "JobTitle", "Jobs", "LatestRuns", "PublicJob", "BadgeRenewals", "StatusRuns", "StatusDurations", "MeasureClock", "NextDue", "Notices", "Now",
	"FailingChannels", "MoveMaintenance", "Operator", "Opened", "Performed", "Ping", "Queued", "ReadNumber", "RequestedRun", "RunningExecutions", "Search", "SetCallTime", "Know", "ForgetDuties", "Setting", "SettingInside",
	"ScheduledJobs", "TagsOfJobs", "ServiceURL", "Stats", "TLS", "TestRun", "TestRunVersion", "TestRunsChanged", "Used", "Version", "Versions", "EditsBefore", "MaintenanceWindow", "MaintenanceWindows", "PagesOfJob", "JobWindows", "Incident", "Incidents", "IncidentsBehind", "OpenIncidents", "PublicIncidents", "StatusPlan", "StatusPlans", "StatusLogo", "StatusPage", "StatusPages", "StatusDomains", "StatusDomain", "HeldDomains", "HeldDomain", "DomainsRevision", "CanonicalDomain", "StatusEntrance", "StatusPasswordHash", "PublicStatusPage", "ResponseTimes", "IsMember", "StatusPicture", "PublicIncident", "PublishedIncidents", "JobProblem", "Problem", "ProblemJobs", "Problems", "WaitingTestRuns", "ZoneRelease",
	"Subscriber", "Subscribers", "CountSubscribers",
	"CurrentKey", "NodesWithout", "ServiceSecret",
	"HasOperator", "Identities", "IdentityPerson", "Invitations", "LinkByHash", "Membership", "Memberships", "MembershipsOf",
	"PasskeyByCredential", "Passkeys", "People", "Person", "PersonByEmail", "RecoveryCodes", "SessionByHash", "Sessions", "TOTP",
	"LinkedMessage", "Message", "Messages", "NextMessage", "Noticed", "UsualDuration", "WaitingMessages",
	"Told", "Nodes", "ExecutorAddresses", "Listeners", "Storage", "Channel", "ChannelIDs", "Channels", "CountSecrets", "LeaveGoneChannels", "Material", "Secret", "Secrets",
}

type doorWorld struct {
	account, node, key, folder, job int64
	edited, deleted, deletedFolder  int64 // a job with a second version, and what lies in the bin
	launch                          cron.Launch
	waiting                         cron.WaitingTestRun
	running                         int64 // a test run
	problem, window, page           int64
	component, incident, plan       int64 // of the page
	asked                           statuspage.Subscriber
	domain                          statuspage.Domain // of the page, whose check is due
	selecting, working              cron.Action
	people                          people
	sending, sent                   int64 // messages
	options                         store.Options
}

// addStatusPage adds a page of which something is to be worked on.
func (w *doorWorld) addStatusPage(t *testing.T, db *store.Store, raw *storetest.Tables) {
	page := statuspage.Page{AccountID: w.account, Title: "page", Published: true, Announcement: "x", AnnouncedUntil: db.Now().Add(-time.Hour),
		Components: []statuspage.Component{{Title: "x", Automatic: time.Minute}, {Title: "y"}}}
	ok(t, db.CreateStatusPage(t.Context(), &page))
	w.page, w.component = page.ID, page.Components[0].ID
	raw.Observe(w.component, statuspage.MajorOutage, db.Now().Add(-time.Hour))
	fine := func([]int64) error { return nil }
	incident := statuspage.Incident{PageID: page.ID, AccountID: w.account, Title: "x", Updates: []statuspage.Update{{Text: "x", At: db.Now(),
		Impacts: []statuspage.Impact{{ComponentID: page.Components[1].ID, State: statuspage.Degraded}}}}}
	ok(t, db.CreateIncident(t.Context(), &incident, fine))
	plan := statuspage.Plan{PageID: page.ID, AccountID: w.account, Title: "x", Start: db.Now().Add(-time.Hour), End: db.Now().Add(time.Hour),
		ComponentIDs: []int64{page.Components[1].ID}}
	ok(t, db.CreateStatusPlan(t.Context(), &plan, fine))
	raw.ShowPlanFrom(plan.ID, db.Now().Add(-2*time.Hour))
	w.domain = statuspage.Domain{AccountID: w.account, PageID: page.ID, Host: "status.example.com"}
	ok(t, db.CreateStatusDomain(t.Context(), &w.domain))
	raw.DueDomain(w.domain.ID)
	w.incident, w.plan = incident.ID, plan.ID
	w.addSubscribers(t, db)
}

// addSubscribers adds one that is asked, one that has not confirmed in time, and one that is to be told of an incident.
func (w *doorWorld) addSubscribers(t *testing.T, db *store.Store) {
	t.Helper()
	for n, to := range []*statuspage.Subscriber{new(statuspage.Subscriber), new(statuspage.Subscriber), &w.asked} {
		*to = statuspage.Subscriber{PageID: w.page, Kind: statuspage.SubscriberWebhook}
		ok(t, db.Subscribe(t.Context(), to, [32]byte{byte(n)}, func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
		switch n {
		case 0:
			exec(t, past(t, w.options), `UPDATE status_subscriber SET expires_at = 1`)
		case 1:
			ok(t, db.ConfirmSubscriber(t.Context(), to.ID, to.Created))
		}
	}
	incident := statuspage.Incident{PageID: w.page, AccountID: w.account, Title: "x", Updates: []statuspage.Update{{Text: "x", At: db.Now()}}}
	ok(t, db.CreateIncident(t.Context(), &incident, func([]int64) error { return nil }))
}

// fillBin deletes a job and a folder, and edits another job.
func (w *doorWorld) fillBin(t *testing.T, db *store.Store) {
	t.Helper()
	edited, deleted := newJob(w.account), newJob(w.account)
	edited.Enabled, deleted.Enabled = false, false
	ok(t, db.CreateJob(t.Context(), &edited))
	ok(t, db.CreateJob(t.Context(), &deleted))
	ok(t, db.UpdateJob(t.Context(), w.account, edited.ID, func(j *cron.Job) error { j.Title = "other"; return nil }))
	ok(t, db.DeleteJob(t.Context(), w.account, deleted.ID))
	f := cron.Folder{AccountID: w.account, Title: "deleted"}
	ok(t, db.CreateFolder(t.Context(), &f))
	ok(t, db.DeleteFolder(t.Context(), w.account, f.ID, cron.Author{}))
	w.edited, w.deleted, w.deletedFolder = edited.ID, deleted.ID, f.ID
}

// addActions adds one that selects its jobs, and one that works on the job.
func (w *doorWorld) addActions(t *testing.T, db *store.Store) {
	t.Helper()
	for _, to := range []*cron.Action{&w.working, &w.selecting} {
		ok(t, db.StartAction(t.Context(), &cron.Action{AccountID: w.account}))
		var err error
		*to, _, err = db.ClaimAction(t.Context(), w.node)
		ok(t, err)
		if to == &w.working {
			ok(t, db.ListActionJobs(t.Context(), to, []int64{w.job}, 0, true))
			*to, _, err = db.ClaimAction(t.Context(), w.node)
			ok(t, err)
			exec(t, past(t, w.options), `UPDATE action SET touched_at = 9000000000000 WHERE id = $1`, to.ID)
		}
	}
	exec(t, past(t, w.options), `UPDATE action SET touched_at = 1`)
}

// addTestRuns adds one that runs, one that waits, and one that has expired.
func (w *doorWorld) addTestRuns(t *testing.T, db *store.Store) {
	t.Helper()
	start := func() cron.WaitingTestRun {
		run := cron.TestRun{AccountID: w.account, Job: newJob(w.account)}
		ok(t, db.StartTestRun(t.Context(), &run))
		list, err := db.WaitingTestRuns(t.Context(), run.ID-1, nil, 1)
		ok(t, err)
		return list[0]
	}
	running := start()
	_, claimed, err := db.ClaimTestRun(t.Context(), w.node, running, func(*cron.Job) bool { return true })
	ok(t, err)
	if !claimed {
		t.Fatal("the test run was not claimed")
	}
	w.running, w.waiting = running.ID, start()
	exec(t, past(t, w.options), `UPDATE test_run SET expires_at = 1 WHERE id = $1`, start().ID)
}

// TestOneDoor calls every method that writes inside a transaction, which is then rolled back: a method that
// did not join the transaction would leave changes on PostgreSQL, and deadlock on SQLite.
func TestOneDoor(t *testing.T) {
	writing := maps.Clone(writing)
	maps.Copy(writing, writingPeople)
	maps.Copy(writing, writingSecrets)
	maps.Copy(writing, writingChannels)
	maps.Copy(writing, writingMessages)
	methods := reflect.TypeFor[*store.Store]()
	known := map[string]bool{}
	for _, name := range notWriting {
		known[name] = true
	}
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; writing[name] == nil && !known[name] {
			t.Errorf("the method %s is neither among those that write nor among the others", name)
		}
	}
	for _, database := range storetest.Databases {
		t.Run(database.Name, func(t *testing.T) {
			o := database.New(t)
			o.Keys = swapping(o.Key)
			db, raw := open(t, o), past(t, o)
			w := doorWorld{options: o}
			w.account, w.node = newAccount(t, db)
			k := cron.APIKey{AccountID: w.account, Hash: [32]byte{1}}
			ok(t, db.CreateAPIKey(t.Context(), &k))
			f := cron.Folder{AccountID: w.account, Title: "folder"}
			ok(t, db.CreateFolder(t.Context(), &f))
			ok(t, db.SetTLS(t.Context(), w.account, cron.TLSMaterial{Roots: "roots"}))
			j := newJob(w.account)
			j.FolderID = f.ID
			ok(t, db.CreateJob(t.Context(), &j))
			w.key, w.folder, w.job = k.ID, f.ID, j.ID
			w.fillBin(t, db)
			ok(t, db.CreateSecret(t.Context(), &cron.Secret{AccountID: w.account, Name: "SECRET", Value: "value"}))
			w.people = newPeople(t, db, w.account)
			ok(t, db.SaveACMEFile(t.Context(), "file", []byte("value")))
			_, err := db.LockACME(t.Context(), "held", "owner", time.Hour)
			ok(t, err)
			due := func() {
				tables(t, raw).SetDue(j.ID, db.Now().Add(-time.Second))
			}
			due()
			ok(t, db.DeleteTLS(t.Context(), w.account))
			claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: w.node, Limit: 1})
			ok(t, err)
			w.launch = claimed.Launches[0]
			ok(t, db.SetTLS(t.Context(), w.account, cron.TLSMaterial{Roots: "roots"}))
			due()
			exec(t, raw, `INSERT INTO problem (account_id, cause, kind, job_id, example, first_execution, opened_at, last_at)
				VALUES ($1, 1, 1, 0, '', 1, 1, 1)`, w.account)
			w.problem = number(t, raw, `SELECT id FROM problem`)
			window := cron.MaintenanceWindow{AccountID: w.account, Title: "night", Effect: cron.MaintenanceSilence, Start: db.Now(), End: db.Now().Add(time.Hour)}
			ok(t, db.CreateMaintenance(t.Context(), &window))
			w.window = window.ID
			w.addStatusPage(t, db, tables(t, raw))
			tables(t, raw).AddMonitorResults(w.account, w.job, 1, cron.OutcomeSucceeded, db.Now())
			w.addTestRuns(t, db)
			w.addActions(t, db)
			w.addMessages(t, db)
			ok(t, db.QueueMail(t.Context(), &cron.Mail{ID: "mail"}))

			before := dump(t, raw)
			undone := errors.New("undone")
			for name, call := range writing {
				err := db.InTransaction(t.Context(), func(ctx context.Context) error {
					return cmp.Or(call(&w, ctx, db), undone)
				})
				if !errors.Is(err, undone) {
					t.Errorf("%s: %v", name, err)
				}
				if diff := gocmp.Diff(before, dump(t, raw)); diff != "" {
					t.Fatalf("%s does not join the transaction (-before +after):\n%s", name, diff)
				}
			}
		})
	}
}

// TestOneAccountHoldsARow has an account whose calls all wait for one row that is locked: calls of another account, the
// heartbeat and claims go on.
func TestOneAccountHoldsARow(t *testing.T) {
	o := storetest.Databases[1].New(t)
	db, raw := open(t, o), past(t, o)
	account, node := newAccount(t, db)
	other := cron.Account{Email: "b@example.com", Plan: cron.PlanUnlimited}
	ok(t, db.CreateAccount(t.Context(), &other))
	held, free := newJob(account), newJob(other.ID)
	ok(t, db.CreateJob(t.Context(), &held))
	ok(t, db.CreateJob(t.Context(), &free))
	tables(t, raw).LockAccount(account)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls sync.WaitGroup
	for range 40 {
		calls.Go(func() {
			j := newJob(account)
			_ = db.CreateJob(ctx, &j) // waits for the row or for a connection until ctx ends
		})
	}
	soon(t, "the wait", func() bool {
		return number(t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
	})
	ok(t, db.UpdateJob(t.Context(), other.ID, free.ID, func(j *cron.Job) error { j.Title = "edited"; return nil }))
	ok(t, beat(t.Context(), db, node))
	tables(t, raw).SetDue(free.ID, db.Now().Add(-time.Second))
	claimed, err := db.Claim(t.Context(), cron.ClaimRequest{Node: node, Limit: 10})
	ok(t, err)
	if len(claimed.Launches) != 1 {
		t.Errorf("%d executions were claimed, want 1", len(claimed.Launches))
	}
	if n := number(t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`); n > 2 {
		t.Errorf("%d connections wait for the row, want the share of one account", n)
	}
	cancel()
	calls.Wait()
}

// TestATransactionThatEndedWritesNothingMore has the database roll back a transaction when a part of it fails, as SQLite
// does when its disk is full, and a caller that ignores the error.
func TestATransactionThatEndedWritesNothingMore(t *testing.T) {
	for _, database := range storetest.Databases {
		t.Run(database.Name, func(t *testing.T) {
			db := open(t, database.New(t))
			account, _ := newAccount(t, db)
			ended := errors.New("the transaction has ended")
			undo := db.Intercept(func(query string, _ []any) error {
				if query == `ROLLBACK TO SAVEPOINT part` {
					return ended
				}
				return nil
			})
			var failed error
			err := db.InTransaction(t.Context(), func(ctx context.Context) error {
				ok(t, db.CreateFolder(ctx, &cron.Folder{AccountID: account, Title: "first"}))
				if err := db.CreateFolder(ctx, &cron.Folder{AccountID: account, Title: "first"}); err == nil {
					t.Error("a title was given twice")
				}
				failed = db.CreateFolder(ctx, &cron.Folder{AccountID: account, Title: "second"})
				return nil
			})
			undo()
			if !errors.Is(failed, ended) || !errors.Is(err, ended) {
				t.Errorf("a later part: %v; the transaction: %v", failed, err)
			}
			folders, err := db.Folders(t.Context(), account)
			ok(t, err)
			if len(folders) > 0 {
				t.Errorf("%v was written", folders)
			}
		})
	}
}
