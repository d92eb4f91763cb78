//go:build !unix

package app

import "math"

// openFiles is the limit on open files, which only Unix has.
func openFiles() int { return math.MaxInt32 }
