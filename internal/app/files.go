package app

import (
	"errors"

	"punctual/internal/message"
)

// The operating system limits how many files a process may have open, sockets among them. The limit is shared out once,
// at the start, so that nobody who connects to the service takes files from the executions:
//
//	limit = ownFiles + connections of clients + filesPerSlot for each slot
//
// Connections get what the slots leave over, and no less than a tenth.
const (
	ownFiles       = 64   // for the database, its side files or connections, the log and the locks
	filesPerSlot   = 2    // its connection, and another one while it looks a name up or tries a second address
	fewSlots       = 100  // with fewer, unless asked for, the service does not start
	fewConnections = 32   // of clients
	maxConnections = 4096 // of clients: each takes memory too
)

// fileShares is how many slots and connections of clients there may be.
type fileShares struct{ slots, connections int }

// shareFiles shares out the files that the process may open, when that many slots are wished for.
func shareFiles(limit, slots int) (fileShares, error) {
	connections := min(max(fewConnections, limit/10), maxConnections)
	s := fileShares{slots: min(slots, (limit-ownFiles-connections)/filesPerSlot)}
	if least := min(slots, fewSlots); s.slots < least {
		return s, errors.New(message.Default().TooFewFiles(limit, least, ownFiles+fewConnections+filesPerSlot*least))
	}
	s.connections = min(limit-ownFiles-filesPerSlot*s.slots, maxConnections)
	return s, nil
}
