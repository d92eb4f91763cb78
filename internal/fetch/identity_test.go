package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"punctual/internal/cron"
)

// inPEM is certificates in PEM.
func inPEM(chain ...[]byte) string {
	var text []byte
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return string(text)
}

// client is the material of a client with a certificate of the authority.
func (a *authority) client(t *testing.T) cron.TLSMaterial {
	t.Helper()
	certificate := a.issue(leaf{names: []string{"client"}})
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return cron.TLSMaterial{Certificate: inPEM(certificate.Certificate...),
		Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))}
}

// TestAccountTLS has a row for each combination of what a server is and what an account has.
func TestAccountTLS(t *testing.T) {
	system, private, stranger := newAuthority("system"), newAuthority("private"), newAuthority("stranger")
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	certificate := func(a *authority) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{a.issue(leaf{ips: loopback, expires: expires})}}
	}
	wants := func(a *authority, version uint16) *tls.Config {
		c := certificate(system)
		pool := x509.NewCertPool()
		pool.AddCert(a.certificate)
		c.ClientAuth, c.ClientCAs, c.MaxVersion = tls.RequireAndVerifyClientCert, pool, version
		return c
	}
	expired := &tls.Config{Certificates: []tls.Certificate{private.issue(leaf{ips: loopback, expires: past})}}
	otherName := &tls.Config{Certificates: []tls.Certificate{
		private.issue(leaf{names: []string{"x.test"}, expires: expires}),
	}}
	bundle := cron.TLSMaterial{Roots: inPEM(stranger.certificate.Raw, private.certificate.Raw)}
	client := private.client(t)
	if client.Validate() != nil || bundle.Validate() != nil {
		t.Fatal("the material of the test is not valid")
	}
	rows := []struct {
		name       string
		server     *tls.Config
		material   cron.TLSMaterial
		unverified bool
		status     cron.Status
		fault      cron.Fault
		expiry     time.Time
	}{
		{"the host's authority", certificate(system), cron.TLSMaterial{}, false, cron.StatusOK, 0, expires},
		{"a private one", certificate(private), cron.TLSMaterial{}, false, cron.StatusOther, cron.FaultCertificateUnknown,
			expires},
		{"a private one, bundled", certificate(private), bundle, false, cron.StatusOK, 0, expires},
		{"the host's beside a bundle", certificate(system), bundle, false, cron.StatusOK, 0, expires},
		{"one outside of the bundle", certificate(newAuthority("else")), bundle, false, cron.StatusOther,
			cron.FaultCertificateUnknown, expires},
		{"expired, bundled", expired, bundle, false, cron.StatusOther, cron.FaultCertificateExpired, past},
		{"wrong name, bundled", otherName, bundle, false, cron.StatusOther, cron.FaultCertificateHost, expires},
		{"unverified", certificate(private), cron.TLSMaterial{}, true, cron.StatusOK, 0, expires},
		{"expired, unverified", expired, cron.TLSMaterial{}, true, cron.StatusOK, 0, past},
		{"wrong name, unverified", otherName, cron.TLSMaterial{}, true, cron.StatusOK, 0, expires},
		{"client wanted, TLS 1.2", wants(private, tls.VersionTLS12), client, false, cron.StatusOK, 0, expires},
		{"client wanted, TLS 1.3", wants(private, tls.VersionTLS13), client, false, cron.StatusOK, 0, expires},
		{"client wanted, unverified", wants(private, tls.VersionTLS13), client, true, cron.StatusOK, 0, expires},
		{"another client wanted", wants(stranger, tls.VersionTLS13), client, false, cron.StatusOther, cron.FaultTLS, expires},
		{"client wanted, none there", wants(private, tls.VersionTLS13), bundle, false, cron.StatusOther, cron.FaultTLS,
			expires},
		{"no client wanted", certificate(system), client, false, cron.StatusOK, 0, expires},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, "127.0.0.1:0", overTLS(row.server, answeringTLS(okAnswer)))
			c := New(Config{RootCAs: system.pool()})
			for range 2 { // the second one may come with a session
				call := callTo("https://" + addr.String())
				call.Exchange.Unverified = row.unverified
				if !row.material.Empty() {
					call.TLS = cron.NewAccountTLS(row.material)
				}
				r := c.Do(t.Context(), call)
				checkSound(t, &r)
				if r.Status != row.status || r.Fault != row.fault || !r.CertExpiry.Equal(row.expiry) {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

// TestSessionsAreOfOneKind checks that no session gets around what it was not made with.
func TestSessionsAreOfOneKind(t *testing.T) {
	system, private := newAuthority("system"), newAuthority("private")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := private.server()
			config.ClientAuth, config.MaxVersion = tls.RequestClientCert, version
			var resumed atomic.Bool
			var clients atomic.Int64
			addr := serve(t, "127.0.0.1:0", overTLS(config, func(conn *tls.Conn) {
				resumed.Store(conn.ConnectionState().DidResume)
				clients.Store(int64(len(conn.ConnectionState().PeerCertificates)))
				answeringTLS(okAnswer)(conn)
			}))
			roots := cron.TLSMaterial{Roots: inPEM(private.certificate.Raw)}
			both := private.client(t)
			both.Roots = roots.Roots
			c := New(Config{RootCAs: system.pool()})
			for i, step := range []struct {
				material   cron.TLSMaterial
				unverified bool
				status     cron.Status
				resumed    bool
				client     bool
			}{
				{cron.TLSMaterial{}, true, cron.StatusOK, false, false},
				{cron.TLSMaterial{}, true, cron.StatusOK, true, false},
				{cron.TLSMaterial{}, false, cron.StatusOther, false, false},
				{roots, false, cron.StatusOK, false, false},
				{roots, false, cron.StatusOK, true, false},
				{both, false, cron.StatusOK, false, true},
				{both, false, cron.StatusOK, true, true},
				{roots, true, cron.StatusOK, false, false},
				{cron.TLSMaterial{}, false, cron.StatusOther, false, false},
			} {
				call := callTo("https://" + addr.String())
				call.Exchange.Unverified = step.unverified
				if !step.material.Empty() {
					call.TLS = cron.NewAccountTLS(step.material)
				}
				r := c.Do(t.Context(), call)
				if r.Status != step.status {
					t.Errorf("step %d: %+v", i, r)
				}
				if r.Status == cron.StatusOK && (resumed.Load() != step.resumed || (clients.Load() > 0) != step.client) {
					t.Errorf("step %d: resumed %v, %d client certificates", i, resumed.Load(), clients.Load())
				}
			}
		})
	}
}

