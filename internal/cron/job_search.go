package cron

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A search of jobs is a text that people type: words, and tokens of a name and a value, separated by spaces.
//
//	backup "two words" -draft state:failing -tag:prod host:old.example.com folder:"Shop EU"
//
// Words have to occur in a job, those after a hyphen must not. A token after a hyphen excludes what it names. Quotes keep spaces
// and take away the meaning of colons and hyphens; in them, a backslash precedes a quote or a backslash. Values of one name are
// alternatives, but tags are all wanted.

// MaxJobSearch is the longest text of a search, in bytes.
const MaxJobSearch = 1000

// The names of tokens, in the order in which a search is written.
const (
	searchState      = "state"
	searchOutcome    = "outcome"
	searchFolder     = "folder"
	searchTag        = "tag"
	searchMethod     = "method"
	searchHost       = "host"
	searchZone       = "zone"
	searchBy         = "by"
	searchChanged    = "changed"
	searchNextBefore = "next-before"
	searchNextAfter  = "next-after"
)

var searchNames = []string{searchState, searchOutcome, searchFolder, searchTag, searchMethod, searchHost, searchZone, searchBy, searchChanged,
	searchNextBefore, searchNextAfter}

// conditionNames are the values of state, by their numbers. stateEnabled is the opposite of disabled.
var conditionNames = []string{JobFailing: "failing", JobLate: "late", JobPaused: "paused", JobDisabled: "disabled", JobNeverRan: "never-ran",
	JobSilenced: "silenced", JobCertificate: "certificate"}

const stateEnabled = "enabled"

// statusNames are the values of outcome, by their numbers. outcomeFailed stands for all from StatusDNSError on.
var statusNames = []string{StatusUnknown: "none", StatusOK: "ok", StatusDNSError: "dns", StatusConnectFailed: "connect", StatusHTTPError: "http",
	StatusTimeout: "timeout", StatusTooMuchData: "size", StatusInvalidURL: "url", StatusInternalError: "internal", StatusOther: "other"}

const outcomeFailed = "failed"

// The values of folder that are no titles: the root folder, and the beginning of an ID.
const (
	folderNone = "none"
	folderByID = "#"
)

// JobSearchNames is what the text of a search is read and written with.
type JobSearchNames struct {
	Folders []Folder       // of the account
	Now     time.Time      // from which durations count
	Zone    *time.Location // of dates
}

// ParseJobSearch reads the text of a search. The error is of kind Invalid and has everything that is wrong with it.
func ParseJobSearch(text string, names *JobSearchNames) (f JobFilter, err error) {
	p := searchParser{names: names, filter: &f}
	if len(text) > MaxJobSearch {
		p.wrong(Problem{Rule: RuleTooLong, Limit: MaxJobSearch, Unit: UnitBytes})
		return f, p.Err()
	}
	for rest := text; rest != ""; {
		var t searchToken
		t, rest = p.token(rest)
		p.take(&t)
	}
	f.Text, f.Not.Text = strings.Join(p.words[0], " "), strings.Join(p.words[1], " ")
	if p.Err() == nil {
		f.Check(&p.Checker)
	}
	return f, p.Err()
}

// searchToken is what stands between two spaces.
type searchToken struct {
	not         bool
	name, value string // name is empty for words
}

type searchParser struct {
	Checker
	names  *JobSearchNames
	filter *JobFilter
	words  [2][]string // that are wanted, and that are not
}

func (p *searchParser) wrong(problem Problem) { p.Add("/q", problem) }

// searchSpace separates tokens.
const searchSpace = " \t\r\n"

// token cuts the first token off a text. At the end it is a word without a value.
func (p *searchParser) token(text string) (t searchToken, rest string) {
	text = strings.TrimLeft(text, searchSpace)
	if len(text) > 1 && text[0] == '-' && !strings.ContainsRune(searchSpace, rune(text[1])) {
		t.not, text = true, text[1:]
	}
	var value strings.Builder
	quoted, end := false, len(text)
	for i := 0; i < end; i++ {
		switch c := text[i]; {
		case c == '\\' && quoted && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			value.WriteByte(text[i])
		case c == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(searchSpace, c) >= 0:
			end = i
		case !quoted && c == ':' && t.name == "" && isSearchName(text[:i]) && !strings.HasPrefix(text[i:], "://"):
			t.name = strings.ToLower(text[:i])
			value.Reset()
		default:
			value.WriteByte(c)
		}
	}
	if quoted {
		p.wrong(Problem{Rule: RuleSearchQuote, Given: text[:end]})
	}
	t.value = value.String()
	return t, text[end:]
}

