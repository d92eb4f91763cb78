package main

import (
	"bufio"
	"bytes"
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

// arrival is a request as the target saw it.
type arrival struct {
	Job int32 // its number in the URL
	At  int64 // Unix microseconds
}

// serveTarget is the target: it answers every request at once, with as little work as there can be, and writes the
// arrivals to its standard output when its standard input ends.
func serveTarget(args []string) error {
	flags := flag.NewFlagSet("target", flag.ExitOnError)
	first := flags.Int("first-port", 0, "the first port")
	ports := flags.Int("ports", 0, "how many ports")
	delay := flags.Duration("delay", 0, "before an answer")
	size := flags.Int("size", 0, "bytes of body")
	_ = flags.Parse(args) // exits itself
	t := &target{delay: *delay}
	t.response = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		*size, bytes.Repeat([]byte("x"), *size))
	for i := range *ports {
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(*first+i))
		if err != nil {
			return err
		}
		go t.accept(listener)
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
	delay    time.Duration
	response []byte

	mu       sync.Mutex
	arrivals []arrival
}

func (t *target) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go t.answer(conn)
		}
	}
}

// answer reads one request. Its path is /NUMBER, or /hang/NUMBER for one that gets no answer.
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
	number, hangs := bytes.CutPrefix(path, []byte("hang/"))
	job, _ := strconv.Atoi(string(number))
	t.mu.Lock()
	t.arrivals = append(t.arrivals, arrival{int32(job), at})
	t.mu.Unlock()
	if hangs {
		_, _ = conn.Read(buf[:]) // until the other side gives up
		return
	}
	if t.delay > 0 {
		time.Sleep(t.delay)
	}
	_, _ = conn.Write(t.response)
}

// dump writes the arrivals since the last dump: their number, then each.
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
