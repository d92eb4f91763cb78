package service_test

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// onEachDatabase runs a test with what opens nodes of one new database.
func onEachDatabase(t *testing.T, plans cron.Plans,
	run func(t *testing.T, node func() (*service.Service, *store.Store))) {
	storetest.OnEach(t, func(t *testing.T, o store.Options) {
		o.Plans = plans
		run(t, func() (*service.Service, *store.Store) {
			t.Helper()
			s := storetest.Open(t, o)
			return service.New(service.Config{
				Store: s, Addresses: anywhere{}, Plans: plans,
			}), s
		})
	})
}

// anywhere blocks no address.
type anywhere struct{}

func (anywhere) CheckHost(string, int, cron.Access) cron.Problem { return cron.Problem{} }

// newAccount adds an account.
func newAccount(t *testing.T, s *store.Store, plan string) cron.Account {
	t.Helper()
	return storetest.NewAccount(t, s, plan+"@example.com", plan)
}

// TestLimits has a row for each sentence of the contract about quota and rates.
func TestLimits(t *testing.T) {
	const (
		account = 7
		key     = 70
		second  = time.Second
		minute  = time.Minute
	)
	day := func(n int) cron.RateLimit {
		return cron.RateLimit{Kind: 1001, Subject: key, Window: 24 * time.Hour, Max: n}
	}
	rate := func(call service.UseCase, n int) cron.RateLimit {
		return cron.RateLimit{Kind: int(call), Subject: account, Window: second, Max: n}
	}
	for _, tt := range []struct {
		name  string
		plan  string
		calls []service.UseCase
		want  func(service.UseCase) []cron.RateLimit
	}{
		{"100 requests a day and key, and 5 a second of every method", cron.PlanDefault,
			[]service.UseCase{service.UseListJobs, service.UseGetJob, service.UseChangeJob, service.UseDeleteJob,
				service.UseListHistory, service.UseGetExecution, service.UseListFolders, service.UseGetFolder},
			func(c service.UseCase) []cron.RateLimit { return []cron.RateLimit{day(100), rate(c, 5)} }},
		{"5,000 a day for members", cron.PlanMember, []service.UseCase{service.UseListJobs},
			func(c service.UseCase) []cron.RateLimit { return []cron.RateLimit{day(5000), rate(c, 5)} }},
		{"creating a job: 1 a second and 5 a minute", cron.PlanDefault, []service.UseCase{service.UseCreateJob},
			func(c service.UseCase) []cron.RateLimit {
				return []cron.RateLimit{day(100), {Kind: 1002, Subject: account, Window: minute, Max: 5}, rate(c, 1)}
			}},
		{"creating a folder: 1 a second and 10 a minute", cron.PlanDefault, []service.UseCase{service.UseCreateFolder},
			func(c service.UseCase) []cron.RateLimit {
				return []cron.RateLimit{day(100), {Kind: 1003, Subject: account, Window: minute, Max: 10}, rate(c, 1)}
			}},
		{"changing or deleting a folder: 1 a second", cron.PlanDefault,
			[]service.UseCase{service.UseChangeFolder, service.UseDeleteFolder},
			func(c service.UseCase) []cron.RateLimit { return []cron.RateLimit{day(100), rate(c, 1)} }},
		{"starting a test run: one in 2 s", cron.PlanDefault, []service.UseCase{service.UseStartTestRun},
			func(c service.UseCase) []cron.RateLimit {
				return []cron.RateLimit{day(100), {Kind: 1004, Subject: account, Window: 2 * second, Max: 1}, rate(c, 5)}
			}},
		{"asking for a test run: not counted for the day", cron.PlanDefault, []service.UseCase{service.UseGetTestRun},
			func(c service.UseCase) []cron.RateLimit { return []cron.RateLimit{rate(c, 5)} }},
		{"nothing is counted without limits", cron.PlanUnlimited,
			[]service.UseCase{service.UseListJobs, service.UseCreateJob, service.UseCreateFolder, service.UseDeleteFolder},
			func(service.UseCase) []cron.RateLimit { return nil }},
	} {
		for _, call := range tt.calls {
			plan := cron.DefaultPlans().Of(tt.plan, nil)
			limits := service.CallLimits(&plan, account, key, call)
			want := tt.want(call)
			if len(limits) != len(want) {
				t.Errorf("%s, call %d: counted %v, want %v", tt.name, call, limits, want)
				continue
			}
			for i := range want {
				if limits[i] != want[i] {
					t.Errorf("%s, call %d: limit %d is %v, want %v", tt.name, call, i, limits[i], want[i])
				}
			}
		}
	}
	plan := cron.DefaultPlans().Of(cron.PlanUnlimited, cron.Overrides{"requestsPerSecond": 2})
	if limits := service.CallLimits(&plan, account, key, service.UseGetJob); !slices.Equal(limits,
		[]cron.RateLimit{rate(service.UseGetJob, 2)}) {
		t.Errorf("an override: counted %v", limits)
	}
}