// isSearchName tells whether a text could be the name of a token, known or not.
func isSearchName(text string) bool {
	for _, c := range text {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return text != ""
}

// take adds a token to the filter.
func (p *searchParser) take(t *searchToken) {
	c, side := &p.filter.JobCriteria, 0
	if t.not {
		c, side = &p.filter.Not, 1
	}
	value := strings.TrimSpace(t.value)
	switch {
	case t.name == "":
		p.words[side] = append(p.words[side], strings.Fields(t.value)...)
	case !slices.Contains(searchNames, t.name):
		p.wrong(Problem{Rule: RuleSearchName, Given: t.name, Want: strings.Join(searchNames, ", ")})
	case value == "":
		p.wrong(Problem{Rule: RuleSearchValue, Given: t.name})
	default:
		p.set(c, t, value)
	}
}

// set adds the value of a token to criteria.
func (p *searchParser) set(c *JobCriteria, t *searchToken, value string) {
	switch t.name {
	case searchState:
		p.setState(t, value)
	case searchOutcome:
		p.setOutcome(c, value)
	case searchFolder:
		p.setFolder(c, value)
	case searchTag:
		addValue(&c.Tags, value)
	case searchMethod:
		if m, ok := ParseMethod(value); ok {
			addValue(&c.Methods, m)
		} else {
			p.wrong(Problem{Rule: RuleUnknownValue, Given: value, Want: strings.Join(methodNames[:], ", ")})
		}
	case searchHost:
		addValue(&c.Hosts, strings.ToLower(value))
	case searchZone:
		if zoneNamed(value) == nil {
			p.wrong(Problem{Rule: RuleUnknownTimeZone, Given: value})
		}
		addValue(&c.Timezones, value)
	case searchBy:
		addValue(&c.ChangedBy, value)
	case searchChanged:
		c.ChangedSince = p.instant(value, -1)
	case searchNextBefore:
		c.NextBefore = p.instant(value, 1)
	case searchNextAfter:
		c.NextAfter = p.instant(value, 1)
	}
}

func addValue[T comparable](to *[]T, values ...T) {
	for _, value := range values {
		if !slices.Contains(*to, value) {
			*to = append(*to, value)
		}
	}
}

func (p *searchParser) setState(t *searchToken, value string) {
	name, not := strings.ToLower(value), t.not
	if name == stateEnabled {
		name, not = conditionNames[JobDisabled], !not
	}
	at := slices.Index(conditionNames, name)
	switch {
	case at < 0:
		p.wrong(Problem{Rule: RuleUnknownValue, Given: value, Want: strings.Join(conditionNames, ", ") + ", " + stateEnabled})
	case not:
		addValue(&p.filter.Not.Conditions, JobCondition(at))
	default:
		addValue(&p.filter.Conditions, JobCondition(at))
	}
}

func (p *searchParser) setOutcome(c *JobCriteria, value string) {
	if strings.EqualFold(value, outcomeFailed) {
		addValue(&c.Statuses, failedStatuses()...)
	} else if at := slices.Index(statusNames, strings.ToLower(value)); at >= 0 {
		addValue(&c.Statuses, Status(at))
	} else {
		p.wrong(Problem{Rule: RuleUnknownValue, Given: value, Want: outcomeFailed + ", " + strings.Join(statusNames, ", ")})
	}
}

func failedStatuses() (list []Status) {
	for s := StatusOK + 1; s <= StatusOther; s++ {
		list = append(list, s)
	}
	return list
}

func (p *searchParser) setFolder(c *JobCriteria, value string) {
	if strings.EqualFold(value, folderNone) {
		addValue(&c.Folders, 0)
		return
	}
	digits, byID := strings.CutPrefix(value, folderByID)
	id, err := strconv.ParseUint(digits, 10, 53)
	byID = byID && err == nil
	for _, f := range p.names.Folders {
		if byID && f.ID == int64(id) || !byID && strings.EqualFold(f.Title, value) {
			addValue(&c.Folders, f.ID)
			return
		}
	}
	p.wrong(Problem{Rule: RuleSearchFolder, Given: value})
}

// instant reads a point in time: a date, a time as of RFC 3339, or a duration from now such as 90m, 24h, 7d or 2w.
func (p *searchParser) instant(value string, direction int) time.Time {
	if at, err := time.Parse(time.RFC3339, strings.ToUpper(value)); err == nil {
		return at
	}
	if at, err := time.ParseInLocation(time.DateOnly, value, p.names.Zone); err == nil {
		return at
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	unit := units[value[len(value)-1]|0x20]
	n, err := strconv.ParseUint(value[:len(value)-1], 10, 16)
	if err != nil || unit == 0 {
		p.wrong(Problem{Rule: RuleSearchTime, Given: value})
		return time.Time{}
	}
	return p.names.Now.Add(time.Duration(direction) * time.Duration(n) * unit).UTC().Round(0)
}

// JobSearchTokens are the tokens of a search that selects what the filter does, without its words. Joined by spaces they are a text
// that ParseJobSearch reads.
func JobSearchTokens(f *JobFilter, names *JobSearchNames) (tokens []string) {
	tokens = append(tokens, criteriaTokens(&f.JobCriteria, names)...)
	for _, token := range criteriaTokens(&f.Not, names) {
		tokens = append(tokens, "-"+token)
	}
	return tokens
}

// JobSearchWords are the words of such a search.
func JobSearchWords(f *JobFilter) (words []string) {
	for _, word := range strings.Fields(f.Text) {
		words = append(words, quotedWord(word))
	}
	for _, word := range strings.Fields(f.Not.Text) {
		words = append(words, "-"+quotedWord(word))
	}
	return words
}

// FormatJobSearch is the text of a search that selects what the filter does.
func FormatJobSearch(f *JobFilter, names *JobSearchNames) string {
	return strings.Join(append(JobSearchWords(f), JobSearchTokens(f, names)...), " ")
}

func criteriaTokens(c *JobCriteria, names *JobSearchNames) (tokens []string) {
	add := func(name, value string) { tokens = append(tokens, name+":"+quotedValue(value)) }
	for _, condition := range c.Conditions {
		add(searchState, conditionNames[condition])
	}
	statuses, failed := c.Statuses, failedStatuses()
	if !slices.ContainsFunc(failed, func(s Status) bool { return !slices.Contains(statuses, s) }) {
		add(searchOutcome, outcomeFailed)
		statuses = slices.DeleteFunc(slices.Clone(statuses), func(s Status) bool { return s > StatusOK })
	}
	for _, status := range statuses {
		add(searchOutcome, statusNames[status])
	}
	for _, id := range c.Folders {
		add(searchFolder, names.folder(id))
	}
	for _, tag := range c.Tags {
		add(searchTag, tag)
	}
	for _, method := range c.Methods {
		add(searchMethod, method.String())
	}
	for _, host := range c.Hosts {
		add(searchHost, host)
	}
	for _, zone := range c.Timezones {
		add(searchZone, zone)
	}
	for _, label := range c.ChangedBy {
		add(searchBy, label)
	}
	for _, bound := range []struct {
		name string
		at   time.Time
	}{{searchChanged, c.ChangedSince}, {searchNextBefore, c.NextBefore}, {searchNextAfter, c.NextAfter}} {
		if !bound.at.IsZero() {
			add(bound.name, bound.at.UTC().Format(time.RFC3339Nano))
		}
	}
	return tokens
}

// folder is how a search names a folder: by its title, unless that means another one.
func (n *JobSearchNames) folder(id int64) string {
	if id == 0 {
		return folderNone
	}
	i := slices.IndexFunc(n.Folders, func(f Folder) bool { return f.ID == id })
	if i < 0 || strings.EqualFold(n.Folders[i].Title, folderNone) || strings.HasPrefix(n.Folders[i].Title, folderByID) {
		return folderByID + strconv.FormatInt(id, 10)
	}
	return n.Folders[i].Title
}

// quotedValue writes the value of a token so that it can be read again.
func quotedValue(value string) string {
	if strings.ContainsAny(value, searchSpace+`"`) || strings.HasPrefix(value, "//") {
		return quotedText(value)
	}
	return value
}

func quotedText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// quotedWord is quotedValue for a word, which must not look like a token.
func quotedWord(word string) string {
	name, rest, colon := strings.Cut(word, ":")
	if strings.HasPrefix(word, "-") || colon && isSearchName(name) && !strings.HasPrefix(rest, "//") {
		return quotedText(word)
	}
	return quotedValue(word)
}
