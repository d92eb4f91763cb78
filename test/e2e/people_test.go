package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"punctual/test/authority"
	"punctual/test/harness"
)

const (
	password = "correct horse battery"
	browser  = "text/html,application/xhtml+xml,*/*;q=0.8"
)

var consoleLink = regexp.MustCompile(`https?://\S+/console/setup/\S+`)

// guest is somebody with a browser or curl, who is not signed in.
type guest struct {
	t    *testing.T
	http *http.Client
}

func newGuest(t *testing.T) *guest {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &guest{t, &http.Client{Transport: transport, Timeout: harness.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get asks for a page. The status must be the given one and the text has to hold the words.
func (g *guest) get(status int, url, accept, words string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	g.send(status, req, words)
}

// post sends a form.
func (g *guest) post(status int, url string, form url.Values) *http.Response {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, url, strings.NewReader(form.Encode()))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return g.send(status, req, "")
}

func (g *guest) send(status int, req *http.Request, words string) *http.Response {
	g.t.Helper()
	resp, err := g.http.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || !strings.Contains(string(text), words) {
		g.t.Fatalf("%s %s: %s, want %d and %q: %v\n%s", req.Method, req.URL.Path, resp.Status, status, words, err, text)
	}
	return resp
}

// signIn begins a session of the API.
func signIn(t *testing.T, node *harness.Node, email, password string) (client *harness.Client, ok bool) {
	t.Helper()
	answer := harness.NewClient(t, node.URL, "").Do(http.MethodPost, "/sessions",
		harness.Fields{"session": harness.Fields{"email": email, "password": password}}, nil)
	var session struct {
		Token string `json:"token"`
	}
	switch answer.Status {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return nil, false
	default:
		t.Fatalf("sign in as %s: status %d: %s", email, answer.Status, answer.Body)
	}
	if err := json.Unmarshal(answer.Body, &session); err != nil {
		t.Fatal(err)
	}
	return harness.NewClient(t, node.URL, session.Token), true
}

// commander gives commands beside the nodes of a service.
type commander struct {
	t     *testing.T
	s     *harness.Service
	guest *guest
}

// run runs a command that succeeds and returns what it prints.
func (c *commander) run(args ...string) string {
	c.t.Helper()
	code, stdout, stderr := harness.Run(c.t, c.s.Env(), args...)
	if code != 0 || stderr != "" {
		c.t.Fatalf("%v: exit code %d, stderr %q", args, code, stderr)
	}
	return strings.TrimSuffix(stdout, "\n")
}

// refuse runs a command that fails with a sentence.
func (c *commander) refuse(says string, args ...string) {
	c.t.Helper()
	code, stdout, stderr := harness.Run(c.t, c.s.Env(), args...)
	if code != 1 || stdout != "" {
		c.t.Errorf("%v: exit code %d, stdout %q", args, code, stdout)
	}
	checkSentence(c.t, c.s, stderr, []string{says})
}

// at is a link of the console as the test reaches it.
func (c *commander) at(node *harness.Node, link string) string {
	c.t.Helper()
	port := node.URL[strings.LastIndexByte(node.URL, ':'):]
	if !strings.HasPrefix(link, "http://localhost"+port+"/console/setup/") || strings.ContainsAny(link, " \n") {
		c.t.Fatalf("the link of the service at %s is %q", node.URL, link)
	}
	return node.URL + strings.TrimPrefix(link, "http://localhost"+port)
}

// TestSetUpAndPeople sets a service up by the link of its start, and manages people by commands.
func TestSetUpAndPeople(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		c := &commander{t, s, newGuest(t)}
		node := c.setUp()
		jane, jo := c.invite(node)
		c.setPasswords(node, jane, jo)
		c.manage(node)
	})
}

