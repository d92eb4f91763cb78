package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// TestGuardPrefixes has a row for each range that the guard knows: addresses in it, and which guards let them pass.
func TestGuardPrefixes(t *testing.T) {
	const (
		neither = iota
		allOnly
		both
	)
	rows := []struct {
		what  string
		pass  int
		addrs string // separated by spaces
	}{
		{"global IPv4", both, `
			1.1.1.1 8.8.8.8 93.184.216.34 9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255
			192.169.0.0 100.63.255.255 100.128.0.0 169.253.255.255 169.255.0.0 126.255.255.255 128.0.0.0 192.0.1.0
			192.0.3.0 198.17.255.255 198.20.0.0 223.255.255.255 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
			192.31.195.255 192.31.197.0 192.52.192.255 192.52.194.0 192.88.98.255 192.88.100.0 192.175.47.255
			192.175.49.0`},
		{"global IPv6", both, `
			2606:4700:4700::1111 2a00:1450::1 2001:200:: 2001:db7:ffff:: 2001:db9:: 2003::1 2001:ffff::1
			2620:4f:7fff:: 2620:4f:8001:: 3ffe:ffff:: 3fff:1000:: 2000::1`},
		{"this network", allOnly, "0.0.0.0 0.0.0.1 0.255.255.255"},
		{"private 10", allOnly, "10.0.0.0 10.1.2.3 10.255.255.255"},
		{"shared", allOnly, "100.64.0.0 100.127.255.255"},
		{"loopback", allOnly, "127.0.0.0 127.0.0.1 127.255.255.255"},
		{"link-local", neither, "169.254.0.0 169.254.1.1 169.254.255.255"},
		{"private 172", allOnly, "172.16.0.0 172.31.255.255"},
		{"IETF assignments", allOnly, "192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.255"},
		{"documentation 1", allOnly, "192.0.2.0 192.0.2.255"},
		{"AS112", allOnly, "192.31.196.0 192.31.196.255 192.175.48.0 192.175.48.255"},
		{"AMT", allOnly, "192.52.193.0 192.52.193.255"},
		{"6to4 relays", allOnly, "192.88.99.0 192.88.99.2 192.88.99.255"},
		{"private 192", allOnly, "192.168.0.0 192.168.1.1 192.168.255.255"},
		{"benchmarking", allOnly, "198.18.0.0 198.19.255.255"},
		{"documentation 2", allOnly, "198.51.100.0 198.51.100.255"},
		{"documentation 3", allOnly, "203.0.113.0 203.0.113.255"},
		{"multicast", allOnly, "224.0.0.1 239.255.255.255 ff02::1 ff0e::1"},
		{"reserved", allOnly, "240.0.0.0 255.255.255.254 255.255.255.255"},

		{"unspecified IPv6", allOnly, "::"},
		{"loopback IPv6", allOnly, "::1"},
		{"discard only", allOnly, "100:: 100::ffff:ffff:ffff:ffff"},
		{"dummy prefix", allOnly, "100:0:0:1::1"},
		{"IETF assignments IPv6", allOnly, "2001:1::1 2001:1::2 2001:1::3 2001:1ff:ffff::"},
		{"benchmarking IPv6", allOnly, "2001:2::1"},
		{"AMT IPv6", allOnly, "2001:3::1"},
		{"AS112 IPv6", allOnly, "2001:4:112::1 2620:4f:8000::1"},
		{"ORCHID", allOnly, "2001:10::1 2001:1f:ffff::"},
		{"ORCHIDv2", allOnly, "2001:20::1 2001:2f:ffff::"},
		{"drones", allOnly, "2001:30::1"},
		{"documentation IPv6", allOnly, "2001:db8:: 2001:db8:ffff:: 3fff:: 3fff:fff::"},
		{"segment routing", allOnly, "5f00::1"},
		{"unique local", allOnly, "fc00:: fd12:3456::1 fdff:ffff::"},
		{"link-local IPv6", allOnly, "fe80::1 fe80::1%eth0 febf::1"},
		{"site-local", allOnly, "fec0::1"},
		{"not given out", allOnly, "1::1 4000::1 8000::1 e000::1 fe00::1"},
		{"a zone on a global address", allOnly, "2606:4700:4700::1111%eth0"},

		{"IPv4-mapped global", both, "::ffff:8.8.8.8"},
		{"IPv4-mapped private", allOnly, "::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:0.0.0.0"},
		{"IPv4-compatible", allOnly, "::8.8.8.8 ::10.0.0.1"},
		{"IPv4-translated", allOnly, "::ffff:0:8.8.8.8 ::ffff:0:10.0.0.1"},
		{"NAT64", allOnly, "64:ff9b::8.8.8.8 64:ff9b::10.0.0.1 64:ff9b::127.0.0.1"},
		{"local NAT64", allOnly, "64:ff9b:1::8.8.8.8 64:ff9b:1:a00:0:100:: 64:ff9b:1:ffff::"},
		{"6to4", allOnly, "2002:808:808::1 2002:a00:1::1 2002:7f00:1::1"},
		{"Teredo", allOnly, "2001::1 2001:0:808:808::f7f7:f7f7"},
		{"ISATAP private", allOnly, "2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:192.168.0.1"},
		{"ISATAP global", both, "2606:4700::5efe:8.8.8.8"},

		{"metadata", neither, `
			169.254.169.254 169.254.170.2 169.254.170.23 169.254.169.252 169.254.0.23 169.254.42.42 168.63.129.16
			100.100.100.200 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42 fd00:a9fe:a9fe::1
			fe80::a9fe:a9fe fe80::a9fe:a9fe%eth0`},
		{"metadata in disguise", neither, `
			::ffff:169.254.169.254 ::169.254.169.254 ::ffff:0:169.254.169.254 64:ff9b::169.254.169.254
			64:ff9b::a83f:8110 2002:a9fe:a9fe::1 2001:0:a9fe:a9fe::1 2001:0:808:808::5601:5601
			64:ff9b:1::169.254.169.254 64:ff9b:1:a9fe:a9:fe00:: 64:ff9b:1:fa9:00fe:a9fe::
			64:ff9b:1:ff:a9:fea9:fe00:0 2606:4700::5efe:169.254.169.254 2606:4700::200:5efe:169.254.169.254`},
	}
	for _, row := range rows {
		for text := range strings.FieldsSeq(row.addrs) {
			addr := netip.AddrPortFrom(netip.MustParseAddr(text), 443)
			for _, access := range []cron.Access{cron.AccessAll, cron.AccessGlobal} {
				want := row.pass == both || row.pass == allOnly && access == cron.AccessAll
				err := new(Guard).Check(addr, access)
				if (err == nil) != want {
					t.Errorf("%s: %s with access %v: %v", row.what, addr, access, err)
				}
				blocked, _ := errors.AsType[*BlockedError](err)
				if err != nil && row.pass == allOnly && blocked.Fault != cron.FaultNotGlobal {
					t.Errorf("%s: %s is refused for another reason than not being global: %v", row.what, addr, err)
				}
			}
		}
	}
}

