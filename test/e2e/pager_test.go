package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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
	case <-time.After(90 * time.Second):
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
		next := func(action string) (key string) {
			t.Helper()
			var e struct {
				Action  string `json:"event_action"`
				Routing string `json:"routing_key"`
				Key     string `json:"dedup_key"`
			}
			if come.next(t, action, &e); e.Action != action || e.Routing != "R0UT1NG" || e.Key == "" {
				t.Fatalf("instead of %q came %+v", action, e)
			}
			return e.Key
		}
		key := next("trigger")
		var list struct{ Problems []struct{ ProblemID int64 } }
		if err := json.Unmarshal(api.Do("GET", "/problems?state=open", nil, nil).Body, &list); err != nil || len(list.Problems) != 1 {
			t.Fatalf("the open problems are %+v, %v", list, err)
		}
		seen := api.Do("POST", fmt.Sprintf("/problems/%d/acknowledge", list.Problems[0].ProblemID), harness.Fields{"note": "on it"}, nil)
		if seen.Status != 200 {
			t.Fatalf("%d %s", seen.Status, seen.Body)
		}
		if again := next("acknowledge"); again != key {
			t.Errorf("the incident %q is acknowledged as %q", key, again)
		}
		calls := target.Received()
		await(t, "it has failed some more times", func() bool { return target.Received() > calls+2 })
		api.ChangeJob(id, harness.Fields{"url": target.URL + "/status/200"})
		if again := next("resolve"); again != key {
			t.Errorf("the incident %q is resolved as %q", key, again)
		}
	})
}

// TestQuietHours has a job that fails again and again while its channel is quiet: when the hours end, one message comes that tells of
// the failures, and nothing before.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		server, come := newReceiver(t, http.StatusOK, "")
		target := harness.NewTarget(t)
		api := s.Client(s.Start())
		ends := time.Now().UTC().Add(15 * time.Second).Truncate(time.Minute).Add(time.Minute)
		newChannel(t, api, harness.Fields{"kind": "webhook", "title": "Team", "url": server, "quietHours": harness.Fields{
			"from": ends.Add(-2 * time.Hour).Format("15:04"), "to": ends.Format("15:04"), "timezone": "UTC"}})
		id := api.CreateJob(job(target, "/status/500", harness.EverySecond(), harness.Fields{
			"title": "Backup", "notification": harness.Fields{"onFailure": true, "onSuccess": true}}))
		type notification struct {
			State string
			Due   *int64
			Count int
		}
		var list struct{ Notifications []notification }
		await(t, "two failures wait", func() bool {
			list.Notifications = nil
			if err := json.Unmarshal(api.Do("GET", fmt.Sprintf("/notifications?jobId=%d", id), nil, nil).Body, &list); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, m := range list.Notifications {
				if n += m.Count; m.State != "waiting" {
					t.Fatalf("in quiet hours a message is %+v", m)
				}
			}
			return n > 1
		})
		var e struct {
			Type string
			Data struct{ Notices []struct{ JobID int64 } }
		}
		come.next(t, "message", &e)
		if now := time.Now(); now.Before(ends) {
			t.Errorf("it came at %v, and the quiet hours end at %v", now, ends)
		}
		if e.Type != "failure" || len(e.Data.Notices) < 2 || e.Data.Notices[0].JobID != id {
			t.Errorf("it is %+v", e)
		}
		select {
		case body := <-come: // what has failed since then comes a minute later at the earliest
			t.Errorf("a second message came: %s", body)
		default:
		}
	})
}
