package app

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// faultTests is set by the linker in the binary of the fault tests only: -ldflags "-X punctual/internal/app.faultTests=on". No other
// binary reads the variables of those tests.
var faultTests string

// clockVariable names a file that holds by how many milliseconds the wall clock of the process is off, for fault tests.
const clockVariable = "PUNCTUAL_FAULT_CLOCK"

// clock is the wall clock of the machine.
func clock() func() time.Time {
	path := os.Getenv(clockVariable)
	if faultTests == "" || path == "" {
		return time.Now
	}
	return func() time.Time {
		text, _ := os.ReadFile(path) // without the file it is right
		off, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Now().Add(time.Duration(off) * time.Millisecond)
	}
}
