package message_test

import (
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// TestEveryDatabaseFaultHasARemedy looks for a reason and a sentence that says what to do, for each fault.
func TestEveryDatabaseFaultHasARemedy(t *testing.T) {
	seen := map[string]string{}
	for name, value := range constants(t, "DatabaseFault") {
		why, remedy := message.Default().Database(cron.DatabaseFault(value))
		if why == "" || strings.HasSuffix(why, ".") || !strings.HasSuffix(remedy, ".") || seen[why] != "" {
			t.Errorf("%s: %q, %q, as %s", name, why, remedy, seen[why])
		}
		seen[why] = name
	}
	if len(seen) < 10 {
		t.Errorf("there are %d faults", len(seen))
	}
}
