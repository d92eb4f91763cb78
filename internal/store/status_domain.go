package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Domains of status pages. Of the accounts that ask for a host, the one whose row has held_at holds it, which an index makes unique. Nodes
// keep all that are held in memory, and read them again when the number in status_domain_set has grown: so what strangers ask for by other
// names costs no query. A change of what is held locks the pages concerned by their IDs, then that number.

func statusDomainColumns(d *statuspage.Domain) columns {
	return func(list *columnList) {
		list.add("id", integer(&d.ID))
		list.add("account_id", integer(&d.AccountID))
		list.add("page_id", integer(&d.PageID))
		list.add("host", text(&d.Host))
		list.add("held_at", moment(&d.Held))
		list.add("missing_at", moment(&d.Missing))
		list.add("checked_at", moment(&d.Checked))
		list.add("fault", integer(&d.Fault))
		list.add("created_at", moment(&d.Created))
		list.add("created_by", text(&d.CreatedBy))
	}
}

var statusDomainNames = names("status_domain", statusDomainColumns(new(statuspage.Domain)))

func scanStatusDomain(scan scanner, d *statuspage.Domain) error {
	return scan(targets(statusDomainColumns(d))...)
}

// StatusDomains lists the domains of a page of an account, the oldest first. The error is of kind NotFound when there is no such page.
func (s *Store) StatusDomains(ctx context.Context, accountID, pageID int64) ([]statuspage.Domain, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkPage(ctx, s.read, accountID, pageID, ""); err != nil {
		return nil, err
	}
	return collect(ctx, s.read, "list the domains of a status page", scanStatusDomain,
		`SELECT `+statusDomainNames+` FROM status_domain WHERE page_id = $1 ORDER BY id`, pageID)
}

// StatusDomain reads a domain of a page of an account.
func (s *Store) StatusDomain(ctx context.Context, accountID, pageID, domainID int64) (d statuspage.Domain, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return d, err
	}
	defer leave()
	err = scanStatusDomain(s.read.QueryRowContext(ctx, `SELECT `+statusDomainNames+` FROM status_domain
		WHERE id = $1 AND page_id = $2 AND account_id = $3`, domainID, pageID, accountID).Scan, &d)
	return d, oneRow(err, cron.SubjectDomain)
}

const countStatusDomains = `SELECT count(*) FROM status_domain WHERE account_id = $1`

// CreateStatusDomain adds a domain that the account does not hold yet, and sets its ID. Its first check is due a minute later, if nobody asks
// for one. The error is of kind TooMany when the plan allows no further domain, and Conflict when the account has the host.
func (s *Store) CreateStatusDomain(ctx context.Context, d *statuspage.Domain) error {
	return s.transact(ctx, ofAccount(d.AccountID), func(ctx context.Context, q queryer) error {
		plan, err := s.lockPlan(ctx, q, d.AccountID)
		if err != nil {
			return err
		}
		if err := checkPage(ctx, q, d.AccountID, d.PageID, s.engine.lock(forUpdate)); err != nil {
			return err
		}
		if err := checkRoom(ctx, q, countStatusDomains, d.AccountID, plan.MaxStatusDomains, cron.SubjectDomain); err != nil {
			return err
		}
		d.Created = s.stamp()
		err = q.QueryRowContext(ctx, `INSERT INTO status_domain (account_id, page_id, host, due_at, created_at, created_by)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, host) DO NOTHING RETURNING id`,
			d.AccountID, d.PageID, d.Host, millis(d.Created.Add(time.Minute)), millis(d.Created), d.CreatedBy).Scan(&d.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectDomain}
		}
		if err != nil {
			return fmt.Errorf("add the domain: %w", err)
		}
		return nil
	})
}

// DeleteStatusDomain removes a domain from a page.
func (s *Store) DeleteStatusDomain(ctx context.Context, accountID, pageID, domainID int64) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		if err := checkPage(ctx, q, accountID, pageID, s.engine.lock(forUpdate)); err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `DELETE FROM status_domain WHERE id = $1 AND page_id = $2`, domainID, pageID)
		if err := changedOne(res, err, cron.SubjectDomain); err != nil {
			return err
		}
		return showDomains(ctx, q, pageID)
	})
}

