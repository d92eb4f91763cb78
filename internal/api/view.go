package api

import (
	"context"
	"net/http"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// view is a filter and an order with a name.
type view struct {
	ViewID int64     `json:"viewId"`
	Title  string    `json:"title"`
	Filter jobFilter `json:"filter"`
	Sort   string    `json:"sort"`
}

func (a *api) listViews(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	views, err := a.service.Views(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Views []view  `json:"views"`
		Next  *string `json:"next"`
	}{Views: make([]view, len(views))}
	for i := range views {
		v := &views[i]
		answer.Views[i] = view{v.ID, v.Title, newJobFilter(&v.Filter), sortName(v.Sort, v.Descending)}
	}
	return reply(w, answer)
}

func (a *api) createView(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readView(w, r)
	if err != nil {
		return err
	}
	return a.effect(w, r, func(ctx context.Context, w http.ResponseWriter) error {
		var v cron.JobView
		change(&v)
		if err := a.service.AddView(ctx, actor, &v); err != nil {
			return cron.Under("/view", err)
		}
		return reply(w, struct {
			ViewID int64 `json:"viewId"`
		}{v.ID})
	})
}

func (a *api) changeView(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	change, err := a.readView(w, r)
	if err != nil {
		return err
	}
	if err := a.service.ChangeView(r.Context(), actor, pathID(r, "viewId"), change); err != nil {
		return cron.Under("/view", err)
	}
	return reply(w, struct{}{})
}

func (a *api) deleteView(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	if err := a.service.DeleteView(r.Context(), actor, pathID(r, "viewId")); err != nil {
		return err
	}
	return reply(w, struct{}{})
}

// readView reads what a request sets of a view. A filter replaces the former one.
func (a *api) readView(w http.ResponseWriter, r *http.Request) (change func(*cron.JobView), err error) {
	body, outer, err := wire.ReadMember(w, r, viewBody, "view")
	if err != nil {
		return nil, err
	}
	var (
		p     wire.Problems
		given cron.JobView
	)
	o := wire.NewObject(body, "", &p)
	o.Skip("viewId")
	o.Text("title", &given.Title)
	titled := o.Has("title")
	readSort(o, "sort", &given.Sort, &given.Descending)
	sorted := o.Has("sort")
	readJobFilter(o.Object("filter"), &given.Filter)
	filtered := o.Has("filter")
	a.tellIgnored(w, r, outer, "/view", p.Unread())
	if err := p.Err(); err != nil {
		return nil, cron.Under("/view", err)
	}
	return func(v *cron.JobView) {
		if titled {
			v.Title = given.Title
		}
		if sorted {
			v.Sort, v.Descending = given.Sort, given.Descending
		}
		if filtered {
			v.Filter = given.Filter
		}
	}, nil
}
