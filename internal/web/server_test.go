package web_test

import (
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
	"punctual/internal/web"
)

// console is the console over a database of its own.
type console struct {
	http.Handler
	service *service.Service
	store   *store.Store
	log     *strings.Builder
	mails   chan message.Mail
	options store.Options // of the database
	stop    chan struct{}
}

// outbox is a mail server that keeps what it gets.
type outbox chan message.Mail

// Send keeps a mail.
func (o outbox) Send(_ context.Context, m message.Mail) error {
	o <- m
	return nil
}

// everywhere lets jobs call every address.
type everywhere struct{}

func (everywhere) CheckHost(string, int, cron.Access) (none cron.Problem) { return none }

// settings are what differs between consoles of tests.
type settings struct {
	publicURL string
	mail      bool
	signUp    bool
	mailer    service.Mailer // instead of one that keeps what it gets
	issuers   []auth.IssuerConfig
	channels  service.ChannelTester
}

func newConsole(t testing.TB) *console {
	t.Helper()
	return newConsoleWith(t, settings{})
}

func newConsoleWith(t testing.TB, with settings) *console {
	t.Helper()
	c := &console{log: new(strings.Builder), mails: make(chan message.Mail, 100), stop: make(chan struct{})}
	plans := cron.DefaultPlans()
	c.options = store.Options{Dir: storetest.SQLite(t), Key: [32]byte{1}, Plans: plans}
	c.store = storetest.Open(t, c.options)
	logger := slog.New(slog.NewTextHandler(c.log, nil))
	config := service.Config{Store: c.store, Addresses: everywhere{}, Plans: plans, Secret: [32]byte{1}, PublicURL: with.publicURL, SignUp: with.signUp,
		Logger: logger}
	config.Channels = with.channels
	if config.Mailer = with.mailer; with.mail {
		config.Mailer = outbox(c.mails)
	}
	c.service = service.New(config)
	h, err := web.New(web.Config{
		Service: c.service, Auth: auth.New(c.store), IsSetUp: c.store.HasOperator, Logger: logger, Now: time.Now,
		Proxies: auth.Proxies{netip.MustParsePrefix("10.0.0.0/8")}, PublicURL: with.publicURL, Stop: c.stop,
		Issuers: auth.NewIssuers(with.issuers, auth.NewSealer([32]byte{1})), Plans: []string{cron.PlanDefault, cron.PlanUnlimited},
		About: web.About{
			SessionIdle: 90 * 24 * time.Hour, MailServer: map[bool]string{true: "mail.example.com:587"}[config.Mailer != nil],
			EgressNoProxy: []string{"app.example.com", "10.0.0.0/8"}, EgressProxyResolves: true,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Handler = h
	return c
}

// mail waits for a mail that the service sends, and returns it.
func (c *console) mail(t testing.TB) message.Mail {
	t.Helper()
	c.service.FinishBackground(t.Context())
	select {
	case m := <-c.mails:
		return m
	default:
		t.Fatal("no mail was sent")
		return message.Mail{}
	}
}

// answer is what a browser got.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// says makes sure that the answer has a status and holds texts.
func (a answer) says(status int, texts ...string) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("the status is %d, want %d: %s", a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Fatalf("the page does not hold %q:\n%s", text, a.body)
		}
	}
	return a
}

// hides makes sure that the answer does not hold texts.
func (a answer) hides(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Fatalf("the page holds %q:\n%s", text, a.body)
		}
	}
	return a
}

// leads makes sure that the answer sends the browser to a page.
func (a answer) leads(to string) answer {
	a.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != to {
		a.t.Fatalf("the answer leads to %q with status %d, want %q: %s", got, a.status, to, a.body)
	}
	return a
}

// ask sends a request. A header is given as "Name: value".
func (c *console) ask(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	a := answer{t: t, status: w.Code, header: w.Header(), body: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && w.Body.Len() > 0 && w.Code/100 != 3 {
		checkPage(t, method+" "+path, a)
	}
	return a
}

// visitor is a browser with its cookies.
type visitor struct {
	t       testing.TB
	console *console
	cookies map[string]string
	header  []string
}

// visitor opens a browser.
func (c *console) visitor(t testing.TB) *visitor {
	return &visitor{t: t, console: c, cookies: map[string]string{}, header: []string{"Accept: text/html",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}}
}

func (b *visitor) send(method, path, body string) answer {
	b.t.Helper()
	var cookies []string
	for name, value := range b.cookies {
		cookies = append(cookies, name+"="+value)
	}
	header := append(slices.Clone(b.header), "Cookie: "+strings.Join(cookies, "; "))
	a := b.console.ask(b.t, method, path, body, header...)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return a
}

// get opens a page.
func (b *visitor) get(path string) answer {
	b.t.Helper()
	return b.send("GET", path, "")
}

// post sends a form, whose fields are pairs of a name and a value.
func (b *visitor) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send("POST", path, form.Encode())
}

