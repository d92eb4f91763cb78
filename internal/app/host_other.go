//go:build !linux

package app

import "os"

// hostID is the same for processes that share the loopback addresses: those of one machine, as far as its name tells.
func hostID() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
