package cron

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a JobFilter.
const (
	MaxFilterWords  = 20  // of a text
	MaxFilterValues = 100 // of a list
	maxFilterValue  = 320 // characters, of one of them
)

// JobFilter selects jobs of an account: those that meet all criteria and none of Not. The zero value selects all.
type JobFilter struct {
	JobCriteria
	Not JobCriteria // each of them by itself: a job that meets one of these is not selected
}

// JobCriteria are conditions on a job, each of which may be left out. A list is met by any of its values unless it says
// otherwise.
type JobCriteria struct {
	Text         string         // words, all of which occur in title, URL, description or tags; in Not, none of which does
	Conditions   []JobCondition // what the job is now
	Statuses     []Status       // of its latest execution
	Folders      []int64        // 0 is the root folder
	Tags         []string       // all of which the job has; in Not, none of which it has
	Methods      []Method
	Hosts        []string // as TargetHost, with or without the port
	Timezones    []string
	ChangedBy    []string  // as Author.Label of UpdatedBy, ignoring case
	ChangedSince time.Time // it was last saved then or later; zero for no bound, as below
	NextBefore   time.Time // it has a next run, which is earlier
	NextAfter    time.Time // it has a next run, which is then or later
}

// JobCondition is what a job is at present. Filters are stored with its numbers.
type JobCondition int

// The conditions. Several may hold of one job.
const (
	JobFailing     JobCondition = iota // its latest execution has failed
	JobLate                            // it is due for more than LateAfter and has not started
	JobPaused                          // its pause has not ended
	JobDisabled                        // it is disabled, by somebody or by the service
	JobNeverRan                        // it was never executed
	JobSilenced                        // its silence has not ended
	JobCertificate                     // the certificate of its target ends within CertificateAhead, or has ended
	jobConditions
)

// LateAfter is how long a job is due when it counts as late.
const LateAfter = 10 * time.Second

// Conditions lists what holds of a job.
func (r *JobRecord) Conditions(now time.Time) (conditions []JobCondition) {
	st := &r.State
	for condition, holds := range [jobConditions]bool{
		JobFailing:     st.LastStatus > StatusOK,
		JobLate:        r.Enabled && !st.NextRun.IsZero() && now.Sub(st.NextRun) > LateAfter,
		JobPaused:      r.Timing.Paused(now),
		JobDisabled:    !r.Enabled,
		JobNeverRan:    st.LastExecution.IsZero(),
		JobSilenced:    r.Notification.Silenced(now),
		JobCertificate: !st.CertExpiry.IsZero() && st.CertExpiry.Before(now.Add(CertificateAhead)),
	} {
		if holds {
			conditions = append(conditions, JobCondition(condition))
		}
	}
	return conditions
}

// Words are the words that a job has to contain, in the form of SearchText, without those that are part of another one.
func (f *JobFilter) Words() (words []string) {
	all := strings.Fields(foldText(f.Text))
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	for _, word := range all {
		if !slices.ContainsFunc(words, func(longer string) bool { return strings.Contains(longer, word) }) {
			words = append(words, word)
		}
	}
	return words
}

// UnwantedWords are the words that a job must not contain, without those that another one is part of.
func (f *JobFilter) UnwantedWords() (words []string) {
	all := strings.Fields(foldText(f.Not.Text))
	slices.SortStableFunc(all, func(a, b string) int { return len(a) - len(b) })
	for _, word := range all {
		if !slices.ContainsFunc(words, func(shorter string) bool { return strings.Contains(word, shorter) }) {
			words = append(words, word)
		}
	}
	return words
}

// SearchText is what texts of filters are compared with: title, URL without user and password, description and tags, in
// lower case.
func (j *Job) SearchText() string {
	url, _ := WithoutUser(j.Request.URL)
	return foldText(j.Title + "\n" + url + "\n" + j.Description + "\n" + strings.Join(j.Tags, "\n"))
}

// foldText makes texts equal that differ only in case.
func foldText(text string) string { return strings.ToLower(text) }

// Check adds what is wrong with the filter. The names are those of the API.
func (f *JobFilter) Check(c *Checker) {
	f.check(c, "")
	f.Not.check(c, "/not")
}

