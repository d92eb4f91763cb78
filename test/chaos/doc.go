// Package chaos kills the binary while it works and checks the ledger against the promises.
//
// Each round has a seed, which decides about the jobs and about what is done to the nodes; the name of the round
// contains it. These environment variables repeat or prolong the rounds:
package chaos
