package auth

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// TestAddressRatesAreBounded floods one second with addresses.
func TestAddressRatesAreBounded(t *testing.T) {
	rates := AddressRates{Most: 10}
	now := time.Unix(1_000_000, 0)
	address := func(i int) netip.Addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(i))
		return netip.AddrFrom4(b)
	}
	for i := range maxAddresses {
		if _, ok := rates.Allow(address(i), now); !ok {
			t.Fatalf("address %d was refused", i)
		}
	}
	if wait, ok := rates.Allow(address(maxAddresses), now.Add(250*time.Millisecond)); ok || wait != 750*time.Millisecond {
		t.Errorf("one address too many: %v, %v", wait, ok)
	}
	if _, ok := rates.Allow(address(0), now); !ok {
		t.Error("an address that is counted was refused")
	}
	if _, ok := rates.Allow(address(maxAddresses), now.Add(time.Second)); !ok || len(rates.counts) != 1 {
		t.Errorf("the next second begins with %d addresses", len(rates.counts))
	}
}
