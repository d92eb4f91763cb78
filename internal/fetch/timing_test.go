package fetch

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestTimings compares the stats with those of curl, on servers that take their time at known places.
func TestTimings(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is not installed")
		}
		t.Skip("curl is not installed: the stats are not compared with its times")
	}
	const (
		pause = 100 * time.Millisecond // of the server, at each place
		slack = 5 * time.Second        // of a busy machine
	)
	trusted := newAuthority("trusted")
	roots := filepath.Join(t.TempDir(), "roots.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.certificate.Raw})
	if err := os.WriteFile(roots, block, 0o600); err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{trusted.issue(leaf{ips: loopback})}}
	slow := func(conn net.Conn) {
		readRequest(conn)
		time.Sleep(pause)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo")
		time.Sleep(pause)
		io.WriteString(conn, "dy")
	}
	for scheme, handle := range map[string]func(net.Conn){
		"http": slow,
		"https": func(conn net.Conn) {
			time.Sleep(pause)
			overTLS(config, func(conn *tls.Conn) { slow(conn); conn.Close() })(conn)
		},
	} {
		t.Run(scheme, func(t *testing.T) {
			url := scheme + "://" + serve(t, "127.0.0.1:0", handle).String() + "/"
			const format = "%{time_namelookup} %{time_connect} %{time_appconnect} " +
				"%{time_pretransfer} %{time_starttransfer} %{time_total}"
			out, err := exec.Command(curl, "-q", "--silent", "--noproxy", "*", "--cacert", roots,
				"--output", os.DevNull, "-w", format, url).Output()
			if err != nil {
				t.Fatal(err)
			}
			var theirs []time.Duration
			for text := range strings.FieldsSeq(string(out)) {
				seconds, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				theirs = append(theirs, time.Duration(seconds*float64(time.Second)))
			}
			r := New(Config{RootCAs: trusted.pool()}).Do(t.Context(), callTo(url))
			checkSound(t, &r)
			if r.Status != cron.StatusOK {
				t.Fatalf("%+v", r)
			}
			s := r.Stats
			ours := []time.Duration{s.NameLookup, s.Connect, s.AppConnect, s.PreTransfer, s.StartTransfer, s.Total}
			// How many of the server's pauses lie before each of them.
			pauses := []time.Duration{0, 0, 0, 0, 1, 2}
			if scheme == "https" {
				pauses = []time.Duration{0, 0, 1, 1, 2, 3}
			}
			phases := []string{"name lookup", "connect", "app connect", "pre-transfer", "start transfer", "total"}
			for i, what := range phases {
				for who, times := range map[string][]time.Duration{"ours": ours, "curl's": theirs} {
					if times[i] < pauses[i]*pause || times[i] > pauses[i]*pause+slack {
						t.Errorf("%s: %s is %v", what, who, times[i])
					}
				}
			}
			for who, times := range map[string][]time.Duration{"ours": ours, "curl's": theirs} {
				if !slices.IsSorted(append(times[:2:2], times[3:]...)) || (times[2] == 0) != (scheme == "http") {
					t.Errorf("%s: %v", who, times)
				}
			}
		})
	}
}

// TestStatsOfFailures checks that phases that were not reached are 0, as curl has them, and all that were are not.
func TestStatsOfFailures(t *testing.T) {
	hole := blackHole(t, "127.0.0.1")
	silent := serve(t, "127.0.0.1:0", untilClosed)
	interim := serveHTTP(t, func(conn net.Conn) {
		readRequest(conn)
		io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		untilClosed(conn)
	})
	moved := serveHTTP(t, answering("HTTP/1.1 302 Found\r\nLocation: http://unknown.test/\r\n\r\n"))
	const lookup, connect, preTransfer, startTransfer = 1, 2, 8, 16
	for name, row := range map[string]struct {
		url     string
		reached int // phases
	}{
		"invalid":   {"http://", 0},
		"lookup":    {"http://unknown.test/", 0},
		"refused":   {"http://127.0.0.1:1/", lookup},
		"connect":   {"https://" + hole.String(), lookup},
		"handshake": {"https://" + silent.String(), lookup | connect},
		"response":  {"http://" + silent.String(), lookup | connect | preTransfer},
		"head":      {interim, lookup | connect | preTransfer | startTransfer},
		"redirect":  {moved, 0}, // those of the last request
	} {
		t.Run(name, func(t *testing.T) {
			call := callTo(row.url)
			call.Timeout, call.Exchange.FollowRedirects = 300*time.Millisecond, 1
			r := New(Config{Resolver: names{}}).Do(t.Context(), call)
			checkSound(t, &r)
			s, reached := r.Stats, 0
			for i, phase := range []time.Duration{s.NameLookup, s.Connect, s.AppConnect, s.PreTransfer, s.StartTransfer} {
				if phase > 0 {
					reached |= 1 << i
				}
			}
			if r.Status == cron.StatusOK || reached != row.reached {
				t.Errorf("%+v", r)
			}
			if r.Status == cron.StatusTimeout && r.Duration < call.Timeout {
				t.Errorf("the timeout of %v came after %v", call.Timeout, r.Duration)
			}
		})
	}
}

// TestAgainstNetHTTP has the standard library's own server on the other side.
func TestAgainstNetHTTP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, "%s %s %d %v", r.Method, r.URL, len(body), r.Close)
		if r.URL.Path == "/chunks" {
			w.(http.Flusher).Flush()
		}
	})}
	go server.Serve(listener)
	defer server.Close()
	for method := range cron.MethodPatch + 1 {
		for _, path := range []string{"/", "/chunks"} {
			call := callTo("http://" + listener.Addr().String() + path)
			call.Request.Method, call.Request.Body = method, "body"
			r := New(Config{}).Do(t.Context(), call)
			checkSound(t, &r)
			want := fmt.Sprintf("%s %s %d true", method, path, map[bool]int{true: 4, false: 0}[method.SendsBody()])
			switch method {
			case cron.MethodHead:
				want = ""
			case cron.MethodConnect:
				want = fmt.Sprintf("CONNECT //%s 0 true", listener.Addr())
			}
			if r.Status != cron.StatusOK || string(r.Body) != want {
				t.Errorf("%+v with body %q, want %q", r, r.Body, want)
			}
		}
	}
}
