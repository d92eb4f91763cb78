package service

import "sync"

// InProgress bounds how much of something one account or person has in progress on this node, such as requests: whoever is
// slow to send or to read keeps a connection and the memory for both. The zero value is ready for use.
type InProgress struct {
	mu    sync.Mutex
	count map[int64]int
}

// Enter counts one more for an ID, unless it has most of them already. Leave ends one.
func (p *InProgress) Enter(id int64, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[id] >= most {
		return false
	}
	if p.count == nil {
		p.count = make(map[int64]int)
	}
	p.count[id]++
	return true
}

// Leave ends what Enter has begun.
func (p *InProgress) Leave(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[id]--; p.count[id] == 0 {
		delete(p.count, id)
	}
}
