package service_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// guard blocks one host, and records its calls.
type guard struct {
	blocked string
	asked   []string
}

func (g *guard) CheckHost(host string, port int, access cron.Access) cron.Problem {
	g.asked = append(g.asked, fmt.Sprint(host, " ", port))
	switch {
	case host == g.blocked:
		return cron.Problem{Rule: cron.RuleURLBlocked, Given: host}
	case host == "10.0.0.2" && access == cron.AccessGlobal:
		return cron.Problem{Rule: cron.RuleURLNotGlobal, Given: host}
	}
	return cron.Problem{}
}

func newService(t *testing.T, plan cron.Plan) (*service.Service, *store.Store, *guard, cron.Account) {
	t.Helper()
	s := storetest.Open(t, store.Options{Dir: storetest.SQLite(t), Plans: cron.Plans{plan.Name: plan}})
	account := storetest.NewAccount(t, s, "a@example.com", plan.Name)
	g := &guard{blocked: "10.0.0.1"}
	return service.New(service.Config{
		Store: s, Addresses: g, Plans: cron.Plans{plan.Name: plan},
	}), s, g, account
}

// as is an API key of an account that may do everything.
func as(account cron.Account) cron.Actor { return asKey(account, 1) }

// asKey is the API key of that number.
func asKey(account cron.Account, id int64) cron.Actor {
	return cron.Actor{Account: account, Key: &cron.APIKey{ID: id, AccountID: account.ID, Role: cron.RoleOwner}, Role: cron.RoleOwner,
		Way: cron.WayAPI}
}

// createJob makes a job and returns its ID.
func createJob(t *testing.T, svc *service.Service, account cron.Account, patch *cron.JobPatch) (int64, error) {
	t.Helper()
	job, err := addJob(t, svc, account, patch)
	return job.ID, err
}

// addJob makes a job and saves it.
func addJob(t *testing.T, svc *service.Service, account cron.Account, patch *cron.JobPatch) (cron.Job, error) {
	t.Helper()
	job, err := svc.NewJob(as(account), patch)
	if err != nil {
		return cron.Job{}, err
	}
	return job, svc.AddJob(t.Context(), as(account), &job)
}

// changeJob changes a job without a precondition.
func changeJob(t *testing.T, svc *service.Service, account cron.Account, jobID int64, patch *cron.JobPatch) error {
	t.Helper()
	_, err := svc.ChangeJob(t.Context(), as(account), jobID, nil, patch)
	return err
}

func TestAddressesAreJudgedByAccount(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	if _, err := addJob(t, svc, account, setURL("10.0.0.2")); err != nil {
		t.Fatal(err)
	}
	job, err := addJob(t, svc, account, setURL("a.example"))
	if err != nil {
		t.Fatal(err)
	}
	account.Access = cron.AccessGlobal
	want := []string{rule("/url", cron.RuleURLNotGlobal)}
	_, err = addJob(t, svc, account, setURL("10.0.0.2"))
	if got := problemsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("create: %v", got)
	}
	_, err = svc.ChangeJob(t.Context(), as(account), job.ID, nil, setURL("10.0.0.2"))
	if got := problemsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("change: %v", got)
	}
}

// setURL is a patch that sets nothing but the URL.
func setURL(url string) *cron.JobPatch {
	return &cron.JobPatch{Values: cron.Job{Request: cron.Request{URL: url}}, Fields: []string{"/url"}}
}

// problemsOf lists the pointers and rules of an error of kind Invalid.
func problemsOf(t *testing.T, err error) []string {
	t.Helper()
	e, ok := errors.AsType[*cron.Error](err)
	if !ok || e.Kind != cron.Invalid {
		t.Fatalf("error %v", err)
	}
	var list []string
	for _, p := range e.Problems {
		list = append(list, fmt.Sprint(p.Pointer, " ", int(p.Rule)))
	}
	return list
}

func rule(pointer string, r cron.Rule) string { return fmt.Sprint(pointer, " ", int(r)) }

func TestJobsAreLimitedByThePlan(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "two", MaxJobs: 2})
	for range 2 {
		if err := svc.RoomForJob(t.Context(), as(account)); err != nil {
			t.Fatal(err)
		}
		if _, err := addJob(t, svc, account, setURL("a.example")); err != nil {
			t.Fatal(err)
		}
	}
	if err := svc.RoomForJob(t.Context(), as(account)); cron.KindOf(err) != cron.TooMany {
		t.Errorf("room for a third job: %v", err)
	}
	if _, err := addJob(t, svc, account, setURL("a.example")); cron.KindOf(err) != cron.TooMany {
		t.Errorf("a third job: %v", err)
	}
	if err := changeJob(t, svc, account, 1, setURL("b.example")); err != nil {
		t.Errorf("change with all jobs taken: %v", err)
	}
	if err := svc.DeleteJob(t.Context(), as(account), 1, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := addJob(t, svc, account, setURL("a.example")); err != nil {
		t.Errorf("a job in the place of another: %v", err)
	}
	account.Overrides = cron.Overrides{"maxJobs": 3}
	if err := svc.RoomForJob(t.Context(), as(account)); err != nil {
		t.Errorf("room for a third job by an override: %v", err)
	}
}

