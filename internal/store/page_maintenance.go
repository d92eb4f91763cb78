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

// A maintenance of a status page is a row of maintenance, as a window of the account is, with components instead of jobs: claims and notices ask
// both alike. What visitors see of it is the layer of maintenance of its components. ShowMaintenance writes a transition there at
// each start and end:
//
//	maintenance.shown_at   until when the spans of the plan are in the layer; at an edit, that instant
//	maintenance.next_at    the first start or end after that; 0 for none
//	maintenance.remind_at  when subscribers are reminded of a span that is to come; 0 for never
//
// A transition has the time of the start or end, however late it is written.

// maintenanceText is the column of maintenance that only plans of pages have.
func maintenanceText(to *string) columns {
	return func(list *columnList) { list.add("body", text(to)) }
}

// maintenanceShown is the columns of maintenance about the layers of the components.
func maintenanceShown(p *shownPlan) columns {
	return func(list *columnList) {
		list.add("shown_at", moment(&p.shown))
		list.add("next_at", moment(&p.next))
		list.add("remind_at", moment(&p.remind))
	}
}

var (
	planNames  = maintenanceNames + ", " + names("", maintenanceText(new(string)), maintenanceShown(new(shownPlan)))
	planInsert = insertRow("maintenance", func(list *columnList) {
		for _, name := range []string{"account_id", "created_at", "page_id", "component_ids"} {
			list.add(name, nil)
		}
		planWritten(new(cron.MaintenanceWindow), new(shownPlan), new(maintenanceSpan))(list)
	})
	planUpdate = updateRow("maintenance", func(list *columnList) {
		list.add("component_ids", nil)
		planWritten(new(cron.MaintenanceWindow), new(shownPlan), new(maintenanceSpan))(list)
	})
	planShown = updateRow("maintenance", maintenanceShown(new(shownPlan)))
)

// planWritten is the columns that an edit writes beside the components.
func planWritten(w *cron.MaintenanceWindow, p *shownPlan, span *maintenanceSpan) columns {
	return func(list *columnList) {
		maintenanceDefinition(w)(list)
		maintenanceText(&p.Text)(list)
		span.columns(list)
		maintenanceShown(p)(list)
	}
}

// shownPlan is a plan and how far it is shown.
type shownPlan struct {
	statuspage.Plan
	shown, next, remind time.Time
}

// showUntil notes that the plan is shown until an instant.
func (p *shownPlan) showUntil(at time.Time) {
	p.shown, p.next = at, time.Time{}
	if next, ok := p.Boundary(at); ok {
		p.next = next
	}
}

// written is the columns of the plan as planWritten lists them.
func (p *shownPlan) written() columns {
	w := p.Window()
	w.Effect = cron.MaintenanceEffect(p.Effect) - 1
	w.Updated, w.UpdatedBy = p.Updated, p.UpdatedBy
	return planWritten(&w, p, spanOf(&w, p.shown))
}

func scanPlan(scan scanner, p *shownPlan) error {
	var w cron.MaintenanceWindow
	err := scan(targets(maintenanceKey(&w), maintenanceDefinition(&w), maintenanceText(&p.Text), maintenanceShown(p))...)
	p.Plan = statuspage.Plan{
		ID: w.ID, PageID: w.PageID, AccountID: w.AccountID, Title: w.Title, Text: p.Text, Effect: statuspage.Effect(w.Effect + 1), ComponentIDs: w.ComponentIDs,
		Start: w.Start, End: w.End, Schedule: w.Schedule, Duration: w.Duration, Created: w.Created, Updated: w.Updated, UpdatedBy: w.UpdatedBy,
	}
	return err
}

// StatusPlans lists the maintenances of a page of an account by their numbers, those that are over too.
func (s *Store) StatusPlans(ctx context.Context, accountID, pageID int64) ([]statuspage.Plan, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkPage(ctx, s.read, accountID, pageID, ""); err != nil {
		return nil, err
	}
	list, err := pagePlans(ctx, s.read, pageID)
	plans := make([]statuspage.Plan, len(list))
	for n := range list {
		plans[n] = list[n].Plan
	}
	return plans, err
}

func pagePlans(ctx context.Context, q queryer, pageID int64) ([]shownPlan, error) {
	return collect(ctx, q, "list the maintenances of the page", scanPlan, `SELECT `+planNames+` FROM maintenance WHERE page_id = $1 ORDER BY id`, pageID)
}

