package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/test/harness"
)

// arrivals are requests to a receiver, each sent once it has been answered.
type arrivals chan []byte

// newReceiver is a server that takes everything with an answer. Messages about the service itself are not among its arrivals.
func newReceiver(t *testing.T, status int, answer string) (url string, come arrivals) {
	t.Helper()
	come = make(arrivals, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
		if !aboutTheService(body) && !strings.Contains(string(body), `"dedup_key":"service-`) {
			come <- body
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, come
}

// next waits for a request.
func (a arrivals) next(t *testing.T, what string, v any) {
	t.Helper()
	select {
	case body := <-a:
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("%s: %v in %s", what, err, body)
		}
	case <-time.After(3 * time.Minute):
		t.Fatalf("no %s came", what)
	}
}

// newChannel creates a default channel.
func newChannel(t *testing.T, api *harness.Client, fields harness.Fields) (id int64) {
	t.Helper()
	fields["default"] = true
	created := api.Do("POST", "/channels", harness.Fields{"channel": fields}, nil)
	var channel struct{ ChannelID int64 }
	if err := json.Unmarshal(created.Body, &channel); err != nil || created.Status != 200 {
		t.Fatalf("%d %s", created.Status, created.Body)
	}
	return channel.ChannelID
}

// TestPagerDuty follows a problem by PagerDuty: the incident is triggered, acknowledged when somebody acknowledges the problem, and
// resolved by the first success, all under one key, and while it is acknowledged nothing else is sent.
func TestPagerDuty(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		server, come := newReceiver(t, http.StatusAccepted, `{"status":"success","message":"Event processed","dedup_key":"x"}`)
		target := harness.NewTarget(t)
		api := s.Client(s.Start())
		newChannel(t, api, harness.Fields{"kind": "pagerDuty", "title": "On call", "url": server, "routingKey": "R0UT1NG"})
		id := api.CreateJob(job(target, "/status/500", harness.EverySecond(), harness.Fields{
			"title": "Backup", "notification": harness.Fields{"onFailure": true, "onSuccess": true}}))
		key := ""
		next := func(action string) string {
			t.Helper()
			var e struct {
				Action  string `json:"event_action"`
				Routing string `json:"routing_key"`
				Key     string `json:"dedup_key"`
			}
			for come.next(t, action, &e); key != "" && e.Key != key; come.next(t, action, &e) { // on a busy machine there are other problems too
			}
			if e.Action != action || e.Routing != "R0UT1NG" || e.Key == "" {
				t.Fatalf("instead of %q came %+v", action, e)
			}
			return e.Key
		}
		key = next("trigger")
		type openProblem struct{ ProblemID int64 }
		var list struct{ Problems []openProblem }
		if err := json.Unmarshal(api.Do("GET", "/problems?state=open", nil, nil).Body, &list); err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(list.Problems, func(p openProblem) bool { return key == fmt.Sprintf("problem-%d", p.ProblemID) })
		if at < 0 {
			t.Fatalf("none of the open problems %+v is %s", list, key)
		}
		seen := api.Do("POST", fmt.Sprintf("/problems/%d/acknowledge", list.Problems[at].ProblemID), harness.Fields{"note": "on it"}, nil)
		if seen.Status != 200 {
			t.Fatalf("%d %s", seen.Status, seen.Body)
		}
		next("acknowledge")
		calls := target.Received()
		await(t, "it has failed some more times", func() bool { return target.Received() > calls+2 })
		api.ChangeJob(id, harness.Fields{"url": target.URL + "/status/200"})
		next("resolve")
	})
}

// TestQuietHours has two jobs that fail while their channel is quiet: when the hours end, one message comes that tells of both, and nothing
// before.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		server, come := newReceiver(t, http.StatusOK, "")
		target := harness.NewTarget(t)
		api := s.Client(s.Start())
		ends := time.Now().UTC().Add(30 * time.Second).Truncate(time.Minute).Add(time.Minute)
		channel := newChannel(t, api, harness.Fields{"kind": "webhook", "title": "Team", "url": server, "quietHours": harness.Fields{
			"from": ends.Add(-2 * time.Hour).Format("15:04"), "to": ends.Format("15:04"), "timezone": "UTC"}})
		failing := make(map[int64]bool)
		for _, title := range []string{"Backup", "Report"} {
			failing[api.CreateJob(job(target, "/status/500", harness.EverySecond(), harness.Fields{
				"title": title, "notification": harness.Fields{"onFailure": true, "onSuccess": true}}))] = true
		}
		tables := s.Tables()
		await(t, "both failures wait", func() bool {
			waiting := 0
			for _, m := range tables.Messages() {
				if m.ChannelID != channel { // the owners are told by mail, at once
					continue
				}
				if waiting += m.Count; m.State != cron.MessageWaiting && time.Now().Before(ends.Add(-time.Second)) {
					t.Fatalf("in quiet hours a message is %+v", m)
				}
			}
			return waiting > 1
		})
		var e struct {
			Data struct{ Notices []struct{ JobID int64 } }
		}
		come.next(t, "message", &e)
		if now := time.Now(); now.Before(ends) {
			t.Errorf("it came at %v, and the quiet hours end at %v", now, ends)
		}
		for _, n := range e.Data.Notices {
			delete(failing, n.JobID)
		}
		if len(failing) > 0 {
			t.Errorf("the first message leaves out jobs %v: %+v", failing, e)
		}
	})
}