func TestGuardOperator(t *testing.T) {
	list := func(texts ...string) (l []netip.Prefix) {
		for _, text := range texts {
			l = append(l, netip.MustParsePrefix(text))
		}
		return l
	}
	rows := []struct {
		name   string
		guard  *Guard
		access cron.Access
		addr   string
		pass   bool
	}{
		{"allow opens a private network", &Guard{Allow: list("10.1.0.0/16")}, cron.AccessGlobal, "10.1.2.3:80", true},
		{"and only that", &Guard{Allow: list("10.1.0.0/16")}, cron.AccessGlobal, "10.2.0.1:80", false},
		{"also when mapped", &Guard{Allow: list("10.1.0.0/16")}, cron.AccessGlobal, "[::ffff:10.1.2.3]:80", true},
		{"not through a translator that is not allowed", &Guard{Allow: list("10.1.0.0/16")}, cron.AccessGlobal,
			"[64:ff9b::10.1.2.3]:80", false},
		{"an allowed translator reaches global addresses", &Guard{Allow: list("64:ff9b::/96")}, cron.AccessGlobal,
			"[64:ff9b::8.8.8.8]:80", true},
		{"but no private ones", &Guard{Allow: list("64:ff9b::/96")}, cron.AccessGlobal, "[64:ff9b::10.1.2.3]:80", false},
		{"deny wins over allow", &Guard{Allow: list("10.0.0.0/8"), Deny: list("10.1.0.0/16")}, cron.AccessAll, "10.1.2.3:80", false},
		{"and leaves the rest", &Guard{Allow: list("10.0.0.0/8"), Deny: list("10.1.0.0/16")}, cron.AccessGlobal,
			"10.2.0.1:80", true},
		{"deny holds for global addresses", &Guard{Deny: list("8.8.8.0/24")}, cron.AccessAll, "8.8.8.8:80", false},
		{"and in disguise", &Guard{Deny: list("8.8.8.0/24")}, cron.AccessAll, "[64:ff9b::8.8.8.8]:80", false},
		{"and with a zone", &Guard{Deny: list("fe80::/10")}, cron.AccessAll, "[fe80::1%eth0]:80", false},
		{"denied loopback is not reached by the unspecified address", &Guard{Deny: list("127.0.0.0/8")}, cron.AccessAll,
			"0.0.0.0:80", false},
		{"nor in IPv6", &Guard{Deny: list("::1/128")}, cron.AccessAll, "[::]:80", false},
		{"deny everything", &Guard{Deny: list("0.0.0.0/0", "::/0")}, cron.AccessAll, "[2606:4700:4700::1111]:80", false},
		{"allow cannot open metadata", &Guard{Allow: list("0.0.0.0/0")}, cron.AccessAll, "169.254.169.254:80", false},
		{"allow opens other link-local addresses", &Guard{Allow: list("169.254.7.0/24")}, cron.AccessAll, "169.254.7.1:80", true},
		{"allow opens an address with a zone", &Guard{Allow: list("fe80::/10")}, cron.AccessGlobal, "[fe80::1%eth0]:80", true},
	}
	for _, row := range rows {
		if err := row.guard.Check(netip.MustParseAddrPort(row.addr), row.access); (err == nil) != row.pass {
			t.Errorf("%s: %s: %v", row.name, row.addr, err)
		}
	}
}

