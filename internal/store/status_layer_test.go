package store_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// page is a status page with one component, of which nothing is known.
func page(t *testing.T, kind storetest.Database) (db *store.Store, raw *storetest.Tables, page, component int64) {
	t.Helper()
	o := kind.New(t)
	db, raw = open(t, o), storetest.OpenTables(t, o)
	account := storetest.NewAccount(t, db, "a@example.com", cron.PlanMember).ID
	page = raw.AddPage(account, "Europe/Berlin")
	return db, raw, page, raw.AddComponent(page, statuspage.DefaultRule(), 0)
}

// TestSetLayer replaces layers from random instants on, and compares what the component shows, and how it was on each day, with what its
// transitions say.
func TestSetLayer(t *testing.T) {
	for _, kind := range storetest.Databases {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			db, raw, page, component := page(t, kind)
			random := rand.New(rand.NewPCG(20, 1))
			var model []statuspage.Transition
			for round := range 60 {
				now := db.Now().UTC().Truncate(time.Millisecond)
				layer := statuspage.Layer(random.IntN(statuspage.LayerCount))
				from := now
				if random.IntN(2) == 0 {
					from = now.Add(-time.Duration(random.Int64N(int64(30 * 24 * time.Hour)))).Truncate(time.Millisecond)
				}
				var list []statuspage.Transition
				for at := from; !at.After(now) && len(list) < 4 && (len(list) == 0 || random.IntN(3) > 0); {
					list = append(list, statuspage.Transition{ComponentID: component, Layer: layer, At: at, State: statuspage.State(random.IntN(5)),
						Clear: layer != statuspage.LayerObserved && random.IntN(3) == 0})
					at = at.Add(time.Duration(1+random.Int64N(int64(9*24*time.Hour/time.Millisecond))) * time.Millisecond)
				}
				if round%10 == 9 {
					raw.EndDay(page)
					for more := true; more; {
						var err error
						more, err = db.Maintain(t.Context())
						ok(t, err)
					}
				}
				before := raw.PageRevision(page)
				ok(t, store.SetLayer(t.Context(), db, page, component, layer, from, list...))
				if raw.PageRevision(page) == before {
					t.Fatal("the page has no new revision")
				}
				model = append(slices.DeleteFunc(model, func(tr statuspage.Transition) bool { return tr.Layer == layer && !tr.At.Before(from) }), list...)
				checkHistory(t, db, raw, page, component, model)
			}
		})
	}
}

// checkHistory compares what a component shows, and has shown, with its transitions.
func checkHistory(t *testing.T, db *store.Store, raw *storetest.Tables, page, component int64, model []statuspage.Transition) {
	t.Helper()
	zone, err := cron.LoadZone("Europe/Berlin")
	ok(t, err)
	histories, err := db.PageHistory(t.Context(), page, 40)
	ok(t, err)
	now := db.Now()
	var layers statuspage.Layers
	for _, tr := range slices.SortedStableFunc(slices.Values(model), func(a, b statuspage.Transition) int { return a.At.Compare(b.At) }) {
		layers.Apply(tr)
	}
	state, since := raw.ComponentState(component)
	if want := layers.Shown(); state != want {
		t.Fatalf("the component is %s, want %s", state, want)
	}
	today := statuspage.DayOf(now, zone)
	from := statuspage.DayStart(today-39, zone)
	stretches := statuspage.Stretches(model, from, now)
	if last := stretches[len(stretches)-1]; len(stretches) > 1 && !since.Equal(last.From) {
		t.Fatalf("the component is %s since %s, want %s", state, since, last.From)
	}
	want := statuspage.Days(stretches, today-39, zone)
	got := histories[0].Days
	if len(got) != len(want) {
		t.Fatalf("%d days, want %d", len(got), len(want))
	}
	if diff := gocmp.Diff(want[:39], got[:39]); diff != "" { // today goes on
		t.Fatalf("days (-want +got): %s", diff)
	}
	var week statuspage.Durations
	for _, d := range got[33:] {
		week.Add(d.States)
	}
	if week != histories[0].Last7 {
		t.Fatalf("a week has %v, and its days %v", histories[0].Last7, week)
	}
}
