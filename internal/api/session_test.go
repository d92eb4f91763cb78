package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// signIn makes a person who signs in by the API, with a role in the account of a client unless that is none.
func (c *client) signIn(email string, role cron.Role) *client {
	c.t.Helper()
	hash, err := auth.NewPasswords().Hash(c.t.Context(), netip.Addr{}, password)
	if err != nil {
		c.t.Fatal(err)
	}
	p := cron.Person{Email: email, PasswordHash: hash}
	if err := c.server.store.CreatePerson(c.t.Context(), &p); err != nil {
		c.t.Fatal(err)
	}
	if role != cron.RoleNone {
		m := cron.Membership{PersonID: p.ID, AccountID: c.account.ID, Role: role}
		if err := c.server.store.SetMembership(c.t.Context(), m); err != nil {
			c.t.Fatal(err)
		}
	}
	var answer struct {
		SessionID int64  `json:"sessionId"`
		Token     string `json:"token"`
		Expires   int64  `json:"expires"`
	}
	body := fmt.Sprintf(`{"session":{"email":%q,"password":%q}}`, email, password)
	decode(c.t, (&client{t: c.t, server: c.server}).must("POST", "/sessions", body), &answer)
	if !strings.HasPrefix(answer.Token, "punctual_session_") || answer.SessionID == 0 || answer.Expires == 0 {
		c.t.Fatalf("the session is %+v", answer)
	}
	return &client{t: c.t, server: c.server, account: c.account, key: answer.Token}
}

const password = "correct horse battery"

// TestPeopleOverTheAPI lets an owner invite, change and remove people.
func TestPeopleOverTheAPI(t *testing.T) {
	c := newClient(t)
	owner, viewer := c.signIn("owner@example.com", cron.RoleOwner), c.signIn("viewer@example.com", cron.RoleViewer)

	var me struct {
		Account accountDetails `json:"account"`
		Person  struct {
			PersonID               int64
			Email, Name, Timezone  string
			Language, Theme        string
			Operator, SecondFactor bool
			Created                int64
		} `json:"person"`
		Role string `json:"role"`
	}
	decode(t, viewer.must("GET", "/me", ""), &me)
	if me.Person.Email != "viewer@example.com" || me.Role != "viewer" || me.Account.AccountID != c.account.ID {
		t.Errorf("a viewer is %+v", me)
	}
	type person struct {
		PersonID    int64
		Email, Name string
		Role        string
		Since       int64
		LastSignIn  *int64
		Current     bool
	}
	people := func(c *client) (list []person) {
		t.Helper()
		var answer struct {
			People []person `json:"people"`
			Next   *string  `json:"next"`
		}
		decode(t, c.must("GET", "/people", ""), &answer)
		return answer.People
	}
	list := people(viewer)
	if len(list) != 2 || list[0].Email != "owner@example.com" || list[0].Role != "owner" || list[0].Current || !list[1].Current {
		t.Fatalf("the people are %+v", list)
	}
	path := fmt.Sprintf("/people/%d", list[1].PersonID)
	if got := viewer.do("PATCH", path, `{"person":{"role":"owner"}}`); got.status != http.StatusForbidden {
		t.Errorf("a viewer becomes an owner: %d", got.status)
	}
	owner.must("PATCH", path, `{"person":{"role":"editor"}}`)
	for body, status := range map[string]int{`{"person":{"role":"king"}}`: 400, `{"person":{}}`: 400, `{"person":{"role":null}}`: 400, `{}`: 400} {
		if got := owner.do("PATCH", path, body); got.status != status {
			t.Errorf("%s is answered with %d %s", body, got.status, got.body)
		}
	}
	if got := owner.do("PATCH", "/people/4711", `{"person":{"role":"editor"}}`); got.status != http.StatusNotFound {
		t.Errorf("somebody else: %d", got.status)
	}
	if got := owner.do("DELETE", fmt.Sprintf("/people/%d", list[0].PersonID), ""); got.status != http.StatusConflict {
		t.Errorf("the last owner leaves: %d %s", got.status, got.body)
	}
	if list = people(viewer); list[1].Role != "editor" {
		t.Errorf("the people are %+v", list)
	}
	viewer.must("DELETE", path, "") // leaves
	if list = people(owner); len(list) != 1 {
		t.Errorf("the people are %+v", list)
	}
	if got := viewer.do("GET", "/jobs", ""); got.status != http.StatusForbidden {
		t.Errorf("somebody who has left sees the jobs: %d", got.status)
	}
}

