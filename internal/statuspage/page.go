package statuspage

import (
	"slices"
	"time"
)

// Limits of pages.
const (
	MaxSlug         = 63      // characters, as of a label in a domain name
	MaxTitle        = 100     // characters
	MaxText         = 8 << 10 // bytes of Markdown
	MaxNote         = 1 << 10 // bytes of the text of a group or a component
	MaxGroups       = 50      // of a page
	MaxComponents   = 100     // of a page
	MaxJobs         = 50      // of a component
	MaxNetworks     = 50      // address ranges of a page
	MaxAnnouncement = 2 << 10 // bytes of Markdown
	MinPassword     = 8       // characters of the password of a page
	MaxPassword     = 200     // bytes
	MaxLogo         = 1 << 20 // bytes of an uploaded file
	MaxLogoPixels   = 4 << 20 // of an uploaded picture, width times height
)

// Access says who can read a page that is published. The numbers are stored.
type Access int

// The kinds of access.
const (
	AccessPublic   Access = iota
	AccessUnlisted        // everybody who knows the address; search engines are asked to leave it out
	AccessPassword        // who knows the password of the page
	AccessMembers         // members of the account who are signed in
)

// Theme is the colours of a page. The numbers are stored.
type Theme int

// The themes.
const (
	ThemeSystem Theme = iota // as the visitor's browser wants it
	ThemeLight
	ThemeDark
)

// Fold is how a group of components is shown. The numbers are stored.
type Fold int

// The ways to show a group.
const (
	FoldOpen      Fold = iota
	FoldCollapsed      // until a visitor opens it
	FoldHealthy        // collapsed unless something in it is not operational
)

// Page is a status page.
type Page struct {
	ID        int64
	AccountID int64
	Version   int64  // grows with every change of the definition
	Revision  int64  // grows with every change of what a visitor sees
	Slug      string // in the address /status/{slug}; different on the whole service, lower case
	Title     string
	Text      string // Markdown
	Accent    string // a colour as "#rrggbb", or "" for that of the product
	Theme     Theme
	Timezone  string // IANA name: of the days in the bars, and of times on the page
	Language  string // of the page; "" for that of the visitor
	Days      int    // of history that is shown: 30, 90 or 365
	Published bool
	Access    Access
	Password  string // only when it is set: MinPassword characters to MaxPassword bytes. Never read
	// PasswordHash is the hash of the password (a PHC string), "" for none. It stays within the service; HasPassword says whether there is one.
	PasswordHash string
	HasPassword  bool
	Logos        [2]bool  // whether there are the logo, and the one for a dark theme
	Networks     []string // that a visitor's address has to lie in, as CIDR; none for all
	// Announcement is a banner at the top, in Markdown, until AnnouncedUntil (zero: until it is taken off); "" for none.
	Announcement   string
	AnnouncedUntil time.Time
	// WithMaintenance counts maintenance as time in which a component was not up; else it is left out of uptime.
	WithMaintenance bool
	Groups          []Group     // in the order of the page
	Components      []Component // in the order of the page
	Created         time.Time
	Updated         time.Time
	UpdatedBy       string // as cron.Author.Label

	BadgeRenewals int64 // how often the addresses of its badges with a token have been renewed
}

// Names in the API of what pages can be, by their numbers.
var (
	AccessNames = []string{AccessPublic: "public", AccessUnlisted: "unlisted", AccessPassword: "password", AccessMembers: "members"}
	ThemeNames  = []string{ThemeSystem: "system", ThemeLight: "light", ThemeDark: "dark"}
	FoldNames   = []string{FoldOpen: "open", FoldCollapsed: "collapsed", FoldHealthy: "healthy"}
)

// Open tells whether everybody who knows its address may read the page once it is published.
func (p *Page) Open() bool {
	return (p.Access == AccessPublic || p.Access == AccessUnlisted) && len(p.Networks) == 0
}

// Clone is a copy of the page that shares nothing with it.
func (p *Page) Clone() Page {
	copied := *p
	copied.Networks, copied.Groups, copied.Components = slices.Clone(p.Networks), slices.Clone(p.Groups), slices.Clone(p.Components)
	for i := range copied.Components {
		of := &copied.Components[i]
		of.JobIDs = slices.Clone(of.JobIDs)
		if of.Hand != nil {
			of.Hand = new(*of.Hand)
		}
	}
	return copied
}

// Group is components of a page that belong together. Its title is unique on the page.
type Group struct {
	Title string
	Text  string
	Fold  Fold
}

// Component is a part of what a page is about.
type Component struct {
	ID     int64
	PageID int64
	Group  string // title of the Group; "" for none
	Title  string
	Text   string // plain text
	// JobIDs are the jobs whose runs tell the state; with none, only people set it. A visitor never learns of them.
	JobIDs []int64
	Needed int // how many of the jobs have to work for the component to be operational; 0 is all of them
	Rule   Rule
	// Automatic is how long a component is to be in an outage before an incident is made for it; 0 for never. Whole minutes.
	Automatic        time.Duration
	PublishAutomatic bool // such incidents are published; else they are drafts

	State State     // what a visitor is shown
	Since time.Time // zero when it never changed
	Hand  *Hand     // what a person set, nil for nothing
}

// Hand is a state that a person set, which holds until it is released.
type Hand struct {
	State State
	Set   time.Time
	By    string // as cron.Author.Label
}

// Rule says how runs of a job become the state of the job.
type Rule struct {
	Failures  int           // of the last Of runs that make the job down; 1 to Of
	Of        int           // 1 to MaxWindow
	Successes int           // in a row after which it is up again; 1 to MaxWindow
	SlowAfter time.Duration // the job is slow when the percentile (Percent) of the durations of its last MaxWindow successes is over it; 0 for never. Whole milliseconds
	Percent   int           // 1 to 100
}

// MaxWindow is how many of the last runs of a job are looked at.
const MaxWindow = 20

// DefaultRule is the rule of a component that names none: down after 2 failures of 3 runs, up after 2 successes.
func DefaultRule() Rule { return Rule{Failures: 2, Of: 3, Successes: 2, Percent: 95} }
