package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
	"punctual/internal/store"
)

// shown adds a status page with components that have no jobs.
func (s *suite) shown(db *store.Store, account int64, components int, edits ...func(*statuspage.Page)) statuspage.Page {
	s.Helper()
	var parts []func(*statuspage.Page)
	for n := range components {
		parts = append(parts, component(fmt.Sprint("part ", n)))
	}
	return s.statusPage(db, account, append(parts, edits...)...)
}

func impact(c *statuspage.Component, state statuspage.State) statuspage.Impact {
	return statuspage.Impact{ComponentID: c.ID, State: state}
}

// incident opens an incident of a page with an update of some time ago.
func (s *suite) incident(db *store.Store, p *statuspage.Page, ago time.Duration, impacts ...statuspage.Impact) statuspage.Incident {
	s.Helper()
	i := statuspage.Incident{PageID: p.ID, AccountID: p.AccountID, Title: "it is slow", Touched: true,
		Updates: []statuspage.Update{{Text: "we look into it", At: db.Now().UTC().Add(-ago).Truncate(time.Millisecond), Impacts: impacts, By: "zoë"}}}
	s.ok(db.CreateIncident(s.ctx(), &i, func([]int64) error { return nil }))
	return i
}

// update adds an update of some time ago to an incident.
func (s *suite) update(db *store.Store, i *statuspage.Incident, ago time.Duration, phase statuspage.Phase, impacts ...statuspage.Impact) {
	s.Helper()
	s.ok(db.UpdateIncident(s.ctx(), i.AccountID, i.PageID, i.ID, func(i *statuspage.Incident, _ []int64) error {
		i.Updates = append(i.Updates, statuspage.Update{Phase: phase, Text: "more", At: db.Now().UTC().Add(-ago).Truncate(time.Millisecond), Impacts: impacts})
		return nil
	}))
}

// states are the states that the components of a page show.
func (s *suite) states(db *store.Store, p *statuspage.Page) (states []string) {
	s.Helper()
	page, err := db.StatusPage(s.ctx(), p.AccountID, p.ID)
	s.ok(err)
	for _, c := range page.Components {
		states = append(states, c.State.String())
	}
	return states
}

// layer lists the transitions of a layer of a component, in minutes before now.
func (s *suite) layer(db *store.Store, c *statuspage.Component, layer statuspage.Layer) (list []string) {
	s.Helper()
	now := db.Now()
	for _, t := range s.raw().Transitions(c.ID, layer) {
		list = append(list, fmt.Sprint(int(now.Sub(t.At).Round(time.Minute)/time.Minute), " ", wordsOf(t)))
	}
	return list
}

