//go:build !linux

package store

import "syscall"

// limitUnacknowledged does nothing: the system has no such limit for a connection.
func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }
