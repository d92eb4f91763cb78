package api

import (
	"context"
	"net/http"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

// statusPage is a status page without its password. Times are Unix seconds.
type statusPage struct {
	StatusPageID    int64             `json:"statusPageId"`
	Title           string            `json:"title"`
	Slug            string            `json:"slug"`
	Text            string            `json:"text"`
	Accent          string            `json:"accent"`
	Theme           string            `json:"theme"`
	Timezone        string            `json:"timezone"`
	Language        string            `json:"language"`
	Days            int               `json:"days"`
	Published       bool              `json:"published"`
	Access          string            `json:"access"`
	HasPassword     bool              `json:"hasPassword"`
	Networks        []string          `json:"networks"`
	Announcement    string            `json:"announcement"`
	AnnouncedUntil  *int64            `json:"announcedUntil"` // null: until it is taken off
	WithMaintenance bool              `json:"withMaintenance"`
	Groups          []statusGroup     `json:"groups"`
	Components      []statusComponent `json:"components"`
	HasLogo         bool              `json:"hasLogo"`
	HasDarkLogo     bool              `json:"hasDarkLogo"`
	Created         int64             `json:"created"`
	Updated         int64             `json:"updated"`
	UpdatedBy       string            `json:"updatedBy"`
}

// statusGroup is a group of components.
type statusGroup struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Fold  string `json:"fold"`
}

// statusComponent is a component of a status page.
type statusComponent struct {
	ComponentID      int64       `json:"componentId"`
	Group            string      `json:"group"` // the title of a group; empty for none
	Title            string      `json:"title"`
	Text             string      `json:"text"`
	JobIDs           []int64     `json:"jobIds"`
	Needed           int         `json:"needed"`
	Rule             statusRule  `json:"rule"`
	AutomaticMinutes int64       `json:"automaticMinutes"`
	PublishAutomatic bool        `json:"publishAutomatic"`
	State            string      `json:"state"`
	Since            *int64      `json:"since"` // null for a state that never changed
	Hand             *statusHand `json:"hand"`  // null when nobody set a state
}

// statusRule says how runs become a state.
type statusRule struct {
	Failures    int   `json:"failures"`
	Of          int   `json:"of"`
	Successes   int   `json:"successes"`
	SlowAfterMs int64 `json:"slowAfterMs"`
	Percent     int   `json:"percent"`
}

// statusHand is a state that a person set.
type statusHand struct {
	State string `json:"state"`
	Set   int64  `json:"set"`
	By    string `json:"by"`
}

// What requests do not change of a status page and of a component.
var (
	statusPageOutput = []string{"statusPageId", "hasPassword", "hasLogo", "hasDarkLogo", "created", "updated", "updatedBy"}
	componentOutput  = []string{"state", "since", "hand"}
)

func newStatusPage(p *statuspage.Page) statusPage {
	answer := statusPage{
		StatusPageID: p.ID, Title: p.Title, Slug: p.Slug, Text: p.Text, Accent: p.Accent, Theme: statuspage.ThemeNames[p.Theme],
		Timezone: p.Timezone, Language: p.Language, Days: p.Days, Published: p.Published, Access: statuspage.AccessNames[p.Access],
		HasPassword: p.HasPassword, Networks: append([]string{}, p.Networks...), Announcement: p.Announcement,
		AnnouncedUntil: wire.UnixOrNull(p.AnnouncedUntil), WithMaintenance: p.WithMaintenance, HasLogo: p.Logos[0], HasDarkLogo: p.Logos[1],
		Groups: make([]statusGroup, len(p.Groups)), Components: make([]statusComponent, len(p.Components)),
		Created: p.Created.Unix(), Updated: p.Updated.Unix(), UpdatedBy: p.UpdatedBy,
	}
	for i, g := range p.Groups {
		answer.Groups[i] = statusGroup{g.Title, g.Text, statuspage.FoldNames[g.Fold]}
	}
	for i := range p.Components {
		answer.Components[i] = newStatusComponent(&p.Components[i])
	}
	return answer
}

func newStatusComponent(of *statuspage.Component) statusComponent {
	r := &of.Rule
	answer := statusComponent{
		ComponentID: of.ID, Group: of.Group, Title: of.Title, Text: of.Text, JobIDs: append([]int64{}, of.JobIDs...), Needed: of.Needed,
		Rule:             statusRule{r.Failures, r.Of, r.Successes, r.SlowAfter.Milliseconds(), r.Percent},
		AutomaticMinutes: int64(of.Automatic / time.Minute), PublishAutomatic: of.PublishAutomatic,
		State: of.State.String(), Since: wire.UnixOrNull(of.Since),
	}
	if of.Hand != nil {
		answer.Hand = &statusHand{of.Hand.State.String(), of.Hand.Set.Unix(), of.Hand.By}
	}
	return answer
}

func (a *api) listStatusPages(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	list, err := a.service.StatusPages(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Pages []statusPage `json:"statusPages"`
		Next  *string      `json:"next"`
	}{Pages: make([]statusPage, len(list))}
	for i := range list {
		answer.Pages[i] = newStatusPage(&list[i])
	}
	return reply(w, answer)
}

func (a *api) getStatusPage(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	p, err := a.service.StatusPage(r.Context(), actor, pathID(r, "statusPageId"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", `"`+service.StatusPageVersion(&p)+`"`)
	return reply(w, struct {
		Page statusPage `json:"statusPage"`
	}{newStatusPage(&p)})
}

func (a *api) createStatusPage(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readStatusPage(w, r)
	if err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		p := statuspage.NewPage()
		change(&p)
		if err := a.service.AddStatusPage(ctx, actor, &p); err != nil {
			return cron.Under("/statusPage", err)
		}
		return reply(w, struct {
			PageID int64 `json:"statusPageId"`
		}{p.ID})
	})
}

func (a *api) changeStatusPage(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readStatusPage(w, r)
	if err != nil {
		return err
	}
	if err := a.service.ChangeStatusPage(r.Context(), actor, pathID(r, "statusPageId"), ifMatch(r), change); err != nil {
		return cron.Under("/statusPage", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deleteStatusPage(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteStatusPage(r.Context(), actor, pathID(r, "statusPageId"), ifMatch(r)); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// setComponentState takes null to release the component.
func (a *api) setComponentState(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	o, err := wire.ReadObject(w, r, stateBody)
	if err != nil {
		return err
	}
	var (
		given statuspage.State
		state *statuspage.State
	)
	if wire.Choice(o, "state", &given, wire.StateNames); given != statuspage.Unknown {
		state = &given
	}
	if !o.Null("state") && o.Err() == nil && state == nil {
		o.Need("state")
	}
	a.tellIgnored(w, r, o, "", nil)
	if err := o.Err(); err != nil {
		return err
	}
	if err := a.service.SetComponentState(r.Context(), actor, pathID(r, "statusPageId"), pathID(r, "componentId"), state); err != nil {
		return err
	}
	return reply(w, struct{}{})
}
