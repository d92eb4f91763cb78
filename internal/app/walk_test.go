package app

import (
	"context"
	"encoding/base32"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"punctual/internal/api"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/web"
)

// The walk goes to every route of the API, every page and form of the console, and every command, as everybody who may
// come. A table says what comes of each visit:
//
//	+  it is done          -  401, or the sign-in page    x  403                      0  404
//	!  sign in again       2  the second factor first     ~  what was sent is wrong   c  409      g  410
//
// A visit that is not done changes nothing in the account that is walked through. Callers who do not belong to it see
// nothing of it and change nothing, whatever comes of the visit. GET never changes anything.

// What the account holds, so that it is found wherever it is shown.
const (
	named  = "kite77"   // in the names of the account and its people, which operators of the service see
	inside = "heron31"  // in everything else
	hidden = "secret55" // in what viewers do not see
)

// walker is somebody who comes.
type walker struct {
	name string
	sees string // of named, inside and hidden
	acts bool   // may change something in the account
	key  bool   // comes with an API key, which the console does not take
}

// walkers are all who come, in the order of the columns of the tables.
var walkers = []walker{
	{name: "nobody"},
	{name: "half", acts: true}, // an owner whose second factor is missing
	{name: "off"},              // an editor who is disabled, with a session that is still there
	{name: "loner"},            // belongs to no account
	{name: "stranger"},         // the owner of another account
	{name: "operator", sees: named, acts: true},                           // of the service, and no member of the account
	{name: "viewer", sees: named + inside, acts: true},                    // like all of the next ones, of the account
	{name: "editor", sees: named + inside + hidden, acts: true},           //
	{name: "owner", sees: named + inside + hidden, acts: true},            //
	{name: "stale", sees: named + inside + hidden, acts: true},            // an owner who signed in long ago
	{name: "expired", key: true},                                          //
	{name: "disabled", key: true},                                         //
	{name: "offs", key: true},                                             // made by somebody who is disabled now
	{name: "other", key: true},                                            // of another account, with all scopes
	{name: "operates", key: true, sees: named, acts: true},                // made by the operator for that
	{name: "reads", key: true, sees: named + inside + hidden, acts: true}, //
	{name: "writes", key: true, sees: named + inside + hidden, acts: true},
	{name: "all", key: true, sees: named + inside + hidden, acts: true},
}

// visit is a row of a table.
type visit struct {
	call string // a route, and a remark after a comma when it has several rows
	sent string // the body, or the fields of a form
	want string // what comes of it for each walker; spaces do not count
	open bool   // whoever has the link or the token in it sees and does what that is for
}

// route is the call without its remark.
func (v *visit) route() string {
	route, _, _ := strings.Cut(v.call, ",")
	return route
}

// TestWalk goes everywhere as everybody.
func TestWalk(t *testing.T) {
	g := newGround(t)
	t.Run("API", func(t *testing.T) {
		t.Parallel()
		walkAll(t, g, callsOfAPI, api.Routes(), walkers)
	})
	t.Run("console", func(t *testing.T) {
		t.Parallel()
		people := slices.DeleteFunc(slices.Clone(walkers), func(w walker) bool { return w.key })
		walkAll(t, g, pagesOfConsole, web.Routes(), people)
	})
}