// setUp sets up jane@example.com as the operator, with several links.
func (c *commander) setUp() *harness.Node {
	c.t.Helper()
	node := c.s.Start()
	first := consoleLink.FindString(node.Stdout())
	c.guest.get(200, node.URL+"/", "*/*", "punctual login-link")
	c.guest.get(303, node.URL+"/", browser, "/console")
	c.refuse("Nobody signs in with", "login-link", "--email", "jane@example.com")
	if list := c.run("person", "list"); strings.Contains(list, "\n") {
		c.t.Errorf("at first the people are\n%s", list)
	}
	node.Stop()
	node = c.s.Start()
	if text := node.Stdout(); !consoleLink.MatchString(text) || strings.Contains(text, first) || strings.Contains(text, "punctual_") {
		c.t.Errorf("a start while nobody is set up prints\n%s", text)
	}
	second, third := c.at(node, consoleLink.FindString(node.Stdout())), c.at(node, c.run("login-link"))
	first = node.URL + first[strings.Index(first, "/console"):]
	for _, link := range []string{first, second, third, second} {
		c.guest.get(200, link, browser, "Set up Punctual") // looking does not use it
	}
	c.guest.post(422, second, url.Values{"email": {"jane@example.com"}, "password": {"short"}})
	c.guest.post(303, second, url.Values{"email": {"Jane@Example.com"}, "password": {password}})
	for _, link := range []string{first, second, third} {
		c.guest.get(410, link, browser, "")
		c.guest.post(410, link, url.Values{"email": {"joe@example.com"}, "password": {password}})
	}
	c.guest.get(200, node.URL+"/", "*/*", "/jobs")
	c.guest.get(303, node.URL+"/", browser, "/console")
	node.Stop()
	if node = c.s.Start(); node.Stdout() != "" {
		c.t.Errorf("a start after the set-up prints\n%s", node.Stdout())
	}
	return node
}

// invite lets jane@example.com invite jo@example.com, and returns the sessions of both.
func (c *commander) invite(node *harness.Node) (jane, jo *harness.Client) {
	c.t.Helper()
	jane, ok := signIn(c.t, node, "JANE@example.com", password)
	if !ok {
		c.t.Fatal("the operator cannot sign in")
	}
	answer := jane.Do(http.MethodPost, "/invitations",
		harness.Fields{"invitation": harness.Fields{"email": "jo@example.com", "role": "editor"}}, nil)
	var invitation struct {
		Path string `json:"path"`
	}
	if err := json.Unmarshal(answer.Body, &invitation); err != nil || !strings.HasPrefix(invitation.Path, "/console/invitation/") {
		c.t.Fatalf("%v in %s", err, answer.Body)
	}
	c.guest.post(303, node.URL+invitation.Path, url.Values{"password": {password}})
	jo, _ = signIn(c.t, node, "jo@example.com", password)
	if list := c.run("person", "list"); strings.Count(list, "\n") != 2 ||
		!regexp.MustCompile(`(?m)^1 +jane@example\.com +enabled +yes `).MatchString(list) ||
		!regexp.MustCompile(`(?m)^2 +jo@example\.com +enabled +no `).MatchString(list) {
		c.t.Errorf("the people are\n%s", list)
	}
	return jane, jo
}

const other = "another long password"

// setPasswords sets new passwords, of the operator and of another person, by links.
func (c *commander) setPasswords(node *harness.Node, jane, jo *harness.Client) {
	c.t.Helper()
	for email, args := range map[string][]string{"jane@example.com": nil, "jo@example.com": {"--email", "Jo@Example.com"}} {
		link := c.at(node, c.run(append([]string{"login-link"}, args...)...))
		c.guest.get(200, link, browser, email)
		c.guest.post(303, link, url.Values{"password": {other}})
		c.guest.post(410, link, url.Values{"password": {password}})
		if _, ok := signIn(c.t, node, email, password); ok {
			c.t.Errorf("%s signs in with the former password", email)
		}
	}
	jane.Refused(401, http.MethodGet, "/me", nil) // other sessions end with the password
	jo.Refused(401, http.MethodGet, "/me", nil)
	if link := c.run("login-link", "--public-url", "https://cron.example.com"); !strings.HasPrefix(link, "https://cron.example.com/console/setup/") {
		c.t.Errorf("with --public-url the link is %q", link)
	}
}

