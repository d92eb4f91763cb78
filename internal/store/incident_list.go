package store

import (
	"context"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// Incidents lists incidents of a page of an account, the latest start first, from behind the incident before on (0: all), with their updates: at
// most limit, and no more than take listedSize bytes, but one. more tells that there are others behind them.
func (s *Store) Incidents(ctx context.Context, accountID, pageID, before int64, limit int) (list []statuspage.Incident, more bool, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	if err := checkPage(ctx, s.read, accountID, pageID, ""); err != nil {
		return nil, false, err
	}
	started, id, err := s.placeOf(ctx, "", pageID, before)
	if err != nil {
		return nil, false, err
	}
	return s.wholeIncidents(ctx, pageID, started, id, limit)
}

// placeOf is the place of an incident of a page that a further condition selects; without an ID, the one before all.
func (s *Store) placeOf(ctx context.Context, and string, pageID, incidentID int64) (started, id int64, err error) {
	if incidentID == 0 {
		return largestID, largestID, nil
	}
	err = s.read.QueryRowContext(ctx, `SELECT started_at, id FROM incident WHERE id = $1 AND page_id = $2`+and, incidentID, pageID).Scan(&started, &id)
	return started, id, oneRow(err, cron.SubjectIncident)
}

// behind selects incidents behind a place, the latest start first.
const behind = ` AND (started_at < $2 OR started_at = $2 AND id < $3) ORDER BY started_at DESC, id DESC LIMIT $4`

// IncidentsBehind is Incidents from behind the place of an incident on, which may be gone; without an ID, from the start.
func (s *Store) IncidentsBehind(ctx context.Context, accountID, pageID int64, started time.Time, id int64, limit int) (
	list []statuspage.Incident, more bool, err error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	if err := checkPage(ctx, s.read, accountID, pageID, ""); err != nil {
		return nil, false, err
	}
	if id == 0 {
		return s.wholeIncidents(ctx, pageID, largestID, largestID, limit)
	}
	return s.wholeIncidents(ctx, pageID, millis(started), id, limit)
}

// listedSize is how many bytes the updates of a list of incidents may take.
const listedSize = 1 << 20

// wholeIncidents lists incidents of a page behind a place, as Incidents does.
func (s *Store) wholeIncidents(ctx context.Context, pageID, started, id int64, limit int) (list []statuspage.Incident, more bool, err error) {
	list, err = s.incidents(ctx, s.read, noUpdates, `page_id = $1`+behind, pageID, started, id, limit+1)
	if err != nil || len(list) == 0 {
		return nil, false, err
	}
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	sizes := make(map[int64]int64, len(list))
	err = each(ctx, s.read, "measure the updates of the incidents", func(scan scanner) error {
		var id, size int64
		err := scan(&id, &size)
		sizes[id] = size
		return err
	}, `SELECT incident_id, sum(octet_length(body) + octet_length(impacts)) FROM incident_update WHERE `+s.engine.in("incident_id", 1)+` GROUP BY incident_id`,
		s.engine.list(incidentIDs(list)))
	if err != nil {
		return nil, false, err
	}
	total := int64(0)
	for n := range list {
		if total += sizes[list[n].ID]; n > 0 && total > listedSize {
			list, more = list[:n], true
			break
		}
	}
	return list, more, s.addUpdates(ctx, s.read, wholeTexts, list)
}

// OpenIncidents lists the incidents of a page of an account that are not resolved, drafts too, the latest start first, without their updates.
func (s *Store) OpenIncidents(ctx context.Context, accountID, pageID int64) ([]statuspage.Incident, error) {
	ctx, leave, err := s.enter(ctx, accountID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkPage(ctx, s.read, accountID, pageID, ""); err != nil {
		return nil, err
	}
	return s.incidents(ctx, s.read, noUpdates, `page_id = $1 AND resolved_at = 0 ORDER BY started_at DESC, id DESC`, pageID)
}

// updateTexts is what is read of the updates of incidents, whose texts can be long.
type updateTexts int

const (
	wholeTexts  updateTexts = iota
	newestTexts             // as PublicIncidents has them
	noTexts                 // for the impacts
	noUpdates
)

// updateQuery reads updates of incidents that its first argument lists, those of each by time, the newest first.
func (s *Store) updateQuery(texts updateTexts) (query string, args []any) {
	const (
		body   = `incident_update.body`
		newest = `ORDER BY at DESC, id DESC`
	)
	text, end := body, ` ORDER BY incident_id, at DESC, id DESC`
	switch texts {
	case noTexts:
		text = `''`
	case newestTexts:
		text, end = `CASE WHEN sum(octet_length(`+body+`)) OVER (`+newest+`) <= $2 THEN `+body+` ELSE '' END`, ` `+newest+` LIMIT $3`
		args = []any{statuspage.ShownTexts, statuspage.ShownUpdates}
	}
	return `SELECT id, ` + strings.Replace(incidentUpdateNames, body, text, 1) + ` FROM incident_update WHERE ` + s.engine.in("incident_id", 1) + end, args
}

// incidents reads incidents by a condition, with what is asked for of their updates.
func (s *Store) incidents(ctx context.Context, q queryer, texts updateTexts, where string, args ...any) ([]statuspage.Incident, error) {
	list, err := collect(ctx, q, "read the incidents", scanIncident, `SELECT id, `+incidentNames+` FROM incident WHERE `+where, args...)
	if err != nil || len(list) == 0 || texts == noUpdates {
		return list, err
	}
	return list, s.addUpdates(ctx, q, texts, list)
}

func incidentIDs(list []statuspage.Incident) []int64 {
	ids := make([]int64, len(list))
	for n := range list {
		ids[n] = list[n].ID
	}
	return ids
}

// addUpdates adds what is asked for of the updates of incidents.
func (s *Store) addUpdates(ctx context.Context, q queryer, texts updateTexts, list []statuspage.Incident) error {
	byID := make(map[int64]*statuspage.Incident, len(list))
	for n := range list {
		byID[list[n].ID] = &list[n]
	}
	query, bounds := s.updateQuery(texts)
	return each(ctx, q, "read the updates of the incidents", func(scan scanner) error {
		var (
			id int64
			u  statuspage.Update
		)
		if err := scan(append([]any{&u.ID}, targets(incidentUpdateRow(&id, &u))...)...); err != nil {
			return err
		}
		if i := byID[id]; i != nil {
			i.Updates = append(i.Updates, u)
		}
		return nil
	}, query, append([]any{s.engine.list(incidentIDs(list))}, bounds...)...)
}