var incidentTests = []test{
	{"an incident is what its updates say", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 3)
		a, b := &p.Components[0], &p.Components[1]
		i := s.incident(db, &p, 3*time.Hour, impact(a, statuspage.MajorOutage), impact(b, statuspage.Degraded))
		s.equal("states", s.states(db, &p), []string{"majorOutage", "degraded", "unknown"})
		s.update(db, &i, 2*time.Hour, statuspage.Identified, impact(b, statuspage.PartialOutage))
		s.equal("states", s.states(db, &p), []string{"majorOutage", "partialOutage", "unknown"})
		s.update(db, &i, time.Hour, statuspage.Resolved)
		s.equal("states", s.states(db, &p), []string{"unknown", "unknown", "unknown"})
		s.equal("layer", s.layer(db, a, statuspage.LayerIncident), []string{"180 majorOutage", "60 clear"})
		s.equal("layer", s.layer(db, b, statuspage.LayerIncident), []string{"180 degraded", "120 partialOutage", "60 clear"})

		got, err := db.Incident(s.ctx(), account, p.ID, i.ID)
		s.ok(err)
		s.equal("phase", got.Phase, statuspage.Resolved)
		s.equal("updates", len(got.Updates), 3)
		s.equal("the first update", got.Updates[2], i.Updates[0])
		s.equal("impacts", got.Impacts, []statuspage.Impact(nil))
		s.equal("resolved", got.Resolved, got.Updates[0].At)
		list, err := db.PublicIncidents(s.ctx(), account, p.ID, db.Now().Add(-30*time.Minute), 10)
		s.ok(err)
		s.equal("recent incidents", len(list), 0)
		list, err = db.PublicIncidents(s.ctx(), account, p.ID, db.Now().Add(-90*time.Minute), 10)
		s.ok(err)
		s.equal("incidents", list, []statuspage.Incident{got})
	}},
	{"history follows what is dated back, changed and deleted", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1)
		c := &p.Components[0]
		first := s.incident(db, &p, 4*time.Hour, impact(c, statuspage.Degraded))
		s.update(db, &first, time.Hour, statuspage.Resolved)
		second := s.incident(db, &p, 3*time.Hour, impact(c, statuspage.MajorOutage))
		s.update(db, &second, 2*time.Hour, statuspage.Resolved)
		s.equal("layer", s.layer(db, c, statuspage.LayerIncident), []string{"240 degraded", "180 majorOutage", "120 degraded", "60 clear"})
		s.ok(db.UpdateIncident(s.ctx(), account, p.ID, second.ID, func(i *statuspage.Incident, _ []int64) error {
			i.Updates[1].At = i.Updates[1].At.Add(-2 * time.Hour)
			i.Updates[1].Impacts[0].State = statuspage.PartialOutage
			return nil
		}))
		s.equal("layer", s.layer(db, c, statuspage.LayerIncident), []string{"300 partialOutage", "120 degraded", "60 clear"})
		s.ok(db.UpdateIncident(s.ctx(), account, p.ID, first.ID, func(i *statuspage.Incident, _ []int64) error { i.Draft = true; return nil }))
		s.equal("layer", s.layer(db, c, statuspage.LayerIncident), []string{"300 partialOutage", "120 clear"})
		s.ok(db.DeleteIncident(s.ctx(), account, p.ID, second.ID))
		s.equal("layer", s.layer(db, c, statuspage.LayerIncident), []string(nil))
		s.ok(db.UpdateIncident(s.ctx(), account, p.ID, first.ID, func(i *statuspage.Incident, _ []int64) error { i.Draft = false; return nil }))
		s.equal("layer", s.layer(db, c, statuspage.LayerIncident), []string{"240 degraded", "60 clear"})
		old := s.incident(db, &p, 300*24*time.Hour, impact(c, statuspage.MajorOutage))
		s.update(db, &old, 299*24*time.Hour, statuspage.Resolved)
		s.equal("layer", s.layer(db, c, statuspage.LayerIncident)[max(0, len(s.layer(db, c, statuspage.LayerIncident))-2):], []string{"240 degraded", "60 clear"})
	}},
	{"visitors see nothing of a draft", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1)
		before := s.raw().PageRevision(p.ID)
		i := statuspage.Incident{PageID: p.ID, AccountID: account, Title: "a draft", Draft: true, Updates: []statuspage.Update{
			{Text: "x", At: db.Now(), Impacts: []statuspage.Impact{impact(&p.Components[0], statuspage.MajorOutage)}}}}
		s.ok(db.CreateIncident(s.ctx(), &i, func([]int64) error { return nil }))
		s.update(db, &i, 0, statuspage.Identified, impact(&p.Components[0], statuspage.PartialOutage))
		s.equal("states", s.states(db, &p), []string{"unknown"})
		list, err := db.PublicIncidents(s.ctx(), account, p.ID, time.Time{}, 10)
		s.ok(err)
		s.equal("incidents", len(list), 0)
		s.equal("revision", s.raw().PageRevision(p.ID), before)
		s.ok(db.UpdateIncident(s.ctx(), account, p.ID, i.ID, func(i *statuspage.Incident, _ []int64) error { i.Draft = false; return nil }))
		s.equal("states", s.states(db, &p), []string{"partialOutage"})
		s.equal("it is seen", s.raw().PageRevision(p.ID) > before, true)
	}},
	{"incidents are listed by their starts, a page at a time", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0)
		var want []int64
		for _, hours := range []int{3, 1, 2, 3} {
			i := s.incident(db, &p, time.Duration(hours)*time.Hour)
			want = append(want, i.ID)
		}
		want = []int64{want[1], want[2], want[3], want[0]}
		var got []int64
		for before := int64(0); ; {
			list, _, err := db.Incidents(s.ctx(), account, p.ID, before, 1)
			s.ok(err)
			if len(list) == 0 {
				break
			}
			before = list[0].ID
			got = append(got, before)
		}
		s.equal("incidents", got, want)
		s.missing(third(db.Incidents(s.ctx(), account, p.ID, 999, 1)), cron.SubjectIncident)
		got = nil
		for last := (statuspage.Incident{}); ; {
			list, more, err := db.IncidentsBehind(s.ctx(), account, p.ID, last.Started, last.ID, 1)
			s.ok(err)
			s.equal("more", more, len(got) < 3)
			last = list[0]
			s.equal("updates", len(last.Updates), 1)
			got = append(got, last.ID)
			s.ok(db.DeleteIncident(s.ctx(), account, p.ID, last.ID)) // its place stays
			if !more {
				break
			}
		}
		s.equal("incidents by their places", got, want)
	}},
	{"all incidents that are not resolved are found, however many are newer", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1)
		old := s.incident(db, &p, 50*time.Hour, impact(&p.Components[0], statuspage.Degraded))
		s.raw().AddIncidents(account, p.ID, 100, db.Now().Add(-time.Hour))
		draft := statuspage.Incident{PageID: p.ID, AccountID: account, Title: "x", Draft: true, Updates: []statuspage.Update{{Text: "x", At: db.Now()}}}
		s.ok(db.CreateIncident(s.ctx(), &draft, func([]int64) error { return nil }))
		list, err := db.OpenIncidents(s.ctx(), account, p.ID)
		s.ok(err)
		s.equal("incidents", len(list), 2)
		s.equal("the latest first", []int64{list[0].ID, list[1].ID}, []int64{draft.ID, old.ID})
		s.equal("updates", len(list[0].Updates)+len(list[1].Updates), 0)
		s.equal("impacts", list[1].Impacts, []statuspage.Impact{impact(&p.Components[0], statuspage.Degraded)})
	}},
	{"visitors are told of the newest updates, with texts of a bounded length", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0)
		text := strings.Repeat("é", statuspage.MaxUpdateText/2)
		for n := range 3 {
			i := s.incident(db, &p, time.Duration(10-n)*time.Hour)
			s.ok(db.UpdateIncident(s.ctx(), account, p.ID, i.ID, func(i *statuspage.Incident, _ []int64) error {
				for k := range 10 {
					i.Updates = append(i.Updates, statuspage.Update{Text: text, At: i.Updates[0].At.Add(time.Duration(k+1) * time.Minute)})
				}
				return nil
			}))
		}
		list, err := db.PublicIncidents(s.ctx(), account, p.ID, time.Time{}, 10)
		s.ok(err)
		s.equal("incidents", len(list), 3)
		var texts []int
		for _, i := range list {
			whole := 0
			for _, u := range i.Updates {
				if len(u.Text) > 0 {
					whole++
				}
			}
			s.equal("updates", len(i.Updates), 11)
			texts = append(texts, whole)
		}
		s.equal("texts", texts, []int{11, 5, 0}) // 16 of 16 KiB take all the room but for the short one
		whole, more, err := db.Incidents(s.ctx(), account, p.ID, 0, 50)
		s.ok(err)
		s.equal("all of them have room in a list", []any{len(whole), more, len(whole[2].Updates[0].Text)}, []any{3, false, statuspage.MaxUpdateText})
		one, err := db.PublicIncident(s.ctx(), p.ID, list[2].ID)
		s.ok(err)
		s.equal("the text of one", len(one.Updates[0].Text), statuspage.MaxUpdateText)
	}},
	{"a page keeps a bounded number of incidents, and an incident of updates", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0)
		for range statuspage.MaxOpenIncidents {
			s.incident(db, &p, 0)
		}
		again := func() error {
			i := statuspage.Incident{PageID: p.ID, AccountID: account, Title: "x", Updates: []statuspage.Update{{Text: "x", At: db.Now()}}}
			return db.CreateIncident(s.ctx(), &i, func([]int64) error { return nil })
		}
		s.refused(again(), cron.TooMany, cron.SubjectIncident)
		list, _, err := db.Incidents(s.ctx(), account, p.ID, 0, 1)
		s.ok(err)
		s.update(db, &list[0], 0, statuspage.Resolved)
		s.raw().AddIncidents(account, p.ID, statuspage.MaxIncidents-statuspage.MaxOpenIncidents, db.Now().Add(-time.Hour))
		s.ok(again())
		s.equal("incidents", s.raw().Rows("incident"), int64(statuspage.MaxIncidents))
		s.equal("the oldest ones", s.raw().Exec(`DELETE FROM incident WHERE title = 'old 0'`)+10*s.raw().Exec(`DELETE FROM incident WHERE title = 'old 1'`), int64(10))

		i, length := list[0], 0
		fill := func(text string, n int) error {
			return db.UpdateIncident(s.ctx(), account, p.ID, i.ID, func(i *statuspage.Incident, _ []int64) error {
				for range n {
					i.Updates = append(i.Updates, statuspage.Update{Text: text, At: db.Now()})
				}
				length = len(i.Updates)
				return nil
			})
		}
		s.refused(fill("x", statuspage.MaxUpdates-1), cron.TooMany, cron.SubjectIncidentUpdate)
		s.refused(fill(strings.Repeat("x", statuspage.MaxUpdateText), 16), cron.TooMany, cron.SubjectIncidentUpdate)
		s.ok(fill("x", statuspage.MaxUpdates-2))
		s.equal("updates", length, statuspage.MaxUpdates)
	}},
	{"a list of incidents has no more of them than there is room for", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 0)
		var want []int64
		for n := range 7 {
			i := s.incident(db, &p, time.Duration(n)*time.Hour)
			want = append(want, i.ID)
			s.ok(db.UpdateIncident(s.ctx(), account, p.ID, i.ID, func(i *statuspage.Incident, _ []int64) error {
				for range 15 {
					i.Updates = append(i.Updates, statuspage.Update{Text: strings.Repeat("x", statuspage.MaxUpdateText), At: i.Updates[0].At})
				}
				return nil
			}))
		}
		var got []int64
		for before, more := int64(0), true; more; {
			var list []statuspage.Incident
			var err error
			list, more, err = db.Incidents(s.ctx(), account, p.ID, before, 50)
			s.ok(err)
			s.equal("a part of the list", []any{len(list) > 0, len(list) <= 4, len(list[0].Updates)}, []any{true, true, 16})
			for _, i := range list {
				got, before = append(got, i.ID), i.ID
			}
		}
		s.equal("incidents", got, want)
	}},
	{"incidents of others are not there", func(s *suite) {
		db, account, _ := s.start()
		stranger := s.account(db)
		p, other, theirs := s.shown(db, account, 1), s.shown(db, account, 1), s.shown(db, stranger, 1)
		i := s.incident(db, &p, 0, impact(&theirs.Components[0], statuspage.MajorOutage), impact(&other.Components[0], statuspage.MajorOutage))
		s.equal("states", append(s.states(db, &theirs), s.states(db, &other)...), []string{"unknown", "unknown"})
		nothing := func(*statuspage.Incident, []int64) error { return errors.New("it is called") }
		for _, at := range [][2]int64{{stranger, p.ID}, {stranger, theirs.ID}, {account, other.ID}} {
			subject := cron.SubjectIncident
			if at == [2]int64{stranger, p.ID} {
				subject = cron.SubjectStatusPage
				s.missing(third(db.Incidents(s.ctx(), at[0], at[1], 0, 10)), subject)
				s.missing(third(db.IncidentsBehind(s.ctx(), at[0], at[1], time.Time{}, 0, 10)), subject)
				s.missing(second(db.OpenIncidents(s.ctx(), at[0], at[1])), subject)
			} else {
				s.missing(third(db.Incidents(s.ctx(), at[0], at[1], i.ID, 10)), subject)
			}
			s.missing(second(db.Incident(s.ctx(), at[0], at[1], i.ID)), cron.SubjectIncident)
			s.missing(db.UpdateIncident(s.ctx(), at[0], at[1], i.ID, nothing), subject)
			s.missing(db.DeleteIncident(s.ctx(), at[0], at[1], i.ID), subject)
		}
		list, err := db.PublicIncidents(s.ctx(), stranger, p.ID, time.Time{}, 10)
		s.ok(err)
		s.equal("incidents", len(list), 0)
		var known []int64
		s.ok(db.UpdateIncident(s.ctx(), account, p.ID, i.ID, func(_ *statuspage.Incident, components []int64) error { known = components; return nil }))
		s.equal("components", known, []int64{p.Components[0].ID})
		s.ok(db.DeleteAccount(s.ctx(), account))
		s.equal("rows", s.raw().Rows("incident")+s.raw().Rows("incident_update"), int64(0))
	}},
}

