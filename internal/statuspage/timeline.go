package statuspage

import (
	"cmp"
	"slices"
	"time"
)

// Layers is what is set in each layer at an instant. The zero value is that of a component of which nothing is known.
type Layers [LayerCount]Setting

// Setting is what one layer says.
type Setting struct {
	Set   bool
	State State
}

// Apply makes a transition.
func (l *Layers) Apply(t Transition) {
	l[t.Layer] = Setting{!t.Clear, t.State}
	if t.Clear {
		l[t.Layer].State = Unknown
	}
}

// Shown is the state that a visitor is shown: what a person set, else maintenance, else the worse one of what is observed and of what
// incidents say.
func (l Layers) Shown() State {
	switch {
	case l[LayerHand].Set:
		return l[LayerHand].State
	case l[LayerMaintenance].Set:
		return Maintenance
	case l[LayerIncident].Set:
		return Graver(l[LayerObserved].State, l[LayerIncident].State)
	}
	return l[LayerObserved].State
}

// Stretch is a time in which a component was shown in one state.
type Stretch struct {
	From, To time.Time
	State    State
}

// Stretches is how a component was shown between two instants, without gaps, by its transitions in any order. Before the first transition of
// a layer nothing is set in it. Adjacent ones have different states.
func Stretches(transitions []Transition, from, to time.Time) []Stretch {
	if !from.Before(to) {
		return nil
	}
	ordered := slices.SortedStableFunc(slices.Values(transitions), func(a, b Transition) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Layer, b.Layer))
	})
	var layers Layers
	i := 0
	for ; i < len(ordered) && !ordered[i].At.After(from); i++ {
		layers.Apply(ordered[i])
	}
	stretches := []Stretch{{from, to, layers.Shown()}}
	for ; i < len(ordered) && ordered[i].At.Before(to); i++ {
		layers.Apply(ordered[i])
		last := &stretches[len(stretches)-1]
		shown := layers.Shown()
		switch {
		case shown == last.State:
		case ordered[i].At.After(last.From):
			last.To = ordered[i].At
			stretches = append(stretches, Stretch{ordered[i].At, to, shown})
		case len(stretches) > 1 && stretches[len(stretches)-2].State == shown: // several transitions at one instant
			stretches = stretches[:len(stretches)-1]
			stretches[len(stretches)-1].To = to
		default:
			last.State = shown
		}
	}
	return stretches
}
