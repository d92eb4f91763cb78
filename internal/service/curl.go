package service

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Shell is a shell that a command is quoted for.
type Shell int

// The shells.
const (
	Bash       Shell = iota // and zsh
	Cmd                     // of Windows
	PowerShell              // from version 7.3 on, which hands quotation marks on as they are
)

// CurlCommand is a command that sends what a job sends.
type CurlCommand struct {
	Text         string
	Crontab      string   // a line of a crontab that runs it, with its time zone; "" when no line can say when the job is due
	Placeholders []string // that Punctual replaces at each run and that stand in the command as they are
	Hidden       bool     // secrets are masked, as the person may not see them
	Signed       bool     // runs are signed, and the command is not
	Overlong     bool     // the shell takes no command of that length
}

// CurlCommand writes a job as a command of curl: the request with credentials and body, redirects, timeout and whether the
// certificate is verified. A viewer gets it without its secrets.
func (s *Service) CurlCommand(ctx context.Context, now time.Time, actor cron.Actor, jobID int64, shell Shell) (c CurlCommand, err error) {
	job, err := s.Job(ctx, now, actor, jobID)
	if err != nil {
		return c, err
	}
	c.Text = curlOf(&job.Job, shell, true)
	c.Placeholders, c.Signed = job.Request.PlaceholderTexts(), job.SigningSecret != ""
	c.Hidden = !seesSecrets(&actor) && hasSecrets(&job.Request)
	c.Overlong = shell == Cmd && len(c.Text) > maxCmdLine
	if line, ok := crontabOf(&job.Job); ok {
		c.Crontab = line
	}
	return c, nil
}

// maxCmdLine is the longest line that cmd.exe takes, in characters.
const maxCmdLine = 8191

// hasSecrets reports whether hideSecrets has hidden something of a request.
func hasSecrets(r *cron.Request) bool {
	_, user := cron.WithoutUser(r.URL)
	return user || len(r.Headers) > 0 || r.Body != "" || r.Auth.User != "" || r.Auth.Password != ""
}

// droppedHeaders are those that an execution does not send, as they are about the connection.
var droppedHeaders = []string{"Content-Length", "Transfer-Encoding", "Connection", "Expect", "Te", "Upgrade", "Trailer", "Keep-Alive",
	"Proxy-Connection"}

// curlOf writes a job as a command, on several lines or on one.
func curlOf(j *cron.Job, shell Shell, lines bool) string {
	q := quoters[shell]
	parts := []string{q.program + " " + q.quote(j.Request.URL)}
	for _, option := range curlOptions(j) {
		text := option[0]
		if len(option) > 1 {
			text += " " + q.quote(option[1])
		}
		parts = append(parts, text)
	}
	if !lines {
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, " "+q.continued+"\n  ")
}

// curlOptions are the options of the command, each with its value unless it has none.
func curlOptions(j *cron.Job) (options [][]string) {
	add := func(option ...string) { options = append(options, option) }
	r := &j.Request
	switch {
	case r.Method == cron.MethodHead:
		add("-I")
	case r.Method == cron.MethodGet, r.Method == cron.MethodPost: // a body makes it POST, which a redirect may change to GET
	default:
		add("-X", r.Method.String())
	}
	own := false
	for _, h := range r.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		if slices.Contains(droppedHeaders, name) {
			continue
		}
		own = own || name == "Authorization"
		add("-H", h.Name+": "+h.Value)
	}
	if r.Auth.Enable && !own {
		add("-u", r.Auth.User+":"+r.Auth.Password)
	}
	if r.Method.SendsBody() {
		add("--data-raw", r.Body)
	}
	if n := j.Exchange.FollowRedirects; n > 0 {
		add("-L")
		add("--max-redirs", strconv.Itoa(n))
	}
	if j.Timeout > 0 {
		add("--max-time", strconv.Itoa(j.Timeout))
	}
	if j.Exchange.Unverified {
		add("-k")
	}
	if strings.ContainsAny(r.URL, "[]{}") {
		add("-g")
	}
	if strings.Contains(r.URL, "/.") {
		add("--path-as-is")
	}
	return options
}

// crontabOf is a line of a crontab with the time zone before it. ok is false when cron cannot do that: for a one-time job, seconds,
// the last day of the month, and an end.
func crontabOf(j *cron.Job) (line string, ok bool) {
	schedule, ok := j.Schedule.Crontab()
	if !ok || !j.Timing.RunAt.IsZero() || j.Schedule.ExpiresAt != 0 || len(strings.Fields(schedule)) != 5 || strings.ContainsAny(schedule, "L#W?") {
		return "", false
	}
	command := strings.ReplaceAll(curlOf(j, Bash, false), "%", `\%`) // which cron takes for line breaks otherwise
	return "CRON_TZ=" + j.Schedule.Timezone + "\n" + schedule + " " + command, true
}
