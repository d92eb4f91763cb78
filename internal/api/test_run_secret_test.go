package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"punctual/internal/cron"
)

// TestTestRunsShowNoSecrets has a target that repeats all that it gets, at once and after a redirect.
func TestTestRunsShowNoSecrets(t *testing.T) {
	const (
		account  = "account secret/1"
		password = "pass word-2"
		header   = "header-secret-3"
		cookie   = "session=cookie-secret-4"
	)
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	c.testOften()
	if err := s.store.CreateSecret(t.Context(), &cron.Secret{AccountID: c.account.ID, Name: "TOKEN", Value: account}); err != nil {
		t.Fatal(err)
	}
	var (
		mu  sync.Mutex
		got strings.Builder // what the target got
	)
	port := target(t, func(w http.ResponseWriter, r *http.Request) {
		dump, _ := httputil.DumpRequest(r, true)
		mu.Lock()
		got.Write(dump)
		mu.Unlock()
		if to := strings.TrimPrefix(r.URL.Path, "/to"); to != r.URL.Path {
			w.Header().Set("X-Echo", r.Header.Get("X-Api-Key")+" "+r.Header.Get("X-T"))
			http.Redirect(w, r, to+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("X-Echo", r.Header.Get("X-Api-Key")+" "+r.Header.Get("Cookie")+" "+r.URL.RawQuery)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(dump)
	})
	s.startNode(t, nil)
	basic := base64.StdEncoding.EncodeToString([]byte("user:" + password))
	secrets := []string{account, url.QueryEscape(account), url.PathEscape(account), password, url.PathEscape(password), header, cookie[8:], basic}
	rest := `"requestMethod":1,"followRedirects":3,"extendedData":{"headers":{"X-Api-Key":"` + header + `","X-T":"a %secret:TOKEN% b",
		"Cookie":"` + cookie + `"},"body":"shown=1&token=%secret:TOKEN%"}}}`
	for name, job := range map[string]string{
		"in the URL":       `{"job":{"url":"http://user:` + url.PathEscape(password) + `@example.com:` + port + `/echo?t=%secret:TOKEN%",` + rest,
		"in the job":       `{"job":{"url":"http://example.com:` + port + `/echo?t=%secret:TOKEN%","auth":{"enable":true,"user":"user","password":"` + password + `"},` + rest,
		"after a redirect": `{"job":{"url":"http://example.com:` + port + `/to/echo?t=%secret:TOKEN%","auth":{"enable":true,"user":"user","password":"` + password + `"},` + rest,
	} {
		path := textOf(t, c.test(job), "path")
		stream := c.listenTo(path + "/events").body
		answer := c.must("GET", path, "")
		run := part(t, json.RawMessage(answer), "testRun")
		if part(t, json.RawMessage(run), "httpStatus") != "418" || !strings.Contains(answer, "shown=1") || !strings.Contains(answer, "%secret:TOKEN%") {
			t.Errorf("%s: %s", name, answer)
		}
		for _, secret := range secrets {
			for text, shown := range map[string]string{"the answer": answer, "the stream": stream, "the log": s.log.String(),
				"the audit log": c.must("GET", "/audit", "")} {
				if strings.Contains(shown, secret) {
					t.Errorf("%s: %s tells %q: %s", name, text, secret, shown)
				}
			}
		}
	}
	for _, secret := range []string{account, url.QueryEscape(account), header, cookie, basic} {
		if !strings.Contains(got.String(), secret) && !strings.Contains(got.String(), strings.ReplaceAll(secret, "+", "%20")) {
			t.Errorf("the target did not get %q: %s", secret, got.String())
		}
	}
}
