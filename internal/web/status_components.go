package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"punctual/internal/cron"
	"punctual/internal/service"
	"punctual/internal/statuspage"
)

// componentsPage lists the components and groups of a status page, in their order.
type componentsPage struct {
	statusPage
	Problem string // why a form was refused; empty for none
	Full    bool   // there may be no further component
}

// Sections are the groups in their order, each with its number and its components. The first is none.
func (p componentsPage) Sections() (sections []componentSection) {
	headed := false
	for n, g := range p.Groups() {
		s := componentSection{componentGroup: g, Number: n - 1, Last: n == len(p.Status.Groups), Head: !headed && len(g.Components) > 0}
		headed = headed || s.Head
		sections = append(sections, s)
	}
	return sections
}

// componentSection is a group with its components.
type componentSection struct {
	componentGroup
	Number int // of the group among the groups; -1 for the components without one
	Last   bool
	Head   bool // its table has the headings
}

// LastComponent is the place of the last component of the section.
func (s componentSection) LastComponent() int { return len(s.Components) - 1 }

// Source says what tells the state of a component.
func (p componentsPage) Source(c *statuspage.Component) string {
	if len(c.JobIDs) == 0 {
		return p.labels.Label("component.by-hand")
	}
	return p.labels.JobCount(len(c.JobIDs))
}

func showComponents(v *visit) error { return v.componentsPage(http.StatusOK, "") }

func (v *visit) componentsPage(status int, problem string) (err error) {
	p := componentsPage{Problem: problem}
	if p.statusPage, err = v.statusPage("/components"); err != nil {
		return err
	}
	p.Full = len(p.Status.Components) >= statuspage.MaxComponents
	return v.render(status, "status-components", p)
}

// changeStatus changes a status page if check, which can be nil, accepts it as it is; its error is returned as it is. When the change finds
// that what it is about is gone, the error is of kind NotFound.
func (v *visit) changeStatus(check func(*statuspage.Page) error, change func(*statuspage.Page) (found bool)) error {
	return retried(func() error {
		page, err := v.web.service.StatusPage(v.ctx(), v.actor, v.pathID("id"))
		if err == nil && check != nil {
			err = check(&page)
		}
		if err != nil {
			return err
		}
		if copied := page.Clone(); !change(&copied) { // nothing is to be saved then
			return cron.Missing(cron.SubjectNone)
		}
		seen := service.StatusPageVersion(&page)
		return v.web.service.ChangeStatusPage(v.ctx(), v.actor, page.ID, func(version string) bool { return version == seen },
			func(p *statuspage.Page) { change(p) })
	})
}

// orderComponents moves a component up or down within its group, or a group, which its number names.
func orderComponents(v *visit) error {
	var (
		at, to string
		change func(p *statuspage.Page) (found bool)
	)
	for _, move := range []struct {
		name  string
		step  int
		group bool
	}{{"up", -1, false}, {"down", 1, false}, {"groupUp", -1, true}, {"groupDown", 1, true}} {
		if at = v.form(move.name); at == "" {
			continue
		}
		if to = "#component-" + formatID(parseID(at)); move.group {
			to = "#g" + formatID(parseID(at))
		}
		change = func(p *statuspage.Page) bool {
			if move.group {
				return moveGroup(p.Groups, at, move.step)
			}
			return moveComponent(p.Components, parseID(at), move.step)
		}
		break
	}
	if change == nil {
		change = func(*statuspage.Page) bool { return false }
	}
	err := v.changeStatus(func(p *statuspage.Page) error {
		if seen := v.form(fieldSeen); seen != "" && strings.HasPrefix(to, "#g") && seen != groupsSeen(p) {
			return &cron.Error{Kind: cron.PreconditionFailed, Subject: cron.SubjectStatusPage}
		}
		return nil
	}, change)
	if cron.KindOf(err) == cron.PreconditionFailed {
		return v.componentsPage(http.StatusConflict, v.catalogue.Label("component.groups-changed"))
	}
	if err != nil {
		return v.wrongComponents(err)
	}
	return v.redirect(statusAddress(v.pathID("id"), "/components") + to)
}

// groupsSeen identifies the groups in their order, which the buttons name by their numbers.
func groupsSeen(p *statuspage.Page) string {
	values := url.Values{}
	for _, g := range p.Groups {
		values.Set("titles", values.Get("titles")+strconv.Quote(g.Title))
	}
	return seenOf([]formPart{partOf("", "titles")}, values)
}

// Seen is for the form of the order.
func (p componentsPage) Seen() string { return groupsSeen(&p.Status) }

// moveGroup exchanges a group, of which at is the number, with the one before or after it. One at the end stays.
func moveGroup(groups []statuspage.Group, at string, step int) (found bool) {
	n, err := strconv.Atoi(at)
	if err != nil || n < 0 || n >= len(groups) {
		return false
	}
	if other := n + step; other >= 0 && other < len(groups) {
		groups[n], groups[other] = groups[other], groups[n]
	}
	return true
}

// moveComponent exchanges a component with the one of its group before or after it. One at the end stays.
func moveComponent(list []statuspage.Component, id int64, step int) (found bool) {
	at := slices.IndexFunc(list, func(c statuspage.Component) bool { return c.ID == id && id != 0 })
	if at < 0 {
		return false
	}
	for other := at + step; other >= 0 && other < len(list); other += step {
		if list[other].Group == list[at].Group {
			list[at], list[other] = list[other], list[at]
			break
		}
	}
	return true
}

