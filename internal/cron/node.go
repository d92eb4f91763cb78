package cron

import (
	"errors"
	"time"
)

// Lease is how long a node counts as alive after a heartbeat.
const Lease = 10 * time.Second

// ErrNodeDead means that the lease of a node has ended and others may have settled its executions. It needs a new epoch.
var ErrNodeDead = errors.New("the node's lease has ended")
