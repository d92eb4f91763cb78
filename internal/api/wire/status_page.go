package wire

import "punctual/internal/statuspage"

// Names of what status pages can be, by their numbers.
var (
	AccessNames = []string{statuspage.AccessPublic: "public", statuspage.AccessUnlisted: "unlisted", statuspage.AccessPassword: "password",
		statuspage.AccessMembers: "members"}
	ThemeNames = []string{statuspage.ThemeSystem: "system", statuspage.ThemeLight: "light", statuspage.ThemeDark: "dark"}
	FoldNames  = []string{statuspage.FoldOpen: "open", statuspage.FoldCollapsed: "collapsed", statuspage.FoldHealthy: "healthy"}
)

// StateNames are the names of the states of a component, by their numbers.
func StateNames() []string {
	names := make([]string, statuspage.StateCount)
	for i := range names {
		names[i] = statuspage.State(i).String()
	}
	return names
}
