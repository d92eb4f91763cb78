package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

// incident is an incident of a status page. Times are Unix seconds.
type incident struct {
	IncidentID int64            `json:"incidentId"`
	Title      string           `json:"title"`
	Draft      bool             `json:"draft"`
	Automatic  bool             `json:"automatic"`
	Phase      string           `json:"phase"`
	Started    int64            `json:"started"`
	Resolved   *int64           `json:"resolved"`
	Impacts    []impact         `json:"impacts"`
	Updates    []incidentUpdate `json:"updates"`
	Created    int64            `json:"created"`
}

// impact is the state that an incident gives a component.
type impact struct {
	ComponentID int64  `json:"componentId"`
	State       string `json:"state"`
}

// incidentUpdate is an update of an incident.
type incidentUpdate struct {
	UpdateID int64    `json:"updateId"`
	Phase    string   `json:"phase"`
	Text     string   `json:"text"`
	At       int64    `json:"at"`
	Impacts  []impact `json:"impacts"`
	By       string   `json:"by"`
}

func newIncident(i *statuspage.Incident) incident {
	answer := incident{
		IncidentID: i.ID, Title: i.Title, Draft: i.Draft, Automatic: i.Automatic != 0, Phase: i.Phase.String(), Started: i.Started.Unix(),
		Resolved: wire.UnixOrNull(i.Resolved), Impacts: newImpacts(i.Impacts), Updates: make([]incidentUpdate, len(i.Updates)), Created: i.Created.Unix(),
	}
	for n := range i.Updates {
		u := &i.Updates[n]
		answer.Updates[n] = incidentUpdate{u.ID, u.Phase.String(), u.Text, u.At.Unix(), newImpacts(u.Impacts), u.By}
	}
	return answer
}

func newImpacts(list []statuspage.Impact) []impact {
	impacts := make([]impact, len(list))
	for n := range list {
		impacts[n] = impact{list[n].ComponentID, list[n].State.String()}
	}
	return impacts
}

// readBefore reads which page of a list is asked for whose cursor is the ID of its last item: that ID, 0 for the first page, and how many
// items at most.
func readBefore(r *http.Request, most int) (before int64, limit int, err error) {
	var (
		p      wire.Problems
		query  = wire.Query(r, &p)
		cursor string
	)
	limit = most
	query.Text("cursor", &cursor)
	wire.Integer(query, "limit", &limit, 1, int64(most))
	if cursor != "" {
		if before = parseID(cursor); before == 0 {
			query.Add("cursor", cron.Problem{Rule: cron.RuleCursor})
		}
	}
	return before, limit, p.Err()
}

func (a *api) listIncidents(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	before, limit, err := readBefore(r, service.MaxIncidentsPage)
	if err != nil {
		return err
	}
	list, more, err := a.service.Incidents(r.Context(), actor, pathID(r, "statusPageId"), before, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Incidents []incident `json:"incidents"`
		Next      *string    `json:"next"` // the cursor of the next page; null at the end
	}{Incidents: make([]incident, len(list))}
	for n := range list {
		answer.Incidents[n] = newIncident(&list[n])
	}
	if more {
		answer.Next = new(strconv.FormatInt(list[len(list)-1].ID, 10))
	}
	return reply(w, answer)
}

func (a *api) getIncident(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	i, err := a.service.Incident(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "incidentId"))
	if err != nil {
		return err
	}
	return reply(w, struct {
		Incident incident `json:"incident"`
	}{newIncident(&i)})
}

func (a *api) createIncident(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, first, err := a.readIncident(w, r, true)
	if err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		i := statuspage.Incident{Updates: make([]statuspage.Update, 1)}
		change(&i)
		first(&i.Updates[0])
		if err := a.service.AddIncident(ctx, actor, pathID(r, "statusPageId"), &i); err != nil {
			return cron.Under("/incident", err)
		}
		return reply(w, struct {
			IncidentID int64 `json:"incidentId"`
		}{i.ID})
	})
}

func (a *api) changeIncident(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, _, err := a.readIncident(w, r, false)
	if err != nil {
		return err
	}
	if err := a.service.ChangeIncident(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "incidentId"), always(change)); err != nil {
		return cron.Under("/incident", err)
	}
	return reply(w, struct{}{})
}