func TestWaiting(t *testing.T) {
	plan := cron.DefaultPlans().Of(cron.PlanDefault, nil)
	for kind, want := range map[int]cron.Problem{
		int(service.UseGetJob): {},
		1001:                   {Rule: cron.RuleDailyQuota, Limit: 100},
		1002:                   {},
		1004:                   {Rule: cron.RuleTestRunInterval, Limit: 2},
		1005:                   {Rule: cron.RuleTestRunsDay, Limit: 100},
	} {
		err := service.Exceeded(&plan, cron.Excess{Kind: kind, Wait: time.Minute})
		e, ok := errors.AsType[*cron.Error](err)
		if !ok || e.Kind != cron.TooMany || e.RetryAfter != time.Minute {
			t.Errorf("kind %d: %v", kind, err)
			continue
		}
		if none := want == (cron.Problem{}); none != (len(e.Problems) == 0) || !none && e.Problems[0] != want {
			t.Errorf("kind %d: %+v", kind, e.Problems)
		}
	}
	if err := service.Exceeded(&plan, cron.Excess{}); err != nil {
		t.Errorf("nothing is exceeded: %v", err)
	}
}

// TestQuotaHoldsAcrossARestart uses up a quota with one process and asks another one on the same database.
func TestQuotaHoldsAcrossARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		o := store.Options{Dir: t.TempDir(), Key: [32]byte{1}, Logger: slog.New(slog.DiscardHandler)}
		start := func() (*service.Service, *store.Store) {
			s, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			return service.New(service.Config{Store: s, Plans: cron.DefaultPlans()}), s
		}
		stop := func(s *store.Store) {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		refused := func(svc *service.Service, account cron.Account, keyID int64) time.Duration {
			err := svc.Admit(t.Context(), asKey(account, keyID), service.UseGetJob)
			if e, ok := errors.AsType[*cron.Error](err); ok && e.Kind == cron.TooMany {
				return e.RetryAfter
			}
			if err != nil {
				t.Fatal(err)
			}
			return 0
		}

		svc, s := start()
		account := newAccount(t, s, cron.PlanDefault)
		for i := range 100 {
			if i%5 == 0 {
				time.Sleep(time.Second)
			}
			if wait := refused(svc, account, 1); wait != 0 {
				t.Fatalf("call %d has to wait for %v", i, wait)
			}
		}
		if wait := refused(svc, account, 1); wait != 24*time.Hour-20*time.Second {
			t.Errorf("one call too many has to wait for %v", wait)
		}
		stop(s)

		svc, s = start()
		if wait := refused(svc, account, 1); wait != 24*time.Hour-20*time.Second {
			t.Errorf("after a restart, one call too many has to wait for %v", wait)
		}
		time.Sleep(time.Second)
		if wait := refused(svc, account, 2); wait != 0 {
			t.Errorf("another key has to wait for %v", wait)
		}
		time.Sleep(24*time.Hour - 21*time.Second - time.Millisecond)
		if wait := refused(svc, account, 1); wait != time.Millisecond {
			t.Errorf("at the end of the day, one call too many has to wait for %v", wait)
		}
		time.Sleep(time.Millisecond)
		if wait := refused(svc, account, 1); wait != 0 {
			t.Errorf("on the next day the key has to wait for %v", wait)
		}
		stop(s)
	})
}

