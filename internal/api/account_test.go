package api_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// apiKey is an API key as a list has it.
type apiKey struct {
	APIKeyID  int64    `json:"apiKeyId"`
	Title     string   `json:"title"`
	Hint      string   `json:"hint"`
	Enabled   bool     `json:"enabled"`
	Current   bool     `json:"current"`
	Scopes    []string `json:"scopes"`
	AllowFrom []string `json:"allowFrom"`
	Created   int64    `json:"created"`
	LastUsed  *int64   `json:"lastUsed"`
	Expires   *int64   `json:"expires"`
	MadeBy    *int64   `json:"madeBy"`
	Role      string   `json:"role"`
	Operator  bool     `json:"operator"`
}

// accountDetails is an account as its owner sees it.
type accountDetails struct {
	AccountID int64             `json:"accountId"`
	Email     string            `json:"email"`
	Title     string            `json:"title"`
	Plan      string            `json:"plan"`
	Created   int64             `json:"created"`
	Limits    map[string]*int64 `json:"limits"`
	Used      map[string]*int64 `json:"used"`
	Left      map[string]*int64 `json:"left"`
	APIKey    apiKey            `json:"apiKey"`
}

// changeAccount changes the account of a client, as an operator does.
func (c *client) changeAccount(fields func(*cron.Account)) {
	c.t.Helper()
	err := c.server.store.UpdateAccount(c.t.Context(), c.account.ID, func(a *cron.Account) error {
		fields(a)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) keys() []apiKey {
	c.t.Helper()
	var answer struct {
		Keys []apiKey `json:"apiKeys"`
	}
	decode(c.t, c.must("GET", "/apikeys", ""), &answer)
	return answer.Keys
}

// newKey makes a key over the API and returns a client that uses it.
func (c *client) newKey(body string) (*client, int64) {
	c.t.Helper()
	var answer struct {
		APIKeyID int64  `json:"apiKeyId"`
		Key      string `json:"key"`
	}
	decode(c.t, c.must("POST", "/apikeys", `{"apiKey":`+body+`}`), &answer)
	other := *c
	other.key = answer.Key
	return &other, answer.APIKeyID
}

func TestGoldenAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // from 2000-01-01T00:00:00Z on
		s := newServer(t)
		c := s.newClient(t, "a@example.com", cron.PlanDefault)
		c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"maxJobs": 3, "maxInFlight": 0} })
		c.create(`{"url":"a.example"}`)
		time.Sleep(time.Minute)
		c.must("GET", "/jobs", "")
		golden(t, "account", 200, c.do("GET", "/me", ""))
		free := s.newClient(t, "b@example.com", cron.PlanUnlimited).withKey(cron.APIKey{
			Title: "laptop", Hint: "abcd", Scopes: cron.ScopeRead, Expires: time.Now().Add(time.Hour),
			AllowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		})
		golden(t, "account_unlimited", 200, free.do("GET", "/me", ""))
		golden(t, "apikeys", 200, free.do("GET", "/apikeys", ""))
	})
}

// TestLimitsHaveTheNamesOfConfiguration compares an answer with what plans can be configured with.
func TestLimitsHaveTheNamesOfConfiguration(t *testing.T) {
	c := newClient(t)
	var answer struct {
		Account struct {
			Limits map[string]*int64 `json:"limits"`
		} `json:"account"`
	}
	if err := json.Unmarshal([]byte(c.must("GET", "/me", "")), &answer); err != nil {
		t.Fatal(err)
	}
	for name, n := range answer.Account.Limits {
		if n == nil {
			n = new(int64)
		}
		same := cron.Overrides{name: *n}
		if err := same.Check(); err != nil {
			t.Error(err)
		}
		plans := cron.DefaultPlans()
		if plans.Of(cron.PlanUnlimited, same) != plans.Of(cron.PlanUnlimited, nil) {
			t.Errorf("%s is not %d", name, *n)
		}
	}
	all := regexp.MustCompile(`\[.*\]`).FindString(cron.Overrides{"": 1}.Check().Error())
	if n := len(strings.Fields(all)); n != len(answer.Account.Limits) {
		t.Errorf("there are %d numbers of a plan, and %d limits", n, len(answer.Account.Limits))
	}
}

