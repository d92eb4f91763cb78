package web

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
)

// bulkSheet is what the sheet asks for: operations, and which of its fields each of their problems belongs to. A field that is
// empty, or a list that says so, leaves the jobs as they are.
type bulkSheet struct {
	cron.Checker // problems of fields, whose pointers are their names
	operations   []cron.Operation
	fields       []map[string]string // by operation: the field by the pointer of a problem; "" is for all others
	values       url.Values
	zone         *time.Location // of the times
}

// patchFields are the fields of the sheet by what they set in a job.
var patchFields = map[string]string{
	"/schedule": "schedule", "/schedule/spreadSeconds": "spread", "/requestTimeout": "timeout",
	"/retry/count": "retries", "/retry/delaySeconds": "delay", "/retry/factor": "factor", "/retry/ceilingSeconds": "ceiling",
	"/channelIds": "channels", "/pausedUntil": "pause-until", "/pauseNote": "pause-note", "/silencedUntil": "silence-until",
}

// bulkFields are the names of all fields that can be wrong.
var bulkFields = bulkFieldNames()

func bulkFieldNames() []string {
	names := []string{"shift", "zone", "folder", typedFolder, "tags", "pause", "silence"}
	for _, name := range patchFields {
		names = append(names, name)
	}
	for i := range maxBulkRows {
		for _, name := range []string{"header-name", "header-value", "find", "replace"} {
			names = append(names, rowName(name, i))
		}
	}
	return names
}

func rowName(name string, row int) string { return name + "-" + strconv.Itoa(row) }

// readBulk reads the sheet, with times in a time zone.
func readBulk(values url.Values, zone *time.Location) *bulkSheet {
	s := &bulkSheet{values: values, zone: zone}
	if s.text("do") == "delete" {
		s.add(cron.Operation{Kind: cron.OperationDelete}, nil)
		return s
	}
	s.readPatch()
	for i := range maxBulkRows {
		s.readReplace(i)
	}
	for i := range maxBulkRows {
		s.readHeader(i)
	}
	if zone := s.text("zone"); zone != "" {
		s.add(cron.Operation{Kind: cron.OperationTimezone, Timezone: zone, Instants: s.text("keep") == "instants"}, map[string]string{"": "zone"})
	}
	if s.text("shift") != "" {
		s.add(cron.Operation{Kind: cron.OperationShift, Minutes: int(s.integer("shift"))}, map[string]string{"": "shift"})
	}
	s.readTags()
	if folder := s.text("folder"); folder != "" {
		s.add(cron.Operation{Kind: cron.OperationMove, FolderID: parseID(folder)}, map[string]string{"": "folder"})
	}
	switch s.text("enabled") {
	case "on":
		s.add(cron.Operation{Kind: cron.OperationEnable}, nil)
	case "off":
		s.add(cron.Operation{Kind: cron.OperationDisable}, nil)
	}
	return s
}

func (s *bulkSheet) text(name string) string { return strings.TrimSpace(s.values.Get(name)) }

// integer reads a whole number; the problem is that of the field.
func (s *bulkSheet) integer(name string) int64 {
	n, err := strconv.ParseInt(s.text(name), 10, 32)
	if err != nil {
		s.Add("/"+name, cron.Problem{Rule: cron.RuleWrongType, Want: "integer"})
	}
	return n
}

func (s *bulkSheet) add(op cron.Operation, fields map[string]string) {
	s.operations, s.fields = append(s.operations, op), append(s.fields, fields)
}

// readPatch reads what sets fields of jobs.
func (s *bulkSheet) readPatch() {
	var p cron.JobPatch
	set := func(fields ...string) { p.Fields = append(p.Fields, fields...) }
	s.readSchedule(&p)
	seconds := func(name string) time.Duration { return time.Duration(s.integer(name)) * time.Second }
	for _, f := range []struct {
		name, field string
		read        func(name string)
	}{
		{"spread", "/schedule/spreadSeconds", func(name string) { p.Values.Timing.Spread = seconds(name) }},
		{"timeout", "/requestTimeout", func(name string) { p.Values.Timeout = int(s.integer(name)) }},
		{"retries", "/retry/count", func(name string) { p.Values.Policy.Retry.Count = int(s.integer(name)) }},
		{"delay", "/retry/delaySeconds", func(name string) { p.Values.Policy.Retry.Delay = seconds(name) }},
		{"factor", "/retry/factor", func(name string) { p.Values.Policy.Retry.Factor = s.number(name) }},
		{"ceiling", "/retry/ceilingSeconds", func(name string) { p.Values.Policy.Retry.Ceiling = seconds(name) }},
		{"pause-note", "/pauseNote", func(name string) { p.Values.Timing.PauseNote = s.text(name) }},
	} {
		if s.text(f.name) != "" {
			f.read(f.name)
			set(f.field)
		}
	}
	switch s.text("channels") {
	case "account":
		set("/channelIds")
	case "these":
		set("/channelIds")
		p.Values.ChannelIDs = []int64{}
		for _, id := range s.values["channel"] {
			p.Values.ChannelIDs = append(p.Values.ChannelIDs, parseID(id))
		}
	}
	if until, ok := s.until("pause"); ok {
		set("/pausedUntil")
		p.Values.Timing.PausedUntil = until
	}
	if until, ok := s.until("silence"); ok {
		set("/silencedUntil")
		p.Values.Notification.SilencedUntil = until
	}
	if len(p.Fields) > 0 {
		s.add(cron.Operation{Kind: cron.OperationPatch, Patch: &p}, patchFields)
	}
}