func (c *JobCriteria) check(to *Checker, at string) {
	to.Printable(at+"/text", c.Text, MaxFilterText)
	if len(strings.Fields(c.Text)) > MaxFilterWords {
		to.Add(at+"/text", Problem{Rule: RuleTooMany, Limit: MaxFilterWords})
	}
	for _, list := range []struct {
		name   string
		length int
	}{
		{"/state", len(c.Conditions)}, {"/outcome", len(c.Statuses)}, {"/folderId", len(c.Folders)}, {"/tag", len(c.Tags)},
		{"/method", len(c.Methods)}, {"/host", len(c.Hosts)}, {"/timezone", len(c.Timezones)}, {"/changedBy", len(c.ChangedBy)},
	} {
		if list.length > MaxFilterValues {
			to.Add(at+list.name, Problem{Rule: RuleTooMany, Limit: MaxFilterValues})
		}
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"/tag", c.Tags}, {"/host", c.Hosts}, {"/timezone", c.Timezones}, {"/changedBy", c.ChangedBy}} {
		for _, value := range list.values {
			if !to.has(at + list.name) {
				to.Printable(at+list.name, value, maxFilterValue)
			}
		}
	}
	to.Instant(at+"/changedSince", c.ChangedSince)
	to.Instant(at+"/nextBefore", c.NextBefore)
	to.Instant(at+"/nextAfter", c.NextAfter)
	for _, condition := range c.Conditions {
		to.Choice(at+"/state", int(condition), int(jobConditions))
	}
	for _, status := range c.Statuses {
		to.Choice(at+"/outcome", int(status), int(StatusOther)+1)
	}
	for _, method := range c.Methods {
		if !method.Valid() {
			to.unknown(at+"/method", int(method))
		}
	}
}

// JobSort is by what a search sorts jobs. Positions and views are stored with its numbers. Jobs of the same rank are sorted by ID.
type JobSort int

// The orders.
const (
	SortTitle   JobSort = iota // ignoring case, by its first TitleKeyLength characters
	SortNext                   // by the next run; jobs without one come last
	SortLast                   // by the latest execution; jobs without one come first
	SortChanged                // by when the job was last saved
	SortStatus                 // by Status of the latest execution
	SortID
	jobSorts
)

// TitleKeyLength is how many characters of a title decide about its place.
const TitleKeyLength = 64

// JobQuery asks for one page of jobs.
type JobQuery struct {
	Filter     JobFilter
	Sort       JobSort
	Descending bool
	After      JobPosition // zero for the first page
	Limit      int         // jobs of the page, at most
}

// JobPosition is the position after a job in the order of a query.
type JobPosition struct {
	ID     int64
	Number int64  // of the order, unless that is by title: an instant in Unix milliseconds, or a status
	Text   string // of the order by title
}

// IsZero tells that it is the beginning.
func (p JobPosition) IsZero() bool { return p.ID == 0 }

// JobPage is the answer to a JobQuery.
type JobPage struct {
	Jobs []JobRecord
	Next JobPosition // where the next page starts; zero at the end. It can be set on a page that is not full
}

// JobView is a filter and an order that a person has given a name.
type JobView struct {
	ID         int64
	AccountID  int64
	PersonID   int64
	Title      string
	Filter     JobFilter
	Sort       JobSort
	Descending bool
}

// MaxJobViews is how many views a person has in an account, at most.
const MaxJobViews = 100

// Accept takes the view for one that can be stored: it takes spaces off the title and reports what is wrong.
func (v *JobView) Accept() error {
	var c Checker
	v.Title = strings.TrimSpace(v.Title)
	c.Title("/title", v.Title, MaxFolderTitle)
	if v.Sort < 0 || v.Sort >= jobSorts {
		c.Add("/sort", Problem{Rule: RuleUnknownValue, Given: strconv.Itoa(int(v.Sort))})
	}
	var filter Checker
	v.Filter.Check(&filter)
	for _, p := range filter.problems {
		c.Add("/filter"+p.Pointer, p)
	}
	return c.Err()
}

// TagCount is a tag and how many jobs have it.
type TagCount struct {
	Tag  string // as most of the jobs write it
	Jobs int
}

// TitleKey is the part of a title by which jobs are sorted.
func TitleKey(title string) string {
	key := foldText(title)
	if utf8.RuneCountInString(key) > TitleKeyLength {
		key = string([]rune(key)[:TitleKeyLength])
	}
	return key
}
