package app

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"punctual/internal/auth"
	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/metrics"
	"punctual/internal/notify/email/emailtest"
	"punctual/internal/public"
	"punctual/internal/service"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// walkPassword is that of all people of the walk.
const walkPassword = "seven wide boats 4"

// walkSecret is that of an authenticator app.
const walkSecret = "12345678901234567890"

// walkURL is where browsers reach the service. Passkeys need a secure host, which this machine is.
const walkURL = "http://localhost:8080"

// ground is where every visit begins: a database with the account that is walked through, and what is known of it.
type ground struct {
	t        *testing.T
	dir      string   // of the database
	tables   []string // of the database; those that triggers write to are last
	listener net.Listener
	args     []string          // of the service
	account  int64             // that is walked through
	names    map[string]string // what paths and bodies name
	bearers  map[string]string // by the names of walkers: keys, and tokens of sessions of the API
	cookies  map[string]string // tokens of sessions of the console
	people   map[string]somebody
	rows     map[string]bool // of the account
	smtp     string          // the URL of a mail server
	secret   [32]byte        // of the service
	noted    int             // entries of commands in the audit log
}

// somebody is a person of the walk.
type somebody struct {
	id, session int64 // one that is not used
	email       string
	account     string // its e-mail address
}

// scene is a service on a copy of the ground.
type scene struct {
	*ground
	http.Handler
	raw     *sql.DB // one connection, which sees when another one writes
	version int64

	domains *public.Domains // of status pages
}

func newGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{t: t, names: map[string]string{}, bearers: map[string]string{}, cookies: map[string]string{}, people: map[string]somebody{}}
	mails := emailtest.Start(t, emailtest.Options{NoTLS: true, NoAuth: true})
	g.smtp = mails.URL()
	g.args = []string{"serve", "--public-url", walkURL, "--signup", "open", "--smtp", g.smtp,
		"--mail-from", "punctual@punctual.example"}
	var err error
	g.listener, err = net.Listen("tcp", "127.0.0.1:0")
	g.must(err)
	t.Cleanup(func() { _ = g.listener.Close() })
	g.dir = storetest.SQLite(t)
	options := store.Options{Dir: g.dir, Key: walkKey, Plans: cron.DefaultPlans(), Logger: slog.New(slog.DiscardHandler)}
	db, err := store.Open(t.Context(), options)
	g.must(err)
	g.furnish(db)
	g.secret = db.ServiceSecret()
	g.must(db.Close())
	raw := storetest.Raw(t, options)
	g.names["problemId"] = fmt.Sprint(storetest.NewTables(t, raw).AddProblems(g.account, 1, cron.ProblemOpen, time.Now()))
	g.addMessage(raw)
	_, err = raw.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`) // scenes copy the file
	g.must(err)
	g.rows = storetest.Rows(t, raw, g.account)
	g.tables = g.listTables(raw)
	g.must(raw.QueryRowContext(t.Context(), `SELECT count(*) FROM audit WHERE way = 'command'`).Scan(&g.noted))
	if len(g.rows) < 30 {
		t.Fatalf("the account has no more than %d rows", len(g.rows))
	}
	g.ask()
	return g
}

// addMessage adds a message about the problem that was sent by a channel, with its links.
func (g *ground) addMessage(raw *sql.DB) {
	var (
		m      = cron.Message{AccountID: g.account, Kind: cron.NoticeFailure}
		tables = storetest.NewTables(g.t, raw)
	)
	_, err := fmt.Sscan(g.names["channelId"]+" "+g.names["problemId"], &m.ChannelID, &m.ProblemID)
	g.must(err)
	m.ID = tables.AddMessage(cron.Channel{ID: m.ChannelID, AccountID: g.account}, cron.MessageSent)
	tables.Exec(`UPDATE message SET problem_id = $2 WHERE id = $1`, m.ID, m.ProblemID)
	g.names["notificationId"] = fmt.Sprint(m.ID)
	act, unsubscribe := service.New(service.Config{Secret: g.secret, PublicURL: walkURL}).MessageLinks(&m)
	g.names["act"], g.names["unsubscribe"] = path.Base(act), path.Base(unsubscribe)
}

// listTables lists the tables of a database.
func (g *ground) listTables(raw *sql.DB) (tables []string) {
	rows, err := raw.QueryContext(g.t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'job_gram%'
		ORDER BY name IN ('job_change', 'deleted_job')`)
	g.must(err)
	defer func() { g.must(rows.Close()) }()
	for rows.Next() {
		var name string
		g.must(rows.Scan(&name))
		tables = append(tables, name)
	}
	g.must(rows.Err())
	return tables
}

