package cron

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var operationsNow = time.Date(2027, time.January, 15, 12, 0, 0, 0, time.UTC)

func operationJob() Job {
	j := NewJob()
	j.Request.URL, j.Title = "https://old.example/a?old=1", "old job"
	j.Request.Headers = []Header{{"X-Old", "old"}, {"Accept", "a/b"}, {"accept", "c/d"}}
	j.Request.Body, j.Tags = "old body", []string{"Prod", "web"}
	j.Schedule.Hours, j.Schedule.Minutes = SetOf(9), SetOf(30)
	j.Schedule.MonthDays, j.Schedule.Months, j.Schedule.Weekdays = Every, Every, Every
	return j
}

// TestOperations applies each kind of operation, and compares the whole job with what it is to be.
func TestOperations(t *testing.T) {
	patch := func(change func(*Job), fields ...string) *JobPatch {
		p := &JobPatch{Fields: fields}
		change(&p.Values)
		return p
	}
	for name, test := range map[string]struct {
		op     Operation
		change func(*Job)
		rule   Rule // that refuses the job
	}{
		"patch":          {op: Operation{Patch: patch(func(j *Job) { j.Timeout = 7 }, "/requestTimeout")}, change: func(j *Job) { j.Timeout = 7 }},
		"patch, invalid": {op: Operation{Patch: patch(func(j *Job) { j.Schedule.Hours = SetOf(9) }, "/schedule/hours")}},
		"text in the URL": {op: Operation{Kind: OperationReplace, Find: "old", Replace: "new"},
			change: func(j *Job) { j.Request.URL = "https://new.example/a?new=1" }},
		"pattern in the URL": {op: Operation{Kind: OperationReplace, Pattern: true, Find: `//(\w+)\.example`, Replace: "//${1}er.test"},
			change: func(j *Job) { j.Request.URL = "https://older.test/a?old=1" }},
		"a pattern is no text":               {op: Operation{Kind: OperationReplace, Find: `o.d`, Replace: "new"}},
		"pattern that makes the URL invalid": {op: Operation{Kind: OperationReplace, Pattern: true, Find: `^https`, Replace: "ftp"}, rule: RuleURLScheme},
		"pattern that leaves nothing":        {op: Operation{Kind: OperationReplace, Pattern: true, Find: `.*`}, rule: RuleMandatory},
		"headers":                            {op: Operation{Kind: OperationReplace, Field: ReplaceHeaders, Find: "/", Replace: "-"}, change: func(j *Job) { j.Request.Headers = []Header{{"X-Old", "old"}, {"Accept", "a-b"}, {"accept", "c-d"}} }},
		"a header without a value":           {op: Operation{Kind: OperationReplace, Field: ReplaceHeaders, Find: "old"}, rule: RuleEmptyHeader},
		"body":                               {op: Operation{Kind: OperationReplace, Field: ReplaceBody, Find: "old ", Replace: ""}, change: func(j *Job) { j.Request.Body = "body" }},
		"title":                              {op: Operation{Kind: OperationReplace, Field: ReplaceTitle, Find: "old", Replace: "new"}, change: func(j *Job) { j.Title = "new job" }},
		"title that gets too long":           {op: Operation{Kind: OperationReplace, Field: ReplaceTitle, Find: "o", Replace: strings.Repeat("x", 600)}, rule: RuleTooLong},
		"add a header":                       {op: Operation{Kind: OperationAddHeader, Name: "Accept", Value: "e/f"}, change: func(j *Job) { j.Request.Headers = append(j.Request.Headers, Header{"Accept", "e/f"}) }},
		"set a header":                       {op: Operation{Kind: OperationSetHeader, Name: "ACCEPT", Value: "e/f"}, change: func(j *Job) { j.Request.Headers = []Header{{"X-Old", "old"}, {"Accept", "e/f"}} }},
		"set a new header":                   {op: Operation{Kind: OperationSetHeader, Name: "B", Value: "b"}, change: func(j *Job) { j.Request.Headers = append(j.Request.Headers, Header{"B", "b"}) }},
		"remove a header":                    {op: Operation{Kind: OperationRemoveHeader, Name: "accept"}, change: func(j *Job) { j.Request.Headers = []Header{{"X-Old", "old"}} }},
		"shift":                              {op: Operation{Kind: OperationShift, Minutes: 45}, change: func(j *Job) { j.Schedule.Hours, j.Schedule.Minutes = SetOf(10), SetOf(15) }},
		"time zone, local times stay":        {op: Operation{Kind: OperationTimezone, Timezone: "Europe/Berlin"}, change: func(j *Job) { j.Schedule.Timezone = "Europe/Berlin" }},
		"time zone, instants stay": {op: Operation{Kind: OperationTimezone, Timezone: "Asia/Kolkata", Instants: true}, change: func(j *Job) {
			j.Schedule.Timezone, j.Schedule.Hours, j.Schedule.Minutes = "Asia/Kolkata", SetOf(15), SetOf(0)
		}},
		"time zone whose clock changes":       {op: Operation{Kind: OperationTimezone, Timezone: "Europe/Berlin", Instants: true}, rule: RuleKeepInstants},
		"add tags":                            {op: Operation{Kind: OperationAddTags, Tags: []string{"prod", "new "}}, change: func(j *Job) { j.Tags = []string{"Prod", "web", "new"} }},
		"remove tags":                         {op: Operation{Kind: OperationRemoveTags, Tags: []string{"PROD", "x"}}, change: func(j *Job) { j.Tags = []string{"web"} }},
		"set tags":                            {op: Operation{Kind: OperationSetTags, Tags: []string{"a"}}, change: func(j *Job) { j.Tags = []string{"a"} }},
		"move":                                {op: Operation{Kind: OperationMove, FolderID: 7}, change: func(j *Job) { j.FolderID = 7 }},
		"enable":                              {op: Operation{Kind: OperationEnable}, change: func(j *Job) { j.Enabled = true }},
		"disable":                             {op: Operation{Kind: OperationDisable}},
		"delete":                              {op: Operation{Kind: OperationDelete}},
		"a pattern that matches everywhere":   {op: Operation{Kind: OperationReplace, Field: ReplaceBody, Pattern: true, Find: "", Replace: "x"}, rule: RuleMandatory},
		"an empty match at each place counts": {op: Operation{Kind: OperationReplace, Field: ReplaceTitle, Pattern: true, Find: "x*", Replace: "-"}, change: func(j *Job) { j.Title = "-o-l-d- -j-o-b-" }},
	} {
		t.Run(name, func(t *testing.T) {
			j := operationJob()
			ops, err := NewOperations([]Operation{test.op})
			if err == nil {
				err = ops.Apply(&j, operationsNow)
			}
			if test.rule != RuleNone {
				refusedBy(t, err, test.rule)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := operationJob()
			if test.change != nil {
				test.change(&want)
			}
			if !reflect.DeepEqual(j, want) {
				t.Errorf("the job is %+v, want %+v", j, want)
			}
		})
	}
}

func refusedBy(t *testing.T, err error, rule Rule) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != Invalid || len(e.Problems) == 0 || e.Problems[0].Rule != rule {
		t.Fatalf("the error is %v, want rule %d", err, rule)
	}
}