// manage makes operators, and people who may not sign in.
func (c *commander) manage(node *harness.Node) {
	c.t.Helper()
	jo, _ := signIn(c.t, node, "jo@example.com", other)
	jo.Refused(403, http.MethodGet, "/accounts", nil)
	c.run("person", "operator", "JO@example.com", "on")
	jo.Do(http.MethodGet, "/accounts", nil, nil)
	c.run("person", "operator", "jo@example.com", "off")
	jo.Refused(403, http.MethodGet, "/accounts", nil)
	c.refuse("last operator", "person", "operator", "jane@example.com", "off")
	c.refuse("last operator", "person", "disable", "jane@example.com")
	c.run("person", "disable", "jo@example.com")
	jo.Refused(401, http.MethodGet, "/me", nil)
	if _, ok := signIn(c.t, node, "jo@example.com", other); ok {
		c.t.Error("somebody who is disabled signs in")
	}
	c.refuse("Nobody signs in with", "login-link", "--email", "jo@example.com")
	c.run("person", "enable", "jo@example.com")
	if _, ok := signIn(c.t, node, "jo@example.com", other); !ok {
		c.t.Error("somebody who is enabled again cannot sign in")
	}
	for _, args := range [][]string{{"disable"}, {"enable"}, {"operator", "on"}} {
		c.refuse("person list", append([]string{"person", args[0], "nobody@example.com"}, args[1:]...)...)
	}
}

// TestAccountsByNumber manages an account by its number, from a plan to its deletion.
func TestAccountsByNumber(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		node := s.Start()
		do := func(typed string, args ...string) (code int, stdout, stderr string) {
			t.Helper()
			return harness.RunTyping(t, s.Env(), typed, args...)
		}
		run := func(args ...string) string {
			t.Helper()
			code, stdout, stderr := do("", args...)
			if code != 0 || stderr != "" {
				t.Fatalf("%v: exit code %d, stderr %q", args, code, stderr)
			}
			return stdout
		}
		state := func(says string) {
			t.Helper()
			if list := run("account", "list"); !regexp.MustCompile(`(?m)^2 +jane@example\.com +` + says).MatchString(list) {
				t.Errorf("account list prints\n%s\nwant %q", list, says)
			}
		}
		jane := harness.NewClient(t, node.URL, s.CreateAccount("jane@example.com", "default"))
		run("account", "set-plan", "2", "unlimited", "--set", "maxJobs=7")
		state(`unlimited, maxJobs=7 +enabled`)
		run("account", "disable", "2")
		state(`.* +disabled +`)
		jane.Refused(401, http.MethodGet, "/jobs", nil)
		run("account", "enable", "2")
		again := harness.NewClient(t, node.URL, strings.TrimSpace(run("apikey", "create", "--account", "2", "--title", "by number")))
		if list := run("apikey", "list", "--account", "2"); !strings.Contains(list, "by number") {
			t.Errorf("apikey list prints\n%s", list)
		}
		again.CreateJob(harness.Fields{"url": "example.com"})

		for _, typed := range []string{"", "yes\n"} {
			code, stdout, stderr := do(typed, "account", "delete", "2")
			if code != 1 || !strings.Contains(stdout, "now or later") || !strings.Contains(stdout, "jane@example.com") {
				t.Errorf("after %q: exit code %d, stdout %q", typed, code, stdout)
			}
			checkSentence(t, s, stderr, []string{"--now or --later"})
		}
		again.Jobs()
		if code, _, stderr := do("", "account", "delete", "2", "--now", "--later"); code != 2 || !strings.Contains(stderr, "not both") {
			t.Errorf("with both flags: exit code %d, stderr %q", code, stderr)
		}
		for typed, args := range map[string][]string{"later\n": nil, "": {"--later"}} {
			code, stdout, stderr := do(typed, append([]string{"account", "delete", "2"}, args...)...)
			if code != 0 || stderr != "" || !strings.Contains(stdout, "punctual account restore 2") {
				t.Errorf("later: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			state(`.*to be deleted on 20`)
			again.Refused(403, http.MethodPut, "/jobs", harness.Fields{"job": harness.Fields{"url": "example.com"}})
			again.Jobs()
			run("account", "restore", "2")
			again.CreateJob(harness.Fields{"url": "example.com"})
		}
		if code, stdout, stderr := do("now\n", "account", "delete", "2"); code != 0 || stderr != "" {
			t.Errorf("now: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		again.Refused(401, http.MethodGet, "/jobs", nil)
		if code, _, stderr := do("", "account", "restore", "2"); code != 1 || !strings.Contains(stderr, "no account") {
			t.Errorf("restore what is gone: exit code %d, stderr %q", code, stderr)
		}
		s.CreateAccount("joe@example.com", "default") // has another number
		if list := run("account", "list"); !regexp.MustCompile(`(?m)^3 +joe@example\.com`).MatchString(list) {
			t.Errorf("account list prints\n%s", list)
		}

	})
}

// TestFirstOwner invites the first owner of an account that a command made.
func TestFirstOwner(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		node := s.Start()
		c := &commander{t, s, newGuest(t)}
		c.run("account", "create", "jane@example.com")
		link := c.run("person", "invite", "Jane@Example.org", "--account", "2", "--role", "owner")
		_, token, ok := strings.Cut(link, "/console/invitation/")
		if !ok || !strings.HasPrefix(link, "http://localhost") {
			t.Fatalf("person invite prints %q", link)
		}
		c.guest.post(303, node.URL+"/console/invitation/"+token, url.Values{"password": {password}})
		c.guest.post(410, node.URL+"/console/invitation/"+token, url.Values{"password": {password}})
		owner, _ := signIn(t, node, "jane@example.org", password)
		if me := owner.Do(http.MethodGet, "/me", nil, nil); !strings.Contains(string(me.Body), `"accountId":2`) ||
			!strings.Contains(string(me.Body), `"role":"owner"`) {
			t.Errorf("the owner is %s", me.Body)
		}
		c.refuse("a member of the account", "person", "invite", "jane@example.org", "--account", "2")
		c.refuse("not an e-mail address", "person", "invite", "jane", "--account", "2")
		c.refuse("no account", "person", "invite", "jo@example.org", "--account", "7")
	})
}

