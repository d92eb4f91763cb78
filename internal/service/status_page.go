package service

import (
	"context"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// StatusPages lists the status pages of the account, with their components.
func (s *Service) StatusPages(ctx context.Context, actor cron.Actor) ([]statuspage.Page, error) {
	if err := s.allow(&actor, UseListStatusPages); err != nil {
		return nil, err
	}
	list, err := s.store.StatusPages(ctx, actor.Account.ID)
	for i := range list {
		list[i].PasswordHash = ""
	}
	return list, err
}

// StatusPage reads a status page with its components. The error is of kind NotFound when the account has none of that ID.
func (s *Service) StatusPage(ctx context.Context, actor cron.Actor, pageID int64) (statuspage.Page, error) {
	if err := s.allow(&actor, UseGetStatusPage); err != nil {
		return statuspage.Page{}, err
	}
	p, err := s.store.StatusPage(ctx, actor.Account.ID, pageID)
	p.PasswordHash = ""
	return p, err
}

// StatusPagesOfJob lists the status pages that a job is part of, by ID and title only.
func (s *Service) StatusPagesOfJob(ctx context.Context, actor cron.Actor, jobID int64) ([]statuspage.Page, error) {
	if err := s.allow(&actor, UseListStatusPages); err != nil {
		return nil, err
	}
	return s.store.PagesOfJob(ctx, actor.Account.ID, jobID)
}

// NewStatusPage makes a page with a title, as it is when nothing else is set, which AddStatusPage can save.
func (s *Service) NewStatusPage(actor cron.Actor, title string) (statuspage.Page, error) {
	if err := s.allow(&actor, UseCreateStatusPage); err != nil {
		return statuspage.Page{}, err
	}
	p := statuspage.NewPage()
	p.AccountID, p.Title = actor.Account.ID, title
	return p, nil
}

// AddStatusPage adds a page, and sets its ID, its slug when it has none, and the IDs of its components. The error is of kind TooMany when
// the plan allows no further page, Conflict when the slug is taken, and Invalid with what is wrong with the page.
func (s *Service) AddStatusPage(ctx context.Context, actor cron.Actor, p *statuspage.Page) error {
	if err := s.allow(&actor, UseCreateStatusPage); err != nil {
		return err
	}
	before := statuspage.NewPage()
	p.ID, p.AccountID, p.PasswordHash, p.UpdatedBy = 0, actor.Account.ID, "", authorOf(&actor).Label
	if err := p.Accept(&before); err != nil {
		return err
	}
	if err := s.hashPagePassword(ctx, &actor, p); err != nil {
		return err
	}
	defer func() { p.HasPassword, p.PasswordHash = p.PasswordHash != "", "" }()
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actStatusPageAdd, Object: objectStatusPage, Title: p.Title},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateStatusPage(ctx, p)
			e.ObjectID = p.ID
			return err
		})
}

// hashPagePassword puts the hash of a new password in its place.
func (s *Service) hashPagePassword(ctx context.Context, actor *cron.Actor, p *statuspage.Page) (err error) {
	if p.Password == "" {
		return nil
	}
	p.PasswordHash, err = s.passwords.Hash(ctx, actor.Address, p.Password)
	p.Password = ""
	return err
}

// ChangeStatusPage edits a page that meets a precondition, which may be nil. Components that keep their ID keep their history, those without
// one are new, and those that are left out go. What change does to IDs, versions and states counts for nothing.
func (s *Service) ChangeStatusPage(ctx context.Context, actor cron.Actor, pageID int64, only Precondition,
	change func(*statuspage.Page)) error {
	if err := s.allow(&actor, UseChangeStatusPage); err != nil {
		return err
	}
	return s.store.UpdateStatusPage(ctx, actor.Account.ID, pageID, func(p *statuspage.Page) error {
		if err := checkPage(only, p); err != nil {
			return err
		}
		before := p.Clone()
		change(p)
		p.ID, p.PasswordHash, p.UpdatedBy = pageID, before.PasswordHash, authorOf(&actor).Label
		if err := p.Accept(&before); err != nil {
			return err
		}
		return s.hashPagePassword(ctx, &actor, p)
	}, func(ctx context.Context, before, after *statuspage.Page) error {
		return s.note(ctx, &actor, cron.AuditEntry{Action: actStatusPageSet, Object: objectStatusPage, ObjectID: pageID, Title: after.Title,
			Changes: changesOf(statusPageFields, before, after)})
	})
}

// StatusPageVersion is the version of a page, for preconditions.
func StatusPageVersion(p *statuspage.Page) string { return strconv.FormatInt(p.Version, 10) }

func checkPage(only Precondition, p *statuspage.Page) error {
	if only != nil && !only(StatusPageVersion(p)) {
		return &cron.Error{Kind: cron.PreconditionFailed, Subject: cron.SubjectStatusPage}
	}
	return nil
}

