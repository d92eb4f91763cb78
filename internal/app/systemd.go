package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"
)

// The times of the service manager.
const (
	stopGrace     = time.Minute // added to the drain, for results and requests in progress
	stillLimit    = time.Minute // how long the scheduler's loop may be stuck before the watchdog is no longer notified
	notifyTimeout = time.Second
)

// serviceManager is systemd, when it runs the service as a unit of Type=notify. It is told when the service is ready,
// when it stops, and regularly that it is alive (sd_notify(3), sd_watchdog_enabled(3)). The zero value is no service
// manager.
type serviceManager struct {
	socket   string        // a path, or the name of an abstract socket after "@"
	watchdog time.Duration // the watchdog timeout; 0 for none
}

// findServiceManager reads the environment variables that systemd sets.
func findServiceManager(getenv func(string) string, pid int) serviceManager {
	m := serviceManager{socket: getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if of := getenv("WATCHDOG_PID"); err == nil && usec > 0 && (of == "" || of == strconv.Itoa(pid)) {
		m.watchdog = time.Duration(min(usec, int64(24*time.Hour/time.Microsecond))) * time.Microsecond
	}
	return m
}

// notify sends assignments such as READY=1.
func (m serviceManager) notify(assignments ...string) error {
	if m.socket == "" {
		return nil
	}
	conn, err := net.DialTimeout("unixgram", m.socket, notifyTimeout) // "@" stands for an abstract socket
	if err != nil {
		return fmt.Errorf("reach the service manager: %w", err)
	}
	err = conn.SetDeadline(time.Now().Add(notifyTimeout))
	if err == nil {
		_, err = conn.Write([]byte(strings.Join(assignments, "\n")))
	}
	if err = errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// extendTimeout asks the service manager for more time.
func extendTimeout(d time.Duration) string {
	return "EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10)
}

func (n *node) tellManager(assignments ...string) {
	if err := n.manager.notify(assignments...); err != nil {
		n.logger.Warn("systemd does not hear from the service", slog.String("error", err.Error()))
	}
}

// watchdog notifies the service manager that the service is alive, three times per watchdog timeout.
func (n *node) watchdog() worker {
	if n.manager.socket == "" || n.manager.watchdog == 0 {
		return worker{}
	}
	return worker{
		name: "watchdog", period: max(n.manager.watchdog/3, time.Millisecond), step: n.keepAlive,
		failure: "systemd is not told that the service is alive, and may restart it",
	}
}

// errStill says that the scheduler's loop is stuck, whether or not the database works.
var errStill = errors.New("the loop of the scheduler stands still")

func (n *node) keepAlive(context.Context) (more bool, err error) {
	if last := n.jobs.LastLoop(); n.role().Works() && n.ready.Load() && time.Since(last) > stillLimit {
		return false, errStill
	}
	return false, n.manager.notify("WATCHDOG=1")
}
