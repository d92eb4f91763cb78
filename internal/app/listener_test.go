package app

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"punctual/internal/cron"
)

// door is a server behind a limited listener, whose requests wait at a gate when their path says so.
type door struct {
	t       *testing.T
	l       *limitedListener
	address string
	gate    chan struct{}
	inside  chan struct{}

	parts chan struct{} // one for each part of a body

	mu     sync.Mutex
	closed []string
}

// read reads a body part by part.
func (d *door) read(body io.Reader) {
	part := make([]byte, 64)
	for {
		n, err := body.Read(part)
		if n > 0 {
			d.parts <- struct{}{}
		}
		if err != nil {
			return
		}
	}
}

func openDoor(t *testing.T, most int, exempt bool) *door {
	t.Helper()
	return openDoorWith(t, most, exempt, func(l net.Listener) net.Listener { return l })
}

// openDoorWith is openDoor with a listener around the limited one.
func openDoorWith(t *testing.T, most int, exempt bool, wrap func(net.Listener) net.Listener) *door {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, address: inner.Addr().String(), gate: make(chan struct{}), inside: make(chan struct{}, 100), parts: make(chan struct{}, 100)}
	d.l = newListener(inner, most, func(netip.Addr) bool { return exempt }, func(reason string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.closed = append(d.closed, reason)
	})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gate" {
			d.inside <- struct{}{}
			<-d.gate
		}
		if r.ContentLength > 0 {
			d.read(r.Body)
		}
		_, _ = io.WriteString(w, "answer")
	}), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	watch(server)
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(wrap(d.l)) })
	t.Cleanup(func() { _ = server.Close(); running.Wait() })
	return d
}

func (d *door) connect() net.Conn {
	d.t.Helper()
	c, err := net.Dial("tcp", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

func send(t *testing.T, c net.Conn, path string) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
}

// answered tells whether a response comes, or the connection is closed instead.
func answered(c net.Conn) bool {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	_, err = io.ReadAll(resp.Body)
	return err == nil
}

func (d *door) reasons() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.closed)
}

// TestIdleConnectionsMakeRoom opens many idle connections, one with half a head among them; those who ask for something
// are answered all the time, and no more connections are open than there may be.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	d := openDoor(t, 10, true)
	kept := d.connect()
	send(t, kept, "/")
	if !answered(kept) {
		t.Fatal("a request is not answered")
	}
	half := d.connect()
	_, _ = io.WriteString(half, "GET / HTTP/1.1\r\n")
	for range 30 {
		d.connect()
		c := d.connect()
		send(t, c, "/")
		if !answered(c) {
			t.Fatal("a request is not answered while idle connections hold all the room")
		}
		if n := d.l.Open(); n > 10 {
			t.Fatalf("%d connections are open", n)
		}
	}
	for name, c := range map[string]net.Conn{"kept alive": kept, "of half a head": half} {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("the connection %s is still open", name)
		}
	}
	if got := d.reasons(); len(got) < 50 || slices.Contains(got, closedAddress) {
		t.Errorf("connections were closed for %v", got)
	}
}

// TestRequestsUnderWayKeepTheirConnection fills all room with requests under way: none is broken off, and a new
// connection waits until one of them is answered.
func TestRequestsUnderWayKeepTheirConnection(t *testing.T) {
	d := openDoor(t, 4, true)
	var busy []net.Conn
	for range 4 {
		c := d.connect()
		send(t, c, "/gate")
		<-d.inside
		busy = append(busy, c)
	}
	late := d.connect()
	send(t, late, "/")
	close(d.gate)
	for _, c := range append(busy, late) {
		if !answered(c) {
			t.Error("a request is not answered")
		}
	}
}