// command is whoever has the machine.
func command() cron.Actor { return cron.OperatorOf(cron.Account{}) }

// testPassword is that of all people of these tests.
const testPassword = "correct horse battery"

// setUp sets up the operator of a new service, who is signed in then.
func (c *console) setUp(t testing.TB) *visitor {
	t.Helper()
	if _, err := c.service.SetUp(t.Context(), command()); err != nil {
		t.Fatal(err)
	}
	token, needed, err := c.service.SetUpLink(t.Context(), command())
	if err != nil || !needed {
		t.Fatal(needed, err)
	}
	b := c.visitor(t)
	b.post("/console/setup/"+token, "email", "jane@example.com", "password", testPassword, "zone", "Europe/Berlin").leads("/console")
	return b
}

// checkPage holds a page to what all of them have in common.
func checkPage(t testing.TB, what string, a answer) {
	t.Helper()
	for name, value := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s: the header %s is %q, want %q", what, name, got, value)
		}
	}
	if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
		strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("%s: the content security policy is %q", what, policy)
	}
	document, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	labelled, ids, headings := map[string]bool{}, map[string]bool{}, 0
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && n.Data == "label" {
			labelled[attribute(n, "for")] = true
		}
	}
	for n := range document.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, at := range n.Attr {
			if at.Key == "style" || strings.HasPrefix(at.Key, "on") || strings.HasPrefix(strings.TrimSpace(strings.ToLower(at.Val)), "javascript:") {
				t.Errorf("%s: <%s> has %s=%q", what, n.Data, at.Key, at.Val)
			}
			if strings.Contains(at.Val, "ZgotmplZ") {
				t.Errorf("%s: <%s> has a value that the template refused in %s", what, n.Data, at.Key)
			}
			if at.Key == "id" && ids[at.Val] {
				t.Errorf("%s: two elements have the id %s", what, at.Val)
			}
			if at.Key == "id" {
				ids[at.Val] = true
			}
		}
		switch n.Data {
		case "style":
			t.Errorf("%s has a style element", what)
		case "script":
			if attribute(n, "src") == "" {
				t.Errorf("%s has an inline script", what)
			}
		case "h1":
			headings++
		case "form":
			if m := attribute(n, "method"); m != "post" && m != "get" {
				t.Errorf("%s: a form has the method %q", what, m)
			}
			if action := attribute(n, "action"); action != "" && !web.Reserved(action) {
				t.Errorf("%s: a form is sent to %q", what, action)
			}
		case "input", "select", "textarea":
			if name := attribute(n, "name"); slices.Contains(shadowed, name) {
				t.Errorf("%s: the field %s hides a property of its form from scripts", what, name)
			}
			kind := attribute(n, "type")
			if kind != "hidden" && !has(n, "hidden") && !labelled[attribute(n, "id")] && n.Parent.Data != "label" && attribute(n, "aria-label") == "" {
				t.Errorf("%s: the field %s has no label", what, attribute(n, "name"))
			}
		}
	}
	if headings != 1 {
		t.Errorf("%s has %d headings of the first level", what, headings)
	}
}

// shadowed are properties of forms that scripts use. A field of that name would take their place.
var shadowed = []string{"matches", "closest", "submit", "requestSubmit", "elements", "dataset", "contains", "isConnected", "parentElement",
	"querySelector", "querySelectorAll", "getAttribute", "addEventListener", "id"}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// TestUnknownPages asks for paths and methods that the console does not have.
func TestUnknownPages(t *testing.T) {
	c := newConsole(t)
	for _, tt := range []struct{ method, path string }{
		{"GET", "/console/nothing"}, {"GET", "/console/nothing/"}, {"GET", "/console//sign-in"}, {"GET", "/console/../jobs"},
		{"GET", "/console/./x"}, {"GET", "/console/static/"}, {"GET", "/console/static/console.css"},
		{"GET", "/console/static/..%2fserver.go"}, {"PUT", "/console/x"}, {"DELETE", "/console"}, {"POST", "/console/static/x"},
		{"OPTIONS", "/console/x"}, {"GET", "/console/%00"},
	} {
		a := c.ask(t, tt.method, tt.path, "")
		if a.status != http.StatusNotFound || !strings.Contains(a.body, "There is nothing here") {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, a.status, a.body)
		}
	}
	if a := c.ask(t, "GET", "/console/", ""); a.status != http.StatusPermanentRedirect || a.header.Get("Location") != "/console" {
		t.Errorf("a slash at the end: %d %v", a.status, a.header)
	}
}

