package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/test/checker"
	"punctual/test/harness"
)

// TestBackbone creates jobs over HTTP, waits until all that are due every second of a minute have run, and compares the
// requests that the target received with the API and the ledger.
func TestBackbone(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		target := harness.NewTarget(t)
		node := s.Start()
		api := s.Client(node)
		created := time.Now()
		create := func(path string, schedule harness.Fields, more ...harness.Fields) int64 {
			return api.CreateJob(job(target, path, schedule, more...))
		}
		var everySecond, everyMinute []int64
		once := created.Truncate(time.Second).Add(8 * time.Second) // for those of every minute
		for i := range 10 {
			everySecond = append(everySecond, create(fmt.Sprintf("/second/%d", i), harness.EverySecond()))
			everyMinute = append(everyMinute, create(fmt.Sprintf("/minute/%d", i), harness.AtSeconds(once.Second())))
		}
		even := create("/even", harness.AtSeconds(evenSeconds()...))
		off := create("/off", harness.EverySecond(), harness.Fields{"enabled": false})
		never := create("/never", harness.Fields{})
		post := create("/post", harness.EverySecond(), harness.Fields{
			"requestMethod": 1, "auth": harness.Fields{"enable": true, "user": "me", "password": "secret"},
			"extendedData": harness.Fields{"headers": harness.Fields{"X-Colour": "blue"}, "body": "at=%cjo:unixtime%"},
		})
		failing := create("/status/503", harness.EverySecond())
		broken := create("/drop", harness.EverySecond())
		unsaved := create("/unsaved", harness.EverySecond(), harness.Fields{"saveResponses": false})

		for !time.Now().Before(once) { // the machine was too busy to create all of them in time
			once = once.Add(time.Minute)
		}
		end := once.Add(2 * time.Second)
		time.Sleep(time.Until(end))
		s.AwaitSettled(end)

		for _, id := range append(everySecond, unsaved) {
			h := checkHistory(t, api, id)
			checkArrivals(t, target, h, created, time.Second)
			if j := api.Job(id); j.LastStatus != statusOK || j.NextExecution == nil || j.LastExecution < h.History[0].Date {
				t.Errorf("job %d: %+v", id, j.Job)
			}
		}
		checkArrivals(t, target, checkHistory(t, api, even), created, 2*time.Second)
		for _, id := range everyMinute {
			h := checkHistory(t, api, id)
			if len(h.History) == 0 || h.History[0].DatePlanned != once.Unix() {
				t.Errorf("job %d did not run at %v: %+v", id, once, h.History)
			}
			if want := once.Add(time.Minute).Unix(); h.Predictions[0] != want {
				t.Errorf("job %d has the predictions %v, want %d first", id, h.Predictions, want)
			}
		}
		for _, id := range []int64{off, never} {
			if h := api.History(id); len(h.History) > 0 || len(h.Predictions) > 0 {
				t.Errorf("job %d should never run: %+v", id, h)
			}
		}
		checkPost(t, target.To("/post"))
		for id, want := range map[int64][2]int{post: {statusOK, 200}, failing: {statusHTTPError, 503}, broken: {statusOther, 0}} {
			for _, item := range api.History(id).History {
				if item.Status != want[0] || item.HTTPStatus != want[1] {
					t.Errorf("job %d ended with status %d and HTTP status %d, want %v", id, item.Status, item.HTTPStatus, want)
				}
			}
		}
		checkDisabled(t, api, failing)
		checkList(t, api)
		node.Stop()
		check(t, s, checker.Witness{
			From: created, To: end, Received: target.Counts(), Stopped: true,
		})
	})
}

func evenSeconds() (seconds []int) {
	for s := range 30 {
		seconds = append(seconds, 2*s)
	}
	return seconds
}

// checkHistory checks the history of a job that succeeds, and the details of its newest execution.
func checkHistory(t *testing.T, api *harness.Client, id int64) harness.History {
	t.Helper()
	h := api.History(id)
	if len(h.History) == 0 || len(h.History) > 50 || len(h.Predictions) != 3 || !slices.IsSorted(h.Predictions) {
		t.Fatalf("job %d has %d items and the predictions %v", id, len(h.History), h.Predictions)
	}
	for i, item := range h.History {
		planned := time.Unix(item.DatePlanned, 0).UTC()
		identifier := fmt.Sprintf("%d-%d-%d-%d", id, planned.Day(), int(planned.Month())-1, item.JobLogID)
		st := item.Stats
		times := []int64{0, st.NameLookup, st.Connect, st.PreTransfer, st.StartTransfer, st.Total}
		switch {
		case item.JobID != id || item.Identifier != identifier:
			t.Errorf("job %d has the item %s, want %s", id, item.Identifier, identifier)
		case item.Headers != nil || item.Body != nil:
			t.Errorf("the history of job %d has headers or a body", id)
		case item.Status != statusOK || item.StatusText != "OK" || item.HTTPStatus != 200 || item.CertExpiry != nil:
			t.Errorf("item %s: %+v", item.Identifier, item)
		case item.Jitter < 0 || item.Date != (item.DatePlanned*1000+item.Jitter)/1000:
			t.Errorf("item %s: planned %d, started %d, %d ms late", item.Identifier, item.DatePlanned, item.Date, item.Jitter)
		case !slices.IsSorted(times) || st.AppConnect != 0 || item.Duration != st.Total/1000:
			t.Errorf("item %s has the timings %+v and the duration %d", item.Identifier, st, item.Duration)
		case i > 0 && (item.DatePlanned >= h.History[i-1].DatePlanned || item.JobLogID >= h.History[i-1].JobLogID):
			t.Errorf("item %s stands after an older one", item.Identifier)
		}
	}
	newest := h.History[0]
	details := api.Execution(id, newest.Identifier)
	if api.Job(id).SaveResponses {
		if details.Headers == nil || details.Body == nil || !strings.HasPrefix(*details.Body, "request ") ||
			!strings.Contains(*details.Headers, "Content-Type: text/plain\r\n") || !strings.HasSuffix(*details.Headers, "\r\n\r\n") {
			t.Errorf("the details of %s lack headers or body: %+v", newest.Identifier, details)
		}
		details.Headers, details.Body = nil, nil
	}
	if details != newest {
		t.Errorf("the details are %+v, the item is %+v", details, newest)
	}
	return h
}

