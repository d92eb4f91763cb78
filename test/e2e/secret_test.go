package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"punctual/test/harness"
)

// TestPasswordInURL uses passwords in the URLs of jobs and of redirects, and searches for them in everything that the
// service writes: database, log, history, exports and events. The target receives them, and reading the job returns
// them.
func TestPasswordInURL(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		const password, other = "planted-4f1c2a", "planted-9b8d7e"
		target := harness.NewTarget(t)
		withUser := func(path string) string {
			return strings.Replace(target.URL, "http://", "http://robot:"+password+"@", 1) + path
		}
		var redirecting *httptest.Server
		redirecting = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			location := strings.Replace(target.URL, "http://", "http://guest:"+other+"@", 1) + "/redirected"
			switch r.URL.Path {
			case "/bad":
				location = "http://guest:" + other + "@127.0.0.1:99999/"
			case "/loop":
				location = strings.Replace(redirecting.URL, "http://", "http://guest:"+other+"@", 1) + "/loop"
			}
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		}))
		t.Cleanup(redirecting.Close)
		node := s.Start()
		api := s.Client(node)
		follow := harness.Fields{"followRedirects": 3, "saveResponses": false}
		create := func(url string) int64 {
			fields := job(target, "", harness.EverySecond(), follow)
			fields["url"] = url
			return api.CreateJob(fields)
		}
		whole := withUser("/direct")
		direct := create(whole)
		ids := []int64{direct, create(redirecting.URL + "/good"), create(redirecting.URL + "/bad"), create(redirecting.URL + "/loop")}
		api.Refused(400, "PUT", "/jobs", harness.Fields{"job": harness.Fields{"url": withUser("/") + "\x00"}})
		if answer := api.Do("PUT", "/jobs", harness.Fields{"job": harness.Fields{"url": whole}},
			http.Header{"Idempotency-Key": {"a"}}); answer.Status != http.StatusOK {
			t.Fatalf("a job is answered with %d: %s", answer.Status, answer.Body)
		}

		shown := ""
		for _, id := range ids {
			d := performed(t, api, id)
			shown += fmt.Sprintf("%+v\n", d)
		}
		await(t, "the target is called", func() bool { return len(target.To("/direct")) > 0 && len(target.To("/redirected")) > 0 })
		for path, want := range map[string]string{"/direct": "robot:" + password, "/redirected": "guest:" + other} {
			user, pass, _ := (&http.Request{Header: target.To(path)[0].Header}).BasicAuth()
			if user+":"+pass != want {
				t.Errorf("%s got the credentials %s:%s", path, user, pass)
			}
		}
		if got := api.Job(direct).URL; got != whole {
			t.Errorf("the job reads back with %s", got)
		}
		found := false
		for _, j := range api.Jobs() {
			found = found || j.URL == whole
		}
		if !found {
			t.Errorf("%s is not listed", whole)
		}

		for _, path := range []string{"/history", "/history?format=csv", "/history?format=ndjson", "/stats",
			fmt.Sprintf("/jobs/%d/executions", direct), fmt.Sprintf("/jobs/%d/history", direct)} {
			answer := get(t, node.URL+path, s.Key)
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Errorf("%s is answered with %d and %v: %s", path, answer.StatusCode, err, body)
			}
			_ = answer.Body.Close()
			shown += string(body)
		}
		shown += events(t, node.URL, s.Key, ids)
		if !strings.Contains(shown, "robot:xxxxx@") || !strings.Contains(shown, "guest:xxxxx@") {
			t.Errorf("masked passwords are missing in %s", shown)
		}
		node.Stop()
		shown += node.Stderr() + node.Stdout() + stored(t, s)
		for _, p := range []string{password, other} {
			if i := strings.Index(shown, p); i >= 0 {
				t.Errorf("%s is shown: %.300q", p, shown[max(0, i-200):])
			}
		}
	})
}

func get(t *testing.T, url, key string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// events reads a stream until it has reported an execution of each of the jobs.
func events(t *testing.T, url, key string, jobs []int64) string {
	t.Helper()
	answer := get(t, url+"/events", key)
	defer func() { _ = answer.Body.Close() }()
	var told strings.Builder
	part := make([]byte, 4096)
	for _, id := range jobs {
		ended := func() bool {
			for event := range strings.SplitSeq(told.String(), "\n\n") {
				if strings.Contains(event, fmt.Sprintf(`"jobId":%d,`, id)) && strings.Contains(event, `"url":"http`) {
					return true
				}
			}
			return false
		}
		for !ended() {
			n, err := answer.Body.Read(part)
			told.Write(part[:n])
			if err != nil {
				t.Fatalf("the stream ends with %v: %s", err, told.String())
			}
		}
	}
	return told.String()
}

// stored is everything in a database: its files, or its rows as text.
func stored(t *testing.T, s *harness.Service) string {
	t.Helper()
	var all bytes.Buffer
	if s.URL == "" {
		err := filepath.WalkDir(s.Dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			all.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all.String()
	}
	var tables []string
	rows, err := s.Database().QueryContext(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		rows, err := s.Database().QueryContext(t.Context(), `SELECT t::text FROM `+table+` AS t`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			all.WriteString(row)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
	}
	return all.String()
}
