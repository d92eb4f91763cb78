package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/store"
	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// keyLines are the keys in a file, one per line.
func keyLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// sealedBy counts the sealed values in a database by whether a key seals them.
func sealedBy(t *testing.T, s *harness.Service, key string) (by, others int) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	id := store.IDOf([32]byte(raw))
	for _, from := range []string{"sealed FROM job_secret", "sealed_url FROM job WHERE sealed_url IS NOT NULL",
		"answer FROM idempotency_key", "value FROM setting WHERE name IN ('key check', 'service secret')"} {
		rows, err := s.Database().QueryContext(t.Context(), `SELECT `+from)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var sealed []byte
			if err := rows.Scan(&sealed); err != nil {
				t.Fatal(err)
			}
			if store.KeyID(sealed[:4]) == id {
				by++
			} else {
				others++
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
	}
	return by, others
}

// secretly is a job that sends secrets.
func secretly(target *harness.Target, i int) harness.Fields {
	return job(target, fmt.Sprintf("/kept/%d", i), harness.EverySecond(), harness.Fields{
		"saveResponses": false, "extendedData": harness.Fields{"headers": harness.Fields{"X-Kept": fmt.Sprintf("secret %d", i)}},
		"auth": harness.Fields{"enable": true, "user": "robot", "password": "kept"},
	})
}

// unrun is a job that never runs, with user and password in its URL.
func unrun(target *harness.Target, i int) harness.Fields {
	fields := secretly(target, i)
	fields["enabled"] = false
	fields["url"] = strings.Replace(fields["url"].(string), "http://", "http://robot:kept@", 1)
	return fields
}

// write creates jobs and edits them, each with an Idempotency-Key, until stop is closed.
func write(t *testing.T, s *harness.Service, node *harness.Node, target *harness.Target, stop <-chan struct{}) (wait func()) {
	t.Helper()
	api := s.Client(node)
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 1000; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			answer, err := api.Try("PUT", "/jobs", harness.Fields{"job": unrun(target, i)},
				http.Header{"Idempotency-Key": {fmt.Sprintf("%s %d", node.URL, i)}})
			if err != nil || answer.Status != http.StatusOK {
				t.Errorf("a job is answered with %d and %v: %s", answer.Status, err, answer.Body)
				return
			}
		}
	})
	return writer.Wait
}

// keptSecrets checks that every call had its secrets, and that no execution has failed.
func keptSecrets(t *testing.T, s *harness.Service, target *harness.Target) {
	t.Helper()
	for _, r := range target.Requests() {
		user, password, _ := (&http.Request{Header: r.Header}).BasicAuth()
		if want := "secret " + strings.TrimPrefix(r.Path, "/kept/"); r.Header.Get("X-Kept") != want || user+":"+password != "robot:kept" {
			t.Errorf("%s was called with %q and %s:%s", r.Path, r.Header.Get("X-Kept"), user, password)
		}
	}
	var failed int
	if err := s.Database().QueryRowContext(t.Context(), `SELECT count(*) FROM execution WHERE status NOT IN (0, $1)`, statusOK).
		Scan(&failed); err != nil || failed > 0 {
		t.Errorf("%d executions have failed: %v", failed, err)
	}
}

// TestRotateTheKeyOfALiveService rotates the key of a service on SQLite while jobs run and are created. The command is killed
// again and again before it may complete. The former key opens nothing in the end, and what was derived stays valid.
func TestRotateTheKeyOfALiveService(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, "")
	s.Secret = "" // the service makes secret.key
	target := harness.NewTarget(t)
	node := s.Start()
	api := s.Client(node)
	file := filepath.Join(s.Dir, "secret.key")
	first := keyLines(t, file)
	begin := time.Now()
	const jobs = 20
	ids := make([]int64, jobs)
	for i := range ids {
		ids[i] = api.CreateJob(secretly(target, i))
	}
	path := fmt.Sprintf("/jobs/%d", ids[0])
	tag := api.Do("GET", path, nil, nil).Header.Get("ETag")
	badge := badgeOf(t, api, path)
	stop := make(chan struct{})
	wait := write(t, s, node, target, stop)
	for range 5 {
		p := harness.Launch(t, s.Env(), "key", "rotate")
		before := strings.Join(keyLines(t, file), "")
		await(t, "the command changes the file", func() bool { return p.Ended() || strings.Join(keyLines(t, file), "") != before })
		p.Kill()
	}
	code, stdout, stderr := harness.Run(t, s.Env(), "key", "rotate")
	if code != 0 || !strings.Contains(stdout, "All secrets are encrypted with the newest key") {
		t.Fatalf("the rotation: exit code %d, %q, %q", code, stdout, stderr)
	}
	seen := len(target.Requests())
	await(t, "the jobs run on", func() bool { return len(target.Requests()) >= seen+2*jobs })
	close(stop)
	wait()
	now := keyLines(t, file)
	if len(now) != 1 || now[0] == first[0] || !strings.Contains(strings.Join(keyLines(t, file+".old"), " "), first[0]) {
		t.Errorf("the file has %d keys", len(now))
	}
	if by, others := sealedBy(t, s, now[0]); by < 2*jobs || others > 0 {
		t.Errorf("the new key seals %d values, others %d", by, others)
	}
	answer, err := api.Try("GET", path, nil, http.Header{"If-None-Match": {tag}})
	if err != nil || answer.Status != http.StatusNotModified || tag == "" {
		t.Errorf("the version %q of a job is answered with %d: %v", tag, answer.Status, err)
	}
	answer, err = api.Try("PUT", "/jobs", harness.Fields{"job": unrun(target, 1000)}, http.Header{"Idempotency-Key": {node.URL + " 1000"}})
	if err != nil || answer.Status != http.StatusOK || answer.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("a call that is sent again is answered with %d, %v: %v", answer.Status, answer.Header, err)
	}
	end := time.Now()
	s.AwaitSettled(end)
	node.Stop()
	check(t, s, checker.Witness{From: begin, To: end, Received: target.Counts(), Stopped: true})
	keptSecrets(t, s, target)

	s.Secret = first[0]
	code, _, stderr = harness.Run(t, s.Env(), "serve")
	if code != 1 || !strings.Contains(stderr, "sealed with another key") {
		t.Errorf("the former key: exit code %d, %q", code, stderr)
	}
	s.Secret = ""
	node = s.Start()
	seen = len(target.Requests())
	node.AwaitStatus(badge, http.StatusOK)
	await(t, "the jobs run after a restart", func() bool { return len(target.Requests()) >= seen+jobs })
	node.Stop()
	keptSecrets(t, s, target)
}

