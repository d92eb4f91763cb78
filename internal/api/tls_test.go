package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// newPair is a certificate and its key in PEM, as JSON strings.
func newPair(t *testing.T, expires time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: expires}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		quoted, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
		return string(quoted)
	}
	return text("CERTIFICATE", der), text("PRIVATE KEY", keyDER)
}

func TestTLS(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	other := s.newClient(t, "b@example.com", cron.PlanUnlimited)
	certificate, key := newPair(t, time.Unix(2e9, 0))
	_, otherKey := newPair(t, time.Unix(2e9, 0))
	const none = `{"tls":{"caBundle":"","certificate":"","certificateExpiry":null}}`
	check := func(c *client, want string) {
		t.Helper()
		if got := strings.TrimSpace(c.must("GET", "/tls", "")); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	all := fmt.Sprintf(`{"caBundle":%s,"certificate":%s,"privateKey":%s}`, certificate, certificate, key)
	shown := fmt.Sprintf(`{"tls":{"caBundle":%s,"certificate":%s,"certificateExpiry":2000000000}}`,
		certificate, certificate)

	check(c, none)
	c.must("DELETE", "/tls", "")
	c.must("PUT", "/tls", `{"tls":`+all+`}`)
	check(c, shown)
	check(other, none)
	for _, row := range []struct {
		name, body string
		bad        []string
	}{
		{"no object", `[]`, []string{"/tls"}},
		{"no text", `{"caBundle":1,"certificate":[],"privateKey":true}`, []string{"/tls/caBundle", "/tls/certificate",
			"/tls/privateKey"}},
		{"no PEM", `{"caBundle":"hello","certificate":"hello","privateKey":"hello"}`,
			[]string{"/tls/caBundle", "/tls/certificate"}},
		{"a key for a bundle", `{"caBundle":` + key + `}`, []string{"/tls/caBundle"}},
		{"a certificate cut off", `{"caBundle":` + certificate[:200] + `"}`, []string{"/tls/caBundle"}},
		{"a certificate and half of one", `{"caBundle":` + certificate[:len(certificate)-1] + certificate[1:200] + `"}`,
			[]string{"/tls/caBundle"}},
		{"a certificate that is none", `{"caBundle":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}`,
			[]string{"/tls/caBundle"}},
		{"without its key", `{"certificate":` + certificate + `}`, []string{"/tls/privateKey"}},
		{"without its certificate", `{"privateKey":` + key + `}`, []string{"/tls/certificate"}},
		{"another key", `{"certificate":` + certificate + `,"privateKey":` + otherKey + `}`, []string{"/tls/privateKey"}},
		{"too long", fmt.Sprintf(`{"caBundle":"%s","certificate":"%s","privateKey":"%s"}`, strings.Repeat("x", 256<<10+1),
			strings.Repeat("x", 64<<10+1), strings.Repeat("x", 8<<10+1)),
			[]string{"/tls/caBundle", "/tls/certificate", "/tls/privateKey"}},
	} {
		got := c.do("PUT", "/tls", `{"tls":`+row.body+`}`)
		if got.status != 400 || !slices.Equal(pointers(t, got), row.bad) {
			t.Errorf("%s: %d %s", row.name, got.status, got.body)
		}
		if strings.Contains(got.body, "PRIVATE KEY") {
			t.Errorf("%s: the answer holds the key: %s", row.name, got.body)
		}
		check(c, shown)
	}
	c.must("PUT", "/tls", `{"tls":{"caBundle":`+certificate+`,"certificate":null}}`)
	check(c, fmt.Sprintf(`{"tls":{"caBundle":%s,"certificate":"","certificateExpiry":null}}`, certificate))
	c.must("PUT", "/tls", `{"tls":{}}`)
	check(c, none)
	c.must("PUT", "/tls", `{"tls":`+all+`}`)
	c.must("DELETE", "/tls", "")
	check(c, none)
	if got := c.do("GET", "/tls", "", "Authorization:"); got.status != 401 {
		t.Errorf("without a key: %d", got.status)
	}
}
