package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"punctual/test/harness"
)

// jobProblem is a problem as the API shows it.
type jobProblem struct {
	State    string `json:"state"`
	Sentence string `json:"sentence"`
	Host     string `json:"host"`
	Jobs     int    `json:"jobs"`
	Reopened int    `json:"reopened"`
}

// TestOneProblemForAHost has 30 jobs for each of several hosts that are in trouble. The jobs of a host have other paths, methods and
// criteria, and one problem.
func TestOneProblemForAHost(t *testing.T) {
	t.Parallel()
	harness.OnEachDatabase(t, func(t *testing.T, s *harness.Service) {
		const jobs = 30
		api := s.Client(s.Start())
		target, slow, mixed := harness.NewTarget(t), harness.NewTarget(t), harness.NewTarget(t)
		expired := expiredTarget(t)
		closed, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		refuses := "http://" + closed.Addr().String()
		_ = closed.Close()
		hosts := map[string]func(i int) string{ // URLs
			"refused": func(i int) string { return fmt.Sprintf("%s/%d", refuses, i) },
			"503":     func(i int) string { return fmt.Sprintf("%s/%d/status/503?i=%[2]d", target.URL, i) },
			"timeout": func(i int) string { return fmt.Sprintf("%s/hang/%d", slow.URL, i) },
			"expired": func(i int) string { return fmt.Sprintf("%s/%d", expired, i) },
			"no name": func(i int) string {
				return fmt.Sprintf("%s://no-such-host.invalid/%d", []string{"http", "https"}[i%2], i)
			},
			"anything": func(i int) string {
				return mixed.URL + []string{"/hang/", "/drop/", "/status/502/", "/status/504/"}[i%4] + fmt.Sprint(i)
			},
		}
		for _, url := range hosts {
			for i := range jobs {
				fields := harness.Fields{"url": url(i), "enabled": true, "schedule": harness.EverySecond(), "requestTimeout": 1,
					"requestMethod": []int{0, 1, 3, 4, 5, 8}[i%6]}
				if i%3 == 1 {
					fields["success"] = harness.Fields{"status": []string{"200-299"}, "contains": "done"}
				}
				api.CreateJob(fields)
			}
		}
		problems := func() (list []jobProblem) {
			answer, err := api.Try(http.MethodGet, "/problems", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			var body struct{ Problems []jobProblem }
			if err := json.Unmarshal(answer.Body, &body); err != nil {
				t.Fatalf("%v in %s", err, answer.Body)
			}
			return body.Problems
		}
		// A busy machine may miss an execution or time out in a handshake; such problems end by themselves.
		open := func() (list []jobProblem) {
			return slices.DeleteFunc(problems(), func(p jobProblem) bool { return p.State != "open" || p.Host == "" })
		}
		await(t, "each host has one problem, with all its jobs", func() bool {
			list := open()
			return len(list) == len(hosts) && !slices.ContainsFunc(list, func(p jobProblem) bool { return p.Jobs != jobs })
		})
		seen := map[string]bool{}
		for _, p := range open() {
			if seen[p.Host] {
				t.Errorf("a second problem of its host: %+v", p)
			}
			seen[p.Host] = true
		}
	})
}

// expiredTarget is the URL of a server with a certificate that has expired.
func expiredTarget(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	expired := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(1.1e9, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, expired, expired, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}