// ask finds out what only the API names.
func (g *ground) ask() {
	s := g.open(g.t)
	for path, found := range map[string]string{
		"/jobs/{jobId}/runs/{runId}": `"identifier":"(?P<identifier>[^"]+)"`,
		"/jobs/{jobId}/badge":        `/(?P<token>\w+)/(?P<badge>status-7.svg)`,
	} {
		r := httptest.NewRequestWithContext(g.t.Context(), http.MethodGet, s.fill(path, &walkers[0]), nil)
		r.Header.Set("Authorization", "Bearer "+g.bearers["all"])
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		pattern := regexp.MustCompile(found)
		names, values := pattern.SubexpNames(), pattern.FindStringSubmatch(w.Body.String())
		if values == nil {
			g.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		for i := range values[1:] {
			g.names[names[i+1]] = values[i+1]
		}
	}
}

// walkKey seals the secrets of the walk.
var walkKey = [32]byte{1}

func (g *ground) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// open starts a service on a copy of the ground, wired as a node is.
func (g *ground) open(t *testing.T) *scene {
	t.Helper()
	dir := t.TempDir()
	file, err := os.ReadFile(filepath.Join(g.dir, store.FileName))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, store.FileName), file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(append(g.args, "--data", dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{config: c, logger: slog.New(slog.DiscardHandler), metrics: metrics.New(), listener: g.listener, keys: keySource{text: encodeKeys(walkKey)},
		plans: cron.DefaultPlans()}
	options := store.Options{Dir: dir, Key: walkKey, Plans: n.plans}
	n.db = storetest.Open(t, options)
	if _, err := n.newService(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := n.newAPI(nil)
	console, err := n.newConsole(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.readDomains(t.Context()); err != nil {
		t.Fatal(err)
	}
	pages, err := n.newStatusPages(nil)
	if err != nil {
		t.Fatal(err)
	}
	handler := n.front(publicRoutes(newOperations(nil, nil, time.Now()), newRoot(true, nil)), pages, console, api)
	s := &scene{ground: g, Handler: handler, raw: storetest.Raw(t, options), domains: n.domains}
	s.raw.SetMaxOpenConns(1)
	s.execute(t, `ATTACH $1 AS ground`, filepath.Join(g.dir, store.FileName))
	s.version = s.dataVersion(t)
	return s
}

// execute performs a statement.
func (s *scene) execute(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := s.raw.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// restore makes the database again what it was.
func (s *scene) restore(t *testing.T) {
	t.Helper()
	s.execute(t, `BEGIN IMMEDIATE`)
	for _, table := range s.tables {
		s.execute(t, `DELETE FROM main.`+table+`; INSERT INTO main.`+table+` SELECT * FROM ground.`+table)
	}
	s.execute(t, `COMMIT`)
	s.version = s.dataVersion(t)
}

// checkUnchanged makes sure that the account is as it was, and tells whether something was noted in its audit log, which may
// only be when mayNote says so.
func (s *scene) checkUnchanged(t *testing.T, what string, mayNote bool) (noted bool) {
	t.Helper()
	version := s.dataVersion(t)
	if version == s.version {
		return false // nothing was written since the last look
	}
	s.version = version
	now := storetest.Rows(t, s.raw, s.account)
	for row := range s.rows {
		if !now[row] {
			t.Fatalf("%s has changed %s", what, row)
		}
	}
	for row := range now {
		switch {
		case s.rows[row]:
		case mayNote && strings.HasPrefix(row, "audit "):
			noted = true
		default:
			t.Fatalf("%s has made %s", what, row)
		}
	}
	return noted
}

// dataVersion is another number after anybody else has written.
func (s *scene) dataVersion(t *testing.T) (version int64) {
	t.Helper()
	if err := s.raw.QueryRowContext(t.Context(), `PRAGMA data_version`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}

// furnish fills the database.
func (g *ground) furnish(db *store.Store) {
	ctx := g.t.Context()
	people := service.New(service.Config{Store: db, Plans: cron.DefaultPlans(), Secret: db.ServiceSecret(), Mailer: g, PublicURL: walkURL})
	_, err := people.SetUp(ctx, operator())
	g.must(err)
	service := g.addAccount(db, "operator@localhost")
	account := g.addAccount(db, "contact@"+named+".example")
	other := g.addAccount(db, "other@stranger.example")
	g.account = account.ID
	g.must(db.UpdateAccount(ctx, account.ID, func(a *cron.Account) error { a.Title = "account " + named; return nil }))

	emails := map[int64]string{service.ID: service.Email, account.ID: account.Email, other.ID: other.Email}
	phc, err := auth.NewPasswords().Hash(ctx, netip.Addr{}, walkPassword)
	g.must(err)
	for _, p := range []struct {
		name    string
		account int64
		role    cron.Role
		change  func(p *cron.Person, s *cron.Session)
	}{
		{name: "operator", account: service.ID, role: cron.RoleOwner, change: func(p *cron.Person, _ *cron.Session) { p.Operator = true }},
		{name: "stranger", account: other.ID, role: cron.RoleOwner},
		{name: "loner"},
		{name: "viewer", account: account.ID, role: cron.RoleViewer},
		{name: "editor", account: account.ID, role: cron.RoleEditor},
		{name: "owner", account: account.ID, role: cron.RoleOwner},
		{name: "stale", account: account.ID, role: cron.RoleOwner, change: func(_ *cron.Person, s *cron.Session) {
			s.SignedIn = s.SignedIn.Add(-cron.FreshFor)
		}},
		{name: "half", account: account.ID, role: cron.RoleOwner, change: func(_ *cron.Person, s *cron.Session) { s.Second = true }},
		{name: "off", account: account.ID, role: cron.RoleEditor},
		{name: "member", account: account.ID, role: cron.RoleViewer},
	} {
		person := cron.Person{Email: p.name + "@people.example", Name: p.name, PasswordHash: phc, Confirmed: true}
		now := db.Now()
		session := cron.Session{AccountID: p.account, Way: cron.WayPassword, Created: now, SignedIn: now, LastSeen: now,
			Expires: now.Add(time.Hour)}
		if p.account == account.ID {
			person.Email, session.UserAgent = p.name+"@"+named+".example", inside
		}
		if p.change != nil {
			p.change(&person, &session)
		}
		g.must(db.CreatePerson(ctx, &person))
		if p.role != cron.RoleNone {
			g.must(db.SetMembership(ctx, cron.Membership{AccountID: p.account, PersonID: person.ID, Role: p.role}))
		}
		session.PersonID = person.ID
		unused := g.addSession(db, session, nil)
		g.addSession(db, session, func(token string) { g.bearers[p.name] = token })
		session.Console = true
		g.addSession(db, session, func(token string) { g.cookies[p.name] = token })
		g.people[p.name] = somebody{person.ID, unused, person.Email, emails[p.account]}
	}
	g.furnishAccount(db, account)
	g.addKeys(db, service, account, other)
	g.must(db.UpdatePerson(ctx, g.people["off"].id, func(p *cron.Person) error { p.Disabled = true; return nil }))
	g.addLinks(db)
	g.must(people.LostPassword(ctx, newcomer(), g.people["owner"].email))
	people.FinishBackground(ctx)
}

// newcomer is somebody at an address who is not signed in.
func newcomer() service.Client {
	return service.Client{Address: netip.MustParseAddr("198.51.100.1"), Console: true}
}

// Send takes the mail of a lost password, with its link.
func (g *ground) Send(_ context.Context, m message.Mail) error {
	_, token, _ := strings.Cut(m.Text, walkURL+service.PasswordPath)
	g.names["password"], _, _ = strings.Cut(token, "\n")
	return nil
}

func (g *ground) addAccount(db *store.Store, email string) cron.Account {
	if found, err := db.AccountByEmail(g.t.Context(), email); err == nil {
		return found
	}
	return storetest.NewAccount(g.t, db, email, cron.PlanUnlimited)
}

// addSession saves a session, whose token goes to keep.
func (g *ground) addSession(db *store.Store, session cron.Session, keep func(token string)) int64 {
	token, hash := auth.NewSessionToken()
	session.Hash = hash
	g.must(db.CreateSession(g.t.Context(), &session))
	if keep != nil {
		keep(token)
	}
	return session.ID
}

// furnishAccount gives the account one of everything.
func (g *ground) furnishAccount(db *store.Store, account cron.Account) {
	ctx := g.t.Context()
	folder := cron.Folder{AccountID: account.ID, Title: inside}
	g.must(db.CreateFolder(ctx, &folder))
	job := cron.NewJob()
	job.AccountID, job.FolderID, job.Title, job.Enabled, job.SaveResponses = account.ID, folder.ID, inside, true, true
	job.Request.URL, job.Request.Body = "http://"+inside+".example/", hidden
	job.Schedule = storetest.EveryMinute()
	g.must(db.CreateJob(ctx, &job))
	run, err := db.RequestRun(ctx, account.ID, job.ID, cron.Author{})
	g.must(err)
	node, err := db.StartNode(ctx, cron.Node{Name: "node"})
	g.must(err)
	claimed, err := db.Claim(ctx, cron.ClaimRequest{Node: node, Limit: 10})
	g.must(err)
	if len(claimed.Launches) != 1 {
		g.t.Fatalf("%d executions were claimed", len(claimed.Launches))
	}
	l := claimed.Launches[0]
	g.must(db.Finish(ctx, []cron.Completion{{Launch: l, Result: cron.Result{Started: l.Planned, URL: job.Request.URL,
		Status: cron.StatusHTTPError, HTTPStatus: 500, Reason: inside, Headers: []byte(inside), Body: []byte(inside)}}}))
	test := cron.TestRun{AccountID: account.ID, JobID: job.ID, Job: job}
	g.must(db.StartTestRun(ctx, &test))
	passkey := cron.Passkey{PersonID: g.people["owner"].id, CredentialID: []byte(inside), Credential: []byte("{}"), Title: inside,
		Created: db.Now()}
	g.must(db.AddPasskey(ctx, &passkey))
	view := cron.JobView{AccountID: account.ID, PersonID: g.people["owner"].id, Title: inside}
	g.must(db.CreateView(ctx, &view))
	window := cron.MaintenanceWindow{AccountID: account.ID, Title: inside, Start: db.Now(), End: db.Now().Add(time.Hour)}
	g.must(db.CreateMaintenance(ctx, &window))
	page := statuspage.Page{AccountID: account.ID, Title: inside, Slug: "walked", Days: 90, Published: true, Timezone: "UTC",
		Components: []statuspage.Component{{Title: inside, Rule: statuspage.DefaultRule()}}}
	g.must(db.CreateStatusPage(ctx, &page))
	g.must(db.SetStatusLogo(ctx, account.ID, page.ID, false, storetest.Logo()))
	g.must(db.SetStatusLogo(ctx, account.ID, page.ID, true, storetest.Logo()))
	g.addIncident(ctx, db, &page)
	g.must(db.SetTOTP(ctx, g.people["half"].id, []byte(walkSecret)))
	done := cron.Action{AccountID: account.ID}
	g.must(db.StartAction(ctx, &done))
	open, _, err := db.ClaimAction(ctx, node)
	g.must(err)
	g.must(db.FinishAction(ctx, &open))
	secret := cron.Secret{AccountID: g.account, Name: inside, Value: "a value that nobody sees"}
	g.must(db.CreateSecret(ctx, &secret))
	channel := cron.Channel{AccountID: g.account, Kind: "webhook", Title: inside, Enabled: true, Confirmed: true,
		Settings: map[string]string{"url": "http://joe:" + hidden + "@" + inside + ".example/", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		Headers:  []cron.Header{{Name: "X-Token", Value: "a value that nobody sees"}}}
	g.must(db.CreateChannel(ctx, &channel))
	mail := cron.Channel{AccountID: g.account, Kind: "email", Title: inside, Enabled: true, Settings: map[string]string{"to": "to@" + inside + ".example"}}
	g.must(db.CreateChannel(ctx, &mail))
	link := cron.Link{Kind: cron.LinkChannel, AccountID: g.account, Email: mail.Settings["to"], Detail: fmt.Sprint(mail.ID)}
	g.names["confirmed"], link.Hash = auth.NewToken()
	g.must(db.CreateLink(ctx, &link))
	for name, id := range map[string]int64{"jobId": job.ID, "channelId": channel.ID, "secretId": secret.ID, "actionId": done.ID, "folderId": folder.ID, "accountId": account.ID, "epoch": node,
		"runId": run.Planned.UnixMilli(), "testRunId": test.ID, "passkeyId": passkey.ID, "viewId": view.ID, "windowId": window.ID, "statusPageId": page.ID, "componentId": page.Components[0].ID, "personId": g.people["member"].id, "sessionId": g.people["owner"].session} {
		g.names[name] = fmt.Sprint(id)
	}
	g.names["name"], g.names["version"], g.names["slug"] = "nowhere", "1", page.Slug // which whoever asks for the page knows
}

// addIncident makes an incident, a maintenance, a domain and a subscriber of a status page.
func (g *ground) addIncident(ctx context.Context, db *store.Store, page *statuspage.Page) {
	account, title := page.AccountID, page.Title
	incident := statuspage.Incident{PageID: page.ID, AccountID: account, Title: title, Updates: []statuspage.Update{{Text: title, At: db.Now()}}}
	plan := statuspage.Plan{PageID: page.ID, AccountID: account, Title: title, Text: title, Start: db.Now(), End: db.Now().Add(time.Hour),
		ComponentIDs: []int64{page.Components[0].ID}}
	domain := statuspage.Domain{AccountID: account, PageID: page.ID, Host: inside + ".example.net"}
	g.must(db.CreateStatusDomain(ctx, &domain))
	fine := func([]int64) error { return nil }
	g.must(db.CreateIncident(ctx, &incident, fine))
	g.must(db.CreateStatusPlan(ctx, &plan, fine))
	x := statuspage.Subscriber{PageID: page.ID, Address: "to@" + title + ".example"}
	g.must(db.Subscribe(ctx, &x, [32]byte{1}, func(context.Context, *statuspage.Subscriber, bool) error { return nil }))
	for name, id := range map[string]int64{"incidentId": incident.ID, "subscriberId": x.ID, "domainId": domain.ID,
		"updateId": incident.Updates[0].ID, "maintenanceId": plan.ID} {
		g.names[name] = fmt.Sprint(id)
	}
}

// addKeys makes the keys of the walkers, and one more.
func (g *ground) addKeys(db *store.Store, service, account, other cron.Account) {
	for name, k := range map[string]cron.APIKey{
		"expired":  {AccountID: account.ID, Expires: db.Now().Add(-time.Second)},
		"disabled": {AccountID: account.ID, Disabled: true},
		"offs":     {AccountID: account.ID, MadeBy: g.people["off"].id},
		"other":    {AccountID: other.ID},
		"operates": {AccountID: service.ID, Operator: true, MadeBy: g.people["operator"].id},
		"reads":    {AccountID: account.ID, Scopes: cron.ScopeRead},
		"writes":   {AccountID: account.ID, Scopes: cron.ScopeWrite},
		"all":      {AccountID: account.ID},
		"spare":    {AccountID: account.ID},
	} {
		if k.AccountID == account.ID {
			k.Title = inside
		}
		k.Role = cron.RoleOwner // or that of the maker
		g.bearers[name], k.Hash = auth.NewKey()
		g.must(db.CreateAPIKey(g.t.Context(), &k))
		g.names[name+"KeyId"] = fmt.Sprint(k.ID)
	}
	g.names["apiKeyId"] = g.names["spareKeyId"]
}

// addLinks makes a link of each kind.
func (g *ground) addLinks(db *store.Store) {
	owner := g.people["owner"]
	for name, l := range map[string]cron.Link{
		"setup":      {Kind: cron.LinkSetup, PersonID: owner.id, Email: owner.email},
		"signUp":     {Kind: cron.LinkSignUp, Email: "new@elsewhere.example"},
		"email":      {Kind: cron.LinkEmail, PersonID: owner.id, Email: "owner.new@" + named + ".example", Detail: owner.email},
		"invitation": {Kind: cron.LinkInvitation, AccountID: g.account, MadeBy: owner.id, Email: inside + "@example.com", Role: cron.RoleViewer},
	} {
		g.names[name], l.Hash = auth.NewToken()
		l.Created = db.Now()
		l.Expires = l.Created.Add(l.Kind.Lifetime())
		g.must(db.CreateLink(g.t.Context(), &l))
		g.names[name+"Id"] = fmt.Sprint(l.ID)
	}
}

// logoFile is what a call that sets a logo sends.
var logoFile = string(storetest.Logo())
