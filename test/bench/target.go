package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// arrival is a request that the target received.
type arrival struct {
	Job   int32 // its number in the URL
	Hangs bool
	At    int64 // Unix microseconds
}

// hostAddress is the loopback address of host number i.
func hostAddress(i int) string {
	if i == 0 {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.1.%d.%d", i>>8, i&0xff)
}

// opened counts the connections of the target.
type opened struct {
	Connections int64
	Full        int64 // TLS handshakes
	Resumed     int64 // TLS handshakes that went on with a former session
}

func (o *opened) add(more opened) {
	o.Connections += more.Connections
	o.Full += more.Full
	o.Resumed += more.Resumed
}

// serveTarget runs the target, which answers every request at once with as little work as possible. It leaves a connection
// open unless the request says that it will be closed. For each line of its standard input it writes the arrivals since the
// last line to its standard output. It ends at the end of the input.
func serveTarget(args []string) error {
	flags := flag.NewFlagSet("target", flag.ExitOnError)
	first := flags.Int("first-port", 0, "the first port")
	ports := flags.Int("ports", 0, "how many ports")
	hosts := flags.Int("hosts", 1, "how many hosts")
	delay := flags.Duration("delay", 0, "before an answer")
	size := flags.Int("size", 0, "bytes of body")
	authority := flags.String("authority", "", "a file with the authority that signs certificates; without it plain HTTP")
	mlkem := flags.Bool("mlkem", true, "take ML-KEM")
	_ = flags.Parse(args) // exits on an error
	t := &target{delay: *delay}
	answer := func(status string) (a answer) {
		for i, connection := range []string{"close", "keep-alive"} {
			a[i] = fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s",
				status, *size, connection, bytes.Repeat([]byte("x"), *size))
		}
		return a
	}
	t.success, t.failure = answer("200 OK"), answer("500 Internal Server Error")
	for i := range *hosts {
		var config *tls.Config
		if *authority != "" {
			var err error
			if config, err = hostConfig(*authority, hostAddress(i)); err != nil {
				return err
			}
			if !*mlkem {
				config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
			}
		}
		for j := range *ports {
			listener, err := net.Listen("tcp", net.JoinHostPort(hostAddress(i), strconv.Itoa(*first+j)))
			if err != nil {
				return err
			}
			go t.accept(listener, config)
		}
	}
	fmt.Println("ready")
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return nil
		}
		if err := t.dump(); err != nil {
			return err
		}
	}
}

// answer is a response after which the connection is closed, and one after which it stays open.
type answer [2][]byte

type target struct {
	delay            time.Duration
	success, failure answer

	mu       sync.Mutex
	arrivals []arrival
	opened   opened
}

func (t *target) accept(listener net.Listener, config *tls.Config) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if config == nil {
			go t.serve(conn, nil)
			continue
		}
		secure := tls.Server(conn, config)
		go t.serve(secure, secure)
	}
}

// serve answers the requests of a connection. secure is conn with TLS; nil without.
func (t *target) serve(conn net.Conn, secure *tls.Conn) {
	defer func() { _ = conn.Close() }()
	buf, n, counted := make([]byte, 2048), 0, false
	for {
		end := bytes.Index(buf[:n], headEnd)
		for end < 0 {
			if n == len(buf) {
				return // no request of the benchmark is that long
			}
			m, err := conn.Read(buf[n:])
			if err != nil {
				return
			}
			n += m
			end = bytes.Index(buf[:n], headEnd)
		}
		end += len(headEnd)
		if !counted {
			counted = true
			t.count(secure)
		}
		if !t.answer(conn, buf[:end]) {
			return
		}
		n = copy(buf, buf[end:n])
	}
}

var (
	headEnd      = []byte("\r\n\r\n")
	willBeClosed = []byte("\r\nConnection: close\r\n")
)

// count notes a connection over which a request came.
func (t *target) count(secure *tls.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened.Connections++
	switch {
	case secure == nil:
	case secure.ConnectionState().DidResume:
		t.opened.Resumed++
	default:
		t.opened.Full++
	}
}

// answer answers a request, and tells whether the connection stays open. Its path is /NUMBER, /fail/NUMBER for a failure,
// or /hang/NUMBER for no response.
func (t *target) answer(conn net.Conn, request []byte) (open bool) {
	at := time.Now().UnixMicro()
	path, _, _ := bytes.Cut(bytes.TrimPrefix(request, []byte("GET /")), []byte(" "))
	path, hangs := bytes.CutPrefix(path, []byte("hang/"))
	path, fails := bytes.CutPrefix(path, []byte("fail/"))
	job, _ := strconv.Atoi(string(path))
	t.mu.Lock()
	t.arrivals = append(t.arrivals, arrival{int32(job), hangs, at})
	t.mu.Unlock()
	if hangs {
		_, _ = conn.Read(make([]byte, 1)) // until the client closes the connection
		return false
	}
	if t.delay > 0 {
		time.Sleep(t.delay)
	}
	response, kept := t.success, 0
	if fails {
		response = t.failure
	}
	if open = !bytes.Contains(request, willBeClosed); open {
		kept = 1
	}
	_, err := conn.Write(response[kept])
	return open && err == nil
}

// dump writes the arrivals and connections since the last dump: the connections, the number of arrivals, and each of these.
func (t *target) dump() error {
	t.mu.Lock()
	arrivals, counted := t.arrivals, t.opened
	t.arrivals, t.opened = nil, opened{}
	t.mu.Unlock()
	out := bufio.NewWriter(os.Stdout)
	for _, part := range []any{counted, int64(len(arrivals)), arrivals} {
		if err := binary.Write(out, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return out.Flush()
}
