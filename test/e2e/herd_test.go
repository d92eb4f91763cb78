package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/test/harness"
)

// told is a message that arrived at a herdHook.
type told struct {
	id, kind string
	count    int
	size     int
}

// herdHook is a webhook that keeps what messages say in short.
type herdHook struct {
	url string

	mu    sync.Mutex
	heard []told // in the order in which they came
}

func newHerdHook(t *testing.T) *herdHook {
	hook := new(herdHook)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var message struct {
			Type string
			Data struct{ Count int }
		}
		if json.Unmarshal(body, &message) != nil || aboutTheService(body) {
			return
		}
		hook.mu.Lock()
		defer hook.mu.Unlock()
		hook.heard = append(hook.heard, told{r.Header.Get("webhook-id"), message.Type, message.Data.Count, len(body)})
	}))
	t.Cleanup(server.Close)
	hook.url = server.URL
	return hook
}

// messages are those that arrived, each once.
func (h *herdHook) messages() []told {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := slices.Clone(h.heard)
	seen := make(map[string]bool)
	return slices.DeleteFunc(list, func(m told) bool {
		again := seen[m.id]
		seen[m.id] = true
		return again
	})
}

// herd is an account whose jobs fail at once, beside another one with a job each second.
type herd struct {
	*testing.T
	service      *harness.Service
	node         *harness.Node
	jobs         int
	loud, steady *herdHook
	ids          []int64 // of the steady jobs
	broken       atomic.Bool
	calls        atomic.Int64 // of the herd
	failed       atomic.Bool  // the first steady job did, which it does once
}

// herdJobs is how many jobs fail at once; make herd sets it to 10,000.
func herdJobs(t *testing.T) (jobs int, whole bool) {
	text := os.Getenv("PUNCTUAL_TEST_HERD")
	if text == "" {
		return 400, false
	}
	jobs, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return jobs, true
}

// TestHerdFails has all jobs of an account fail at once, for seven causes, and work again. A handful of messages tells of all failures, and
// a handful of all recoveries, after them. Another account's jobs run each second as before, and the one of them that fails is told of.
//
// It is not parallel to other tests, whose jobs would be late, which is a problem of its own.
func TestHerdFails(t *testing.T) {
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		jobs, whole := herdJobs(t)
		h := &herd{T: t, service: s, jobs: jobs, loud: newHerdHook(t), steady: newHerdHook(t)}
		h.node = s.Start()
		account := h.create(whole)

		await(t, "the jobs of the herd have run", func() bool { return h.calls.Load() >= int64(h.jobs) })
		calm, memory := time.Now(), h.node.PeakMemory()
		h.broken.Store(true)
		h.awaitTold(account, cron.NoticeFailure, whole)
		failures := len(h.loud.messages())
		h.broken.Store(false)
		h.awaitTold(account, cron.NoticeSuccess, whole)

		end := time.Now()
		h.checkMessages(failures)
		h.checkSteady(end)
		t.Logf("%d jobs: %v", h.jobs, h.loud.messages())
		t.Logf("peak memory %d MiB before they failed, %d MiB after", memory>>20, h.node.PeakMemory()>>20)
		t.Logf("lateness of the other account before: %s", h.lateness(time.Time{}, calm))
		t.Logf("lateness of the other account while they failed: %s", h.lateness(calm, end))
		if grown := h.node.PeakMemory() - memory; grown > 128<<20 {
			t.Errorf("the failures took %d MiB of memory", grown>>20)
		}
		h.node.Stop()
	})
}

// create makes both accounts and their jobs, and returns the id of the herd's account.
func (h *herd) create(whole bool) (account int64) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch broken := h.broken.Load(); r.URL.Path {
		case "/herd":
			h.calls.Add(1)
			if status, _ := strconv.Atoi(r.URL.Query().Get("cause")); broken {
				w.WriteHeader(status)
			}
		case "/steady/0":
			if broken && !h.failed.Swap(true) {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
	}))
	h.Cleanup(target.Close)
	steady := h.service.Client(h.node)
	loud := harness.NewClient(h.T, h.node.URL, h.service.CreateAccount("herd@example.com", "unlimited"))
	for hook, client := range map[*herdHook]*harness.Client{h.loud: loud, h.steady: steady} {
		client.Do("POST", "/channels", harness.Fields{"channel": harness.Fields{"kind": "webhook", "title": "Team", "url": hook.url, "default": true}}, nil)
	}
	told := harness.Fields{"onFailure": true, "onSuccess": true}
	for i := range 10 {
		h.ids = append(h.ids, steady.CreateJob(harness.Fields{"url": fmt.Sprint(target.URL, "/steady/", i), "title": fmt.Sprint("Steady ", i), "enabled": true,
			"schedule": harness.EverySecond(), "notification": told}))
	}
	schedule := harness.AtSeconds(0, 10, 20, 30, 40, 50)
	if whole {
		schedule = harness.EveryMinute()
	}
	causes := []int{500, 501, 505, 506, 507, 508, 510}
	var (
		workers sync.WaitGroup
		next    atomic.Int64
	)
	for range 16 {
		workers.Go(func() {
			for i := int(next.Add(1)); i <= h.jobs; i = int(next.Add(1)) {
				_, err := loud.TryCreateJob(harness.Fields{"url": fmt.Sprint(target.URL, "/herd?i=", i, "&cause=", causes[i%len(causes)]),
					"title": fmt.Sprint("Herd ", i), "enabled": true, "schedule": schedule, "notification": told})
				if err != nil {
					h.Error(err)
				}
			}
		})
	}
	workers.Wait()
	h.calls.Store(0)
	return h.number(`SELECT id FROM account WHERE email = $1`, "herd@example.com")
}

