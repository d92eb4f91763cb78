package harness

import "syscall"

// childAttributes end a child when the test process dies for any reason.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
