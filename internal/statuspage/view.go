package statuspage

import (
	"net/netip"
	"slices"
	"time"
)

// Entrance is what decides who may read a page, and whether a rendering of it is current.
type Entrance struct {
	PageID    int64
	AccountID int64
	Slug      string
	Revision  int64
	Published bool
	Access    Access
	Networks  []netip.Prefix // that the address of a visitor has to lie in; none for all
	// Mark is another one with each password of the page, and tells nothing of it; "" without one.
	Mark string
	// BadgeRenewals is how often the addresses of its badges with a token have been renewed.
	BadgeRenewals int64
}

// Durations are how long something was in each state.
type Durations [StateCount]time.Duration

// Day is a day of the page's time zone in the history of a component. A day with a clock change has 23 or 25 hours.
type Day struct {
	Start  time.Time // in the page's time zone: midnight, or later where the clock is changed at midnight
	States Durations // less than the day when it is not over
}

// History is how a component was.
type History struct {
	ComponentID int64
	Days        []Day // the oldest first; the last one is today
	// How long it was in each state in the last 24 hours, and on the last 7, 30 and 90 days, of which today is one.
	Last24h, Last7, Last30, Last90 Durations
}

// View is all that a visitor sees of a page at an instant. It holds nothing of the account's jobs and people.
type View struct {
	Page      Page // without password, networks, jobs and rules of its components
	At        time.Time
	Logo      bool      // there is one for light pages
	DarkLogo  bool      // there is one for dark pages
	Histories []History // one for each component, in their order
	// Published incidents: those that are not resolved, and those that were within RecentIncidents; the newest first. Of their updates
	// there are the newest ShownUpdates, with texts of ShownTexts bytes at most; that of an update without room is empty.
	Incidents    []Incident
	Maintenances []Span // in progress and to come, the next first
	Domain       string // the host at which the page is at home, when it has a domain that leads to the service
}

// Limits of the updates of a View.
const (
	ShownUpdates = 500
	ShownTexts   = 256 << 10
)

// RecentIncidents is for how long a page shows incidents that are resolved. Older ones have a list of their own.
const RecentIncidents = 14 * 24 * time.Hour

// Span is one time of a maintenance.
type Span struct {
	PlanID       int64
	Title        string
	Text         string // Markdown
	Start, End   time.Time
	ComponentIDs []int64
}

// Of tells whether the maintenance is one of a component.
func (s Span) Of(componentID int64) bool { return slices.Contains(s.ComponentIDs, componentID) }

// ResponseTime is how long the runs of a component's jobs took in an hour.
type ResponseTime struct {
	From          time.Time
	Count         int64
	Median, Worst time.Duration // Worst is the 95th percentile
}

// Runs is what the latest runs of jobs tell. A time is zero when there is none.
type Runs struct {
	Last       time.Time // the start of the latest run
	Next       time.Time // when the next one is planned
	CertExpiry time.Time // of the certificate that expires first
}
