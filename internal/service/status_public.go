package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// What visitors of status pages read, and how they prove that they may. The package public asks; nobody is signed in.

const (
	kindGuessPage        = 1151
	kindGuessPagePair    = 1152
	kindGuessPageNetwork = 1153
	kindGuessPageHour    = 1154
	kindGuessPageSite    = 1155
)

// passLifetime is how long a pass can be used that the console gives to a member for a page.
const passLifetime = time.Minute

// kindPass is the kind of its sealed state.
const kindPass = "status pass"

// statusPass is what a pass says.
type statusPass struct {
	Page, Person int64
	Nonce        []byte
}

// StatusEntrance is what decides who may read the page of an address, also of a draft.
func (s *Service) StatusEntrance(ctx context.Context, slug string) (statuspage.Entrance, error) {
	e, hash, err := s.store.StatusEntrance(ctx, slug)
	if err == nil && hash != "" {
		e.Mark = s.linkCode("status password", hash)
	}
	return e, err
}

// StatusView is all that visitors see of a page.
func (s *Service) StatusView(ctx context.Context, pageID int64) (v statuspage.View, err error) {
	p, err := s.store.PublicStatusPage(ctx, pageID)
	if err != nil {
		return v, err
	}
	p.Password, p.PasswordHash, p.Networks, p.UpdatedBy = "", "", nil, ""
	for i := range p.Components {
		c := &p.Components[i]
		c.JobIDs, c.Rule, c.Needed, c.Hand = nil, statuspage.Rule{}, 0, nil
	}
	v = statuspage.View{Page: p, At: s.store.Now(), Logo: p.Logos[0], DarkLogo: p.Logos[1]}
	if v.Histories, err = s.store.PageHistory(ctx, pageID, p.Days); err != nil {
		return v, err
	}
	v.Incidents, err = s.store.PublicIncidents(ctx, p.AccountID, pageID, v.At.Add(-statuspage.RecentIncidents), shownIncidents)
	if err != nil {
		return v, err
	}
	for i := range v.Incidents {
		v.Incidents[i] = forVisitors(v.Incidents[i])
	}
	plans, err := s.store.StatusPlans(ctx, p.AccountID, pageID)
	if err != nil {
		return v, err
	}
	v.Maintenances = spans(plans, v.At)
	v.Domain, err = s.store.CanonicalDomain(ctx, pageID)
	return v, err
}

// StatusResponseTimes are how long the runs of a component's jobs took, by hours from an instant on.
func (s *Service) StatusResponseTimes(ctx context.Context, pageID, componentID int64, from time.Time) ([]statuspage.ResponseTime, error) {
	return s.store.ResponseTimes(ctx, pageID, componentID, from)
}

// CheckStatusPassword tells whether a password is that of a page. Wrong ones are counted as failed sign-ins are. The error is of kind
// TooMany after too many of them.
func (s *Service) CheckStatusPassword(ctx context.Context, address netip.Addr, pageID int64, password string) (bool, error) {
	a, err := s.reserve(ctx, address, s.pageLimits(address, pageID))
	if err != nil {
		return false, err
	}
	hash, err := s.store.StatusPasswordHash(ctx, pageID)
	right := false
	if err == nil {
		right, _, err = s.passwords.Check(ctx, address, hash, password)
	}
	if right || err != nil {
		s.giveBack(ctx, a)
	}
	return right, err
}

// pageLimits bound the guesses at the password of a page.
func (s *Service) pageLimits(address netip.Addr, pageID int64) []cron.RateLimit {
	network, site := networkOf(address), siteOf(address)
	return []cron.RateLimit{
		{Kind: kindGuessPageSite, Subject: s.subjectOf("site", site), Window: time.Hour, Max: 200},
		{Kind: kindGuessPageHour, Subject: s.subjectOf("network", network), Window: time.Hour, Max: 100},
		{Kind: kindGuessPage, Subject: pageID, Window: time.Hour, Max: 500},
		{Kind: kindGuessPagePair, Subject: s.subjectOf("page", network, strconv.FormatInt(pageID, 10)), Window: 15 * time.Minute, Max: 10},
		{Kind: kindGuessPageNetwork, Subject: s.subjectOf("network", network), Window: 10 * time.Minute, Max: 20},
	}
}

