package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"punctual/test/authority"
	"punctual/test/harness"
)

// planted are secrets by what they are. Each stands nowhere else.
type planted map[string]string

// forms are the forms in which a secret may be shown: as it is, percent-encoded, in hexadecimal as PostgreSQL prints bytes, and in
// base64, wherever in a text it stands.
func (p planted) forms(what string) (forms []string) {
	secret := p[what]
	forms = []string{secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret))}
	for shift := range 3 { // what stands before it shifts the groups of base64
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		from, to := (shift*8+5)/6, ((shift+len(secret))*8)/6 // without the letters that neighbours have a part in
		forms = append(forms, encoded[from:to])
	}
	return forms
}

// absent looks for all secrets in a text.
func (p planted) absent(t *testing.T, where, text string) {
	t.Helper()
	for what := range p {
		for _, form := range p.forms(what) {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%s shows the %s: %.300q", where, what, text[max(0, i-150):])
				break
			}
		}
	}
}

// echo answers with all that it gets, and then with an error.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Echo", r.Header.Get("X-Secret"))
		if strings.HasPrefix(r.URL.Path, "/fails") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = fmt.Fprintf(w, "%s\n%s\n%s\n", r.URL, r.Header.Get("X-Secret"), body)
	}))
	t.Cleanup(server.Close)
	return server
}

// TestNothingShowsSecrets plants secrets wherever there can be one, has jobs succeed and fail and people look at all there is,
// and looks for them in each answer, in what the process writes at the most talkative level, and in the database. Only the
// definition of a job shows its own editors what they have given it.
func TestNothingShowsSecrets(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		p := planted{}
		for _, what := range []string{"password of a job", "password in a URL", "header", "authorization", "body", "secret of the account",
			"other value of the secret", "password of the mail server", "secret of the issuer", "hook of a channel", "header of a channel", "token of a channel"} {
			p[what] = harness.Planted + strings.ReplaceAll(what, " ", "/") + "+8d1f"
		}
		client, node := p.start(t, s)
		p["API key"] = s.Key
		target, host := echo(t), ""
		host = strings.TrimPrefix(target.URL, "http://")
		secret := func(value string) harness.Fields {
			return harness.Fields{"secret": harness.Fields{"name": "TOKEN", "value": value}}
		}
		var shown strings.Builder
		note := func(answer harness.Answer) { fmt.Fprintln(&shown, answer.Header, string(answer.Body)) }
		for range 2 { // and once more from what is kept
			note(client.Do("POST", "/secrets", secret(p["secret of the account"]), http.Header{"Idempotency-Key": {"s"}}))
		}
		note(client.Do("POST", "/secrets", secret(p["secret of the account"]), nil))
		note(client.Do("POST", "/secrets", secret(p["secret of the account"]+"\n"), nil))

		p.channels(t, client, target.URL, &shown)

		var ids []int64
		for i, path := range []string{"/works", "/fails"} {
			fields := harness.Fields{"url": target.URL + path + "?t=%secret:TOKEN%", "enabled": true, "saveResponses": true, "schedule": harness.EverySecond(),
				"notification": harness.Fields{"onFailure": true}, "requestMethod": 1, "auth": harness.Fields{"enable": true, "user": "jane", "password": p["password of a job"]},
				"extendedData": harness.Fields{"body": "%secret:TOKEN%", "headers": harness.Fields{"X-Secret": "%secret:TOKEN%", "X-Token": p["header"]}}}
			answer := client.Do("PUT", "/jobs", harness.Fields{"job": fields}, http.Header{"Idempotency-Key": {path}})
			note(answer)
			ids = append(ids, int64(i+1))
		}
		ids = append(ids, client.CreateJob(harness.Fields{"enabled": true, "schedule": harness.EverySecond(), "requestMethod": 1,
			"url":          "http://jane:" + url.PathEscape(p["password in a URL"]) + "@" + host + "/works",
			"extendedData": harness.Fields{"headers": harness.Fields{"Authorization": "Bearer " + p["authorization"]}}}),
			client.CreateJob(harness.Fields{"enabled": true, "schedule": harness.EverySecond(), "url": "http://u:" + url.PathEscape(p["password in a URL"]) + "@127.0.0.1:1/"}),
			client.CreateJob(harness.Fields{"enabled": true, "schedule": harness.EverySecond(), "url": target.URL + "/%secret:NONE%",
				"extendedData": harness.Fields{"body": p["body"]}}))
		for _, id := range ids {
			performed(t, client, id)
		}
		note(client.Do("PATCH", "/secrets/1", secret(p["other value of the secret"]), nil))
		note(client.Do("DELETE", "/secrets/1", nil, nil))
		note(client.Do("PUT", "/jobs", harness.Fields{"job": harness.Fields{"url": "ftp://u:" + url.PathEscape(p["password in a URL"]) + "@a/"}}, nil))
		for _, id := range ids {
			for _, execution := range client.History(id).History {
				note(client.Do("GET", fmt.Sprintf("/jobs/%d/history/%s", id, execution.Identifier), nil, nil))
			}
		}
		p.testRun(t, client, target.URL, &shown)
		p.browse(t, s, node, client, &shown)
		node.Stop()
		p.absent(t, "an answer", shown.String())
		p.absent(t, "the log", node.Stderr())
		key := p["API key"]
		delete(p, "API key") // the first start prints it
		p.absent(t, "the output", node.Stdout())
		p["API key"] = key
		p.absent(t, "the database", stored(t, s))
		if !strings.Contains(shown.String(), "%secret:TOKEN%") {
			t.Errorf("what a target echoes has no masked secret")
		}
	})
}

