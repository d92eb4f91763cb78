package web

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
	"punctual/internal/statuspage"
)

// statusPlansPage lists the maintenances of a status page.
type statusPlansPage struct {
	statusPage
	Rows []statusPlanRow
}

// statusPlanRow is a maintenance in the list.
type statusPlanRow struct {
	Path, Title  string
	State        state
	When         string // a schedule in words; empty for one span
	Starts, Ends time.Time
	Affects      string
	Effect       string
	order        int
}

// effectLabels are what the effects of a maintenance on jobs are called, and effectMeanings what they do.
var (
	effectLabels   = [statuspage.EffectCount]string{"status-maintenance.effect-none", "status-maintenance.effect-silence", "status-maintenance.effect-pause"}
	effectMeanings = [statuspage.EffectCount]string{"status-maintenance.none", "status-maintenance.silence", "status-maintenance.pause"}
)

func showStatusPlans(v *visit) (err error) {
	var p statusPlansPage
	if p.statusPage, err = v.statusPage("/maintenances"); err != nil {
		return err
	}
	plans, err := v.web.service.StatusMaintenances(v.ctx(), v.actor, p.Status.ID)
	if err != nil {
		return err
	}
	for i := range plans {
		p.Rows = append(p.Rows, p.statusPlanRow(&plans[i]))
	}
	slices.SortStableFunc(p.Rows, func(a, b statusPlanRow) int {
		if a.order == b.order && a.order == 2 { // those that are over: the latest first
			return b.Ends.Compare(a.Ends)
		}
		return cmp.Or(cmp.Compare(a.order, b.order), a.Starts.Compare(b.Starts))
	})
	return v.render(http.StatusOK, "status-maintenances", p)
}

func (p *statusPage) statusPlanRow(plan *statuspage.Plan) statusPlanRow {
	t := p.labels.Label
	row := statusPlanRow{Path: p.Path("/maintenances/" + formatID(plan.ID)), Title: p.Brief(plan.Title), Affects: p.affects(plan.ComponentIDs),
		Effect: t(effectLabels[plan.Effect])}
	if !plan.Once() {
		row.When = p.labels.Schedule(&plan.Schedule, time.Time{})
	}
	start, end, ok := plan.Span(p.now)
	switch {
	case !ok:
		row.State, row.order, row.Starts, row.Ends = state{"muted", "circle-slash", t("maintenance.over")}, 2, plan.Start, plan.End
	case start.After(p.now):
		row.State, row.order, row.Starts, row.Ends = state{"muted", "clock", t("maintenance.planned")}, 1, start, end
	default:
		row.State, row.order, row.Starts, row.Ends = state{"accent", "wrench", t("maintenance.active")}, 0, start, end
	}
	return row
}

// affects names the components of a list, or some of them.
func (p *statusPage) affects(ids []int64) string {
	var names []string
	for _, id := range ids {
		if c := p.component(id); c != nil {
			names = append(names, p.Named(c.Title))
		}
	}
	if more := len(names) - shownAffected; more > 0 {
		names = append(names[:shownAffected], p.labels.Label("incident.more-affected", "count", more))
	}
	return strings.Join(names, " · ")
}

// statusPlanPage is the form of a maintenance.
type statusPlanPage struct {
	statusPage
	Form  form
	Plan  *statuspage.Plan // nil for a new one
	Row   statusPlanRow
	Zones []string
	Shown template.HTML // the text as visitors would see it; empty for no preview
}

// Action is where the form is sent.
func (p statusPlanPage) Action() string {
	if p.Plan == nil {
		return p.Path("/maintenances/new")
	}
	return p.Row.Path
}

// Ticked tells whether a component is chosen.
func (p statusPlanPage) Ticked(id int64) bool {
	return slices.Contains(p.Form.values["component"], formatID(id))
}

// Effects are the choices of what becomes of the jobs.
func (p statusPlanPage) Effects() (choices []choice) {
	for i, name := range wire.PlanEffectNames {
		choices = append(choices, choice{name, p.labels.Label(effectMeanings[i]), p.Form.Value("effect") == name})
	}
	return choices
}

func newStatusPlan(v *visit) error {
	f := newForm("effect", statuspage.EffectNone.String())
	v.suggestSpan(f)
	return v.statusPlanPage(http.StatusOK, f, 0)
}

func showStatusPlan(v *visit) error {
	return v.statusPlanPage(http.StatusOK, form{}, v.pathID("maintenanceId"))
}

// statusPlanPage shows the form of a maintenance; 0 for a new one. Without values it holds what is stored.
func (v *visit) statusPlanPage(status int, f form, id int64) (err error) {
	p := statusPlanPage{Form: f, Zones: cron.ZoneNames()}
	if p.statusPage, err = v.statusPage("/maintenances"); err != nil {
		return err
	}
	if id == 0 && !p.May("editor") {
		return needsRole(cron.RoleEditor)
	}
	if id != 0 {
		plan, err := v.web.service.StatusMaintenance(v.ctx(), v.actor, p.Status.ID, id)
		if err != nil {
			return err
		}
		p.Plan, p.Row = &plan, p.statusPlanRow(&plan)
		if f.values == nil {
			p.Form = v.planForm(&plan).showing(planParts)
		}
	}
	p.Shown = v.shownText()
	return v.render(status, "status-maintenance", p)
}

