package store

import (
	"context"
	"sync/atomic"
	"time"
)

// Some upkeep is done for the whole service by one node at a time: the one that holds its duty. A row of the table duty names the node. Each
// node asks before a step. It keeps the duty, or takes it when nobody has it, when the holder is dead, as its lease tells, or drains, or
// when the holder has not asked again for long, as one does that hangs:
//
//	node 1   asks, has it ── works ── asks, keeps it ── dies
//	node 2       asks, no            asks, no               asks, has it ── works
//
// Nothing depends on there being one holder only. All steps can be taken by several nodes at once; they would do the same work twice.
//
// A process that is no node, such as a command, does whatever it is asked to do, and so does the one node on SQLite.
type duties struct{ upkeep, statistics duty }

// duty is one of them. Whoever holds it asks again before held is over.
type duty struct {
	name string
	held time.Duration
	sure atomic.Int64 // up to when this node does not ask again, in Unix milliseconds of the database's clock
}

// dutySure is for how long a node that has got a duty does not ask again, so that steps that follow each other do not cost more.
const dutySure = 10 * time.Second

func (d *duties) name() {
	d.upkeep.name, d.upkeep.held = "upkeep", 25*time.Minute
	d.statistics.name, d.statistics.held = "statistics", 2*time.Minute
}

// onDuty tells whether this process is to take the next step of a duty.
func (s *Store) onDuty(ctx context.Context, d *duty) (bool, error) {
	node := s.reported.Load()
	if node == nil {
		return true, nil
	}
	return s.engine.holds(ctx, d, node.epoch)
}
