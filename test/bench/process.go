package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child process.
type process struct{ cmd *exec.Cmd }

func startProcess(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd}, nil
}

func (p *process) kill() {
	if p != nil && p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// stop tells the process to end, and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// peakMemory is the largest resident size in bytes; 0 without /proc.
func (p *process) peakMemory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return n << 10
}

// cpu is the user and kernel time of the process; 0 without /proc, and before it was started.
func (p *process) cpu() time.Duration {
	if p == nil {
		return 0
	}
	own, _ := cpuOf(p.cmd.Process.Pid)
	return own
}

// service is the service that is measured: one process, or several nodes that share a database. The zero value is none.
type service []*process

func (s service) kill() {
	for _, node := range s {
		node.kill()
	}
}

// stop tells all nodes to end, one after the other, and waits for each.
func (s service) stop() (err error) {
	for _, node := range s {
		err = errors.Join(err, node.stop())
	}
	return err
}

// peakMemory is that of the node that has used most.
func (s service) peakMemory() (peak int64) {
	for _, node := range s {
		peak = max(peak, node.peakMemory())
	}
	return peak
}

// cpu is the user and kernel time of all nodes.
func (s service) cpu() (total time.Duration) {
	for _, node := range s {
		total += node.cpu()
	}
	return total
}

// written is how many bytes the nodes have caused to be written to disks.
func (s service) written() (total int64) {
	for _, node := range s {
		total += writtenBy(node.cmd.Process.Pid)
	}
	return total
}

// writtenBy is how many bytes a process has caused to be written to disks; 0 without /proc.
func writtenBy(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\nwrite_bytes: ")
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.ParseInt(line, 10, 64)
	return n
}

// clockTick is the unit of CPU times in /proc.
const clockTick = 10 * time.Millisecond

// cpuOf is the CPU time of a process, and that of its children that have ended.
func cpuOf(pid int) (own, ended time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	ticks := func(i int) time.Duration {
		n, _ := strconv.Atoi(fields[i])
		return time.Duration(n) * clockTick
	}
	return ticks(11) + ticks(12), ticks(13) + ticks(14)
}

// serverOf finds the parent of all processes of a PostgreSQL server on this machine, and the process that serves db; 0
// when the server is elsewhere.
func serverOf(ctx context.Context, db *sql.DB) (server, ours int) {
	var dir string
	if err := db.QueryRowContext(ctx, `SELECT current_setting('data_directory'), pg_backend_pid()`).Scan(&dir, &ours); err != nil {
		return 0, 0
	}
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	server, _ = strconv.Atoi(line)
	return server, ours
}

// childrenOf lists the children of a process.
func childrenOf(pid int) (children []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(text)) {
		n, _ := strconv.Atoi(child)
		children = append(children, n)
	}
	return children
}

// cpuOfFamily is the CPU time of a process and its children except one.
func cpuOfFamily(pid, except int) time.Duration {
	if pid == 0 {
		return 0
	}
	own, ended := cpuOf(pid)
	total := own + ended
	for _, child := range childrenOf(pid) {
		if child != except {
			own, _ := cpuOf(child)
			total += own
		}
	}
	return total
}
