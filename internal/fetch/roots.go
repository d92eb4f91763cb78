package fetch

import (
	"crypto/x509"
	"fmt"
	"sync"
)

// roots holds the root certificates that servers are verified with. It caches those of the host, but not a failure to read
// them: package x509 reads them once and would return a failure until the program ends.
type roots struct {
	read func() (*x509.CertPool, error) // the result is its caller's
	more []*x509.Certificate

	mu   sync.Mutex
	pool *x509.CertPool
}

// newRoots returns the given root certificates, or with nil those of the host, and more. It reads them at once: that takes a few
// milliseconds, and file descriptors are available while the program starts.
func newRoots(given *x509.CertPool, more []*x509.Certificate) *roots {
	r := &roots{read: x509.SystemCertPool, more: more}
	if given != nil {
		r.read = func() (*x509.CertPool, error) { return given.Clone(), nil }
	}
	_, _ = r.get() // if it fails, the first exchange that needs them tries again
	return r
}

// rootsError is the error for root certificates that cannot be read.
type rootsError struct{ err error }

// Error is the text for logs.
func (e *rootsError) Error() string {
	return fmt.Sprintf("read the authorities of the host: %v", e.err)
}

// get returns the root certificates. The pool is shared and must not be modified. The error is a *rootsError.
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
	for _, c := range r.more {
		pool.AddCert(c)
	}
	r.pool = pool
	return pool, nil
}
