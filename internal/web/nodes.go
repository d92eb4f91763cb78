package web

import (
	"net/http"
	"strings"
	"time"

	"punctual/internal/cron"
)

const (
	pathNodes = root + "/settings/nodes"
	pathPlans = root + "/settings/plans"
)

func (w *web) nodeRoutes() []route {
	return []route{
		{"GET", pathNodes, signedIn, showNodes},
		{"POST", pathNodes + "/{id}/drain", signedIn, drainNode(true)},
		{"POST", pathNodes + "/{id}/resume", signedIn, drainNode(false)},
		{"GET", pathPlans, signedIn, showPlans},
	}
}

// Load is what the node that answers has to do at present.
type Load struct {
	InFlight, Slots     int           // executions and test runs, and how many there may be
	LateBy              time.Duration // the lateness of the oldest one that waits for a slot
	DiskFree, DiskTotal int64         // bytes of the disk of the database; 0 where that is not this machine's
}

// nodesPage shows operators the nodes, and what the database holds.
type nodesPage struct {
	view
	Form       form // of draining
	Nodes      []cron.Node
	Facts      []fact
	PostgreSQL bool
}

func showNodes(v *visit) error { return v.nodesPage(http.StatusOK, newForm()) }

func (v *visit) nodesPage(status int, f form) error {
	p := nodesPage{PostgreSQL: v.web.about.PostgreSQL, Form: f}
	var err error
	if p.view, err = v.view("nodes"); err != nil {
		return err
	}
	if p.Nodes, err = v.web.service.Nodes(v.ctx(), v.actor); err != nil {
		return err
	}
	held, err := v.web.service.Storage(v.ctx(), v.actor)
	if err != nil {
		return err
	}
	p.Facts, p.Wide = v.storageFacts(&p.view, &held), p.PostgreSQL
	return v.render(status, "nodes", p)
}

// drainNode lets a node drain, or resumes it.
func drainNode(draining bool) handler {
	return func(v *visit) error {
		err := v.web.service.DrainNode(v.ctx(), v.actor, v.pathID("id"), draining)
		switch {
		case err == nil && draining:
			return v.after(pathNodes, "node-drains")
		case err == nil:
			return v.after(pathNodes, "node-resumed")
		}
		f, status, err := v.rejected(err)
		if err != nil {
			return err
		}
		return v.nodesPage(status, f)
	}
}

// NodeState is whether a node works.
func (p nodesPage) NodeState(n cron.Node) state {
	switch n.State() {
	case cron.NodeEnded:
		return state{"muted", "circle-slash", p.labels.Label("nodes.ended")}
	case cron.NodeDraining:
		return state{"warn", "triangle-alert", p.labels.Label("nodes.draining")}
	case cron.NodeServes:
		return state{"good", "circle-check", p.labels.Label("nodes.serves")}
	}
	return state{"good", "circle-check", p.labels.Label("nodes.alive")}
}

// NodeRole is what a node does.
func (p nodesPage) NodeRole(n cron.Node) string {
	switch n.Role {
	case cron.NodeAll:
		return p.labels.Label("nodes.role-all")
	case cron.NodeAPI:
		return p.labels.Label("nodes.role-api")
	case cron.NodeWorker:
		return p.labels.Label("nodes.role-worker")
	}
	return string(n.Role) // of a newer version
}

// NothingRuns tells whether no live node runs jobs.
func (p nodesPage) NothingRuns() bool { return cron.WorkingNodes(p.Nodes) == 0 }

// SharedNames lists the names that several live nodes have.
func (p nodesPage) SharedNames() string { return strings.Join(cron.SharedNames(p.Nodes), ", ") }

// ClockOffset is the clock of a node less that of the database, in words.
func (p nodesPage) ClockOffset(n cron.Node) string {
	offset := n.ClockOffset.Round(time.Millisecond)
	if offset < 0 {
		return "−" + p.Duration(-offset)
	}
	return p.Duration(offset)
}