func TestGuardOwnListeners(t *testing.T) {
	own := func(texts ...string) (l []netip.AddrPort) {
		for _, text := range texts {
			l = append(l, netip.MustParseAddrPort(text))
		}
		return l
	}
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	rows := []struct {
		own   []netip.AddrPort
		addr  string
		pass  bool
		allow bool
	}{
		{own: own("127.0.0.1:8080"), addr: "127.0.0.1:8080"},
		{own: own("127.0.0.1:8080"), addr: "127.0.0.1:8080", allow: true},
		{own: own("127.0.0.1:8080"), addr: "127.0.0.1:8081", pass: true},
		{own: own("127.0.0.1:8080"), addr: "127.0.0.2:8080", pass: true},
		{own: own("127.0.0.1:8080"), addr: "[::1]:8080", pass: true},
		{own: own("127.0.0.1:8080"), addr: "[::ffff:127.0.0.1]:8080"},
		{own: own("127.0.0.1:8080"), addr: "0.0.0.0:8080"},
		{own: own("[::1]:8080"), addr: "[::]:8080"},
		{own: own("[::1]:8080"), addr: "[::1]:8080"},
		{own: own("192.168.7.7:8080"), addr: "192.168.7.7:8080"},
		{own: own("192.168.7.7:8080"), addr: "127.0.0.1:8080", pass: true},
		{own: own("[fe80::1%eth0]:8080"), addr: "[fe80::1%eth1]:8080"},
		{own: own("0.0.0.0:8080"), addr: "127.0.0.1:8080"},
		{own: own("0.0.0.0:8080"), addr: "127.9.9.9:8080"},
		{own: own("0.0.0.0:8080"), addr: "0.0.0.0:8080"},
		{own: own("0.0.0.0:8080"), addr: "[::ffff:0.0.0.0]:8080"},
		{own: own("0.0.0.0:8080"), addr: "192.0.2.1:8080", pass: true},
		{own: own("[::]:8080"), addr: "127.0.0.1:8080"},
		{own: own("[::]:8080"), addr: "[::1]:8080"},
		{own: own("[::]:8080"), addr: "[::]:8080"},
		{own: own("[::]:8080"), addr: "127.0.0.1:80", pass: true},
		{own: own("[::]:8443", "[::]:8080"), addr: "127.0.0.1:8080"},
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addr, _ := netip.AddrFromSlice(i.(*net.IPNet).IP)
		for _, port := range []uint16{8080, 8081} {
			text := netip.AddrPortFrom(addr.Unmap(), port).String()
			rows = append(rows, struct {
				own   []netip.AddrPort
				addr  string
				pass  bool
				allow bool
			}{own: own("[::]:8080"), addr: text, pass: port == 8081})
		}
	}
	for _, row := range rows {
		guard := &Guard{Own: row.own}
		if row.allow {
			guard.Allow = []netip.Prefix{everywhere}
		}
		for range 2 { // the second time the addresses of the interfaces are known
			if err := guard.Check(netip.MustParseAddrPort(row.addr), cron.AccessAll); (err == nil) != row.pass {
				t.Errorf("listening on %v, %s: %v", row.own, row.addr, err)
			}
		}
	}
}