// TestOtherSites sends forms as other sites make browsers send them.
func TestOtherSites(t *testing.T) {
	c := newConsole(t)
	for header, want := range map[string]int{
		"Sec-Fetch-Site: cross-site":       http.StatusForbidden,
		"Sec-Fetch-Site: same-site":        http.StatusForbidden,
		"Sec-Fetch-Site: same-origin":      http.StatusNotFound,
		"Sec-Fetch-Site: none":             http.StatusNotFound,
		"Origin: https://attacker.example": http.StatusForbidden,
		"Origin: null":                     http.StatusForbidden,
		"Origin: http://example.com":       http.StatusNotFound, // this host
		"Accept: text/html":                http.StatusNotFound, // not a browser
	} {
		a := c.ask(t, "POST", "/console/nothing", "a=b", header)
		if a.status != want || want == http.StatusForbidden && !strings.Contains(a.body, "came from another site") {
			t.Errorf("%s: %d %s", header, a.status, a.body)
		}
	}
}

// TestBadForms sends forms that are none, too large or no text.
func TestBadForms(t *testing.T) {
	c := newConsole(t)
	for name, tt := range map[string]struct{ body, says string }{
		"too large":       {"a=" + strings.Repeat("b", 1<<20), "at most 65536 bytes"},
		"not text":        {"a=%ff%fe", "UTF-8"},
		"a broken escape": {"a=%zz", "not valid"},
		"a semicolon":     {"a=b;c=d", "not valid"},
	} {
		if a := c.ask(t, "POST", "/console/nothing", tt.body); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, tt.says) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestStaticFiles fetches what a page refers to.
func TestStaticFiles(t *testing.T) {
	c := newConsole(t)
	document, err := html.Parse(strings.NewReader(c.ask(t, "GET", "/console/nothing", "").body))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for n := range document.Descendants() {
		for _, name := range []string{"href", "src"} {
			if path := attribute(n, name); strings.HasPrefix(path, "/console/static/") {
				found = append(found, path)
			}
		}
	}
	if len(found) < 3 {
		t.Fatalf("the page refers to %q only", found)
	}
	for _, path := range found {
		path, _, _ = strings.Cut(path, "#")
		plain := c.ask(t, "GET", path, "")
		if plain.status != http.StatusOK || !strings.Contains(plain.header.Get("Cache-Control"), "immutable") ||
			plain.header.Get("Vary") != "Accept-Encoding" || plain.body == "" {
			t.Errorf("%s: %d %v", path, plain.status, plain.header)
		}
		packed := c.ask(t, "GET", path, "", "Accept-Encoding: br, gzip")
		z, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil || packed.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed: %v %v", path, err, packed.header)
			continue
		}
		if content, err := io.ReadAll(z); err != nil || string(content) != plain.body {
			t.Errorf("%s differs when it is compressed: %v", path, err)
		}
		other := "/console/static/0/" + path[strings.LastIndex(path, "/")+1:]
		if a := c.ask(t, "GET", other, ""); a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s of another release: %d %v", path, a.status, a.header)
		}
	}
}

// newJob adds a job of the first account, which is enabled and due every day at 03:00, unless edits say otherwise.
func (c *console) newJob(t testing.TB, edits ...func(*cron.Job)) cron.Job {
	t.Helper()
	j := cron.NewJob()
	j.AccountID, j.Enabled, j.Title, j.Request.URL = c.account(t).ID, true, "Backup", "https://a.example/backup"
	j.Schedule.Hours, j.Schedule.Minutes = cron.SetOf(3), cron.SetOf(0)
	j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = cron.Every, cron.Every, cron.Every
	for _, edit := range edits {
		edit(&j)
	}
	if err := j.Accept(&cron.Job{}); err != nil {
		t.Fatal(err)
	}
	if err := c.service.AddJob(t.Context(), cron.OperatorOf(cron.Account{ID: j.AccountID}), &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// titled gives a job a title.
func titled(title string) func(*cron.Job) { return func(j *cron.Job) { j.Title = title } }

// called gives a job a title, a URL, and a header with a secret.
func called(title, url string) func(*cron.Job) {
	return func(j *cron.Job) {
		j.Title, j.Request.URL, j.Request.Headers = title, url, []cron.Header{{Name: "X-Token", Value: "s3cret"}}
	}
}

// everyMinute gives a job a title, and has it run every minute.
func everyMinute(title string) func(*cron.Job) {
	return func(j *cron.Job) { j.Title, j.Schedule = title, storetest.EveryMinute() }
}

// ofAccount gives a job to another account.
func ofAccount(id int64) func(*cron.Job) { return func(j *cron.Job) { j.AccountID = id } }
