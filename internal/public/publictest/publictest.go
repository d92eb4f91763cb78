// Package publictest has status pages for tests of package public, without a database.
package publictest

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"strings"
	"sync"
	"time"

	"punctual/internal/badge"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Pages holds status pages by their slugs. It implements public.Pages, public.Visitors and public.Badges.
type Pages struct {
	Now func() time.Time

	mu        sync.Mutex
	entrances map[string]*statuspage.Entrance
	views     map[int64]*statuspage.View
	pictures  map[int64][]byte
	passwords map[int64]string
	passes    map[string]int64 // of people
	members   map[int64]bool
	away      bool
	asked     int // how many entrances
	viewed    int // how many views
	guesses   int
	pictured  int // how many pictures
	hang      chan struct{}
	jobs      map[int64]badge.Job
	runs      badge.Runs
	badges    int // how often something was asked for badges
}

// New returns no pages.
func New(now func() time.Time) *Pages {
	return &Pages{Now: now, entrances: map[string]*statuspage.Entrance{}, views: map[int64]*statuspage.View{}, pictures: map[int64][]byte{},
		passwords: map[int64]string{}, passes: map[string]int64{}, members: map[int64]bool{}, jobs: map[int64]badge.Job{}}
}

// ErrAway is that the database does not answer.
var ErrAway error = &cron.Error{Kind: cron.Unavailable, Database: cron.DatabaseUnreachable, Err: errors.New("the database is away")}

// Set adds a page or changes it, which raises its revision.
func (p *Pages) Set(v statuspage.View) {
	p.mu.Lock()
	defer p.mu.Unlock()
	page := &v.Page
	revision := int64(1)
	if before := p.entrances[page.Slug]; before != nil {
		revision = before.Revision + 1
	}
	e := &statuspage.Entrance{PageID: page.ID, AccountID: page.AccountID, Slug: page.Slug, Revision: revision, Published: page.Published, Access: page.Access,
		BadgeRenewals: page.BadgeRenewals}
	for _, n := range page.Networks {
		e.Networks = append(e.Networks, netip.MustParsePrefix(n))
	}
	if page.Password != "" {
		e.Mark = fmt.Sprintf("mark of %d", revision)
		p.passwords[page.ID] = page.Password
	}
	p.entrances[page.Slug], p.views[page.ID] = e, &v
}

// Delete removes a page.
func (p *Pages) Delete(slug string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.entrances, slug)
}

// SetAway makes the database answer no more, or again.
func (p *Pages) SetAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

// AddPass adds a pass of a person, who is a member.
func (p *Pages) AddPass(pass string, personID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passes[pass], p.members[personID] = personID, true
}

// RemoveMember makes a person leave.
func (p *Pages) RemoveMember(personID int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.members, personID)
}

// Asked is how often an entrance and a view were asked for.
func (p *Pages) Asked() (entrances, views int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked, p.viewed
}

// Hang makes questions for lists of incidents wait until the channel is closed. They tell of themselves by a value that they send before.
func (p *Pages) Hang(until chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hang = until
}

// StatusEntrance implements public.Pages.
func (p *Pages) StatusEntrance(_ context.Context, slug string) (statuspage.Entrance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.away {
		return statuspage.Entrance{}, ErrAway
	}
	e, ok := p.entrances[slug]
	if !ok {
		return statuspage.Entrance{}, cron.Missing(cron.SubjectNone)
	}
	return *e, nil
}

// StatusView implements public.Pages.
func (p *Pages) StatusView(_ context.Context, pageID int64) (statuspage.View, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.viewed++
	if p.away {
		return statuspage.View{}, ErrAway
	}
	v := *p.views[pageID]
	v.At = p.Now()
	v.Page.Password, v.Page.Networks = "", nil
	return v, nil
}

