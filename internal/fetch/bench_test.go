package fetch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
)

// benchServer in the environment makes the test binary the server of the benchmarks: a process of its own, so that the
// CPU time of the client can be told from it. Its value is "http", "https" or "hanging". It leaves connections open for who asks for that.
const benchServer = "PUNCTUAL_FETCH_BENCH_SERVER"

var benchAnswer = []byte("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: bench\r\n" +
	"Content-Type: text/plain\r\n" +
	"Content-Length: 64\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 64))

// sharedAnswer is benchAnswer of a server that leaves connections open.
var sharedAnswer = bytes.Replace(benchAnswer, []byte("Connection: close\r\n"), nil, 1)

// serveBench serves until its standard input ends. It says where and by which authority's certificate, each on a line,
// and "hanging" then writes a byte for each request that it leaves without an answer.
func serveBench(kind string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var config *tls.Config
	var der []byte
	scheme := "http"
	if kind == "https" {
		certificate := newAuthority("bench").issue(leaf{ips: loopback})
		config = &tls.Config{Certificates: []tls.Certificate{certificate}}
		der, scheme = certificate.Certificate[1], kind
	}
	fmt.Printf("%s://%s/\n%x\n", scheme, listener.Addr(), der)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if config != nil {
					conn = tls.Server(conn, config)
				}
				request, err := readRequest(conn)
				for ; err == nil && strings.Contains(request, "\r\nConnection: keep-alive\r\n"); request, err = readRequest(conn) {
					conn.Write(sharedAnswer)
				}
				if err != nil {
					return
				}
				if kind == "hanging" {
					os.Stdout.Write([]byte{'.'})
				} else {
					conn.Write(benchAnswer)
				}
				conn.Read(make([]byte, 1)) // the client closes first
			}()
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

// startBenchServer returns the URL of a server in a process of its own, the pool of its authority, and what it goes on
// to say.
func startBenchServer(b *testing.B, kind string) (url string, roots *x509.CertPool, says io.Reader) {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), benchServer+"="+kind, "GOMAXPROCS=1")
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		command.Wait()
	})
	lines := bufio.NewReader(out)
	url, err = lines.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	encoded, err := lines.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	roots = x509.NewCertPool()
	if kind == "https" {
		der, err := hex.DecodeString(strings.TrimSpace(encoded))
		if err != nil {
			b.Fatal(err)
		}
		authority, err := x509.ParseCertificate(der)
		if err != nil {
			b.Fatal(err)
		}
		roots.AddCert(authority)
	}
	return strings.TrimSpace(url), roots, lines
}

// cpuTime is the CPU time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure runs f b.N times and reports the CPU time of one.
func measure(b *testing.B, f func()) {
	f()
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	for range b.N {
		f()
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1000, "cpu-µs/op")
}

func BenchmarkExchange(b *testing.B) {
	for _, kind := range []string{"http", "https"} {
		url, roots, _ := startBenchServer(b, kind)
		ours, bare := exchanges(b, kind, url, roots)
		b.Run(kind+"/client", func(b *testing.B) { measure(b, ours) })
		b.Run(kind+"/shared", func(b *testing.B) { measure(b, shared(b, url, roots)) })
		b.Run(kind+"/barest", func(b *testing.B) { measure(b, bare) })
	}
}

// shared returns an exchange over a shared connection.
func shared(b *testing.B, url string, roots *x509.CertPool) func() {
	client := New(Config{RootCAs: roots})
	b.Cleanup(client.Close)
	call := cron.Call{
		AccountID: 1, Request: cron.Request{URL: url}, Timeout: 30 * time.Second, MaxResponse: 64 << 10,
		SaveResponse: true, Exchange: cron.Exchange{Connection: cron.ConnectionReuse},
	}
	return func() {
		if r := client.Do(b.Context(), call); r.Status != cron.StatusOK {
			b.Fatalf("%+v", r)
		}
	}
}

// exchanges returns the two that are compared: one of a client that saves the response, and the barest one.
func exchanges(b *testing.B, kind, url string, roots *x509.CertPool) (ours, bare func()) {
	client := New(Config{RootCAs: roots})
	call := cron.Call{
		AccountID: 1, Request: cron.Request{URL: url}, Timeout: 30 * time.Second, MaxResponse: 64 << 10,
		SaveResponse: true,
	}
	ours = func() {
		if r := client.Do(b.Context(), call); r.Status != cron.StatusOK {
			b.Fatalf("%+v", r)
		}
	}
	var config *tls.Config
	if kind == "https" {
		config = &tls.Config{
			RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		}
	}
	address := strings.TrimSuffix(url[strings.Index(url, "//")+2:], "/")
	bare = func() {
		if err := barest(b.Context(), address, config); err != nil {
			b.Fatal(err)
		}
	}
	return ours, bare
}

// barest is the least that the standard library needs for an exchange with the same deadlines.
func barest(ctx context.Context, address string, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if config != nil {
		secure := tls.Client(conn, config)
		defer secure.Close()
		if err := secure.Handshake(); err != nil {
			return err
		}
		conn = secure
	}
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: " + address +
		"\r\nUser-Agent: Punctual\r\nAccept: */*\r\nConnection: close\r\n\r\n"))
	if err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// BenchmarkInFlight reports the memory of an exchange whose server does not answer yet.
func BenchmarkInFlight(b *testing.B) {
	const count = 1000
	url, _, says := startBenchServer(b, "hanging")
	client := New(Config{})
	call := cron.Call{Request: cron.Request{URL: url}, Timeout: time.Minute, MaxResponse: 64 << 10, SaveResponse: true}
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // pools are emptied by the second
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	for range b.N {
		before := inUse()
		ctx, cancel := context.WithCancel(b.Context())
		var all sync.WaitGroup
		for range count {
			all.Go(func() { client.Do(ctx, call) })
		}
		if _, err := io.CopyN(io.Discard, says, count); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(inUse()-before)/count, "B/exchange")
		cancel()
		all.Wait()
	}
}

// BenchmarkRatio measures the client and the barest exchange by turns, so that both meet the same machine, and reports
// the CPU time of each and how many times the one is the other.
func BenchmarkRatio(b *testing.B) {
	for _, kind := range []string{"http", "https"} {
		b.Run(kind, func(b *testing.B) {
			url, roots, _ := startBenchServer(b, kind)
			ours, bare := exchanges(b, kind, url, roots)
			var spent [2]time.Duration
			for range b.N {
				for i, exchange := range []func(){ours, bare} {
					before := cpuTime(b)
					for range 200 {
						exchange()
					}
					spent[i] += cpuTime(b) - before
				}
			}
			b.ReportMetric(float64(spent[0])/float64(b.N)/200e3, "client-cpu-µs")
			b.ReportMetric(float64(spent[1])/float64(b.N)/200e3, "barest-cpu-µs")
			b.ReportMetric(float64(spent[0])/float64(spent[1]), "ratio")
		})
	}
}