// StatusPlan reads a maintenance of a page of an account.
func (s *Store) StatusPlan(ctx context.Context, accountID, pageID, planID int64) (statuspage.Plan, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return statuspage.Plan{}, err
	}
	defer leave()
	p, err := s.plannedOn(ctx, s.read, accountID, pageID, planID)
	return p.Plan, err
}

func (s *Store) plannedOn(ctx context.Context, q queryer, accountID, pageID, planID int64) (p shownPlan, err error) {
	err = scanPlan(q.QueryRowContext(ctx, `SELECT `+planNames+` FROM maintenance WHERE id = $1 AND page_id = $2 AND account_id = $3`,
		planID, pageID, accountID).Scan, &p)
	return p, oneRow(err, cron.SubjectPageMaintenance)
}

// changePlans runs a change of the maintenances of a page, with the components that the page has. It returns the components whose layer may
// change.
func (s *Store) changePlans(ctx context.Context, accountID, pageID int64,
	change func(ctx context.Context, q queryer, components []int64) (changed []int64, err error)) error {
	return s.changeMaintenance(ctx, accountID, func(ctx context.Context, q queryer) error {
		return s.changeShown(ctx, accountID, pageID, func(ctx context.Context, q queryer, components []int64) error {
			changed, err := change(ctx, q, components)
			if err != nil {
				return err
			}
			plans, err := pagePlans(ctx, q, pageID)
			if err != nil {
				return err
			}
			return s.showPlans(ctx, q, pageID, plans, changed, s.stamp())
		})
	})
}

// showPlans writes whether some components are in maintenance from an instant on, if they are on the page.
func (s *Store) showPlans(ctx context.Context, q queryer, pageID int64, plans []shownPlan, components []int64, at time.Time) error {
	lists := make(map[int64][]statuspage.Transition, len(components))
	for _, id := range components {
		t := statuspage.Transition{At: at, Clear: true}
		if inMaintenance(plans, id, at) {
			t.State, t.Clear = statuspage.Maintenance, false
		}
		lists[id] = []statuspage.Transition{t}
	}
	return s.setLayers(ctx, q, pageID, statuspage.LayerMaintenance, at, lists)
}

func inMaintenance(plans []shownPlan, componentID int64, at time.Time) bool {
	return slices.ContainsFunc(plans, func(p shownPlan) bool { return slices.Contains(p.ComponentIDs, componentID) && p.InProgress(at) })
}

// CreateStatusPlan adds a maintenance of a page that check accepts, by the components of the page, and sets its ID. At
// statuspage.MaxMaintenances it takes the place of the one that has been over for the longest time. The error is of kind TooMany when none is.
func (s *Store) CreateStatusPlan(ctx context.Context, p *statuspage.Plan, check func(components []int64) error) error {
	return s.changePlans(ctx, p.AccountID, p.PageID, func(ctx context.Context, q queryer, components []int64) ([]int64, error) {
		if err := check(components); err != nil {
			return nil, err
		}
		err := replaceOldest(ctx, q, p.AccountID, "page_id IS NOT NULL", statuspage.MaxMaintenances, cron.SubjectPageMaintenance)
		if err != nil {
			return nil, err
		}
		p.Created = s.stamp()
		p.Updated = p.Created
		row := shownPlan{Plan: *p}
		row.showUntil(p.Created)
		row.remind = p.Reminder(p.Created)
		err = q.QueryRowContext(ctx, planInsert, values([]any{p.AccountID, millis(p.Created), p.PageID, idsField{&p.ComponentIDs}.value()},
			row.written())...).Scan(&p.ID)
		if err != nil {
			return nil, fmt.Errorf("plan the maintenance: %w", err)
		}
		return p.ComponentIDs, s.announcePlan(ctx, q, p, p.Created)
	})
}

// UpdateStatusPlan reads a maintenance of a page, lets change edit it, by the components of the page, and writes it. change does no more than
// that, and may run more than once; its error changes nothing and is returned as it is.
func (s *Store) UpdateStatusPlan(ctx context.Context, accountID, pageID, planID int64, change func(p *statuspage.Plan, components []int64) error) error {
	return s.changePlans(ctx, accountID, pageID, func(ctx context.Context, q queryer, components []int64) ([]int64, error) {
		p, err := s.plannedOn(ctx, q, accountID, pageID, planID)
		if err != nil {
			return nil, err
		}
		touched := slices.Clone(p.ComponentIDs)
		if err := change(&p.Plan, components); err != nil {
			return nil, err
		}
		p.Updated = s.stamp()
		p.showUntil(p.Updated)
		p.remind = p.Reminder(p.Updated)
		_, err = q.ExecContext(ctx, planUpdate, values([]any{planID, idsField{&p.ComponentIDs}.value()}, p.written())...)
		if err != nil {
			return nil, fmt.Errorf("change the maintenance: %w", err)
		}
		touched = append(touched, p.ComponentIDs...)
		slices.Sort(touched)
		return slices.Compact(touched), nil
	})
}

