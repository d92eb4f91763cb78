package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// A change of a page is prepared outside of a transaction, and compares the version of the row, as that of a job. It locks the row of the
// page first, then its components, and last the jobs that come or go.

// statusPageColumns is the columns of status_page that people set, and who did.
func statusPageColumns(p *statuspage.Page) columns {
	return func(list *columnList) {
		list.add("slug", text(&p.Slug))
		list.add("title", text(&p.Title))
		list.add("body", text(&p.Text))
		list.add("accent", text(&p.Accent))
		list.add("theme", integer(&p.Theme))
		list.add("timezone", text(&p.Timezone))
		list.add("language", text(&p.Language))
		list.add("days", integer(&p.Days))
		list.add("published", flag(&p.Published))
		list.add("access", integer(&p.Access))
		list.add("password_hash", text(&p.PasswordHash))
		list.add("networks", textsField{&p.Networks})
		list.add("announcement", text(&p.Announcement))
		list.add("announced_until", moment(&p.AnnouncedUntil))
		list.add("with_maintenance", flag(&p.WithMaintenance))
		list.add("page_groups", groupsField{&p.Groups})
		list.add("updated_at", moment(&p.Updated))
		list.add("updated_by", text(&p.UpdatedBy))
	}
}

// statusPageKey is the other columns of status_page.
func statusPageKey(p *statuspage.Page) columns {
	return func(list *columnList) {
		list.add("id", integer(&p.ID))
		list.add("account_id", integer(&p.AccountID))
		list.add("version", integer(&p.Version))
		list.add("revision", integer(&p.Revision))
		list.add("badge_renewals", integer(&p.BadgeRenewals))
		list.add("created_at", moment(&p.Created))
	}
}

// groupsField is the groups of a page. Its column has them as JSON, and empty for none.
type groupsField struct{ to *[]statuspage.Group }

// Scan implements sql.Scanner.
func (f groupsField) Scan(value any) error {
	var encoded string
	if err := (textField{&encoded}).Scan(value); err != nil || encoded == "" {
		return err
	}
	return json.Unmarshal([]byte(encoded), f.to)
}

func (f groupsField) value() any {
	if len(*f.to) == 0 {
		return ""
	}
	return encode(*f.to)
}

var (
	statusPageNames = names("status_page", statusPageKey(new(statuspage.Page)), statusPageColumns(new(statuspage.Page))) +
		`, EXISTS (SELECT 1 FROM status_logo WHERE page_id = status_page.id AND NOT dark),
		EXISTS (SELECT 1 FROM status_logo WHERE page_id = status_page.id AND dark)`
	statusPageCount  = statusPageColumns(new(statuspage.Page)).count()
	statusPageInsert = `INSERT INTO status_page (account_id, created_at, ` + names("", statusPageColumns(new(statuspage.Page))) + `) VALUES (` +
		parameters(1, 2+statusPageCount) + `) ON CONFLICT (slug) DO NOTHING RETURNING id, version, revision`
	statusPageUpdate = `UPDATE status_page SET (` + names("", statusPageColumns(new(statuspage.Page))) + `, version, revision) = (` +
		parameters(3, statusPageCount) + `, $2 + 1, revision + 1) WHERE id = $1 AND version = $2`
)

func scanStatusPage(scan scanner, p *statuspage.Page) error {
	err := scan(append(targets(statusPageKey(p), statusPageColumns(p)), flag(&p.Logos[0]), flag(&p.Logos[1]))...)
	p.HasPassword = p.PasswordHash != ""
	return err
}

// StatusPages lists the pages of an account by their numbers, with their components.
func (s *Store) StatusPages(ctx context.Context, accountID int64) ([]statuspage.Page, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	list, err := collect(ctx, s.read, "list the status pages", scanStatusPage,
		`SELECT `+statusPageNames+` FROM status_page WHERE account_id = $1 ORDER BY id`, accountID)
	if err != nil {
		return nil, err
	}
	return list, s.addComponents(ctx, s.read, list)
}

// StatusPage reads a page with its components.
func (s *Store) StatusPage(ctx context.Context, accountID, pageID int64) (p statuspage.Page, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return p, err
	}
	defer leave()
	return s.statusPage(ctx, s.read, `WHERE account_id = $1 AND id = $2`, accountID, pageID)
}

func (s *Store) statusPage(ctx context.Context, q queryer, where string, args ...any) (p statuspage.Page, err error) {
	err = scanStatusPage(q.QueryRowContext(ctx, `SELECT `+statusPageNames+` FROM status_page `+where, args...).Scan, &p)
	if err != nil {
		return p, oneRow(err, cron.SubjectStatusPage)
	}
	list := []statuspage.Page{p}
	err = s.addComponents(ctx, q, list)
	return list[0], err
}

