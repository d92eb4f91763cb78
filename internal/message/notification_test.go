package message_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"punctual/internal/cron"
	"punctual/internal/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

// night is when the notifications of these tests are made: 02:00:02 in Berlin.
var night = time.Date(2026, 11, 27, 1, 0, 2, 0, time.UTC)

// failed is a notice of a job that fails for the third time.
func failed() cron.Notice {
	return cron.Notice{
		ID: 9, AccountID: 1, Kind: cron.NoticeFailure, Created: night, JobID: 7, Title: "Nightly backup",
		URL: "https://backup.example.com/run?token=sesame", Timezone: "Europe/Berlin",
		Runbook: "# If the backup fails\n\n1. Look at the **disk** of `db-1`.\n2. Call Jane.", Next: night.Add(time.Hour - 2*time.Second),
		Usual:       cron.Band{Low: 1200 * time.Millisecond, High: 3100 * time.Millisecond, Count: 90},
		ExecutionID: 4711, Attempt: 1, Planned: night.Add(-2 * time.Second), Failures: 3, ProblemID: 12, Cause: 77,
		Since: night.Add(-2*time.Hour - 2*time.Second),
		Result: cron.Result{
			Status: cron.StatusHTTPError, HTTPStatus: 503, URL: "https://backup.example.com/run?token=sesame", Started: night,
			Duration: 340 * time.Millisecond, RetryAfter: 2 * time.Minute, Body: []byte("{\n  \"error\": \"no space left on device\"\n}\n"),
		},
	}
}

// of is a notice of another kind about the same job.
func of(kind cron.NoticeKind, change func(*cron.Notice)) cron.Notice {
	n := failed()
	n.Kind = kind
	if change != nil {
		change(&n)
	}
	return n
}

// told is a message that tells of notices.
func told(notices ...cron.Notice) *cron.Message {
	m := &cron.Message{ID: 345, AccountID: 1, ChannelID: 3, Created: night, Notices: notices, Count: len(notices)}
	if len(notices) > 0 {
		m.Kind, m.ProblemID = notices[0].Kind, notices[0].ProblemID
	}
	return m
}

var (
	room   = &cron.Channel{ID: 3, Kind: "slack", Title: "Night watch"}
	inside = message.Context{Account: "Example Ltd.", Console: "https://cron.example.com/console",
		Act: "https://cron.example.com/console/act/TOKEN", Now: night.Add(time.Second)}
)

// several are failures of jobs that have the same cause.
func several(count int) *cron.Message {
	m := told()
	m.Kind, m.ProblemID, m.Count = cron.NoticeFailure, 12, count
	for i := range min(count, cron.MaxListedNotices) {
		n := failed()
		n.JobID, n.ExecutionID, n.Title = int64(i+1), int64(4711+i), fmt.Sprintf("Report %d", i+1)
		n.Failures, n.Created, n.Result.Started = 1, night.Add(time.Duration(i)*time.Second), night.Add(time.Duration(i)*time.Second)
		m.Notices = append(m.Notices, n)
	}
	return m
}