// statusPageFields are the values of a page.
var statusPageFields = []auditField[statuspage.Page]{
	{"/title", func(p *statuspage.Page) any { return p.Title }},
	{"/slug", func(p *statuspage.Page) any { return p.Slug }},
	{"/text", func(p *statuspage.Page) any { return p.Text }},
	{"/accent", func(p *statuspage.Page) any { return p.Accent }},
	{"/theme", func(p *statuspage.Page) any { return p.Theme }},
	{"/timezone", func(p *statuspage.Page) any { return p.Timezone }},
	{"/language", func(p *statuspage.Page) any { return p.Language }},
	{"/days", func(p *statuspage.Page) any { return p.Days }},
	{"/published", func(p *statuspage.Page) any { return p.Published }},
	{"/access", func(p *statuspage.Page) any { return p.Access }},
	{"/password", func(p *statuspage.Page) any { return p.PasswordHash }},
	{"/networks", func(p *statuspage.Page) any { return p.Networks }},
	{"/announcement", func(p *statuspage.Page) any { return p.Announcement }},
	{"/announcedUntil", func(p *statuspage.Page) any { return p.AnnouncedUntil.UnixMilli() }},
	{"/withMaintenance", func(p *statuspage.Page) any { return p.WithMaintenance }},
	{"/groups", func(p *statuspage.Page) any { return p.Groups }},
	{"/components", func(p *statuspage.Page) any { return p.Components }},
}

// DeleteStatusPage removes a page that meets a precondition, which may be nil, with its components, incidents and history. Its jobs stay.
func (s *Service) DeleteStatusPage(ctx context.Context, actor cron.Actor, pageID int64, only Precondition) error {
	if err := s.allow(&actor, UseDeleteStatusPage); err != nil {
		return err
	}
	return s.store.DeleteStatusPage(ctx, actor.Account.ID, pageID, func(p *statuspage.Page) error { return checkPage(only, p) },
		func(ctx context.Context, p *statuspage.Page) error {
			return s.note(ctx, &actor, cron.AuditEntry{Action: actStatusPageDrop, Object: objectStatusPage, ObjectID: pageID, Title: p.Title})
		})
}

// SetComponentState gives a component of a page a state, which holds until it is released with nil. The error is of kind Invalid for
// statuspage.Unknown, which nobody can set.
func (s *Service) SetComponentState(ctx context.Context, actor cron.Actor, pageID, componentID int64, state *statuspage.State) error {
	if err := s.allow(&actor, UseSetComponentState); err != nil {
		return err
	}
	if state != nil && (*state <= statuspage.Unknown || int(*state) >= statuspage.StateCount) {
		return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Pointer: "/state", Rule: cron.RuleUnknownValue, Given: state.String()}}}
	}
	return s.store.SetComponentState(ctx, actor.Account.ID, pageID, componentID, state, authorOf(&actor).Label,
		func(ctx context.Context, p *statuspage.Page, of *statuspage.Component) error {
			return s.note(ctx, &actor, cron.AuditEntry{Action: actComponentSet, Object: objectStatusPage, ObjectID: pageID,
				Title: p.Title + ": " + of.Title, Changes: []string{"/components/" + strconv.FormatInt(componentID, 10) + "/state"}})
		})
}

// Size in pixels to which larger logos are reduced: twice what pages show.
const (
	logoWidth  = 800
	logoHeight = 240
)

// StatusLogo reads a logo of a page as PNG: the one for dark colours, or the other one.
func (s *Service) StatusLogo(ctx context.Context, actor cron.Actor, pageID int64, dark bool) ([]byte, error) {
	if err := s.allow(&actor, UseGetStatusPage); err != nil {
		return nil, err
	}
	return s.store.StatusLogo(ctx, actor.Account.ID, pageID, dark)
}

// SetStatusLogo gives a page a logo, of a PNG, JPEG or WebP file of at most statuspage.MaxLogo bytes and statuspage.MaxLogoPixels pixels,
// or takes it off when the file is nil. What is kept and shown is a PNG file that was made of it.
func (s *Service) SetStatusLogo(ctx context.Context, actor cron.Actor, pageID int64, dark bool, file []byte) error {
	if err := s.allow(&actor, UseChangeStatusPage); err != nil {
		return err
	}
	if file != nil {
		var err error
		if file, err = s.pictures.PNG(ctx, file); err != nil {
			return err
		}
	}
	changed := "/logo"
	if dark {
		changed = "/logo/dark"
	}
	return s.store.SetStatusLogo(ctx, actor.Account.ID, pageID, dark, file, func(ctx context.Context, p *statuspage.Page) error {
		return s.note(ctx, &actor, cron.AuditEntry{Action: actStatusPageSet, Object: objectStatusPage, ObjectID: pageID, Title: p.Title,
			Changes: []string{changed}})
	})
}