// always is a change that is never refused.
func always[T any](change func(*T)) func(*T) error {
	return func(to *T) error {
		change(to)
		return nil
	}
}

func (a *api) deleteIncident(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteIncident(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "incidentId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

func (a *api) createIncidentUpdate(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readIncidentUpdate(w, r)
	if err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		var u statuspage.Update
		change(&u)
		if err := a.service.AddIncidentUpdate(ctx, actor, pathID(r, "statusPageId"), pathID(r, "incidentId"), &u); err != nil {
			return cron.Under("/update", err)
		}
		return reply(w, struct {
			UpdateID int64 `json:"updateId"`
		}{u.ID})
	})
}

func (a *api) changeIncidentUpdate(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readIncidentUpdate(w, r)
	if err != nil {
		return err
	}
	page, i, u := pathID(r, "statusPageId"), pathID(r, "incidentId"), pathID(r, "updateId")
	if err := a.service.ChangeIncidentUpdate(r.Context(), actor, page, i, u, always(change)); err != nil {
		return cron.Under("/update", err)
	}
	return reply(w, struct{}{})
}

// readIncident reads what a request sets of an incident, and of its first update when it opens it.
func (a *api) readIncident(w http.ResponseWriter, r *http.Request, opens bool) (
	change func(*statuspage.Incident), first func(*statuspage.Update), err error) {
	body, outer, err := wire.ReadMember(w, r, incidentBody, "incident")
	if err != nil {
		return nil, nil, err
	}
	var (
		p     wire.Problems
		given statuspage.Incident
		o     = wire.NewObject(body, "", &p)
	)
	o.Skip("incidentId", "automatic", "phase", "started", "resolved", "impacts", "updates", "created")
	o.Text("title", &given.Title)
	o.Boolean("draft", &given.Draft)
	if opens {
		o.MustHave("update")
		first = readUpdate(o.Object("update"))
	}
	a.tellIgnored(w, r, outer, "/incident", p.Unread())
	if err := p.Err(); err != nil {
		return nil, nil, cron.Under("/incident", err)
	}
	return func(i *statuspage.Incident) {
		set(o.Has("title"), &i.Title, given.Title)
		set(o.Has("draft"), &i.Draft, given.Draft)
	}, first, nil
}

// readIncidentUpdate reads what a request sets of an update.
func (a *api) readIncidentUpdate(w http.ResponseWriter, r *http.Request) (change func(*statuspage.Update), err error) {
	body, outer, err := wire.ReadMember(w, r, incidentBody, "update")
	if err != nil {
		return nil, err
	}
	var p wire.Problems
	change = readUpdate(wire.NewObject(body, "", &p))
	a.tellIgnored(w, r, outer, "/update", p.Unread())
	return change, cron.Under("/update", p.Err())
}

// readUpdate reads what an object sets of an update.
func readUpdate(o wire.Object) func(*statuspage.Update) {
	var given statuspage.Update
	o.Skip("updateId", "by")
	wire.Choice(o, "phase", &given.Phase, wire.PhaseNames)
	o.Text("text", &given.Text)
	wire.Instant(o, "at", &given.At)
	readImpacts(o, &given.Impacts)
	return func(u *statuspage.Update) {
		set(o.Has("phase"), &u.Phase, given.Phase)
		set(o.Has("text"), &u.Text, given.Text)
		set(!given.At.IsZero(), &u.At, given.At)
		set(o.Has("impacts"), &u.Impacts, append([]statuspage.Impact{}, given.Impacts...))
	}
}

// readImpacts reads the impacts of an update.
func readImpacts(o wire.Object, to *[]statuspage.Impact) {
	o.Each("impacts", func(index string, item json.RawMessage) {
		var (
			at    = wire.NewObject(item, o.At("impacts", index), o.Problems)
			next  statuspage.Impact
			state int
		)
		at.MustHave("componentId")
		at.MustHave("state")
		wire.Integer(at, "componentId", &next.ComponentID, 1, wire.MaxID)
		wire.Choice(at, "state", &state, wire.ImpactNames)
		if next.State = statuspage.Operational + statuspage.State(state); len(*to) <= statuspage.MaxComponents { // more are refused, however many
			*to = append(*to, next)
		}
	})
}
