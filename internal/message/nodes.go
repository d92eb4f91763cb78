package message

import (
	"fmt"
	"strings"

	"punctual/internal/cron"
)

// NodeDrains says what was asked of a node.
func (c *Catalogue) NodeDrains(name string, epoch int64, draining bool) string {
	if draining {
		return fmt.Sprintf("The node %s (epoch %d) drains: within a few seconds it starts nothing more, and it finishes what runs.", name, epoch)
	}
	return fmt.Sprintf("The node %s (epoch %d) runs jobs again within a few seconds, unless its role is to serve the API only.", name, epoch)
}

// NothingRuns says that no live node runs jobs.
func (c *Catalogue) NothingRuns() string {
	return "No node runs jobs now: nothing is executed and no notifications are sent until a node is resumed or started with --role all or worker."
}

// SharedNode warns of a name that several live nodes have.
func (c *Catalogue) SharedNode(name string) string {
	return fmt.Sprintf("Several live nodes have the name %s. Give each a name of its own with --node.", name)
}

// WhichNode says that a name does not tell which node is meant.
func (c *Catalogue) WhichNode(e *cron.SharedNameError) string {
	epochs := make([]string, len(e.Nodes))
	for i, n := range e.Nodes {
		epochs[i] = fmt.Sprint(n.Epoch)
	}
	return fmt.Sprintf("Several live nodes have the name %s. Give the epoch instead: %s.", e.Name, strings.Join(epochs, " or "))
}

// NoSuchNode says that there is no live node with a name or an epoch.
func (c *Catalogue) NoSuchNode(name string) string {
	return fmt.Sprintf("No live node has the name or the epoch %s. punctual nodes lists them; one that has started again has a new epoch.", name)
}
