package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
)

// maintenanceWindow is a maintenance window. Times are Unix seconds.
type maintenanceWindow struct {
	WindowID int64  `json:"windowId"`
	Title    string `json:"title"`
	Effect   string `json:"effect"`
	windowSpan
	JobIDs    []int64  `json:"jobIds"`
	FolderIDs []int64  `json:"folderIds"`
	Tags      []string `json:"tags"`
	windowState
	Created   int64  `json:"created"`
	Updated   int64  `json:"updated"`
	UpdatedBy string `json:"updatedBy"`
}

// windowSpan says when a window is. Two of the four are null.
type windowSpan struct {
	Start           *int64               `json:"start"`
	End             *int64               `json:"end"`
	Schedule        *maintenanceSchedule `json:"schedule"`
	DurationSeconds *int64               `json:"durationSeconds"`
}

// windowState tells when a window is in force.
type windowState struct {
	Active    bool   `json:"active"`
	NextStart *int64 `json:"nextStart"`
	NextEnd   *int64 `json:"nextEnd"`
}

// maintenanceSchedule is a schedule without what only jobs have.
type maintenanceSchedule struct {
	schedule
	Seconds []int  `json:"seconds"`
	Days    string `json:"days"`
	LastDay bool   `json:"lastDay"`
	DST     string `json:"dst"`
}

func newMaintenanceWindow(w *service.MaintenanceState) maintenanceWindow {
	return maintenanceWindow{
		WindowID: w.ID, Title: w.Title, Effect: wire.MaintenanceNames[w.Effect], windowSpan: newWindowSpan(&w.MaintenanceWindow),
		JobIDs: append([]int64{}, w.JobIDs...), FolderIDs: append([]int64{}, w.FolderIDs...), Tags: append([]string{}, w.Tags...),
		windowState: newWindowState(w), Created: w.Created.Unix(), Updated: w.Updated.Unix(), UpdatedBy: w.UpdatedBy,
	}
}

func newWindowSpan(w *cron.MaintenanceWindow) windowSpan {
	span := windowSpan{Start: wire.UnixOrNull(w.Start), End: wire.UnixOrNull(w.End)}
	if !w.Once() {
		s := newDetailedSchedule(&w.Schedule, 0)
		span.Schedule = &maintenanceSchedule{s.schedule, s.Seconds, s.Days, s.LastDay, s.DST}
		span.DurationSeconds = new(wire.WholeSeconds(w.Duration))
	}
	return span
}

func newWindowState(w *service.MaintenanceState) windowState {
	return windowState{Active: w.Active, NextStart: wire.UnixOrNull(w.Starts), NextEnd: wire.UnixOrNull(w.Ends)}
}

func (a *api) listMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	list, err := a.service.MaintenanceWindows(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Windows []maintenanceWindow `json:"windows"`
		Next    *string             `json:"next"`
	}{Windows: make([]maintenanceWindow, len(list))}
	for i := range list {
		answer.Windows[i] = newMaintenanceWindow(&list[i])
	}
	return reply(w, answer)
}

func (a *api) getMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	window, err := a.service.MaintenanceWindow(r.Context(), actor, pathID(r, "windowId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Window maintenanceWindow `json:"window"`
	}{newMaintenanceWindow(&window)})
}

func (a *api) createMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readMaintenance(w, r, true)
	if err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		var window cron.MaintenanceWindow
		change(&window)
		if err := a.service.AddMaintenance(ctx, actor, &window); err != nil {
			return cron.Under("/window", err)
		}
		return reply(w, struct {
			WindowID int64 `json:"windowId"`
		}{window.ID})
	})
}

