package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// TestSecrets makes, replaces and deletes secrets, whose values no page shows.
func TestSecrets(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	b.get("/console/settings/secrets").says(200, "There are no secrets yet", "%secret:NAME%")
	b.post("/console/settings/secrets", "name", "9 lives", "value", "never-shown").says(422, "9 lives").hides("never-shown")
	b.post("/console/settings/secrets", "name", "TOKEN", "value", "").says(422, "must be given", `value="TOKEN"`)
	b.post("/console/settings/secrets", "name", "TOKEN", "value", "never-shown\r\n").leads("/console/settings/secrets?done=secret-made")
	b.post("/console/settings/secrets", "name", "TOKEN", "value", "never-shown").says(409)
	b.get("/console/settings/secrets").says(200, "TOKEN").hides("never-shown")
	b.get("/console/settings/secrets/1").says(200, "%secret:TOKEN%").hides("never-shown")
	b.post("/console/settings/secrets/1", "value", "never\nshown").says(422, "control character").hides("shown</textarea>")
	b.post("/console/settings/secrets/1", "value", "second-value").leads("/console/settings/secrets?done=secret-set")

	job := cron.NewJob()
	job.AccountID, job.Request.URL = c.account(t).ID, "https://a.example/?t=%secret:TOKEN%"
	if err := c.service.AddJob(t.Context(), cron.OperatorOf(c.account(t)), &job); err != nil {
		t.Fatal(err)
	}
	b.get("/console/settings/secrets/1").says(200, "/console/jobs/1", "Jobs use it")
	b.post("/console/settings/secrets/1/delete").says(409, "use")
	material, err := c.store.Material(t.Context(), c.account(t).ID, []string{"TOKEN"})
	if err != nil || material.Secrets["TOKEN"] != "second-value" {
		t.Errorf("the secret is %q: %v", material.Secrets["TOKEN"], err)
	}

	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/settings/secrets").says(200, "TOKEN").hides(`name="value"`)
	viewer.get("/console/settings/secrets/1").says(200).hides(`name="value"`)
	viewer.post("/console/settings/secrets", "name", "X", "value", "x").says(403)
	viewer.post("/console/settings/secrets/1", "value", "x").says(403)
	viewer.post("/console/settings/secrets/1/delete").says(403)

	other := cron.Secret{AccountID: storetest.NewAccount(t, c.store, "other@example.com", cron.PlanUnlimited).ID, Name: "THEIRS", Value: "x"}
	if err := c.store.CreateSecret(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	b.get("/console/settings/secrets/2").says(404)
	b.post("/console/settings/secrets/2", "value", "x").says(404)
	b.post("/console/settings/secrets/2/delete").says(404)
	b.post("/console/settings/secrets", "name", "UNUSED", "value", "x")
	b.post("/console/settings/secrets/3/delete").leads("/console/settings/secrets?done=removed")
}

// certificate makes a certificate with its key, both in PEM.
func certificate(t *testing.T, name string, ends time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// TestTLS adds, replaces and removes TLS material. The private key is never shown.
func TestTLS(t *testing.T) {
	c := newConsole(t)
	b := c.setUp(t)
	now := time.Now()
	root, _ := certificate(t, hostile, now.AddDate(0, 0, 7))
	cert, key := certificate(t, "client", now.AddDate(1, 0, 0))
	old, _ := certificate(t, "expired one", now.AddDate(0, 0, -1))
	secret := strings.Split(key, "\n")[1]
	b.get("/console/settings/tls").says(200, "None were added", "There is none")
	b.post("/console/settings/tls/authorities", "caBundle", "nonsense").says(422, "nonsense")
	b.post("/console/settings/tls/authorities", "caBundle", " ").says(422)
	b.post("/console/settings/tls/authorities", "caBundle", strings.ReplaceAll(root+old, "\n", "\r\n")).leads("/console/settings/tls?done=saved")
	b.get("/console/settings/tls").says(200, "&lt;script", "Expires soon", "Expired", "expired one").hides("<script>alert")
	b.post("/console/settings/tls/client", "certificate", cert, "privateKey", "").says(422)
	b.post("/console/settings/tls/client", "certificate", root, "privateKey", key).says(422).hides(secret)
	b.post("/console/settings/tls/client", "certificate", cert, "privateKey", key).leads("/console/settings/tls?done=saved")
	b.get("/console/settings/tls").says(200, "CN=client", "Valid", "Expires soon").hides(secret)
	many := strings.Repeat(root, 256<<10/len(root))
	b.post("/console/settings/tls/authorities", "caBundle", many).leads("/console/settings/tls?done=saved")
	if page := b.get("/console/settings/tls").says(200, "more", "CN=client"); len(page.body) > 120<<10 {
		t.Errorf("the page has %d bytes", len(page.body))
	}
	b.post("/console/settings/tls/authorities", "caBundle", many+root+root).says(422)

	viewer := c.join(t, b, "bob@example.com", "viewer")
	viewer.get("/console/settings/tls").says(200, "CN=client").hides("<textarea")
	for _, form := range []string{"authorities", "authorities/remove", "client", "client/remove"} {
		viewer.post("/console/settings/tls/"+form, "caBundle", root, "certificate", cert, "privateKey", key).says(403)
	}
	b.post("/console/settings/tls/authorities/remove").leads("/console/settings/tls?done=removed")
	b.get("/console/settings/tls").says(200, "None were added", "CN=client")
	b.post("/console/settings/tls/client/remove").leads("/console/settings/tls?done=removed")
	b.get("/console/settings/tls").says(200, "There is none")
}
