package message_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// catalogues are all languages by their tags.
func catalogues() map[string]*message.Catalogue {
	all := map[string]*message.Catalogue{}
	for _, c := range message.Languages() {
		all[c.Tag] = c
	}
	return all
}

// ofTheAPI are the rules that only a caller of the API can break, who reads the sentences of package api.
var ofTheAPI = []string{"RuleNotJSON", "RuleMediaType", "RuleNotUTF8", "RuleSurrogate", "RuleTooDeep", "RuleEitherOr",
	"RulePosition", "RuleCursor", "RuleCause", "RuleHTTPVersion", "RuleIdempotencyKey", "RuleIdempotencyBusy", "RuleIdempotencyOther",
	"RuleIdempotencyFull"}

// ofHTTP is what a neutral sentence does not speak of.
var ofHTTP = regexp.MustCompile(`JSON|Content-Type|Authorization|Idempotency|ETag|Retry-After|this path|send (it|the call) again`)

// unknown stands for a number that means nothing, so that it gets a catalogue's last resort.
const unknown = -1

// constants lists the constants of one type in package cron, so that a new one cannot be forgotten here.
func constants(t *testing.T, typeName string) map[string]int {
	t.Helper()
	files := token.NewFileSet()
	var parsed []*ast.File
	paths, err := filepath.Glob("../cron/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	// The constants do without what cron imports, so errors about that do not matter.
	config := types.Config{Error: func(error) {}, Importer: noImporter{}, IgnoreFuncBodies: true}
	pkg, _ := config.Check("cron", files, parsed, nil)
	found := map[string]int{}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok || c.Type().String() != "cron."+typeName {
			continue
		}
		n, exact := constant.Int64Val(c.Val())
		if !exact {
			t.Fatalf("%s is no integer", name)
		}
		found[name] = int(n)
	}
	if len(found) < 2 {
		t.Fatalf("found no constants of type %s", typeName)
	}
	return found
}

type noImporter struct{}

func (noImporter) Import(path string) (*types.Package, error) {
	return nil, errors.New("not needed: " + path)
}

// checkSentence reports what cannot be a sentence for people.
func checkSentence(t *testing.T, what, s string) {
	t.Helper()
	if ofHTTP.MatchString(s) {
		t.Errorf("%s: %q is for callers of the API only", what, s)
	}
	if s == "" || strings.ContainsAny(s, "{}") || strings.Contains(s, "%!") || !strings.HasSuffix(s, ".") || strings.ToUpper(s[:1]) != s[:1] {
		t.Errorf("%s: %q is not a sentence", what, s)
	}
}

func TestEveryRuleHasASentence(t *testing.T) {
	for language, c := range catalogues() {
		seen := map[string]string{}
		for name, rule := range constants(t, "Rule") {
			if cron.Rule(rule) == cron.RuleNone || slices.Contains(ofTheAPI, name) {
				continue
			}
			s := c.Problem(cron.Problem{Rule: cron.Rule(rule), Given: "GIVEN", Want: "integer", Min: 17, Max: 42, Limit: 512})
			checkSentence(t, language+" "+name, s)
			if s == c.Problem(cron.Problem{Rule: unknown}) {
				t.Errorf("%s has no sentence for %s", language, name)
			}
			if other, ok := seen[s]; ok {
				t.Errorf("%s says the same of %s and %s: %q", language, name, other, s)
			}
			seen[s] = name
		}
	}
}

func TestEveryFaultHasASentence(t *testing.T) {
	for language, c := range catalogues() {
		for name, fault := range constants(t, "Fault") {
			if cron.Fault(fault) == cron.FaultNone {
				continue
			}
			s := c.Execution(&cron.Result{Status: cron.StatusOther, Fault: cron.Fault(fault), Detail: "DETAIL"})
			checkSentence(t, language+" "+name, s)
			if s == c.Execution(&cron.Result{Status: cron.StatusOther, Fault: unknown}) {
				t.Errorf("%s has no sentence for %s", language, name)
			}
		}
	}
}

