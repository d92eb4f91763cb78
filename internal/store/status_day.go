package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"punctual/internal/statuspage"
)

// maxTransitions bounds the transitions of one layer of a component: days for which there are more lose the oldest when they are over.
const maxTransitions = 10_000

// keepDays works out the days of a page that are over, and removes what is too old: a component with each transaction. The numbers of
// status_day save the reading of their transitions, and outlive them.
func (s *Store) keepDays(ctx context.Context) (more bool, err error) {
	var pageID int64
	err = s.read.QueryRowContext(ctx, `SELECT id FROM status_page WHERE days_at <= $1 ORDER BY days_at LIMIT 1`, millis(s.Now())).Scan(&pageID)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for days that are over: %w", err)
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) error { return s.keepDaysOf(ctx, q, pageID) })
	if err != nil {
		return false, fmt.Errorf("work out the days of a page: %w", err)
	}
	return true, nil
}

// keepDaysOf works out the days of the next component of a page.
func (s *Store) keepDaysOf(ctx context.Context, q queryer, pageID int64) error {
	var zoneName string
	err := q.QueryRowContext(ctx, `SELECT timezone FROM status_page WHERE id = $1`+s.engine.lock(forUpdate), pageID).Scan(&zoneName)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	now, zone := s.stamp(), pageZone(zoneName)
	today := statuspage.DayOf(now, zone)
	found, err := s.components(ctx, q, `status_component.id = (SELECT id FROM status_component WHERE page_id = $1 AND days_done < $2 ORDER BY id LIMIT 1)`,
		pageID, today)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err := q.ExecContext(ctx, `UPDATE status_page SET days_at = $2 WHERE id = $1`, pageID, millis(statuspage.DayStart(today+1, zone)))
		return err
	}
	c := found[0]
	first := c.firstDay(now)
	from := statuspage.DayStart(first, zone)
	transitions, err := s.transitionsFrom(ctx, q, []int64{c.id}, from)
	if err != nil {
		return err
	}
	for i, d := range statuspage.Days(statuspage.Stretches(transitions[c.id], from, statuspage.DayStart(today, zone)), first, zone) {
		if err := s.saveDay(ctx, q, c.id, first+int64(i), d.States); err != nil {
			return err
		}
	}
	if err := s.pruneTransitions(ctx, q, c, statuspage.DayStart(today, zone), now); err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `UPDATE status_component SET days_done = $2, kept_from = $3 WHERE id = $1`, c.id, today, millis(c.keptFrom))
	return err
}

// firstDay is the first day that is to be worked out from transitions.
func (c *component) firstDay(now time.Time) int64 {
	kept := c.clamp(time.Unix(0, 0), now)
	return max(c.daysDone, statuspage.DayOf(kept.Add(-time.Millisecond), c.zone)+1)
}

// transitionsFrom reads the transitions of components after an instant, and the latest one of each layer until then.
func (s *Store) transitionsFrom(ctx context.Context, q queryer, components []int64, from time.Time) (map[int64][]statuspage.Transition, error) {
	all, err := s.transitions(ctx, q, s.engine.in("component_id", 1)+` AND at > $2`, s.engine.list(components), millis(from))
	if err != nil {
		return nil, err
	}
	before, err := collect(ctx, q, "read what was in effect", scanTransition, `SELECT `+transitionNames+` FROM (
		SELECT status_component.id, layers.layer, (SELECT max(former.at) FROM status_transition AS former
		        WHERE former.component_id = status_component.id AND former.layer = layers.layer AND former.at <= $2) AS at
		  FROM status_component CROSS JOIN (SELECT 0 AS layer UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS layers
		 WHERE `+s.engine.in("status_component.id", 1)+`) AS latest
		JOIN status_transition ON status_transition.component_id = latest.id AND status_transition.layer = latest.layer
		 AND status_transition.at = latest.at`, s.engine.list(components), millis(from))
	if err != nil {
		return nil, err
	}
	of := make(map[int64][]statuspage.Transition, len(components))
	for _, t := range append(before, all...) {
		of[t.ComponentID] = append(of[t.ComponentID], t)
	}
	return of, nil
}

// saveDay writes how a component was on a day, unless nothing is known of it.
func (s *Store) saveDay(ctx context.Context, q queryer, componentID, day int64, states statuspage.Durations) error {
	ms, known := [statuspage.StateCount]int64{}, false
	for i, d := range states {
		ms[i] = d.Milliseconds()
		known = known || d > 0 && i != int(statuspage.Unknown)
	}
	if !known {
		return nil
	}
	_, err := q.ExecContext(ctx, `INSERT INTO status_day (component_id, day, states) VALUES ($1, $2, $3)
		ON CONFLICT (component_id, day) DO UPDATE SET states = excluded.states`, componentID, day, encode(ms))
	return err
}