func TestGuardCheckHost(t *testing.T) {
	guard := &Guard{Own: []netip.AddrPort{netip.MustParseAddrPort("[::]:8080")}}
	for _, row := range []struct {
		host    string
		blocked string
	}{
		{"example.test", ""}, {"localhost", ""}, {"8.8.8.8", ""}, {"2606:4700:4700::1111", ""},
		{"metadata.google.internal", ""},
		{"127.0.0.1", "127.0.0.1"}, {"127.0.0.1.", "127.0.0.1"}, {"127.1", "127.0.0.1"}, {"0177.0.0.1", "127.0.0.1"},
		{"0x7f.1", "127.0.0.1"}, {"0X7F.0.0.1", "127.0.0.1"}, {"2130706433", "127.0.0.1"}, {"0x7f000001", "127.0.0.1"},
		{"017700000001", "127.0.0.1"}, {"0", "0.0.0.0"}, {"0x", "0.0.0.0"}, {"\uff11\uff12\uff17.0.0.1", "127.0.0.1"},
		{"127\u30020\u30020\u30021", "127.0.0.1"}, {"::1", "::1"}, {"::ffff:127.0.0.1", "127.0.0.1"},
		{"fe80::1%eth0", "fe80::1%eth0"}, {"64:ff9b::7f00:1", "64:ff9b::7f00:1"},
		{"169.254.169.254", "169.254.169.254"}, {"2852039166", "169.254.169.254"},
	} {
		p := guard.CheckHost(row.host, 80, cron.AccessGlobal)
		if p.Given != row.blocked || (p.Rule == cron.RuleNone) != (row.blocked == "") {
			t.Errorf("%q: %+v", row.host, p)
		}
	}
	for _, row := range []struct {
		port   int
		access cron.Access
		want   cron.Rule
	}{
		{80, cron.AccessAll, cron.RuleNone}, {80, cron.AccessGlobal, cron.RuleURLNotGlobal},
		{8080, cron.AccessAll, cron.RuleURLBlocked}, {8080, cron.AccessGlobal, cron.RuleURLBlocked},
	} {
		if p := guard.CheckHost("127.0.0.1", row.port, row.access); p.Rule != row.want {
			t.Errorf("port %d, access %v: %+v", row.port, row.access, p)
		}
	}
}

// TestHostsThatCannotBe has hosts that no resolver has an answer for, beside the nearest that may have one.
func TestHostsThatCannotBe(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Repeat("ab.", 84) + "c" // 253 bytes
	for _, host := range []string{
		"a..b", ".a", "a..", ".", "..", label + "a", label + "a.test", "x." + label + "a", longest + "d", longest + "d.",
		strings.Repeat("a.", 150), "-", "-a.test", "a-.test", "a.-b", "a.b-", "a b", "a!b", "a,b.test", "a*.test", "a'b",
		"\u00fc..test", "\u00fc!.test", strings.Repeat("\u00fc", 60), "a\u200b\u2028b", "256.1.1.1", "1.2.3.4.5", "a.1", "1..2", "::g",
		"::1::", "",
	} {
		if p := new(Guard).CheckHost(host, 80, cron.AccessAll); p.Rule != cron.RuleURLHostName || p.Given != host {
			t.Errorf("%q: %+v", host, p)
		}
		if r := New(Config{Resolver: resolverFunc(func(context.Context, string) ([]netip.Addr, error) {
			t.Errorf("%q was looked up", host)
			return nil, errHost
		})}).Do(t.Context(), callTo("http://"+host+"/")); r.Status != cron.StatusInvalidURL {
			t.Errorf("%q: %+v", host, r)
		}
	}
	for _, host := range []string{
		"a", "a.", "a.b.", "a-b", "a--b", "xn--bcher-kva.test", "_a", "a_", "_", "_srv._tcp.test", "my_service", "1a", "a1",
		label, label + "." + label, longest, longest + ".", "b\u00fccher.test", "\u4f8b\u3048\u3002\u30c6\u30b9\u30c8",
	} {
		if p := new(Guard).CheckHost(host, 80, cron.AccessAll); p.Rule != cron.RuleNone {
			t.Errorf("%q: %+v", host, p)
		}
	}
}