func (a *api) changeMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readMaintenance(w, r, false)
	if err != nil {
		return err
	}
	if err := a.service.ChangeMaintenance(r.Context(), actor, pathID(r, "windowId"), change); err != nil {
		return cron.Under("/window", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deleteMaintenance(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteMaintenance(r.Context(), actor, pathID(r, "windowId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// readMaintenance reads what a request sets of a window. A window that gets a schedule loses its only span, and the other way
// round.
func (a *api) readMaintenance(w http.ResponseWriter, r *http.Request, creates bool) (change func(*cron.MaintenanceWindow), err error) {
	body, outer, err := wire.ReadMember(w, r, maintenanceBody, "window")
	if err != nil {
		return nil, err
	}
	var (
		p     wire.Problems
		given cron.MaintenanceWindow
		o     = wire.NewObject(body, "", &p)
	)
	o.Skip("windowId", "active", "nextStart", "nextEnd", "created", "updated", "updatedBy")
	o.Text("title", &given.Title)
	wire.Choice(o, "effect", &given.Effect, wire.MaintenanceNames)
	span := readWindow(o, &given, creates)
	number := func(item json.RawMessage) ([]int64, cron.Problem) {
		id, wrong := wire.ParseInteger(item, 0, wire.MaxID)
		return []int64{id}, wrong
	}
	readItems(o, "jobIds", &given.JobIDs, number)
	readItems(o, "folderIds", &given.FolderIDs, number)
	readItems(o, "tags", &given.Tags, parseItem)
	for name, n := range map[string]int{"jobIds": len(given.JobIDs), "folderIds": len(given.FolderIDs), "tags": len(given.Tags)} {
		if n > cron.MaxMaintenanceItems {
			o.Add(name, cron.Problem{Rule: cron.RuleTooMany, Limit: cron.MaxMaintenanceItems})
		}
	}
	a.tellIgnored(w, r, outer, "/window", p.Unread())
	if err := p.Err(); err != nil {
		return nil, cron.Under("/window", err)
	}
	return func(w *cron.MaintenanceWindow) {
		span(w)
		set(o.Has("title"), &w.Title, given.Title)
		set(o.Has("effect"), &w.Effect, given.Effect)
		set(o.Has("jobIds"), &w.JobIDs, given.JobIDs)
		set(o.Has("folderIds"), &w.FolderIDs, given.FolderIDs)
		set(o.Has("tags"), &w.Tags, given.Tags)
	}, nil
}

// readWindow reads when a window is: start and end, or schedule and durationSeconds.
func readWindow(o wire.Object, given *cron.MaintenanceWindow, creates bool) (change func(*cron.MaintenanceWindow)) {
	wire.Instant(o, "start", &given.Start)
	wire.Instant(o, "end", &given.End)
	o.Seconds("durationSeconds", &given.Duration, 0, cron.MaxMaintenance+time.Second)
	given.Schedule = readStarts(o)
	once, again := o.Has("start") || o.Has("end"), o.Has("schedule") || o.Has("durationSeconds")
	if once && again || creates && !once && !again {
		o.Problems.Add("", cron.Problem{Rule: cron.RuleEitherOr, Given: "start", Want: "schedule"})
	}
	return func(w *cron.MaintenanceWindow) {
		if o.Has("schedule") {
			w.Start, w.End, w.Schedule = time.Time{}, time.Time{}, given.Schedule
		}
		if once {
			w.Schedule, w.Duration = cron.Schedule{}, 0
		}
		set(o.Has("start"), &w.Start, given.Start)
		set(o.Has("end"), &w.End, given.End)
		set(o.Has("durationSeconds"), &w.Duration, given.Duration)
	}
}

// set assigns a value that was given.
func set[T any](given bool, to *T, value T) {
	if given {
		*to = value
	}
}

// readStarts reads the schedule of a window: an object as that of a job, or crontab text with its time zone beside it.
func readStarts(o wire.Object) cron.Schedule {
	s := cron.NewSchedule()
	if raw, ok := o.Value("schedule"); ok && raw[0] == '"' {
		o.Text("timezone", &s.Timezone)
		readCrontab(o, "schedule", &s)
	} else {
		readSchedule(o.Object("schedule"), &s)
	}
	return s
}
