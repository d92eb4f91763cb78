package service_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// changesNothing are the use cases that leave no entry in the audit log: they only read, check or prepare.
var changesNothing = []string{"APIKeys", "Account", "Accounts", "Admit", "AllHistory", "AllPeople", "Audit", "BadgeTokens", "JobBadgePath", "BeginConfirm",
	"BeginPasskey", "BeginTOTP", "CheckFolder", "CheckPatch", "Compare", "Execution", "Failures", "Folder", "FolderJobs", "Folders", "Follow", "History",
	"Idempotent", "Invitations", "Job", "Jobs", "Action", "ActionOrder", "Actions", "NewAction", "NewUndo", "NewAPIKey", "NewClone", "NewFolder", "NewJob", "NewSecret", "People", "Performed", "PlanReruns", "PreviewJob", "PreviewSchedule", "Record",
	"Profile", "RoomForJob", "RoomForTestRun", "NewTestRun", "TestRun", "FollowTestRun", "EndTestRun", "Run", "ScheduleLoad", "SearchHistory", "Secrets", "Sessions", "Standing", "Stats", "StatusDomains", "StatusPass", "SwitchAccount", "TLS", "TOTPSetup", "TestMail",
	"Channels", "Channel", "ChannelKinds", "NewChannel", "Messages", "Message", "Problems", "Problem", "Incidents", "OpenIncidents", "Incident", "StatusMaintenances", "StatusMaintenance", "MaintenanceWindows", "MaintenanceWindow", "StatusPages", "StatusPage", "StatusPagesOfJob", "StatusLogo", "NewStatusPage", "Versions", "JobVersion", "CompareVersions", "BinJob", "BinJobs", "BinFolders",
	"Subscribers", "CountSubscribers",
	"Nodes", "Plans", "Storage", "ReadCommands", "NewImport", "RoomForJobs", "Live", "Overview", "ProblemCounts", "ProblemReport", "Told",
	"JobNow", "JobReport", "CurlCommand", "ExportCrontab",
	"SetUpLink", "SearchJobs", "LatestRuns", "Tags", "Views", "AddView", "ChangeView", "DeleteView", // views are a person's own
}

// passkeyNeeded are those that need an authenticator; the tests of passkeys look at what they leave.
var passkeyNeeded = []string{"AddPasskey", "ConfirmByPasskey"}

