package statuspage_test

import (
	"testing"

	"punctual/internal/statuspage"
)

func TestObserve(t *testing.T) {
	const (
		q = statuspage.HealthUnknown
		u = statuspage.HealthUp
		s = statuspage.HealthSlow
		d = statuspage.HealthDown
	)
	type jobs = []statuspage.Health
	for _, c := range []struct {
		jobs   jobs
		needed int
		want   statuspage.State
	}{
		{nil, 0, statuspage.Unknown},
		{nil, 3, statuspage.Unknown},
		{jobs{q}, 0, statuspage.Unknown},
		{jobs{u}, 0, statuspage.Operational},
		{jobs{s}, 0, statuspage.Degraded},
		{jobs{d}, 0, statuspage.MajorOutage},
		{jobs{u, u}, 0, statuspage.Operational},
		{jobs{u, s}, 0, statuspage.Degraded},
		{jobs{u, d}, 0, statuspage.PartialOutage},
		{jobs{d, d}, 0, statuspage.MajorOutage},
		{jobs{u, q}, 0, statuspage.Unknown},
		{jobs{d, q}, 0, statuspage.PartialOutage},
		{jobs{u, d}, 1, statuspage.Operational},
		{jobs{s, d}, 1, statuspage.Degraded},
		{jobs{u, q}, 1, statuspage.Operational},
		{jobs{d, q}, 1, statuspage.Unknown},
		{jobs{d, d}, 1, statuspage.MajorOutage},
		{jobs{u, u, s}, 2, statuspage.Operational},
		{jobs{u, s, d}, 2, statuspage.Degraded},
		{jobs{u, d, d}, 2, statuspage.PartialOutage},
		{jobs{u, q, d}, 2, statuspage.Unknown},
		{jobs{u, u}, 5, statuspage.Operational},
		{jobs{u, d}, 5, statuspage.PartialOutage},
	} {
		if got := statuspage.Observe(c.jobs, c.needed); got != c.want {
			t.Errorf("%v of which %d are needed: %s, want %s", c.jobs, c.needed, got, c.want)
		}
	}
}

func TestShown(t *testing.T) {
	set := func(s statuspage.State) statuspage.Setting { return statuspage.Setting{Set: true, State: s} }
	var none statuspage.Setting
	for _, c := range []struct {
		observed, hand, incident, maintenance statuspage.Setting
		want                                  statuspage.State
	}{
		{none, none, none, none, statuspage.Unknown},
		{set(statuspage.Operational), none, none, none, statuspage.Operational},
		{set(statuspage.Operational), none, set(statuspage.PartialOutage), none, statuspage.PartialOutage},
		{set(statuspage.MajorOutage), none, set(statuspage.Degraded), none, statuspage.MajorOutage},
		{none, none, set(statuspage.Degraded), none, statuspage.Degraded},
		{none, none, set(statuspage.Operational), none, statuspage.Unknown},
		{set(statuspage.MajorOutage), none, set(statuspage.MajorOutage), set(statuspage.Maintenance), statuspage.Maintenance},
		{set(statuspage.MajorOutage), set(statuspage.Operational), set(statuspage.MajorOutage), set(statuspage.Maintenance), statuspage.Operational},
		{none, set(statuspage.Degraded), none, none, statuspage.Degraded},
		{set(statuspage.Operational), set(statuspage.Unknown), none, none, statuspage.Unknown},
	} {
		l := statuspage.Layers{c.observed, c.hand, c.incident, c.maintenance}
		if got := l.Shown(); got != c.want {
			t.Errorf("%v: %s, want %s", l, got, c.want)
		}
	}
}

func TestGravest(t *testing.T) {
	order := []statuspage.State{statuspage.Operational, statuspage.Unknown, statuspage.Maintenance, statuspage.Degraded, statuspage.PartialOutage,
		statuspage.MajorOutage}
	for i, a := range order {
		for j, b := range order {
			if got := statuspage.Gravest([]statuspage.State{a, b}); got != order[max(i, j)] {
				t.Errorf("%s and %s: %s", a, b, got)
			}
		}
	}
	if got := statuspage.Gravest(nil); got != statuspage.Unknown {
		t.Errorf("of nothing: %s", got)
	}
}
