package statuspage_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

var noon = time.Date(2030, time.March, 1, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func on(component int64, state statuspage.State) statuspage.Impact {
	return statuspage.Impact{ComponentID: component, State: state}
}

func TestFold(t *testing.T) {
	const (
		degraded, partial, major = statuspage.Degraded, statuspage.PartialOutage, statuspage.MajorOutage
		none                     = statuspage.Operational
	)
	at := func(id int64, n int, phase statuspage.Phase, impacts ...statuspage.Impact) statuspage.Update {
		return statuspage.Update{ID: id, At: minute(n), Phase: phase, Impacts: impacts}
	}
	for name, tt := range map[string]struct {
		updates  []statuspage.Update
		phase    statuspage.Phase
		resolved int // 0 for not
		impacts  []statuspage.Impact
	}{
		"what is not named keeps its impact": {[]statuspage.Update{at(1, 1, 0, on(1, major), on(2, degraded)), at(2, 2, 1, on(2, partial))}, 1, 0,
			[]statuspage.Impact{on(1, major), on(2, partial)}},
		"operational is no impact":    {[]statuspage.Update{at(1, 1, 0, on(1, major), on(2, degraded)), at(2, 2, 2, on(1, none))}, 2, 0, []statuspage.Impact{on(2, degraded)}},
		"resolving clears all":        {[]statuspage.Update{at(1, 1, 0, on(1, major), on(2, degraded)), at(2, 2, 3)}, 3, 2, nil},
		"it opens again":              {[]statuspage.Update{at(1, 1, 0, on(1, major)), at(2, 2, 3), at(3, 3, 0, on(2, degraded))}, 0, 0, []statuspage.Impact{on(2, degraded)}},
		"by time, not by order":       {[]statuspage.Update{at(2, 9, 3), at(1, 1, 0, on(1, major)), at(3, 5, 1, on(1, degraded))}, 3, 9, nil},
		"the last one of an instant":  {[]statuspage.Update{at(5, 1, 0, on(1, major)), at(0, 1, 3)}, 3, 1, nil},
		"of one instant, by their ID": {[]statuspage.Update{at(6, 1, 1, on(1, degraded)), at(5, 1, 0, on(1, major))}, 1, 0, []statuspage.Impact{on(1, degraded)}},
	} {
		t.Run(name, func(t *testing.T) {
			i := statuspage.Incident{Updates: tt.updates}
			i.Fold()
			if i.Phase != tt.phase || !slices.Equal(i.Impacts, tt.impacts) || !i.Started.Equal(minute(1)) {
				t.Errorf("%v with %v since %v", i.Phase, i.Impacts, i.Started)
			}
			if resolved := !i.Resolved.IsZero(); resolved != (tt.resolved != 0) || resolved && !i.Resolved.Equal(minute(tt.resolved)) {
				t.Errorf("resolved at %v", i.Resolved)
			}
			if !slices.IsSortedFunc(i.Updates, func(a, b statuspage.Update) int { return b.At.Compare(a.At) }) {
				t.Errorf("the updates are %v", i.Updates)
			}
		})
	}
}

func TestAcceptUpdate(t *testing.T) {
	good := func(edit func(*statuspage.Update)) *statuspage.Update {
		u := &statuspage.Update{Text: " it is slow ", Impacts: []statuspage.Impact{on(2, statuspage.MajorOutage), on(1, statuspage.Degraded)}}
		edit(u)
		return u
	}
	for name, tt := range map[string]struct {
		edit    func(*statuspage.Update)
		pointer string
	}{
		"no text":                 {func(u *statuspage.Update) { u.Text = " \n" }, "/text"},
		"a long text":             {func(u *statuspage.Update) { u.Text = strings.Repeat("x", statuspage.MaxUpdateText+1) }, "/text"},
		"a zero byte":             {func(u *statuspage.Update) { u.Text = "a\x00b" }, "/text"},
		"another phase":           {func(u *statuspage.Update) { u.Phase = 4 }, "/phase"},
		"the future":              {func(u *statuspage.Update) { u.At = noon.Add(time.Second) }, "/at"},
		"long ago":                {func(u *statuspage.Update) { u.At = noon.Add(-367 * 24 * time.Hour) }, "/at"},
		"a stranger's component":  {func(u *statuspage.Update) { u.Impacts[1].ComponentID = 7 }, "/impacts/1/componentId"},
		"one component twice":     {func(u *statuspage.Update) { u.Impacts[1].ComponentID = 2 }, "/impacts/1/componentId"},
		"maintenance as a state":  {func(u *statuspage.Update) { u.Impacts[0].State = statuspage.Maintenance }, "/impacts/0/state"},
		"unknown as a state":      {func(u *statuspage.Update) { u.Impacts[0].State = statuspage.Unknown }, "/impacts/0/state"},
		"more than a page can be": {func(u *statuspage.Update) { u.Impacts = make([]statuspage.Impact, statuspage.MaxComponents+1) }, "/impacts"},
	} {
		t.Run(name, func(t *testing.T) {
			err := good(tt.edit).Accept([]int64{1, 2}, new(statuspage.Update), noon)
			checkPointer(t, err, tt.pointer)
		})
	}
	u := good(func(*statuspage.Update) {})
	if err := u.Accept([]int64{1, 2}, new(statuspage.Update), noon); err != nil {
		t.Fatal(err)
	}
	if u.Text != "it is slow" || !u.At.Equal(noon) || u.Impacts[0].ComponentID != 1 {
		t.Errorf("accepted as %+v", u)
	}
	if err := u.Accept(nil, &statuspage.Update{At: noon, Impacts: u.Impacts}, noon.Add(500*24*time.Hour)); err != nil {
		t.Errorf("an old update with a component that is gone: %v", err)
	}
	resolves := good(func(u *statuspage.Update) { u.Phase = statuspage.Resolved })
	if err := resolves.Accept([]int64{1, 2}, new(statuspage.Update), noon); err != nil || resolves.Impacts != nil {
		t.Errorf("resolving keeps %v: %v", resolves.Impacts, err)
	}
	for _, title := range []string{" ", strings.Repeat("ü", statuspage.MaxIncidentTitle+1), "a\nb"} {
		checkPointer(t, (&statuspage.Incident{Title: title}).Accept(), "/title")
	}
}

// checkPointer checks that an error is of kind Invalid and points to one value.
func checkPointer(t *testing.T, err error, pointer string) {
	t.Helper()
	var pointers []string
	_ = cron.WithProblems(err, func(p *cron.Problem) { pointers = append(pointers, p.Pointer) })
	if cron.KindOf(err) != cron.Invalid || !slices.Equal(pointers, []string{pointer}) {
		t.Errorf("the error is %v at %q, want one at %q", err, pointers, pointer)
	}
}

// TestIncidentLayers compares the layer with the gravest impact at each instant, which is folded from the updates until then.
func TestIncidentLayers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const minutes = 20
		var incidents []statuspage.Incident
		id := int64(0)
		for range rapid.IntRange(0, 4).Draw(t, "incidents") {
			i := statuspage.Incident{Draft: rapid.IntRange(0, 3).Draw(t, "draft") == 0}
			for range rapid.IntRange(1, 5).Draw(t, "updates") {
				id++
				u := statuspage.Update{ID: id, At: minute(rapid.IntRange(0, minutes).Draw(t, "at")),
					Phase: statuspage.Phase(rapid.IntRange(0, 3).Draw(t, "phase"))}
				for component := int64(1); component <= 2 && u.Phase != statuspage.Resolved; component++ {
					if state := rapid.IntRange(0, 4).Draw(t, "state"); state > 0 {
						u.Impacts = append(u.Impacts, on(component, statuspage.State(state)))
					}
				}
				i.Updates = append(i.Updates, u)
			}
			i.Fold()
			incidents = append(incidents, i)
		}
		from := minute(rapid.IntRange(0, minutes).Draw(t, "from"))
		layers := statuspage.IncidentLayers(incidents, []int64{1, 2}, from)
		for component := int64(1); component <= 2; component++ {
			list := layers[component]
			if len(list) == 0 || !list[0].At.Equal(from) {
				t.Fatalf("the layer does not begin at %v: %v", from, list)
			}
			for n := 1; n < len(list); n++ {
				if !list[n].At.After(list[n-1].At) || list[n].State == list[n-1].State && list[n].Clear == list[n-1].Clear {
					t.Fatalf("a transition is none: %v", list)
				}
			}
			for at := from; !at.After(minute(minutes)); at = at.Add(time.Minute) {
				want := statuspage.Operational
				for _, i := range incidents {
					i.Updates = slices.DeleteFunc(slices.Clone(i.Updates), func(u statuspage.Update) bool { return u.At.After(at) })
					i.Fold()
					for _, impact := range i.Impacts {
						if impact.ComponentID == component && !i.Draft {
							want = max(want, impact.State)
						}
					}
				}
				got := statuspage.Operational
				for _, transition := range list {
					if !transition.At.After(at) {
						if got = transition.State; transition.Clear {
							got = statuspage.Operational
						}
					}
				}
				if got != want {
					t.Fatalf("component %d at %v is %v, want %v; the layer is %v", component, at, got, want, list)
				}
			}
		}
	})
}

