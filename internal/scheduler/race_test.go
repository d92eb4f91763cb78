//go:build race

package scheduler

// raced tells that the race detector watches.
const raced = true
