package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// What a component shows follows from its transitions, of which there are some for each layer:
//
//	status_transition              component, layer, instant, state: the truth, kept for transitionsKept
//	status_component.layers        the latest one of each layer
//	status_component.state, since  what that shows
//	status_day                     how long it showed which state on each day that is over, for daysKept
//
// They change together. Whoever changes them locks the row of the page first, then those of its components, in the order of their IDs.
const (
	transitionsKept = 91 * 24 * time.Hour
	daysKept        = 400 // days
)

// A component whose observed state changed flappingChanges times on a day is flapping: for the rest of the day it comes to a better state
// no earlier than flappingRest after its latest change. That bounds its transitions, and tells visitors the truth, too.
const (
	flappingChanges = 100
	flappingRest    = 15 * time.Minute
)

// component is a row of status_component, and what a transaction changes of it.
type component struct {
	id, pageID int64
	position   int // on the page
	needed     int
	rule       statuspage.Rule
	layers     layersRow
	state      statuspage.State
	since      time.Time
	keptFrom   time.Time // transitions before have been removed
	daysDone   int64     // the first day that status_day does not have
	zone       *time.Location

	jobs    []*componentJob // by ID; only when they are read
	changes []statuspage.Transition
	shows   bool // another state than before
}

// layersRow is status_component.layers.
type layersRow struct {
	Latest  [statuspage.LayerCount]layerRow `json:"l"`
	Day     int64                           `json:"d,omitempty"` // in UTC
	Changes int                             `json:"n,omitempty"` // of the observed state on that day
}

// layerRow is the latest transition of a layer; At is 0 for none.
type layerRow struct {
	At    int64            `json:"a,omitempty"`
	State statuspage.State `json:"s,omitempty"`
	Clear bool             `json:"c,omitempty"`
}

func (r layerRow) transition(layer statuspage.Layer) statuspage.Transition {
	return statuspage.Transition{Layer: layer, At: instant(r.At), State: r.State, Clear: r.Clear}
}

// says tells whether a transition to what it says changes nothing.
func (r layerRow) says(t statuspage.Transition) bool {
	if r.At == 0 {
		return t.Clear || t.Layer == statuspage.LayerObserved && t.State == statuspage.Unknown
	}
	return r.Clear == t.Clear && (t.Clear || r.State == t.State)
}

// shown is the state that the layers show.
func (r *layersRow) shown() statuspage.State {
	var layers statuspage.Layers
	for i, row := range r.Latest {
		if row.At != 0 {
			layers.Apply(row.transition(statuspage.Layer(i)))
		}
	}
	return layers.Shown()
}

var componentNames = `status_component.id, status_component.page_id, status_component.position, status_component.needed, ` +
	names("status_component", ruleColumns(new(statuspage.Rule))) + `, status_component.layers, status_component.state, status_component.since,
	status_component.kept_from, status_component.days_done, status_page.timezone`

// components reads the components that a condition on both tables selects, in the order of their IDs. The transaction has locked their
// pages.
func (s *Store) components(ctx context.Context, q queryer, where string, args ...any) ([]*component, error) {
	return collect(ctx, q, "read the components", func(scan scanner, to **component) error {
		var (
			c            = new(component)
			layers, zone string
			first        = []any{&c.id, &c.pageID, &c.position, &c.needed}
		)
		*to = c
		err := scan(append(append(first, targets(ruleColumns(&c.rule))...), &layers, integer(&c.state), moment(&c.since), moment(&c.keptFrom),
			&c.daysDone, &zone)...)
		if err != nil {
			return err
		}
		if layers != "" {
			if err := json.Unmarshal([]byte(layers), &c.layers); err != nil {
				return fmt.Errorf("decode the layers: %w", err)
			}
		}
		c.zone = pageZone(zone)
		return nil
	}, `SELECT `+componentNames+` FROM status_component JOIN status_page ON status_page.id = status_component.page_id WHERE `+where+`
		ORDER BY status_component.id`, args...)
}