// pruneTransitions removes transitions that are too old or too many, all of days that are over, and days that are too old. What was in
// effect when the rest begins stays.
func (s *Store) pruneTransitions(ctx context.Context, q queryer, c *component, today, now time.Time) error {
	cut := now.Add(-transitionsKept)
	for layer := range statuspage.LayerCount {
		err := each(ctx, q, "count transitions", func(scan scanner) error {
			var at time.Time
			if err := scan(moment(&at)); err != nil {
				return err
			}
			if at.After(cut) {
				cut = at
			}
			return nil
		}, `SELECT at FROM status_transition WHERE component_id = $1 AND layer = $2 ORDER BY at DESC LIMIT 1 OFFSET $3`, c.id, layer, maxTransitions)
		if err != nil {
			return err
		}
	}
	cut = statuspage.DayStart(statuspage.DayOf(cut, c.zone)+1, c.zone)
	if cut.After(today) {
		cut = today
	}
	_, err := q.ExecContext(ctx, `DELETE FROM status_transition WHERE component_id = $1 AND at < $2 AND at < (SELECT max(at)
		FROM status_transition AS later WHERE later.component_id = status_transition.component_id AND later.layer = status_transition.layer
		AND later.at <= $2)`, c.id, millis(cut))
	if err != nil {
		return err
	}
	if cut.After(c.keptFrom) {
		c.keptFrom = cut
	}
	_, err = q.ExecContext(ctx, `DELETE FROM status_day WHERE component_id = $1 AND day < $2`, c.id, statuspage.DayOf(now, c.zone)-daysKept)
	return err
}

// PageHistory is how each component of a page was on the latest days of its time zone, of which today is one, in the order of the page. Days
// that are over come from status_day, as far as it has them.
func (s *Store) PageHistory(ctx context.Context, pageID int64, days int) (histories []statuspage.History, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer leave()
	histories, err = s.pageHistory(ctx, pageID, days)
	if err != nil {
		return nil, fmt.Errorf("read the history of a page: %w", err)
	}
	return histories, nil
}

func (s *Store) pageHistory(ctx context.Context, pageID int64, count int) ([]statuspage.History, error) {
	found, err := s.components(ctx, s.read, `status_component.page_id = $1`, pageID)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b *component) int { return cmp.Compare(a.position, b.position) })
	var (
		now   = s.stamp()
		known = make(map[int64]*pastDays, len(found))
		alike = make(map[int64][]int64) // components, by the first day for which transitions are read
	)
	for _, c := range found {
		p := &pastDays{component: c, today: statuspage.DayOf(now, c.zone), stored: make(map[int64]statuspage.Durations)}
		p.first = min(c.firstDay(now), p.today-2)
		known[c.id], alike[p.first] = p, append(alike[p.first], c.id)
	}
	for first, ids := range alike {
		from := statuspage.DayStart(first, found[0].zone)
		transitions, err := s.transitionsFrom(ctx, s.read, ids, from)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			known[id].fresh = statuspage.Stretches(transitions[id], from, now)
		}
	}
	if err := s.storedDays(ctx, pageID, known[found[0].id].today-int64(max(count, longestUptime)), known); err != nil {
		return nil, err
	}
	histories := make([]statuspage.History, len(found))
	for i, c := range found {
		histories[i] = known[c.id].history(count, now)
	}
	return histories, nil
}

// longestUptime is the longest time for which the uptime of components is told, in days.
const longestUptime = 90

// pastDays is what is known of how a component was.
type pastDays struct {
	component *component
	today     int64
	first     int64                          // the day with which fresh begins
	fresh     []statuspage.Stretch           // until now, by transitions
	stored    map[int64]statuspage.Durations // by day
}

// history is how the component was on a number of days.
func (p *pastDays) history(count int, now time.Time) statuspage.History {
	h, zone := statuspage.History{ComponentID: p.component.id}, p.component.zone
	h.Last24h = statuspage.DurationsOf(p.fresh, now.Add(-24*time.Hour), now)
	for i, d := range statuspage.Days(p.fresh, p.first, zone) {
		if day := p.first + int64(i); day >= p.component.daysDone {
			p.stored[day] = d.States
		}
	}
	for day := p.today - int64(max(count, longestUptime)) + 1; day <= p.today; day++ {
		start, end := statuspage.DayStart(day, zone), statuspage.DayStart(day+1, zone)
		if !start.Before(end) {
			continue // the zone left the day out
		}
		states, ok := p.stored[day]
		if !ok {
			states[statuspage.Unknown] = end.Sub(start)
		}
		for _, last := range []struct {
			days int64
			sum  *statuspage.Durations
		}{{7, &h.Last7}, {30, &h.Last30}, {longestUptime, &h.Last90}} {
			if day > p.today-last.days {
				last.sum.Add(states)
			}
		}
		if day > p.today-int64(count) {
			h.Days = append(h.Days, statuspage.Day{Start: start.In(zone), States: states})
		}
	}
	return h
}

// storedDays reads the days of the components of a page that are worked out, from the day first on.
func (s *Store) storedDays(ctx context.Context, pageID, first int64, known map[int64]*pastDays) error {
	return each(ctx, s.read, "read the days of components", func(scan scanner) error {
		var (
			id, day int64
			states  string
			ms      [statuspage.StateCount]int64
		)
		if err := scan(&id, &day, &states); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(states), &ms); err != nil {
			return fmt.Errorf("decode a day: %w", err)
		}
		var d statuspage.Durations
		for i, n := range ms {
			d[i] = time.Duration(n) * time.Millisecond
		}
		if p := known[id]; p != nil {
			p.stored[day] = d
		}
		return nil
	}, `SELECT status_day.component_id, status_day.day, status_day.states FROM status_component
		JOIN status_day ON status_day.component_id = status_component.id
		WHERE status_component.page_id = $1 AND status_day.day >= $2`, pageID, first)
}