func TestInvitationsOverTheAPI(t *testing.T) {
	c := newClient(t)
	owner := c.signIn("owner@example.com", cron.RoleOwner)
	var made struct {
		InvitationID int64   `json:"invitationId"`
		Mailed       bool    `json:"mailed"`
		Path         *string `json:"path"`
	}
	decode(t, owner.must("POST", "/invitations", `{"invitation":{"email":"Jane@Example.com","role":"editor"}}`), &made)
	if made.Mailed || made.Path == nil || !strings.HasPrefix(*made.Path, service.InvitationPath) {
		t.Fatalf("the invitation is %+v", made)
	}
	var answer struct {
		Invitations []struct {
			InvitationID           int64
			Email, Role, InvitedBy string
			Created, Expires       int64
		}
		Next *string
	}
	list := owner.must("GET", "/invitations", "")
	decode(t, list, &answer)
	if in := answer.Invitations; len(in) != 1 || in[0].InvitationID != made.InvitationID || in[0].Email != "jane@example.com" || in[0].Role != "editor" ||
		in[0].InvitedBy != "owner@example.com" || in[0].Expires-in[0].Created != 7*24*3600 {
		t.Errorf("the invitations are %s", list)
	}
	if strings.Contains(list, strings.TrimPrefix(*made.Path, service.InvitationPath)) {
		t.Error("the list shows the link")
	}
	for body, status := range map[string]int{
		`{"invitation":{"email":"jane","role":"editor"}}`:                400,
		`{"invitation":{"role":"editor"}}`:                               400,
		`{"invitation":{"email":"a@example.com","role":"operator"}}`:     400,
		`{"invitation":{"email":"owner@example.com","role":"viewer"}}`:   409,
		`{"invitation":{"email":"a@example.com\r\nBcc: b@example.com"}}`: 400,
	} {
		if got := owner.do("POST", "/invitations", body); got.status != status {
			t.Errorf("%s is answered with %d %s", body, got.status, got.body)
		}
	}
	path := fmt.Sprintf("/invitations/%d", made.InvitationID)
	owner.must("DELETE", path, "")
	if got := owner.do("DELETE", path, ""); got.status != http.StatusNotFound {
		t.Errorf("it is withdrawn twice: %d", got.status)
	}
}

func TestSessionsOverTheAPI(t *testing.T) {
	c := newClient(t)
	owner := c.signIn("owner@example.com", cron.RoleOwner)
	stranger := &client{t: t, server: c.server}
	for _, body := range []string{`{"session":{"email":"owner@example.com","password":"wrong"}}`,
		`{"session":{"email":"nobody@example.com","password":"` + password + `"}}`} {
		got := stranger.do("POST", "/sessions", body)
		if got.status != http.StatusUnauthorized || strings.Contains(got.body, "token") {
			t.Errorf("%s is answered with %d %s", body, got.status, got.body)
		}
	}
	for _, body := range []string{`{}`, `{"session":{}}`, `{"session":{"email":1,"password":[]}}`, ``} {
		if got := stranger.do("POST", "/sessions", body); got.status != http.StatusBadRequest {
			t.Errorf("%q is answered with %d %s", body, got.status, got.body)
		}
	}
	var answer struct {
		Sessions []struct {
			SessionID                            int64
			Way, Address, UserAgent              string
			Console, Current                     bool
			Created, SignedIn, LastSeen, Expires int64
		}
		Next *string
	}
	decode(t, owner.must("GET", "/sessions", ""), &answer)
	if s := answer.Sessions; len(s) != 1 || !s[0].Current || s[0].Console || s[0].Way != "password" {
		t.Fatalf("the sessions are %+v", s)
	}
	path := fmt.Sprintf("/sessions/%d", answer.Sessions[0].SessionID)
	other := c.signIn("other@example.com", cron.RoleOwner)
	if got := other.do("DELETE", path, ""); got.status != http.StatusNotFound {
		t.Errorf("somebody else ends it: %d", got.status)
	}
	owner.must("DELETE", path, "")
	if got := owner.do("GET", "/me", ""); got.status != http.StatusUnauthorized {
		t.Errorf("it works after its end: %d", got.status)
	}
	if got := c.do("GET", "/sessions", ""); got.status != http.StatusForbidden {
		t.Errorf("a key sees sessions: %d", got.status)
	}
}