// pageZone is the zone of a page; UTC if the zone data in use do not have it any more.
func pageZone(name string) *time.Location {
	zone, err := cron.LoadZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// observe makes a transition of the observed state, unless it is that already or the component is flapping.
func (c *component) observe(state statuspage.State, at, now time.Time) {
	t := statuspage.Transition{ComponentID: c.id, Layer: statuspage.LayerObserved, At: at.Truncate(time.Millisecond), State: state}
	latest := &c.layers.Latest[statuspage.LayerObserved]
	if latest.says(t) {
		return
	}
	if t.At.After(now) { // by the clock of another machine
		t.At = now
	}
	if last := instant(latest.At); latest.At != 0 && t.At.Before(last) {
		t.At = last
	}
	day := t.At.Unix() / (24 * 60 * 60)
	if day != c.layers.Day {
		c.layers.Day, c.layers.Changes = day, 0
	}
	flapping := c.layers.Changes >= flappingChanges
	if flapping && statuspage.Graver(latest.State, state) == latest.State && t.At.Sub(instant(latest.At)) < flappingRest {
		return
	}
	c.layers.Changes++
	*latest = layerRow{At: millis(t.At), State: state}
	c.changes = append(c.changes, t)
	if shown := c.layers.shown(); shown != c.state {
		c.state, c.since, c.shows = shown, t.At, true
	}
}

// saveComponent writes what has changed of a component.
func (s *Store) saveComponent(ctx context.Context, q queryer, c *component) error {
	if len(c.changes) == 0 {
		return nil
	}
	first := c.changes[0].At
	for _, t := range c.changes {
		if err := s.saveTransition(ctx, q, c.id, t); err != nil {
			return err
		}
		if t.At.Before(first) {
			first = t.At
		}
	}
	if err := s.forgetDaysFrom(ctx, q, c, first); err != nil {
		return err
	}
	return saveShown(ctx, q, c)
}

// saveShown writes what a component shows.
func saveShown(ctx context.Context, q queryer, c *component) error {
	_, err := q.ExecContext(ctx, `UPDATE status_component SET state = $2, since = $3, layers = $4 WHERE id = $1`, c.id, int(c.state), millis(c.since),
		encode(c.layers))
	if err != nil {
		return fmt.Errorf("write the state of a component: %w", err)
	}
	return nil
}

// raiseRevisions says that what visitors see of pages has changed. It locks them.
func (s *Store) raiseRevisions(ctx context.Context, q queryer, pages ...int64) error {
	_, err := q.ExecContext(ctx, `UPDATE status_page SET revision = revision + 1 WHERE `+s.engine.in("id", 1), s.engine.list(pages))
	if err != nil {
		return fmt.Errorf("raise the revisions of pages: %w", err)
	}
	return nil
}

func (s *Store) saveTransition(ctx context.Context, q queryer, componentID int64, t statuspage.Transition) error {
	_, err := q.ExecContext(ctx, `INSERT INTO status_transition (component_id, layer, at, state, clear) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (component_id, layer, at) DO UPDATE SET state = excluded.state, clear = excluded.clear`,
		componentID, int(t.Layer), millis(t.At), int(t.State), t.Clear)
	if err != nil {
		return fmt.Errorf("write a transition: %w", err)
	}
	return nil
}

// setLayers replaces what a layer of components of a page says from an instant on, by lists of transitions, of which only At, State and
// Clear are looked at; the last one says what the layer says now. Neither the instant nor a transition may lie in the future. What lies
// before the time for which transitions are kept is moved to its beginning. Components that the page does not have are passed over.
//
// It is part of the transaction of what the layer comes from, changes all that follows from the transitions, and raises the revision of
// the page. It locks the page, then its components.
func (s *Store) setLayers(ctx context.Context, q queryer, pageID int64, layer statuspage.Layer, from time.Time,
	lists map[int64][]statuspage.Transition) error {
	if err := s.raiseRevisions(ctx, q, pageID); err != nil || len(lists) == 0 {
		return err
	}
	found, err := s.components(ctx, q, `status_component.page_id = $1 AND `+s.engine.in("status_component.id", 2), pageID,
		s.engine.list(slices.Sorted(maps.Keys(lists))))
	if err != nil {
		return err
	}
	for _, c := range found {
		if err := s.setLayer(ctx, q, c, layer, from, lists[c.id]); err != nil {
			return err
		}
	}
	return nil
}

// setLayer is setLayers for one component.
func (s *Store) setLayer(ctx context.Context, q queryer, c *component, layer statuspage.Layer, from time.Time, list []statuspage.Transition) error {
	now := s.stamp()
	from = c.clamp(from, now)
	if _, err := q.ExecContext(ctx, `DELETE FROM status_transition WHERE component_id = $1 AND layer = $2 AND at >= $3`, c.id, int(layer),
		millis(from)); err != nil {
		return fmt.Errorf("take back transitions: %w", err)
	}
	latest, err := s.layerAt(ctx, q, c.id, layer, from.Add(-time.Millisecond))
	if err != nil {
		return err
	}
	for _, t := range c.tidy(layer, from, now, list) {
		if latest.says(t) {
			continue
		}
		latest = layerRow{At: millis(t.At), State: t.State, Clear: t.Clear}
		if err := s.saveTransition(ctx, q, c.id, t); err != nil {
			return err
		}
	}
	c.layers.Latest[layer] = latest
	if err := s.forgetDaysFrom(ctx, q, c, from); err != nil {
		return err
	}
	return s.showFrom(ctx, q, c, from, now)
}

// clamp moves an instant into the time for which transitions are kept.
func (c *component) clamp(at, now time.Time) time.Time {
	at = at.Truncate(time.Millisecond)
	first := now.Add(-transitionsKept + 24*time.Hour)
	if c.keptFrom.After(first) {
		first = c.keptFrom
	}
	switch {
	case at.Before(first):
		return first
	case at.After(now):
		return now
	}
	return at
}

// tidy are the transitions of a layer in order, at most one for each instant.
func (c *component) tidy(layer statuspage.Layer, from, now time.Time, list []statuspage.Transition) []statuspage.Transition {
	var tidied []statuspage.Transition
	for _, t := range slices.SortedStableFunc(slices.Values(list), func(a, b statuspage.Transition) int { return a.At.Compare(b.At) }) {
		t.ComponentID, t.Layer, t.At = c.id, layer, c.clamp(t.At, now)
		if t.At.Before(from) {
			t.At = from
		}
		if n := len(tidied); n > 0 && tidied[n-1].At.Equal(t.At) {
			tidied = tidied[:n-1]
		}
		tidied = append(tidied, t)
	}
	return tidied
}

// layerAt is the latest transition of a layer of a component at an instant.
func (s *Store) layerAt(ctx context.Context, q queryer, componentID int64, layer statuspage.Layer, at time.Time) (row layerRow, err error) {
	err = each(ctx, q, "read a transition", func(scan scanner) error { return scan(&row.At, integer(&row.State), flag(&row.Clear)) },
		`SELECT at, state, clear FROM status_transition WHERE component_id = $1 AND layer = $2 AND at <= $3 ORDER BY at DESC LIMIT 1`,
		componentID, int(layer), millis(at))
	return row, err
}

// showFrom works out what a component shows, after its transitions from an instant on have changed.
func (s *Store) showFrom(ctx context.Context, q queryer, c *component, from, now time.Time) error {
	from = from.Add(-time.Millisecond)
	state, since, err := s.shownSince(ctx, q, c, from, now)
	if err != nil {
		return err
	}
	if !since.After(from) { // it shows that since before
		if c.state == state && c.since.Before(from) {
			since = c.since
		} else if _, since, err = s.shownSince(ctx, q, c, instant(1), now); err != nil {
			return err
		} else if !since.After(instant(1)) {
			since = time.Time{}
		}
	}
	c.state, c.since = state, since
	return saveShown(ctx, q, c)
}

// shownSince is what a component shows, and since when, by its transitions from an instant on; that instant when it shows that since before.
func (s *Store) shownSince(ctx context.Context, q queryer, c *component, from, now time.Time) (statuspage.State, time.Time, error) {
	transitions, err := s.transitionsFrom(ctx, q, []int64{c.id}, from)
	if err != nil {
		return 0, time.Time{}, err
	}
	stretches := statuspage.Stretches(transitions[c.id], from, now.Add(time.Millisecond))
	last := stretches[len(stretches)-1]
	return last.State, last.From, nil
}

const transitionNames = `status_transition.component_id, status_transition.layer, status_transition.at, status_transition.state, status_transition.clear`

func scanTransition(scan scanner, t *statuspage.Transition) error {
	return scan(&t.ComponentID, integer(&t.Layer), moment(&t.At), integer(&t.State), flag(&t.Clear))
}

// transitions reads those that a condition selects.
func (s *Store) transitions(ctx context.Context, q queryer, where string, args ...any) ([]statuspage.Transition, error) {
	return collect(ctx, q, "read transitions", scanTransition, `SELECT `+transitionNames+` FROM status_transition WHERE `+where, args...)
}

// forgetDaysFrom makes the days of a component be worked out anew, from that of an instant on.
func (s *Store) forgetDaysFrom(ctx context.Context, q queryer, c *component, from time.Time) error {
	day := statuspage.DayOf(from, c.zone)
	if c.daysDone <= day {
		return nil
	}
	if !c.keptFrom.IsZero() {
		day = max(day, statuspage.DayOf(c.keptFrom.Add(-time.Millisecond), c.zone)+1)
	}
	c.daysDone = day
	if _, err := q.ExecContext(ctx, `DELETE FROM status_day WHERE component_id = $1 AND day >= $2`, c.id, day); err != nil {
		return fmt.Errorf("forget days of a component: %w", err)
	}
	if _, err := q.ExecContext(ctx, `UPDATE status_component SET days_done = $2 WHERE id = $1`, c.id, day); err != nil {
		return fmt.Errorf("forget days of a component: %w", err)
	}
	if _, err := q.ExecContext(ctx, `UPDATE status_page SET days_at = 0 WHERE id = $1`, c.pageID); err != nil {
		return fmt.Errorf("let days be worked out anew: %w", err)
	}
	return nil
}

// forgetDays makes all days of a page be worked out anew for which there are transitions, since its time zone has changed. Whoever calls
// it has locked the page, and written its zone.
func (s *Store) forgetDays(ctx context.Context, q queryer, pageID int64) error {
	found, err := s.components(ctx, q, `status_component.page_id = $1`, pageID)
	if err != nil {
		return err
	}
	now := s.stamp()
	for _, c := range found {
		if err := s.forgetDaysFrom(ctx, q, c, c.clamp(time.Unix(0, 0), now)); err != nil {
			return err
		}
	}
	return nil
}