// StatusPass gives a person who is signed in a pass for a page of an account that they are a member of, whichever they look at. It works
// once, within a minute. host is the domain of the page at which it is to be used; "" for none. The error is of kind NotFound for all other
// pages and hosts.
func (s *Service) StatusPass(ctx context.Context, actor cron.Actor, slug, host string) (pass string, err error) {
	if err := s.allow(&actor, UseVisitStatusPage); err != nil {
		return "", err
	}
	e, _, err := s.store.StatusEntrance(ctx, slug)
	if err != nil {
		return "", err
	}
	is, err := s.store.IsMember(ctx, e.AccountID, actor.Person.ID)
	if err == nil && !is {
		err = cron.Missing(cron.SubjectStatusPage)
	}
	if err == nil && host != "" {
		var d statuspage.HeldDomain
		if d, err = s.store.HeldDomain(ctx, host); err == nil && d.PageID != e.PageID {
			err = cron.Missing(cron.SubjectDomain)
		}
	}
	if err != nil {
		return "", err
	}
	p := statusPass{Page: e.PageID, Person: actor.Person.ID, Nonce: make([]byte, 16)}
	_, _ = rand.Read(p.Nonce) // never fails
	return s.sealer.Seal(kindPass, s.store.Now().Add(passLifetime), p)
}

// TakeStatusPass uses up a pass for a page, and tells whose it is. The error is of kind NotFound when it is wrong, expired or used.
func (s *Service) TakeStatusPass(ctx context.Context, pageID int64, pass string) (personID int64, err error) {
	var p statusPass
	now := s.store.Now()
	if err := s.sealer.Open(kindPass, now, pass, &p); err != nil || p.Page != pageID {
		return 0, cron.Missing(cron.SubjectLink)
	}
	err = s.store.UseChallenge(ctx, sha256.Sum256([]byte(pass)), now.Add(passLifetime))
	if cron.KindOf(err) == cron.Conflict {
		return 0, cron.Missing(cron.SubjectLink)
	}
	return p.Person, err
}

// IsStatusMember tells whether a person is a member of an account, and neither of them is disabled.
func (s *Service) IsStatusMember(ctx context.Context, accountID, personID int64) (bool, error) {
	return s.store.IsMember(ctx, accountID, personID)
}

// StatusPicture is a logo of a page, as PNG.
func (s *Service) StatusPicture(ctx context.Context, pageID int64, dark bool) ([]byte, error) {
	return s.store.StatusPicture(ctx, pageID, dark)
}

// StatusIncident is a published incident of a page with its updates.
func (s *Service) StatusIncident(ctx context.Context, pageID, incidentID int64) (statuspage.Incident, error) {
	n, err := s.store.PublicIncident(ctx, pageID, incidentID)
	return forVisitors(n), err
}

// StatusIncidents are published incidents of a page, the latest start first: those behind the incident before, 0 for the latest.
func (s *Service) StatusIncidents(ctx context.Context, pageID, before int64, limit int) (list []statuspage.Incident, more bool, err error) {
	list, err = s.store.PublishedIncidents(ctx, pageID, before, limit+1)
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	for i := range list {
		list[i] = forVisitors(list[i])
	}
	return list, more, err
}

// forVisitors is an incident without what visitors are not told.
func forVisitors(n statuspage.Incident) statuspage.Incident {
	n.Automatic, n.Touched = 0, false
	for i := range n.Updates {
		n.Updates[i].By = ""
	}
	return n
}

// What a page shows at most.
const (
	shownIncidents   = 100
	shownMaintenance = 20
	shownAhead       = 90 * 24 * time.Hour // of maintenances
)

// spans are the times of maintenances that are in progress or come soon, the next first: one of each.
func spans(plans []statuspage.Plan, now time.Time) []statuspage.Span {
	var list []statuspage.Span
	for i := range plans {
		p := &plans[i]
		if start, end, ok := p.Span(now); ok && start.Before(now.Add(shownAhead)) {
			list = append(list, statuspage.Span{PlanID: p.ID, Title: p.Title, Text: p.Text, Start: start, End: end, ComponentIDs: p.ComponentIDs})
		}
	}
	slices.SortFunc(list, func(a, b statuspage.Span) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.PlanID, b.PlanID))
	})
	return list[:min(len(list), shownMaintenance)]
}
