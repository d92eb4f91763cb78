//go:build !linux

package storetest

import "syscall"

// owner is unused here: PostgreSQL has to run as the user of the test, which must not be root.
type owner struct{}

func childAttributes(*owner) *syscall.SysProcAttr { return nil }

func serverOwner() *owner { return nil }

func give(string, *owner) error { return nil }

// children are the processes that a process has started; they are known on Linux only.
func children(int) []int { return nil }

func runs(int) bool { return false }
