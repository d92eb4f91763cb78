package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// statusComponentColumns is the columns of status_component that people set.
func statusComponentColumns(of *statuspage.Component, position *int) columns {
	return func(list *columnList) {
		list.add("position", integer(position))
		list.add("page_group", text(&of.Group))
		list.add("title", text(&of.Title))
		list.add("body", text(&of.Text))
		list.add("needed", integer(&of.Needed))
		ruleColumns(&of.Rule)(list)
		list.add("automatic_minutes", durationField{&of.Automatic, time.Minute})
		list.add("publish_automatic", flag(&of.PublishAutomatic))
	}
}

// ruleColumns is the columns of status_component of its rule.
func ruleColumns(r *statuspage.Rule) columns {
	return func(list *columnList) {
		list.add("rule_failures", integer(&r.Failures))
		list.add("rule_of", integer(&r.Of))
		list.add("rule_successes", integer(&r.Successes))
		list.add("rule_slow_ms", durationField{&r.SlowAfter, time.Millisecond})
		list.add("rule_percent", integer(&r.Percent))
	}
}

var (
	statusComponentNames  = `id, page_id, ` + names("", statusComponentColumns(new(statuspage.Component), new(int))) + `, state, since, layers, hand_by`
	statusComponentInsert = insertRow("status_component", func(list *columnList) {
		list.add("page_id", nil)
		list.add("account_id", nil)
		statusComponentColumns(new(statuspage.Component), new(int))(list)
	})
	statusComponentUpdate = updateRow("status_component", statusComponentColumns(new(statuspage.Component), new(int)))
)

func scanStatusComponent(scan scanner, of *statuspage.Component) error {
	var (
		position   int
		layers, by string
		first      = []any{integer(&of.ID), integer(&of.PageID)}
	)
	err := scan(append(append(first, targets(statusComponentColumns(of, &position))...), integer(&of.State), moment(&of.Since), &layers, &by)...)
	if err != nil || layers == "" {
		return err
	}
	var row layersRow
	if err := json.Unmarshal([]byte(layers), &row); err != nil {
		return fmt.Errorf("decode the layers: %w", err)
	}
	if hand := row.Latest[statuspage.LayerHand]; hand.At != 0 && !hand.Clear {
		of.Hand = &statuspage.Hand{State: hand.State, Set: instant(hand.At), By: by}
	}
	return nil
}

// SetComponentState gives a component of a page a state by hand, until it is released with nil. The transaction also runs then, with the
// page, of which there is only the title, and the component. The error is of kind NotFound when the account has no such page, or the page
// no such component.
func (s *Store) SetComponentState(ctx context.Context, accountID, pageID, componentID int64, state *statuspage.State, by string,
	then ...func(ctx context.Context, p *statuspage.Page, of *statuspage.Component) error) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		p, of := statuspage.Page{ID: pageID, AccountID: accountID}, statuspage.Component{ID: componentID, PageID: pageID}
		err := q.QueryRowContext(ctx, `SELECT title FROM status_page WHERE id = $1 AND account_id = $2`+s.engine.lock(forUpdate),
			pageID, accountID).Scan(&p.Title)
		if err != nil {
			return oneRow(err, cron.SubjectStatusPage)
		}
		if state == nil {
			by = ""
		}
		err = q.QueryRowContext(ctx, `UPDATE status_component SET hand_by = $3 WHERE id = $1 AND page_id = $2 RETURNING title`,
			componentID, pageID, by).Scan(&of.Title)
		if err != nil {
			return oneRow(err, cron.SubjectComponent)
		}
		now := s.stamp()
		t := statuspage.Transition{At: now, Clear: state == nil}
		if state != nil {
			t.State = *state
		}
		if err := s.setLayers(ctx, q, pageID, statuspage.LayerHand, now, map[int64][]statuspage.Transition{componentID: {t}}); err != nil {
			return err
		}
		for _, write := range then {
			if err := write(ctx, &p, &of); err != nil {
				return err
			}
		}
		return nil
	})
}

