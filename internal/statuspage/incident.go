package statuspage

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// Limits of incidents.
const (
	MaxIncidents       = 1000      // of a page; the oldest that are resolved go first
	MaxOpenIncidents   = 50        // of a page that are not resolved, drafts too
	MaxUpdates         = 200       // of an incident
	MaxIncidentTitle   = 200       // characters
	MaxUpdateText      = 16 << 10  // bytes of Markdown
	MaxUpdateTexts     = 256 << 10 // bytes of all updates of an incident
	MaxMaintenances    = 100       // of all pages of an account; those that have been over for the longest time go first
	MaxMaintenanceText = 8 << 10   // bytes of Markdown

	MaxDatedBack = 366 * 24 * time.Hour // of an update
)

// Phase is how far an incident is. The numbers are stored.
type Phase int

// The phases of an incident.
const (
	Investigating Phase = iota
	Identified
	Monitoring
	Resolved
)

// PhaseCount is the number of phases.
const PhaseCount = int(Resolved) + 1

var phaseNames = [PhaseCount]string{"investigating", "identified", "monitoring", "resolved"}

// String is the name of the phase in the API.
func (p Phase) String() string {
	return nameOf("Phase", phaseNames[:], int(p))
}

// Incident is a disturbance that a page tells of.
type Incident struct {
	ID        int64
	PageID    int64
	AccountID int64
	Title     string
	Draft     bool // only people of the account see it, and it has no impact
	// Automatic is the component that it was made for by the service; 0 for one that a person made. Touched says that a person changed
	// it since, so that the service leaves it alone.
	Automatic int64
	Touched   bool
	Phase     Phase     // of the latest update
	Started   time.Time // can be in the past
	Resolved  time.Time // zero when it is not
	Impacts   []Impact  // in effect now: of the latest update that names the component; none when resolved
	Updates   []Update  // the newest first
	Created   time.Time
}

// Impact is the state that an incident gives a component.
type Impact struct {
	ComponentID int64
	State       State // Operational to MajorOutage; Operational is none
}

// Update is one entry of an incident.
type Update struct {
	ID      int64
	Phase   Phase
	Text    string // Markdown
	At      time.Time
	Impacts []Impact // what changes with it: components that are not named keep their impact; an update that resolves clears all
	By      string   // as cron.Author.Label; visitors are not told
}

// Accept takes what people set of an incident beside its updates, the title, into its normal form and reports what is wrong. The error
// is a *cron.Error of kind Invalid.
func (i *Incident) Accept() error {
	var c cron.Checker
	i.Title = strings.TrimSpace(i.Title)
	c.Title("/title", i.Title, MaxIncidentTitle)
	return c.Err()
}

// Accept takes an update that a person writes at now into its normal form and reports what is wrong, as Incident.Accept does. Without a
// time it is of now. The components are those of the page; before is what the update was when it is edited, whose components may be gone.
func (u *Update) Accept(components []int64, before *Update, now time.Time) error {
	var c cron.Checker
	c.Choice("/phase", int(u.Phase), PhaseCount)
	if u.Text = strings.TrimSpace(u.Text); u.Text == "" {
		c.Add("/text", cron.Problem{Rule: cron.RuleMandatory})
	}
	c.Lines("/text", u.Text, MaxUpdateText)
	if u.At.IsZero() {
		u.At = now
	}
	u.At = u.At.UTC().Truncate(time.Millisecond)
	if oldest := now.Add(-MaxDatedBack); !u.At.Equal(before.At) && (u.At.After(now) || u.At.Before(oldest)) {
		c.Add("/at", cron.OutOfRange(u.At.Unix(), oldest.Unix()+1, now.Unix()))
	}
	if u.Phase == Resolved {
		u.Impacts = nil
	}
	u.acceptImpacts(&c, components, before)
	return c.Err()
}

// acceptImpacts checks the impacts and sorts them by component.
func (u *Update) acceptImpacts(c *cron.Checker, components []int64, before *Update) {
	if len(u.Impacts) > MaxComponents {
		c.Add("/impacts", cron.Problem{Rule: cron.RuleTooMany, Limit: MaxComponents})
		return
	}
	for n, impact := range u.Impacts {
		pointer := "/impacts/" + strconv.Itoa(n)
		same := func(other Impact) bool { return other.ComponentID == impact.ComponentID }
		given := strconv.FormatInt(impact.ComponentID, 10)
		switch {
		case slices.ContainsFunc(u.Impacts[:n], same):
			c.Add(pointer+"/componentId", cron.Problem{Rule: cron.RuleTwice, Given: given})
		case !slices.Contains(components, impact.ComponentID) && !slices.ContainsFunc(before.Impacts, same):
			c.Add(pointer+"/componentId", cron.Problem{Rule: cron.RuleUnknownComponent, Given: given})
		}
		if impact.State < Operational || impact.State > MajorOutage {
			c.Add(pointer+"/state", cron.Problem{Rule: cron.RuleUnknownValue, Given: impact.State.String()})
		}
	}
	u.Impacts = slices.SortedFunc(slices.Values(u.Impacts), byComponent)
}

func byComponent(a, b Impact) int { return cmp.Compare(a.ComponentID, b.ComponentID) }