// TestEveryCauseAndRemedyHasASentence gives each cause all facts, and none.
func TestEveryCauseAndRemedyHasASentence(t *testing.T) {
	full := cron.Diagnosis{
		Host: "HOST", Name: "NAME", From: "FROM", Address: netip.MustParseAddrPort("192.0.2.1:443"), Port: 443, HTTPStatus: 404,
		Reason: "REASON", Text: "TEXT", Allow: "ALLOW", Limit: 65536, Came: 1, Declared: 2, Wait: time.Second, Timeout: time.Minute,
		RetryAfter: time.Hour, Expiry: time.Unix(1, 0), Mend: cron.Mend{Kind: cron.MendURL, Text: "MEND"},
		URL: cron.Problem{Rule: cron.RuleURLHost},
	}
	none := cron.Diagnosis{Host: "HOST", Name: "NAME", HTTPStatus: 404, Came: -1, Declared: -1, URL: full.URL,
		Mend: full.Mend}
	for language, c := range catalogues() {
		for name, facts := range map[string]cron.Diagnosis{"all facts": full, "no facts": none} {
			unknown := facts
			unknown.Cause = unknownCause
			seen := map[string]string{c.Diagnosis(&unknown): "the last resort"}
			for cause, number := range constants(t, "Cause") {
				d := facts
				if d.Cause = cron.Cause(number); d.Cause == cron.CauseNone || d.Cause == cron.CauseUnknown {
					continue
				}
				s := c.Diagnosis(&d)
				checkFacts(t, language+" "+name+" "+cause, s)
				if other, ok := seen[s]; ok {
					t.Errorf("%s says the same of %s and %s: %q", language, cause, other, s)
				}
				seen[s] = cause
			}
			seen = map[string]string{}
			d := facts
			d.Cause = cron.CauseStatus
			plain := c.Diagnosis(&d)
			for remedy, number := range constants(t, "Remedy") {
				if d.Remedy = cron.Remedy(number); d.Remedy == cron.RemedyNone {
					continue
				}
				s, ok := strings.CutPrefix(c.Diagnosis(&d), plain+" ")
				if checkFacts(t, language+" "+name+" "+remedy, s); !ok {
					t.Errorf("%s has no sentence for %s", language, remedy)
				}
				if other, ok := seen[s]; ok {
					t.Errorf("%s says the same of %s and %s: %q", language, remedy, other, s)
				}
				seen[s] = remedy
			}
		}
		if s := c.Diagnosis(&cron.Diagnosis{}); s != "" {
			t.Errorf("%s says %q of a success", language, s)
		}
	}
}

// unknownCause is one that no catalogue has.
const unknownCause cron.Cause = -1

// checkFacts reports what cannot be a sentence about a failure. It can begin with the name of a host.
func checkFacts(t *testing.T, what, s string) {
	t.Helper()
	if s == "" || strings.ContainsAny(s, "{}[|") || strings.Contains(s, "  ") || strings.Contains(s, "..") || !strings.HasSuffix(s, ".") {
		t.Errorf("%s: %q is not a sentence", what, s)
	}
}

func TestDiagnosisIsShort(t *testing.T) {
	long := strings.Repeat("x", 60000)
	d := cron.Diagnosis{Cause: cron.CauseRedirect, Host: long, Name: long, From: long, Reason: long, Text: long,
		Remedy: cron.RemedyCertificateName, Mend: cron.Mend{Kind: cron.MendURL, Text: long}}
	if s := message.Default().Diagnosis(&d); len(s) > 1000 {
		t.Errorf("the sentences have %d bytes", len(s))
	}
}

func TestEveryKindAndSubjectHasATitleAndASentence(t *testing.T) {
	for language, c := range catalogues() {
		titles := map[string]string{}
		for kindName, kind := range constants(t, "ErrorKind") {
			for subjectName, subject := range constants(t, "Subject") {
				title, detail := c.Error(cron.ErrorKind(kind), cron.Subject(subject))
				checkSentence(t, fmt.Sprintf("%s %s %s", language, kindName, subjectName), detail)
				if other, ok := titles[title]; title == "" || ok && other != kindName {
					t.Errorf("%s: the title of %s is %q, as that of %s", language, kindName, title, other)
				}
				titles[title] = kindName
			}
		}
		// The things of the domain have names of their own.
		seen := map[string]string{}
		for name, subject := range constants(t, "Subject") {
			_, detail := c.Error(cron.NotFound, cron.Subject(subject))
			if other, ok := seen[detail]; ok {
				t.Errorf("%s says the same of %s and %s: %q", language, name, other, detail)
			}
			seen[detail] = name
		}
	}
}

