package cron

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Lease is how long a node counts as alive after a heartbeat.
const Lease = 10 * time.Second

// NodeRole is what a node does. The zero value is NodeAll.
type NodeRole string

// The roles of nodes.
const (
	NodeAll    NodeRole = "all"
	NodeAPI    NodeRole = "api"    // serves the API, the console and status pages
	NodeWorker NodeRole = "worker" // executes jobs, sends messages and does upkeep
)

// Works tells whether nodes of the role execute jobs, send messages and do upkeep.
func (r NodeRole) Works() bool { return r != NodeAPI }

// Serves tells whether nodes of the role serve the API, the console and status pages.
func (r NodeRole) Serves() bool { return r != NodeWorker }

// Node is a start of the service on a machine.
type Node struct {
	Epoch     int64
	Name      string // chosen by the operator, or that of the machine; nodes may have the same
	Role      NodeRole
	Version   string       // of the program; empty for nodes that did not tell
	Addresses []netip.Addr // that its executions come from
	Listeners Listeners
	Started   time.Time
	Alive     bool // it has not ended, as far as its lease tells
	Draining  bool // it claims nothing more and finishes what runs

	// As of the latest heartbeat.
	Heartbeat   time.Time     // zero for nodes that did not tell
	ClockOffset time.Duration // the clock of its machine less that of the database
	InFlight    int           // executions and test runs
	Lateness    time.Duration // the highest of the executions that it started in the last minute
}

// Listeners is where a node accepts connections.
type Listeners struct {
	Host string // the same for nodes that share their loopback addresses; empty when that is not known
	// At are the addresses and ports. An unspecified address stands for every address of the host. Those of them that other hosts can
	// reach are listed, too.
	At []netip.AddrPort
}

// MaxListeners is the number of addresses of one node that the others keep.
const MaxListeners = 256

// NodeState is what a node does at present.
type NodeState string

// The states of nodes.
const (
	NodeEnded    NodeState = "ended"
	NodeDraining NodeState = "draining"
	NodeServes   NodeState = "serves" // and executes no jobs, as its role says
	NodeWorks    NodeState = "works"
)

// State is what a node does at present, as far as its lease tells.
func (n *Node) State() NodeState {
	switch {
	case !n.Alive:
		return NodeEnded
	case n.Draining:
		return NodeDraining
	case !n.Role.Works():
		return NodeServes
	}
	return NodeWorks
}

// Working tells whether a node executes jobs at present.
func (n *Node) Working() bool { return n.State() == NodeWorks }

// WorkingNodes counts the nodes that execute jobs at present.
func WorkingNodes(nodes []Node) (count int) {
	for i := range nodes {
		if nodes[i].Working() {
			count++
		}
	}
	return count
}

// SharedNames lists the names that several live nodes have, each once.
func SharedNames(nodes []Node) (names []string) {
	count := make(map[string]int)
	for i := range nodes {
		if n := &nodes[i]; n.Alive {
			if count[n.Name]++; count[n.Name] == 2 {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// Heartbeat is what a node says of itself while it runs.
type Heartbeat struct {
	Epoch int64
	// RunningFrom gets the ID of the latest execution of any node, and returns one below which all executions of this node have ended.
	RunningFrom func(latest int64) int64
	InFlight    int
	Lateness    time.Duration
	Listeners   []netip.AddrPort // as they are now: machines get and lose addresses
}

// FindNode finds a live node by its epoch in digits, or by its name. The error is a *SharedNameError where several have the name.
func FindNode(nodes []Node, text string) (*Node, error) {
	epoch, _ := strconv.ParseInt(text, 10, 64)
	var found []*Node
	for i := range nodes {
		if n := &nodes[i]; n.Alive && (n.Name == text || n.Epoch == epoch) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return nil, Missing(SubjectNode)
	case 1:
		return found[0], nil
	}
	return nil, &SharedNameError{Name: text, Nodes: found}
}

// SharedNameError says that several live nodes have a name.
type SharedNameError struct {
	Name  string
	Nodes []*Node
}

// Error is the text for logs; people read the sentences of package message.
func (e *SharedNameError) Error() string { return "several live nodes have the name " + e.Name }

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

// OutdatedError means that the database has been changed for newer programs, so this process must stop.
type OutdatedError struct{ Lowest, Known int64 } // versions of the schema: that a program must know, and that this one knows

func (e *OutdatedError) Error() string {
	return fmt.Sprintf("the database is now for programs that know at least version %d of its schema, and this program knows version %d",
		e.Lowest, e.Known)
}

// ErrNodeDead means that the lease of a node has ended and others may have settled its executions. It needs a new epoch.
var ErrNodeDead = errors.New("the node's lease has ended")
