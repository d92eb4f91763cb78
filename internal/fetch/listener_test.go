package fetch

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"punctual/internal/cron"
)

func addrPorts(texts ...string) (list []netip.AddrPort) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddrPort(text))
	}
	return list
}

// TestGuardOtherNodes has a guard that knows of nodes on this host and elsewhere.
func TestGuardOtherNodes(t *testing.T) {
	t.Parallel()
	guard := &Guard{Own: addrPorts("127.0.0.1:7000"), Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	guard.Learn("here", []cron.Listeners{
		{Host: "here", At: addrPorts("127.0.0.1:8001")},
		{Host: "here", At: addrPorts("0.0.0.0:8002", "10.0.0.1:8002")},
		{Host: "here", At: addrPorts("[::1]:8003", "[::ffff:127.0.0.5]:8003")},
		{Host: "there", At: addrPorts("127.0.0.1:9001", "[::1]:9001")},
		{Host: "there", At: addrPorts("[::]:9002", "10.0.0.2:9002", "[2001:db8::2]:9002", "[fe80::2]:9002")},
		{Host: "there", At: addrPorts("192.0.2.3:443")},
		{Host: "", At: addrPorts("127.0.0.1:9004", "0.0.0.0:9005", "[::ffff:10.0.0.3]:9004", "[fe80::3%eth9]:9004")},
	})
	check := func(addr string, blocked bool) {
		t.Helper()
		for _, access := range []cron.Access{cron.AccessAll, cron.AccessGlobal} {
			err := guard.Check(netip.MustParseAddrPort(addr), access)
			if e, ok := err.(*BlockedError); (err != nil) != blocked || blocked && (!ok || e.Fault != cron.FaultOwnListener) {
				t.Errorf("%s: %v", addr, err)
			}
		}
	}
	for _, addr := range []string{
		"127.0.0.1:7000",
		"127.0.0.1:8001", "[::ffff:127.0.0.1]:8001", "0.0.0.0:8001", "[64:ff9b::127.0.0.1]:8001",
		"127.0.0.1:8002", "127.1.2.3:8002", "[::1]:8002", "[::]:8002", "10.0.0.1:8002", "[::ffff:10.0.0.1]:8002", "[64:ff9b::10.0.0.1]:8002",
		"[2002:a00:1::1]:8002", "[::1]:8003", "[::]:8003", "127.0.0.5:8003",
		"10.0.0.2:9002", "[::ffff:10.0.0.2]:9002", "[2001:db8::2]:9002", "[fe80::2%eth0]:9002", "192.0.2.3:443", "10.0.0.3:9004",
		"[fe80::3%eth0]:9004",
	} {
		check(addr, true)
	}
	free := []string{
		"127.0.0.1:7001", "127.0.0.2:8001", "[::1]:8001", "10.0.0.1:8001", "198.51.100.9:8002", "127.0.0.1:8003",
		"127.0.0.1:9001", "[::1]:9001", "127.0.0.1:9002", "0.0.0.0:9002", "[::]:9002", "10.0.0.2:9001", "192.0.2.3:80", "127.0.0.1:9004",
		"127.0.0.1:9005", "0.0.0.0:9005",
	}
	for _, addr := range free {
		check(addr, false)
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addr, _ := netip.AddrFromSlice(i.(*net.IPNet).IP)
		check(netip.AddrPortFrom(addr, 8002).String(), true)  // a listener of this host at all addresses
		check(netip.AddrPortFrom(addr, 9005).String(), false) // and one of another
	}

	guard.Learn("here", nil)
	check("127.0.0.1:7000", true)
	for _, addr := range []string{"127.0.0.1:8001", "10.0.0.1:8002", "192.0.2.3:443"} {
		check(addr, false)
	}
	guard.Learn("", []cron.Listeners{{Host: "", At: addrPorts("127.0.0.1:8001")}}) // not known to be the same host
	check("127.0.0.1:8001", false)
}

// TestGuardManyNodes learns of as many listeners as there may be; a check does not read all of them.
func TestGuardManyNodes(t *testing.T) {
	var nodes []cron.Listeners
	for n := range 500 {
		l := cron.Listeners{Host: "here"}
		for i := range cron.MaxListeners {
			l.At = append(l.At, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(n >> 8), byte(n), byte(i)}), uint16(n)),
				netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), byte(i)}), 80))
		}
		nodes = append(nodes, l)
	}
	guard := new(Guard)
	guard.Learn("here", nodes)
	for _, addr := range []string{"10.1.243.255:80", "127.1.243.255:499"} {
		if guard.Check(netip.MustParseAddrPort(addr), cron.AccessAll) == nil {
			t.Errorf("%s is allowed", addr)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { _ = guard.Check(netip.MustParseAddrPort("10.9.9.9:80"), cron.AccessAll) }); allocs > 0 {
		t.Errorf("a check makes %v allocations", allocs)
	}
}

// TestGuardListeners tells where a node listens.
func TestGuardListeners(t *testing.T) {
	t.Parallel()
	for _, own := range [][]netip.AddrPort{nil, addrPorts("127.0.0.1:8080"), addrPorts("192.0.2.1:443", "[::1]:8081")} {
		if got, err := (&Guard{Own: own}).Listeners(); err != nil || !slices.Equal(got, own) {
			t.Errorf("%v: %v, %v", own, got, err)
		}
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"[::]:8080": 1, "0.0.0.0:80": 1, "127.0.0.1:81": 1}
	for _, i := range interfaces {
		if addr, _ := netip.AddrFromSlice(i.(*net.IPNet).IP); !addr.Unmap().IsLoopback() {
			for _, port := range []uint16{8080, 80} {
				want[netip.AddrPortFrom(addr.Unmap(), port).String()]++
			}
		}
	}
	got, err := (&Guard{Own: addrPorts("[::]:8080", "0.0.0.0:80", "127.0.0.1:81")}).Listeners()
	if err != nil || !slices.Equal(got[:3], addrPorts("[::]:8080", "0.0.0.0:80", "127.0.0.1:81")) {
		t.Fatalf("%v, %v", got, err)
	}
	for _, at := range got {
		want[at.String()]--
	}
	for at, left := range want {
		if left != 0 {
			t.Errorf("%s is told %+d times of those expected: %s", at, -left, fmt.Sprint(got))
		}
	}
}
