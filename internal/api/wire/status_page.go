package wire

import "punctual/internal/statuspage"

// Names of what status pages can be, by their numbers.
var (
	AccessNames = statuspage.AccessNames
	ThemeNames  = statuspage.ThemeNames
	FoldNames   = statuspage.FoldNames
)

// StateNames are the names of the states of a component, by their numbers.
func StateNames() []string {
	names := make([]string, statuspage.StateCount)
	for i := range names {
		names[i] = statuspage.State(i).String()
	}
	return names
}
