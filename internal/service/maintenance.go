package service

import (
	"context"
	"time"

	"punctual/internal/cron"
)

// MaintenanceState is a window and when it is in force.
type MaintenanceState struct {
	cron.MaintenanceWindow
	Active bool
	Starts time.Time // when it starts next, after the span in force; zero for never
	Ends   time.Time // when the span in force ends, or the next one; zero for a window that is over
}

// StateOfWindow tells when a window is in force.
func StateOfWindow(w cron.MaintenanceWindow, now time.Time) MaintenanceState {
	state := MaintenanceState{MaintenanceWindow: w}
	start, end, ok := w.Span(now)
	if !ok {
		return state
	}
	state.Active, state.Ends = !start.After(now), end
	if !state.Active {
		state.Starts = start
	} else if start, _, ok := w.Span(end); ok {
		state.Starts = start
	}
	return state
}

// MaintenanceWindows lists the windows of the account, also those that are over.
func (s *Service) MaintenanceWindows(ctx context.Context, actor cron.Actor) ([]MaintenanceState, error) {
	if err := s.allow(&actor, UseListMaintenance); err != nil {
		return nil, err
	}
	list, err := s.store.MaintenanceWindows(ctx, actor.Account.ID)
	if err != nil {
		return nil, err
	}
	now, states := s.store.Now(), make([]MaintenanceState, len(list))
	for i := range list {
		states[i] = StateOfWindow(list[i], now)
	}
	return states, nil
}

// MaintenanceWindow reads a window. The error is of kind NotFound when the account has none of that ID.
func (s *Service) MaintenanceWindow(ctx context.Context, actor cron.Actor, windowID int64) (MaintenanceState, error) {
	if err := s.allow(&actor, UseGetMaintenance); err != nil {
		return MaintenanceState{}, err
	}
	w, err := s.store.MaintenanceWindow(ctx, actor.Account.ID, windowID)
	return StateOfWindow(w, s.store.Now()), err
}

// AddMaintenance adds a window and sets its ID. It takes the place of one that is over when the account has as many as are possible;
// the error is of kind TooMany when none is.
func (s *Service) AddMaintenance(ctx context.Context, actor cron.Actor, w *cron.MaintenanceWindow) error {
	if err := s.allow(&actor, UseCreateMaintenance); err != nil {
		return err
	}
	w.AccountID, w.UpdatedBy = actor.Account.ID, authorOf(&actor).Label
	if err := w.Accept(); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actMaintenanceAdd, Object: objectMaintenance, Title: w.Title},
		func(ctx context.Context, e *cron.AuditEntry) error {
			err := s.store.CreateMaintenance(ctx, w)
			e.ObjectID = w.ID
			return err
		})
}

// ChangeMaintenance edits a window.
func (s *Service) ChangeMaintenance(ctx context.Context, actor cron.Actor, windowID int64, change func(*cron.MaintenanceWindow)) error {
	if err := s.allow(&actor, UseChangeMaintenance); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actMaintenanceSet, Object: objectMaintenance, ObjectID: windowID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			return s.store.UpdateMaintenance(ctx, actor.Account.ID, windowID, func(w *cron.MaintenanceWindow) error {
				before := *w
				change(w)
				if err := w.Accept(); err != nil {
					return err
				}
				w.UpdatedBy = authorOf(&actor).Label
				e.Title, e.Changes = w.Title, changesOf(maintenanceFields, &before, w)
				return nil
			})
		})
}

// maintenanceFields are the values of a window.
var maintenanceFields = []auditField[cron.MaintenanceWindow]{
	{"/title", func(w *cron.MaintenanceWindow) any { return w.Title }},
	{"/effect", func(w *cron.MaintenanceWindow) any { return w.Effect }},
	{"/start", func(w *cron.MaintenanceWindow) any { return w.Start.Unix() }},
	{"/end", func(w *cron.MaintenanceWindow) any { return w.End.Unix() }},
	{"/schedule", func(w *cron.MaintenanceWindow) any { return w.Schedule }},
	{"/durationSeconds", func(w *cron.MaintenanceWindow) any { return w.Duration }},
	{"/jobIds", func(w *cron.MaintenanceWindow) any { return append([]int64{}, w.JobIDs...) }},
	{"/folderIds", func(w *cron.MaintenanceWindow) any { return append([]int64{}, w.FolderIDs...) }},
	{"/tags", func(w *cron.MaintenanceWindow) any { return append([]string{}, w.Tags...) }},
}

// DeleteMaintenance removes a window.
func (s *Service) DeleteMaintenance(ctx context.Context, actor cron.Actor, windowID int64) error {
	if err := s.allow(&actor, UseDeleteMaintenance); err != nil {
		return err
	}
	return s.audited(ctx, &actor, cron.AuditEntry{Action: actMaintenanceDrop, Object: objectMaintenance, ObjectID: windowID},
		func(ctx context.Context, e *cron.AuditEntry) error {
			w, err := s.store.MaintenanceWindow(ctx, actor.Account.ID, windowID)
			if err != nil {
				return err
			}
			e.Title = w.Title
			return s.store.DeleteMaintenance(ctx, actor.Account.ID, windowID)
		})
}
