package cron

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OperationKind is what an operation does to a job. Actions are stored with the numbers.
type OperationKind int

// The kinds of operations.
const (
	OperationPatch        OperationKind = iota // sets the fields of Patch
	OperationReplace                           // replaces text, or what matches a pattern, in Field
	OperationAddHeader                         // adds a header beside those of the same name
	OperationSetHeader                         // gives all headers of the name one value, or adds the header
	OperationRemoveHeader                      // removes all headers of the name
	OperationShift                             // moves all times of the day by Minutes
	OperationTimezone                          // changes the time zone
	OperationAddTags
	OperationRemoveTags
	OperationSetTags // replaces all tags
	OperationMove    // to the folder FolderID
	OperationEnable
	OperationDisable
	OperationDelete // moves the job to the bin; no other operation may accompany it
	operationKinds
)

// OperationField is where OperationReplace replaces.
type OperationField int

// The fields. The values of all headers are one field.
const (
	ReplaceURL OperationField = iota
	ReplaceHeaders
	ReplaceBody
	ReplaceTitle
	operationFields
)

var fieldPointers = [operationFields]string{"/url", "/extendedData/headers", "/extendedData/body", "/title"}

// Operation is one step of an action on a job. Which of its values count depends on Kind.
type Operation struct {
	Kind    OperationKind
	Patch   *JobPatch
	Field   OperationField
	Find    string // a text, or with Pattern a regular expression in RE2 syntax
	Replace string // with Pattern, $1 or ${name} is what a group has matched, and $$ a dollar sign
	Pattern bool
	Name    string // of a header, ignoring case
	Value   string // of a header

	Minutes  int    // forwards, or backwards when it is negative
	Timezone string // an IANA name
	Instants bool   // the instants of all occurrences stay as they are; otherwise the local times do
	Tags     []string
	FolderID int64
}

// Limits of operations.
const (
	MaxOperations     = 20        // of one action
	MaxShift          = 24*60 - 1 // minutes
	maxReplacement    = 8192      // bytes
	maxReplaced       = 10_000    // places in one text
	maxPatternGroups  = 20
	instantsKept      = 2 * 366 * oneDay // seconds, in which two zones must differ by the same time
	comparedInstants  = 100
	replacementLength = MaxBodyLength + 1 // bytes of a text after a replacement: no valid text is longer
)

// Operations are the steps of an action, ready to be applied by several goroutines at once.
type Operations struct {
	list     []Operation
	patterns []*regexp.Regexp // by operation; nil for those without
}

// NewOperations checks operations. The error is of kind Invalid and has everything that is wrong with them whatever the job is.
// Its pointers begin with the index of the operation, such as "/0/find".
func NewOperations(list []Operation) (*Operations, error) {
	var c Checker
	switch {
	case len(list) == 0:
		c.Add("", Problem{Rule: RuleMandatory})
	case len(list) > MaxOperations:
		c.Add("", Problem{Rule: RuleTooMany, Limit: MaxOperations})
		return nil, c.Err()
	}
	ops := &Operations{list: slices.Clone(list), patterns: make([]*regexp.Regexp, len(list))}
	for i := range ops.list {
		op, at := &ops.list[i], "/"+strconv.Itoa(i)
		if op.check(&c, at); op.Kind == OperationDelete && len(list) > 1 {
			c.Add(at, Problem{Rule: RuleDeleteAlone})
		}
		if op.Kind == OperationReplace && op.Pattern && !c.has(at+"/find") {
			ops.patterns[i] = regexp.MustCompile(op.Find)
		}
	}
	return ops, c.Err()
}