// Fold sorts the updates and works out what follows from them: Phase, Started, Resolved and Impacts. One that is not stored yet counts as the
// latest of its instant.
func (i *Incident) Fold() {
	slices.SortStableFunc(i.Updates, newestFirst)
	i.Phase, i.Started, i.Resolved, i.Impacts = Investigating, time.Time{}, time.Time{}, nil
	if len(i.Updates) > 0 {
		i.Started = i.Updates[len(i.Updates)-1].At
	}
	for _, u := range slices.Backward(i.Updates) {
		i.Phase, i.Resolved = u.Phase, time.Time{}
		if u.Phase == Resolved {
			i.Resolved = u.At
		}
		i.Impacts = u.apply(i.Impacts)
	}
}

func newestFirst(a, b Update) int {
	const unstored = 1<<63 - 1
	id := func(u Update) int64 {
		if u.ID == 0 {
			return unstored
		}
		return u.ID
	}
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(id(b), id(a)))
}

// apply is the impacts after an update, by what they were before.
func (u *Update) apply(before []Impact) (after []Impact) {
	if u.Phase == Resolved {
		return nil
	}
	for _, impact := range before {
		if !slices.ContainsFunc(u.Impacts, func(n Impact) bool { return n.ComponentID == impact.ComponentID }) {
			after = append(after, impact)
		}
	}
	for _, impact := range u.Impacts {
		if impact.State > Operational {
			after = append(after, impact)
		}
	}
	slices.SortFunc(after, byComponent)
	return after
}

// Update is the update of that ID; nil when the incident does not have it.
func (i *Incident) Update(id int64) *Update {
	for n := range i.Updates {
		if i.Updates[n].ID == id {
			return &i.Updates[n]
		}
	}
	return nil
}

// Limits of the updates that are shown at once.
const (
	shownUpdates = 50
	shownSize    = 16 << 10 // bytes of texts
	impactSize   = 100      // of a text that takes about as much room as an impact
)

// Part is the updates that a page shows at once, from the one of the ID from on (0: the newest). next is the one from which the part behind it
// begins, 0 at the end. ok is false when the incident has no such update.
func (i *Incident) Part(from int64) (part []Update, next int64, ok bool) {
	first := 0
	if from != 0 {
		if first = slices.IndexFunc(i.Updates, func(u Update) bool { return u.ID == from }); first < 0 {
			return nil, 0, false
		}
	}
	size := 0
	for n := first; n < len(i.Updates); n++ {
		u := &i.Updates[n]
		size += len(u.Text) + impactSize*len(u.Impacts)
		if n > first && (size > shownSize || n-first == shownUpdates) {
			return i.Updates[first:n], u.ID, true
		}
	}
	return i.Updates[first:], 0, true
}

// IncidentLayers is the layer of incidents of components from an instant on: for each its state then, and each change after it. The gravest
// impact counts; drafts have none. Of the incidents it needs all updates, those of before the instant included.
func IncidentLayers(incidents []Incident, components []int64, from time.Time) map[int64][]Transition {
	changes := make(map[int64][]impactChange)
	for n := range incidents {
		if !incidents[n].Draft {
			incidents[n].addChanges(changes)
		}
	}
	layers := make(map[int64][]Transition, len(components))
	for _, id := range components {
		layers[id] = incidentLayer(id, changes[id], from)
	}
	return layers
}

// impactChange says that the impact of an incident on a component was one state and is another; Operational is none.
type impactChange struct {
	at       time.Time
	from, to State
}

// addChanges adds how the impacts of an incident change, by component.
func (i *Incident) addChanges(changes map[int64][]impactChange) {
	states := make(map[int64]State)
	change := func(id int64, at time.Time, to State) {
		if from := max(states[id], Operational); from != to {
			changes[id] = append(changes[id], impactChange{at, from, to})
			states[id] = to
		}
	}
	for _, u := range slices.Backward(i.Updates) {
		if u.Phase == Resolved {
			for id := range states {
				change(id, u.At, Operational)
			}
			continue
		}
		for _, impact := range u.Impacts {
			change(impact.ComponentID, u.At, impact.State)
		}
	}
}

// incidentLayer is the layer of a component by the changes of all impacts on it.
func incidentLayer(componentID int64, changes []impactChange, from time.Time) []Transition {
	slices.SortStableFunc(changes, func(a, b impactChange) int { return a.at.Compare(b.at) })
	var (
		counts [StateCount]int
		list   = []Transition{{ComponentID: componentID, Layer: LayerIncident, At: from, Clear: true}}
	)
	for _, c := range changes {
		counts[c.from]--
		counts[c.to]++
		t := Transition{ComponentID: componentID, Layer: LayerIncident, At: c.at, Clear: true}
		if t.At.Before(from) {
			t.At = from
		}
		for state := MajorOutage; state > Operational && t.Clear; state-- {
			if counts[state] > 0 {
				t.State, t.Clear = state, false
			}
		}
		if last := len(list) - 1; list[last].At.Equal(t.At) {
			list = list[:last]
		}
		if n := len(list); n == 0 || list[n-1].State != t.State || list[n-1].Clear != t.Clear {
			list = append(list, t)
		}
	}
	return list
}