// TestSlowBodiesMakeRoom has requests whose bodies do not come. Others are answered all the same, and so is one whose body
// comes on, however slowly.
func TestSlowBodiesMakeRoom(t *testing.T) {
	d := openDoor(t, 10, true)
	upload := func() net.Conn {
		c := d.connect()
		if _, err := io.WriteString(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n0123456789"); err != nil {
			t.Fatal(err)
		}
		<-d.parts
		return c
	}
	honest := upload()
	for i := range 30 { // 40 bytes with the 10 of the first part
		upload()
		c := d.connect()
		send(t, c, "/")
		if !answered(c) {
			t.Fatal("a request is not answered while others hold back their bodies")
		}
		if _, err := io.WriteString(honest, "x"); err != nil {
			t.Fatalf("a body is broken off after %d parts: %v", i, err)
		}
		<-d.parts
	}
	if !answered(honest) {
		t.Error("a body that came bit by bit is not answered")
	}
	if got := d.reasons(); len(got) < 20 {
		t.Errorf("closed to make room: %v", got)
	}
}

// TestShareOfAnAddress gives one address no more than its share, and only its own connections make room for it.
func TestShareOfAnAddress(t *testing.T) {
	d := openDoor(t, 80, false) // a share is 10
	for range 10 {
		c := d.connect()
		send(t, c, "/gate")
		<-d.inside
	}
	beyond := d.connect()
	send(t, beyond, "/")
	if answered(beyond) {
		t.Error("a connection beyond the share of an address is answered")
	}
	close(d.gate)
	if got := d.reasons(); !slices.Equal(got, []string{closedAddress}) {
		t.Errorf("connections were closed for %v", got)
	}
}

func TestOriginOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "[2001:db8::1:2:3:4]:80": "2001:db8::", "[::1]:80": "::1",
	} {
		if got := originOf(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))); got.String() != want {
			t.Errorf("%s is of %s, want %s", address, got, want)
		}
	}
}

func TestShareFiles(t *testing.T) {
	for _, tt := range []struct {
		limit, slots int
		want         fileShares
		says         string
	}{
		{300, 2000, fileShares{102, 32, 0}, ""},
		{296, 2000, fileShares{100, 32, 0}, ""},
		{295, 2000, fileShares{}, "to 296 or more"},
		{256, 50, fileShares{50, 92, 0}, ""},
		{100, 50, fileShares{}, "to 196 or more"},
		{1024, 2000, fileShares{429, 102, 0}, ""},
		{1 << 20, 2000, fileShares{2000, 4096, 0}, ""},
		{20_000, 2000, fileShares{2000, 4096, 0}, ""},
		{5000, 2000, fileShares{2000, 936, 0}, ""},
	} {
		got, err := shareFiles(tt.limit, tt.slots)
		switch {
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%d files for %d slots: %v", tt.limit, tt.slots, err)
		case tt.says == "" && (err != nil || got != tt.want):
			t.Errorf("%d files for %d slots are %+v, %v; want %+v", tt.limit, tt.slots, got, err, tt.want)
		}
		before := got.connections
		messages := got.shareMessages()
		kept := got.shareKept()
		if all := ownFiles + filesPerSlot*(got.slots+messages) + kept + got.connections; err == nil && all > tt.limit {
			t.Errorf("%d files for %d slots share out %d", tt.limit, tt.slots, all)
		}
		if err == nil && (messages < 2 || messages > cron.MaxSendingOfNode || kept < 2 || kept > maxKept || got.connections < before*3/4) {
			t.Errorf("of %d connections, %d are left with %d messages and %d kept ones", before, got.connections, messages, kept)
		}
	}
}

// TestSmuggling sends a request with both a length and chunks, and another one behind it that must not be read.
func TestSmuggling(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	server := &http.Server{Handler: closeAfterChunks(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		paths = append(paths, r.URL.Path)
	}))}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(inner) })
	c, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+
		"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
	text, _ := io.ReadAll(c)
	_ = c.Close()
	_ = server.Close()
	running.Wait()
	if strings.Count(string(text), "HTTP/1.1 ") != 1 || !slices.Equal(paths, []string{"/first"}) {
		t.Errorf("%q were answered:\n%s", paths, text)
	}
}