// checkArrivals compares the history of a job that is due at every multiple of period with the requests that the target
// received: each execution once, in order, never early, and none before the job was created. The checker finds instants
// without a record.
func checkArrivals(t *testing.T, target *harness.Target, h harness.History, created time.Time, period time.Duration) {
	t.Helper()
	arrived := make(map[string]time.Time)
	for _, r := range target.Requests() {
		arrived[target.URL+r.Path+"?"+r.Query] = r.At
	}
	for i, item := range h.History {
		planned := time.Unix(item.DatePlanned, 0)
		if i > 0 && h.History[i-1].DatePlanned <= item.DatePlanned {
			t.Errorf("%d follows %d in the history", h.History[i-1].DatePlanned, item.DatePlanned)
		}
		if !planned.Equal(planned.Truncate(period)) {
			t.Errorf("planned for %d, which is not due", item.DatePlanned)
		}
		late := arrived[item.URL].Sub(planned)
		if late < 0 || late > time.Duration(item.Jitter)*time.Millisecond+harness.Timeout {
			t.Errorf("planned for %d, %d ms late, and received %s after that", item.DatePlanned, item.Jitter, late)
		}
	}
	if oldest := time.Unix(h.History[len(h.History)-1].DatePlanned, 0); oldest.Before(created.Truncate(time.Second)) {
		t.Errorf("created at %v, the first execution is planned for %v", created, oldest)
	}
}

// checkPost checks what a job with a method, headers, a body and credentials sent.
func checkPost(t *testing.T, received []harness.Request) {
	t.Helper()
	for _, r := range received {
		seconds, err := strconv.ParseInt(strings.TrimPrefix(r.Body, "at="), 10, 64)
		if err != nil || seconds > r.At.Unix() || seconds < r.At.Add(-harness.Timeout).Unix() {
			t.Errorf("the body is %q at %d", r.Body, r.At.Unix())
		}
		if r.Method != "POST" || r.Header.Get("X-Colour") != "blue" || r.Header.Get("Authorization") != "Basic bWU6c2VjcmV0" ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("Accept") != "*/*" {
			t.Errorf("received %s with %v", r.Method, r.Header)
		}
	}
	if len(received) == 0 {
		t.Error("nothing was posted")
	}
}

// checkDisabled checks a job that always failed: after 16 failures in a row the service disables it. A few more
// executions may have been in flight by then.
func checkDisabled(t *testing.T, api *harness.Client, id int64) {
	t.Helper()
	h, j := api.History(id), api.Job(id)
	if j.Enabled != (len(h.History) < 16) || j.Enabled == (len(h.Predictions) == 0) {
		t.Errorf("the job has failed %d times, enabled is %v, and the predictions are %v", len(h.History), j.Enabled, h.Predictions)
	}
}

// checkList compares the list of jobs with their details, and its order with the contract.
func checkList(t *testing.T, api *harness.Client) {
	t.Helper()
	jobs := api.Jobs()
	for i, j := range jobs {
		if i > 0 && compare(jobs[i-1], j) >= 0 {
			t.Errorf("job %d stands before job %d", jobs[i-1].JobID, j.JobID)
		}
		d := api.Job(j.JobID)
		if d.Enabled != j.Enabled { // a job that fails may have been disabled meanwhile
			now := api.Jobs()
			j = now[slices.IndexFunc(now, func(other harness.Job) bool { return other.JobID == j.JobID })]
		}
		if d.URL != j.URL || d.Enabled != j.Enabled || d.RequestMethod != j.RequestMethod || d.Title != j.Title {
			t.Errorf("the list says %+v, the details %+v", j, d.Job)
		}
	}
}

// compare orders jobs as the contract says.
func compare(a, b harness.Job) int {
	off := map[bool]int{false: 1}
	return cmp.Or(cmp.Compare(off[a.Enabled], off[b.Enabled]), cmp.Compare(a.LastStatus, b.LastStatus),
		cmp.Compare(a.URL, b.URL), cmp.Compare(a.JobID, b.JobID))
}
