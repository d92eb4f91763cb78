package web

import (
	"net/http"
	"slices"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// pathTests is above the pages of test runs.
const pathTests = root + "/tests"

func (w *web) testRunRoutes() []route {
	return []route{
		{"POST", pathTests, signedIn, startTest},
		{"GET", pathTests + "/{id}", signedIn, showTest},
		{"GET", pathTests + "/{id}/events", signedIn, followTest},
		{"POST", pathTests + "/{id}/end", signedIn, endTest},
	}
}

// testPath is the page of a test run.
func testPath(id int64) string { return pathTests + "/" + formatID(id) }

// startTest starts a test run: of a stored job, whose page says why not, or of the job that the form of the editor holds, saved or not.
// A form that is wrong counts as no test run.
func startTest(v *visit) error {
	if v.r.PostForm.Has("editor") {
		return v.testDraft()
	}
	jobID := parseID(v.form("job"))
	if jobID == 0 {
		return cron.Missing(cron.SubjectJob)
	}
	err := v.web.service.RoomForTestRun(v.ctx(), v.actor)
	if err == nil {
		err = v.test(jobID, &cron.JobPatch{})
	}
	if err != nil {
		return v.jobFailed(jobID, err)
	}
	return nil
}

// testDraft tests what the form of the editor holds.
func (v *visit) testDraft() error {
	if err := v.web.service.RoomForTestRun(v.ctx(), v.actor); err != nil {
		return err
	}
	draft, err := v.jobDraft()
	if err != nil {
		return err
	}
	if err = v.test(draft.JobID, draft.Patch); cron.KindOf(err) == cron.Invalid {
		return v.rejectedDraft(draft, err)
	}
	return err
}

// test starts a test run of a job with some changes, and leads to its page.
func (v *visit) test(jobID int64, patch *cron.JobPatch) error {
	s := v.web.service
	t, err := s.NewTestRun(v.ctx(), v.actor, jobID, patch)
	if err == nil {
		err = s.Admit(v.ctx(), v.actor, service.UseStartTestRun)
	}
	if err == nil {
		err = s.StartTestRun(v.ctx(), v.actor, &t)
	}
	if err != nil {
		return err
	}
	return v.redirect(testPath(t.ID))
}

// showTest shows how far a test run has come. While it runs, scripts load the page again when it has changed.
func showTest(v *visit) error {
	t, err := v.web.service.TestRun(v.ctx(), v.actor, v.pathID("id"))
	if err != nil {
		return err
	}
	p := testPage{Run: &t}
	if p.view, err = v.view("jobs"); err != nil {
		return err
	}
	p.fill()
	return v.render(http.StatusOK, "test-run", p)
}

func endTest(v *visit) error {
	id := v.pathID("id")
	if err := v.web.service.EndTestRun(v.ctx(), v.actor, id); err != nil {
		return err
	}
	return v.redirect(testPath(id))
}

// testPage is a test run as its page shows it.
type testPage struct {
	view
	Run      *cron.TestRun
	State    state
	Sentence string
	Phases   []testPhase
	Checks   []testCheck
	Hops     []testHop
	Mend     string // the label of the button that leads to the editor with a change; empty for none
	MendPath string
	MendName string // what the change is of, and to what
	MendTo   string
}

// Running tells whether more is to come.
func (p testPage) Running() bool { return p.Run.State != cron.TestFinished }

// testPhase is a phase in the list of those of a test run.
type testPhase struct {
	Label, Class, Icon string
	Now                bool
}

// testCheck is a success criterion with its verdict.
type testCheck struct {
	What, Want, Got string
	Verdict         state
}

// fill words what is known of the test run.
func (p *testPage) fill() {
	t := p.Run
	label := p.labels.Label
	ok := t.Result.Status == cron.StatusOK
	switch {
	case t.State == cron.TestWaiting:
		p.State, p.Sentence = state{"busy", "clock", label("test.waiting")}, label("test.waiting-text")
	case t.State == cron.TestRunning && t.Ends:
		p.State, p.Sentence = state{"busy", "loader-circle", label("test.ending")}, label("test.ending-text")
	case t.State == cron.TestRunning:
		p.State = state{"busy", "loader-circle", label("test.running")}
		p.Sentence = p.phaseName(t.Phase)
	case ok:
		p.State = state{"good", "circle-check", label("test.succeeded")}
		p.Sentence = label("test.succeeded-text", "status", statusText(&t.Result), "duration", p.Duration(t.Result.Duration))
	default:
		p.State, p.Sentence = state{"bad", "circle-x", label("test.failed")}, p.labels.Diagnosis(&t.Diagnosis)
	}
	p.fillPhases(ok)
	for _, c := range t.Trace.Checks {
		p.Checks = append(p.Checks, p.check(c))
	}
	p.fillHops()
	if m := t.Diagnosis.Mend; m.Kind != cron.MendNone {
		p.Mend, p.MendPath = label(mendLabel(m.Kind)), mendLink(t.JobID, m)
		if p.MendName = mendNames[m.Kind]; p.MendName != "" {
			p.MendTo = m.Text
			if m.Number != 0 {
				p.MendTo = strconv.Itoa(m.Number)
			}
		}
	}
}

// statusText is the status of a response, such as "200 OK".
func statusText(r *cron.Result) string {
	text := strconv.Itoa(r.HTTPStatus)
	if reason := r.Reason; reason != "" {
		return text + " " + clipText(reason, 80)
	}
	if reason := http.StatusText(r.HTTPStatus); reason != "" {
		return text + " " + reason
	}
	return text
}

// fillPhases lists the phases with how far it has come.
func (p *testPage) fillPhases(ok bool) {
	t := p.Run
	reached := t.Phase
	secured := slices.ContainsFunc(t.Trace.Hops, func(h cron.Hop) bool { return h.TLS != nil })
	for phase := cron.PhasePreparing; phase <= cron.PhaseDone; phase++ {
		if phase == cron.PhaseSecuring && !secured && phase < reached {
			continue // without TLS
		}
		x := testPhase{Label: p.phaseName(phase), Class: "muted", Icon: "circle"}
		switch {
		case phase < reached, phase == reached && !p.Running() && (ok || phase == cron.PhaseDone):
			x.Class, x.Icon = "good", "circle-check"
		case phase == reached && p.Running():
			x.Class, x.Icon, x.Now = "busy", "loader-circle", true
		case phase == reached:
			x.Class, x.Icon = "bad", "circle-x"
		}
		p.Phases = append(p.Phases, x)
	}
}

// check words a success criterion.
func (p *testPage) check(c cron.Check) testCheck {
	label := p.labels.Label
	what := map[cron.CheckKind]string{cron.CheckStatus: "test.check-status", cron.CheckContains: "test.check-contains",
		cron.CheckNotContains: "test.check-not-contains", cron.CheckMatches: "test.check-matches"}[c.Kind]
	x := testCheck{What: label(what), Want: clipText(c.Want, 300), Got: c.Got, Verdict: state{"muted", "circle", label("test.not-checked")}}
	switch c.Verdict {
	case cron.VerdictPassed:
		x.Verdict = state{"good", "circle-check", label("test.passed")}
	case cron.VerdictFailed:
		x.Verdict = state{"bad", "circle-x", label("test.not-passed")}
	}
	return x
}
