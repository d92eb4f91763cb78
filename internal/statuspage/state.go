package statuspage

import (
	"fmt"
	"time"
)

// State is how a component is, or a page. The numbers are stored.
type State int

// The states.
const (
	Unknown       State = iota // nothing is known: it never ran, or runs no longer. It is never shown as if all was well
	Operational                // all is well
	Degraded                   // slow, or less than it is to be
	PartialOutage              // some of it does not work
	MajorOutage                // it does not work
	Maintenance                // it is worked on, as announced
)

// StateCount is the number of states.
const StateCount = int(Maintenance) + 1

var stateNames = [StateCount]string{"unknown", "operational", "degraded", "partialOutage", "majorOutage", "maintenance"}

// String is the name of the state in the API.
func (s State) String() string {
	return nameOf("State", stateNames[:], int(s))
}

// nameOf is the name of one of several numbers; for another number, words for logs.
func nameOf(kind string, names []string, n int) string {
	if n < 0 || n >= len(names) {
		return fmt.Sprintf("%s(%d)", kind, n)
	}
	return names[n]
}

// ParseState is the inverse of String.
func ParseState(name string) (State, bool) {
	for i, known := range stateNames {
		if known == name {
			return State(i), true
		}
	}
	return Unknown, false
}

// Layer is what a state comes from. The numbers are stored.
type Layer int

// The layers.
const (
	LayerObserved Layer = iota
	LayerHand
	LayerIncident
	LayerMaintenance
	LayerCount int = iota
)

// Transition says that from an instant on, a layer of a component has another state. Only in layers other than LayerObserved can there be
// none at all, which Clear says.
type Transition struct {
	ComponentID int64
	Layer       Layer
	At          time.Time // whole milliseconds
	State       State
	Clear       bool // nothing is set in this layer any more
}