// notifications are one of each kind, and what is untidy.
func notifications() []struct {
	name    string
	m       *cron.Message
	channel *cron.Channel
} {
	succeeded := func(n *cron.Notice) {
		n.Failures, n.Result = 13, cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Started: night, Duration: 2 * time.Second}
	}
	expires := func(n *cron.Notice) {
		n.ProblemID, n.Result.CertExpiry = 0, night.Add(7*24*time.Hour-5*time.Minute)
	}
	missed := func(n *cron.Notice) { n.Missed, n.Result = 4, cron.Result{} }
	service := func(k cron.NoticeKind, detail string, amount int64) *cron.Message {
		return told(cron.Notice{Kind: k, Created: night, Detail: detail, Amount: amount})
	}
	reminder := told(failed())
	reminder.Kind = cron.NoticeReminder
	reminded := several(3)
	reminded.Kind = cron.NoticeReminder
	other := of(cron.NoticeFailure, func(n *cron.Notice) {
		n.JobID, n.Title, n.Cause, n.ProblemID, n.Failures = 8, "Invoices", 78, 13, 1
		n.Result = cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, Detail: "30s", URL: "https://shop.example.com/invoices",
			Started: night.Add(10 * time.Minute), Duration: 30 * time.Second}
	})
	ways := several(2)
	ways.Notices[1].Result = cron.Result{Status: cron.StatusOther, Fault: cron.FaultRefused, Detail: "192.0.2.7:443", URL: ways.Notices[1].URL, Started: night}
	causes := told(failed(), other)
	causes.ProblemID = 0
	cases := []struct {
		name    string
		m       *cron.Message
		channel *cron.Channel
	}{
		{"the first failure", told(of(cron.NoticeFailure, func(n *cron.Notice) {
			n.Failures, n.Since, n.Runbook, n.Planned = 1, n.Result.Started, "", night
			n.Result = cron.Result{Status: cron.StatusOther, Fault: cron.FaultRefused, Detail: "192.0.2.7:443", URL: n.URL, Started: night, Duration: 40 * time.Millisecond}
		})), room},
		{"the third failure", told(failed()), room},
		{"a timeout", told(of(cron.NoticeFailure, func(n *cron.Notice) {
			n.Result = cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, Detail: "30s", URL: n.URL, Started: night, Duration: 30 * time.Second}
			n.Attempt, n.Timezone = 3, "America/Sao_Paulo"
		})), room},
		{"a recovery", told(of(cron.NoticeSuccess, succeeded)), room},
		{"a recovery whose beginning is not known", told(of(cron.NoticeSuccess, func(n *cron.Notice) { succeeded(n); n.Since = time.Time{}; n.Failures = 1 })), room},
		{"a disabled job", told(of(cron.NoticeDisabled, func(n *cron.Notice) { n.Failures, n.Next = 26, time.Time{} })), room},
		{"a certificate that expires", told(of(cron.NoticeCertExpiry, expires)), room},
		{"a certificate that has expired", told(of(cron.NoticeCertExpiry, func(n *cron.Notice) { expires(n); n.Result.CertExpiry = night.Add(-time.Hour) })), room},
		{"missed runs", told(of(cron.NoticeMissed, missed)), room},
		{"a reminder", reminder, room},
		{"a test", told(cron.Notice{Kind: cron.NoticeTest, Created: night}), room},
		{"a test for owners", told(cron.Notice{Kind: cron.NoticeTest, Created: night}), &cron.Channel{Kind: "owners"}},
		{"an acknowledgement", told(of(cron.NoticeAcknowledged, nil)), room},
		{"late runs", service(cron.NoticeBehind, "", 12_400), room},
		{"a full disk", service(cron.NoticeDisk, "The disk of /var/lib/punctual", 512<<20+17), room},
		{"a failed backup", service(cron.NoticeBackup, "Cannot back up: /var/backups: its disk is full. Free space on it.", 0), room},
		{"a lost node", service(cron.NoticeNodeGone, "cron-2", 0), room},
		{"failing channels", service(cron.NoticeChannels, "", 3), room},
		{"its own certificate", told(cron.Notice{Kind: cron.NoticeOwnExpiry, Created: night, Result: cron.Result{CertExpiry: night.Add(49 * time.Hour)}}), room},
		{"a stopped channel", service(cron.NoticeChannelOff, "Night watch", int64(cron.ChannelNotFound)), &cron.Channel{Kind: "owners"}},
		{"12 jobs with one cause", several(12), room},
		{"10,000 jobs with one cause", several(10_000), room},
		{"jobs with different causes", causes, room},
		{"jobs of one host that fail in different ways", ways, room},
		{"recoveries", told(of(cron.NoticeSuccess, succeeded), of(cron.NoticeSuccess, func(n *cron.Notice) { succeeded(n); n.JobID, n.Title = 8, "Invoices" })), room},
		{"missed runs of several jobs", told(of(cron.NoticeMissed, missed), of(cron.NoticeMissed, func(n *cron.Notice) { missed(n); n.JobID, n.Title, n.Missed = 8, "Invoices", 1 })), room},
		{"a failure and a disabled job", told(of(cron.NoticeDisabled, func(n *cron.Notice) { n.Failures = 26 }), other), room},
		{"disabled jobs", told(of(cron.NoticeDisabled, func(n *cron.Notice) { n.Failures = 26 }), of(cron.NoticeDisabled, func(n *cron.Notice) { n.JobID, n.Title, n.Failures = 8, "Invoices", 26 })), room},
		{"certificates", told(of(cron.NoticeCertExpiry, expires), of(cron.NoticeCertExpiry, func(n *cron.Notice) { expires(n); n.JobID, n.Title = 8, "Invoices" })), room},
		{"a reminder of several", reminded, room},
	}
	return append(cases, untidy()...)
}

