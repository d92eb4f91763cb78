package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// notPrefix begins the names of parameters of records that are not wanted.
const notPrefix = "not."

// runsLists are the parameters of a list of runs that may occur several times, each also with notPrefix.
var runsLists = []string{"outcome", "reason", "cause", "status", "job", "folder", "kind"}

// runsTexts are its other parameters.
var runsTexts = []string{"text", notPrefix + "text", "span", "from", "to", "group"}

// Bounds of the address. Pages repeat it in each of their links.
const (
	maxListed  = 20   // values of all lists together
	maxAddress = 1200 // bytes
)

// spans are the spans of time before now that a list of runs can have, by their names.
var spans = []struct {
	name   string
	length time.Duration
}{{"1h", time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}, {"30d", 30 * 24 * time.Hour}, {"90d", 90 * 24 * time.Hour}}

// spanAll is the span without a beginning.
const spanAll = "all"

// The spans of a list that says none.
const (
	defaultSpan    = "24h"
	defaultJobSpan = "30d"
)

// runsQuery is what the address of a list of runs holds.
type runsQuery struct {
	Filter cron.HistoryFilter
	Span   string // the name of a span; empty with times of one's own
	Causes bool   // failures are counted by their causes
	After  cron.HistoryPosition
	JobID  int64 // whose tab it is; 0 for the runs of all jobs

	values url.Values // the parameters that are known, each once
	check  cron.Checker
}

// runsPath is the path of a list of runs: of all jobs for 0.
func runsPath(jobID int64) string {
	if jobID == 0 {
		return pathRuns
	}
	return jobAddress(jobID, "/runs")
}

// runsAddress is the address of a list of runs, of all jobs for 0, with pairs of a parameter and its value.
func runsAddress(jobID int64, pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return addressOf(runsPath(jobID), values)
}

func addressOf(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// readRuns reads the address of a list of runs, or the form of one that was sent. What is wrong in it is in check.
func (v *visit) readRuns(given url.Values, jobID int64) *runsQuery {
	q := &runsQuery{JobID: jobID, values: url.Values{}}
	listed := 0
	for _, name := range runsLists {
		for _, name := range [...]string{name, notPrefix + name} {
			for _, item := range given[name] {
				if item = strings.TrimSpace(item); item != "" && !slices.Contains(q.values[name], item) {
					q.values.Add(name, item)
					listed++
				}
			}
		}
	}
	for _, name := range runsTexts {
		if text := strings.TrimSpace(given.Get(name)); text != "" {
			q.values.Set(name, text)
		}
	}
	if jobID != 0 {
		q.values.Del("job")
	}
	q.Causes = q.values.Get("group") == "cause"
	q.readSpan(v)
	q.readCriteria()
	q.readAfter(given.Get("after"))
	if listed > maxListed || len(q.values.Encode()) > maxAddress {
		q.check.Add("/", cron.Problem{Rule: cron.RuleTooMany, Limit: maxListed})
		q.values = url.Values{}
	}
	return q
}

// readSpan reads the time. Times of one's own are made instants, which mean the same to everybody.
func (q *runsQuery) readSpan(v *visit) {
	f := &q.Filter
	f.From, f.To = q.readInstant(v, "from"), q.readInstant(v, "to")
	if q.values.Has("from") || q.values.Has("to") {
		q.values.Del("span")
		return
	}
	q.Span = defaultSpan
	if q.JobID != 0 {
		q.Span = defaultJobSpan
	}
	q.Span = cmp.Or(q.values.Get("span"), q.Span)
	for _, s := range spans {
		if s.name == q.Span {
			f.From = v.web.now().Add(-s.length)
			if s.length > time.Hour {
				f.From = f.From.Truncate(time.Hour) // as the chart counts
			}
			return
		}
	}
	q.Span = spanAll
}

// readInstant reads a time: Unix seconds, RFC 3339, or what a browser sends for a field of the zone in which times are shown.
func (q *runsQuery) readInstant(v *visit, name string) time.Time {
	text := q.values.Get(name)
	if text == "" {
		return time.Time{}
	}
	at, ok := v.parseInstant(text)
	if !ok {
		q.check.Add("/"+name, cron.Problem{Rule: cron.RuleDate, Given: text})
		return time.Time{}
	}
	q.values.Set(name, strconv.FormatInt(at.Unix(), 10))
	return at
}

// lastInstant is the end of the times that can be asked for: the year 10000.
const lastInstant = 253402300800

func (v *visit) parseInstant(text string) (at time.Time, ok bool) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0).UTC(), 0 < seconds && seconds < lastInstant
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), 0 < at.Unix() && at.Unix() < lastInstant
	}
	for _, layout := range [...]string{localMinute, "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, v.plainView().zone); err == nil {
			return at.UTC(), 0 < at.Unix() && at.Unix() < lastInstant
		}
	}
	return at, false
}