// TestQuotaHoldsAcrossNodes lets two nodes race for one quota.
func TestQuotaHoldsAcrossNodes(t *testing.T) {
	const most = 40
	plans := cron.Plans{"small": {Name: "small", DailyRequests: most}}
	onEachDatabase(t, plans, func(t *testing.T, node func() (*service.Service, *store.Store)) {
		first, s := node()
		second, _ := node()
		account := newAccount(t, s, "small")
		if until := time.Until(time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)); until < time.Minute {
			time.Sleep(until) // else a new day brings a new quota
		}
		var (
			wg       sync.WaitGroup
			admitted atomic.Int64
		)
		for i := range 8 {
			svc := []*service.Service{first, second}[i%2]
			wg.Go(func() {
				for range most {
					switch err := svc.Admit(t.Context(), as(account), service.UseGetJob); {
					case err == nil:
						admitted.Add(1)
					case cron.KindOf(err) != cron.TooMany:
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := admitted.Load(); n != most {
			t.Errorf("%d calls were admitted, want %d", n, most)
		}
	})
}

// TestTheNumberOfJobsHoldsAcrossNodes lets two nodes race for the last jobs of a plan, and for its last keys.
func TestTheNumberOfJobsHoldsAcrossNodes(t *testing.T) {
	plans := cron.Plans{"small": {Name: "small", MaxJobs: 5, MaxKeys: 3}}
	onEachDatabase(t, plans, func(t *testing.T, node func() (*service.Service, *store.Store)) {
		first, s := node()
		second, other := node()
		account := newAccount(t, s, "small")
		var (
			wg         sync.WaitGroup
			jobs, keys atomic.Int64
		)
		count := func(made *atomic.Int64, err error) {
			switch {
			case err == nil:
				made.Add(1)
			case cron.KindOf(err) != cron.TooMany:
				t.Error(err)
			}
		}
		for i := range 8 {
			svc, db := []*service.Service{first, second}[i%2], []*store.Store{s, other}[i%2]
			wg.Go(func() {
				for n := range 3 {
					_, err := addJob(t, svc, account, setURL("a.example"))
					count(&jobs, err)
					key := cron.APIKey{AccountID: account.ID, Hash: [32]byte{byte(i), byte(n)}}
					count(&keys, db.CreateAPIKey(t.Context(), &key))
				}
			})
		}
		wg.Wait()
		if jobs.Load() != 5 || keys.Load() != 3 {
			t.Errorf("%d jobs and %d keys were made, want 5 and 3", jobs.Load(), keys.Load())
		}
	})
}

// TestBadgesOfOtherNodes lets one node answer for the token of another.
func TestBadgesOfOtherNodes(t *testing.T) {
	onEachDatabase(t, cron.DefaultPlans(), func(t *testing.T, node func() (*service.Service, *store.Store)) {
		first, s := node()
		second, _ := node()
		account := newAccount(t, s, cron.PlanMember)
		id, err := createJob(t, first, account, setURL("a.example"))
		if err != nil {
			t.Fatal(err)
		}
		job, err := second.Badge(t.Context(), id, service.BadgeToken(first, account.ID, id, 0, cron.BadgeTitle), cron.BadgeTitle)
		if err != nil || job.ID != id || job.AccountID != account.ID || job.Request.URL != "http://a.example" {
			t.Errorf("the job is %+v, %v", job, err)
		}
		if _, err := second.Badge(t.Context(), id+1, "", 0); cron.KindOf(err) != cron.NotFound {
			t.Errorf("a job that does not exist: %v", err)
		}
	})
}

func TestSchedulesThatAreTooDense(t *testing.T) {
	svc, s, _, account := newService(t, cron.Plan{Name: "slow", MinInterval: time.Minute})
	each := func(seconds cron.Set) *cron.JobPatch {
		patch := setURL("a.example")
		patch.Values.Schedule = cron.Schedule{Timezone: "UTC", Seconds: seconds, Minutes: cron.Every, Hours: cron.Every,
			MonthDays: cron.Every, Months: cron.Every, Weekdays: cron.Every}
		patch.Fields = append(patch.Fields, "/schedule/seconds", "/schedule/minutes", "/schedule/hours", "/schedule/mdays",
			"/schedule/months", "/schedule/wdays")
		return patch
	}
	everySecond := each(cron.Every)
	tooOften := func(err error) {
		t.Helper()
		e, ok := errors.AsType[*cron.Error](err)
		if !ok || len(e.Problems) != 1 || e.Problems[0].Pointer != "/schedule" || e.Problems[0].Rule != cron.RuleTooOften ||
			e.Problems[0].Given != "1" || e.Problems[0].Limit != 60 {
			t.Errorf("error %+v", err)
		}
	}
	_, err := addJob(t, svc, account, everySecond)
	tooOften(err)
	id, err := createJob(t, svc, account, each(cron.SetOf(30)))
	if err != nil {
		t.Fatal(err)
	}
	tooOften(changeJob(t, svc, account, id, &cron.JobPatch{
		Values: cron.Job{Schedule: cron.Schedule{Seconds: cron.Every}}, Fields: []string{"/schedule/seconds"},
	}))
	if err := changeJob(t, svc, account, 4711, everySecond); cron.KindOf(err) != cron.NotFound {
		t.Errorf("a change of a job that does not exist: %v", err)
	}

	// A schedule that was allowed before stays, whatever else is changed.
	job := cron.NewJob()
	job.AccountID, job.Request, job.Schedule = account.ID, everySecond.Values.Request, everySecond.Values.Schedule
	if err := s.CreateJob(t.Context(), &job); err != nil {
		t.Fatal(err)
	}
	if err := changeJob(t, svc, account, job.ID, setURL("b.example")); err != nil {
		t.Errorf("change of another field: %v", err)
	}
}