// TestEveryChangeIsInTheLog performs every use case that changes something, and looks for its entry.
func TestEveryChangeIsInTheLog(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	op := w.person("op@example.com", cron.RoleNone)
	w.ok(w.SetPersonOperator(ctx, command, op.ID, true))
	jane, bob := w.member("jane@example.com", cron.RoleOwner), w.member("bob@example.com", cron.RoleViewer)
	spare := w.person("spare@example.com", cron.RoleOwner)
	key := func(title string) (k cron.APIKey) {
		k, _, err := w.NewAPIKey(w.db.Now(), jane, func(k *cron.APIKey) error { k.Title = title; return nil })
		w.ok(err)
		return k
	}
	job := func() cron.Job {
		j, err := w.NewJob(jane, secretJob(0))
		w.ok(err)
		return j
	}
	var (
		first  = job()
		folder = cron.Folder{AccountID: w.account.ID, Title: "nightly"}
		made   = key("deploy")
		patch  = setURL("https://user:s3cret@b.example/")
		secret = cron.Secret{AccountID: w.account.ID, Name: "TOKEN", Value: "s3cret"}
		page   = statuspage.Page{Title: "Systems", Days: 90, Components: []statuspage.Component{{Title: "x", Rule: statuspage.DefaultRule()}}}
		opened = statuspage.Incident{Title: "slow", Updates: []statuspage.Update{{Text: "s3cret"}}}
		domain service.StatusDomain
		plan   = statuspage.Plan{Title: "move", Start: w.db.Now(), End: w.db.Now().Add(time.Hour)}
		window = cron.MaintenanceWindow{Title: "move", Start: w.db.Now(), End: w.db.Now().Add(time.Hour)}
		shop   cron.Account
		email  int64
		raw    = storetest.NewTables(t, storetest.Raw(t, w.options))
		broken = raw.AddProblems(w.account.ID, 1, cron.ProblemOpen, w.db.Now())
	)
	channel, _, err := w.NewChannel(jane, &service.ChannelChange{Kind: "webhook", Settings: map[string]string{"url": "https://a.example/"}})
	w.ok(err)
	act := func(state *cron.ProblemState, note *string) error {
		return w.ActOnProblem(ctx, jane, broken, cron.ProblemAction{State: state, Note: note, Until: w.db.Now().Add(time.Hour)})
	}
	pass := cron.Passkey{PersonID: jane.Person.ID, CredentialID: []byte("x"), Credential: []byte("{}"), Title: "phone"}
	w.ok(w.db.AddPasskey(ctx, &pass))
	state, err := w.BeginTOTP(ctx, jane)
	w.ok(err)
	steps := []struct {
		method, want string // the actions
		call         func() error
	}{
		{"AddJob", "job.create", func() error { return w.AddJob(ctx, jane, &first) }},
		{"ChangeJob", "job.change", func() error { return second(w.ChangeJob(ctx, jane, first.ID, nil, patch)) }},
		{"ChangeJobs", "job.change", func() error { return bulk(w.ChangeJobs(ctx, jane, []int64{first.ID}, setURL("c.example"))) }},
		{"AddJobs", "job.create", func() error {
			j := job()
			return second(w.AddJobs(ctx, jane, []service.ImportedJob{{Job: &j, Key: "once"}}))
		}},
		{"RunJob", "job.run", func() error { return second(w.RunJob(ctx, jane, first.ID)) }},
		{"Rerun", "history.rerun", func() error {
			return second(w.Rerun(ctx, jane, &cron.RerunPlan{Runs: []cron.Rerun{{JobID: first.ID, RecordID: 1, Planned: w.db.Now()}}}))
		}},
		{"CancelReruns", "history.rerun.cancel", func() error { return second(w.CancelReruns(ctx, jane)) }},
		{"RunAgain", "history.rerun", func() error {
			failed := cron.Execution{AccountID: w.account.ID, JobID: first.ID, Attempt: 1, Planned: w.db.Now().Add(-time.Minute), Outcome: cron.OutcomeFailed,
				Result: cron.Result{Started: w.db.Now().Add(-time.Minute), Status: cron.StatusHTTPError, HTTPStatus: 500}}
			raw.AddExecution(&failed)
			err := w.RunAgain(ctx, jane, first.ID, failed.ID)
			if again := w.RunAgain(ctx, jane, first.ID, failed.ID); cron.KindOf(again) != cron.Conflict {
				t.Errorf("a record that is repeated already: %v", again)
			}
			return err
		}},
		{"StartTestRun", "testrun.start", func() error {
			tested, err := w.NewTestRun(ctx, jane, first.ID, patch)
			w.ok(err)
			return w.StartTestRun(ctx, jane, &tested)
		}},
		{"RestoreVersion", "job.version.restore", func() error { return second(w.RestoreVersion(ctx, jane, first.ID, 2, nil)) }},
		{"ForgetVersion", "job.version.forget", func() error { return w.ForgetVersion(ctx, jane, first.ID, 2) }},
		{"StartAction", "action.start action.dry-run action.undo", func() error {
			for _, r := range []service.ActionRequest{{}, {DryRun: true}} {
				r.Operations = []cron.Operation{{Kind: cron.OperationEnable}}
				a, err := w.NewAction(ctx, jane, r)
				w.ok(err)
				w.ok(w.StartAction(ctx, jane, &a))
			}
			return w.StartAction(ctx, jane, &cron.Action{AccountID: w.account.ID, Undoes: 1})
		}},
		{"RenewJobBadge", "job.badge.renew", func() error { return w.RenewJobBadge(ctx, jane, first.ID) }},
		{"CancelAction", "action.cancel", func() error { return w.CancelAction(ctx, jane, 1) }},
		{"DeleteJob", "job.delete", func() error { return w.DeleteJob(ctx, jane, first.ID, nil) }},
		{"RestoreJob", "job.restore", func() error { return second(w.RestoreJob(ctx, jane, first.ID)) }},
		{"PurgeJob", "job.delete job.purge", func() error {
			w.ok(w.DeleteJob(ctx, jane, first.ID, nil))
			return w.PurgeJob(ctx, jane, first.ID, first.Title)
		}},
		{"DeleteJobs", "job.create job.delete", func() error {
			j := job()
			w.ok(w.AddJob(ctx, jane, &j))
			return bulk(w.DeleteJobs(ctx, jane, []int64{j.ID}))
		}},
		{"AddFolder", "folder.create", func() error { return w.AddFolder(ctx, jane, &folder) }},
		{"ChangeFolder", "folder.change", func() error { return w.ChangeFolder(ctx, jane, folder.ID, new("daily")) }},
		{"DeleteFolder", "folder.delete", func() error { return w.DeleteFolder(ctx, jane, folder.ID) }},
		{"RestoreFolder", "folder.restore", func() error { return third(w.RestoreFolder(ctx, jane, folder.ID)) }},
		{"PurgeFolder", "folder.delete folder.purge", func() error {
			w.ok(w.DeleteFolder(ctx, jane, folder.ID))
			return w.PurgeFolder(ctx, jane, folder.ID, "daily")
		}},
		{"AddAPIKey", "key.create", func() error { return w.AddAPIKey(ctx, jane, &made) }},
		{"DeleteAPIKey", "key.delete", func() error { return w.DeleteAPIKey(ctx, jane, made.ID) }},
		{"CreateAPIKey", "key.create", func() error {
			return second(w.CreateAPIKey(ctx, w.db.Now(), jane, func(*cron.APIKey) error { return nil }))
		}},
		{"SetTLS", "tls.delete", func() error { return w.SetTLS(ctx, jane, cron.TLSMaterial{}) }},
		{"ChangeTLS", "tls.set", func() error { return w.ChangeTLS(ctx, jane, cron.TLSChange{Roots: new("")}) }},
		{"DeleteTLS", "tls.delete", func() error { return w.DeleteTLS(ctx, jane) }},
		{"ActOnProblem", "problem.note problem.snooze problem.acknowledge problem.resolve", func() error {
			return cmp.Or(act(nil, new("known")), act(new(cron.ProblemSnoozed), nil), act(new(cron.ProblemAcknowledged), new("known")),
				act(new(cron.ProblemResolved), nil))
		}},
		{"AddMaintenance", "maintenance.create", func() error { return w.AddMaintenance(ctx, jane, &window) }},
		{"ChangeMaintenance", "maintenance.change", func() error {
			return w.ChangeMaintenance(ctx, jane, window.ID, func(w *cron.MaintenanceWindow) { w.Title, w.Tags = "later", []string{"a"} })
		}},
		{"AddStatusPage", "statuspage.create", func() error { return w.AddStatusPage(ctx, jane, &page) }},
		{"ChangeStatusPage", "statuspage.change", func() error {
			return w.ChangeStatusPage(ctx, jane, page.ID, nil, func(p *statuspage.Page) { p.Title, p.Published = "Status", true })
		}},
		{"SetStatusLogo", "statuspage.change", func() error { return w.SetStatusLogo(ctx, jane, page.ID, true, storetest.Logo()) }},
		{"AddIncident", "incident.create", func() error { return w.AddIncident(ctx, jane, page.ID, &opened) }},
		{"ChangeIncident", "incident.change", func() error {
			return w.ChangeIncident(ctx, jane, page.ID, opened.ID, func(i *statuspage.Incident) error { i.Title, i.Draft = "fast", true; return nil })
		}},
		{"AddIncidentUpdate", "incident.update", func() error {
			return w.AddIncidentUpdate(ctx, jane, page.ID, opened.ID, &statuspage.Update{Text: "s3cret", Phase: statuspage.Resolved})
		}},
		{"ChangeIncidentUpdate", "incident.update.change", func() error {
			return w.ChangeIncidentUpdate(ctx, jane, page.ID, opened.ID, opened.Updates[0].ID, func(u *statuspage.Update) error { u.Text = "other"; return nil })
		}},
		{"DeleteIncident", "incident.delete", func() error { return w.DeleteIncident(ctx, jane, page.ID, opened.ID) }},
		{"AddStatusMaintenance", "page-maintenance.create", func() error {
			plan.ComponentIDs = []int64{page.Components[0].ID}
			return w.AddStatusMaintenance(ctx, jane, page.ID, &plan)
		}},
		{"ChangeStatusMaintenance", "page-maintenance.change", func() error {
			return w.ChangeStatusMaintenance(ctx, jane, page.ID, plan.ID, func(p *statuspage.Plan) error { p.Title, p.Effect = "later", statuspage.EffectPause; return nil })
		}},
		{"DeleteStatusMaintenance", "page-maintenance.delete", func() error { return w.DeleteStatusMaintenance(ctx, jane, page.ID, plan.ID) }},
		{"AddStatusDomain", "statuspage.domain.create", func() (err error) {
			domain, err = w.AddStatusDomain(ctx, jane, page.ID, "status.invalid")
			return err
		}},
		{"CheckStatusDomain", "statuspage.domain.check", func() error { return second(w.CheckStatusDomain(ctx, jane, page.ID, domain.ID)) }},
		{"DeleteStatusDomain", "statuspage.domain.delete", func() error { return w.DeleteStatusDomain(ctx, jane, page.ID, domain.ID) }},
		{"RenewPageBadges", "statuspage.badges.renew", func() error { return w.RenewPageBadges(ctx, jane, page.ID) }},
		{"SetComponentState", "statuspage.component.state", func() error {
			return w.SetComponentState(ctx, jane, page.ID, page.Components[0].ID, new(statuspage.Degraded))
		}},
		{"DeleteSubscriber", "statuspage.change statuspage.subscriber.delete", func() error {
			w.ok(w.ChangeStatusPage(ctx, jane, page.ID, nil, func(p *statuspage.Page) { p.Published = true }))
			x := statuspage.Subscriber{PageID: page.ID, Address: "s3cret@example.com"}
			w.ok(w.StatusSubscribe(ctx, client("192.0.2.1").Address, &x))
			return w.DeleteSubscriber(ctx, jane, page.ID, 1)
		}},
		{"ExportSubscribers", "statuspage.subscriber.export", func() error { return w.ExportSubscribers(ctx, jane, page.ID, io.Discard) }},
		{"DeleteStatusPage", "statuspage.delete", func() error { return w.DeleteStatusPage(ctx, jane, page.ID, nil) }},
		{"DeleteMaintenance", "maintenance.delete", func() error { return w.DeleteMaintenance(ctx, jane, window.ID) }},
		{"AddSecret", "secret.create", func() error { return w.AddSecret(ctx, jane, &secret) }},
		{"SetSecret", "secret.change", func() error { return w.SetSecret(ctx, jane, secret.ID, new("another s3cret")) }},
		{"DeleteSecret", "secret.delete", func() error { return w.DeleteSecret(ctx, jane, secret.ID) }},
		{"AddChannel", "channel.create", func() error { return w.AddChannel(ctx, jane, &channel) }},
		{"ChangeChannel", "channel.change", func() error {
			return second(w.ChangeChannel(ctx, jane, channel.ID, &service.ChannelChange{Settings: map[string]string{"url": "https://a.example/s3cret"}}))
		}},
		{"MuteChannel", "channel.mute", func() error { return w.MuteChannel(ctx, jane, channel.ID, cron.Forever) }},
		{"TestChannel", "channel.test", func() error { return second(w.TestChannel(ctx, jane, channel.ID)) }},
		{"Resend", "notification.resend", func() error {
			return second(w.Resend(ctx, jane, raw.AddMessage(channel, cron.MessageSent)))
		}},
		{"DeleteChannel", "channel.delete", func() error { return w.DeleteChannel(ctx, jane, channel.ID) }},
		{"Rename", "account.change", func() error { return w.Rename(ctx, jane, "Web shop") }},
		{"Export", "account.export", func() error { return second(w.exportText(ctx, jane)) }},
		{"CreateAccount", "account.create", func() (err error) {
			shop, err = w.CreateAccount(ctx, command, "shop@example.com", cron.PlanDefault, cron.AccessAll)
			return err
		}},
		{"SetPlan", "account.change", func() error { return w.SetPlan(ctx, command, shop.Email, service.PlanChange{Plan: cron.PlanMember}) }},
		{"SetAccountEnabled", "account.change", func() error { return w.SetAccountEnabled(ctx, command, shop.Email, true) }},
		{"ChangeAccount", "account.change", func() error {
			return w.ChangeAccount(ctx, command, fmt.Sprint(shop.ID), service.AccountChange{Overrides: cron.Overrides{"maxJobs": 1}})
		}},
		{"RequestDeletion", "account.deletion.request", func() error {
			a := cron.OperatorOf(shop)
			return second(w.RequestDeletion(ctx, a, shop.Email))
		}},
		{"CancelDeletion", "account.deletion.cancel", func() error { return w.CancelDeletion(ctx, cron.OperatorOf(shop)) }},
		{"DeleteAccount", "account.delete", func() error { return w.DeleteAccount(ctx, command, shop.Email, true) }},
		{"Invite", "invitation.create", func() error { return second(w.Invite(ctx, jane, "new@example.com", cron.RoleViewer)) }},
		{"RevokeInvitation", "invitation.delete", func() error {
			list, err := w.Invitations(ctx, jane)
			w.ok(err)
			email = list[0].ID
			return w.RevokeInvitation(ctx, jane, email)
		}},
		{"ChangeRole", "member.change", func() error { return w.ChangeRole(ctx, jane, bob.Person.ID, cron.RoleEditor) }},
		{"RemovePerson", "member.delete", func() error { return w.RemovePerson(ctx, jane, spare.ID) }},
		{"Leave", "member.leave", func() error { return w.Leave(ctx, bob) }},
		{"ChangeProfile", "person.change", func() error { return second(w.ChangeProfile(ctx, jane, service.ProfileChange{Name: new("Jane")})) }},
		{"ChangeEmail", "person.email.request", func() error { return w.ChangeEmail(ctx, jane, "jane2@example.com") }},
		{"RenamePasskey", "person.passkey.change", func() error { return w.RenamePasskey(ctx, jane, pass.ID, "key") }},
		{"DeletePasskey", "person.passkey.delete", func() error { return w.DeletePasskey(ctx, jane, pass.ID) }},
		{"LinkIdentity", "person.identity.create", func() error { return w.LinkIdentity(ctx, jane, identity(w, "1", "x@example.com", nil)) }},
		{"ConfirmByOIDC", "sign-in.confirm", func() error {
			in, err := w.ConfirmByOIDC(ctx, jane, identity(w, "1", "", func(id *auth.Identity) { id.Fresh = true }))
			jane = w.actor(in.Token)
			return err
		}},
		{"DrainNode", "node.drain node.resume", func() error {
			node, err := w.db.StartNode(ctx, cron.Node{Name: "node"})
			w.ok(err)
			return cmp.Or(w.DrainNode(ctx, command, node, true), w.DrainNode(ctx, command, node, false))
		}},
		{"UseKey", "service.key", func() error { return w.UseKey(ctx, command, store.IDOf(spareKey), true) }},
		{"UnlinkIdentity", "person.identity.delete", func() error { return w.UnlinkIdentity(ctx, jane, "https://acme.example", "1") }},
		{"EnableTOTP", "person.app.set", func() error {
			return second(w.EnableTOTP(ctx, jane, state.State, codeOf(t, state.Secret, w.db.Now())))
		}},
		{"SecondFactor", "person.recovery-codes sign-in.first-factor sign-in", func() error {
			codes, err := w.NewRecoveryCodes(ctx, w.refreshed(jane))
			w.ok(err)
			half, err := w.SignIn(ctx, client("192.0.2.1"), "jane@example.com", good)
			w.ok(err)
			return third(w.SecondFactor(ctx, w.actor(half.Token), codes[0]))
		}},
		{"NewRecoveryCodes", "person.recovery-codes", func() error { return second(w.NewRecoveryCodes(ctx, w.refreshed(jane))) }},
		{"DisableTOTP", "person.app.delete", func() error { return w.DisableTOTP(ctx, jane) }},
		{"Confirm", "sign-in.confirm", func() error {
			in, err := w.Confirm(ctx, jane, service.Proof{Password: good})
			jane = w.actor(in.Token)
			return err
		}},
		{"ChangePassword", "person.password", func() error {
			in, err := w.ChangePassword(ctx, jane, "s3cret "+good)
			jane = w.actor(in.Token)
			return err
		}},
		{"EndOtherSessions", "session.end-others", func() error { return w.EndOtherSessions(ctx, jane) }},
		{"EndSession", "sign-in session.end", func() error {
			return w.EndSession(ctx, bob, w.signedIn("bob@example.com").Session.ID)
		}},
		{"SignOut", "session.end", func() error { return w.SignOut(ctx, bob) }},
		{"LoginLink", "sign-in.link", func() error { return second(w.LoginLink(ctx, command, "op@example.com")) }},
		{"SetPersonEnabled", "person.change", func() error { return w.SetPersonEnabled(ctx, command, bob.Person.ID, true) }},
		{"SetPersonOperator", "person.change", func() error { return w.SetPersonOperator(ctx, command, bob.Person.ID, false) }},
		{"DeletePerson", "sign-in person.delete", func() error {
			return w.DeletePerson(ctx, w.signedIn("bob@example.com"), "bob@example.com")
		}},
	}
	tried := slices.Concat(changesNothing, passkeyNeeded, []string{"SetUp"})
	for _, step := range steps {
		tried = append(tried, step.method)
		before := w.lastEntry()
		if err := step.call(); err != nil {
			t.Fatalf("%s: %v", step.method, err)
		}
		var actions []string
		for _, e := range w.entriesAfter(before) {
			actions = append(actions, e.Action)
			text, err := json.Marshal(e)
			w.ok(err)
			for _, secret := range []string{"s3cret", "argon2id", good} {
				if strings.Contains(string(text), secret) {
					t.Errorf("%s tells a secret: %s", step.method, text)
				}
			}
			if e.Actor == "" || e.Way == "" || e.Object == "" || e.ObjectID == 0 && e.Object != "tls" && e.Object != "history" && e.Object != "service" || e.At.IsZero() ||
				e.Way == cron.WayConsole && (e.PersonID == 0 || e.Address == "") {
				t.Errorf("%s: the entry lacks something: %s", step.method, text)
			}
		}
		if got := strings.Join(actions, " "); got != step.want {
			t.Errorf("%s leaves %q, want %q", step.method, got, step.want)
		}
	}
	slices.Sort(tried)
	if all := slices.Sorted(maps.Keys(whoMay)); !slices.Equal(tried, all) {
		t.Errorf("the use cases are\n%q\nbut tried were\n%q", all, tried)
	}
}