// number reads a number that need not be whole.
func (s *bulkSheet) number(name string) float64 {
	n, err := strconv.ParseFloat(s.text(name), 64)
	if err != nil {
		s.Add("/"+name, cron.Problem{Rule: cron.RuleWrongType, Want: "number"})
	}
	return n
}

// scheduleSets are the fields of a schedule that a crontab line sets.
var scheduleSets = []string{"/schedule/seconds", "/schedule/minutes", "/schedule/hours", "/schedule/mdays", "/schedule/months",
	"/schedule/wdays", "/schedule/lastDay", "/schedule/days"}

// readSchedule reads a crontab line. It takes the place of the time of one-time jobs, too.
func (s *bulkSheet) readSchedule(p *cron.JobPatch) {
	line := s.text("schedule")
	if line == "" {
		return
	}
	parsed, err := cron.ParseCrontab(line)
	if e, ok := errors.AsType[*cron.CrontabError](err); ok {
		s.Add("/schedule", cron.Problem{Rule: cron.RuleCrontab, Crontab: e})
		return
	}
	p.Values.Schedule = parsed
	p.Fields = append(append(p.Fields, scheduleSets...), "/runAt")
	if parsed.Timezone != "" {
		p.Fields = append(p.Fields, "/schedule/timezone")
	}
}

// until reads until when jobs are paused or silenced: a list with an instant beside it. ok is false when that stays as it is.
func (s *bulkSheet) until(name string) (at time.Time, ok bool) {
	field := name + "-until"
	switch text := s.text(field); s.text(name) {
	case "end":
		return time.Time{}, true
	case "forever":
		return cron.Forever, true
	case "until":
		if text == "" {
			s.Add("/"+field, cron.Problem{Rule: cron.RuleMandatory})
		}
		return localTimeIn(text, s.zone, field, &s.Checker), true
	default:
		return localTimeIn(text, s.zone, field, &s.Checker), text != ""
	}
}

// headerKinds are what is done to headers, by the choices of the sheet.
var headerKinds = map[string]cron.OperationKind{
	"set": cron.OperationSetHeader, "add": cron.OperationAddHeader, "remove": cron.OperationRemoveHeader,
}

// readHeader reads a row of headers.
func (s *bulkSheet) readHeader(row int) {
	name, value := rowName("header-name", row), rowName("header-value", row)
	kind, ok := headerKinds[s.text(rowName("header", row))]
	if !ok || s.text(name) == "" && s.text(value) == "" {
		return
	}
	s.add(cron.Operation{Kind: kind, Name: s.text(name), Value: s.text(value)}, map[string]string{"": name, "/value": value})
}

// replaceFields are where texts are replaced, by the choices of the sheet.
var replaceFields = map[string]cron.OperationField{
	"url": cron.ReplaceURL, "headers": cron.ReplaceHeaders, "body": cron.ReplaceBody, "title": cron.ReplaceTitle,
}

// readReplace reads a row of texts to replace. Spaces around them count.
func (s *bulkSheet) readReplace(row int) {
	find, replace := rowName("find", row), rowName("replace", row)
	field, ok := replaceFields[s.text(rowName("in", row))]
	if !ok || s.values.Get(find) == "" && s.values.Get(replace) == "" {
		return
	}
	s.add(cron.Operation{Kind: cron.OperationReplace, Field: field, Find: s.values.Get(find), Replace: s.values.Get(replace),
		Pattern: s.text(rowName("pattern", row)) != ""}, map[string]string{"": find, "/replace": replace})
}

// tagKinds are what is done to tags, by the choices of the sheet.
var tagKinds = map[string]cron.OperationKind{
	"add": cron.OperationAddTags, "remove": cron.OperationRemoveTags, "set": cron.OperationSetTags,
}

// readTags reads tags, separated by commas.
func (s *bulkSheet) readTags() {
	fields := map[string]string{"": "tags"}
	if s.text("tag-do") == "clear" {
		s.add(cron.Operation{Kind: cron.OperationSetTags}, fields)
		return
	}
	kind, ok := tagKinds[s.text("tag-do")]
	if tags := splitTags(s.text("tags")); ok && len(tags) > 0 {
		s.add(cron.Operation{Kind: kind, Tags: tags}, fields)
	}
}

// splitTags reads tags that are separated by commas.
func splitTags(text string) (tags []string) {
	for _, tag := range strings.Split(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// named is an error about an action with the problems at the fields of the sheet.
func (s *bulkSheet) named(err error) error {
	return cron.WithProblems(err, func(p *cron.Problem) {
		switch p.Rule {
		case cron.RuleUnknownFolder:
			p.Pointer = "/folder"
		case cron.RuleUnknownChannel:
			p.Pointer = "/channels"
		default:
			p.Pointer = s.fieldOf(p.Pointer)
		}
	})
}

// fieldOf is the field of a problem at a pointer such as "/operations/0/job/schedule/hours", as a pointer.
func (s *bulkSheet) fieldOf(pointer string) string {
	rest, ok := strings.CutPrefix(pointer, "/operations/")
	if !ok {
		return pointer
	}
	number, rest, _ := strings.Cut(rest, "/")
	i, err := strconv.Atoi(number)
	if err != nil || i >= len(s.fields) {
		return ""
	}
	rest = strings.TrimPrefix("/"+rest, "/job")
	for at := rest; ; at = at[:strings.LastIndexByte(at, '/')] {
		if name, ok := s.fields[i][at]; ok {
			return "/" + name
		}
		if at == "" {
			return ""
		}
	}
}