// TestOperationsThatNoJobAllows refuses operations before any job is looked at.
func TestOperationsThatNoJobAllows(t *testing.T) {
	for name, test := range map[string]struct {
		list []Operation
		at   string
		rule Rule
	}{
		"none":               {nil, "", RuleMandatory},
		"too many":           {make([]Operation, MaxOperations+1), "", RuleTooMany},
		"no patch":           {[]Operation{{}}, "/0/job", RuleMandatory},
		"a bad patch":        {[]Operation{{Patch: &JobPatch{Values: Job{Title: strings.Repeat("x", 600)}, Fields: []string{"/title"}}}}, "/0/job/title", RuleTooLong},
		"no pattern":         {[]Operation{{Kind: OperationReplace, Pattern: true, Find: "("}}, "/0/find", RulePattern},
		"a costly pattern":   {[]Operation{{Kind: OperationReplace, Pattern: true, Find: "(a{30}){30}"}}, "/0/find", RulePatternSize},
		"many groups":        {[]Operation{{Kind: OperationReplace, Pattern: true, Find: strings.Repeat("()", 30) + "x"}}, "/0/find", RulePatternSize},
		"a long replacement": {[]Operation{{Kind: OperationReplace, Find: "x", Replace: strings.Repeat("x", 9000)}}, "/0/replace", RuleTooLong},
		"no header name":     {[]Operation{{Kind: OperationRemoveHeader, Name: "a b"}}, "/0/name", RuleHeaderName},
		"no header value":    {[]Operation{{Kind: OperationSetHeader, Name: "A", Value: " "}}, "/0/value", RuleMandatory},
		"a long way":         {[]Operation{{Kind: OperationShift, Minutes: 1440}}, "/0/minutes", RuleOutOfRange},
		"no zone":            {[]Operation{{Kind: OperationTimezone, Timezone: "x"}}, "/0/timezone", RuleUnknownTimeZone},
		"a comma":            {[]Operation{{Kind: OperationAddTags, Tags: []string{"a,b"}}}, "/0/tags", RuleTagComma},
		"no such kind":       {[]Operation{{Kind: operationKinds}}, "/0/kind", RuleUnknownValue},
		"delete and more":    {[]Operation{{Kind: OperationEnable}, {Kind: OperationDelete}}, "/1", RuleDeleteAlone},
	} {
		_, err := NewOperations(test.list)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Problems[0].Pointer != test.at || e.Problems[0].Rule != test.rule {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// TestReplacementsAreBounded has short operations that would make much of a large body.
func TestReplacementsAreBounded(t *testing.T) {
	for _, op := range []Operation{
		{Field: ReplaceBody, Find: "a", Replace: strings.Repeat("b", maxReplacement)},
		{Field: ReplaceBody, Pattern: true, Find: "a{100}", Replace: strings.Repeat("$0", maxReplacement/2)},
		{Field: ReplaceBody, Pattern: true, Find: "a", Replace: "b"},
	} {
		op.Kind = OperationReplace
		j := operationJob()
		j.Request.Body = strings.Repeat("a", MaxBodyLength)
		ops, err := NewOperations([]Operation{op})
		if err != nil {
			t.Fatal(err)
		}
		if KindOf(ops.Apply(&j, operationsNow)) != Invalid || len(j.Request.Body) > MaxBodyLength {
			t.Errorf("%q was replaced; the body has %d bytes", op.Find, len(j.Request.Body))
		}
	}
}

// TestOperationsLeaveOtherJobsAlone applies operations to two jobs that share memory.
func TestOperationsLeaveOtherJobsAlone(t *testing.T) {
	a := operationJob()
	b, want := a, operationJob()
	ops, err := NewOperations([]Operation{
		{Kind: OperationAddHeader, Name: "A", Value: "b"}, {Kind: OperationSetHeader, Name: "X-Old", Value: "new"},
		{Kind: OperationReplace, Field: ReplaceHeaders, Find: "a", Replace: "z"}, {Kind: OperationRemoveHeader, Name: "Accept"},
		{Kind: OperationAddTags, Tags: []string{"x"}}, {Kind: OperationRemoveTags, Tags: []string{"Prod"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ops.Apply(&b, operationsNow); err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("the other job is %+v, %v", a, err)
	}
}

func TestShiftsThatSetsCannotExpress(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*Schedule)
		minutes int
	}{
		"two minutes, one in the next hour": {func(s *Schedule) { s.Minutes = SetOf(10, 50) }, 20},
		"a day of the month":                {func(s *Schedule) { s.MonthDays, s.Hours = SetOf(1), SetOf(23) }, 60},
		"a month":                           {func(s *Schedule) { s.Months, s.Hours = SetOf(1), SetOf(0) }, -60},
		"some times change the weekday":     {func(s *Schedule) { s.Weekdays, s.Hours = SetOf(1), SetOf(1, 23) }, 60},
	} {
		j := operationJob()
		test.change(&j.Schedule)
		before := j.Schedule
		if p := j.shift(test.minutes); p.Rule != RuleShift || j.Schedule != before {
			t.Errorf("%s: %+v, and the schedule is %+v", name, p, j.Schedule)
		}
	}
	j := operationJob()
	j.Schedule.Weekdays, j.Schedule.Hours, j.Schedule.ExpiresAt = SetOf(5, 6), SetOf(23), 20270101000000
	if p := j.shift(60); p.Rule != RuleNone || j.Schedule.Weekdays != SetOf(6, 0) || j.Schedule.Hours != SetOf(0) || j.Schedule.ExpiresAt != 20270101010000 {
		t.Errorf("late on Fridays and Saturdays became %+v, %+v", j.Schedule, p)
	}
	j.Timing.RunAt = operationsNow
	before := j.Schedule
	if p := j.shift(-5); p.Rule != RuleNone || !j.Timing.RunAt.Equal(operationsNow.Add(-5*time.Minute)) || j.Schedule != before {
		t.Errorf("a one-time job became %+v, %+v", j, p)
	}
}

// TestShiftMovesEveryOccurrence compares the occurrences of schedules before and after a shift, and shifts them back.
func TestShiftMovesEveryOccurrence(t *testing.T) {
	set := func(low, high int) *rapid.Generator[Set] {
		return rapid.Custom(func(t *rapid.T) Set {
			if rapid.Bool().Draw(t, "all") {
				return Every
			}
			var s Set
			for _, n := range rapid.SliceOfN(rapid.IntRange(low, high), 1, 4).Draw(t, "members") {
				s |= SetOf(n)
			}
			return s
		})
	}
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		s := NewSchedule()
		s.Hours, s.Minutes, s.Weekdays = set(0, 23).Draw(t, "hours"), set(0, 59).Draw(t, "minutes"), set(0, 6).Draw(t, "weekdays")
		s.MonthDays, s.Months = Every, Every
		if rapid.Bool().Draw(t, "days") {
			s.MonthDays = set(1, 31).Draw(t, "mdays")
		}
		minutes := rapid.IntRange(-MaxShift, MaxShift).Draw(t, "shift")
		after, ok := s.shifted(minutes)
		if !ok {
			return
		}
		moved++
		by := time.Duration(minutes) * time.Minute
		was, is := operationsNow, operationsNow.Add(by)
		for range 50 {
			a, okA := s.Next(was)
			b, okB := after.Next(is)
			if okA != okB || okA && !b.Equal(a.Add(by)) {
				t.Fatalf("%v becomes %v, by %v", a, b, by)
			}
			if !okA {
				break
			}
			was, is = a, b
		}
		back, ok := after.shifted(-minutes)
		if !ok || back.pattern() != s.pattern() {
			t.Fatalf("shifted back, %+v is %+v", s, back)
		}
	})
	if moved == 0 {
		t.Error("no schedule was moved")
	}
}

// TestKeptInstants changes the zone of schedules in all ways that keep instants, and compares what follows.
func TestKeptInstants(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "Europe/Paris", "Asia/Kolkata", "America/New_York", "America/Toronto", "Pacific/Kiritimati", "Australia/Lord_Howe"}
	for name, test := range map[string]struct {
		change   func(*Schedule)
		from, to string
		kept     bool
	}{
		"the same rules":         {nil, "Europe/Berlin", "Europe/Paris", true},
		"no rules":               {nil, "UTC", "Asia/Kolkata", true},
		"other rules":            {nil, "Europe/Berlin", "UTC", false},
		"every hour, half hours": {func(s *Schedule) { s.Hours = Every }, "Europe/Berlin", "Asia/Kolkata", true},
		"every hour on a day":    {func(s *Schedule) { s.Hours, s.Weekdays = Every, SetOf(1) }, "Europe/Berlin", "UTC", false},
	} {
		j := operationJob()
		if test.change != nil {
			test.change(&j.Schedule)
		}
		j.Schedule.Timezone = test.from
		if p := j.Schedule.moveTo(test.to, true, operationsNow); (p.Rule == RuleNone) != test.kept {
			t.Errorf("%s: %+v", name, p)
		}
	}
	kept := 0
	rapid.Check(t, func(t *rapid.T) {
		j := operationJob()
		s := &j.Schedule
		s.Timezone = rapid.SampledFrom(zones).Draw(t, "from")
		s.Hours = rapid.SampledFrom([]Set{Every, SetOf(0), SetOf(9, 17)}).Draw(t, "hours")
		s.DST = DSTRule(rapid.IntRange(0, 1).Draw(t, "dst"))
		if rapid.Bool().Draw(t, "expires") {
			s.ExpiresAt = 20270601120000
		}
		before := *s
		if s.moveTo(rapid.SampledFrom(zones).Draw(t, "to"), true, operationsNow).Rule != RuleNone {
			if *s != before {
				t.Fatalf("a refused schedule became %+v", s)
			}
			return
		}
		kept++
		if !sameInstants(&before, s, operationsNow) {
			t.Fatalf("%+v and %+v differ", before, s)
		}
	})
	if kept == 0 {
		t.Error("no schedule was kept")
	}
}
