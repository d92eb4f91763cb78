package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// machine is the CPU time of the machine since it started, summed over its cores.
type machine struct {
	busy   time.Duration // of all processes
	idle   time.Duration
	iowait time.Duration // idle, while the core waited for a disk
	stolen time.Duration // taken by other machines on the same hardware
}

// machineNow reads /proc/stat; all is 0 where there is none.
func machineNow() machine {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machine{}
	}
	return parseMachine(string(text))
}

func parseMachine(stat string) (m machine) {
	line, _, _ := strings.Cut(stat, "\n")
	for i, field := range strings.Fields(line) { // cpu user nice system idle iowait irq softirq steal …
		n, _ := strconv.Atoi(field)
		switch d := time.Duration(n) * clockTick; i {
		case 1, 2, 3, 6, 7:
			m.busy += d
		case 4:
			m.idle += d
		case 5:
			m.iowait += d
		case 8:
			m.stolen += d
		}
	}
	return m
}

// moment is the CPU time that was used until an instant, by whom.
type moment struct {
	at                       time.Time
	server, target, database time.Duration
	own                      time.Duration // of this process, and of the database on its behalf
	machine                  machine
}

// now reads the CPU times of the machine and of all processes of the run.
func (b *bench) now() moment {
	own, _ := cpuOf(os.Getpid())
	reading, _ := cpuOf(b.reader)
	return moment{time.Now(), b.server.cpu(), b.target.cpu(), cpuOfFamily(b.databaseServer, b.reader), own + reading, machineNow()}
}

// since is what was used between two moments.
func (m moment) since(before moment) moment {
	return moment{
		at: m.at, server: m.server - before.server, target: m.target - before.target, database: m.database - before.database, own: m.own - before.own,
		machine: machine{
			m.machine.busy - before.machine.busy, m.machine.idle - before.machine.idle,
			m.machine.iowait - before.machine.iowait, m.machine.stolen - before.machine.stolen,
		},
	}
}

// shares are shares of the machine's time.
type shares struct {
	Idle   float64
	IOWait float64 // idle, while the core waited for a disk
	Others float64 // used by processes that have nothing to do with the run
	Stolen float64 // taken by other machines on the same hardware
}

// shares of what was used between two moments.
func (m moment) shares() shares {
	all := m.machine.busy + m.machine.idle + m.machine.iowait + m.machine.stolen
	if all <= 0 {
		return shares{}
	}
	of := func(d time.Duration) float64 { return float64(max(0, d)) / float64(all) }
	return shares{of(m.machine.idle), of(m.machine.iowait), of(m.machine.busy - m.server - m.target - m.database - m.own), of(m.machine.stolen)}
}

// between is the moment at an instant between two moments, as if all times had passed evenly.
func between(a, b moment, at time.Time) moment {
	whole := b.at.Sub(a.at)
	if whole <= 0 {
		return a
	}
	part := min(1, max(0, float64(at.Sub(a.at))/float64(whole)))
	step := b.since(a)
	portion := func(d time.Duration) time.Duration { return time.Duration(part * float64(d)) }
	return moment{
		at: at, server: a.server + portion(step.server), target: a.target + portion(step.target), database: a.database + portion(step.database),
		own: a.own + portion(step.own),
		machine: machine{
			a.machine.busy + portion(step.machine.busy), a.machine.idle + portion(step.machine.idle),
			a.machine.iowait + portion(step.machine.iowait), a.machine.stolen + portion(step.machine.stolen),
		},
	}
}

// sampleTime is the time between two moments that are kept: short beside a burst, and rare enough to cost nothing beside it.
const sampleTime = 50 * time.Millisecond

// samples are moments of a run, so that it can be told afterwards what was used until the last request had arrived.
type samples struct {
	mu   sync.Mutex
	kept []moment
}

// run keeps moments until ctx ends.
func (s *samples) run(ctx context.Context, now func() moment) {
	ticker := time.NewTicker(sampleTime)
	defer ticker.Stop()
	for {
		s.keep(now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *samples) keep(m moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, m)
}

// at is the moment at an instant, which the kept ones should enclose.
func (s *samples) at(t time.Time) moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) == 0 {
		return moment{}
	}
	i := 0
	for i < len(s.kept)-2 && !s.kept[i+1].at.After(t) {
		i++
	}
	return between(s.kept[i], s.kept[min(i+1, len(s.kept)-1)], t)
}
