//go:build !unix

package app

import "math"

// openFiles is how many files the process may have open; elsewhere than on Unix there is no limit to speak of.
func openFiles() int { return math.MaxInt32 }