// addComponents reads the components of pages, in order, with their jobs.
func (s *Store) addComponents(ctx context.Context, q queryer, pages []statuspage.Page) error {
	ids, at := make([]int64, len(pages)), make(map[int64]*statuspage.Page, len(pages))
	for i := range pages {
		ids[i], at[pages[i].ID] = pages[i].ID, &pages[i]
	}
	if len(ids) == 0 {
		return nil
	}
	err := each(ctx, q, "list the components", func(scan scanner) error {
		var of statuspage.Component
		if err := scanStatusComponent(scan, &of); err != nil {
			return err
		}
		p := at[of.PageID]
		p.Components = append(p.Components, of)
		return nil
	}, `SELECT `+statusComponentNames+` FROM status_component WHERE `+s.engine.in("page_id", 1)+` ORDER BY page_id, position, id`,
		s.engine.list(ids))
	if err != nil {
		return err
	}
	components := make(map[int64]*statuspage.Component)
	for i := range pages {
		for j := range pages[i].Components {
			components[pages[i].Components[j].ID] = &pages[i].Components[j]
		}
	}
	return each(ctx, q, "list the jobs of components", func(scan scanner) error {
		var id, job int64
		if err := scan(&id, &job); err != nil {
			return err
		}
		if of := components[id]; of != nil {
			of.JobIDs = append(of.JobIDs, job)
		}
		return nil
	}, `SELECT component_id, job_id FROM status_component_job WHERE component_id IN
		(SELECT id FROM status_component WHERE `+s.engine.in("page_id", 1)+`) ORDER BY component_id, job_id`, s.engine.list(ids))
}

// newComponents notes which components of a page have no ID yet. What it returns takes IDs from them again that a transaction has given,
// since a transaction may run more than once.
func newComponents(p *statuspage.Page) (renew func()) {
	var places []int
	for i := range p.Components {
		if p.Components[i].ID == 0 {
			places = append(places, i)
		}
	}
	return func() {
		for _, i := range places {
			p.Components[i].ID = 0
		}
	}
}

// saveComponents writes the components of a page that was created or changed, sets the IDs of new ones, and makes the jobs that come
// jobs of a monitor, and those that go jobs like others.
func (s *Store) saveComponents(ctx context.Context, q queryer, before, after *statuspage.Page) error {
	former := make(map[int64]*statuspage.Component, len(before.Components))
	places := make(map[int64]int, len(before.Components))
	for i := range before.Components {
		former[before.Components[i].ID], places[before.Components[i].ID] = &before.Components[i], i
	}
	if err := s.takeJobs(ctx, q, after, without(pageJobs(after), pageJobs(before))); err != nil {
		return err
	}
	var gone []int64
	for id := range former {
		if !slices.ContainsFunc(after.Components, func(of statuspage.Component) bool { return of.ID == id }) {
			gone = append(gone, id)
		}
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		_, err := q.ExecContext(ctx, `DELETE FROM status_component WHERE page_id = $1 AND `+s.engine.in("id", 2), after.ID, s.engine.list(gone))
		if err != nil {
			return fmt.Errorf("delete components: %w", err)
		}
	}
	for i := range after.Components {
		of := &after.Components[i]
		of.PageID = after.ID
		was := former[of.ID]
		switch {
		case of.ID == 0:
			was = &statuspage.Component{}
			err := q.QueryRowContext(ctx, statusComponentInsert,
				values([]any{after.ID, after.AccountID}, statusComponentColumns(of, &i))...).Scan(&of.ID)
			if err != nil {
				return fmt.Errorf("add a component: %w", err)
			}
		case was == nil:
			return errUnknownComponent(i, of.ID)
		case places[of.ID] != i || !sameComponent(was, of):
			if _, err := q.ExecContext(ctx, statusComponentUpdate, values([]any{of.ID}, statusComponentColumns(of, &i))...); err != nil {
				return fmt.Errorf("change a component: %w", err)
			}
		}
		if err := s.saveComponentJobs(ctx, q, after.AccountID, of.ID, was.JobIDs, of.JobIDs); err != nil {
			return err
		}
	}
	return s.releaseJobs(ctx, q, after.AccountID, without(pageJobs(before), pageJobs(after)))
}

