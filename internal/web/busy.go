package web

import (
	"sync"
	"time"

	"punctual/internal/cron"
)

// Requests of one person that may be in progress at once on a node, so that nobody takes all connections and all memory.
const (
	personRequests = 16
	personExports  = 1
)

// inProgress counts what people have in progress. The zero value is ready for use.
type inProgress struct {
	mu    sync.Mutex
	count map[int64]int
}

// enter counts one more of a person, unless there are most of them already; leave ends it.
func (p *inProgress) enter(personID int64, most int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[personID] >= most {
		return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second}
	}
	if p.count == nil {
		p.count = map[int64]int{}
	}
	p.count[personID]++
	return nil
}

func (p *inProgress) leave(personID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[personID]--; p.count[personID] == 0 {
		delete(p.count, personID)
	}
}
