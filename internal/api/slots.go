package api

import "sync"

// accountRequests is how many requests of an account may be in progress, on one node: whoever is slow to send a body, or to
// read an answer, keeps a connection and the memory for both.
const accountRequests = 64

// accountSlots counts what accounts have in progress. The zero value is ready for use.
type accountSlots struct {
	mu    sync.Mutex
	taken map[int64]int
}

// enter takes a slot, unless the account has most of them already; leave gives it back.
func (s *accountSlots) enter(accountID int64, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[accountID] >= most {
		return false
	}
	if s.taken == nil {
		s.taken = make(map[int64]int)
	}
	s.taken[accountID]++
	return true
}

func (s *accountSlots) leave(accountID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[accountID]--; s.taken[accountID] == 0 {
		delete(s.taken, accountID)
	}
}
