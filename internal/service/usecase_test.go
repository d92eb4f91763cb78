package service_test

import (
	"context"
	"iter"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// second is the error of a call that returns something else too.
func second[T any](_ T, err error) error { return err }

// third is the error of a call that returns two other things.
func third[T, U any](_ T, _ U, err error) error { return err }

// useCases calls every use case on behalf of an actor. Methods of Service that are none are in noUseCases.
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
		"Account":       func() error { return second(s.Account(ctx, a, "")) },
		"Accounts":      func() error { return second(s.Accounts(ctx, a)) },
		"AddAPIKey":     func() error { return s.AddAPIKey(ctx, a, &key) },
		"AddFolder":     func() error { return s.AddFolder(ctx, a, &folder) },
		"AddJob":        func() error { return s.AddJob(ctx, a, &job) },
		"Admit":         func() error { return s.Admit(ctx, a, service.UseListJobs) },
		"AllHistory":    func() error { return firstError(s.AllHistory(ctx, a, cron.HistoryFilter{})) },
		"APIKeys":       func() error { return second(s.APIKeys(ctx, a)) },
		"BadgeTokens":   func() error { return second(s.BadgeTokens(ctx, a, 1, nil)) },
		"ChangeFolder":  func() error { return s.ChangeFolder(ctx, a, 1, nil) },
		"ChangeJob":     func() error { return second(s.ChangeJob(ctx, a, 1, nil, changeJob)) },
		"ChangeJobs":    func() error { return second(s.ChangeJobs(ctx, a, ids, changeJob)) },
		"CheckFolder":   func() error { return s.CheckFolder(ctx, a, 1) },
		"CheckPatch":    func() error { return s.CheckPatch(a, changeJob) },
		"CreateAccount": func() error { return second(s.CreateAccount(ctx, a, "b@example.com", "any", cron.AccessAll)) },
		"CreateAPIKey":  func() error { return second(s.CreateAPIKey(ctx, now, a, changeKey)) },
		"DeleteAccount": func() error { return s.DeleteAccount(ctx, a, "b@example.com") },
		"DeleteAPIKey":  func() error { return s.DeleteAPIKey(ctx, a, 1) },
		"DeleteFolder":  func() error { return s.DeleteFolder(ctx, a, 1) },
		"DeleteJob":     func() error { return s.DeleteJob(ctx, a, 1, nil) },
		"DeleteJobs":    func() error { return second(s.DeleteJobs(ctx, a, ids)) },
		"DeleteTLS":     func() error { return s.DeleteTLS(ctx, a) },
		"Execution":     func() error { return second(s.Execution(ctx, a, 1, 1)) },
		"Folder":        func() error { return second(s.Folder(ctx, a, 1)) },
		"FolderJobs":    func() error { return second(s.FolderJobs(ctx, a, 1, 1)) },
		"Folders":       func() error { return second(s.Folders(ctx, a)) },
		"Follow":        func() error { return second(s.Follow(ctx, now, a, "")) },
		"History":       func() error { return third(s.History(ctx, now, a, 1)) },
		"Job":           func() error { return second(s.Job(ctx, now, a, 1)) },
		"Jobs":          func() error { return third(s.Jobs(ctx, now, a)) },
		"NewAPIKey":     func() error { return third(s.NewAPIKey(now, a, changeKey)) },
		"NewClone":      func() error { return second(s.NewClone(ctx, a, 1, changeJob)) },
		"NewFolder":     func() error { return second(s.NewFolder(a, "x")) },
		"NewJob":        func() error { return second(s.NewJob(a, changeJob)) },
		"Idempotent":    func() error { return third(s.Idempotent(ctx, a, service.UseCreateJob, once, nil)) },
		"PreviewSchedule": func() error {
			return second(s.PreviewSchedule(now, a, func(*service.PreviewRequest) error { return nil }))
		},
		"Performed":         func() error { return third(s.Performed(ctx, a, service.UseCreateJob, once)) },
		"RoomForJob":        func() error { return s.RoomForJob(ctx, a) },
		"Run":               func() error { return second(s.Run(ctx, a, 1, now)) },
		"RunJob":            func() error { return second(s.RunJob(ctx, a, 1)) },
		"SearchHistory":     func() error { return second(s.SearchHistory(ctx, a, &cron.HistoryQuery{Limit: 1})) },
		"SetAccountEnabled": func() error { return s.SetAccountEnabled(ctx, a, "", true) },
		"SetPlan":           func() error { return s.SetPlan(ctx, a, "", service.PlanChange{Plan: "any"}) },
		"SetUp":             func() error { return second(s.SetUp(ctx, a)) },
		"SetTLS":            func() error { return s.SetTLS(ctx, a, cron.TLSMaterial{}) },
		"Standing":          func() error { return second(s.Standing(ctx, a)) },
		"Stats":             func() error { return second(s.Stats(ctx, now, a, service.StatsRequest{})) },
		"TLS":               func() error { return second(s.TLS(ctx, a)) },
	}
}

