package api_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/api"
	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// creations are the calls that take effect once for each Idempotency-Key.
var creations = []struct {
	method, path, body string
	table              string // to which they add a row
}{
	{"PUT", "/jobs", `{"job":{"url":"a.example","auth":{"password":"s3cret"}}}`, "job"},
	{"PUT", "/folders", `{"folder":{"title":"x"}}`, "folder"},
	{"POST", "/jobs/1/clone", ``, "job"},
	{"POST", "/jobs/1/run", ``, "pending"},
	{"POST", "/history/rerun", `{"filter":{"from":1}}`, "pending"},
	{"POST", "/testruns", `{"jobId":1,"job":{"auth":{"password":"s3cret"}}}`, "test_run"},
	{"POST", "/apikeys", `{"apiKey":{}}`, "api_key"},
}

func TestCallsTakeEffectOnce(t *testing.T) {
	for _, call := range creations {
		t.Run(call.method+call.path, func(t *testing.T) {
			c := newClient(t)
			c.testOften()
			c.create(`{"url":"a.example"}`)
			tables := storetest.OpenTables(t, c.server.database)
			count := func() int64 { return tables.Rows(call.table) }
			if call.path == "/history/rerun" {
				tables.AddFailures(c.account.ID, 1, 1, 1, c.server.store.Now(), time.Second)
			}
			const key = "Idempotency-Key: 6f1c"
			before := count()
			first := c.do(call.method, call.path, call.body, key)
			if first.status/100 != 2 || first.header.Get("Idempotency-Replayed") != "" {
				t.Fatalf("%d %v %s", first.status, first.header, first.body)
			}
			for range 3 {
				again := c.do(call.method, call.path, call.body, key)
				if again.status != first.status || again.body != first.body ||
					again.header.Get("Idempotency-Replayed") != "true" {
					t.Errorf("again: %d %v %s, first %d %s", again.status, again.header, again.body, first.status, first.body)
				}
				for _, name := range []string{"ETag", "Location", "Content-Type"} {
					if got, want := again.header.Get(name), first.header.Get(name); got != want {
						t.Errorf("%s is %q, was %q", name, got, want)
					}
				}
			}
			for name, other := range map[string]response{
				"another body": c.do(call.method, call.path, call.body+" ", key),
				"another call": c.do("PUT", "/folders", `{"folder":{"title":"other"}}`, key),
				"another key":  c.withKey(cron.APIKey{}).do(call.method, call.path, call.body, key),
			} {
				if other.status != 422 || !strings.Contains(other.body, "another request") {
					t.Errorf("%s: %d %s", name, other.status, other.body)
				}
			}
			made := count() - before
			if call.path == "/apikeys" {
				made-- // withKey has made one
			}
			if made != 1 {
				t.Errorf("%d were made", made)
			}
			stranger := c.server.newClient(t, "b@example.com", cron.PlanUnlimited)
			if got := stranger.do(call.method, call.path, call.body, key); got.header.Get("Idempotency-Replayed") != "" {
				t.Errorf("another account gets %s", got.body)
			}
		})
	}
}

