package e2e

import (
	"strings"
	"testing"

	"punctual/internal/cron"
	"punctual/test/harness"
)

// TestZoneDataOfUnknownRelease starts the service with time zone data that do not name their release.
func TestZoneDataOfUnknownRelease(t *testing.T) {
	t.Parallel()
	for path, says := range map[string]string{
		t.TempDir():                "which release",
		t.TempDir() + "/elsewhere": "cannot be read",
	} {
		code, stdout, stderr := harness.Run(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--zoneinfo", path)
		if code != 1 || stdout != "" && !strings.Contains(stdout, "key") || !strings.Contains(stderr, says) ||
			!strings.Contains(stderr, "--zoneinfo") {
			t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
		}
	}
}

// TestVersionNamesTheZoneData checks that the version names the release of the time zone data.
func TestVersionNamesTheZoneData(t *testing.T) {
	t.Parallel()
	_, stdout, _ := harness.Run(t, nil, "version")
	if want := "time zone data " + cron.EmbeddedZones().Release() + "\n"; !strings.HasSuffix(stdout, want) {
		t.Errorf("punctual version prints %q", stdout)
	}
}