// TestOperatorsKey makes keys for operators and others.
func TestOperatorsKey(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		node := s.Start()
		c := &commander{t, s, nil}
		c.run("account", "create", "joe@example.com")
		plain := harness.NewClient(t, node.URL, strings.TrimSpace(c.run("apikey", "create")))
		plain.Refused(403, http.MethodGet, "/accounts", nil)
		operator := harness.NewClient(t, node.URL, strings.TrimSpace(c.run("apikey", "create", "--operator")))
		if got := operator.Do(http.MethodGet, "/accounts/2", nil, nil); got.Status != 200 || !strings.Contains(string(got.Body), "joe@example.com") {
			t.Errorf("GET /accounts/2: %d %s", got.Status, got.Body)
		}
		if list := c.run("apikey", "list"); strings.Count(list, "all, operator ") != 2 { // the first key is one, too
			t.Errorf("apikey list prints\n%s", list)
		}
		if code, _, stderr := harness.Run(t, s.Env(), "apikey", "create", "--operator", "--read-only"); code != 2 || !strings.Contains(stderr, "not both") {
			t.Errorf("an operator's key that only reads: exit code %d, stderr %q", code, stderr)
		}
	})
}

// plant gives an account a secret wherever a job can have one, and a certificate with its private key. A job runs.
func plant(t *testing.T, client *harness.Client, target *harness.Target, secret string) (certificate, privateKey string) {
	t.Helper()
	host := strings.TrimPrefix(target.URL, "http://")
	id := client.CreateJob(harness.Fields{
		"title": "exported", "url": "http://jane:" + secret + "@" + host + "/ok", "enabled": true,
		"saveResponses": true, "schedule": harness.EverySecond(), "requestMethod": 1,
		"extendedData": harness.Fields{"headers": harness.Fields{"X-Token": secret, "Authorization": "Bearer " + secret}, "body": secret},
		"success":      harness.Fields{"contains": "request"},
	})
	client.CreateJob(harness.Fields{"url": target.URL, "auth": harness.Fields{"enable": true, "user": "jane", "password": secret}})
	certificate, privateKey = authority.WritePair(t, t.TempDir())
	for _, path := range []*string{&certificate, &privateKey} {
		text, err := os.ReadFile(*path)
		if err != nil {
			t.Fatal(err)
		}
		*path = string(text)
	}
	client.Do(http.MethodPut, "/tls", harness.Fields{"tls": harness.Fields{"certificate": certificate, "privateKey": privateKey}}, nil)
	client.Do(http.MethodPut, "/folders", harness.Fields{"folder": harness.Fields{"title": "nightly"}}, nil)
	await(t, "the job ran", func() bool { return len(client.History(id).History) > 0 })
	client.ChangeJob(id, harness.Fields{"enabled": false})
	return certificate, privateKey
}