// showDomains notes that other domains lead to some pages, for visitors and for nodes.
func showDomains(ctx context.Context, q queryer, pages ...int64) error {
	for _, id := range pages {
		if _, err := q.ExecContext(ctx, `UPDATE status_page SET revision = revision + 1 WHERE id = $1`, id); err != nil {
			return fmt.Errorf("raise the revision of the page: %w", err)
		}
	}
	return changeDomains(ctx, q)
}

// changeDomains notes that nodes have to read the domains again.
func changeDomains(ctx context.Context, q queryer) error {
	if _, err := q.ExecContext(ctx, `UPDATE status_domain_set SET revision = revision + 1`); err != nil {
		return fmt.Errorf("note that the domains changed: %w", err)
	}
	return nil
}

// domainLease is how long a claimed check may take before another node does it.
const domainLease = 2 * time.Minute

// ClaimStatusDomains takes domains whose check is due, at most so many.
func (s *Store) ClaimStatusDomains(ctx context.Context, most int) (list []statuspage.Domain, err error) {
	ctx = upkeep.with(ctx)
	now := s.Now()
	var due bool
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM status_domain WHERE due_at <> 0 AND due_at <= $1)`, millis(now)).Scan(&due)
	if err != nil || !due {
		return nil, err
	}
	err = s.transact(ctx, upkeep, func(ctx context.Context, q queryer) (err error) {
		list, err = collect(ctx, q, "find domains to check", scanStatusDomain, `SELECT `+statusDomainNames+` FROM status_domain
			WHERE due_at <> 0 AND due_at <= $1 ORDER BY due_at LIMIT $2`+s.engine.lock(skipLocked), millis(now), most)
		if err != nil {
			return err
		}
		for i := range list {
			if _, err := q.ExecContext(ctx, `UPDATE status_domain SET due_at = $2 WHERE id = $1`, list[i].ID, millis(now.Add(domainLease))); err != nil {
				return fmt.Errorf("claim the check of a domain: %w", err)
			}
		}
		return nil
	})
	return list, err
}

// DomainSettling works out what a check makes of a domain. rival is another account that holds the host; 0 for none.
type DomainSettling func(d statuspage.Domain, rival int64) (after statuspage.Domain, due time.Time)

// DomainSettled is told what became of a domain, within the transaction. rival is the row that held the host before; its ID is 0 for none.
type DomainSettled func(ctx context.Context, before, after, rival statuspage.Domain) error

// SettleStatusDomain writes what a check of a domain found. An account that loses the host is told by the fault. The transaction also runs
// then. The error is of kind NotFound when the domain is gone.
func (s *Store) SettleStatusDomain(ctx context.Context, d statuspage.Domain, settle DomainSettling,
	then ...DomainSettled) (after statuspage.Domain, err error) {
	for range editTries {
		err = s.transact(ctx, ofAccount(d.AccountID), func(ctx context.Context, q queryer) error {
			before, rival, err := s.lockDomain(ctx, q, &d)
			if err != nil {
				return err
			}
			var due time.Time
			after, due = settle(before, rival.AccountID)
			if err := saveDomain(ctx, q, &before, &after, due, &rival); err != nil {
				return err
			}
			for _, write := range then {
				if err := write(ctx, before, after, rival); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, errEdited) {
			return after, err
		}
	}
	return after, errKeepsChanging(cron.SubjectDomain)
}

// lockDomain reads a domain, and the row of another account that holds the host; its ID is 0 when there is none. Until the end of the
// transaction nobody else changes what is held.
func (s *Store) lockDomain(ctx context.Context, q queryer, d *statuspage.Domain) (now, rival statuspage.Domain, err error) {
	const holder = ` FROM status_domain WHERE host = $1 AND held_at <> 0`
	pages, err := collect(ctx, q, "find the holder of a domain", single[int64], `SELECT page_id`+holder, d.Host)
	if err != nil {
		return now, rival, err
	}
	pages = append(pages, d.PageID)
	slices.Sort(pages)
	for _, id := range slices.Compact(pages) {
		if _, err := collect(ctx, q, "lock the page of a domain", single[int64], `SELECT id FROM status_page WHERE id = $1`+s.engine.lock(forUpdate), id); err != nil {
			return now, rival, err
		}
	}
	var revision int64
	if err := q.QueryRowContext(ctx, `SELECT revision FROM status_domain_set`+s.engine.lock(forUpdate)).Scan(&revision); err != nil {
		return now, rival, fmt.Errorf("lock what is held: %w", err)
	}
	err = scanStatusDomain(q.QueryRowContext(ctx, `SELECT `+statusDomainNames+` FROM status_domain WHERE id = $1`, d.ID).Scan, &now)
	if err != nil {
		return now, rival, oneRow(err, cron.SubjectDomain)
	}
	err = scanStatusDomain(q.QueryRowContext(ctx, `SELECT `+statusDomainNames+holder+` AND id <> $2`, d.Host, d.ID).Scan, &rival)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return now, rival, nil
	case err != nil:
		return now, rival, fmt.Errorf("read the holder of a domain: %w", err)
	case !slices.Contains(pages, rival.PageID):
		return now, rival, errEdited // it became the holder meanwhile
	}
	return now, rival, nil
}

func saveDomain(ctx context.Context, q queryer, before, after *statuspage.Domain, due time.Time, rival *statuspage.Domain) error {
	gained := before.Held.IsZero() && !after.Held.IsZero()
	if gained && rival.ID != 0 {
		_, err := q.ExecContext(ctx, `UPDATE status_domain SET held_at = 0, missing_at = 0, fault = $2, checked_at = $3 WHERE id = $1`,
			rival.ID, int(statuspage.DomainTaken), millis(after.Checked))
		if err != nil {
			return fmt.Errorf("take the domain from its holder: %w", err)
		}
	}
	_, err := q.ExecContext(ctx, `UPDATE status_domain SET held_at = $2, missing_at = $3, checked_at = $4, fault = $5, due_at = $6 WHERE id = $1`,
		before.ID, millis(after.Held), millis(after.Missing), millis(after.Checked), int(after.Fault), millis(due))
	if err != nil {
		return fmt.Errorf("write the check of the domain: %w", err)
	}
	if before.Held.IsZero() == after.Held.IsZero() && before.Fault == after.Fault {
		return nil
	}
	pages := []int64{before.PageID}
	if gained && rival.ID != 0 && rival.PageID != before.PageID {
		pages = append(pages, rival.PageID)
	}
	return showDomains(ctx, q, pages...)
}

// DomainsRevision is a number that grows with each change of HeldDomains.
func (s *Store) DomainsRevision(ctx context.Context) (revision int64, err error) {
	if there, ok := s.polled(ctx); ok {
		return there.domains, nil
	}
	err = s.read.QueryRowContext(upkeep.with(ctx), domainsQuery).Scan(&revision)
	if err != nil {
		return 0, fmt.Errorf("find out whether the domains changed: %w", err)
	}
	return revision, nil
}

const domainsQuery = `SELECT revision FROM status_domain_set`

// HeldDomains lists all domains that accounts hold which are not disabled.
func (s *Store) HeldDomains(ctx context.Context) ([]statuspage.HeldDomain, error) {
	return collect(upkeep.with(ctx), s.read, "list the domains of status pages", scanHeldDomain, heldDomains)
}

const heldDomains = `SELECT host, page_id, account_id, (SELECT slug FROM status_page WHERE status_page.id = status_domain.page_id) FROM status_domain
	WHERE held_at <> 0 AND NOT (SELECT disabled FROM account WHERE account.id = status_domain.account_id)`

func scanHeldDomain(scan scanner, d *statuspage.HeldDomain) error {
	return scan(text(&d.Host), integer(&d.PageID), integer(&d.AccountID), text(&d.Slug))
}

// HeldDomain finds a host among HeldDomains. The error is of kind NotFound when it is not one of them.
func (s *Store) HeldDomain(ctx context.Context, host string) (d statuspage.HeldDomain, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return d, err
	}
	defer leave()
	err = scanHeldDomain(s.read.QueryRowContext(ctx, heldDomains+` AND status_domain.host = $1`, host).Scan, &d)
	return d, oneRow(err, cron.SubjectDomain)
}

// CanonicalDomain is the first domain of a page that leads to the service; "" for none.
func (s *Store) CanonicalDomain(ctx context.Context, pageID int64) (host string, err error) {
	ctx, leave, err := s.enter(ctx, 0)
	if err != nil {
		return "", err
	}
	defer leave()
	err = s.read.QueryRowContext(ctx, `SELECT host FROM status_domain WHERE page_id = $1 AND held_at <> 0 AND fault NOT IN ($2, $3) ORDER BY id LIMIT 1`,
		pageID, int(statuspage.DomainNoAddress), int(statuspage.DomainAddress)).Scan(&host)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("find the domain of a status page: %w", err)
	}
	return host, nil
}
