package service_test

import (
	"bytes"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	commands "punctual/internal/command"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// awkward are arguments that shells like to change.
var awkward = []string{
	"", "plain", "a b", "it's", `say "hi"`, `C:\dir\`, `\\"`, "$HOME `id` $(id)", "!history", "100%", "%PATH%", "%cjo:unixtime%", "a&b|c<d>e^f",
	"line\nbreak", "tab\there", "bell\a and \x1b[31m", "‘curly’ “quotes”", "日本語", "\u202egnirts", "#comment", "~user", "*?[a]{b,c}", "-x", "@file",
	"trailing\\", "a'b\nc\\d", "\x01f",
}

// TestQuoteBash lets bash read what is quoted for it.
func TestQuoteBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	for _, text := range awkward {
		out, err := exec.Command(bash, "-c", "printf '%s' "+service.Quote(service.Bash, text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q is quoted as %s, and read as %q: %v", text, service.Quote(service.Bash, text), out, err)
		}
	}
}

// TestQuoteForWindows reads what is quoted for cmd.exe and PowerShell by their rules.
func TestQuoteForWindows(t *testing.T) {
	for _, text := range awkward {
		if got := readCmd(service.Quote(service.Cmd, text)); got != text {
			t.Errorf("cmd.exe reads %q as %q", text, got)
		}
		if got := readPowerShell(service.Quote(service.PowerShell, text)); got != text {
			t.Errorf("PowerShell reads %q as %q", text, got)
		}
	}
}

// readCmd takes the carets off an argument as cmd.exe does, and splits the rest as the C runtime does.
func readCmd(s string) string {
	var line strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '^' && i+1 < len(s) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		line.WriteByte(s[i])
	}
	var b strings.Builder
	rest := line.String()
	for i := 0; i < len(rest); {
		n := len(rest[i:]) - len(strings.TrimLeft(rest[i:], `\`))
		i += n
		if i == len(rest) || rest[i] != '"' {
			b.WriteString(strings.Repeat(`\`, n))
			if i < len(rest) {
				b.WriteByte(rest[i])
				i++
			}
			continue
		}
		b.WriteString(strings.Repeat(`\`, n/2))
		if n%2 == 1 {
			b.WriteByte('"')
		}
		i++
	}
	return b.String()
}

// readPowerShell reads one argument.
func readPowerShell(s string) string {
	switch {
	case strings.HasPrefix(s, "'"):
		s = s[1 : len(s)-1]
		for _, quote := range []string{"'", "‘", "’", "‚", "‛"} {
			s = strings.ReplaceAll(s, quote+quote, quote)
		}
		return s
	case strings.HasPrefix(s, `"`):
		s = strings.NewReplacer("`n", "\n", "`r", "\r", "`t", "\t", "`u{7}", "\a", "`u{1b}", "\x1b", "`u{1}", "\x01", "`u{202e}", "\u202e",
			"``", "`", "`$", "$", "`\"", `"`, "`“", "“", "`”", "”").Replace(s[1 : len(s)-1])
	}
	return s
}

// TestCurlCommand writes jobs as commands.
func TestCurlCommand(t *testing.T) {
	w := newWorld(t, nil)
	jane, bob := w.member("jane@example.com", cron.RoleEditor), w.member("bob@example.com", cron.RoleViewer)
	job, err := w.NewJob(jane, &cron.JobPatch{
		Values: cron.Job{Request: cron.Request{URL: "https://joe:s3cret@a.example/x/[1]?q=%cjo:uuid4%", Method: cron.MethodPut,
			Headers: []cron.Header{{Name: "X-Token", Value: "it's a s3cret"}, {Name: "content-length", Value: "7"}}, Body: "a=1\nb=%secret:KEY%"},
			Timeout: 12, Exchange: cron.Exchange{FollowRedirects: 3, Unverified: true}},
		Fields: []string{"/url", "/requestMethod", "/extendedData/headers", "/extendedData/body", "/requestTimeout", "/followRedirects", "/verifyTls"},
	})
	w.ok(err)
	w.ok(w.AddJob(t.Context(), jane, &job))
	c, err := w.CurlCommand(t.Context(), w.db.Now(), jane, job.ID, service.Bash)
	w.ok(err)
	want := `curl 'https://joe:s3cret@a.example/x/[1]?q=%cjo:uuid4%' \
  -X PUT \
  -H 'X-Token: it'\''s a s3cret' \
  --data-raw $'a=1\nb=%secret:KEY%' \
  -L \
  --max-redirs 3 \
  --max-time 12 \
  -k \
  -g`
	if c.Text != want || c.Hidden || c.Signed || c.Crontab != "" || !slices.Equal(c.Placeholders, []string{"%cjo:uuid4%", "%secret:KEY%"}) {
		t.Errorf("the command is %+v, want %s", c, want)
	}
	for _, shell := range []service.Shell{service.Bash, service.Cmd, service.PowerShell} {
		c, err := w.CurlCommand(t.Context(), w.db.Now(), bob, job.ID, shell)
		w.ok(err)
		if strings.Contains(c.Text, "s3cret") || !c.Hidden {
			t.Errorf("a viewer sees %s", c.Text)
		}
	}
}

// TestCurlCommandOfMethods writes the options that depend on the method.
func TestCurlCommandOfMethods(t *testing.T) {
	job := cron.NewJob()
	job.Request.URL, job.Request.Body = "https://a.example/", "x"
	job.Request.Auth = cron.BasicAuth{Enable: true, User: "joe"}
	for method, want := range map[cron.Method]string{
		cron.MethodGet:    "curl https://a.example/ -u joe:",
		cron.MethodPost:   "curl https://a.example/ -u joe: --data-raw x",
		cron.MethodHead:   "curl https://a.example/ -I -u joe:",
		cron.MethodDelete: "curl https://a.example/ -X DELETE -u joe: --data-raw x",
		cron.MethodTrace:  "curl https://a.example/ -X TRACE -u joe:",
	} {
		job.Request.Method = method
		if got := service.CurlOf(&job, service.Bash); got != want {
			t.Errorf("%s is %s, want %s", method, got, want)
		}
	}
	job.Request.Headers = []cron.Header{{Name: "authorization", Value: "Bearer x"}}
	if got := service.CurlOf(&job, service.Bash); strings.Contains(got, "-u") {
		t.Errorf("the header does not win: %s", got)
	}
}

// TestExportCrontab writes jobs that cron can run, and others as comments.
func TestExportCrontab(t *testing.T) {
	w := newWorld(t, nil)
	jane, bob := w.member("jane@example.com", cron.RoleEditor), w.member("bob@example.com", cron.RoleViewer)
	add := func(title, crontab string, enabled bool) {
		schedule, err := cron.ParseCrontab(crontab)
		w.ok(err)
		schedule.Timezone = "Europe/Berlin"
		job, err := w.NewJob(jane, setURL("https://joe:s3cret@a.example/?p=100%25"))
		w.ok(err)
		job.Title, job.Enabled, job.Schedule = title, enabled, schedule
		w.ok(w.AddJob(t.Context(), jane, &job))
	}
	add("nightly\u2028* * * * * rm -rf /", "5 3 * * *", true)
	add("off", "*/5 * * * *", false)
	add("seconds", "*/10 * * * * *", true)
	add("last day", "0 0 L * *", true)
	var text bytes.Buffer
	w.ok(w.ExportCrontab(t.Context(), w.db.Now(), jane, "head\nline", &text))
	want := `# head line
SHELL=/bin/bash

# nightly * * * * * rm -rf / (1): every day at 03:05, Berlin time
CRON_TZ=Europe/Berlin
5 3 * * * curl 'https://joe:s3cret@a.example/?p=100\%25'
`
	if got, _, _ := strings.Cut(text.String(), "\n# off"); got != want {
		t.Errorf("the export begins with\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(text.String()) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "CRON_TZ=") &&
			!strings.HasPrefix(line, "SHELL=") && !strings.HasPrefix(line, "5 3 * * * curl ") {
			t.Errorf("cron runs %q", line)
		}
	}
	text.Reset()
	w.ok(w.ExportCrontab(t.Context(), w.db.Now(), bob, "head", &text))
	if strings.Contains(text.String(), "s3cret") {
		t.Errorf("a viewer sees %s", text.String())
	}
}

// TestCurlCommandReadsBack pastes commands for bash and cmd.exe, and wants the jobs again that they were made of.
func TestCurlCommandReadsBack(t *testing.T) {
	var jobs []cron.Job
	for _, method := range []cron.Method{cron.MethodGet, cron.MethodPost, cron.MethodPut, cron.MethodDelete, cron.MethodHead, cron.MethodPatch, cron.MethodOptions} {
		for _, text := range append(awkward, "{\n  \"a\": [1, 'b']\n}") {
			j := cron.NewJob()
			j.Request = cron.Request{URL: "https://a.example/x/[1]?q=%cjo:uuid4%&r={2}", Method: method}
			if method.SendsBody() {
				j.Request.Body = text
			}
			if value := strings.TrimSpace(text); value != "" && !strings.ContainsFunc(value, unicode.IsControl) {
				j.Request.Headers = []cron.Header{{Name: "X-Token", Value: value}, {Name: "X-Other", Value: "1"}}
				j.Request.Auth = cron.BasicAuth{Enable: true, User: "joe", Password: value}
			}
			j.Timeout, j.Exchange.FollowRedirects, j.Exchange.Unverified = 12, 3, true
			jobs = append(jobs, j)
		}
	}
	for _, shell := range []service.Shell{service.Bash, service.Cmd} {
		for i := range jobs {
			j := &jobs[i]
			if shell == service.Cmd && strings.Contains(j.Request.Body+j.Request.Auth.Password, "%PATH%") {
				continue // nobody can tell it from a variable
			}
			written := service.CurlLines(j, shell)
			read := commands.Read(written)
			if len(read.Entries) != 1 || len(read.Unread) > 0 {
				t.Errorf("%d: %s is read as %+v", shell, written, read)
				continue
			}
			e := &read.Entries[0]
			got := cron.NewJob()
			for _, n := range e.Notes {
				t.Errorf("%d: %s has a note: %+v", shell, written, n)
			}
			if err := e.Patch.Apply(&got, &cron.Job{}); err != nil {
				t.Errorf("%d: %s: %v", shell, written, err)
			}
			if !reflect.DeepEqual(got.Request, j.Request) || got.Timeout != j.Timeout || got.Exchange != j.Exchange {
				t.Errorf("%d: %s is read as %+v, want %+v", shell, written, got.Request, j.Request)
			}
		}
	}
}