// check adds what is wrong with an operation.
func (op *Operation) check(c *Checker, at string) {
	switch op.Kind {
	case OperationPatch:
		if op.Patch == nil {
			c.Add(at+"/job", Problem{Rule: RuleMandatory})
			return
		}
		if e, ok := errors.AsType[*Error](op.Patch.Check()); ok {
			for _, p := range e.Problems {
				c.Add(at+"/job"+p.Pointer, p)
			}
		}
	case OperationReplace:
		op.checkReplace(c, at)
	case OperationAddHeader, OperationSetHeader:
		h := Header{op.Name, op.Value}.Normal()
		op.Name, op.Value = h.Name, h.Value
		c.Text(at+"/value", op.Value, MaxHeaderLength)
		if op.Value == "" {
			c.Add(at+"/value", Problem{Rule: RuleMandatory})
		}
		op.checkName(c, at)
	case OperationRemoveHeader:
		op.checkName(c, at)
	case OperationShift:
		if op.Minutes < -MaxShift || op.Minutes > MaxShift {
			c.Add(at+"/minutes", OutOfRange(int64(op.Minutes), -MaxShift, MaxShift))
		}
	case OperationTimezone:
		if zoneNamed(op.Timezone) == nil {
			c.Add(at+"/timezone", Problem{Rule: RuleUnknownTimeZone, Given: op.Timezone})
		}
	case OperationAddTags, OperationRemoveTags, OperationSetTags:
		noted := Job{Tags: distinctTags(op.Tags, MaxTags)}
		var tags Checker
		noted.checkNotes(&tags)
		for _, p := range tags.problems {
			c.Add(at+p.Pointer, p)
		}
		op.Tags = noted.Tags
	case OperationMove:
		if op.FolderID < 0 {
			c.Add(at+"/folderId", Problem{Rule: RuleUnknownFolder, Given: strconv.FormatInt(op.FolderID, 10)})
		}
	case OperationEnable, OperationDisable, OperationDelete:
	default:
		c.unknown(at+"/kind", int(op.Kind))
	}
}

func (op *Operation) checkName(c *Checker, at string) {
	op.Name = Header{Name: op.Name}.Normal().Name
	if !IsToken(op.Name) {
		c.Add(at+"/name", Problem{Rule: RuleHeaderName, Given: op.Name})
	}
}

// checkReplace adds what is wrong with a replacement. Patterns have the limits of those that responses are compared with, since
// their cost for a large body is the same.
func (op *Operation) checkReplace(c *Checker, at string) {
	if op.Field < 0 || op.Field >= operationFields {
		c.unknown(at+"/in", int(op.Field))
	}
	c.Text(at+"/replace", op.Replace, maxReplacement)
	c.Text(at+"/find", op.Find, MaxCriterionLength)
	if op.Find == "" {
		c.Add(at+"/find", Problem{Rule: RuleMandatory})
	}
	if !op.Pattern || c.has(at+"/find") {
		return
	}
	tree, err := syntax.Parse(op.Find, syntax.Perl)
	switch {
	case err != nil:
		c.Add(at+"/find", Problem{Rule: RulePattern, Given: op.Find})
	case patternSize(tree) > maxPatternSize || compiledSize(tree) > maxCompiledPattern || tree.MaxCap() > maxPatternGroups:
		c.Add(at+"/find", Problem{Rule: RulePatternSize})
	}
}

// Deletes reports whether the operations delete the job.
func (ops *Operations) Deletes() bool { return ops.list[0].Kind == OperationDelete }

// Kinds lists what the operations are.
func (ops *Operations) Kinds() (kinds []OperationKind) {
	for i := range ops.list {
		kinds = append(kinds, ops.list[i].Kind)
	}
	return kinds
}

// List returns the operations.
func (ops *Operations) List() []Operation { return slices.Clone(ops.list) }

// Folders lists the folders to which jobs are moved.
func (ops *Operations) Folders() (ids []int64) {
	for i := range ops.list {
		switch op := &ops.list[i]; {
		case op.Kind == OperationMove:
			ids = append(ids, op.FolderID)
		case op.Kind == OperationPatch && op.Patch.Sets("/folderId"):
			ids = append(ids, op.Patch.Values.FolderID)
		}
	}
	return ids
}

// Channels lists the channels that jobs are to name.
func (ops *Operations) Channels() (ids []int64) {
	for i := range ops.list {
		if op := &ops.list[i]; op.Kind == OperationPatch && op.Patch.Sets("/channelIds") {
			ids = append(ids, op.Patch.Values.ChannelIDs...)
		}
	}
	return ids
}

// Apply applies all operations to a job and accepts the result (see Job.Accept); now decides which offsets of time zones count.
// The error is of kind Invalid and has everything that is wrong; the job is then not to be used. Operations that delete leave the
// job as it is, and refuse one of a monitor.
func (ops *Operations) Apply(job *Job, now time.Time) error {
	before := *job
	var c Checker
	for i := range ops.list {
		op := &ops.list[i]
		if pointer, p := op.apply(job, ops.patterns[i], now); p.Rule != RuleNone {
			c.Add(pointer, p)
		}
	}
	if err := c.Err(); err != nil || ops.Deletes() {
		return err
	}
	return job.Accept(&before)
}

