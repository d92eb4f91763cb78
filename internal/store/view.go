package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"punctual/internal/cron"
)

const selectViews = `SELECT id, title, filter, sort, descending FROM job_view WHERE account_id = $1 AND person_id = $2`

func scanView(scan scanner, v *cron.JobView) error {
	var filter string
	if err := scan(&v.ID, &v.Title, &filter, integer(&v.Sort), flag(&v.Descending)); err != nil {
		return err
	}
	return json.Unmarshal([]byte(filter), &v.Filter)
}

// Views lists the views of a person in an account by their titles.
func (s *Store) Views(ctx context.Context, accountID, personID int64) ([]cron.JobView, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return collect(ctx, s.read, "list the views", func(scan scanner, v *cron.JobView) error {
		v.AccountID, v.PersonID = accountID, personID
		return scanView(scan, v)
	}, selectViews+` ORDER BY title_key`, accountID, personID)
}

var errViewExists = &cron.Error{Kind: cron.Conflict, Subject: cron.SubjectView}

// CreateView adds a view and sets its ID. The error is of kind Conflict when the person has one of that title, and of kind
// TooMany when the person has cron.MaxJobViews in the account.
func (s *Store) CreateView(ctx context.Context, v *cron.JobView) error {
	filter, err := json.Marshal(&v.Filter)
	if err != nil {
		return fmt.Errorf("encode the filter: %w", err)
	}
	return s.transact(ctx, ofAccount(v.AccountID), func(ctx context.Context, q queryer) error {
		var n int
		err := q.QueryRowContext(ctx, `SELECT count(*) FROM job_view WHERE account_id = $1 AND person_id = $2`, v.AccountID, v.PersonID).Scan(&n)
		if err == nil && n >= cron.MaxJobViews {
			return &cron.Error{Kind: cron.TooMany, Subject: cron.SubjectView}
		}
		if err == nil {
			err = q.QueryRowContext(ctx, `INSERT INTO job_view (account_id, person_id, title, title_key, filter, sort, descending)
				VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, person_id, title_key) DO NOTHING RETURNING id`,
				v.AccountID, v.PersonID, v.Title, titleKey(v.Title), string(filter), int(v.Sort), v.Descending).Scan(&v.ID)
		}
		if errors.Is(err, sql.ErrNoRows) {
			return errViewExists
		}
		if err != nil {
			return fmt.Errorf("create the view: %w", err)
		}
		return nil
	})
}

// UpdateView reads a view of a person, lets change edit it, and writes it. change does no more than that, and may run more than
// once. The error is of kind Conflict when another view of the person has the title.
func (s *Store) UpdateView(ctx context.Context, accountID, personID, viewID int64, change func(*cron.JobView) error) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		v := cron.JobView{AccountID: accountID, PersonID: personID}
		err := scanView(q.QueryRowContext(ctx, selectViews+` AND id = $3`+s.engine.lock(forUpdate), accountID, personID, viewID).Scan, &v)
		if err != nil {
			return oneRow(err, cron.SubjectView)
		}
		if err := change(&v); err != nil {
			return err
		}
		filter, err := json.Marshal(&v.Filter)
		if err != nil {
			return fmt.Errorf("encode the filter: %w", err)
		}
		_, err = q.ExecContext(ctx, `UPDATE job_view SET title = $2, title_key = $3, filter = $4, sort = $5, descending = $6 WHERE id = $1`,
			viewID, v.Title, titleKey(v.Title), string(filter), int(v.Sort), v.Descending)
		if s.engine.duplicate(err) {
			return errViewExists
		}
		if err != nil {
			return fmt.Errorf("change the view: %w", err)
		}
		return nil
	})
}

// DeleteView removes a view of a person.
func (s *Store) DeleteView(ctx context.Context, accountID, personID, viewID int64) error {
	return s.transact(ctx, ofAccount(accountID), func(ctx context.Context, q queryer) error {
		res, err := q.ExecContext(ctx, `DELETE FROM job_view WHERE account_id = $1 AND person_id = $2 AND id = $3`, accountID, personID, viewID)
		return changedOne(res, err, cron.SubjectView)
	})
}