// StatusIncident implements public.Pages.
func (p *Pages) StatusIncident(_ context.Context, pageID, id int64) (statuspage.Incident, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return statuspage.Incident{}, ErrAway
	}
	for _, n := range p.views[pageID].Incidents {
		if n.ID == id {
			return n, nil
		}
	}
	return statuspage.Incident{}, cron.Missing(cron.SubjectNone)
}

// StatusIncidents implements public.Pages.
func (p *Pages) StatusIncidents(_ context.Context, pageID, before int64, limit int) ([]statuspage.Incident, bool, error) {
	p.mu.Lock()
	hang := p.hang
	p.mu.Unlock()
	if hang != nil {
		hang <- struct{}{}
		<-hang
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return nil, false, ErrAway
	}
	var list []statuspage.Incident
	for _, n := range p.views[pageID].Incidents {
		if before == 0 || n.ID < before {
			list = append(list, n)
		}
	}
	more := len(list) > limit
	return list[:min(len(list), limit)], more, nil
}

// StatusResponseTimes implements public.Pages.
func (p *Pages) StatusResponseTimes(_ context.Context, _, _ int64, from time.Time) ([]statuspage.ResponseTime, error) {
	if p.isAway() {
		return nil, ErrAway
	}
	var list []statuspage.ResponseTime
	for at := from.Truncate(time.Hour); at.Before(p.Now()); at = at.Add(time.Hour) {
		n := time.Duration(at.Unix() / 3600 % 17)
		list = append(list, statuspage.ResponseTime{From: at, Count: 60, Median: 180*time.Millisecond + n*7*time.Millisecond, Worst: 320*time.Millisecond + n*n*3*time.Millisecond})
	}
	return list, nil
}

func (p *Pages) isAway() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away
}

// SetPicture sets the logo of a page, in both colours.
func (p *Pages) SetPicture(pageID int64, png []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pictures[pageID] = png
}

// Pictured is how often a picture was asked for.
func (p *Pages) Pictured() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pictured
}

// StatusPicture implements public.Pages.
func (p *Pages) StatusPicture(_ context.Context, pageID int64, _ bool) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pictured++
	if png, ok := p.pictures[pageID]; ok {
		return png, nil
	}
	return nil, cron.Missing(cron.SubjectNone)
}

// MaxGuesses is how many wrong passwords are possible.
const MaxGuesses = 5

// CheckStatusPassword implements public.Visitors.
func (p *Pages) CheckStatusPassword(_ context.Context, _ netip.Addr, pageID int64, password string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.guesses >= MaxGuesses {
		return false, &cron.Error{Kind: cron.TooMany, RetryAfter: time.Minute}
	}
	if p.passwords[pageID] != password {
		p.guesses++
		return false, nil
	}
	return true, nil
}

// TakeStatusPass implements public.Visitors.
func (p *Pages) TakeStatusPass(_ context.Context, _ int64, pass string) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	person, ok := p.passes[pass]
	if !ok {
		return 0, cron.Missing(cron.SubjectLink)
	}
	delete(p.passes, pass)
	return person, nil
}

// IsStatusMember implements public.Visitors.
func (p *Pages) IsStatusMember(_ context.Context, _, personID int64) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return false, ErrAway
	}
	return p.members[personID], nil
}

// SetJob adds a job, or changes it.
func (p *Pages) SetJob(j badge.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs[j.ID] = j
}

// DeleteJob removes a job.
func (p *Pages) DeleteJob(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.jobs, id)
}

// SetRuns says how the runs of every job and component went.
func (p *Pages) SetRuns(r badge.Runs) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs = r
}

// Badges is how often something was asked for badges.
func (p *Pages) Badges() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.badges
}

// BadgeJob implements public.Badges.
func (p *Pages) BadgeJob(_ context.Context, id int64) (badge.Job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.badges++
	if p.away {
		return badge.Job{}, ErrAway
	}
	j, ok := p.jobs[id]
	if !ok {
		return badge.Job{}, cron.Missing(cron.SubjectJob)
	}
	return j, nil
}

