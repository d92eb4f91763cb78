package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestStatusDomains adds a domain to a page, checks it and removes it.
func TestStatusDomains(t *testing.T) {
	c := newClient(t)
	c.statusPage("Status")
	const list = "/statuspages/1/domains"
	c.must("POST", list, `{"domain":{"host":" Status.Invalid. "}}`)
	read := string(c.must("GET", list, ``))
	for _, want := range []string{`"host":"status.invalid"`, `"verified":null`, `"checked":null`, `"fault":"none"`, `{"type":"TXT","name":"_punctual.status.invalid","value":"punctual-`,
		`{"type":"CNAME","name":"status.invalid","value":"cron.example.com"}`} {
		if !strings.Contains(read, want) {
			t.Errorf("there is no %s in %s", want, read)
		}
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", list, `{"domain":{"host":"status.invalid"}}`, http.StatusConflict, "has this domain already"},
		{"POST", list, `{"domain":{"host":"cron.example.com"}}`, http.StatusBadRequest, "is a host of this service itself"},
		{"POST", list, `{"domain":{"host":"*.example.com"}}`, http.StatusBadRequest, "cannot be the domain of a status page"},
		{"POST", list, `{"domain":{}}`, http.StatusBadRequest, "/domain/host"},
		{"POST", "/statuspages/2/domains", `{"domain":{"host":"a.example.com"}}`, http.StatusNotFound, "status page"},
		{"POST", list + "/2/check", ``, http.StatusNotFound, "domain of a status page"},
		{"DELETE", list + "/2", ``, http.StatusNotFound, "domain of a status page"},
	} {
		a := c.do(tt.method, tt.path, tt.body)
		if a.status != tt.status || !strings.Contains(string(a.body), tt.says) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, a.status, a.body)
		}
	}
	c.must("DELETE", list+"/1", ``)
	if read := string(c.must("GET", list, ``)); !strings.Contains(read, `"domains":[]`) {
		t.Errorf("left is %s", read)
	}
}
