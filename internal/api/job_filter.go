package api

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// The words for outcomes that stand for several statuses.
const (
	outcomeSucceeded = "succeeded"
	outcomeFailed    = "failed"
)

// Parameters that are lists, and whether their items can be separated by commas.
var filterLists = map[string]bool{"state": true, "outcome": true, "folderId": true, "method": true, "host": true, "timezone": true,
	"tag": true, "changedBy": false}

// filterTexts are the other parameters.
var filterTexts = []string{"text", "changedSince", "nextBefore", "nextAfter"}

// notPrefix begins the names of parameters of jobs that are not wanted.
const notPrefix = "not."

// queryFilter reads a filter from a query string.
func queryFilter(r *http.Request, p *wire.Problems, f *cron.JobFilter) {
	values := r.URL.Query()
	members := queryCriteria(values, "")
	members["not"] = queryCriteria(values, notPrefix)
	if raw, err := json.Marshal(members); err == nil { // which texts always are
		readJobFilter(wire.NewObject(raw, "", p), f)
	}
}

// queryCriteria makes criteria in JSON of the parameters whose names have a prefix.
func queryCriteria(values url.Values, prefix string) map[string]any {
	members := map[string]any{}
	for name, commas := range filterLists {
		items := values[prefix+name]
		if commas {
			items = wire.List(values, prefix+name)
		}
		if items = slices.DeleteFunc(slices.Clone(items), func(item string) bool { return item == "" }); len(items) > 0 {
			members[name] = items
		}
	}
	for _, name := range filterTexts {
		if text := strings.TrimSpace(values.Get(prefix + name)); text != "" {
			members[name] = text
		}
	}
	return members
}

// readJobFilter reads the members of a filter.
func readJobFilter(o wire.Object, f *cron.JobFilter) {
	readCriteria(o, &f.JobCriteria)
	readCriteria(o.Object("not"), &f.Not)
}

func readCriteria(o wire.Object, c *cron.JobCriteria) {
	o.Text("text", &c.Text)
	readItems(o, "state", &c.Conditions, func(item json.RawMessage) ([]cron.JobCondition, cron.Problem) {
		i, wrong := wire.ParseChoice(item, wire.ConditionNames)
		return []cron.JobCondition{cron.JobCondition(i)}, wrong
	})
	readItems(o, "outcome", &c.Statuses, parseOutcome)
	readItems(o, "folderId", &c.Folders, func(item json.RawMessage) ([]int64, cron.Problem) {
		id, wrong := wire.ParseInteger(item, 0, 1<<53)
		return []int64{id}, wrong
	})
	readItems(o, "method", &c.Methods, func(item json.RawMessage) ([]cron.Method, cron.Problem) {
		m, wrong := parseMethod(item)
		return []cron.Method{m}, wrong
	})
	readItems(o, "tag", &c.Tags, parseItem)
	readItems(o, "host", &c.Hosts, parseItem)
	readItems(o, "timezone", &c.Timezones, parseItem)
	readItems(o, "changedBy", &c.ChangedBy, parseItem)
	readTime(o, "changedSince", &c.ChangedSince)
	readTime(o, "nextBefore", &c.NextBefore)
	readTime(o, "nextAfter", &c.NextAfter)
}

// readItems reads a list, of whose items each stands for one value or more.
func readItems[T any](o wire.Object, name string, to *[]T, parse func(json.RawMessage) ([]T, cron.Problem)) {
	o.Each(name, func(index string, item json.RawMessage) {
		values, wrong := parse(item)
		if wrong.Rule != cron.RuleNone {
			o.Problems.Add(o.At(name, index), wrong)
			return
		}
		if len(*to) <= cron.MaxFilterValues { // more are refused, however many
			*to = append(*to, values...)
		}
	})
}

func parseItem(item json.RawMessage) ([]string, cron.Problem) {
	text, ok := wire.ParseText(item)
	if !ok {
		return nil, cron.Problem{Rule: cron.RuleWrongType, Want: wire.TypeString}
	}
	return []string{strings.TrimSpace(text)}, cron.Problem{}
}

// parseOutcome reads a status, or a word for several.
func parseOutcome(item json.RawMessage) (statuses []cron.Status, wrong cron.Problem) {
	switch text, _ := wire.Scalar(item); text {
	case outcomeSucceeded:
		return []cron.Status{cron.StatusOK}, wrong
	case outcomeFailed:
		for s := cron.StatusOK + 1; s <= cron.StatusOther; s++ {
			statuses = append(statuses, s)
		}
		return statuses, wrong
	}
	n, wrong := wire.ParseInteger(item, int64(cron.StatusUnknown), int64(cron.StatusOther))
	return []cron.Status{cron.Status(n)}, wrong
}