// automatic makes the first component of a page open incidents after 5 minutes.
func automatic(p *statuspage.Page) {
	p.Components[0].Automatic, p.Components[0].PublishAutomatic = 5*time.Minute, true
}

// words are those of automatic incidents.
func words(a *store.AutomaticIncident) (title, text, by string) {
	return "Outage of " + a.Component, fmt.Sprint("back: ", a.Back), "the service"
}

// workIncidents works on automatic incidents until nothing is left to do.
func (s *suite) workIncidents(db *store.Store) {
	s.Helper()
	for more := true; more; {
		var err error
		more, err = db.WorkIncidents(s.ctx(), words)
		s.ok(err)
	}
}

var automaticTests = []test{
	{"an outage has exactly one automatic incident", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 2, automatic)
		c, now := &p.Components[0], db.Now()
		s.raw().Observe(c.ID, statuspage.MajorOutage, now.Add(-4*time.Minute))
		s.raw().Observe(p.Components[1].ID, statuspage.MajorOutage, now.Add(-time.Hour))
		s.workIncidents(db)
		s.equal("incidents too early", s.raw().Rows("incident"), int64(0))
		s.raw().Observe(c.ID, statuspage.PartialOutage, now.Add(-6*time.Minute))
		s.raw().Observe(c.ID, statuspage.Unknown, now.Add(-190*time.Second))
		s.raw().Exec(`UPDATE status_component SET state = 4`) // for another incident
		s.workIncidents(db)
		s.equal("incidents while nothing is known", s.raw().Rows("incident"), int64(0))
		s.raw().Observe(c.ID, statuspage.MajorOutage, now.Add(-180*time.Second))
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() { _, err := db.WorkIncidents(s.ctx(), words); s.ok(err) })
		}
		group.Wait()
		list, err := db.PublicIncidents(s.ctx(), account, p.ID, time.Time{}, 10)
		s.ok(err)
		s.equal("incidents", len(list), 1)
		i := list[0]
		s.equal("incident", []any{i.Title, i.Automatic, i.Touched, i.Updates[0].By, len(i.Impacts)}, []any{"Outage of part 0", c.ID, false, "the service", 1})
		s.ok(db.DeleteIncident(s.ctx(), account, p.ID, i.ID))
		s.workIncidents(db)
		s.raw().Observe(c.ID, statuspage.Unknown, now.Add(-2*time.Minute))
		s.raw().Observe(c.ID, statuspage.MajorOutage, now.Add(-time.Minute))
		s.workIncidents(db)
		s.equal("incidents of an outage whose incident was deleted", s.raw().Rows("incident"), int64(0))
	}},
	{"the service resolves it when the component came back, unless somebody has touched it", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1, automatic)
		c := &p.Components[0]
		for n, touch := range []bool{false, true} {
			at := db.Now().Truncate(time.Millisecond).Add(-10 * time.Minute)
			s.raw().Exec(`DELETE FROM status_transition`)
			s.raw().Exec(`UPDATE status_component SET outage_at = 0`)
			s.raw().Observe(c.ID, statuspage.MajorOutage, at)
			s.workIncidents(db)
			list, _, err := db.Incidents(s.ctx(), account, p.ID, 0, 10)
			s.ok(err)
			s.equal("incidents", len(list), n+1)
			i := list[0]
			s.ok(db.UpdateIncident(s.ctx(), account, p.ID, i.ID, func(i *statuspage.Incident, _ []int64) error { i.Touched = touch; return nil }))
			back := db.Now().Truncate(time.Millisecond).Add(time.Millisecond)
			s.raw().Observe(c.ID, statuspage.Degraded, back)
			s.workIncidents(db)
			got, err := db.Incident(s.ctx(), account, p.ID, i.ID)
			s.ok(err)
			if touch {
				s.equal("phase", got.Phase, statuspage.Investigating)
				continue
			}
			s.equal("phase", got.Phase, statuspage.Resolved)
			s.equal("resolved", got.Resolved.Equal(back), true)
			s.equal("updates", len(got.Updates), 2)
			s.workIncidents(db)
			s.equal("updates", s.raw().Rows("incident_update"), int64(2))
		}
	}},
	{"one is a draft unless it is published, and ends when its component is gone", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1, automatic, func(p *statuspage.Page) { p.Components[0].PublishAutomatic = false })
		s.raw().Observe(p.Components[0].ID, statuspage.MajorOutage, db.Now().Add(-time.Hour))
		s.workIncidents(db)
		list, _, err := db.Incidents(s.ctx(), account, p.ID, 0, 10)
		s.ok(err)
		s.equal("drafts", []bool{len(list) == 1, list[0].Draft}, []bool{true, true})
		s.ok(db.UpdateStatusPage(s.ctx(), account, p.ID, func(p *statuspage.Page) error { p.Components = nil; return nil }))
		s.workIncidents(db)
		got, err := db.Incident(s.ctx(), account, p.ID, list[0].ID)
		s.ok(err)
		s.equal("phase", got.Phase, statuspage.Resolved)
	}},
	{"minutes in maintenance do not count, and a full page gets none", func(s *suite) {
		db, account, _ := s.start()
		p := s.shown(db, account, 1, automatic)
		c, now := &p.Components[0], db.Now()
		s.raw().Observe(c.ID, statuspage.MajorOutage, now.Add(-time.Hour))
		s.raw().Exec(`INSERT INTO status_transition (component_id, layer, at, state, clear) VALUES ($1, 3, $2, 0, $3)`, c.ID,
			now.Add(-time.Minute).UnixMilli(), true)
		s.workIncidents(db)
		s.equal("incidents", s.raw().Rows("incident"), int64(0))
		s.raw().Exec(`UPDATE status_transition SET at = $1 WHERE layer = 3`, now.Add(-10*time.Minute).UnixMilli())
		for range statuspage.MaxOpenIncidents {
			s.incident(db, &p, 0)
		}
		s.workIncidents(db)
		s.equal("incidents", s.raw().Rows("incident"), int64(statuspage.MaxOpenIncidents))
	}},
	{"an announcement ends", func(s *suite) {
		db, account, _ := s.start()
		until := func(at time.Time) func(*statuspage.Page) {
			return func(p *statuspage.Page) { p.Announcement, p.AnnouncedUntil = "we move", at }
		}
		over := s.shown(db, account, 0, until(db.Now().Add(-time.Second)))
		on, always := s.shown(db, account, 0, until(db.Now().Add(time.Hour))), s.shown(db, account, 0, until(time.Time{}))
		before := s.raw().PageRevision(over.ID)
		for range 2 {
			s.ok(second(db.EndAnnouncements(s.ctx())))
		}
		var texts []string
		for _, p := range []statuspage.Page{over, on, always} {
			got, err := db.StatusPage(s.ctx(), account, p.ID)
			s.ok(err)
			texts = append(texts, got.Announcement)
		}
		s.equal("announcements", texts, []string{"", "we move", "we move"})
		s.equal("revision", s.raw().PageRevision(over.ID), before+1)
	}},
}
