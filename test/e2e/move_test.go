package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// mover runs the command move.
type mover struct {
	t    *testing.T
	from *harness.Service
	to   *harness.Service
}

// location is the database of a service for the command.
func location(s *harness.Service) string {
	if s.URL != "" {
		return s.URL
	}
	return "sqlite:" + s.Dir
}

func (m *mover) args(more ...string) []string {
	return append([]string{"move", "--from", location(m.from), "--to", location(m.to)}, more...)
}

// move moves, and returns what it printed.
func (m *mover) move(more ...string) string {
	m.t.Helper()
	code, stdout, stderr := harness.Run(m.t, m.from.Env(), m.args(more...)...)
	if code != 0 {
		m.t.Fatalf("the move: exit code %d, %q", code, stderr)
	}
	return stdout
}

func (m *mover) refuse(says string, more ...string) {
	m.t.Helper()
	code, stdout, stderr := harness.Run(m.t, m.from.Env(), m.args(more...)...)
	if code != 1 || stdout != "" {
		m.t.Errorf("exit code %d, stdout %q", code, stdout)
	}
	checkSentence(m.t, m.from, stderr, []string{says})
}

// TestMove moves a service with a history, an interrupted one at first, to PostgreSQL with another key and back. IDs, history and sign-ins
// stay, and jobs go on.
func TestMove(t *testing.T) {
	t.Parallel()
	begin, target := time.Now(), harness.NewTarget(t)
	lite, post, back := harness.NewService(t, ""), harness.NewService(t, storetest.Postgres(t)), harness.NewService(t, "")
	c := &commander{t, lite, newGuest(t)}
	node := lite.Start()
	c.guest.post(303, c.at(node, consoleLink.FindString(node.Stdout())), url.Values{"email": {"jane@example.com"}, "password": {password}})
	client := lite.Client(node)
	gone := client.CreateJob(harness.Fields{"url": target.URL + "/gone"})
	id := client.CreateJob(job(target, "/before", harness.EverySecond(), harness.Fields{
		"extendedData": harness.Fields{"body": "moved body", "headers": harness.Fields{"X-Moved": "yes"}}}))
	last := client.CreateJob(harness.Fields{"url": target.URL + "/last"})
	client.DeleteJob(last)
	await(t, "there is a history", func() bool { return len(client.History(id).History) >= 2 })

	there := &mover{t, lite, post}
	there.refuse("directory")
	before := client.History(id).History
	node.Stop()
	there.refuse("key", "--from-key", post.Secret)

	// A move that is killed leaves a target on which nothing starts.
	p := harness.Launch(t, lite.Env(), there.args("--to-key", post.Secret)...)
	marked := func() bool {
		var n int
		err := post.Database().QueryRowContext(t.Context(), `SELECT count(*) FROM setting WHERE name = 'move under way'`).Scan(&n)
		return err == nil && n == 1 || p.Ended()
	}
	await(t, "the move has begun", marked)
	p.Kill()
	var left int
	if err := post.Database().QueryRowContext(t.Context(), `SELECT count(*) FROM setting WHERE name = 'move under way'`).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left == 1 {
		code, _, stderr := harness.Run(t, post.Env(), "serve")
		if code != 1 {
			t.Errorf("a service on an incomplete target: exit code %d", code)
		}
		checkSentence(t, post, stderr, []string{"punctual move again"})
		printed := there.move("--to-key", post.Secret)
		if !strings.Contains(printed, "execution ") || !strings.Contains(printed, "compared") {
			t.Errorf("the move printed\n%s", printed)
		}
	}
	there.refuse("already", "--to-key", post.Secret)

	post.Key = lite.Key
	node = post.Start()
	client = post.Client(node)
	if got := client.Job(id); got.ExtendedData.Body != "moved body" || got.ExtendedData.Headers["X-Moved"] != "yes" {
		t.Errorf("the job has %+v", got.ExtendedData)
	}
	for _, item := range before {
		if got := client.Execution(id, item.Identifier); got.DatePlanned != item.DatePlanned || got.Body == nil {
			t.Errorf("the record %s became %+v", item.Identifier, got)
		}
	}
	if _, ok := signIn(t, node, "jane@example.com", password); !ok {
		t.Error("nobody signs in")
	}
	since := time.Now().Unix()
	await(t, "the job runs on PostgreSQL", func() bool {
		h := client.History(id).History
		return len(h) > 0 && h[0].Date > since
	})
	if next := client.CreateJob(harness.Fields{"url": target.URL + "/next"}); next != last+1 {
		t.Errorf("a new job has the ID %d, want %d", next, last+1)
	}
	(&mover{t, post, back}).refuse("these nodes run")
	node.Stop()
	check(t, post, checker.Witness{From: begin, To: begin, Received: target.Counts(), Stopped: true})

	again := (&mover{t, post, back}).move("--from-key", post.Secret)
	key, err := os.ReadFile(filepath.Join(back.Dir, "secret.key"))
	if err != nil || strings.TrimSpace(string(key)) != post.Secret {
		t.Errorf("the key of the directory: %v", err)
	}
	if !strings.Contains(again, "account_tls") {
		t.Errorf("the move back printed\n%s", again)
	}
	back.Secret, back.Key = post.Secret, lite.Key
	node = back.Start()
	client = back.Client(node)
	since = time.Now().Unix()
	await(t, "the job runs on SQLite again", func() bool {
		h := client.History(id).History
		return len(h) > 0 && h[0].Date > since
	})
	if client.Job(gone).URL != target.URL+"/gone" {
		t.Error("a job has changed")
	}
	if _, ok := signIn(t, node, "jane@example.com", password); !ok {
		t.Error("nobody signs in after the move back")
	}
	node.Stop()
	check(t, back, checker.Witness{From: begin, To: begin, Received: target.Counts(), Stopped: true})
}
