package fetch

import (
	"crypto/tls"
	"slices"
	"sync"
	"time"
)

// keyExchangeLife is for how long a server is known to make no use of ML-KEM.
const keyExchangeLife = time.Hour

// classical are the key exchanges without ML-KEM that crypto/tls offers, in its order.
var classical = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// keyExchanges knows servers that completed a verified handshake without ML-KEM although it was offered. The next handshakes with such
// a server do not make an ML-KEM key, which is a third of their CPU. Nothing is weakened: the server would not have used the key, and
// nobody else can complete a verified handshake in its name. It is offered anew an hour after it last was.
type keyExchanges struct {
	mu    sync.Mutex
	since map[string]time.Time // by the key of the session; when ML-KEM was last offered
}

// preferences are for tls.Config.CurvePreferences: nil, which offers all, unless the server is known.
func (k *keyExchanges) preferences(key string) []tls.CurveID {
	k.mu.Lock()
	defer k.mu.Unlock()
	since, ok := k.since[key]
	switch {
	case !ok:
		return nil
	case time.Since(since) >= keyExchangeLife:
		delete(k.since, key)
		return nil
	}
	return classical
}

// completed notes a verified handshake in which everything was offered.
func (k *keyExchanges) completed(key string, used tls.CurveID) {
	if used != 0 && !slices.Contains(classical, used) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.since[key]; !ok && len(k.since) >= maxSessions {
		for other := range k.since { // any one: what it costs is one offer
			delete(k.since, other)
			break
		}
	}
	if k.since == nil {
		k.since = make(map[string]time.Time)
	}
	k.since[key] = time.Now()
}

// failed forgets a server, which may have changed what it takes.
func (k *keyExchanges) failed(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.since, key)
}
