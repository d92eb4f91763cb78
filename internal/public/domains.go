package public

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"punctual/internal/statuspage"
)

// reloadEvery is how often all domains are read even if their revision is the same, as it is when an account was disabled or deleted.
const reloadEvery = time.Minute

// HeldDomains reads the domains of all pages.
type HeldDomains interface {
	// DomainsRevision is a number that grows when HeldDomains changes.
	DomainsRevision(ctx context.Context) (int64, error)
	HeldDomains(ctx context.Context) ([]statuspage.HeldDomain, error)
}

// Domains are the hosts at which pages are shown, in memory: a host that is not one of them costs nothing. A nil one has none. It is safe
// for concurrent use.
type Domains struct {
	source HeldDomains
	own    []string // which are never among them

	mu       sync.RWMutex
	byHost   map[string]statuspage.HeldDomain
	revision int64
	read     time.Time // when all were read
}

// NewDomains has no domains before the first Refresh, and never one of the service's own hosts.
func NewDomains(source HeldDomains, own ...string) *Domains {
	return &Domains{source: source, own: own}
}

// Refresh reads the domains if they changed. It is for one caller at a time.
func (d *Domains) Refresh(ctx context.Context) error {
	revision, err := d.source.DomainsRevision(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	if revision == d.revision && now.Sub(d.read) < reloadEvery {
		return nil
	}
	list, err := d.source.HeldDomains(ctx) // which is not older than the revision
	if err != nil {
		return err
	}
	byHost := make(map[string]statuspage.HeldDomain, len(list))
	for _, one := range list {
		if !slices.Contains(d.own, one.Host) {
			byHost[one.Host] = one
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byHost, d.revision, d.read = byHost, revision, now
	return nil
}

// Leads tells whether a host, as requests name it, is a domain of a page.
func (d *Domains) Leads(host string) bool {
	_, ok := d.find(host)
	return ok
}

// Holds tells whether a domain of a page has exactly this name. Unlike Leads it takes one text only for each domain, so that what clients
// choose can be a key of something kept.
func (d *Domains) Holds(name string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, ok := d.byHost[name]
	return ok
}

func (d *Domains) find(host string) (statuspage.HeldDomain, bool) {
	if d == nil {
		return statuspage.HeldDomain{}, false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	found, ok := d.byHost[strings.TrimSuffix(strings.ToLower(host), ".")]
	return found, ok
}
