package cron

import (
	"reflect"
	"testing"
)

// TestEveryNumberOfAPlanIsALimit sets the limits of a plan one by one, and wants every field to be one of them.
func TestEveryNumberOfAPlanIsALimit(t *testing.T) {
	changed := make(map[string]string) // limits by field
	for i := range PlanLimits {
		l := &PlanLimits[i]
		for _, n := range []int64{l.least, l.most} {
			if err := (Overrides{l.Name: n}).Check(); err != nil {
				t.Error(err)
			}
			plan := DefaultPlans().Of(PlanDefault, Overrides{l.Name: n})
			if got := l.Of(&plan); got != n {
				t.Errorf("%s is %d, want %d", l.Name, got, n)
			}
		}
		if (Overrides{l.Name: l.least - 1}).Check() == nil || (Overrides{l.Name: l.most + 1}).Check() == nil {
			t.Errorf("%s may be out of its bounds", l.Name)
		}
		var plan Plan
		l.set(&plan, 7)
		v := reflect.ValueOf(plan)
		for f := range v.NumField() {
			field := v.Type().Field(f).Name
			if v.Field(f).IsZero() {
				continue
			}
			if other, ok := changed[field]; ok {
				t.Errorf("%s and %s are one field", other, l.Name)
			}
			changed[field] = l.Name
		}
	}
	if fields := reflect.TypeFor[Plan]().NumField() - 1; len(changed) != fields || len(PlanLimits) != fields { // all but Name
		t.Errorf("%d limits of %d fields set %v", len(PlanLimits), fields, changed)
	}
	if (Overrides{"maxTea": 1}).Check() == nil {
		t.Error("an unknown limit is possible")
	}
}