// walkAll makes all visits of a table, which has to have a row for each route.
func walkAll(t *testing.T, g *ground, table []visit, routes []string, who []walker) {
	visited := map[string]bool{}
	for _, v := range table {
		visited[v.route()] = true
		if !slices.Contains(routes, v.route()) {
			t.Errorf("%s is no route", v.call)
		}
	}
	for _, route := range routes {
		if !visited[route] {
			t.Errorf("%s has no row", route)
		}
	}
	for _, v := range table {
		want := strings.ReplaceAll(v.want, " ", "")
		s := g.open(t)
		got := ""
		for i := range who {
			outcome, changed := s.visit(t, &v, &who[i])
			if got += outcome; changed {
				s.restore(t)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", v.call, spaced(got, v.want), v.want)
		}
		s.comeOtherwise(t, &v)
		s.comeFromElsewhere(t, &v)
	}
}

// spaced gives the columns of a row the spaces of another one.
func spaced(row, like string) string {
	for i, c := range like {
		if c == ' ' && i <= len(row) {
			row = row[:i] + " " + row[i:]
		}
	}
	return row
}

// reads tells whether a call only reads.
func reads(call string) bool {
	return strings.HasPrefix(call, "GET ") || strings.HasPrefix(call, "HEAD ")
}

// visit makes a visit, and says what came of it, and whether the database may be another one than before.
func (s *scene) visit(t *testing.T, v *visit, who *walker) (outcome string, changed bool) {
	t.Helper()
	header := http.Header{}
	if web.Reserved(s.path(v, who)) {
		header.Set("Cookie", "punctual="+s.cookies[who.name])
	} else if bearer := s.bearers[who.name]; bearer != "" {
		header.Set("Authorization", "Bearer "+bearer)
	}
	w := s.send(t, v, who, header)
	if outcome = outcomeOf(w); outcome == "?" {
		t.Errorf("%s as %s: %d %v %s", v.call, who.name, w.Code, w.Header(), w.Body)
	}
	if !v.open {
		s.checkShown(t, v.call+" as "+who.name, w, who.sees)
	}
	changed = outcome == "+" && !reads(v.call)
	if !changed || !who.acts && !v.open {
		noted := s.checkUnchanged(t, v.call+" as "+who.name, outcome == "+" && who.acts)
		changed = changed || noted
	}
	return outcome, changed
}

// comeOtherwise comes with credentials that are not for the place: those of the API to the console, and those of the console
// to the API. That is to come as nobody.
func (s *scene) comeOtherwise(t *testing.T, v *visit) {
	t.Helper()
	nobody := strings.ReplaceAll(v.want, " ", "")[:1]
	if nobody == "+" || nobody == "~" {
		return // open to everybody
	}
	console, bearer := s.cookies["owner"], s.bearers["owner"]
	for name, header := range map[string]http.Header{
		"a cookie of the API":           {"Cookie": {"punctual=" + bearer}},
		"an API key as cookie":          {"Cookie": {"punctual=" + s.bearers["all"]}},
		"a bearer of the console":       {"Authorization": {"Bearer " + console}},
		"credentials of the other kind": {"Cookie": {"punctual=" + console}},
		"an unknown session":            {"Cookie": {"punctual=punctual_session_x"}, "Authorization": {"Bearer punctual_session_x"}},
		"a password":                    {"Authorization": {"Basic b3duZXJAa2l0ZTc3LmV4YW1wbGU6eA=="}},
	} {
		if web.Reserved(s.path(v, &walkers[0])) && name == "credentials of the other kind" {
			header = http.Header{"Authorization": {"Bearer " + bearer}}
		}
		w := s.send(t, v, &walkers[0], header)
		if outcome := outcomeOf(w); outcome != nobody {
			t.Errorf("%s with %s: %s", v.call, name, outcome)
		}
		s.checkShown(t, v.call+" with "+name, w, "")
		s.checkUnchanged(t, v.call+" with "+name, false)
	}
}

// comeFromElsewhere sends a form of the console as another site makes the browser of an owner send it.
func (s *scene) comeFromElsewhere(t *testing.T, v *visit) {
	t.Helper()
	owner := &walkers[slices.IndexFunc(walkers, func(w walker) bool { return w.name == "owner" })]
	if reads(v.call) || !web.Reserved(s.path(v, owner)) {
		return
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"} {
		w := s.send(t, v, owner, http.Header{"Cookie": {"punctual=" + s.cookies["owner"]}, name: {value}})
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), message.Default().Problem(cron.Problem{Rule: cron.RuleOtherOrigin})) {
			t.Errorf("%s with %s %s: %d %s", v.call, name, value, w.Code, w.Body)
		}
		if w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s with %s %s sets a cookie", v.call, name, value)
		}
		s.checkUnchanged(t, v.call+" from elsewhere", false)
	}
}

// path is the path of a visit, with what its names stand for.
func (s *scene) path(v *visit, who *walker) string {
	_, path, _ := strings.Cut(v.route(), " ")
	if before, after, named := strings.Cut(path, "{"); named && idsOfConsole[before] != "" {
		_, after, _ = strings.Cut(after, "}")
		path = before + "{" + idsOfConsole[before] + "}" + after
	}
	if strings.HasSuffix(v.call, ", of oneself") {
		path = strings.NewReplacer("{personId}", "{me}", "{sessionId}", "{mySession}").Replace(path)
	}
	return s.fill(path, who)
}

