package cron

import (
	"errors"
	"time"
)

// Lease is how long a node counts as alive after a heartbeat.
const Lease = 10 * time.Second

// Node is a start of the service on a machine.
type Node struct {
	Epoch   int64
	Name    string // of the machine
	Started time.Time
	Alive   bool // it has not ended, as far as its lease tells
}

// Storage is what the database holds, and what waits in it.
type Storage struct {
	Bytes           int64 // that the database takes
	Due             int   // occurrences and attempts that wait for a slot
	Notices         int   // that are kept, counted up to 10,000
	WaitingMessages int   // messages to channels that wait, counted up to 10,000
	FailingChannels int   // channels that keep failing
}

// ErrFailover means that another server has taken over as the database. It may have forgotten the last writes of the former one,
// where that does not wait for its standby.
var ErrFailover = errors.New("another server has taken over as the database")

// ErrNodeDead means that the lease of a node has ended and others may have settled its executions. It needs a new epoch.
var ErrNodeDead = errors.New("the node's lease has ended")
