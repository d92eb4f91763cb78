package message_test

import (
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// TestMentioned looks for texts within a sentence, across a detail and in reason phrases.
func TestMentioned(t *testing.T) {
	c := message.Default()
	const detail = "192.0.2.7:80"
	said := c.Execution(&cron.Result{Status: cron.StatusConnectFailed, Fault: cron.FaultRefused, Detail: detail})
	for at := range len(said) - 3 {
		if strings.Contains(detail, said[at:at+4]) {
			continue
		}
		if faults, _ := c.Mentioned(said[at : at+4]); !slices.Contains(faults, cron.FaultRefused) {
			t.Errorf("%q of %q is not found", said[at:at+4], said)
		}
	}
	if faults, _ := c.Mentioned("refused the connection of nobody at all"); slices.Contains(faults, cron.FaultLost) {
		t.Error("a sentence without details holds what it does not say")
	}
	if _, codes := c.Mentioned("NOT FOUND"); !slices.Equal(codes, []int64{404}) {
		t.Errorf("codes %v", codes)
	}
	running := cron.Execution{Outcome: cron.OutcomeRunning}
	if said := c.Outcome(&running); said != "" {
		t.Errorf("of a running execution it is said %q", said)
	}
}
