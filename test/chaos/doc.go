// Package chaos kills the binary while it works, and has its network, its clock and its database fail, and checks the ledger against the
// promises.
//
// Each round has a seed, which decides about the jobs and about what is done; the name of the round contains it. These environment
// variables repeat or prolong the rounds:
//
//	PUNCTUAL_CHAOS_SEED    the seed of the first round; the next ones follow it
//	PUNCTUAL_CHAOS_ROUNDS  how many rounds of each kind there are, and longer ones; 0 for as many as there is time for
package chaos
