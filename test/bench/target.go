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

// serveTarget runs the target, which answers every request at once with as little work as possible. For each line of
// its standard input it writes the arrivals since the last line to its standard output. It ends at the end of the
// input.
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
	answer := func(status string) []byte {
		return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			status, *size, bytes.Repeat([]byte("x"), *size))
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

type target struct {
	delay            time.Duration
	success, failure []byte

	mu       sync.Mutex
	arrivals []arrival
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
		if config != nil {
			conn = tls.Server(conn, config)
		}
		go t.answer(conn)
	}
}

// answer reads one request and answers it. Its path is /NUMBER, /fail/NUMBER for a failure, or /hang/NUMBER for no
// response.
func (t *target) answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var buf [2048]byte
	n := 0
	for !bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
		m, err := conn.Read(buf[n:])
		if err != nil {
			return
		}
		n += m
	}
	at := time.Now().UnixMicro()
	path, _, _ := bytes.Cut(bytes.TrimPrefix(buf[:n], []byte("GET /")), []byte(" "))
	path, hangs := bytes.CutPrefix(path, []byte("hang/"))
	path, fails := bytes.CutPrefix(path, []byte("fail/"))
	job, _ := strconv.Atoi(string(path))
	t.mu.Lock()
	t.arrivals = append(t.arrivals, arrival{int32(job), hangs, at})
	t.mu.Unlock()
	if hangs {
		_, _ = conn.Read(buf[:]) // until the client closes the connection
		return
	}
	if t.delay > 0 {
		time.Sleep(t.delay)
	}
	response := t.success
	if fails {
		response = t.failure
	}
	_, _ = conn.Write(response)
}

// dump writes the arrivals since the last dump: their number, then each of them.
func (t *target) dump() error {
	t.mu.Lock()
	arrivals := t.arrivals
	t.arrivals = nil
	t.mu.Unlock()
	out := bufio.NewWriter(os.Stdout)
	if err := binary.Write(out, binary.LittleEndian, int64(len(arrivals))); err != nil {
		return err
	}
	if err := binary.Write(out, binary.LittleEndian, arrivals); err != nil {
		return err
	}
	return out.Flush()
}
