package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// TestReadingSecrets has a row for each thing that clients send as a secret. A row with pointers is refused; no answer has
// the value.
func TestReadingSecrets(t *testing.T) {
	c := newClient(t)
	long := strings.Repeat("v", cron.MaxSecretLength)
	for i, tt := range []struct {
		name, value string   // as JSON
		bad         []string // pointers
	}{
		{`"A"`, `"kept-value"`, nil},
		{`"_"`, `"a kept\tvalue "`, nil},
		{`" spaced "`, `"kept-value"`, nil},
		{`"a.B-9_"`, `"kept-üñ-value"`, nil},
		{`"` + strings.Repeat("n", cron.MaxSecretName) + `"`, `"` + long + `"`, nil},
		{`"` + strings.Repeat("n", cron.MaxSecretName+1) + `"`, `"kept-value"`, []string{"/secret/name"}},
		{`"C"`, `"` + long + `v"`, []string{"/secret/value"}},
		{`""`, `"kept-value"`, []string{"/secret/name"}},
		{`null`, `"kept-value"`, []string{"/secret/name"}},
		{`"9a"`, `"kept-value"`, []string{"/secret/name"}},
		{`"-a"`, `"kept-value"`, []string{"/secret/name"}},
		{`"a b"`, `"kept-value"`, []string{"/secret/name"}},
		{`"a,b"`, `"kept-value"`, []string{"/secret/name"}},
		{`"a%b"`, `"kept-value"`, []string{"/secret/name"}},
		{`"a:b"`, `"kept-value"`, []string{"/secret/name"}},
		{`"a\u0000"`, `"kept-value"`, []string{"/secret/name"}},
		{`"ä"`, `"kept-value"`, []string{"/secret/name"}},
		{`"a\nb"`, `"kept-value"`, []string{"/secret/name"}},
		{`{}`, `"kept-value"`, []string{"/secret/name"}},
		{`"D"`, `""`, []string{"/secret/value"}},
		{`"D"`, `null`, []string{"/secret/value"}},
		{`"D"`, `["kept-value"]`, []string{"/secret/value"}},
		{`"D"`, `"kept-value\u0000"`, []string{"/secret/value"}},
		{`"D"`, `"kept-value\r\nX: y"`, []string{"/secret/value"}},
		{`"D"`, `"kept-value\n"`, []string{"/secret/value"}},
		{`"D"`, `"kept-value\u007f"`, []string{"/secret/value"}},
		{`"D"`, "\"kept-value\xff\"", []string{"/secret/value"}},
		{`"D"`, `"kept-value\ud800"`, []string{"/secret/value"}},
		{`"9"`, `""`, []string{"/secret/name", "/secret/value"}},
	} {
		got := c.do("POST", "/secrets", `{"secret":{"name":`+tt.name+`,"value":`+tt.value+`}}`)
		if strings.Contains(got.body, "kept-") {
			t.Errorf("row %d: the answer has the value: %s", i, got.body)
		}
		if tt.bad == nil {
			if got.status != 200 {
				t.Errorf("row %d: %d %s", i, got.status, got.body)
			}
			continue
		}
		at := pointers(t, got)
		slices.Sort(at)
		if got.status != 400 || !slices.Equal(at, tt.bad) {
			t.Errorf("row %d: %d, problems at %q, want %q: %s", i, got.status, at, tt.bad, got.body)
		}
	}
	list := c.must("GET", "/secrets", "")
	if n := strings.Count(list, `"secretId"`); n != 5 {
		t.Errorf("%d secrets are listed: %s", n, list)
	}
	if strings.Contains(list, "kept") || strings.Contains(list, long[:100]) {
		t.Errorf("the list has a value: %s", list)
	}
}

// TestSecretsAreWriteOnly creates, changes, lists and deletes secrets, and looks for their values in every answer, the export
// and the audit log.
func TestSecretsAreWriteOnly(t *testing.T) {
	c := newClient(t)
	const first, second = "value-1f2e3d4c", "value-5b6a7988"
	var seen strings.Builder
	call := func(method, target, body string, status int, headers ...string) response {
		t.Helper()
		got := c.do(method, target, body, append(headers, "Content-Type: application/json")...)
		if got.status != status {
			t.Errorf("%s %s: %d %s, want %d", method, target, got.status, got.body, status)
		}
		fmt.Fprintln(&seen, got.header, got.body)
		return got
	}
	create := `{"secret":{"name":"A","value":"` + first + `"}}`
	call("POST", "/secrets", create, 200, "Idempotency-Key: k")
	if got := call("POST", "/secrets", create, 200, "Idempotency-Key: k"); !strings.Contains(got.body, `"secretId":1`) {
		t.Errorf("the call is answered again with %s", got.body)
	}
	call("POST", "/secrets", create, 409)
	call("POST", "/secrets", `{"secret":{"name":"a","value":"`+second+`"}}`, 200)
	call("PATCH", "/secrets/1", `{"secret":{"value":"`+second+`"}}`, 200)
	call("PATCH", "/secrets/1", `{"secret":{}}`, 200)
	call("PATCH", "/secrets/1", `{"secret":{"value":null}}`, 200)
	if got := call("PATCH", "/secrets/1", `{"secret":{"name":"B"}}`, 200); got.header.Get("Punctual-Ignored") != "/secret/name" {
		t.Errorf("a name that is changed is ignored as %q", got.header.Get("Punctual-Ignored"))
	}
	call("PATCH", "/secrets/1", `{"secret":{"value":""}}`, 400)
	call("PATCH", "/secrets/77", `{"secret":{"value":"\n"}}`, 400)
	call("PATCH", "/secrets/77", `{"secret":{"value":"`+first+`"}}`, 404)
	call("DELETE", "/secrets/77", ``, 404)
	call("GET", "/secrets/1", ``, 404)
	page := call("GET", "/secrets?limit=1", ``, 200)
	if part(t, []byte(page.body), "next") != `"1"` {
		t.Errorf("the first page is %s", page.body)
	}
	page = call("GET", "/secrets?limit=1&cursor=1", ``, 200)
	if part(t, []byte(page.body), "next") != `null` || !strings.Contains(page.body, `"name":"a"`) {
		t.Errorf("the second page is %s", page.body)
	}
	call("GET", "/secrets?limit=0", ``, 400)
	call("DELETE", "/secrets/2", ``, 200)
	if got := call("GET", "/export", ``, 200); !strings.Contains(got.body, `"secrets":[`) || !strings.Contains(got.body, `"name":"A"`) {
		t.Errorf("the export is %s", got.body)
	}
	audit := call("GET", "/audit?action=secret.", ``, 200)
	for action, count := range map[string]int{"secret.create": 2, "secret.change": 1, "secret.delete": 1} {
		if n := strings.Count(audit.body, `"`+action+`"`); n != count {
			t.Errorf("%d entries %s, want %d: %s", n, action, count, audit.body)
		}
	}
	for _, value := range []string{first, second} {
		if strings.Contains(seen.String(), value) {
			t.Errorf("%s is in an answer", value)
		}
	}
}

// TestSecretsOfAPlan has a plan with room for two.
func TestSecretsOfAPlan(t *testing.T) {
	c := newClient(t)
	c.changeAccount(func(a *cron.Account) { a.Overrides = cron.Overrides{"maxSecrets": 2} })
	for i, want := range []int{200, 200, 429} {
		got := c.do("POST", "/secrets", fmt.Sprintf(`{"secret":{"name":"N%d","value":"v"}}`, i))
		if got.status != want {
			t.Errorf("secret %d: %d %s", i, got.status, got.body)
		}
	}
}