// bulk is the error of a change of one job among many.
func bulk(results []error, err error) error {
	if err != nil {
		return err
	}
	return results[0]
}

// TestChangesAreNamed changes every field of a job, and compares the names with those that the API can set.
func TestChangesAreNamed(t *testing.T) {
	names := slices.Sorted(slices.Values(service.JobFieldNames()))
	if want := slices.Sorted(cron.JobFields()); !slices.Equal(names, want) {
		t.Errorf("the fields of a job are\n%q\nand those in the log\n%q", want, names)
	}
	before := cron.NewJob()
	other := cron.Job{FolderID: 7, Enabled: true, Title: "x", Description: "x", Tags: []string{"x"}, ChannelIDs: []int64{1}, SaveResponses: true, Timeout: 9, RedirectSuccess: true}
	other.Traceparent, other.SigningSecret = true, "x"
	other.Request = cron.Request{URL: "x", Method: cron.MethodPut, Headers: []cron.Header{{Name: "a", Value: "b"}}, Body: "x",
		Auth: cron.BasicAuth{Enable: true, User: "x", Password: "x"}}
	other.Schedule = cron.Schedule{Timezone: "x", ExpiresAt: 1, Seconds: 2, Minutes: 2, Hours: 2, MonthDays: 2, Months: 2, Weekdays: 2,
		LastDay: true, Days: cron.DaysBoth, DST: cron.DSTWallClock}
	other.Timing = cron.Timing{RunAt: time.Unix(9, 0), Spread: time.Second, PausedUntil: time.Unix(9, 0), PauseNote: "x"}
	other.Policy = cron.Policy{Misfire: cron.MisfireRun, Grace: time.Second, LateAfter: time.Second, Overlap: cron.OverlapSkip, Delivery: cron.AtLeastOnce,
		Retry: cron.Retry{Count: 1, Delay: time.Second, Factor: 3, Ceiling: time.Second}}
	other.Exchange = cron.Exchange{FollowRedirects: 1, Success: &cron.Success{Contains: "x"}, Unverified: true, Oversize: cron.OversizeTruncate,
		Connection: cron.ConnectionReuse}
	other.Notification = cron.Notification{OnFailure: true, OnFailureCount: 3, OnSuccess: true, OnDisable: true, OnCertExpiry: true,
		CertExpiryAhead: time.Second, SilencedUntil: time.Unix(9, 0)}
	if got := cron.JobChanges(&before, &other); len(got) != len(names) {
		slices.Sort(got)
		t.Errorf("changed are %q, want all of %q", got, names)
	}
	for patch := range cron.JobFields() {
		job := before
		p := cron.JobPatch{Fields: []string{patch}, Values: other}
		_ = p.Apply(&job, &before) // which may not accept the values together
		got := cron.JobChanges(&before, &job)
		if !slices.Contains(got, patch) && !reflect.DeepEqual(job, before) {
			t.Errorf("a change of %s is noted as %q", patch, got)
		}
	}
}

// TestAuditOfAnAccount reads logs as an owner, who sees none of another account and of the service.
func TestAuditOfAnAccount(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	owner := w.ownAccount()
	op := w.person("op@example.com", cron.RoleNone)
	w.ok(w.SetPersonOperator(ctx, command, op.ID, true))
	list, next, err := w.Audit(ctx, owner, cron.AuditFilter{AccountID: w.account.ID}, 100)
	w.ok(err)
	for _, e := range list {
		if e.AccountID != owner.Account.ID {
			t.Errorf("an owner sees %+v", e)
		}
	}
	if len(list) == 0 || next != 0 {
		t.Errorf("%d entries, %d", len(list), next)
	}
	_, _, err = w.Audit(ctx, owner, cron.AuditFilter{All: true}, 100)
	w.fails(err, cron.Forbidden, cron.RuleOperatorOnly)
	all, _, err := w.Audit(ctx, w.signedIn("op@example.com"), cron.AuditFilter{All: true, Action: "person."}, 100)
	if err != nil || len(all) != 1 || all[0].Actor != "command line" {
		t.Errorf("%+v, %v", all, err)
	}
}