// readTime reads Unix seconds, as a number too, or a time as of RFC 3339.
func readTime(o wire.Object, name string, to *time.Time) {
	if raw, ok := o.Value(name); ok && raw[0] != '"' {
		wire.Instant(o, name, to)
		return
	}
	wire.Time(o, name, to)
}

// jobFilter is a filter in answers. What it does not ask for is left out.
type jobFilter struct {
	jobCriteria
	Not *jobCriteria `json:"not,omitempty"`
}

type jobCriteria struct {
	Text         string   `json:"text,omitempty"`
	State        []string `json:"state,omitempty"`
	Outcome      []int    `json:"outcome,omitempty"`
	FolderID     []int64  `json:"folderId,omitempty"`
	Tag          []string `json:"tag,omitempty"`
	Method       []int    `json:"method,omitempty"`
	Host         []string `json:"host,omitempty"`
	Timezone     []string `json:"timezone,omitempty"`
	ChangedBy    []string `json:"changedBy,omitempty"`
	ChangedSince *int64   `json:"changedSince,omitempty"` // Unix seconds, like those below
	NextBefore   *int64   `json:"nextBefore,omitempty"`
	NextAfter    *int64   `json:"nextAfter,omitempty"`
}

func newJobFilter(f *cron.JobFilter) jobFilter {
	filter := jobFilter{jobCriteria: newJobCriteria(&f.JobCriteria)}
	if not := newJobCriteria(&f.Not); !not.empty() {
		filter.Not = &not
	}
	return filter
}

func (c *jobCriteria) empty() bool {
	encoded, err := json.Marshal(c)
	return err == nil && string(encoded) == "{}"
}

func newJobCriteria(c *cron.JobCriteria) jobCriteria {
	shown := jobCriteria{
		Text: c.Text, FolderID: c.Folders, Tag: c.Tags, Host: c.Hosts, Timezone: c.Timezones, ChangedBy: c.ChangedBy,
		ChangedSince: wire.UnixOrNull(c.ChangedSince), NextBefore: wire.UnixOrNull(c.NextBefore), NextAfter: wire.UnixOrNull(c.NextAfter),
	}
	shown.State = conditionNames(c.Conditions)
	for _, status := range c.Statuses {
		shown.Outcome = append(shown.Outcome, int(status))
	}
	for _, method := range c.Methods {
		shown.Method = append(shown.Method, int(method))
	}
	return shown
}

func conditionNames(conditions []cron.JobCondition) (names []string) {
	for _, condition := range conditions {
		names = append(names, wire.ConditionNames[condition])
	}
	return names
}

// descends begins the name of an order that goes down.
const descends = "-"

// readSort reads the name of an order.
func readSort(o wire.Object, name string, sort *cron.JobSort, descending *bool) {
	var text string
	if o.Text(name, &text); text == "" {
		return
	}
	order, down := strings.CutPrefix(text, descends)
	at := slices.Index(wire.SortNames, order)
	if at < 0 {
		o.Add(name, cron.Problem{Rule: cron.RuleUnknownValue, Given: text, Want: strings.Join(wire.SortNames, ", ")})
		return
	}
	*sort, *descending = cron.JobSort(at), down
}

func sortName(sort cron.JobSort, descending bool) string {
	if descending {
		return descends + wire.SortNames[sort]
	}
	return wire.SortNames[sort]
}

// parseMethod reads an HTTP method: its number, or its name ignoring case.
func parseMethod(raw json.RawMessage) (cron.Method, cron.Problem) {
	text, ok := wire.Scalar(raw)
	if !ok {
		return 0, cron.Problem{Rule: cron.RuleWrongType, Want: wire.TypeInteger}
	}
	if m, ok := cron.ParseMethod(text); ok {
		return m, cron.Problem{}
	}
	n, wrong := wire.ParseInteger(raw, 0, math.MaxInt32)
	if wrong.Rule != cron.RuleNone || !cron.Method(n).Valid() {
		return 0, cron.Problem{Rule: cron.RuleUnknownValue, Given: text, Want: methodChoices()}
	}
	return cron.Method(n), cron.Problem{}
}

// methodChoices lists the methods with their numbers.
func methodChoices() string {
	var choices []string
	for m := cron.MethodGet; m.Valid(); m++ {
		choices = append(choices, strconv.Itoa(int(m))+" "+m.String())
	}
	return strings.Join(choices, ", ")
}