func TestPlan(t *testing.T) {
	plan := func(edits ...func(*statuspage.Plan)) *statuspage.Plan {
		p := &statuspage.Plan{Title: " move ", ComponentIDs: []int64{2, 1, 2}, Start: noon, End: noon.Add(time.Hour)}
		for _, edit := range edits {
			edit(p)
		}
		return p
	}
	weekly := func(p *statuspage.Plan) {
		p.Start, p.End, p.Duration, p.Schedule = time.Time{}, time.Time{}, 2*time.Hour, cron.NewSchedule()
		p.Schedule.Minutes, p.Schedule.Hours, p.Schedule.Weekdays = cron.SetOf(30), cron.SetOf(1), cron.SetOf(0)
		p.Schedule.MonthDays, p.Schedule.Months = cron.Every, cron.Every
		p.Schedule.Timezone = "Europe/Berlin"
	}
	for name, tt := range map[string]struct {
		edit    func(*statuspage.Plan)
		pointer string
	}{
		"no components":            {func(p *statuspage.Plan) { p.ComponentIDs = nil }, "/componentIds"},
		"a stranger's component":   {func(p *statuspage.Plan) { p.ComponentIDs = []int64{1, 9} }, "/componentIds"},
		"no title":                 {func(p *statuspage.Plan) { p.Title = "" }, "/title"},
		"a long text":              {func(p *statuspage.Plan) { p.Text = strings.Repeat("x", statuspage.MaxMaintenanceText+1) }, "/text"},
		"another effect":           {func(p *statuspage.Plan) { p.Effect = 3 }, "/effect"},
		"the end before the start": {func(p *statuspage.Plan) { p.End = p.Start }, "/end"},
		"every hour":               {func(p *statuspage.Plan) { weekly(p); p.Schedule.Hours = cron.Every }, "/schedule"},
	} {
		t.Run(name, func(t *testing.T) {
			checkPointer(t, plan(tt.edit).Accept([]int64{1, 2}, new(statuspage.Plan)), tt.pointer)
		})
	}
	once := plan()
	if err := once.Accept([]int64{1, 2}, new(statuspage.Plan)); err != nil || once.Title != "move" || !slices.Equal(once.ComponentIDs, []int64{1, 2}) {
		t.Errorf("accepted as %+v: %v", once, err)
	}
	if err := once.Accept([]int64{1}, &statuspage.Plan{ComponentIDs: []int64{2}}); err != nil {
		t.Errorf("a component that is gone is not let stay: %v", err)
	}
	var boundaries []string
	for _, p := range []*statuspage.Plan{once, plan(weekly)} {
		if err := p.Accept([]int64{1, 2}, new(statuspage.Plan)); err != nil {
			t.Fatal(err)
		}
		at := noon.Add(-time.Minute)
		for range 4 {
			next, ok := p.Boundary(at)
			if !ok {
				break
			}
			boundaries = append(boundaries, fmt.Sprint(next.UTC().Format("02T15:04"), " ", p.InProgress(next)))
			at = next
		}
	}
	want := []string{"01T12:00 true", "01T13:00 false", "03T00:30 true", "03T02:30 false", "10T00:30 true", "10T02:30 false"}
	if !reflect.DeepEqual(boundaries, want) {
		t.Errorf("the boundaries are %q, want %q", boundaries, want)
	}
}
