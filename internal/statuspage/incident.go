package statuspage

import "time"

// Limits of incidents.
const (
	MaxIncidents       = 1000     // of a page; the oldest that are resolved go first
	MaxUpdates         = 200      // of an incident
	MaxIncidentTitle   = 200      // characters
	MaxUpdateText      = 16 << 10 // bytes of Markdown
	MaxMaintenances    = 100      // of a page that are not over
	MaxMaintenanceText = 8 << 10  // bytes of Markdown
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

// Effect is what a maintenance does to the jobs of its components. The numbers are stored.
type Effect int

// The effects.
const (
	EffectNone    Effect = iota
	EffectSilence        // no notices are given
	EffectPause          // what is due is skipped, too
)
