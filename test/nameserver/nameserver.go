// Package nameserver runs a DNS server for tests.
package nameserver

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Server answers for the names that it was given; others do not exist. It runs until the end of the test.
type Server struct {
	address string

	mu     sync.Mutex
	names  map[string]answers // by names in lower case, with a dot at the end
	broken map[string]bool
	asked  map[string]int
}

type answers struct {
	texts     []string
	addresses []netip.Addr
	alias     string
}

// Start runs a server without names.
func Start(t testing.TB) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{address: l.Addr().String(), names: map[string]answers{}, broken: map[string]bool{}, asked: map[string]int{}}
	u, err := net.ListenPacket("udp", s.address)
	if err != nil {
		_ = l.Close()
		t.Skipf("the port of the name server is not free for UDP: %v", err)
	}
	var running sync.WaitGroup
	for _, server := range []*dns.Server{{Listener: l, Handler: s}, {PacketConn: u, Handler: s}} {
		running.Go(func() { _ = server.ActivateAndServe() })
	}
	t.Cleanup(func() {
		_, _ = l.Close(), u.Close()
		running.Wait()
	})
	return s
}

// Address is the address and port of the server, for UDP and TCP.
func (s *Server) Address() string { return s.address }

// Resolver asks the server.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.address)
	}}
}

// Texts sets the TXT records of a name; none remove them.
func (s *Server) Texts(name string, values ...string) {
	s.change(name, func(a *answers) { a.texts = values })
}

// Addresses sets the addresses of a name.
func (s *Server) Addresses(name string, values ...string) {
	s.change(name, func(a *answers) {
		a.addresses = nil
		for _, v := range values {
			a.addresses = append(a.addresses, netip.MustParseAddr(v))
		}
	})
}

// Alias makes a name the alias of another one (CNAME).
func (s *Server) Alias(name, of string) { s.change(name, func(a *answers) { a.alias = dns.Fqdn(of) }) }

// Break lets questions for a name end with an error, or not any more.
func (s *Server) Break(name string, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[dns.Fqdn(name)] = is
}

// Asked is how often a name was asked for.
func (s *Server) Asked(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[dns.Fqdn(name)]
}

func (s *Server) change(name string, edit func(*answers)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.names[dns.Fqdn(name)]
	edit(&a)
	s.names[dns.Fqdn(name)] = a
}

// ServeDNS implements dns.Handler.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, question := new(dns.Msg).SetReply(q), q.Question[0]
	answer.RecursionAvailable = true // else an answer without records is taken for a lame delegation
	name := strings.ToLower(question.Name)
	s.asked[name]++
	known, ok := s.names[name]
	switch {
	case s.broken[name]:
		answer.Rcode = dns.RcodeServerFailure
	case !ok:
		answer.Rcode = dns.RcodeNameError
	default:
		answer.Answer = s.records(question.Name, question.Qtype, known)
	}
	if _, ok := w.RemoteAddr().(*net.UDPAddr); ok {
		size := dns.MinMsgSize
		if edns := q.IsEdns0(); edns != nil {
			size = int(edns.UDPSize())
		}
		answer.Truncate(size)
	}
	_ = w.WriteMsg(answer)
}

func (s *Server) records(name string, kind uint16, a answers) (list []dns.RR) {
	header := dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 1}
	if a.alias != "" {
		header.Rrtype = dns.TypeCNAME
		return append([]dns.RR{&dns.CNAME{Hdr: header, Target: a.alias}}, s.records(a.alias, kind, s.names[a.alias])...)
	}
	if kind == dns.TypeTXT {
		for _, text := range a.texts {
			list = append(list, &dns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	for _, address := range a.addresses {
		switch {
		case kind == dns.TypeA && address.Is4():
			list = append(list, &dns.A{Hdr: header, A: address.AsSlice()})
		case kind == dns.TypeAAAA && address.Is6():
			list = append(list, &dns.AAAA{Hdr: header, AAAA: address.AsSlice()})
		}
	}
	return list
}
