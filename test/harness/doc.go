// Package harness runs the binary in tests as its users do: it builds it once, starts, stops, kills and pauses its
// processes, calls the API as a strict client, and provides a server for jobs to call.
package harness