// TestRefusedCallsTakeNoKey sends a request that is refused, and then a right one under the same key.
func TestRefusedCallsTakeNoKey(t *testing.T) {
	c := newClient(t)
	const key = "Idempotency-Key: k"
	for body, status := range map[string]int{
		`{"job":{"url":"ftp://x"}}`: 400, `{`: 400, `{"job":{"url":"a.example","folderId":7}}`: 400,
	} {
		if got := c.do("PUT", "/jobs", body, key); got.status != status {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := c.do("POST", "/jobs/999/run", "", key); got.status != 404 {
		t.Errorf("a missing job: %d", got.status)
	}
	got := c.do("PUT", "/jobs", `{"job":{"url":"a.example"}}`, key)
	if got.status != 200 || got.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the right request: %d %v %s", got.status, got.header, got.body)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	c := newClient(t)
	n := 0
	for header, ok := range map[string]bool{
		"a": true, strings.Repeat("x", 255): true, `"8e03978e-40d5-43dd-bc93-6894a57f9324"`: true, "a b~": true,
		strings.Repeat("x", 256): false, "ü": false, "a\tb": false,
	} {
		n++
		got := c.do("PUT", "/folders", fmt.Sprintf(`{"folder":{"title":"%d"}}`, n), "Idempotency-Key: "+header)
		if (got.status == 200) != ok || !ok && got.status != 400 {
			t.Errorf("%q: %d %s", header, got.status, got.body)
		}
	}
	// Other calls do not look at it.
	for range 2 {
		got := c.do("GET", "/jobs", "", "Idempotency-Key: a")
		if got.status != 200 || got.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("GET: %d %v", got.status, got.header)
		}
	}
}

func TestKeysAreFreeAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		make := func() response {
			return c.do("PUT", "/jobs", `{"job":{"url":"a.example"}}`, "Idempotency-Key: k")
		}
		make()
		time.Sleep(24*time.Hour - time.Second)
		if got := make(); got.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("within a day: %v", got.header)
		}
		time.Sleep(time.Second)
		if got := make(); got.status != 200 || got.header.Get("Idempotency-Replayed") != "" || !strings.Contains(got.body, "2") {
			t.Errorf("after a day: %v %s", got.header, got.body)
		}
	})
}

// TestParallelCreatesMakeOneJob sends one request many times at once, each until it is answered.
func TestParallelCreatesMakeOneJob(t *testing.T) {
	c := newClient(t)
	var (
		wg              sync.WaitGroup
		fresh, replayed atomic.Int64
		answers         sync.Map
	)
	for range 20 {
		wg.Go(func() {
			for {
				got := c.do("PUT", "/jobs", `{"job":{"url":"a.example"}}`, "Idempotency-Key: k")
				switch got.status {
				case 409:
					continue // the first one is under way
				case 200:
					answers.Store(got.body, true)
				default:
					t.Errorf("status %d: %s", got.status, got.body)
				}
				if got.header.Get("Idempotency-Replayed") == "" {
					fresh.Add(1)
				} else {
					replayed.Add(1)
				}
				return
			}
		})
	}
	wg.Wait()
	if fresh.Load() != 1 || replayed.Load() != 19 {
		t.Errorf("%d requests were performed, and %d answered again", fresh.Load(), replayed.Load())
	}
	var list struct {
		Jobs       []job `json:"jobs"`
		SomeFailed bool  `json:"someFailed"`
	}
	decode(t, c.must("GET", "/jobs", ""), &list)
	if len(list.Jobs) != 1 {
		t.Errorf("there are %d jobs", len(list.Jobs))
	}
}

// TestAReplayIsNoCreation answers again although the plan allows no further job by now.
func TestAReplayIsNoCreation(t *testing.T) {
	c := newServer(t).newClient(t, "a@example.com", "tiny")
	create := func(key string) response {
		return c.do("PUT", "/jobs", `{"job":{"url":"a.example"}}`, "Idempotency-Key: "+key)
	}
	create("1")
	create("2")
	if got := create("1"); got.status != 200 {
		t.Errorf("again: %d %s", got.status, got.body)
	}
	if got := create("3"); got.status != 429 {
		t.Errorf("a job too many: %d %s", got.status, got.body)
	}
}

// TestAPanicTakesNoKey lets a handler panic inside its transaction, on a goroutine of the database.
func TestAPanicTakesNoKey(t *testing.T) {
	c := newClient(t)
	calls := 0
	c.server.Handler = api.New(api.Config{
		Service: newService(c.server.store, cron.DefaultPlans()),
		Auth:    auth.New(c.server.store),
		Logger:  slog.New(slog.DiscardHandler),
		Now: func() time.Time {
			if calls++; calls == 2 {
				panic("the clock has stopped")
			}
			return time.Now()
		},
	})
	for i, want := range []int{500, 200} {
		got := c.do("POST", "/apikeys", `{"apiKey":{}}`, "Idempotency-Key: k")
		if got.status != want || got.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("call %d: %d %s", i, got.status, got.body)
		}
	}
	if n := len(c.keys()); n != 2 {
		t.Errorf("there are %d keys", n)
	}
}
