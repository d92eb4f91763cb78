//go:build race

package scheduler

// raced tells whether the race detector is on.
const raced = true