// apply applies an operation. The problem says why this job does not allow it.
func (op *Operation) apply(job *Job, pattern *regexp.Regexp, now time.Time) (pointer string, p Problem) {
	r := &job.Request
	switch op.Kind {
	case OperationPatch:
		op.Patch.set(job)
	case OperationReplace:
		return fieldPointers[op.Field], op.replaceIn(job, pattern)
	case OperationAddHeader:
		r.Headers = append(slices.Clip(r.Headers), Header{op.Name, op.Value})
	case OperationSetHeader:
		r.Headers = op.setHeader(r.Headers)
	case OperationRemoveHeader:
		r.Headers = slices.DeleteFunc(slices.Clone(r.Headers), op.names)
	case OperationShift:
		return "/schedule", job.shift(op.Minutes)
	case OperationTimezone:
		return "/schedule/timezone", job.Schedule.moveTo(op.Timezone, op.Instants, now)
	case OperationAddTags:
		job.Tags = distinctTags(slices.Concat(job.Tags, op.Tags), MaxTags)
	case OperationRemoveTags:
		job.Tags = slices.DeleteFunc(slices.Clone(job.Tags), func(tag string) bool {
			return slices.ContainsFunc(op.Tags, func(other string) bool { return TagKey(tag) == TagKey(other) })
		})
	case OperationSetTags:
		job.Tags = slices.Clone(op.Tags)
	case OperationMove:
		job.FolderID = op.FolderID
	case OperationEnable, OperationDisable:
		job.SetEnabled(op.Kind == OperationEnable)
	case OperationDelete:
		if job.Type == TypeMonitoring {
			return "", Problem{Rule: RuleMonitorJob}
		}
	}
	return "", Problem{}
}

func (op *Operation) names(h Header) bool { return strings.EqualFold(h.Name, op.Name) }

// setHeader replaces the first header of the name, with its spelling, and removes the others.
func (op *Operation) setHeader(headers []Header) []Header {
	set := slices.Clone(headers)
	first := slices.IndexFunc(set, op.names)
	if first < 0 {
		return append(set, Header{op.Name, op.Value})
	}
	set[first].Value = op.Value
	rest := slices.DeleteFunc(slices.Clone(set[first+1:]), op.names)
	return append(set[:first+1], rest...)
}

// replaceIn replaces in the field of a job.
func (op *Operation) replaceIn(job *Job, pattern *regexp.Regexp) Problem {
	r := &job.Request
	switch op.Field {
	case ReplaceURL:
		return op.replace(&r.URL, pattern)
	case ReplaceBody:
		return op.replace(&r.Body, pattern)
	case ReplaceTitle:
		return op.replace(&job.Title, pattern)
	}
	headers := slices.Clone(r.Headers)
	for i := range headers {
		if p := op.replace(&headers[i].Value, pattern); p.Rule != RuleNone {
			return p
		}
		if headers[i].Value == "" {
			return Problem{Rule: RuleEmptyHeader, Given: headers[i].Name}
		}
	}
	r.Headers = headers
	return Problem{}
}

// replace replaces in a text. The number of places and the length of the result are limited, so that a short operation cannot
// fill the memory.
func (op *Operation) replace(text *string, pattern *regexp.Regexp) Problem {
	from := *text
	if pattern == nil {
		n := strings.Count(from, op.Find)
		if len(from)+n*(len(op.Replace)-len(op.Find)) > replacementLength {
			return Problem{Rule: RuleTooLong, Limit: MaxBodyLength, Unit: UnitBytes}
		}
		*text = strings.ReplaceAll(from, op.Find, op.Replace)
		return Problem{}
	}
	places := pattern.FindAllStringSubmatchIndex(from, maxReplaced+1)
	if len(places) > maxReplaced {
		return Problem{Rule: RuleReplacedTooOften, Limit: maxReplaced}
	}
	if len(places) == 0 {
		return Problem{}
	}
	var to []byte
	end := 0
	for _, place := range places {
		to = append(to, from[end:place[0]]...)
		to = pattern.ExpandString(to, op.Replace, from, place)
		if end = place[1]; len(to) > replacementLength {
			return Problem{Rule: RuleTooLong, Limit: MaxBodyLength, Unit: UnitBytes}
		}
	}
	*text = string(append(to, from[end:]...))
	return Problem{}
}
