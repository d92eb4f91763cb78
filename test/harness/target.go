package harness

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Target is a server for jobs to call. It records what it receives. The path determines the response; these parts can
// be combined, and all others are ignored:
//
//	/delay/300ms  after a while
//	/gate         once the test has called Open
//	/hang         never; the connection stays open
//	/drop         never; the connection is closed
//	/status/500   with that status; 200 otherwise
//	/redirect/302 with that status, to the part of the path that comes after it
//	/body/100     with so many bytes of body
//	/every/3      with status 500, but for every third request to the path
type Target struct {
	URL     string // without a trailing slash
	server  *http.Server
	gate    chan struct{}
	closing chan struct{}
	running sync.WaitGroup

	mu       sync.Mutex
	received []Request
	counts   map[string]int // number of requests by path
}

// Request is a request that a Target received.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Query  string
	Header http.Header
	Body   string
}

// NewTarget starts a target on the loopback interface. It ends with the test.
func NewTarget(t testing.TB) *Target {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := &Target{
		URL: "http://" + listener.Addr().String(), gate: make(chan struct{}), closing: make(chan struct{}),
		counts: make(map[string]int),
	}
	target.server = &http.Server{Handler: target}
	target.running.Go(func() { _ = target.server.Serve(listener) })
	t.Cleanup(func() {
		close(target.closing)
		_ = target.server.Close()
		target.running.Wait()
	})
	return target
}

// Open releases the requests that wait at the gate, now and later. It must be called at most once.
func (x *Target) Open() { close(x.gate) }

// ServeHTTP answers a job.
func (x *Target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	var body []byte
	if r.ContentLength != 0 {
		body, _ = io.ReadAll(r.Body) // what has arrived is what there is
	}
	request := Request{At: at, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header, Body: string(body)}
	x.mu.Lock()
	x.received = append(x.received, request)
	x.counts[request.Path]++
	count := x.counts[request.Path]
	x.mu.Unlock()
	x.answer(w, r, count)
}

// answer does what the path says; count is how many requests to it there have been.
func (x *Target) answer(w http.ResponseWriter, r *http.Request, count int) {
	status, body := http.StatusOK, "request "+strconv.Itoa(count)+"\n"
	parts := strings.Split(r.URL.Path, "/")
	for i, part := range parts {
		value := ""
		if i+1 < len(parts) {
			value = parts[i+1]
		}
		switch part {
		case "delay":
			d, _ := time.ParseDuration(value)
			wait(x, r, time.After(d))
		case "gate":
			wait(x, r, x.gate)
		case "hang":
			wait[any](x, r, nil)
		case "drop":
			panic(http.ErrAbortHandler)
		case "status":
			status, _ = strconv.Atoi(value)
		case "redirect":
			status, _ = strconv.Atoi(value)
			w.Header()["Location"] = []string{"/" + strings.Join(parts[min(i+2, len(parts)):], "/")}
			w.WriteHeader(status)
			return
		case "body":
			n, _ := strconv.Atoi(value)
			body = strings.Repeat("x", n)
		case "every":
			if n, _ := strconv.Atoi(value); n > 0 && count%n != 0 {
				status = http.StatusInternalServerError
			}
		}
	}
	h := w.Header()
	h["X-Count"] = []string{strconv.Itoa(count)}
	h["Content-Type"] = []string{"text/plain"}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// wait waits for a moment. It ends the request when the client or the target is gone before.
func wait[T any](x *Target, r *http.Request, moment <-chan T) {
	select {
	case <-moment:
		return
	case <-r.Context().Done():
	case <-x.closing:
	}
	panic(http.ErrAbortHandler)
}

// Requests are all requests so far, in the order in which they came.
func (x *Target) Requests() []Request {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.received)
}

// Received is how many requests there have been so far.
func (x *Target) Received() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.received)
}

// Counts counts the requests so far by their whole URL.
func (x *Target) Counts() map[string]int { return x.CountsBetween(time.Time{}, time.Now()) }

// CountsBetween counts the requests that came in a time by their whole URL.
func (x *Target) CountsBetween(from, to time.Time) map[string]int {
	x.mu.Lock()
	defer x.mu.Unlock()
	counts := make(map[string]int, len(x.received))
	for _, r := range x.received {
		if r.At.Before(from) || r.At.After(to) {
			continue
		}
		url := x.URL + r.Path
		if r.Query != "" {
			url += "?" + r.Query
		}
		counts[url]++
	}
	return counts
}

// To are the requests so far to a path, in the order in which they came.
func (x *Target) To(path string) []Request {
	return slices.DeleteFunc(x.Requests(), func(r Request) bool { return r.Path != path })
}