// BadgeRuns implements public.Badges.
func (p *Pages) BadgeRuns(context.Context, int64, int64, badge.Metric) (badge.Runs, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.badges++
	if p.away {
		return badge.Runs{}, ErrAway
	}
	return p.runs, nil
}

// StatusBadge implements public.Badges.
func (p *Pages) StatusBadge(ctx context.Context, accountID, _, componentID int64, m badge.Metric) (badge.Runs, error) {
	return p.BadgeRuns(ctx, accountID, componentID, m)
}

// Empty is a published page without components.
func Empty(slug string) statuspage.View {
	return statuspage.View{Page: statuspage.Page{ID: int64(crc32.ChecksumIEEE([]byte(slug))), AccountID: 1, Version: 1, Slug: slug, Title: "Acme", Timezone: "Europe/Berlin",
		Days: 90, Published: true}}
}

// Full is a page with components in groups that are well but for one, with a past incident and a maintenance to come.
func Full(slug string, now time.Time) statuspage.View {
	v := Empty(slug)
	p := &v.Page
	p.Text = "Status of the services of **Acme**. Write to [support](mailto:support@acme.example) with questions."
	p.Groups = []statuspage.Group{{Title: "Europe", Text: "Data centre in Frankfurt"}, {Title: "Americas", Fold: statuspage.FoldHealthy}}
	for i, name := range []string{"Website", "API", "Sign-in", "Payments", "Search", "Mail delivery"} {
		group := []string{"", "", "Europe", "Europe", "Americas", "Americas"}[i]
		p.Components = append(p.Components, statuspage.Component{ID: int64(i) + 1, PageID: p.ID, Group: group, Title: name, State: statuspage.Operational,
			Since: now.Add(-50 * time.Hour)})
		v.Histories = append(v.Histories, History(int64(i)+1, now, 90, i))
	}
	p.Components[1].Text = "What the apps and integrations of our customers use"
	v.Maintenances = []statuspage.Span{{PlanID: 1, Title: "New database servers", Text: "Payments are read-only for a few minutes.",
		Start: now.Add(30 * time.Hour), End: now.Add(32 * time.Hour), ComponentIDs: []int64{4}}}
	v.Incidents = []statuspage.Incident{Resolved(7, "Search was slow", now.Add(-75*time.Hour), 5), Resolved(6, "Mail was late", now.Add(-200*time.Hour), 6)}
	return v
}

// Resolved is an incident that is over.
func Resolved(id int64, title string, started time.Time, component int64) statuspage.Incident {
	return statuspage.Incident{ID: id, Title: title, Phase: statuspage.Resolved, Started: started, Resolved: started.Add(90 * time.Minute),
		Updates: []statuspage.Update{
			{ID: 2, Phase: statuspage.Resolved, Text: "All is well again.", At: started.Add(90 * time.Minute)},
			{ID: 1, Phase: statuspage.Investigating, Text: "We look into it.", At: started, Impacts: []statuspage.Impact{{ComponentID: component, State: statuspage.Degraded}}},
		}}
}

// Outage is Full with incidents that go on, a maintenance in progress, an announcement, and a component of which nothing is known.
func Outage(slug string, now time.Time) statuspage.View {
	v := Full(slug, now)
	p := &v.Page
	p.Accent = "#0f766e"
	p.Announcement = "We move to **acme.example** on Monday. Nothing changes for you."
	for i, s := range []statuspage.State{statuspage.MajorOutage, statuspage.Degraded, statuspage.PartialOutage, statuspage.Maintenance, statuspage.Unknown} {
		p.Components[i].State, p.Components[i].Since = s, now.Add(-40*time.Minute)
	}
	started := now.Add(-40 * time.Minute)
	v.Incidents = append([]statuspage.Incident{{ID: 9, Title: "The website does not answer", Phase: statuspage.Identified, Started: started,
		Impacts: []statuspage.Impact{{ComponentID: 1, State: statuspage.MajorOutage}, {ComponentID: 3, State: statuspage.PartialOutage}},
		Updates: []statuspage.Update{
			{ID: 4, Phase: statuspage.Identified, Text: "A switch in Frankfurt has failed. We replace it; this takes *about an hour*.", At: now.Add(-10 * time.Minute),
				Impacts: []statuspage.Impact{{ComponentID: 3, State: statuspage.PartialOutage}}},
			{ID: 3, Phase: statuspage.Investigating, Text: "We look into it.", At: started, Impacts: []statuspage.Impact{{ComponentID: 1, State: statuspage.MajorOutage}}},
		}}}, v.Incidents...)
	v.Maintenances[0].Start, v.Maintenances[0].End = now.Add(-time.Hour), now.Add(time.Hour)
	return v
}