// planParts are the parts of the form of a maintenance.
var planParts = []formPart{
	partOf("maintenance.title", "title"), partOf("status-maintenance.text", "text"),
	{names: []string{"kind", "start", "end", "schedule", "zone", "duration", "unit"}, label: "maintenance.when", words: map[string]string{"once": "maintenance.once",
		"schedule": "maintenance.by-schedule", "minutes": "maintenance.minutes", "hours": "maintenance.hours", "days": "maintenance.days"}},
	partOf("status-maintenance.components", "component"),
	{names: []string{"effect"}, label: "status-maintenance.effect", words: map[string]string{"none": "status-maintenance.none",
		"silence": "status-maintenance.silence", "pause": "status-maintenance.pause"}},
}

// planForm is the form of a maintenance.
func (v *visit) planForm(plan *statuspage.Plan) form {
	f := newForm("title", plan.Title, "text", plan.Text, "effect", plan.Effect.String())
	for _, id := range plan.ComponentIDs {
		f.values.Add("component", formatID(id))
	}
	w := plan.Window()
	v.setSpans(f, &w)
	return f
}

// readPlan reads the form; before is the maintenance as it is, or the zero value.
func (v *visit) readPlan(before *statuspage.Plan) (statuspage.Plan, error) {
	var (
		c       cron.Checker
		w       cron.MaintenanceWindow
		already = before.Window()
	)
	already.ID = before.ID // which tells that there is a schedule to keep
	v.readSpans(&c, &w, &already)
	v.fillSpan(&w)
	plan := statuspage.Plan{Title: v.form("title"), Text: v.form("text"), Effect: statuspage.Effect(chosen(wire.PlanEffectNames, v.form("effect"))),
		Start: w.Start, End: w.End, Schedule: w.Schedule, Duration: w.Duration}
	for _, text := range v.r.PostForm["component"] {
		if len(plan.ComponentIDs) <= statuspage.MaxComponents { // more are refused
			plan.ComponentIDs = append(plan.ComponentIDs, parseID(text))
		}
	}
	if c.Err() == nil {
		return plan, nil
	}
	checked := plan
	return plan, cron.JoinProblems(c.Err(), checked.Accept(plan.ComponentIDs, before))
}

func createStatusPlan(v *visit) error {
	if v.form("do") == "preview" {
		return v.statusPlanPage(http.StatusOK, form{values: v.r.PostForm}, 0)
	}
	plan, err := v.readPlan(new(statuspage.Plan))
	if err == nil {
		err = v.web.service.AddStatusMaintenance(v.ctx(), v.actor, v.pathID("id"), &plan)
	}
	if err != nil {
		return v.wrongPlan(err, 0)
	}
	return v.after(statusAddress(v.pathID("id"), "/maintenances"), "maintenance-planned")
}

func changeStatusPlan(v *visit) error {
	id := v.pathID("maintenanceId")
	if v.form("do") == "preview" {
		return v.statusPlanPage(http.StatusOK, form{values: v.r.PostForm}, id)
	}
	now, err := v.web.service.StatusMaintenance(v.ctx(), v.actor, v.pathID("id"), id)
	if err != nil {
		return err
	}
	_, err = v.readPlan(&now)
	if err == nil {
		err = v.web.service.ChangeStatusMaintenance(v.ctx(), v.actor, v.pathID("id"), id, func(plan *statuspage.Plan) error {
			if err := v.compare(planParts, v.planForm(plan)); err != nil {
				return err
			}
			to, err := v.readPlan(plan) // which may be that of others now
			if err != nil {
				return err
			}
			plan.Title, plan.Text, plan.Effect, plan.ComponentIDs = to.Title, to.Text, to.Effect, to.ComponentIDs
			plan.Start, plan.End, plan.Schedule, plan.Duration = to.Start, to.End, to.Schedule, to.Duration
			return nil
		})
	}
	if f, changed := changedOf(err); changed {
		return v.statusPlanPage(http.StatusConflict, f, id)
	}
	if err != nil {
		return v.wrongPlan(err, id)
	}
	return v.after(statusAddress(v.pathID("id"), "/maintenances"), "saved")
}

// planFields are the fields of the form.
var planFields = []string{"title", "text", "effect", "start", "end", "zone", "schedule", "duration", "components"}

// wrongPlan shows the form again, with what is wrong beside the fields.
func (v *visit) wrongPlan(err error, id int64) error {
	err = cron.WithProblems(err, func(p *cron.Problem) {
		if p.Pointer == "/componentIds" || strings.HasPrefix(p.Pointer, "/componentIds/") {
			p.Pointer = "/components"
		}
	})
	f, status, err := v.rejectedWindow(err, planFields...)
	if err != nil {
		return err
	}
	return v.statusPlanPage(status, f, id)
}

func deleteStatusPlan(v *visit) error {
	if err := v.web.service.DeleteStatusMaintenance(v.ctx(), v.actor, v.pathID("id"), v.pathID("maintenanceId")); err != nil {
		return err
	}
	return v.after(statusAddress(v.pathID("id"), "/maintenances"), "removed")
}