// storageFacts are the facts in words.
func (v *visit) storageFacts(p *view, held *cron.Storage) []fact {
	t := p.labels.Label
	facts := []fact{{t("storage.database"), v.databaseName()}, {t("storage.size"), p.Bytes(held.Bytes)}}
	if v.web.load != nil {
		l := v.web.load()
		if l.DiskTotal > 0 {
			facts = append(facts, fact{t("storage.disk"), t("storage.disk-free", "free", p.Bytes(l.DiskFree), "total", p.Bytes(l.DiskTotal))})
		}
		facts = append(facts, fact{t("storage.in-progress"), t("storage.of-slots", "count", p.Count(l.InFlight), "slots", p.Count(l.Slots))},
			fact{t("storage.late"), p.Duration(l.LateBy)})
	}
	return append(facts, fact{t("storage.due"), p.Count(held.Due)}, fact{t("storage.messages"), p.Count(held.WaitingMessages)},
		fact{t("storage.channels"), p.Count(held.FailingChannels)})
}

// databaseName is which database the service has.
func (v *visit) databaseName() string {
	if v.web.about.PostgreSQL {
		return "PostgreSQL"
	}
	return v.catalogue.Label("about.sqlite", "directory", v.web.about.DataDir)
}

// limitLabels are the labels of the limits of plans.
var limitLabels = map[string]string{
	"dailyRequests": "limit.daily-requests", "requestsPerSecond": "limit.requests", "createJobsPerSecond": "limit.create-jobs-second",
	"createJobsPerMinute": "limit.create-jobs-minute", "createFoldersPerSecond": "limit.create-folders-second",
	"createFoldersPerMinute": "limit.create-folders-minute", "changeFoldersPerSecond": "limit.change-folders", "testRunsPerDay": "limit.test-runs",
	"testRunIntervalSeconds": "limit.test-run-interval", "maxJobs": "limit.jobs", "maxKeys": "limit.keys", "maxSecrets": "limit.secrets",
	"maxChannels": "limit.channels", "maxStatusPages": "limit.status-pages", "maxSubscribers": "limit.subscribers", "maxStatusDomains": "limit.status-domains", "mailsPerDay": "limit.mails", "maxVersionBytes": "limit.versions", "minIntervalSeconds": "limit.interval",
	"defaultTimeoutSeconds": "limit.default-timeout", "maxTimeoutSeconds": "limit.timeout", "maxResponseBytes": "limit.response",
	"maxInFlight": "limit.in-progress", "maxFailures": "limit.failures", "retentionDays": "limit.retention",
}

// plansPage shows operators the limits of all plans, side by side.
type plansPage struct {
	view
	Plans  []cron.Plan
	Limits []limitRow
}

// planValue is the value of a limit in a plan.
type planValue struct{ Plan, Text string }

// limitRow is a limit in each of the plans.
type limitRow struct {
	Label, Name string
	Values      []planValue
}

func showPlans(v *visit) error {
	var p plansPage
	var err error
	if p.view, err = v.view("plans"); err != nil {
		return err
	}
	if p.Plans, err = v.web.service.Plans(v.actor); err != nil {
		return err
	}
	for i := range cron.PlanLimits {
		l := &cron.PlanLimits[i]
		row := limitRow{Label: strings.TrimSuffix(l.What, "."), Name: l.Name}
		if label, ok := limitLabels[l.Name]; ok {
			row.Label = p.labels.Label(label)
		}
		for j := range p.Plans {
			row.Values = append(row.Values, planValue{p.Plans[j].Name, p.limitText(l, l.Of(&p.Plans[j]))})
		}
		p.Limits = append(p.Limits, row)
	}
	p.Wide = len(p.Plans) > 3
	return v.render(http.StatusOK, "plans", p)
}

// limitText is the value of a limit.
func (p *plansPage) limitText(l *cron.PlanLimit, n int64) string {
	switch {
	case l.None(n):
		return p.labels.Label("limit.none")
	case l.Unit == "bytes":
		return p.Bytes(n)
	case l.Unit == "s":
		return p.Duration(time.Duration(n) * time.Second)
	case l.Unit == "days":
		return p.labels.Label("about.days", "count", p.Count(n))
	}
	return p.Count(n)
}
