package statuspage

// gravity orders states by how bad they are where several count, the least first. What is unknown is worse than what is known to work,
// so that no data is never shown as if all was well.
var gravity = [StateCount]int{Operational: 0, Unknown: 1, Maintenance: 2, Degraded: 3, PartialOutage: 4, MajorOutage: 5}

// Graver is the worse one of two states.
func Graver(a, b State) State {
	if gravity[b] > gravity[a] {
		return b
	}
	return a
}

// Gravest is the worst one of states, which is the state of all of them together, as of the components of a page; Unknown for none.
func Gravest(states []State) State {
	if len(states) == 0 {
		return Unknown
	}
	worst := states[0]
	for _, s := range states[1:] {
		worst = Graver(worst, s)
	}
	return worst
}

// StateOf is the state of components together: of a page, or of a group.
func StateOf(components []Component) State {
	states := make([]State, len(components))
	for i := range components {
		states[i] = components[i].State
	}
	return Gravest(states)
}

// Observe is the state of a component whose jobs have the given health, of which needed have to work, or all if that is 0 or more than
// there are. It is unknown without jobs.
func Observe(jobs []Health, needed int) State {
	var n [HealthDown + 1]int
	for _, h := range jobs {
		n[h]++
	}
	if needed <= 0 || needed > len(jobs) {
		needed = len(jobs)
	}
	working := n[HealthUp] + n[HealthSlow]
	switch {
	case len(jobs) == 0:
		return Unknown
	case n[HealthDown] == len(jobs):
		return MajorOutage
	case n[HealthUp] >= needed:
		return Operational
	case working >= needed:
		return Degraded
	case working+n[HealthUnknown] >= needed:
		return Unknown
	}
	return PartialOutage
}
