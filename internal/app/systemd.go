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
	stopGrace     = time.Minute // beyond the drain, for results and requests under way
	stillLimit    = time.Minute // for so long the scheduler's loop may stand still before the watchdog hears nothing more
	notifyTimeout = time.Second
)

// serviceManager is systemd, where it runs the service as a unit of Type=notify: it hears when the service is ready, that
// it stops, and every now and then that it is alive (sd_notify(3), sd_watchdog_enabled(3)). The zero value is none.
type serviceManager struct {
	socket   string        // a path, or the name of an abstract socket after "@"
	watchdog time.Duration // how often it must hear that the service is alive; 0 for never
}

// findServiceManager reads the environment that systemd gives a service.
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
	conn, err := net.DialTimeout("unixgram", m.socket, notifyTimeout) // where "@" stands for an abstract socket
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

// extendTimeout asks the service manager for that much time from now on.
func extendTimeout(d time.Duration) string {
	return "EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10)
}

func (n *node) tellManager(assignments ...string) {
	if err := n.manager.notify(assignments...); err != nil {
		n.logger.Warn("systemd does not hear from the service", slog.String("error", err.Error()))
	}
}

// watchdog tells the service manager that the service is alive, three times as often as it must.
func (n *node) watchdog() worker {
	if n.manager.socket == "" || n.manager.watchdog == 0 {
		return worker{}
	}
	return worker{
		name: "watchdog", period: max(n.manager.watchdog/3, time.Millisecond), step: n.keepAlive,
		failure: "systemd is not told that the service is alive, and may restart it",
	}
}

// errStill says that the scheduler's loop does not come round, with or without a database.
var errStill = errors.New("the loop of the scheduler stands still")

func (n *node) keepAlive(context.Context) (more bool, err error) {
	if last := n.jobs.LastLoop(); n.ready.Load() && time.Since(last) > stillLimit {
		return false, errStill
	}
	return false, n.manager.notify("WATCHDOG=1")
}
