package browser

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// receiver is a webhook that takes messages, or answers with a status.
func receiver(t *testing.T) (url string, taken *atomic.Int64, status *atomic.Int64) {
	t.Helper()
	taken, status = new(atomic.Int64), new(atomic.Int64)
	status.Store(http.StatusOK)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		taken.Add(1)
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(s.Close)
	return s.URL, taken, status
}

// TestChannels goes from the banner that nobody is told to a test that arrives, and looks at what a channel can be.
func TestChannels(t *testing.T) {
	t.Parallel()
	url, taken, status := receiver(t)
	tab := setUp(t)
	tab.Open("/console/settings/channels").See("Nobody is told yet.").Look("channels-first")
	tab.Press("Add a channel").See("Where should messages go?").Look("channel-new")
	tab.Press("Webhook").See("Standard Webhooks").Look("channel-form")
	tab.Fill("URL", "gopher://x").Expect(422).Press("Save and send a test")
	tab.See("is not supported").Look("channel-form-wrong")
	tab.Click("Jobs of folders and tags").Click("Quiet hours and reminders").Click("Advanced").Look("channel-form-open")
	tab.Fill("URL", url+"/hook").Fill("Name", "Night watch").Press("Save and send a test").See("The test message arrived.").See("whsec_").Look("channel-made")
	if taken.Load() != 1 {
		t.Errorf("the receiver has taken %d messages", taken.Load())
	}
	status.Store(http.StatusUnauthorized)
	tab.Press("Send a test").See("did not arrive").Look("channel-failing")
	tab.Click("Mute").See("8 h").Look("channel-mute").Press("8 h").See("Muted until").Press("Unmute").See("No longer muted")
	tab.Open("/console/settings/channels").See("Night watch").SeeNot("Nobody is told yet").Look("channels")
	tab.Open("/console/settings/channels/2/settings").See("Leave this empty to keep it").Look("channel-settings")
	tab.Open("/console/settings/channels/2").Click("Delete").See("What waits for this channel").Press("Delete the channel").See("The channel is deleted.")
	tab.Open("/console/settings").Look("settings-index")
}

// TestChannelsWithoutScripts makes, tests and deletes a channel without JavaScript.
func TestChannelsWithoutScripts(t *testing.T) {
	t.Parallel()
	url, taken, _ := receiver(t)
	tab := setUp(t).WithoutScripts()
	tab.Open("/console/settings/channels/new").Press("Webhook").Fill("URL", url).Press("Save and send a test").SeeText("The test message arrived.")
	tab.Open("/console/settings/channels/2").Press("Send a test").SeeText("The test message arrived.")
	tab.Click("Mute").Press("1 h").SeeText("Muted until")
	tab.Open("/console/settings/channels/2/settings").Fill("Name", "Other").Press("Save and send a test").SeeText("The test message arrived.")
	tab.Click("Delete").Press("Delete the channel").SeeText("The channel is deleted.")
	if taken.Load() != 3 {
		t.Errorf("the receiver has taken %d messages", taken.Load())
	}
}
