package app

import (
	"errors"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// The operating system limits how many files, sockets included, a process may have open. The limit is divided once, at
// the start, so that clients never take file descriptors from executions:
//
//	limit = ownFiles + connections of clients + filesPerSlot for each slot
//
// Clients get what the slots leave over, but at least a tenth.
const (
	ownFiles       = 64   // for the database, its side files or connections, the log and the locks
	filesPerSlot   = 2    // its connection, and a second socket for a lookup or another address
	fewSlots       = 100  // with fewer, unless configured so, the service does not start
	fewConnections = 32   // of clients
	maxConnections = 4096 // of clients, to bound memory
	maxKept        = 512  // connections that wait for the next request to their host
)

// fileShares is the number of slots, of client connections, and of connections to the plain HTTP listener.
type fileShares struct{ slots, connections, plain int }

// sharePlain gives the plain HTTP listener, whose connections are short, an eighth of the client connections.
func (s *fileShares) sharePlain() {
	s.plain = max(8, s.connections/8)
	s.connections -= s.plain
}

// shareMessages is how many messages to channels may be sent at once. They get an eighth of the client connections, but at least 4.
func (s *fileShares) shareMessages() (messages int) {
	messages = min(max(s.connections/8/filesPerSlot, 2), cron.MaxSendingOfNode)
	s.connections -= filesPerSlot * messages
	return messages
}

// shareKept is how many connections may be kept open for the next request to their host. They get an eighth of the client connections.
func (s *fileShares) shareKept() (kept int) {
	kept = min(s.connections/8, maxKept)
	s.connections -= kept
	return kept
}

// shareFiles divides limit open files between the requested number of slots and client connections.
func shareFiles(limit, slots int) (fileShares, error) {
	connections := min(max(fewConnections, limit/10), maxConnections)
	s := fileShares{slots: min(slots, (limit-ownFiles-connections)/filesPerSlot)}
	if least := min(slots, fewSlots); s.slots < least {
		return s, errors.New(message.Default().TooFewFiles(limit, least, ownFiles+fewConnections+filesPerSlot*least))
	}
	s.connections = min(limit-ownFiles-filesPerSlot*s.slots, maxConnections)
	return s, nil
}
