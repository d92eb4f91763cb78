package cron

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fieldsOf visits the fields of a struct and of the structs within, by their paths.
func fieldsOf(v reflect.Value, path string, visit func(path string, field reflect.Value)) {
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		visit(path, v)
		return
	}
	for i := range v.NumField() {
		fieldsOf(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
	}
}

// everyValue is a job of which no field is zero.
func everyValue(t *testing.T) (job Job) {
	fieldsOf(reflect.ValueOf(&job).Elem(), "", func(path string, field reflect.Value) {
		switch value := field.Addr().Interface().(type) {
		case *time.Time:
			*value = time.Unix(1, 0)
		case *[]string:
			*value = []string{"x"}
		case *[]int64:
			*value = []int64{1}
		case *[]Header:
			*value = []Header{{"A", "b"}}
		case **Success:
			*value = &Success{Contains: "x"}
		default:
			switch field.Kind() {
			case reflect.Bool:
				field.SetBool(true)
			case reflect.Int, reflect.Int64:
				field.SetInt(1)
			case reflect.Uint64:
				field.SetUint(1)
			case reflect.Float64:
				field.SetFloat(1)
			case reflect.String:
				field.SetString("x")
			default:
				t.Fatalf("the test has no value for %s, %v", path, field.Type())
			}
		}
	})
	return job
}

// TestPatchesSetEveryField sets each field by itself: one of the job each time, and all that a user can set in the end.
func TestPatchesSetEveryField(t *testing.T) {
	var want, got []string
	values := everyValue(t)
	fieldsOf(reflect.ValueOf(values), "", func(path string, _ reflect.Value) {
		switch path {
		case ".ID", ".AccountID", ".Type", ".Created", ".Updated", ".Timing.RunAtPassed", // those of the service
			".CreatedBy.PersonID", ".CreatedBy.KeyID", ".CreatedBy.Label", ".CreatedBy.Way",
			".UpdatedBy.PersonID", ".UpdatedBy.KeyID", ".UpdatedBy.Label", ".UpdatedBy.Way":
		default:
			want = append(want, path)
		}
	})
	for name := range JobFields() {
		var (
			job   Job
			set   []string
			patch = JobPatch{Values: values, Fields: []string{name}}
		)
		patch.set(&job)
		fieldsOf(reflect.ValueOf(job), "", func(path string, field reflect.Value) {
			if !field.IsZero() {
				set = append(set, path)
			}
		})
		if len(set) != 1 || !patch.Sets(name) || patch.Sets("") {
			t.Errorf("%s sets %v", name, set)
		}
		got = append(got, set...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("patches set\n%v\nbut a user can set\n%v", got, want)
	}
}

// TestAPatchThatDisablesIsFromAUser has the one field that sets more than itself.
func TestAPatchThatDisablesIsFromAUser(t *testing.T) {
	job := Job{Timing: Timing{RunAtPassed: true}}
	patch := JobPatch{Fields: []string{"/enabled"}}
	if patch.set(&job); job.Timing.RunAtPassed {
		t.Error("a job that its user disabled counts as one that the service disabled")
	}
}

// TestPatchesAreCheckedByThemselves has values that no job can have, and fields that are not set.
func TestPatchesAreCheckedByThemselves(t *testing.T) {
	for name := range JobFields() {
		patch := JobPatch{Fields: []string{name}}
		var want []string
		if slices.Contains([]string{"/url", "/schedule/timezone", "/retry/factor"}, name) { // which have no zero
			want = []string{name}
		}
		if got := pointersOf(t, patch.Check(), Invalid); !slices.Equal(got, want) {
			t.Errorf("%s as zero: problems at %v", name, got)
		}
	}
	undecoded := func(pointer string) error {
		var c Checker
		c.Add(pointer, Problem{Rule: RuleWrongType})
		return c.Err()
	}
	many := strings.Repeat(PlaceholderUUID, MaxPlaceholders)
	for name, tt := range map[string]struct {
		patch JobPatch
		want  []string
	}{
		"nothing": {JobPatch{}, nil},
		"not set": {JobPatch{Values: Job{Title: "\x00"}, Fields: []string{"/enabled"}}, nil},
		"all that is wrong": {JobPatch{
			Values: Job{Title: "\x00", Schedule: Schedule{Timezone: "nowhere", Hours: SetOf(30)}, Timeout: 1},
			Fields: []string{"/title", "/requestTimeout", "/schedule/hours", "/schedule/timezone"},
		}, []string{"/title", "/schedule/timezone", "/schedule/hours"}},
		"within a field": {JobPatch{
			Values: Job{Exchange: Exchange{Success: &Success{Matches: "("}}}, Fields: []string{"/success"},
		}, []string{"/success/matches"}},
		"too much together": {JobPatch{
			Values: Job{Request: Request{Body: many, Headers: []Header{{"A", PlaceholderUUID}}}},
			Fields: []string{"/extendedData/body", "/extendedData/headers"},
		}, []string{"/extendedData/body"}},
		"not decoded": {JobPatch{
			Values: Job{Title: "\x00"}, Fields: []string{"/title", "/url"}, Err: undecoded("/url"),
		}, []string{"/url", "/title"}},
		"not decoded, of no field": {JobPatch{Err: undecoded("/auth")}, []string{"/auth"}},
		"a URL without a scheme": {JobPatch{
			Values: Job{Request: Request{URL: " a.test"}}, Fields: []string{"/url"},
		}, nil},
	} {
		before := fmt.Sprint(tt.patch)
		if got := pointersOf(t, tt.patch.Check(), Invalid); !slices.Equal(got, tt.want) {
			t.Errorf("%s: problems at %v, want %v", name, got, tt.want)
		}
		if after := fmt.Sprint(tt.patch); after != before {
			t.Errorf("%s: the check has made %s of %s", name, after, before)
		}
	}
}
