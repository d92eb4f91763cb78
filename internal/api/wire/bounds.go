package wire

import "punctual/internal/cron"

// MaxItems is how many items an array of a job has at most, and how many members an object of one: a few hundred headers, or
// more numbers than a set holds.
const MaxItems = 500

// DefaultPreview is how many occurrences a preview shows when nothing else is said.
const DefaultPreview = 5

// Limits on a call that changes many jobs.
const (
	MaxBulkJobs  = 1000
	MaxBulkPatch = 64 << 10 // bytes of the change, each of which is written once for each job
)

// MaxRerunWarnings is how many jobs that are not idempotent are listed for reruns.
const MaxRerunWarnings = 100

// MaxID is the greatest number of anything: what a JavaScript number can hold exactly.
const MaxID = 1 << 53

// Entries of the audit log in a page.
const (
	DefaultAuditPage = 100
	MaxAuditPage     = 1000
)

// Items in a page.
const (
	DefaultProblemsPage = 100
	MaxProblemsPage     = 100

	DefaultChannelsPage = 100
	MaxChannelsPage     = 100

	DefaultNotificationsPage = 50
	MaxNotificationsPage     = 100

	DefaultSecretsPage = 100
	MaxSecretsPage     = 1000

	DefaultVersionsPage = 100
	MaxVersionsPage     = 1000
)

// DefaultActionPage is how many actions, or jobs of one, a page has when nothing else is said.
const DefaultActionPage = 100

// DefaultJobPage is how many jobs a page of a search has when nothing else is said.
const DefaultJobPage = 100

// DefaultHistoryPage is how many records a page has when nothing else is said.
const DefaultHistoryPage = 100

// AllBadges is what a badge with everything shows.
const AllBadges = cron.BadgeTitle | cron.BadgeExecution | cron.BadgeLatency