// readCriteria reads what records are to have, and what they may not have.
func (q *runsQuery) readCriteria() {
	f := &q.Filter
	f.Text, f.Not.Text = q.values.Get("text"), q.values.Get(notPrefix+"text")
	f.Outcomes = namedValues(q, "outcome", wire.Outcomes, cron.Outcome.String)
	f.Not.Outcomes = namedValues(q, notPrefix+"outcome", wire.Outcomes, cron.Outcome.String)
	faultName := func(f cron.Fault) string { return wire.FaultNames[f] }
	f.Faults = namedValues(q, "reason", wire.Faults, faultName)
	f.Not.Faults = namedValues(q, notPrefix+"reason", wire.Faults, faultName)
	f.Kinds = namedValues(q, "kind", cron.RecordKinds(), cron.RecordKind.String)
	f.Not.Kinds = namedValues(q, notPrefix+"kind", cron.RecordKinds(), cron.RecordKind.String)
	f.Statuses = parsedValues(q, "status", cron.RuleStatusRange, parseStatuses)
	f.Not.Statuses = parsedValues(q, notPrefix+"status", cron.RuleStatusRange, parseStatuses)
	f.Not.Causes = parsedValues(q, notPrefix+"cause", cron.RuleCause, cron.ParseFingerprint)
	f.Not.JobIDs = parsedValues(q, notPrefix+"job", cron.RuleWrongType, parseNumber)
	f.Not.FolderIDs = parsedValues(q, notPrefix+"folder", cron.RuleWrongType, parseNumber)
	f.Causes = parsedValues(q, "cause", cron.RuleCause, cron.ParseFingerprint)
	f.JobID = q.JobID
	if jobs := parsedValues(q, "job", cron.RuleWrongType, parseNumber); len(jobs) > 0 {
		f.JobID = jobs[0]
		q.values["job"] = q.values["job"][:1]
	}
	if folders := parsedValues(q, "folder", cron.RuleWrongType, parseNumber); len(folders) > 0 {
		f.FolderID = &folders[0]
		q.values["folder"] = q.values["folder"][:1]
	}
	f.Check(&q.check)
}

// namedValues are the values of a parameter by their names.
func namedValues[T any](q *runsQuery, name string, all []T, nameOf func(T) string) (chosen []T) {
	for _, item := range q.values[name] {
		i := slices.IndexFunc(all, func(value T) bool { return nameOf(value) == item })
		if i < 0 {
			q.check.Add("/"+name, cron.Problem{Rule: cron.RuleUnknownValue, Given: item, Want: joinedNames(all, nameOf)})
			continue
		}
		chosen = append(chosen, all[i])
	}
	return chosen
}

func joinedNames[T any](all []T, nameOf func(T) string) string {
	names := make([]string, len(all))
	for i, value := range all {
		names[i] = nameOf(value)
	}
	return strings.Join(names, ", ")
}

// parsedValues are the values of a parameter.
func parsedValues[T any](q *runsQuery, name string, rule cron.Rule, parse func(string) (T, bool)) (parsed []T) {
	for _, item := range q.values[name] {
		value, ok := parse(item)
		if !ok {
			q.check.Add("/"+name, cron.Problem{Rule: rule, Given: item, Want: "integer"})
			continue
		}
		parsed = append(parsed, value)
	}
	return parsed
}

func parseNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && 0 <= n && n < 1<<53
}

// parseStatuses also knows the short form of a hundred codes, such as "5xx".
func parseStatuses(text string) (cron.StatusRange, bool) {
	if hundred, short := strings.CutSuffix(strings.ToLower(text), "xx"); short && len(hundred) == 1 {
		text = hundred + "00-" + hundred + "99"
	}
	return cron.ParseStatusRange(text)
}

// readAfter reads the place in the list.
func (q *runsQuery) readAfter(text string) {
	id, at, _ := strings.Cut(text, "-")
	n, ok := parseNumber(id)
	ms, timed := parseNumber(at)
	if ok && timed && n > 0 && ms > 0 && ms < lastInstant*1000 {
		q.After = cron.HistoryPosition{ID: n, At: time.UnixMilli(ms).UTC()}
	}
}

// path is the path of the list.
func (q *runsQuery) path() string { return runsPath(q.JobID) }

// with is the address of the first page of the list with a parameter replaced; without it for an empty value.
func (q *runsQuery) with(pairs ...string) string { return q.at("", pairs...) }

// at is with for a page below the path of the list, such as "/export".
func (q *runsQuery) at(below string, pairs ...string) string {
	values := url.Values{}
	for name, list := range q.values {
		values[name] = list
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if values.Del(pairs[i]); pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return addressOf(q.path()+below, values)
}

// toggled is the address of the list with a value of a parameter more, or without it.
func (q *runsQuery) toggled(name, value string) string {
	values := url.Values{}
	for n, list := range q.values {
		values[n] = list
	}
	if q.has(name, value) {
		values[name] = slices.DeleteFunc(slices.Clone(values[name]), func(item string) bool { return item == value })
	} else {
		values[name] = append(slices.Clone(values[name]), value)
	}
	if len(values[name]) == 0 {
		values.Del(name)
	}
	return addressOf(q.path(), values)
}

func (q *runsQuery) has(name, value string) bool { return slices.Contains(q.values[name], value) }

// narrowed tells whether more than time and outcomes selects records, which is all that the chart counts by.
func (q *runsQuery) narrowed() bool {
	for name := range q.values {
		switch name {
		case "outcome", notPrefix + "outcome", "span", "from", "to", "group":
		case "job":
		default:
			return true
		}
	}
	return false
}

// Bounded tells whether the list has a beginning or an end.
func (q *runsQuery) Bounded() bool { return !q.Filter.From.IsZero() || !q.Filter.To.IsZero() }