// untidy are messages whose texts others chose badly.
func untidy() []struct {
	name    string
	m       *cron.Message
	channel *cron.Channel
} {
	return []struct {
		name    string
		m       *cron.Message
		channel *cron.Channel
	}{
		{"no title and an unknown zone", told(of(cron.NoticeFailure, func(n *cron.Notice) { n.Title, n.Timezone = " \n", "Mars/Base" })), room},
		{"nothing but a number", told(cron.Notice{Kind: cron.NoticeFailure, JobID: 7}), &cron.Channel{Kind: "ntfy"}},
		{"a title of several lines with marks of direction", told(of(cron.NoticeFailure, func(n *cron.Notice) {
			n.Title = "Backup\r\nBcc: all@example.com\x00\x1b[31m \u202egnp.exe\u2066 {summary} [x|y]"
			n.Result.Reason = "\u202eSo sorry\u2069"
		})), room},
		{"a very long title", told(of(cron.NoticeFailure, func(n *cron.Notice) { n.Title = strings.Repeat("Backup of everything ", 30) })), room},
		{"a body that is not text", told(of(cron.NoticeFailure, func(n *cron.Notice) { n.Result.Body = []byte("\x1f\x8b\x08\x00\x00\x01\x02\xff\xfe\x80 gz") })), room},
		{"a redirect with a token", told(of(cron.NoticeFailure, func(n *cron.Notice) {
			n.URL = "https://jane:opensesame@backup.example.com/run?token=sesame"
			n.Result = cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 302, Detail: "https://login.example.com/?next=/run%3Ftoken=sesame", URL: n.URL, Started: night}
		})), room},
	}
}

// written is a notification as a person reads it.
func written(n *message.Notification) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", n.Subject, n.Summary)
	for _, f := range n.Facts {
		fmt.Fprintf(&b, "\n%s: %s", f.Label, f.Value)
	}
	for _, l := range n.Jobs {
		fmt.Fprintf(&b, "\n- %s: %s  <%s>", l.Title, l.Text, l.URL)
	}
	if n.More != "" {
		fmt.Fprintf(&b, "\n%s", n.More)
	}
	for _, part := range []string{n.Excerpt, n.Runbook} {
		if part != "" {
			fmt.Fprintf(&b, "\n\n| %s", strings.ReplaceAll(part, "\n", "\n| "))
		}
	}
	b.WriteByte('\n')
	for _, l := range n.Links {
		fmt.Fprintf(&b, "\n%s: %s", l.Label, l.URL)
	}
	fmt.Fprintf(&b, "\n\n%s\n(%s %s %s %s)\n", n.Footer, n.ID, n.Event, n.Severity, n.Key)
	return b.String()
}

// TestNotifications compares all notifications with a file, which somebody has read.
func TestNotifications(t *testing.T) {
	var b strings.Builder
	for _, tt := range notifications() {
		n := message.Default().Notification(tt.m, tt.channel, inside)
		fmt.Fprintf(&b, "======== %s ========\n\n%s\n", tt.name, written(&n))
	}
	golden := filepath.Join("testdata", "notifications.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the notifications differ from %s; run the test with -update, and read what changed:\n%s", golden, b.String())
	}
}

// TestNotificationsAreTidy makes sure of what no notification may hold, whatever it tells of.
func TestNotificationsAreTidy(t *testing.T) {
	for _, tt := range notifications() {
		for _, x := range []message.Context{inside, {}} {
			n := message.Default().Notification(tt.m, tt.channel, x)
			text := written(&n)
			for _, secret := range []string{"sesame", "\u202e", "\u2066", "\x1b", "\x00", "%!"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s holds %q:\n%s", tt.name, secret, text)
				}
			}
			for part, s := range map[string]string{"subject": n.Subject, "summary": n.Summary, "title": n.Title, "footer": n.Footer} {
				if strings.ContainsFunc(s, unicode.IsControl) || strings.Contains(s, "  ") || strings.TrimSpace(s) != s {
					t.Errorf("%s: the %s is %q", tt.name, part, s)
				}
			}
			if len([]rune(n.Subject)) > 200 || n.Subject == "" || strings.HasSuffix(n.Subject, ".") {
				t.Errorf("%s: the subject is %q", tt.name, n.Subject)
			}
			if !strings.HasSuffix(n.Summary, ".") || strings.Contains(n.Summary, "..") || strings.Contains(n.Summary, "%!") {
				t.Errorf("%s: the summary is %q", tt.name, n.Summary)
			}
			if x.Console == "" && len(n.Links) > 0 {
				t.Errorf("%s has links although the service does not know its URL: %v", tt.name, n.Links)
			}
		}
	}
}