// TestExport plants secrets wherever an account can have one, and looks for them in its export.
func TestExport(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		node := s.Start()
		key := s.CreateAccount("jane@example.com", "unlimited")
		client, target := harness.NewClient(t, node.URL, key), harness.NewTarget(t)
		const secret = "S3CRET"
		certificate, privateKey := plant(t, client, target, secret)
		file := filepath.Join(t.TempDir(), "jane.json")
		code, stdout, stderr := harness.Run(t, s.Env(), "account", "export", "jane@example.com", file)
		if code != 0 || stdout != "" || stderr != "" {
			t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v, %v", info.Mode(), err)
		}
		code, _, stderr = harness.Run(t, s.Env(), "account", "export", "2", file)
		if code != 1 {
			t.Errorf("onto a file that is there: exit code %d", code)
		}
		checkSentence(t, s, stderr, []string{"exists already"})
		if now, err := os.ReadFile(file); err != nil || string(now) != string(text) {
			t.Errorf("the file has changed: %v", err)
		}
		code, stdout, stderr = harness.Run(t, s.Env(), "account", "export", "2", "-")
		if code != 0 || stderr != "" {
			t.Errorf("to stdout: exit code %d, stderr %q", code, stderr)
		}
		answer := client.Do(http.MethodGet, "/export", nil, nil)
		keyLines := strings.Split(privateKey, "\n")
		for what, export := range map[string]string{"the file": string(text), "stdout": stdout, "the API": string(answer.Body)} {
			for _, planted := range []string{secret, key, keyLines[1], "X-Count"} {
				if strings.Contains(export, planted) {
					t.Errorf("%s has %q:\n%s", what, planted, export)
				}
			}
			var object struct {
				Account harness.Fields   `json:"account"`
				Jobs    []harness.Fields `json:"jobs"`
				History []harness.Fields `json:"history"`
				Folders []harness.Fields `json:"folders"`
				APIKeys []harness.Fields `json:"apiKeys"`
				TLS     harness.Fields   `json:"tls"`
			}
			if err := json.Unmarshal([]byte(export), &object); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if object.Account["email"] != "jane@example.com" || len(object.Jobs) != 2 || len(object.History) == 0 || len(object.Folders) != 1 || len(object.APIKeys) != 1 ||
				object.TLS["certificate"] != certificate {
				t.Errorf("%s has\n%s", what, export)
			}
		}
		code, stdout, stderr = harness.Run(t, s.Env(), "account", "export", "nobody@example.com", file+"2")
		if code != 1 || stdout != "" {
			t.Errorf("of nobody: exit code %d, stdout %q", code, stdout)
		}
		checkSentence(t, s, stderr, []string{"no account"})
		if _, err := os.Stat(file + "2"); !os.IsNotExist(err) {
			t.Errorf("a failed export left a file: %v", err)
		}
	})
}