// History is that of a component over some days. Each of the kinds has its own troubles.
func History(component int64, now time.Time, days, kind int) statuspage.History {
	zone, err := cron.LoadZone("Europe/Berlin")
	if err != nil {
		panic(err) // it is part of the program
	}
	h := statuspage.History{ComponentID: component}
	local := now.In(zone)
	for i := days - 1; i >= 0; i-- {
		start := time.Date(local.Year(), local.Month(), local.Day()-i, 0, 0, 0, 0, zone)
		length := 24 * time.Hour
		if i == 0 {
			length = now.Sub(start)
		}
		d := statuspage.Day{Start: start}
		take := func(s statuspage.State, l time.Duration) { d.States[s] += min(l, length); length -= min(l, length) }
		switch (i + kind*7) % 31 {
		case 3:
			take(statuspage.MajorOutage, 25*time.Minute)
		case 11:
			take(statuspage.Degraded, 3*time.Hour)
		case 17:
			take(statuspage.PartialOutage, 50*time.Minute)
		case 23:
			take(statuspage.Maintenance, 2*time.Hour)
		}
		if kind%3 == 2 && i > days*2/3 {
			take(statuspage.Unknown, length)
		}
		d.States[statuspage.Operational] += length
		h.Days = append(h.Days, d)
		for _, last := range []struct {
			days int
			all  *statuspage.Durations
		}{{1, &h.Last24h}, {7, &h.Last7}, {30, &h.Last30}, {90, &h.Last90}} {
			if i < last.days {
				last.all.Add(d.States)
			}
		}
	}
	return h
}

// Large is a page with as many components as there can be.
func Large(slug string, now time.Time) statuspage.View {
	v := Empty(slug)
	p := &v.Page
	for g := range 10 {
		p.Groups = append(p.Groups, statuspage.Group{Title: fmt.Sprintf("Region %d", g+1)})
	}
	for i := range statuspage.MaxComponents {
		p.Components = append(p.Components, statuspage.Component{ID: int64(i) + 1, PageID: p.ID, Group: p.Groups[i/10].Title, Title: fmt.Sprintf("Service %d", i+1),
			State: statuspage.Operational})
		v.Histories = append(v.Histories, History(int64(i)+1, now, 90, i))
	}
	return v
}

// Hostile is a page with markup wherever a text can be. Each holds the text "<script>alert(1)</script>".
func Hostile(slug string, now time.Time) statuspage.View {
	v := Outage(slug, now)
	const bad = `"'><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}`
	p := &v.Page
	p.Title, p.Text, p.Announcement = bad, bad+" [x](javascript:alert(1))", bad
	p.Accent = `#fff;}body{background:url(//evil.example)`
	for i := range p.Groups {
		p.Groups[i].Title, p.Groups[i].Text = bad+strings.Repeat(" ", i), bad
	}
	for i := range p.Components {
		c := &p.Components[i]
		c.Title, c.Text = bad, bad
		if c.Group != "" {
			c.Group = p.Groups[i%2].Title
		}
	}
	for i := range v.Incidents {
		v.Incidents[i].Title = bad
		for j := range v.Incidents[i].Updates {
			v.Incidents[i].Updates[j].Text = bad
		}
	}
	v.Maintenances[0].Title, v.Maintenances[0].Text = bad, bad
	return v
}