// DeleteStatusPlan removes a maintenance of a page. One that is in progress ends.
func (s *Store) DeleteStatusPlan(ctx context.Context, accountID, pageID, planID int64) error {
	return s.changePlans(ctx, accountID, pageID, func(ctx context.Context, q queryer, _ []int64) ([]int64, error) {
		p, err := s.plannedOn(ctx, q, accountID, pageID, planID)
		if err != nil {
			return nil, err
		}
		if _, err := q.ExecContext(ctx, `DELETE FROM maintenance WHERE id = $1`, planID); err != nil {
			return nil, fmt.Errorf("delete the maintenance: %w", err)
		}
		return p.ComponentIDs, s.withdrawPlan(ctx, q, &p.Plan, s.stamp())
	})
}

// newZones is next_at of maintenances that resetMaintenance has marked: by other time zone data, another instant is next.
var newZones = instant(1)

// shownChunk is how many starts and ends one step of ShowMaintenance writes.
const shownChunk = 20

// AnyStatusPage tells whether any account has a status page.
func (s *Store) AnyStatusPage(ctx context.Context) (is bool, err error) {
	if there, ok := s.polled(ctx); ok {
		return there.pages, nil
	}
	err = s.read.QueryRowContext(upkeep.with(ctx), `SELECT `+anyPageQuery).Scan(flag(&is))
	if err != nil {
		return false, fmt.Errorf("look for status pages: %w", databaseError(err))
	}
	return is, nil
}

const anyPageQuery = `EXISTS (SELECT 1 FROM status_page WHERE id > 0)`

// ShowMaintenance writes the starts and ends of maintenances of one page that have passed into the layers of its components, and has
// subscribers told of them. more asks for another step soon.
func (s *Store) ShowMaintenance(ctx context.Context) (more bool, err error) {
	ctx = upkeep.with(ctx)
	var account, page int64
	for _, due := range [...]string{"next_at", "remind_at"} {
		err = s.read.QueryRowContext(ctx, `SELECT account_id, page_id FROM maintenance WHERE `+due+` <> 0 AND `+due+` <= $1 ORDER BY `+due+` LIMIT 1`,
			millis(s.Now())).Scan(&account, &page)
		if !errors.Is(err, sql.ErrNoRows) {
			break
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = s.writeJobs(ctx, account, func(ctx context.Context, q queryer) error {
			return s.changeShown(ctx, account, page, func(ctx context.Context, q queryer, _ []int64) error {
				return s.showPassed(ctx, q, page)
			})
		})
	}
	if cron.KindOf(err) == cron.NotFound {
		return true, nil // the page was deleted meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("show the maintenance of a status page: %w", err)
	}
	return true, nil
}

// showPassed is a step of ShowMaintenance in the transaction that has locked the page.
func (s *Store) showPassed(ctx context.Context, q queryer, pageID int64) error {
	plans, err := pagePlans(ctx, q, pageID)
	if err != nil {
		return err
	}
	now, changed := s.stamp(), make(map[int64]bool)
	for n := range plans {
		if p := &plans[n]; p.next.Equal(newZones) {
			p.showUntil(p.shown)
			changed[p.ID] = true
		}
		due, err := s.remindOf(ctx, q, &plans[n], now)
		if err != nil {
			return err
		}
		changed[plans[n].ID] = changed[plans[n].ID] || due
	}
	for range shownChunk {
		var first *shownPlan
		for n := range plans {
			if p := &plans[n]; !p.next.IsZero() && !p.next.After(now) && (first == nil || p.next.Before(first.next)) {
				first = p
			}
		}
		if first == nil {
			break
		}
		if err := s.showPlans(ctx, q, pageID, plans, first.ComponentIDs, first.next); err != nil {
			return err
		}
		if err := s.tellBoundary(ctx, q, &first.Plan, first.next, now); err != nil {
			return err
		}
		first.showUntil(first.next)
		changed[first.ID] = true
	}
	for n := range plans {
		if p := &plans[n]; changed[p.ID] {
			if _, err := q.ExecContext(ctx, planShown, values([]any{p.ID}, maintenanceShown(p))...); err != nil {
				return fmt.Errorf("note what is shown of a maintenance: %w", err)
			}
		}
	}
	return nil
}
