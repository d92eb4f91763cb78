package fetch

import (
	"crypto/x509"
	"fmt"
	"sync"
)

// roots are the authorities that servers are verified with. Those of the host are read by ourselves and kept once read
// well: package x509 would read them once and keep a failure until the program ends.
type roots struct {
	read func() (*x509.CertPool, error)

	mu   sync.Mutex
	pool *x509.CertPool
}

// newRoots returns the given authorities, or with nil those of the host, which are read at once: that costs few
// milliseconds, and while a program starts there are files enough.
func newRoots(given *x509.CertPool) *roots {
	r := &roots{read: x509.SystemCertPool, pool: given}
	_, _ = r.get() // a failure is that of the exchange that needs them
	return r
}

// rootsError is the error of authorities that cannot be read.
type rootsError struct{ err error }

// Error is the text for logs.
func (e *rootsError) Error() string {
	return fmt.Sprintf("read the authorities of the host: %v", e.err)
}

// get returns the authorities. They are shared: not to be changed. The error is a *rootsError.
func (r *roots) get() (*x509.CertPool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pool != nil {
		return r.pool, nil
	}
	pool, err := r.read()
	if err != nil {
		return nil, &rootsError{err}
	}
	r.pool = pool
	return pool, nil
}
