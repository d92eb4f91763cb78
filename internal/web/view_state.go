package web

import (
	"time"

	"punctual/internal/cron"
)

// state is what a job or an execution is, as the template "state" shows it: an icon and a word in a colour.
type state struct {
	Class string // "good", "bad", "warn", "busy" or "muted"
	Icon  string
	Text  string
}

// JobState is what a job is at present: the condition that matters most.
func (p view) JobState(r *cron.JobRecord) state {
	holds := map[cron.JobCondition]bool{}
	for _, c := range r.Conditions(p.now) {
		holds[c] = true
	}
	t := p.labels.Label
	switch {
	case holds[cron.JobDisabled]:
		return state{"muted", "circle-slash", t("state.disabled")}
	case holds[cron.JobPaused]:
		return state{"muted", "circle-pause", t("state.paused")}
	case holds[cron.JobFailing]:
		return state{"bad", "circle-x", t("state.failing")}
	case holds[cron.JobLate]:
		return state{"warn", "clock-alert", t("state.late")}
	case r.State.NextRun.IsZero():
		return state{"muted", "circle-slash", t("state.ended")}
	case holds[cron.JobNeverRan]:
		return state{"muted", "circle", t("state.new")}
	}
	return state{"good", "circle-check", t("state.ok")}
}

// RunState is what became of an execution.
func (p view) RunState(o cron.Outcome) state {
	t := p.labels.Label
	switch o {
	case cron.OutcomeRunning:
		return state{"busy", "loader-circle", t("outcome.running")}
	case cron.OutcomeSucceeded:
		return state{"good", "circle-check", t("outcome.succeeded")}
	case cron.OutcomeFailed:
		return state{"bad", "circle-x", t("outcome.failed")}
	case cron.OutcomeSkipped:
		return state{"muted", "skip-forward", t("outcome.skipped")}
	case cron.OutcomeLost:
		return state{"warn", "circle-question-mark", t("outcome.lost")}
	}
	return state{"warn", "clock-alert", t("outcome.missed")}
}

// Late tells whether an execution started so late that people want to know.
func (view) Late(d time.Duration) bool { return d >= time.Second }