const countStatusPages = `SELECT count(*) FROM status_page WHERE account_id = $1`

// slugTries bounds how many slugs are tried for a page that has none.
const slugTries = 100

// CreateStatusPage adds a page, and sets its ID and those of its components. A page without a slug gets one of its title. The error is of
// kind TooMany when the account's plan allows no further page, Conflict when the slug is taken, and Invalid when the account has not all
// of the jobs.
func (s *Store) CreateStatusPage(ctx context.Context, p *statuspage.Page) error {
	slug, renew := p.Slug, newComponents(p)
	return s.transact(ctx, ofAccount(p.AccountID), func(ctx context.Context, q queryer) error {
		p.Slug = slug
		renew()
		if err := s.lockJobs(ctx, q, p.AccountID, pageJobs(p)); err != nil {
			return err
		}
		plan, err := s.lockPlan(ctx, q, p.AccountID)
		if err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countStatusPages, p.AccountID, plan.MaxStatusPages, cron.SubjectStatusPage); err != nil {
			return err
		}
		p.Created = s.stamp()
		p.Updated = p.Created
		if err := insertStatusPage(ctx, q, p); err != nil {
			return err
		}
		if err := s.saveComponents(ctx, q, &statuspage.Page{}, p); err != nil {
			return err
		}
		return s.refreshComponents(ctx, q, p.ID)
	})
}

func insertStatusPage(ctx context.Context, q queryer, p *statuspage.Page) error {
	base, given := statuspage.SlugOf(p.Title), p.Slug != ""
	for n := 1; n <= slugTries; n++ {
		switch {
		case given:
		case n == 1:
			p.Slug = base
		default:
			p.Slug = base + "-" + strconv.Itoa(n)
		}
		err := q.QueryRowContext(ctx, statusPageInsert, values([]any{p.AccountID, millis(p.Created)}, statusPageColumns(p))...).Scan(
			&p.ID, &p.Version, &p.Revision)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if given {
			break
		}
	}
	return errSlugTaken()
}

func errSlugTaken() error {
	return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectStatusPage}
}

// UpdateStatusPage lets change edit a page, and writes it. change runs outside of transactions unless ctx is part of one, and may run
// more than once; its error changes nothing and is returned as it is. The transaction that writes the page also runs then, with the page
// before and after the edit. Components that keep their ID keep their history. The error is of kind Conflict when the slug is taken, or
// when the page changes during every attempt, and Invalid when the account has not all of the jobs.
func (s *Store) UpdateStatusPage(ctx context.Context, accountID, pageID int64, change func(*statuspage.Page) error,
	then ...func(ctx context.Context, before, after *statuspage.Page) error) error {
	for range editTries {
		before, err := s.StatusPage(ctx, accountID, pageID)
		if err != nil {
			return err
		}
		after := before.Clone()
		if err := change(&after); err != nil {
			return err
		}
		after.ID, after.AccountID, after.Updated = pageID, accountID, s.stamp()
		renew := newComponents(&after)
		err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
			renew()
			if err := s.saveStatusPage(ctx, q, &before, &after); err != nil {
				return err
			}
			for _, write := range then {
				if err := write(ctx, &before, &after); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, errEdited) {
			return err
		}
	}
	return errKeepsChanging(cron.SubjectStatusPage)
}

func (s *Store) saveStatusPage(ctx context.Context, q queryer, before, after *statuspage.Page) error {
	if before.Slug != after.Slug {
		var other int64
		err := q.QueryRowContext(ctx, `SELECT id FROM status_page WHERE slug = $1`, after.Slug).Scan(&other)
		if err == nil {
			return errSlugTaken()
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find a status page of that slug: %w", err)
		}
	}
	res, err := q.ExecContext(ctx, statusPageUpdate, values([]any{after.ID, before.Version}, statusPageColumns(after))...)
	if s.engine.duplicate(err) {
		return errSlugTaken()
	}
	if err := checkEdited(res, err); err != nil {
		return fmt.Errorf("change the status page: %w", err)
	}
	after.Version = before.Version + 1
	if err := s.saveComponents(ctx, q, before, after); err != nil {
		return err
	}
	if before.Timezone != after.Timezone {
		if err := s.forgetDays(ctx, q, after.ID); err != nil {
			return err
		}
	}
	if err := s.refreshComponents(ctx, q, after.ID); err != nil || before.Slug == after.Slug {
		return err
	}
	return changeDomains(ctx, q) // the last lock: all accounts share it
}

