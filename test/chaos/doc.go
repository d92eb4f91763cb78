// Package chaos kills the binary at work, again and again, and holds what is left to the promises.
//
// Each round has a seed, which decides on the burst of jobs and on what is done to the nodes, and its name says it. These
// environment variables repeat or prolong the rounds:
//
//	PUNCTUAL_CHAOS_SEED    the seed of the first round; each further round has the next one
//	PUNCTUAL_CHAOS_ROUNDS  how many rounds each test makes; 0 is until one fails or the time of go test is nearly over
package chaos
