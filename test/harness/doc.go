// Package harness runs the binary as its users do, for tests: it builds it once, starts, stops, kills and pauses its
// processes, speaks the API as a strict client, and offers a server for jobs to call.
package harness
