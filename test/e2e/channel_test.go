package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"punctual/test/harness"
)

// TestWebhookChannel follows a problem by a webhook: the failure arrives, again with the same ID when the receiver was broken, and
// the recovery after it, all signed.
func TestWebhookChannel(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		type arrival struct {
			header http.Header
			body   []byte
		}
		arrivals := make(chan arrival, 100)
		var broken atomic.Bool
		broken.Store(true)
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if aboutTheService(body) {
				return
			}
			if broken.Swap(false) {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			arrivals <- arrival{r.Header, body}
		}))
		t.Cleanup(hook.Close)
		target := harness.NewTarget(t)
		api := s.Client(s.Start())

		created := api.Do("POST", "/channels", harness.Fields{"channel": harness.Fields{
			"kind": "webhook", "title": "Team", "url": hook.URL + "/hook-5ecret", "default": true}}, nil)
		var channel struct {
			ChannelID int64
			Secret    string
		}
		if err := json.Unmarshal(created.Body, &channel); err != nil || created.Status != 200 {
			t.Fatalf("%d %s", created.Status, created.Body)
		}
		verifier, err := standardwebhooks.NewWebhook(channel.Secret)
		if err != nil {
			t.Fatal(err)
		}
		id := api.CreateJob(job(target, "/status/500", harness.EverySecond(), harness.Fields{
			"title": "Backup <b>", "notification": harness.Fields{"onFailure": true, "onSuccess": true}}))

		var next func(event string) (messageID string)
		next = func(event string) (messageID string) {
			t.Helper()
			select {
			case a := <-arrivals:
				var e struct {
					Type string
					Data struct {
						MessageID string
						Notices   []struct {
							Event      string
							JobID      int64
							HTTPStatus int
							Title      string
						}
					}
				}
				if err := verifier.Verify(a.body, a.header); err != nil {
					t.Errorf("%s: %v", event, err)
				}
				if err := json.Unmarshal(a.body, &e); err != nil {
					t.Fatal(err)
				}
				if event == "recovery" && e.Type == "failure" { // of an execution that was under way when the job was changed
					return next(event)
				}
				if e.Type != event || e.Data.MessageID != a.header.Get("webhook-id") || event != "test" && (len(e.Data.Notices) == 0 ||
					e.Data.Notices[0].JobID != id || e.Data.Notices[0].Title != "Backup <b>") {
					t.Fatalf("came %s", a.body)
				}
				return e.Data.MessageID
			case <-time.After(90 * time.Second):
				t.Fatalf("no %s came; the service said:\n%s", event, fmt.Sprint(api.Do("GET", "/notifications", nil, nil)))
			}
			return ""
		}
		first := next("failure")
		if again := next("failure"); again != first {
			t.Errorf("the failure came again as %s, and not as %s", again, first)
		}
		api.ChangeJob(id, harness.Fields{"url": target.URL + "/status/200"})
		if recovery := next("recovery"); recovery == first {
			t.Error("the recovery has the ID of the failure")
		}
		broken.Store(true)
		tested := api.Do("POST", fmt.Sprintf("/channels/%d/test", channel.ChannelID), nil, nil)
		if next("test"); !strings.Contains(string(tested.Body), "503") {
			t.Errorf("the test of a broken receiver says %d %s", tested.Status, tested.Body)
		}
		if text := string(api.Do("GET", "/notifications", nil, nil).Body); !strings.Contains(text, `"sent"`) || strings.Contains(text, "hook-5ecret") {
			t.Errorf("the notifications are %s", text)
		}
	})
}

// aboutTheService tells whether a message is about the service, such as the disk of the machine, and not about what is tested.
func aboutTheService(body []byte) bool { return bytes.Contains(body, []byte(`"problemKey":"service-`)) }