// start starts a service with secrets of its own, and gives its account a client certificate with a private key.
func (p planted) start(t *testing.T, s *harness.Service) (*harness.Client, *harness.Node) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "oidc.json")
	text := fmt.Sprintf(`[{"name": "example", "issuer": "https://127.0.0.1:1", "clientId": "punctual", "clientSecret": %q, "account": "1"}]`,
		p["secret of the issuer"])
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Extra = []string{"PUNCTUAL_LOG_LEVEL=debug", "PUNCTUAL_LOG_FORMAT=json", "PUNCTUAL_OIDC=" + file, "PUNCTUAL_MAIL_FROM=cron@example.com",
		"PUNCTUAL_SMTP=smtp://robot:" + url.QueryEscape(p["password of the mail server"]) + "@127.0.0.1:1?starttls=required",
		"PUNCTUAL_PUBLIC_URL=http://localhost"}
	node := s.Start()
	client := s.Client(node)
	certificate, key := authority.WritePair(t, t.TempDir())
	for _, path := range []*string{&certificate, &key} {
		text, err := os.ReadFile(*path)
		if err != nil {
			t.Fatal(err)
		}
		*path = string(text)
	}
	p["private key"] = strings.Split(key, "\n")[2]
	client.Do("PUT", "/tls", harness.Fields{"tls": harness.Fields{"certificate": certificate, "privateKey": key}}, nil)
	return client, node
}

// channels makes channels with secrets that are told of failures, by receivers that repeat what they get.
func (p planted) channels(t *testing.T, client *harness.Client, target string, shown *strings.Builder) {
	t.Helper()
	for _, channel := range []harness.Fields{
		{"kind": "mattermost", "url": target + "/fails/" + url.PathEscape(p["hook of a channel"])},
		{"kind": "gotify", "url": target, "token": p["token of a channel"]},
		{"kind": "http", "url": target + "/fails", "template": "x", "headers": harness.Fields{"X-Secret": p["header of a channel"]}},
	} {
		channel["default"] = true
		made := client.Do("POST", "/channels", harness.Fields{"channel": channel}, nil)
		if made.Status != http.StatusOK {
			t.Fatalf("a channel is answered with %d: %s", made.Status, made.Body)
		}
		fmt.Fprintln(shown, string(made.Body))
	}
	for id := 2; id <= 4; id++ {
		path := fmt.Sprintf("/channels/%d", id)
		tested := client.Do("POST", path+"/test", nil, nil)
		if id != 3 && !strings.Contains(string(tested.Body), "500") { // what the receiver repeats is in the error
			t.Errorf("the test of channel %d says %s", id, tested.Body)
		}
		for _, answer := range []harness.Answer{tested, client.Do("GET", path, nil, nil),
			client.Do("PATCH", path, harness.Fields{"channel": harness.Fields{"headers": harness.Fields{"a b": p["header of a channel"]}}}, nil)} {
			fmt.Fprintln(shown, answer.Header, string(answer.Body))
		}
	}
}

