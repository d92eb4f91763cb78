package message_test

import (
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

func TestBadge(t *testing.T) {
	const all = cron.BadgeTitle | cron.BadgeExecution | cron.BadgeLatency
	executed := cron.JobState{
		LastStatus: cron.StatusOK, LastDuration: 1234567 * time.Microsecond,
		LastExecution: time.Date(2030, 1, 2, 3, 4, 59, 0, time.FixedZone("", 3600)),
	}
	failed := executed
	failed.LastStatus = cron.StatusTimeout
	for _, tt := range []struct {
		name         string
		title        string
		disabled     bool
		state        cron.JobState
		parts        cron.BadgeParts
		label, words string
	}{
		{"new", "Backup", false, cron.JobState{}, all, "Backup", "not run yet"},
		{"ok", "Backup", false, executed, 0, "cron job", "ok"},
		{"failed", "Backup", false, failed, 0, "cron job", "failed"},
		{"disabled", "Backup", true, failed, 0, "cron job", "disabled"},
		{"title", "Backup", false, executed, cron.BadgeTitle, "Backup", "ok"},
		{"no title", "", false, executed, cron.BadgeTitle, "cron job", "ok"},
		{"a long title", strings.Repeat("ü", 41), false, executed, cron.BadgeTitle, strings.Repeat("ü", 40) + "…", "ok"},
		{"execution", "", false, executed, cron.BadgeExecution, "cron job", "ok · 2030-01-02 02:04 UTC"},
		{"latency", "", false, executed, cron.BadgeLatency, "cron job", "ok · 1234 ms"},
		{"all", "Backup", true, failed, all, "Backup", "disabled · 2030-01-02 02:04 UTC · 1234 ms"},
	} {
		job := cron.JobRecord{State: tt.state}
		job.Title, job.Enabled = tt.title, !tt.disabled
		if label, words := message.Default().Badge(&job, tt.parts); label != tt.label || words != tt.words {
			t.Errorf("%s: %q, %q, want %q, %q", tt.name, label, words, tt.label, tt.words)
		}
	}
}
