package browser

import (
	"testing"

	"punctual/test/harness"
)

// TestUnknownPage looks at the page that stands for one that does not exist.
func TestUnknownPage(t *testing.T) {
	t.Parallel()
	node := harness.NewService(t, "").Start()
	openTab(t, node.URL).Expect(404).Open("/console/nothing").See("There is nothing here").Look("unknown")
}