// awaitTold waits until every job of the herd has a notice of a kind, and all of them are told. Unless whole is set, messages do not wait
// for the end of their minute.
func (h *herd) awaitTold(account int64, kind cron.NoticeKind, whole bool) {
	await(h.T, "all notices are written: "+kind.String(), func() bool {
		return h.number(`SELECT count(*) FROM outbox WHERE account_id = $1 AND event = $2`, account, int(kind)) == int64(h.jobs)
	})
	await(h.T, "all messages are sent: "+kind.String(), func() bool {
		if h.number(`SELECT count(*) FROM outbox WHERE unrouted AND account_id = $1`, account) > 0 {
			return false
		}
		if !whole {
			_, err := h.service.Database().Exec(`UPDATE message SET due_at = $1 WHERE state = 0 AND due_at > $1`, time.Now().UnixMilli())
			if err != nil {
				return false // the database is busy
			}
		}
		return h.number(`SELECT count(*) FROM message WHERE state < 2 AND account_id = $1`, account) == 0
	})
}

// checkMessages checks what the herd's account was sent; failures is how many messages there were before its jobs worked again.
func (h *herd) checkMessages(failures int) {
	const most = 20 // 5 a minute and one that collects the rest, in the few minutes that a slow machine may need
	heard := h.loud.messages()
	told := make(map[string]int)
	for i, m := range heard {
		told[m.kind] += m.count
		if i < failures != (m.kind == "failure") {
			h.Errorf("message %d of %d is a %s", i, len(heard), m.kind)
		}
		if m.size > 64<<10 {
			h.Errorf("a message of %d notices has %d bytes", m.count, m.size)
		}
	}
	if told["failure"] != h.jobs || told["recovery"] != h.jobs || len(told) != 2 {
		h.Errorf("messages tell of %v, want a failure and a recovery of each of %d jobs", told, h.jobs)
	}
	if failures > most || len(heard)-failures > most {
		h.Errorf("%d messages about failures, and %d about recoveries", failures, len(heard)-failures)
	}
}

// checkSteady checks that each instant of the other account's jobs has its record, and that it heard of the failure.
func (h *herd) checkSteady(end time.Time) {
	h.service.AwaitSettled(end)
	missed := int64(0)
	for _, id := range h.ids {
		const instants = `SELECT coalesce(sum(CASE WHEN occurrences > 1 THEN occurrences ELSE 1 END), 0) FROM execution WHERE job_id = $1 AND planned_at <= $2`
		missed += h.number(instants+` AND outcome = $3`, id, end.UnixMilli(), int(cron.OutcomeMissed))
		first := h.number(`SELECT min(planned_at) FROM execution WHERE job_id = $1`, id)
		if all, want := h.number(instants, id, end.UnixMilli()), (end.UnixMilli()-first)/1000+1; all < want {
			h.Errorf("job %d has records of %d instants, want %d", id, all, want)
		}
	}
	var kinds []string
	for _, m := range h.steady.messages() {
		kinds = append(kinds, m.kind)
	}
	if missed > 0 {
		h.Logf("the machine was too slow for %d instants of the other account, which heard of %v", missed, kinds)
	} else if !slices.Equal(kinds, []string{"failure", "recovery"}) {
		h.Errorf("the other account heard of %v", kinds)
	}
}

// lateness describes how late the steady jobs began in a period.
func (h *herd) lateness(from, to time.Time) string {
	rows, err := h.service.Database().Query(`SELECT lateness_us FROM execution WHERE job_id BETWEEN $1 AND $2 AND planned_at > $3 AND planned_at <= $4`,
		slices.Min(h.ids), slices.Max(h.ids), from.UnixMilli(), to.UnixMilli())
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var list []time.Duration
	for rows.Next() {
		var us int64
		if err := rows.Scan(&us); err != nil {
			h.Fatal(err)
		}
		list = append(list, time.Duration(us)*time.Microsecond)
	}
	if err := rows.Err(); err != nil || len(list) == 0 {
		h.Fatalf("%d executions: %v", len(list), err)
	}
	slices.SortFunc(list, cmp.Compare)
	at := func(share float64) time.Duration {
		return list[int(share*float64(len(list)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("median %v, p99 %v, most %v of %d", at(0.5), at(0.99), at(1), len(list))
}

func (h *herd) number(query string, args ...any) (n int64) {
	if err := h.service.Database().QueryRow(query, args...).Scan(&n); err != nil {
		h.Fatalf("%s: %v", query, err)
	}
	return n
}
