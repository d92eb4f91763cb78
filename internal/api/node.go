package api

import (
	"net/http"
	"net/netip"

	"punctual/internal/api/wire"
	"punctual/internal/cron"
)

// listExecutorNodes tells which addresses executions come from, for firewalls of targets.
func (a *api) listExecutorNodes(w http.ResponseWriter, r *http.Request, _ cron.Actor) error {
	addresses, err := a.service.ExecutorAddresses(r.Context())
	if err != nil {
		return err
	}
	return reply(w, struct {
		IPAddresses []netip.Addr `json:"ipAddresses"`
	}{addresses})
}

// node is a start of the service on a machine. Times are Unix seconds.
type node struct {
	Epoch         int64  `json:"epoch"`
	Name          string `json:"name"`
	Role          string `json:"role"`
	Version       string `json:"version"`
	Started       int64  `json:"started"`
	Heartbeat     *int64 `json:"heartbeat"`
	InFlight      int    `json:"inFlight"`
	LatenessMs    int64  `json:"latenessMs"`
	ClockOffsetMs int64  `json:"clockOffsetMs"`
	Draining      bool   `json:"draining"`
	Alive         bool   `json:"alive"`
}

func newNode(n *cron.Node) node {
	return node{
		n.Epoch, n.Name, string(n.Role), n.Version, n.Started.Unix(), wire.UnixOrNull(n.Heartbeat), n.InFlight,
		n.Lateness.Milliseconds(), n.ClockOffset.Milliseconds(), n.Draining, n.Alive,
	}
}

// listNodes lists the nodes, those that are alive first. working tells operators that nothing runs, when it is 0.
func (a *api) listNodes(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	nodes, err := a.service.Nodes(r.Context(), actor)
	if err != nil {
		return err
	}
	answer := struct {
		Nodes   []node `json:"nodes"`
		Working int    `json:"working"`
	}{make([]node, len(nodes)), cron.WorkingNodes(nodes)}
	for i := range nodes {
		answer.Nodes[i] = newNode(&nodes[i])
	}
	return reply(w, answer)
}

// changeNode lets a node drain, or resumes it.
func (a *api) changeNode(w http.ResponseWriter, r *http.Request, actor cron.Actor) error {
	body, outer, err := wire.ReadMember(w, r, nodeBody, "node")
	if err != nil {
		return err
	}
	var p wire.Problems
	o := wire.NewObject(body, "/node", &p)
	o.Skip("epoch", "name", "role", "version", "started", "heartbeat", "inFlight", "latenessMs", "clockOffsetMs", "alive")
	draining := given(o, "draining", wire.Object.Boolean)
	a.tellIgnored(w, r, outer, "", p.Unread())
	if err := p.Err(); err != nil {
		return err
	}
	if draining != nil {
		if err := a.service.DrainNode(r.Context(), actor, pathID(r, "epoch"), *draining); err != nil {
			return err
		}
	}
	nodes, err := a.service.Nodes(r.Context(), actor)
	if err != nil {
		return err
	}
	if _, err := cron.FindNode(nodes, r.PathValue("epoch")); err != nil && draining == nil {
		return err
	}
	return reply(w, struct {
		Working int `json:"working"`
	}{cron.WorkingNodes(nodes)})
}
