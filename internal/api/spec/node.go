package spec

import (
	"net/http"

	"punctual/internal/cron"
)

func nodeOperations() Group {
	working := Of("working", Integer("How many nodes run jobs at present; at 0, nothing runs until a node is resumed or started.").AtLeast(0))
	return Group{
		Name: "Nodes",
		Description: "The nodes that share the database. For operators of the service, with a session, or with a key that has `operator` and " +
			"the scope `all`.",
		Operations: []Operation{
			{
				Method: http.MethodGet, Path: "/nodes", ID: "listNodes", Summary: "List the nodes", Added: true,
				Description: "Those that are alive first, then the 20 that ended last.",
				Responses:   answers(jsonAnswer("The nodes.", "", Of("nodes", Array("", Ref("Node"))), working)),
			},
			{
				Method: http.MethodPatch, Path: "/nodes/{epoch}", ID: "changeNode", Summary: "Drain or resume a node", Added: true,
				Description: "It takes effect with the next heartbeat of the node, within about two seconds. Draining ends with the process: a node " +
					"that starts again has a new epoch and runs jobs.",
				Parameters: []Parameter{idParameter("epoch", "The epoch of the node.")},
				Body:       jsonBody("What changes.", "node", Input("", nodeMembers()), `{"node":{"draining":true}}`),
				Responses:  answers(jsonAnswer("It was changed.", "", working), http.StatusBadRequest, http.StatusNotFound),
			},
		},
	}
}

// nodeMembers are those of Node.
func nodeMembers() []Member {
	return []Member{
		Of("epoch", Integer("The number of this start of the service.").Output()),
		Of("name", String("Of --node, or of the machine. Nodes may have the same.").Output()),
		Of("role", String("What it does.").Choose(named([]string{string(cron.NodeAll), string(cron.NodeAPI), string(cron.NodeWorker)},
			"everything", "serves the API, the console and status pages", "runs jobs and sends notifications")...).Output()),
		Of("version", String("Of the program; empty for nodes of versions before this call.").Output()),
		Of("started", Time("When it started.").Output()),
		Of("heartbeat", Time("Its latest heartbeat; null for nodes of versions before this call.").OrNull().Output()),
		Of("inFlight", Integer("Executions and test runs in flight, at the heartbeat.").AtLeast(0).Output()),
		Of("latenessMs", Integer("The highest lateness of the executions that it started in the last minute before the heartbeat.").In("ms").AtLeast(0).Output()),
		Of("clockOffsetMs", Integer("The clock of its machine less that of the database. Jobs run by the database's clock.").In("ms").Output()),
		Of("draining", Boolean("It finishes what runs and starts nothing more.").WithDefault(false)),
		Of("alive", Boolean("It has not ended, as far as its lease tells.").Output()),
	}
}

// nodeSchemas are the schemas of nodes.
func nodeSchemas() []Member {
	return []Member{Of("Node", Object("A start of the service on a machine.", nodeMembers()...))}
}
