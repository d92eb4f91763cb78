package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// describe writes a result for people who check it.
func describe(r *Result) string {
	var b strings.Builder
	for i := range r.Entries {
		e := &r.Entries[i]
		v := &e.Patch.Values
		fmt.Fprintf(&b, "line %d: tool %d\n", e.Line, e.Tool)
		for _, field := range e.Patch.Fields {
			if text := fieldText(v, field); text != "" {
				fmt.Fprintf(&b, "  %s: %s\n", field, text)
			}
		}
		for _, n := range e.Notes {
			fmt.Fprintf(&b, "  not used: %s %q\n", reasonName(n.Reason), n.Text)
		}
	}
	for _, u := range r.Unread {
		fmt.Fprintf(&b, "line %d unread: %s %q", u.Line, reasonName(u.Reason), u.Text)
		if u.Crontab != nil {
			fmt.Fprintf(&b, " %v", u.Crontab)
		}
		b.WriteByte('\n')
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s %q\n", reasonName(n.Reason), n.Text)
	}
	return b.String()
}

func fieldText(v *cron.Job, field string) string {
	r := &v.Request
	switch field {
	case "/url":
		return r.URL
	case "/requestMethod":
		return r.Method.String()
	case "/extendedData/headers":
		var list []string
		for _, h := range r.Headers {
			list = append(list, "\n    "+h.Name+": "+h.Value)
		}
		return strings.Join(list, "")
	case "/extendedData/body":
		return fmt.Sprintf("%q", r.Body)
	case "/auth/user":
		return fmt.Sprintf("%q:%q", r.Auth.User, r.Auth.Password)
	case "/requestTimeout":
		return fmt.Sprint(v.Timeout)
	case "/followRedirects":
		return fmt.Sprint(v.Exchange.FollowRedirects)
	case "/verifyTls":
		return fmt.Sprint(!v.Exchange.Unverified)
	case "/retry/count":
		return fmt.Sprint(v.Policy.Retry.Count, " after ", v.Policy.Retry.Delay)
	case "/overlap":
		return "skip"
	case "/title":
		return v.Title
	case "/schedule/timezone":
		return v.Schedule.Timezone
	case "/schedule/minutes":
		line, _ := v.Schedule.Crontab()
		return line
	}
	return ""
}

func reasonName(r Reason) string { return fmt.Sprint(int(r)) }

// TestTexts reads each text of testdata and compares what was read with the file beside it. PUNCTUAL_TEST_UPDATE=1 writes it.
func TestTexts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %d files", err, len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for i, one := range strings.Split(string(text), "\n=====\n") {
			r := Read(one)
			fmt.Fprintf(&got, "===== %d\n%s", i+1, describe(&r))
		}
		golden := strings.TrimSuffix(file, ".txt") + ".golden"
		if os.Getenv("PUNCTUAL_TEST_UPDATE") != "" {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || string(want) != got.String() {
			t.Errorf("%s: %v\n%s", file, err, got.String())
		}
	}
}
