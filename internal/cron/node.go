package cron

import (
	"errors"
	"time"
)

// Lease is how long a node counts as alive after a heartbeat.
const Lease = 10 * time.Second

// ErrNodeDead tells a node that its lease has ended and that others may have settled its executions: it needs a new epoch.
var ErrNodeDead = errors.New("the node's lease has ended")