// testRun performs a test run with all secrets that a job can have, of a target that echoes them.
func (p planted) testRun(t *testing.T, client *harness.Client, target string, shown *strings.Builder) {
	t.Helper()
	job := harness.Fields{"url": strings.Replace(target, "http://", "http://jane:"+url.PathEscape(p["password in a URL"])+"@", 1) + "/fails?t=%secret:TOKEN%",
		"requestMethod": 1, "saveResponses": true, "auth": harness.Fields{"enable": true, "user": "jane", "password": p["password of a job"]},
		"extendedData": harness.Fields{"body": "%secret:TOKEN%", "headers": harness.Fields{"X-Secret": "%secret:TOKEN%", "X-Token": p["header"],
			"Cookie": "a=" + p["header"], "Authorization": "Bearer " + p["authorization"]}}}
	started, err := client.Try("POST", "/testruns", harness.Fields{"job": job}, nil)
	if err != nil || started.Status != http.StatusAccepted {
		t.Fatalf("a test run is answered with %d, %v: %s", started.Status, err, started.Body)
	}
	fmt.Fprintln(shown, started.Header, string(started.Body))
	path := started.Header.Get("Location")
	followed, err := client.Try("GET", path+"/events", nil, nil) // until it has finished
	if err != nil {
		t.Fatal(err)
	}
	answer := client.Do("GET", path, nil, nil)
	if !strings.Contains(string(answer.Body), `"state":"finished"`) || !strings.Contains(string(answer.Body), "/fails") {
		t.Errorf("the test run is %s", answer.Body)
	}
	fmt.Fprintln(shown, string(followed.Body), string(answer.Body))
}

// browse looks at everything but the definitions of jobs, by the API, as somebody who is signed in, and by commands.
func (p planted) browse(t *testing.T, s *harness.Service, node *harness.Node, client *harness.Client, shown *strings.Builder) {
	t.Helper()
	for _, path := range []string{"/secrets", "/history", "/history?format=csv", "/history?format=ndjson", "/history?groupBy=cause", "/stats", "/export",
		"/audit", "/channels", "/notifications", "/me", "/apikeys", "/tls", "/jobs/1/history", "/jobs/2/executions", "/metrics", "/openapi.json", "/jobs/999", "/nothing"} {
		answer, err := client.Try("GET", path, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(shown, path, answer.Header, string(answer.Body))
	}
	client.Do("PATCH", "/jobs/2", harness.Fields{"job": harness.Fields{"enabled": true}}, nil) // it may have failed too often by now
	shown.WriteString(events(t, node.URL, s.Key, []int64{1, 2}))
	_, stdout, _ := harness.Run(t, s.Env(), "login-link")
	link, err := url.Parse(consoleLink.FindString(stdout))
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil) // never fails
	browser := newGuest(t)
	browser.http.Jar = jar
	p["password of a person"] = harness.Planted + "person 5e7c"
	browser.post(303, node.URL+link.Path, url.Values{"email": {"jane@example.com"}, "password": {p["password of a person"]}})
	base, err := url.Parse(node.URL + "/console")
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range jar.Cookies(base) {
		p["cookie "+cookie.Name] = cookie.Value
	}
	session, ok := signIn(t, node, "jane@example.com", p["password of a person"])
	if !ok {
		t.Fatal("nobody can sign in")
	}
	pages := 0
	for _, path := range []string{"", "/settings", "/settings/account", "/settings/audit", "/settings/keys", "/settings/people", "/settings/sign-in",
		"/settings/sessions", "/settings/person", "/settings/accounts", "/settings/everyone", "/settings/service", "/lost-password", "/sign-in/oidc/example"} {
		answer, err := browser.http.Get(node.URL + "/console" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			pages++
		}
		fmt.Fprintln(shown, path, string(body))
	}
	if pages < 5 {
		t.Errorf("only %d pages of the console are shown", pages)
	}
	answer, err := session.Try("GET", "/audit", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(shown, string(answer.Body))
	for _, args := range [][]string{{"mail", "test", "jane@example.org"}, {"account", "export", "1", "-"}, {"person", "list"}, {"apikey", "list"}} {
		_, stdout, stderr := harness.Run(t, s.Env(), args...)
		fmt.Fprintln(shown, args, stdout, stderr)
	}
}