func TestProblemNamesWhatItKnows(t *testing.T) {
	for name, tt := range map[string]struct {
		problem cron.Problem
		want    []string
	}{
		"range": {
			cron.Problem{Rule: cron.RuleOutOfRange, Given: "60", Min: 0, Max: 59},
			[]string{"60", "from 0 to 59"},
		},
		"no lower bound": {
			cron.Problem{Rule: cron.RuleOutOfRange, Given: "60", Min: math.MinInt64, Max: 59},
			[]string{"at most 59"},
		},
		"no upper bound": {
			cron.Problem{Rule: cron.RuleOutOfRange, Given: "-1", Min: 0, Max: math.MaxInt64},
			[]string{"at least 0"},
		},
		"no bound": {
			cron.Problem{Rule: cron.RuleOutOfRange, Given: "1e99", Min: math.MinInt64, Max: math.MaxInt64},
			[]string{"64 bits"},
		},
		"length, characters": {
			cron.Problem{Rule: cron.RuleTooLong, Limit: 512, Unit: cron.UnitCharacters},
			[]string{"512 characters"},
		},
		"length, bytes": {
			cron.Problem{Rule: cron.RuleTooLong, Limit: 8192, Unit: cron.UnitBytes},
			[]string{"8192 bytes"},
		},
		"type":    {cron.Problem{Rule: cron.RuleWrongType, Want: "integer"}, []string{"an integer"}},
		"type, a": {cron.Problem{Rule: cron.RuleWrongType, Want: "string"}, []string{"a string"}},
		"zone": {
			cron.Problem{Rule: cron.RuleUnknownTimeZone, Given: "Mars/Olympus"},
			[]string{`"Mars/Olympus"`},
		},
		"value, choices": {
			cron.Problem{Rule: cron.RuleUnknownValue, Given: "x", Want: "once, wallclock"},
			[]string{`"x"`, "once, wallclock"},
		},
		"scheme": {cron.Problem{Rule: cron.RuleURLScheme, Given: "ftp"}, []string{`"ftp"`, "https://"}},
		"blocked": {
			cron.Problem{Rule: cron.RuleURLBlocked, Given: "169.254.169.254"},
			[]string{"169.254.169.254"},
		},
		"control, header": {cron.Problem{Rule: cron.RuleControlCharacter, Given: "X-A"}, []string{`"X-A"`}},
		"header":          {cron.Problem{Rule: cron.RuleHeaderName, Given: "a b\x00"}, []string{`"a b\x00"`}},
		"time of day":     {cron.Problem{Rule: cron.RuleClock, Given: "25:00"}, []string{`"25:00"`, "22:00"}},
		"channel":         {cron.Problem{Rule: cron.RuleUnknownChannel, Given: "7"}, []string{"channel 7"}},
		"folder":          {cron.Problem{Rule: cron.RuleUnknownFolder, Given: "7"}, []string{"folder 7"}},
		"local time": {
			cron.Problem{Rule: cron.RuleLocalTime, Given: "20261399000000"},
			[]string{"20261399000000"},
		},
		"long value": {
			cron.Problem{Rule: cron.RuleUnknownTimeZone, Given: strings.Repeat("é", 5000)},
			[]string{strings.Repeat("é", 100) + `…"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := message.Default().Problem(tt.problem)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q does not hold %q", got, want)
				}
			}
			if len(got) > 500 {
				t.Errorf("the sentence has %d bytes", len(got))
			}
		})
	}
}

func TestExecution(t *testing.T) {
	for name, tt := range map[string]struct {
		result cron.Result
		want   string
	}{
		"reason":             {cron.Result{Status: cron.StatusOK, HTTPStatus: 200, Reason: "Fine"}, "Fine"},
		"no reason":          {cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 404}, "Not Found"},
		"unknown, no reason": {cron.Result{Status: cron.StatusOK, HTTPStatus: 299}, "HTTP 299"},
		"response, but large": {
			cron.Result{
				Status: cron.StatusTooMuchData, HTTPStatus: 200, Reason: "OK", Fault: cron.FaultTooMuchData, Detail: "65536",
			},
			"The response was larger than the allowed 65536 bytes.",
		},
		"host": {
			cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Detail: "no.example"},
			"The host no.example does not exist.",
		},
		"lost": {
			cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultLost},
			"The execution was started, but the service stopped before its result was known.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := message.Default().Execution(&tt.result); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestARunningExecutionHasNoStatusText asks for the outcome of an execution while it runs and after it.
func TestARunningExecutionHasNoStatusText(t *testing.T) {
	for _, c := range catalogues() {
		e := cron.Execution{Outcome: cron.OutcomeRunning}
		if said := c.Outcome(&e); said != "" {
			t.Errorf("%s: of a running execution it is said %q", c.Tag, said)
		}
		if e.Outcome = cron.OutcomeFailed; c.Outcome(&e) == "" {
			t.Errorf("%s: of a failed execution nothing is said", c.Tag)
		}
	}
}