// send makes the request of a visit. A stream is left at its first byte.
func (s *scene) send(t *testing.T, v *visit, who *walker, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	method, _, _ := strings.Cut(v.call, " ")
	path := s.path(v, who)
	if strings.Contains(path, "{") {
		t.Fatalf("the walk does not know what %s names", path)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(s.fill(v.sent, who)))
	r.Header = header.Clone()
	r.RemoteAddr = fmt.Sprintf("192.0.2.%d:4000", slices.Index(walkers, *who)+1) // limits of addresses are no matter here
	if method != http.MethodGet {
		r.Header.Set("Content-Type", map[bool]string{true: "application/x-www-form-urlencoded", false: "application/json"}[web.Reserved(path)])
	}
	w := httptest.NewRecorder()
	if strings.HasSuffix(path, "/events") {
		s.ServeHTTP(&leaver{w, leave}, r)
	} else {
		s.ServeHTTP(w, r)
	}
	return w
}

// leaver ends a request at the first byte of its response.
type leaver struct {
	*httptest.ResponseRecorder
	leave func()
}

// Write leaves.
func (l *leaver) Write(p []byte) (int, error) {
	l.leave()
	return l.ResponseRecorder.Write(p)
}

// outcomeOf is what came of a visit, as the tables write it.
func outcomeOf(w *httptest.ResponseRecorder) string {
	says := func(rule cron.Rule) bool {
		return strings.Contains(w.Body.String(), message.Default().Problem(cron.Problem{Rule: rule}))
	}
	switch to, query, _ := strings.Cut(w.Header().Get("Location"), "?"); {
	case w.Code/100 == 2:
		return "+"
	case w.Code == http.StatusSeeOther && to == "/console/sign-in" && !strings.Contains(query, "done="):
		return "-"
	case w.Code == http.StatusSeeOther && to == "/console/sign-in/code":
		return "2"
	case w.Code == http.StatusSeeOther && to == "/console/confirm":
		return "!"
	case w.Code == http.StatusSeeOther:
		return "+"
	case w.Code == http.StatusForbidden && says(cron.RuleFresh):
		return "!"
	case w.Code == http.StatusForbidden && says(cron.RuleSecondFactor):
		return "2"
	}
	outcome, ok := map[int]string{
		http.StatusBadRequest: "~", http.StatusUnprocessableEntity: "~", http.StatusUnauthorized: "-", http.StatusForbidden: "x",
		http.StatusNotFound: "0", http.StatusConflict: "c", http.StatusGone: "g",
	}[w.Code]
	if !ok {
		return "?"
	}
	return outcome
}

// checkShown makes sure that a response shows no more of the account than a walker may see.
func (s *scene) checkShown(t *testing.T, what string, w *httptest.ResponseRecorder, sees string) {
	t.Helper()
	text := w.Body.String()
	for _, values := range w.Header() {
		text += strings.Join(values, "\n")
	}
	for _, word := range []string{named, inside, hidden} {
		if strings.Contains(text, word) && !strings.Contains(sees, word) {
			t.Errorf("%s: %s is shown in %d %s", what, word, w.Code, text)
		}
	}
}

// fill puts what names stand for into a path or a body.
func (g *ground) fill(text string, who *walker) string {
	for name, value := range g.names {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	if strings.Contains(text, "{code}") { // which expires soon
		code, err := totp.GenerateCode(base32.StdEncoding.EncodeToString([]byte(walkSecret)), time.Now())
		if err != nil {
			code = err.Error()
		}
		text = strings.ReplaceAll(text, "{code}", code)
	}
	mine := g.people[who.name]
	text = strings.ReplaceAll(text, "{me}", strconv.FormatInt(mine.id, 10))
	text = strings.ReplaceAll(text, "{myEmail}", mine.email)
	text = strings.ReplaceAll(text, "{myAccount}", mine.account)
	return strings.ReplaceAll(text, "{mySession}", strconv.FormatInt(mine.session, 10))
}