// TestClientCertificateStaysBehind checks that a redirect to another origin is followed without it.
func TestClientCertificateStaysBehind(t *testing.T) {
	private := newAuthority("private")
	var clients atomic.Int64
	asking := private.server()
	asking.ClientAuth = tls.RequestClientCert
	elsewhere := serve(t, "127.0.0.1:0", overTLS(asking, func(conn *tls.Conn) {
		clients.Store(int64(len(conn.ConnectionState().PeerCertificates)))
		answeringTLS(okAnswer)(conn)
	}))
	first := serve(t, "127.0.0.1:0", overTLS(asking, func(conn *tls.Conn) {
		if len(conn.ConnectionState().PeerCertificates) == 0 {
			t.Error("the first server got no certificate")
		}
		answeringTLS(fmt.Sprintf("HTTP/1.1 307 On\r\nLocation: https://%s/\r\n\r\n", elsewhere))(conn)
	}))
	client := New(Config{RootCAs: private.pool()})
	call := callTo("https://" + first.String())
	call.Exchange.FollowRedirects, call.TLS = 1, cron.NewAccountTLS(private.client(t))
	for range 2 {
		if r := client.Do(t.Context(), call); r.Status != cron.StatusOK || clients.Load() != 0 {
			t.Errorf("%+v, and %d certificates", r, clients.Load())
		}
	}
	direct := callTo("https://" + elsewhere.String())
	direct.TLS = call.TLS
	if r := client.Do(t.Context(), direct); r.Status != cron.StatusOK || clients.Load() == 0 {
		t.Errorf("%+v, and %d certificates", r, clients.Load())
	}
}

// TestExpiryOverRedirects checks that the certificate that expires first counts.
func TestExpiryOverRedirects(t *testing.T) {
	trusted := newAuthority("trusted")
	soon, late := time.Now().Add(time.Hour).Truncate(time.Second), time.Now().Add(2*time.Hour).Truncate(time.Second)
	with := func(expires time.Time) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{trusted.issue(leaf{ips: loopback, expires: expires})}}
	}
	for _, order := range [][2]time.Time{{soon, late}, {late, soon}} {
		end := serve(t, "127.0.0.1:0", overTLS(with(order[1]), answeringTLS(okAnswer)))
		start := serve(t, "127.0.0.1:0", overTLS(with(order[0]),
			answeringTLS(fmt.Sprintf("HTTP/1.1 307 On\r\nLocation: https://%s/\r\n\r\n", end))))
		call := callTo("https://" + start.String())
		call.Exchange.FollowRedirects = 1
		r := New(Config{RootCAs: trusted.pool()}).Do(t.Context(), call)
		if r.Status != cron.StatusOK || !r.CertExpiry.Equal(soon) {
			t.Errorf("%+v", r)
		}
	}
}

// TestExpiryIsToldOnce makes exchanges, all but the first with a resumed session, and asks what follows from them.
func TestExpiryIsToldOnce(t *testing.T) {
	trusted := newAuthority("trusted")
	expiries := []time.Time{time.Now().Add(time.Hour), time.Now().Add(2 * time.Hour)}
	job := cron.NewJob()
	job.Enabled, job.Notification.OnCertExpiry = true, true
	client := New(Config{RootCAs: trusted.pool()})
	var state cron.JobState
	for i, expires := range expiries {
		config := &tls.Config{Certificates: []tls.Certificate{trusted.issue(leaf{ips: loopback, expires: expires})}}
		var resumed atomic.Int64
		addr := serve(t, "127.0.0.1:0", overTLS(config, func(conn *tls.Conn) {
			if conn.ConnectionState().DidResume {
				resumed.Add(1)
			}
			answeringTLS(okAnswer)(conn)
		}))
		told := 0
		for range 4 {
			completion := cron.Completion{Launch: cron.Launch{Job: &job}, Result: client.Do(t.Context(), callTo("https://"+addr.String()))}
			end := cron.Conclude(&job, state, &completion, cron.Plan{}, time.Now())
			state = end.State
			told += len(end.Notices)
			if len(end.Notices) > 0 && end.Notices[0] != cron.NoticeCertExpiry {
				t.Errorf("told of %v", end.Notices)
			}
		}
		if told != 1 || resumed.Load() != 3 {
			t.Errorf("certificate %d: told %d times, %d sessions resumed", i, told, resumed.Load())
		}
	}
}