// groupPage is the form of a group.
type groupPage struct {
	statusPage
	Form form
	Was  string // the title that it has; empty for a new one
}

// showGroup shows the form of the group whose number the address has, or of a new one.
func showGroup(v *visit) error {
	n, err := strconv.Atoi(v.r.URL.Query().Get("n"))
	if err != nil {
		return v.groupPage(http.StatusOK, form{}, "")
	}
	page, err := v.web.service.StatusPage(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	if n < 0 || n >= len(page.Groups) {
		return cron.Missing(cron.SubjectNone)
	}
	return v.groupPage(http.StatusOK, form{}, page.Groups[n].Title)
}

// groupPage shows the form of a group; "" for a new one. Without values it holds what is stored.
func (v *visit) groupPage(status int, f form, was string) (err error) {
	p := groupPage{Form: f, Was: was}
	if p.statusPage, err = v.editedStatus("/components"); err != nil {
		return err
	}
	at := slices.IndexFunc(p.Status.Groups, func(g statuspage.Group) bool { return g.Title == was })
	if was != "" && at < 0 {
		return cron.Missing(cron.SubjectNone)
	}
	if f.values == nil && at >= 0 {
		p.Form = groupForm(&p.Status.Groups[at]).showing(groupParts)
	}
	return v.render(status, "status-group", p)
}

// groupParts are the parts of the form of a group.
var groupParts = []formPart{
	partOf("component.group-title", "title"), partOf("component.group-text", "text"),
	{names: []string{"fold"}, label: "component.fold", words: map[string]string{"open": "component.fold-open", "collapsed": "component.fold-collapsed",
		"healthy": "component.fold-healthy"}},
}

func groupForm(g *statuspage.Group) form {
	return newForm("title", g.Title, "text", g.Text, "fold", statuspage.FoldNames[g.Fold])
}

// changeGroup makes, changes or removes a group, which the field was names.
func changeGroup(v *visit) error {
	was, do := v.form("was"), v.form("do")
	err := v.changeStatus(func(p *statuspage.Page) error {
		at := slices.IndexFunc(p.Groups, func(g statuspage.Group) bool { return g.Title == was })
		if was == "" || at < 0 || do == "remove" { // which keeps its components
			return nil
		}
		return v.compare(groupParts, groupForm(&p.Groups[at]))
	}, func(p *statuspage.Page) bool {
		g := statuspage.Group{Title: strings.TrimSpace(v.form("title")), Text: v.form("text"), Fold: statuspage.Fold(chosen(statuspage.FoldNames, cmp.Or(v.form("fold"), statuspage.FoldNames[statuspage.FoldOpen])))}
		if was == "" {
			p.Groups = append(p.Groups, g)
			return true
		}
		at := slices.IndexFunc(p.Groups, func(g statuspage.Group) bool { return g.Title == was })
		if at >= 0 {
			editGroup(p, at, do, g)
		}
		return at >= 0
	})
	if err == nil {
		return v.after(statusAddress(v.pathID("id"), "/components"), "saved")
	}
	if f, changed := changedOf(err); changed {
		return v.groupPage(http.StatusConflict, f, was)
	}
	err = cron.WithProblems(err, func(p *cron.Problem) {
		list, rest, _ := strings.Cut(strings.TrimPrefix(p.Pointer, "/"), "/")
		if _, field, ok := strings.Cut(rest, "/"); ok && list == "groups" {
			p.Pointer = "/" + field
		}
	})
	f, status, err := v.rejected(err, "title", "text", "fold")
	if err != nil {
		return err
	}
	return v.groupPage(status, f, was)
}

// editGroup does with a group of a page what a button says.
func editGroup(p *statuspage.Page, at int, do string, g statuspage.Group) {
	was := p.Groups[at].Title
	if do == "remove" {
		p.Groups = slices.Delete(p.Groups, at, at+1)
		renameGroup(p.Components, was, "")
		return
	}
	p.Groups[at] = g
	renameGroup(p.Components, was, g.Title)
}

func renameGroup(list []statuspage.Component, was, title string) {
	for i := range list {
		if list[i].Group == was {
			list[i].Group = title
		}
	}
}

// wrongComponents shows the list again, with why a form of it was refused.
func (v *visit) wrongComponents(err error) error {
	f, status, err := v.rejected(err)
	if err != nil {
		return err
	}
	return v.componentsPage(status, f.Problem)
}

func deleteComponent(v *visit) error {
	id := v.pathID("componentId")
	err := v.changeStatus(func(p *statuspage.Page) error {
		seen, c := v.form(fieldSeen), componentOf(p, id)
		if seen != "" && c != nil && seen != seenOf(componentParts, componentForm(c).values) {
			return errChanged{form{Problem: v.catalogue.Label("component.changed-first")}}
		}
		return nil
	}, func(p *statuspage.Page) bool {
		at := slices.IndexFunc(p.Components, func(c statuspage.Component) bool { return c.ID == id && id != 0 })
		if at >= 0 {
			p.Components = slices.Delete(p.Components, at, at+1)
		}
		return at >= 0
	})
	if f, changed := changedOf(err); changed {
		return v.componentPage(http.StatusConflict, f, id)
	}
	if err != nil {
		return v.wrongComponents(err)
	}
	return v.after(statusAddress(v.pathID("id"), "/components"), "removed")
}

// numberField reads a whole number; what is not one becomes -1, which no field takes.
func (v *visit) numberField(name string) int {
	text := strings.TrimSpace(v.form(name))
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
