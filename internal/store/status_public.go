package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// What visitors read. A page of an account that is disabled is missing; drafts are there, since people of the account may look at them. While
// the database does not answer, errors are of kind Unavailable.

const accountIsThere = `EXISTS (SELECT 1 FROM account WHERE account.id = status_page.account_id AND NOT account.disabled)`

// StatusEntrance is what decides who may read the page of an address, and the hash of its password, by one row. The error is of kind
// NotFound when there is none.
func (s *Store) StatusEntrance(ctx context.Context, slug string) (e statuspage.Entrance, passwordHash string, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return e, "", err
	}
	defer leave()
	var networks []string
	err = s.read.QueryRowContext(ctx, `SELECT id, account_id, slug, revision, badge_renewals, published, access, password_hash, networks FROM status_page
		WHERE slug = $1 AND `+accountIsThere, slug).Scan(integer(&e.PageID), integer(&e.AccountID), text(&e.Slug), integer(&e.Revision),
		integer(&e.BadgeRenewals), flag(&e.Published), integer(&e.Access), text(&passwordHash), textsField{&networks})
	if err != nil {
		return e, "", oneRow(databaseError(err), cron.SubjectStatusPage)
	}
	for _, n := range networks {
		prefix, err := netip.ParsePrefix(n)
		if err != nil {
			return e, "", fmt.Errorf("read a network of the status page %d: %w", e.PageID, err)
		}
		e.Networks = append(e.Networks, prefix)
	}
	return e, passwordHash, nil
}

// StatusPasswordHash is the hash of the password of a page; empty without one. The error is of kind NotFound when there is no such page.
func (s *Store) StatusPasswordHash(ctx context.Context, pageID int64) (hash string, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return "", err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT password_hash FROM status_page WHERE id = $1 AND `+accountIsThere, pageID).Scan(text(&hash))
	return hash, oneRow(err, cron.SubjectStatusPage)
}

// PublicStatusPage reads a page with its components for visitors. The error is of kind NotFound when there is none.
func (s *Store) PublicStatusPage(ctx context.Context, pageID int64) (p statuspage.Page, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return p, err
	}
	defer leave()
	p, err = s.statusPage(ctx, s.read, `WHERE id = $1 AND `+accountIsThere, pageID)
	return p, databaseError(err)
}

// ResponseTimes are how long the runs of a component's jobs took, by hours from an instant on.
func (s *Store) ResponseTimes(ctx context.Context, pageID, componentID int64, from time.Time) (list []statuspage.ResponseTime, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer leave()
	var (
		last  = int64(-1)
		taken cron.Histogram
	)
	add := func() {
		if taken.Count() > 0 {
			list = append(list, statuspage.ResponseTime{From: time.Unix(last*3600, 0).UTC(), Count: taken.Count(),
				Median: taken.Quantile(0.5), Worst: taken.Quantile(0.95)})
		}
		taken = cron.Histogram{}
	}
	err = each(ctx, s.read, "read the response times", func(scan scanner) error {
		var (
			hour    int64
			encoded []byte
		)
		if err := scan(&hour, &encoded); err != nil {
			return err
		}
		tally, err := cron.DecodeTally(encoded)
		if err != nil {
			return err
		}
		if hour != last {
			add()
			last = hour
		}
		taken.Merge(&tally.Duration)
		return nil
	}, `SELECT rollup_job.hour, rollup_job.tally FROM status_component
		JOIN status_component_job ON status_component_job.component_id = status_component.id
		JOIN rollup_job ON rollup_job.job_id = status_component_job.job_id
		WHERE status_component.id = $1 AND status_component.page_id = $2 AND rollup_job.hour >= $3 ORDER BY rollup_job.hour`,
		componentID, pageID, millis(from)/time.Hour.Milliseconds())
	add()
	return list, databaseError(err)
}

// IsMember tells whether a person who is not disabled is a member of an account that is not disabled.
func (s *Store) IsMember(ctx context.Context, accountID, personID int64) (is bool, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return false, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT count(*) > 0 FROM membership JOIN person ON person.id = membership.person_id
		JOIN account ON account.id = membership.account_id
		WHERE membership.account_id = $1 AND membership.person_id = $2 AND NOT person.disabled AND NOT account.disabled`,
		accountID, personID).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("find out whether a person is a member: %w", databaseError(err))
	}
	return is, nil
}

// StatusPicture is a logo of a page, as PNG.
func (s *Store) StatusPicture(ctx context.Context, pageID int64, dark bool) (picture []byte, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT picture FROM status_logo WHERE page_id = $1 AND dark = $2`, pageID, dark).Scan(&picture)
	return picture, oneRow(databaseError(err), cron.SubjectStatusPage)
}

// notDraft is the condition for incidents that visitors see.
const notDraft = ` AND NOT draft`

// PublicIncident is an incident of a page that is no draft, with its updates. The error is of kind NotFound when there is none.
func (s *Store) PublicIncident(ctx context.Context, pageID, incidentID int64) (n statuspage.Incident, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return n, err
	}
	defer leave()
	n, err = s.oneIncident(ctx, s.read, `id = $1 AND page_id = $2`+notDraft, incidentID, pageID)
	return n, databaseError(err)
}

// PublishedIncidents lists incidents of a page that are no drafts, the latest start first, from behind the incident before on (0: all), without
// their updates.
func (s *Store) PublishedIncidents(ctx context.Context, pageID, before int64, limit int) (list []statuspage.Incident, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer leave()
	started, id, err := s.placeOf(ctx, notDraft, pageID, before)
	if err == nil {
		list, err = s.incidents(ctx, s.read, noUpdates, `page_id = $1`+notDraft+behind, pageID, started, id, limit)
	}
	return list, databaseError(err)
}
