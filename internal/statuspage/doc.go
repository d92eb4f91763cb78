// Package statuspage is the domain of status pages: what an account shows to its own users of how its services are. It stores
// nothing, and has no I/O.
//
// A page has components, such as "Website" or "Payments in Europe". The state of a component at an instant is a pure function of
// four layers, each of which is a list of transitions:
//
//	observed     what the latest runs of its jobs say
//	by hand      what a person set, until it is released
//	incident     the impact of the incidents that are not resolved
//	maintenance  whether a maintenance is in progress
//
// Uptime is an integral over the states. What is kept for each day is only a cache of that.
package statuspage