// TestEveryNoticeHasWords makes sure that none is forgotten.
func TestEveryNoticeHasWords(t *testing.T) {
	newer := message.Default().Notification(told(cron.Notice{Kind: 99}), room, inside)
	lastResort := newer.Summary
	if newer.Subject == "" || newer.Key == "" || !strings.HasPrefix(lastResort, "A newer version") {
		t.Errorf("a kind of a newer version: %+v", newer)
	}
	for name, kind := range constants(t, "NoticeKind") {
		for _, count := range []int{1, 2} {
			var notices []cron.Notice
			for i := range count {
				notices = append(notices, of(cron.NoticeKind(kind), func(n *cron.Notice) { n.JobID = int64(i + 1) }))
			}
			n := message.Default().Notification(told(notices...), room, inside)
			if n.Summary == lastResort || n.Subject == "" || n.Summary == "" || n.Event == "" || n.Key == "" {
				t.Errorf("%s, %d notices: %+v", name, count, n)
			}
		}
	}
}

func TestEveryChannelFaultAndDropHasASentence(t *testing.T) {
	seen := map[string]string{}
	for name, fault := range constants(t, "ChannelFault") {
		for _, detail := range []string{"", "404 no_team", "The host x does not exist."} {
			checkSentence(t, name, message.Default().ChannelFault(cron.ChannelFault(fault), detail))
		}
		s := message.Default().ChannelFault(cron.ChannelFault(fault), "")
		if other, ok := seen[s]; ok {
			t.Errorf("%s and %s have the same sentence", name, other)
		}
		seen[s] = name
	}
	for name, drop := range constants(t, "MessageDrop") {
		if cron.MessageDrop(drop) != cron.DropNone {
			checkSentence(t, name, message.Default().MessageDrop(cron.MessageDrop(drop)))
		}
	}
}

// TestEveryFaultHasAReason makes sure that each subject says why.
func TestEveryFaultHasAReason(t *testing.T) {
	for name, fault := range constants(t, "Fault") {
		n := of(cron.NoticeFailure, func(n *cron.Notice) {
			n.Result.Fault, n.Result.Status, n.Result.HTTPStatus = cron.Fault(fault), cron.StatusOther, 0
			if f := cron.Fault(fault); f == cron.FaultNone || f == cron.FaultStatus {
				n.Result.HTTPStatus = 500
			}
		})
		got := message.Default().Notification(told(n), room, inside)
		if !strings.HasPrefix(got.Subject, "Nightly backup failed 3 times: ") {
			t.Errorf("%s: the subject is %q", name, got.Subject)
		}
	}
}

// TestKeysJoin makes sure that a recovery has the key of the failure, and other things another one.
func TestKeysJoin(t *testing.T) {
	key := func(m *cron.Message) string { n := message.Default().Notification(m, room, inside); return n.Key }
	problem := func(id int64) func(*cron.Notice) { return func(n *cron.Notice) { n.ProblemID = id } }
	for _, id := range []int64{0, 12} {
		failure, recovery := key(told(of(cron.NoticeFailure, problem(id)))), key(told(of(cron.NoticeSuccess, problem(id))))
		if certificate := key(told(of(cron.NoticeCertExpiry, problem(id)))); failure != recovery || certificate == failure {
			t.Errorf("of problem %d the keys are %s, %s and %s", id, failure, recovery, certificate)
		}
	}
}

// TestWhatAReceiverSaysIsPartOfASentence has answers that are sentences themselves.
func TestWhatAReceiverSaysIsPartOfASentence(t *testing.T) {
	for _, detail := range []string{"HTTP 403 Forbidden: Not you", "HTTP 403 Forbidden: Not you.", "HTTP 403 Forbidden: Not you.. "} {
		got := message.Default().ChannelFault(cron.ChannelUnauthorized, detail)
		if !strings.HasSuffix(got, ": HTTP 403 Forbidden: Not you.") {
			t.Errorf("of %q: %q", detail, got)
		}
	}
}
