package fetch

import (
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestKeyExchanges checks when a server is offered ML-KEM.
func TestKeyExchanges(t *testing.T) {
	trusted, foreign := newAuthority("trusted"), newAuthority("foreign")
	without := []tls.CurveID{tls.X25519, tls.CurveP256}
	only384 := []tls.CurveID{tls.CurveP384}
	for _, c := range []struct {
		name        string
		max         uint16
		curves      []tls.CurveID // of the server; nil for all
		account     []int64       // of each exchange
		unverified  bool
		foreign     bool
		offered     []bool
		afterChange []tls.CurveID // of the server from the third exchange on
	}{
		{name: "it takes ML-KEM", account: []int64{1, 1, 1}, offered: []bool{true, true, true}},
		{name: "it does not", curves: without, account: []int64{1, 1, 1}, offered: []bool{true, false, false}},
		{name: "TLS 1.2", max: tls.VersionTLS12, account: []int64{1, 1}, offered: []bool{true, false}},
		{name: "another account", curves: without, account: []int64{1, 2, 1, 2}, offered: []bool{true, true, false, false}},
		{name: "nobody was verified", curves: without, account: []int64{1, 1}, unverified: true, offered: []bool{true, true}},
		{name: "it was refused", curves: without, account: []int64{1, 1}, foreign: true, offered: []bool{true, true}},
		{name: "it takes another curve", curves: only384, account: []int64{1, 1}, offered: []bool{true, false}},
		{
			name: "it changes to ML-KEM alone", curves: without, account: []int64{1, 1, 1, 1}, offered: []bool{true, false, false, true},
			afterChange: []tls.CurveID{tls.X25519MLKEM768},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer := trusted
			if c.foreign {
				issuer = foreign
			}
			var (
				mu      sync.Mutex
				offered []bool
			)
			base := &tls.Config{Certificates: []tls.Certificate{issuer.issue(leaf{ips: loopback})}, MaxVersion: c.max, CurvePreferences: c.curves}
			base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				mu.Lock()
				defer mu.Unlock()
				offered = append(offered, slices.Contains(hello.SupportedCurves, tls.X25519MLKEM768))
				config := base.Clone()
				if c.afterChange != nil && len(offered) > 2 {
					config.CurvePreferences = c.afterChange
				}
				return config, nil
			}
			addr := serve(t, "127.0.0.1:0", overTLS(base, answeringTLS(okAnswer)))
			client := New(Config{RootCAs: trusted.pool()})
			for i, account := range c.account {
				call := callTo("https://" + addr.String())
				call.AccountID, call.Exchange.Unverified = account, c.unverified
				r := client.Do(t.Context(), call)
				failed := c.foreign || c.afterChange != nil && i == 2
				if (r.Status == cron.StatusOK) == failed {
					t.Errorf("exchange %d: %+v", i, r)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(offered, c.offered) {
				t.Errorf("ML-KEM was offered %v, not %v", offered, c.offered)
			}
		})
	}
}

// TestKeyExchangesAreForgotten checks how long servers are known, and that they are bounded.
func TestKeyExchangesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k keyExchanges
		k.completed("hybrid", tls.X25519MLKEM768)
		k.completed("known", tls.X25519)
		time.Sleep(keyExchangeLife - time.Second)
		if k.preferences("known") == nil || k.preferences("hybrid") != nil {
			t.Error("only the one that took no ML-KEM is known for an hour")
		}
		time.Sleep(time.Second)
		if k.preferences("known") != nil || len(k.since) != 0 {
			t.Error("known beyond the hour")
		}
		for i := range 2 * maxSessions {
			k.completed(fmt.Sprint(i), tls.CurveP256)
		}
		if len(k.since) != maxSessions {
			t.Errorf("%d servers are known", len(k.since))
		}
	})
}
