package web

import (
	"net/url"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

const (
	pathActions = root + "/actions"
	actionsPage = 50 // actions of a page of the list
	actionRows  = 40 // jobs of a page of an action
)

func actionPath(id int64) string { return pathActions + "/" + strconv.FormatInt(id, 10) }

func (w *web) actionRoutes() []route {
	return []route{
		{"GET", pathActions, signedIn, showActions},
		{"GET", pathActions + "/{id}", signedIn, showAction},
		{"POST", pathActions + "/{id}/apply", signedIn, applyAction},
		{"POST", pathActions + "/{id}/undo", signedIn, undoAction},
		{"POST", pathActions + "/{id}/cancel", signedIn, cancelAction},
	}
}

// actionsPageData lists the actions of the account.
type actionsPageData struct {
	view
	Actions []actionView
	pages
}

// actionView is an action in words.
type actionView struct {
	cron.Action
	labels *message.Catalogue
}

func showActions(v *visit) error {
	p := actionsPageData{}
	var err error
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	p.Wide = true
	before := parseID(v.r.URL.Query().Get("before"))
	list, next, err := v.web.service.Actions(v.ctx(), v.actor, before, actionsPage)
	if err != nil {
		return err
	}
	for _, a := range list {
		p.Actions = append(p.Actions, actionView{a, v.catalogue})
	}
	if next != 0 {
		p.NextPage = pathActions + "?before=" + strconv.FormatInt(next, 10)
	}
	if before != 0 {
		p.FirstPage = pathActions
	}
	return v.render(200, "actions", p)
}

// actionPage shows what an action does, or a dry run would do, to a page of its jobs.
type actionPage struct {
	view
	Action  actionView
	Sheet   string // where what was asked for can be changed; empty if nowhere
	Results []resultTab
	Rows    []actionRow
	One     bool // the page is about one job
	pages
}

// resultTab is a result with the number of its jobs, and the list of them.
type resultTab struct {
	Name, Text string
	Count      int
	Address    string
	Current    bool
}

func showAction(v *visit) error {
	q := v.r.URL.Query()
	result := actionResult(q.Get("result"))
	p := actionPage{One: q.Get("job") != ""}
	var err error
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	p.Wide = true
	after, limit := parseID(q.Get("after")), actionRows
	if p.One {
		after, limit = max(parseID(q.Get("job")), 1)-1, 1
	}
	a, jobs, next, err := v.web.service.Action(v.ctx(), v.actor, v.pathID("id"), after, result, limit)
	if err != nil {
		return err
	}
	if p.One && len(jobs) == 1 && jobs[0].JobID != after+1 {
		jobs = nil
	}
	p.Action = actionView{a, v.catalogue}
	p.Results = p.tabs(q)
	if p.Rows, err = v.actionRows(&p, jobs); err != nil {
		return err
	}
	if next != 0 && !p.One {
		p.NextPage = actionAddress(a.ID, q, "after", strconv.FormatInt(next, 10))
	}
	if after != 0 && !p.One {
		p.FirstPage = actionAddress(a.ID, q, "after", "")
	}
	if a.DryRun && a.Undoes == 0 && p.May("editor") {
		p.Sheet = pathBulk + "?from=" + formatID(a.ID)
	}
	return v.render(200, "action", p)
}

// actionAddress is the address of an action with the query of this page, but for one of its values.
func actionAddress(id int64, q url.Values, name, value string) string {
	to := url.Values{}
	for _, n := range []string{"result", name} { // but for the page
		if text := q.Get(n); text != "" {
			to.Set(n, text)
		}
	}
	to.Del(name)
	if value != "" {
		to.Set(name, value)
	}
	if len(to) == 0 {
		return actionPath(id)
	}
	return actionPath(id) + "?" + to.Encode()
}

func applyAction(v *visit) error {
	return v.started(v.startAction(v.ctx(), service.ActionRequest{Confirms: v.pathID("id")}))
}

// started leads to an action that was started.
func (v *visit) started(id int64, err error) error {
	if err != nil {
		return err
	}
	return v.redirect(actionPath(id))
}

func undoAction(v *visit) error {
	a, err := v.web.service.NewUndo(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	err = v.web.service.StartAction(v.ctx(), v.actor, &a)
	return v.started(a.ID, err)
}

func cancelAction(v *visit) error {
	id := v.pathID("id")
	return v.started(id, v.web.service.CancelAction(v.ctx(), v.actor, id))
}