func errUnknownComponent(place int, id int64) error {
	return &cron.Error{Kind: cron.Invalid, Subject: cron.SubjectStatusPage, Problems: []cron.Problem{{
		Pointer: "/components/" + strconv.Itoa(place) + "/componentId", Rule: cron.RuleUnknownComponent, Given: strconv.FormatInt(id, 10)}}}
}

// sameComponent tells whether the columns of two components that people set are the same.
func sameComponent(a, b *statuspage.Component) bool {
	var place int
	return slices.Equal(values(nil, statusComponentColumns(a, &place)), values(nil, statusComponentColumns(b, &place)))
}

// without is the numbers of a list that are not in another one.
func without(list, other []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(list), func(id int64) bool { return slices.Contains(other, id) })
}

func (s *Store) saveComponentJobs(ctx context.Context, q queryer, accountID, componentID int64, before, after []int64) error {
	if gone := without(before, after); len(gone) > 0 {
		_, err := q.ExecContext(ctx, `DELETE FROM status_component_job WHERE component_id = $1 AND `+s.engine.in("job_id", 2),
			componentID, s.engine.list(gone))
		if err != nil {
			return fmt.Errorf("take jobs out of a component: %w", err)
		}
	}
	if added := without(after, before); len(added) > 0 {
		_, err := q.ExecContext(ctx, `INSERT INTO status_component_job (component_id, job_id, account_id)
			SELECT CAST($1 AS BIGINT), id, account_id FROM job WHERE account_id = $2 AND `+s.engine.in("id", 3),
			componentID, accountID, s.engine.list(added))
		if err != nil {
			return fmt.Errorf("add jobs to a component: %w", err)
		}
	}
	return nil
}

// lockJobs locks jobs of an account until the end of the transaction, so that they neither go nor change their type.
func (s *Store) lockJobs(ctx context.Context, q queryer, accountID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := collect(ctx, q, "lock the jobs of a page", single[int64], `SELECT id FROM job WHERE account_id = $1 AND `+
		s.engine.in("id", 2)+` ORDER BY id`+s.engine.lock(forUpdate), accountID, s.engine.list(ids))
	return err
}

// takeJobs makes jobs jobs of a monitor. The error is of kind Invalid, and points to the component, when the account lacks one.
func (s *Store) takeJobs(ctx context.Context, q queryer, p *statuspage.Page, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.lockJobs(ctx, q, p.AccountID, ids); err != nil {
		return err
	}
	known, err := collect(ctx, q, "make jobs jobs of a monitor", single[int64], `UPDATE job SET type = $3 WHERE account_id = $1 AND `+
		s.engine.in("id", 2)+` RETURNING id`, p.AccountID, s.engine.list(ids), int(cron.TypeMonitoring))
	if err != nil {
		return err
	}
	var c cron.Checker
	for i := range p.Components {
		for j, id := range p.Components[i].JobIDs {
			if slices.Contains(ids, id) && !slices.Contains(known, id) {
				c.Add(fmt.Sprintf("/components/%d/jobIds/%d", i, j), cron.Problem{Rule: cron.RuleUnknownJob, Given: strconv.FormatInt(id, 10)})
			}
		}
	}
	return c.Err()
}

// releaseJobs makes jobs that are no longer part of any page jobs like others, and forgets their latest results.
func (s *Store) releaseJobs(ctx context.Context, q queryer, accountID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.lockJobs(ctx, q, accountID, ids); err != nil {
		return err
	}
	free, err := collect(ctx, q, "make jobs jobs like others", single[int64], `UPDATE job SET type = $3 WHERE account_id = $1 AND `+
		s.engine.in("id", 2)+` AND NOT EXISTS (SELECT 1 FROM status_component_job WHERE job_id = job.id) RETURNING id`,
		accountID, s.engine.list(ids), int(cron.TypeDefault))
	if err != nil || len(free) == 0 {
		return err
	}
	for _, table := range []string{"monitor", "monitor_result"} {
		if _, err := q.ExecContext(ctx, `DELETE FROM `+table+` WHERE `+s.engine.in("job_id", 1), s.engine.list(free)); err != nil {
			return fmt.Errorf("forget the results of jobs: %w", err)
		}
	}
	return nil
}