// DeleteStatusPage removes a page with everything that belongs to it, if allow returns no error for it; such an error is returned
// unchanged. The transaction also runs then.
func (s *Store) DeleteStatusPage(ctx context.Context, accountID, pageID int64, allow func(*statuspage.Page) error,
	then ...func(context.Context, *statuspage.Page) error) error {
	for range editTries {
		p, err := s.StatusPage(ctx, accountID, pageID)
		if err != nil {
			return err
		}
		if err := allow(&p); err != nil {
			return err
		}
		err = s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
			jobs := pageJobs(&p)
			if _, err := s.lockPlan(ctx, q, accountID); err != nil {
				return err
			}
			res, err := q.ExecContext(ctx, `DELETE FROM status_page WHERE id = $1 AND version = $2`, pageID, p.Version)
			if err := checkEdited(res, err); err != nil {
				return fmt.Errorf("delete the status page: %w", err)
			}
			if err := noteMaintenance(ctx, q, accountID); err != nil { // that of the page is gone
				return err
			}
			if err := s.releaseJobs(ctx, q, accountID, jobs); err != nil {
				return err
			}
			if err := changeDomains(ctx, q); err != nil { // the last lock: all accounts share it
				return err
			}
			for _, write := range then {
				if err := write(ctx, &p); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, errEdited) {
			return err
		}
	}
	return errKeepsChanging(cron.SubjectStatusPage)
}

// PagesOfJob lists the pages that a job is part of, by ID and title only.
func (s *Store) PagesOfJob(ctx context.Context, accountID, jobID int64) ([]statuspage.Page, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the pages of a job", func(scan scanner, p *statuspage.Page) error { return scan(&p.ID, &p.Title) },
		`SELECT id, title FROM status_page WHERE account_id = $1 AND id IN (SELECT status_component.page_id FROM status_component
		JOIN status_component_job ON component_id = status_component.id WHERE job_id = $2) ORDER BY id`, accountID, jobID)
}

// errMonitorJob says that a job cannot be deleted, and which pages it is part of.
func (s *Store) errMonitorJob(ctx context.Context, accountID, jobID int64) error {
	pages, err := s.PagesOfJob(ctx, accountID, jobID)
	if err != nil {
		return err
	}
	titles := make([]string, len(pages))
	for i := range pages {
		titles[i] = pages[i].Title
	}
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectJob,
		Problems: []cron.Problem{{Rule: cron.RuleMonitorJob, Given: strings.Join(titles, ", ")}}}
}

// pageJobs lists the jobs of all components of a page, in order.
func pageJobs(p *statuspage.Page) (ids []int64) {
	for i := range p.Components {
		ids = append(ids, p.Components[i].JobIDs...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// StatusLogo reads the logo of a page, as PNG: the one for dark colours, or the other one.
func (s *Store) StatusLogo(ctx context.Context, accountID, pageID int64, dark bool) (picture []byte, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT picture FROM status_logo JOIN status_page ON status_page.id = page_id
		WHERE account_id = $1 AND page_id = $2 AND dark = $3`, accountID, pageID, dark).Scan(&picture)
	return picture, oneRow(err, cron.SubjectLogo)
}

// SetStatusLogo gives a page a logo as PNG, or takes it off when picture is nil. The transaction also runs then, with the page.
func (s *Store) SetStatusLogo(ctx context.Context, accountID, pageID int64, dark bool, picture []byte,
	then ...func(ctx context.Context, p *statuspage.Page) error) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		p := statuspage.Page{ID: pageID, AccountID: accountID}
		err := q.QueryRowContext(ctx, `UPDATE status_page SET revision = revision + 1 WHERE account_id = $1 AND id = $2 RETURNING title`,
			accountID, pageID).Scan(&p.Title)
		if err != nil {
			return oneRow(err, cron.SubjectStatusPage)
		}
		if picture == nil {
			res, err := q.ExecContext(ctx, `DELETE FROM status_logo WHERE page_id = $1 AND dark = $2`, pageID, dark)
			if err := changedOne(res, err, cron.SubjectLogo); err != nil {
				return err
			}
		} else if _, err := q.ExecContext(ctx, `INSERT INTO status_logo (page_id, dark, picture) VALUES ($1, $2, $3)
			ON CONFLICT (page_id, dark) DO UPDATE SET picture = excluded.picture`, pageID, dark, picture); err != nil {
			return fmt.Errorf("write the logo: %w", err)
		}
		for _, write := range then {
			if err := write(ctx, &p); err != nil {
				return err
			}
		}
		return nil
	})
}