func TestAuditOverTheAPI(t *testing.T) {
	c := newClient(t)
	job := c.create(`{"url":"http://a.example/","title":"a"}`)
	c.must("PATCH", job, `{"job":{"title":"b","extendedData":{"headers":{"X":"hidden-value"}}}}`)
	for i := range 5 {
		c.createFolder(fmt.Sprint(i))
	}
	type entry struct {
		AuditID                       int64
		At                            int64
		AccountID                     *int64
		Actor                         string
		PersonID, APIKeyID, SessionID *int64
		Way                           string
		Address                       *string
		Action, Object                string
		ObjectID                      *int64
		Title                         string
		Changes                       []string
	}
	read := func(c *client, query string) (list []entry, next *string) {
		t.Helper()
		var answer struct {
			Audit []entry
			Next  *string
		}
		text := c.must("GET", "/audit"+query, "")
		if strings.Contains(text, "hidden-value") {
			t.Errorf("the audit log shows a value: %s", text)
		}
		decode(t, text, &answer)
		return answer.Audit, answer.Next
	}
	list, next := read(c, "?action=job.")
	if len(list) != 2 || next != nil || list[0].Action != "job.change" || list[1].Action != "job.create" || list[0].APIKeyID == nil ||
		list[0].Way != "api" || fmt.Sprint(list[0].Changes) != "[/extendedData/headers /title]" {
		t.Errorf("the entries of jobs are %+v", list)
	}
	var all []entry
	for cursor := ""; ; {
		page, next := read(c, "?limit=2"+cursor)
		all = append(all, page...)
		if next == nil {
			break
		}
		cursor = "&cursor=" + *next
	}
	whole, _ := read(c, "")
	if a, b := fmt.Sprint(all), fmt.Sprint(whole); len(all) != 7 || len(a) != len(b) {
		t.Errorf("the pages hold\n%v\nand all is\n%v", a, b)
	}
	for _, query := range []string{"?limit=0", "?limit=1001", "?cursor=x", "?from=2&to=1", "?personId=0", "?all=maybe"} {
		if got := c.do("GET", "/audit"+query, ""); got.status != http.StatusBadRequest {
			t.Errorf("%s is answered with %d", query, got.status)
		}
	}
	if got := c.do("GET", "/audit?all=true", ""); got.status != http.StatusForbidden {
		t.Errorf("an owner sees all accounts: %d", got.status)
	}
	for _, key := range []cron.APIKey{{Scopes: cron.ScopeRead | cron.ScopeWrite}, {Scopes: cron.ScopeRead}, {Role: cron.RoleEditor}} {
		if got := c.withKey(key).do("GET", "/audit", ""); got.status != http.StatusForbidden {
			t.Errorf("a key %+v sees the audit log: %d", key, got.status)
		}
	}
}

func TestAccountsOverTheAPI(t *testing.T) {
	c := newClient(t)
	operator := c.withKey(cron.APIKey{Operator: true})
	if got := c.do("GET", "/accounts", ""); got.status != http.StatusForbidden {
		t.Errorf("a key of an account lists all: %d", got.status)
	}
	var made struct {
		AccountID int64 `json:"accountId"`
	}
	decode(t, operator.must("POST", "/accounts", `{"account":{"email":"Jane@example.com","plan":"member","privateNetworks":false}}`), &made)
	path := fmt.Sprintf("/accounts/%d", made.AccountID)
	check := func(want string) {
		t.Helper()
		var answer struct {
			Account map[string]any `json:"account"`
		}
		decode(t, operator.must("GET", path, ""), &answer)
		delete(answer.Account, "created")
		got, err := json.Marshal(answer.Account)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(want, made.AccountID); string(got) != want {
			t.Errorf("the account is %s, want %s", got, want)
		}
	}
	check(`{"accountId":%d,"deletes":null,"email":"jane@example.com","enabled":true,"limits":{},"plan":"member","privateNetworks":false,"title":""}`)
	operator.must("PATCH", path, `{"account":{"enabled":false}}`)
	operator.must("PATCH", path, `{"account":{"limits":{"maxJobs":7}}}`)
	operator.must("PATCH", path, `{"account":{"privateNetworks":true}}`)
	check(`{"accountId":%d,"deletes":null,"email":"jane@example.com","enabled":false,"limits":{"maxJobs":7},"plan":"member","privateNetworks":true,"title":""}`)
	for body, status := range map[string]int{
		`{"account":{"plan":"golden"}}`: 400, `{"account":{"limits":{"jobs":1}}}`: 400, `{"account":{"limits":{"maxJobs":-1}}}`: 400,
		`{"account":{"enabled":"perhaps"}}`: 400,
	} {
		if got := operator.do("PATCH", path, body); got.status != status {
			t.Errorf("%s is answered with %d %s", body, got.status, got.body)
		}
	}
	if got := operator.do("POST", "/accounts", `{"account":{"email":"jane@EXAMPLE.com"}}`); got.status != http.StatusConflict {
		t.Errorf("an address is taken twice: %d", got.status)
	}
	operator.must("DELETE", path+"?now=true", "")
	if got := operator.do("GET", path, ""); got.status != http.StatusNotFound {
		t.Errorf("it is there after its end: %d", got.status)
	}
	if got := operator.do("DELETE", fmt.Sprintf("/accounts/%d?now=true", c.account.ID), ""); got.status != http.StatusConflict {
		t.Errorf("the operator's account is deleted: %d", got.status)
	}
	if got := operator.do("GET", "/accounts/0", ""); got.status != http.StatusNotFound {
		t.Errorf("account 0: %d", got.status)
	}
}
