package fetch

import (
	"container/list"
	"crypto/tls"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Limits on the cache of TLS sessions.
const (
	maxSessions     = 8192 // with more servers than this due in turn, LRU eviction leaves no hits
	maxSessionBytes = 64 << 20
	largeSession    = 64 << 10 // larger sessions are not cached, so that one server cannot evict the others
	sessionBase     = 1 << 10  // estimated size of a session without its ticket and certificates
	sessionLife     = time.Hour
	maxTickets      = 4 // of one server
)

// sessions is an LRU cache of TLS sessions. Accounts do not share sessions: a server could tell from a shared ticket that
// two accounts use the same service.
//
// It keeps the latest tickets of a server. One is used once as long as there are others, since some servers take each only once, and an
// observer could tell by a ticket which connections have one client (RFC 8446, appendix C.4). So exchanges with one server at the same
// time do not all have the same ticket. The last one stays: most servers take it again.
type sessions struct {
	mu      sync.Mutex
	entries map[string]*list.Element
	recent  *list.List // of *session, most recently used first
	bytes   int        // total size
}

// session is what is kept of one server.
type session struct {
	key     string
	tickets []ticket // at least one, oldest first
	size    int      // of all tickets
}

type ticket struct {
	state *tls.ClientSessionState
	size  int
	since time.Time
}

func newSessions() *sessions {
	return &sessions{entries: make(map[string]*list.Element), recent: list.New()}
}

// forServer returns the cache for one account and one session name. peerBytes points to the size of the server's certificates,
// which must be set before Put is called.
func (s *sessions) forServer(account int64, name string, peerBytes *int) tls.ClientSessionCache {
	return sessionView{s, sessionKey(account, name), peerBytes}
}

// forget removes the tickets of a server.
func (s *sessions) forget(account int64, name string) {
	s.put(sessionKey(account, name), nil, 0, time.Time{})
}

func sessionKey(account int64, name string) string {
	return strconv.FormatInt(account, 10) + " " + name
}

// get returns the latest ticket of key, and takes it out unless it is the last.
func (s *sessions) get(key string, now time.Time) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[key]
	if !ok {
		return nil, false
	}
	found := e.Value.(*session)
	last := len(found.tickets) - 1
	latest := found.tickets[last]
	if now.Sub(latest.since) >= sessionLife {
		s.remove(e)
		return nil, false
	}
	s.recent.MoveToFront(e)
	if last > 0 {
		found.tickets[last] = ticket{}
		found.tickets = found.tickets[:last]
		found.size -= latest.size
		s.bytes -= latest.size
	}
	return latest.state, true
}

// put adds a ticket of key; size is in bytes. A nil state removes all.
func (s *sessions) put(key string, state *tls.ClientSessionState, size int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := &session{key: key}
	if e, ok := s.entries[key]; ok {
		of = e.Value.(*session)
		s.remove(e)
	}
	if state == nil || size > largeSession {
		return
	}
	for len(of.tickets) >= maxTickets || of.size+size > largeSession {
		of.size -= of.tickets[0].size
		of.tickets = slices.Delete(of.tickets, 0, 1)
	}
	of.tickets, of.size = append(of.tickets, ticket{state, size, now}), of.size+size
	for s.recent.Len() >= maxSessions || s.bytes+of.size > maxSessionBytes {
		s.remove(s.recent.Back())
	}
	s.entries[key] = s.recent.PushFront(of)
	s.bytes += of.size
}

func (s *sessions) remove(e *list.Element) {
	gone := e.Value.(*session)
	delete(s.entries, gone.key)
	s.bytes -= gone.size
	s.recent.Remove(e)
}

// sessionView is a tls.ClientSessionCache with a fixed key. crypto/tls would use the server name alone.
type sessionView struct {
	sessions  *sessions
	key       string
	peerBytes *int
}

var _ tls.ClientSessionCache = sessionView{}

// Get implements tls.ClientSessionCache.
func (v sessionView) Get(string) (*tls.ClientSessionState, bool) {
	return v.sessions.get(v.key, time.Now())
}

// Put implements tls.ClientSessionCache.
func (v sessionView) Put(_ string, state *tls.ClientSessionState) {
	size := sessionBase + len(v.key) + *v.peerBytes
	if state != nil {
		if ticket, _, err := state.ResumptionState(); err == nil {
			size += len(ticket)
		}
	}
	v.sessions.put(v.key, state, size, time.Now())
}