// ofTheOperator are the use cases that no key of an account may perform.
var ofTheOperator = []string{"Account", "Accounts", "CreateAccount", "DeleteAccount", "SetAccountEnabled", "SetPlan", "SetUp"}

// noUseCases are the methods that need no rights, and why.
var noUseCases = map[string]string{
	"Badge":   "its token is the right to see it",
	"KeyUsed": "it notes something of the actor's own key",
	"Version": "it reads nothing but the job that the caller has",
}

// firstError is the first error of a sequence.
func firstError[T any](sequence iter.Seq2[T, error]) error {
	for _, err := range sequence {
		return err
	}
	return nil
}

// TestUseCasesCheckRights asks for every use case as those who have no right to it, and sees to it that none is forgotten.
func TestUseCasesCheckRights(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	key := func(account cron.Account, k cron.APIKey) cron.Actor { return cron.Actor{Account: account, Key: &k} }
	own := account.ID
	for name, actor := range map[string]cron.Actor{
		"nobody":                   {},
		"an account without a key": {Account: account},
		"a key without an account": {Key: &cron.APIKey{ID: 1, AccountID: own}},
		"a key of another account": key(account, cron.APIKey{ID: 1, AccountID: own + 1}),
		"a key with other scopes":  key(account, cron.APIKey{ID: 1, AccountID: own, Scopes: 1 << 40}),
	} {
		for method, call := range useCases(t.Context(), svc, actor) {
			if err := call(); cron.KindOf(err) != cron.Forbidden {
				t.Errorf("%s as %s: %v", method, name, err)
			}
		}
	}
	var methods []string
	for i := range reflect.TypeFor[*service.Service]().NumMethod() {
		methods = append(methods, reflect.TypeFor[*service.Service]().Method(i).Name)
	}
	calls := useCases(t.Context(), svc, cron.Actor{})
	listed := slices.Sorted(maps.Keys(calls))
	for method := range noUseCases {
		listed = append(listed, method)
	}
	slices.Sort(listed)
	if !slices.Equal(methods, listed) {
		t.Errorf("Service has the methods\n%q\nbut the tables hold\n%q", methods, listed)
	}
}

// TestRightsOfScopes asks for every use case with keys for reading and for writing only.
func TestRightsOfScopes(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	writes := []string{"AddAPIKey", "AddFolder", "AddJob", "ChangeFolder", "ChangeJob", "ChangeJobs", "CheckFolder",
		"CheckPatch", "CreateAPIKey", "DeleteAPIKey", "DeleteFolder", "DeleteJob", "DeleteJobs",
		"DeleteTLS", "FolderJobs", "NewAPIKey", "NewClone", "NewFolder", "NewJob", "Idempotent", "Performed", "RoomForJob", "RunJob",
		"SetTLS"}
	reader, writer := as(account), as(account)
	reader.Key.Scopes, writer.Key.Scopes = cron.ScopeRead, cron.ScopeWrite
	reading, writing := useCases(t.Context(), svc, reader), useCases(t.Context(), svc, writer)
	everything, operator := useCases(t.Context(), svc, as(account)), useCases(t.Context(), svc, cron.OperatorOf(account))
	for _, method := range ofTheOperator {
		for _, call := range []func() error{reading[method], writing[method], everything[method]} {
			if err := call(); cron.KindOf(err) != cron.Forbidden {
				t.Errorf("%s with a key: %v", method, err)
			}
		}
		if err := operator[method](); cron.KindOf(err) == cron.Forbidden {
			t.Errorf("%s as the operator: %v", method, err)
		}
	}
	for _, method := range slices.Sorted(maps.Keys(reading)) {
		if slices.Contains(ofTheOperator, method) {
			continue
		}
		isWrite := slices.Contains(writes, method)
		forbidden := map[bool]func() error{true: reading[method], false: writing[method]}[isWrite]
		allowed := map[bool]func() error{true: writing[method], false: reading[method]}[isWrite]
		if err := forbidden(); cron.KindOf(err) != cron.Forbidden {
			t.Errorf("%s with the other scope: %v", method, err)
		}
		if method == "Idempotent" {
			continue // it has nothing to perform
		}
		if err := allowed(); cron.KindOf(err) == cron.Forbidden {
			t.Errorf("%s with its scope: %v", method, err)
		}
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
	key := cron.APIKey{AccountID: account.ID}
	stranger := as(cron.Account{ID: account.ID + 1, Plan: "any"})
	for name, err := range map[string]error{
		"a job":    svc.AddJob(t.Context(), stranger, &job),
		"a folder": svc.AddFolder(t.Context(), stranger, &folder),
		"a key":    svc.AddAPIKey(t.Context(), stranger, &key),
	} {
		if cron.KindOf(err) != cron.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}