// badgeOf is the path of a badge of a job.
func badgeOf(t *testing.T, api *harness.Client, job string) string {
	t.Helper()
	var list struct {
		Badges []struct {
			Path string `json:"path"`
		} `json:"badges"`
	}
	if err := json.Unmarshal(api.Do("GET", job+"/badge", nil, nil).Body, &list); err != nil || len(list.Badges) == 0 {
		t.Fatalf("%d badges: %v", len(list.Badges), err)
	}
	return list.Badges[0].Path
}

// TestRotateTheKeyOfTwoNodes rotates a key in the environment of two nodes, which are restarted one after another. While one
// of them lacks the new key, the command changes nothing and names it.
func TestRotateTheKeyOfTwoNodes(t *testing.T) {
	t.Parallel()
	s := harness.NewService(t, storetest.Postgres(t))
	target := harness.NewTarget(t)
	first := s.Secret
	code, stdout, stderr := harness.Run(t, nil, "key", "new")
	if code != 0 || len(strings.TrimSpace(stdout)) != 44 {
		t.Fatalf("a new key: exit code %d, %q, %q", code, stdout, stderr)
	}
	second := strings.TrimSpace(stdout)
	nodes := []*harness.Node{s.Start(), s.Start()}
	const jobs = 10
	for i := range jobs {
		s.Client(nodes[0]).CreateJob(secretly(target, i))
	}
	rotate := func(code int, says string) {
		t.Helper()
		got, stdout, stderr := harness.Run(t, s.Env(), "key", "rotate")
		if got != code || !strings.Contains(stdout+stderr, says) {
			t.Fatalf("the rotation: exit code %d, %q, %q; want %d and %q", got, stdout, stderr, code, says)
		}
	}
	rotate(1, "one key only")
	s.Secret = first + "," + second
	nodes[0].Stop()
	nodes[0] = s.Start()
	rotate(1, "do not have the new key yet")
	if by, _ := sealedBy(t, s, second); by > 0 {
		t.Errorf("the new key seals %d values", by)
	}
	nodes[1].Stop()
	nodes[1] = s.Start()
	stop := make(chan struct{})
	waits := []func(){write(t, s, nodes[0], target, stop), write(t, s, nodes[1], target, stop)}
	seen := len(target.Requests())
	await(t, "the jobs run", func() bool { return len(target.Requests()) >= seen+jobs })
	rotate(0, "Remove the former key")
	close(stop)
	for _, wait := range waits {
		wait()
	}
	s.Secret = second
	for i := range nodes {
		nodes[i].Stop()
		nodes[i] = s.Start()
	}
	if by, others := sealedBy(t, s, second); by < 2*jobs || others > 0 {
		t.Errorf("the new key seals %d values, others %d", by, others)
	}
	seen = len(target.Requests())
	await(t, "the jobs run on", func() bool { return len(target.Requests()) >= seen+jobs })
	for _, n := range nodes {
		n.Stop()
	}
	keptSecrets(t, s, target)
	s.Secret = first
	if code, _, stderr := harness.Run(t, s.Env(), "serve"); code != 1 || !strings.Contains(stderr, "sealed with another key") {
		t.Errorf("the former key: exit code %d, %q", code, stderr)
	}
}
