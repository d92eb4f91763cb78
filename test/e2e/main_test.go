package e2e

import (
	"maps"
	"os"
	"testing"
	"time"

	"punctual/test/checker"
	"punctual/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// Statuses of the contract.
const (
	statusOK            = 1
	statusConnectFailed = 3
	statusHTTPError     = 4
	statusTooMuchData   = 6
	statusInternalError = 8
	statusOther         = 9
)

// await waits until something is true.
func await(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(harness.Timeout); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// job is an enabled job with a schedule that calls a unique URL of the target and saves the responses.
func job(target *harness.Target, path string, schedule harness.Fields, more ...harness.Fields) harness.Fields {
	fields := harness.Fields{
		"url": target.URL + path + "?u=%cjo:uuid4%", "enabled": true, "saveResponses": true, "schedule": schedule,
	}
	for _, m := range more {
		maps.Copy(fields, m)
	}
	return fields
}

// check checks the ledger of a service against the promises.
func check(t *testing.T, s *harness.Service, w checker.Witness) *checker.Ledger {
	t.Helper()
	ledger, err := checker.Read(t.Context(), s.Database())
	if err != nil {
		t.Fatal(err)
	}
	found := checker.Find(ledger, w)
	for _, v := range found[:min(len(found), 20)] {
		t.Error(v)
	}
	if n := len(found); n > 20 {
		t.Errorf("%d violations in all", n)
	}
	return ledger
}
