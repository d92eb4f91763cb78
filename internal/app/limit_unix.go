//go:build unix

package app

import (
	"math"
	"syscall"
)

// openFiles is the limit on open files. The Go runtime has raised the soft limit to the hard limit.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur)
}