// TestGuardHolds checks that the guard stands before every way to an address: literals in all spellings, names, and
// names that change.
func TestGuardHolds(t *testing.T) {
	reached := make(chan string, 100)
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) { reached <- conn.RemoteAddr().String() })
	lookups := 0
	resolver := resolverFunc(func(_ context.Context, host string) ([]netip.Addr, error) {
		lookups++
		switch host {
		case "rebound.test": // was something else when the job was made
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		case "mapped.test":
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
		case "several.test":
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback(), netip.IPv4Unspecified()}, nil
		}
		return nil, fmt.Errorf("%s must not be looked up", host)
	})
	client := New(Config{Resolver: resolver})
	for _, host := range []string{
		"127.0.0.1", "127.1", "0177.0.0.1", "0x7f.1", "2130706433", "0", "[::ffff:127.0.0.1]", "[::1]", "[::]",
		"[64:ff9b::127.0.0.1]", "\uff11\uff12\uff17.1", "rebound.test", "mapped.test", "several.test",
	} {
		call := callTo(fmt.Sprintf("http://%s:%d/", host, addr.Port()))
		call.Access = cron.AccessGlobal
		r := client.Do(t.Context(), call)
		checkSound(t, &r)
		if r.Status != cron.StatusConnectFailed || r.Fault != cron.FaultNotGlobal {
			t.Errorf("%s: %+v", host, r)
		}
		if trace := again(t, client, call, &r); strings.HasSuffix(host, ".test") && strings.Contains(fmt.Sprintf("%+v", trace), "127.0.0.1") {
			t.Errorf("%s: the trace shows its address: %+v", host, trace)
		}
		// What a name of ours stands for is nothing that such an account may learn.
		if strings.HasSuffix(host, ".test") && r.Detail != fmt.Sprintf("%s:%d", host, addr.Port()) {
			t.Errorf("%s: detail %q", host, r.Detail)
		}
	}
	if lookups != 3 { // the others were remembered
		t.Errorf("%d lookups", lookups)
	}
	select {
	case from := <-reached:
		t.Errorf("%s was let through", from)
	default:
	}
}

func TestGuardBlockedIsNotTheWholeStory(t *testing.T) {
	closed := closedPort(t, "127.0.0.1")
	client := New(Config{
		Guard:    &Guard{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}},
		Resolver: names{"example.test": {"127.0.0.9", "127.0.0.1"}},
	})
	r := client.Do(t.Context(), callTo(fmt.Sprintf("http://example.test:%d/", closed.Port())))
	if r.Fault != cron.FaultRefused || r.Detail != closed.String() {
		t.Errorf("%+v", r)
	}
}

func TestBlockedError(t *testing.T) {
	err := (&Guard{}).Check(netip.MustParseAddrPort("169.254.169.254:80"), cron.AccessAll)
	blocked, ok := errors.AsType[*BlockedError](err)
	if !ok || blocked.Addr.String() != "169.254.169.254:80" ||
		err.Error() != "169.254.169.254:80 is blocked: cloud metadata" {
		t.Errorf("%v", err)
	}
	if err := (&Guard{}).control(cron.AccessAll)(t.Context(), "tcp", "nowhere", nil); err == nil {
		t.Error("an address that cannot be read may be dialled")
	}
}