func TestAPIKeys(t *testing.T) {
	c := newClient(t)
	reader, id := c.newKey(`{"title":" reader ","scopes":["read"],"allowFrom":["192.0.2.1","2001:db8::7/32"],
		"expires":2000000000}`)
	if !strings.HasPrefix(reader.key, "punctual_") {
		t.Errorf("the key is %s", reader.key)
	}
	reader.must("GET", "/jobs", "")
	if got := reader.do("PUT", "/jobs", `{"job":{"url":"a.example"}}`); got.status != 403 {
		t.Errorf("a reader may write: %d", got.status)
	}
	keys := reader.keys()
	if len(keys) != 2 || keys[0].Current || !keys[1].Current || keys[0].LastUsed == nil || keys[1].LastUsed == nil {
		t.Fatalf("the keys are %+v", keys)
	}
	expires := int64(2000000000)
	want := apiKey{id, "reader", reader.key[len(reader.key)-4:], true, true, []string{"read"},
		[]string{"192.0.2.1/32", "2001:db8::/32"}, keys[1].Created, keys[1].LastUsed, &expires, nil, "owner", false}
	if !jsonEqual(t, keys[1], want) {
		t.Errorf("the key is %+v, want %+v", keys[1], want)
	}
	if strings.Contains(c.must("GET", "/apikeys", ""), reader.key) {
		t.Error("the list has the key itself")
	}
	own := keys[0].APIKeyID
	itself := c.do("DELETE", fmt.Sprintf("/apikeys/%d", own), "")
	if got := itself; got.status != 409 || !strings.Contains(got.body, "itself") {
		t.Errorf("a key deletes itself: %d %s", got.status, got.body)
	}
	if got := reader.do("DELETE", fmt.Sprintf("/apikeys/%d", own), ""); got.status != 403 {
		t.Errorf("a reader deletes a key: %d", got.status)
	}
	c.must("DELETE", fmt.Sprintf("/apikeys/%d", id), "")
	if got := reader.do("GET", "/jobs", ""); got.status != 401 {
		t.Errorf("a deleted key: %d", got.status)
	}
	for _, path := range []string{fmt.Sprintf("/apikeys/%d", id), "/apikeys/x", "/apikeys/0"} {
		if got := c.do("DELETE", path, ""); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

// TestNewKeysHaveNoMoreRights has a row for each right that a key can have more than the one that asks for it.
func TestNewKeysHaveNoMoreRights(t *testing.T) {
	c := newClient(t)
	limited := c.withKey(cron.APIKey{
		Scopes: cron.ScopeRead | cron.ScopeWrite, Expires: time.Unix(2e9, 0),
		AllowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
	})
	for _, tt := range []struct {
		name, body string
		status     int
		at         []string
	}{
		{"the same rights", `{}`, 200, nil},
		{"null is left out", `{"title":null,"scopes":null,"expires":null,"allowFrom":null}`, 200, nil},
		{"less", `{"scopes":["read"],"expires":1999999999,"allowFrom":["192.0.2.7","2001:db8:1::/48"]}`, 200, nil},
		{"both scopes", `{"scopes":["write","read","read"]}`, 200, nil},
		{"everything", `{"scopes":["all"]}`, 403, []string{"/apiKey/scopes"}},
		{"everything and more", `{"scopes":["all","read"]}`, 403, []string{"/apiKey/scopes"}},
		{"longer", `{"expires":2000000001}`, 403, []string{"/apiKey/expires"}},
		{"without expiry", `{"expires":0}`, 403, []string{"/apiKey/expires"}},
		{"from anywhere", `{"allowFrom":[]}`, 403, []string{"/apiKey/allowFrom"}},
		{"from a wider range", `{"allowFrom":["192.0.0.0/16"]}`, 403, []string{"/apiKey/allowFrom"}},
		{"from elsewhere too", `{"allowFrom":["192.0.2.1","198.51.100.1"]}`, 403, []string{"/apiKey/allowFrom"}},
		{"all of it", `{"scopes":["all"],"expires":0,"allowFrom":[]}`, 403,
			[]string{"/apiKey/scopes", "/apiKey/expires", "/apiKey/allowFrom"}},
		{"no scope", `{"scopes":[]}`, 400, []string{"/apiKey/scopes"}},
		{"an unknown scope", `{"scopes":["read","admin",7]}`, 400, []string{"/apiKey/scopes/1", "/apiKey/scopes/2"}},
		{"no scopes at all", `{"scopes":"read"}`, 400, []string{"/apiKey/scopes"}},
		{"no addresses", `{"allowFrom":["x","192.0.2.0/33",7,"fe80::1%eth0"]}`, 400,
			[]string{"/apiKey/allowFrom/0", "/apiKey/allowFrom/1", "/apiKey/allowFrom/2", "/apiKey/allowFrom/3"}},
		{"too many addresses", `{"allowFrom":["192.0.2.1"` + strings.Repeat(`,"192.0.2.1"`, 100) + `]}`, 400,
			[]string{"/apiKey/allowFrom"}},
		{"expired", `{"expires":1}`, 400, []string{"/apiKey/expires"}},
		{"no time", `{"expires":"soon"}`, 400, []string{"/apiKey/expires"}},
		{"a long title", `{"title":"` + strings.Repeat("x", 129) + `"}`, 400, []string{"/apiKey/title"}},
		{"NUL", `{"title":"a\u0000"}`, 400, []string{"/apiKey/title"}},
		{"no object", `[]`, 400, []string{"/apiKey"}},
	} {
		before := len(c.keys())
		got := limited.do("POST", "/apikeys", `{"apiKey":`+tt.body+`}`)
		if got.status != tt.status || tt.status != 200 && !slices.Equal(pointers(t, got), tt.at) {
			t.Errorf("%s: %d %s", tt.name, got.status, got.body)
		}
		if made := len(c.keys()) - before; (made == 1) != (tt.status == 200) {
			t.Errorf("%s: %d keys were made", tt.name, made)
		}
		if tt.status == 200 {
			last := c.keys()[before]
			if slices.Contains(last.Scopes, "all") || last.Expires == nil || len(last.AllowFrom) == 0 {
				t.Errorf("%s: the key is %+v", tt.name, last)
			}
		}
	}
	if got := limited.do("POST", "/apikeys", ""); got.status != 400 {
		t.Errorf("without a body: %d", got.status)
	}
}

func TestKeysAreLimitedByThePlan(t *testing.T) {
	c := newServer(t).newClient(t, "a@example.com", cron.PlanMember)
	c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"maxKeys": 2} })
	c.newKey(`{}`)
	if got := c.do("POST", "/apikeys", `{"apiKey":{}}`); got.status != 429 || !strings.Contains(got.body, "API key") {
		t.Errorf("a key too many: %d %s", got.status, got.body)
	}
}

// TestTheUseOfAKeyIsNoted to the hour, so that few calls cost a write.
func TestTheUseOfAKeyIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		start := time.Now().Unix()
		for _, step := range []struct{ after, want time.Duration }{
			{0, 0}, {59 * time.Minute, 0}, {time.Hour, time.Hour}, {90 * time.Minute, time.Hour}, {3 * time.Hour, 3 * time.Hour},
		} {
			time.Sleep(time.Until(time.Unix(start, 0).Add(step.after)))
			c.must("GET", "/jobs", "")
			if got := *c.keys()[0].LastUsed - start; got != int64(step.want/time.Second) {
				t.Errorf("after %v it was last used %d s after the start, want %v", step.after, got, step.want)
			}
		}
	})
}
