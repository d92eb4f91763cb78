package fetch

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// BenchmarkBarestExchange reports the CPU time of what an exchange over a new connection needs at the least: a socket, a connect, a write,
// reads until the response is complete, and a close, each a blocking system call. The target is a process of its own, whose time does not count.
// The least for HTTPS is in BenchmarkExchange.
func BenchmarkBarestExchange(b *testing.B) {
	url, _, _ := startBenchServer(b, "http")
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	at, err := netip.ParseAddrPort(host)
	if err != nil {
		b.Fatal(err)
	}
	to := &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	request := []byte("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
	response := make([]byte, 4096)
	measure(b, func() {
		if err := blockingExchange(to, request, response); err != nil {
			b.Fatal(err)
		}
	})
}

// blockingExchange sends a request and reads all of benchAnswer.
func blockingExchange(to syscall.Sockaddr, request, response []byte) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := syscall.Connect(fd, to); err != nil {
		return err
	}
	if _, err := syscall.Write(fd, request); err != nil {
		return err
	}
	for got := 0; got < len(benchAnswer); {
		n, err := syscall.Read(fd, response)
		if err != nil {
			return err
		}
		if n == 0 {
			return syscall.ECONNRESET
		}
		got += n
	}
	return nil
}
