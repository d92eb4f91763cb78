package notify

import (
	"sync"
	"time"
)

// slowAccounts remembers accounts whose receivers took long lately. The zero value is ready for use.
type slowAccounts struct {
	mu    sync.Mutex
	until map[int64]time.Time
}

// note notes that an attempt for an account took so long.
func (s *slowAccounts) note(account int64, took time.Duration) {
	if took < slowAttempt {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = make(map[int64]time.Time)
	}
	s.until[account] = time.Now().Add(slowPeriod)
}

// list lists them.
func (s *slowAccounts) list() (ids []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, until := range s.until {
		if time.Now().After(until) {
			delete(s.until, id)
			continue
		}
		ids = append(ids, id)
	}
	return ids
}