func TestEverythingWrongIsReportedAtOnce(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	var undecoded cron.Checker
	undecoded.Add("/url", cron.Problem{Rule: cron.RuleWrongType}) // so that the missing URL is not reported
	undecoded.Add("/schedule/hours/0", cron.Problem{Rule: cron.RuleOutOfRange})
	_, err := addJob(t, svc, account, &cron.JobPatch{
		Values: cron.Job{
			Schedule: cron.Schedule{Timezone: "nowhere"},
			Request:  cron.Request{Headers: []cron.Header{{Name: "a b", Value: "x"}}},
		},
		Fields: []string{"/url", "/schedule/timezone", "/schedule/hours", "/extendedData/headers"},
		Err:    undecoded.Err(),
	})
	want := []string{
		rule("/url", cron.RuleWrongType),
		rule("/schedule/hours/0", cron.RuleOutOfRange),
		rule("/extendedData/headers", cron.RuleHeaderName),
		rule("/schedule/timezone", cron.RuleUnknownTimeZone),
	}
	if got := problemsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
}

func TestAChangeThatFailsLeavesTheJob(t *testing.T) {
	svc, s, _, account := newService(t, cron.Plan{Name: "any"})
	id, err := createJob(t, svc, account, setURL("a.example"))
	if err != nil {
		t.Fatal(err)
	}
	err = changeJob(t, svc, account, id, &cron.JobPatch{
		Values: cron.Job{Title: "new", Schedule: cron.Schedule{Timezone: "nowhere"}},
		Fields: []string{"/title", "/schedule/timezone"},
	})
	if got := problemsOf(t, err); !slices.Equal(got, []string{rule("/schedule/timezone", cron.RuleUnknownTimeZone)}) {
		t.Errorf("problems %q", got)
	}
	if job, err := s.Job(t.Context(), account.ID, id); err != nil || job.Title != "" || job.Schedule.Timezone != "UTC" {
		t.Errorf("the job is %+v, %v", job, err)
	}
}

func TestABadChangeIsReportedBeforeAMissingJob(t *testing.T) {
	svc, _, _, account := newService(t, cron.Plan{Name: "any"})
	if err := changeJob(t, svc, account, 4711, setURL("ftp://a.example")); cron.KindOf(err) != cron.Invalid {
		t.Errorf("a bad change: %v", err)
	}
	if err := changeJob(t, svc, account, 4711, setURL("a.example")); cron.KindOf(err) != cron.NotFound {
		t.Errorf("a good change: %v", err)
	}
}

func TestAddressesAreChecked(t *testing.T) {
	svc, s, g, account := newService(t, cron.Plan{Name: "any"})
	blocked := []string{rule("/url", cron.RuleURLBlocked)}
	for _, url := range []string{"10.0.0.1", "https://u:p@10.0.0.1:8443/x?%cjo:unixtime%"} {
		_, err := addJob(t, svc, account, setURL(url))
		if got := problemsOf(t, err); !slices.Equal(got, blocked) {
			t.Errorf("%s: problems %q", url, got)
		}
	}
	id, err := createJob(t, svc, account, setURL("https://[::1]:99/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := problemsOf(t, changeJob(t, svc, account, id, setURL("10.0.0.1"))); !slices.Equal(got, blocked) {
		t.Errorf("change: problems %q", got)
	}
	if _, err := addJob(t, svc, account, setURL("https://a.example")); err != nil {
		t.Fatal(err)
	}
	want := []string{"10.0.0.1 80", "10.0.0.1 8443", "::1 99", "10.0.0.1 80", "a.example 443"}
	if !slices.Equal(g.asked, want) {
		t.Errorf("asked about %q, want %q", g.asked, want)
	}

	// A job whose address was blocked later can still be changed, to be disabled for example.
	job := cron.NewJob()
	job.AccountID, job.Request.URL = account.ID, "http://10.0.0.1"
	if err := s.CreateJob(t.Context(), &job); err != nil {
		t.Fatal(err)
	}
	enable := cron.JobPatch{Values: cron.Job{Enabled: true}, Fields: []string{"/enabled"}}
	if err := changeJob(t, svc, account, job.ID, &enable); err != nil {
		t.Errorf("change of another field: %v", err)
	}
}

func TestDisabledJobsShowWhenTheyWouldRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		svc, _, _, account := newService(t, cron.Plan{Name: "any"})
		noon := setURL("a.example")
		noon.Values.Schedule = cron.Schedule{
			Minutes: cron.SetOf(0), Hours: cron.SetOf(12), MonthDays: cron.Every, Months: cron.Every, Weekdays: cron.Every,
		}
		noon.Fields = append(noon.Fields,
			"/schedule/minutes", "/schedule/hours", "/schedule/mdays", "/schedule/months", "/schedule/wdays")
		id, err := createJob(t, svc, account, noon)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		now := time.Now()
		want := time.Date(2000, 1, 2, 12, 0, 0, 0, time.UTC)
		job, err := svc.Job(t.Context(), now, as(account), id)
		if err != nil || !job.State.NextRun.Equal(want) {
			t.Errorf("the job runs next at %v, want %v; %v", job.State.NextRun, want, err)
		}
		jobs, _, err := svc.Jobs(t.Context(), now, as(account))
		if err != nil || len(jobs) != 1 || !jobs[0].NextRun.Equal(want) {
			t.Errorf("the list is %+v, %v", jobs, err)
		}
		if _, predictions, err := svc.History(t.Context(), now, as(account), id); err != nil || predictions != nil {
			t.Errorf("predictions %v, %v", predictions, err)
		}
	})
}
