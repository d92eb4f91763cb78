package fetch

import (
	"container/list"
	"crypto/tls"
	"strconv"
	"sync"
	"time"
)

// Bounds on what is remembered of servers.
const (
	maxSessions  = 8192 // a herd of more than fit would find none of them again
	sessionRoom  = 64 << 20
	largeSession = 64 << 10 // is not kept: a server that sends that much does so to harm
	sessionBase  = 1 << 10  // of a session without ticket and certificates
	sessionLife  = time.Hour
)

// sessions is a bounded cache of TLS sessions, the least recently used leaving first. Accounts do not share sessions:
// a ticket would tell a server that two of them use one service.
type sessions struct {
	mu      sync.Mutex
	entries map[string]*list.Element
	recent  *list.List // of *session, the latest at the front
	bytes   int        // of all
}

type session struct {
	key   string
	state *tls.ClientSessionState
	size  int
	since time.Time
}

func newSessions() *sessions {
	return &sessions{entries: make(map[string]*list.Element), recent: list.New()}
}

// view is the cache as one account sees it for sessions of one name. peerBytes is the size of the server's certificates,
// known by the time that a session comes.
func (s *sessions) view(account int64, name string, peerBytes *int) tls.ClientSessionCache {
	return sessionView{s, sessionKey(account, name), peerBytes}
}

// forget drops what is known.
func (s *sessions) forget(account int64, name string) {
	s.put(sessionKey(account, name), nil, 0, time.Time{})
}

func sessionKey(account int64, name string) string {
	return strconv.FormatInt(account, 10) + " " + name
}

func (s *sessions) get(key string, now time.Time) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[key]
	if !ok {
		return nil, false
	}
	found := e.Value.(*session)
	if now.Sub(found.since) >= sessionLife {
		s.remove(e)
		return nil, false
	}
	s.recent.MoveToFront(e)
	return found.state, true
}

// put replaces the session of key, which takes so many bytes; a nil state removes it.
func (s *sessions) put(key string, state *tls.ClientSessionState, size int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.entries[key]; ok {
		s.remove(e)
	}
	if state == nil || size > largeSession {
		return
	}
	for s.recent.Len() >= maxSessions || s.bytes+size > sessionRoom {
		s.remove(s.recent.Back())
	}
	s.entries[key] = s.recent.PushFront(&session{key, state, size, now})
	s.bytes += size
}

func (s *sessions) remove(e *list.Element) {
	gone := e.Value.(*session)
	delete(s.entries, gone.key)
	s.bytes -= gone.size
	s.recent.Remove(e)
}

// sessionView puts its own key in place of the one that crypto/tls makes of the server's name alone.
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
