package cron

import (
	"cmp"
	"slices"
	"time"
)

// The spans that a Load covers.
const (
	LoadMinutes = 24 * 60
	LoadDays    = 7
	loadSpan    = LoadDays * 24 * time.Hour
	loadSlot    = 15 * time.Minute // no zone of today changes its hour within one
)

// MaxLoadHosts is the number of hosts that a Load lists.
const MaxLoadHosts = 100

// maxLoadWork bounds the work of PlanLoad, in occurrences that are looked up. It takes up to two seconds.
const maxLoadWork = 8 << 20

// lookupWork is the cost of looking an occurrence up, compared with counting it.
const lookupWork = 64

// LoadQuery asks for the load that jobs are going to be.
type LoadQuery struct {
	From     time.Time     // rounded down to the full minute
	Timezone string        // of the hours of the week
	Host     string        // as TargetHost; only jobs that call it. Empty for all
	Spread   time.Duration // for Load.Spread; 0 for none
}

// Check adds what is wrong with the query.
func (q *LoadQuery) Check(c *Checker) {
	if zoneNamed(q.Timezone) == nil {
		c.Add("/timezone", Problem{Rule: RuleUnknownTimeZone, Given: q.Timezone})
	}
	if q.Spread < 0 || q.Spread > MaxSpread {
		c.Add("/spreadSeconds", OutOfRange(int64(q.Spread/time.Second), 0, int64(MaxSpread/time.Second)))
	}
}

// Load counts the occurrences that lie ahead, by the schedules of enabled jobs. Retries and manual runs are not known ahead.
type Load struct {
	From   time.Time
	Jobs   int                    // that were counted, with occurrences or without
	Passed int                    // jobs that were not counted, since there are too many occurrences
	Day    []int                  // for each of the LoadMinutes minutes from From on
	Spread []int                  // the same, if each job had the spread of the query; nil without one
	Week   [LoadDays * 24]int     // for each hour of the week from Monday 0:00 on, of the LoadDays days from From on
	Hosts  []HostLoad             // with the most occurrences in the day, most first
	slots  [LoadDays*24*4 + 1]int // the hour of the week, for each loadSlot from From on
}

// HostLoad is the load of one host.
type HostLoad struct {
	Host      string
	Jobs      int
	Day, Week int // occurrences in these spans
}

// scheduleLoad is the jobs that share a schedule: its occurrences are looked up once.
type scheduleLoad struct {
	schedule Schedule
	plain    []*Job // neither spread nor paused: due whenever the schedule is
	other    []*Job
}

// PlanLoad counts the occurrences of jobs, of which it needs ID, URL, Schedule and Timing. They are taken as enabled.
// The query is taken to be valid.
func PlanLoad(jobs []Job, q LoadQuery) Load {
	zone := zoneNamed(q.Timezone).loc
	load := Load{From: q.From.UTC().Truncate(time.Minute), Day: make([]int, LoadMinutes)}
	if q.Spread > 0 {
		load.Spread = make([]int, LoadMinutes)
	}
	for i := range load.slots {
		at := load.From.Truncate(loadSlot).Add(time.Duration(i) * loadSlot).In(zone)
		load.slots[i] = (int(at.Weekday())+6)%7*24 + at.Hour()
	}
	hosts := make(map[string]*HostLoad)
	work := maxLoadWork
	for _, group := range loadGroups(jobs, q.Host) {
		if work <= 0 {
			load.Passed += len(group.plain) + len(group.other)
			continue
		}
		work = load.addGroup(group, &q, hosts, work)
	}
	for _, host := range hosts {
		load.Hosts = append(load.Hosts, *host)
	}
	slices.SortFunc(load.Hosts, func(a, b HostLoad) int {
		return cmp.Or(b.Day-a.Day, b.Week-a.Week, cmp.Compare(a.Host, b.Host))
	})
	load.Hosts = load.Hosts[:min(len(load.Hosts), MaxLoadHosts)]
	return load
}

// loadGroups groups the jobs that call a host by their schedules, in the order of their first jobs.
func loadGroups(jobs []Job, host string) (groups []*scheduleLoad) {
	known := make(map[Schedule]*scheduleLoad)
	for i := range jobs {
		j := &jobs[i]
		if host != "" && TargetHost(j.Request.URL) != host {
			continue
		}
		key := j.Schedule
		if !j.Timing.RunAt.IsZero() {
			key = Schedule{} // whose occurrences do not count
		}
		group := known[key]
		if group == nil {
			group = &scheduleLoad{schedule: key}
			known[key] = group
			groups = append(groups, group)
		}
		if t := &j.Timing; t.Spread == 0 && t.PausedUntil.IsZero() && t.RunAt.IsZero() {
			group.plain = append(group.plain, j)
		} else {
			group.other = append(group.other, j)
		}
	}
	return groups
}

// addGroup counts the jobs of one schedule and returns the work that is left.
func (l *Load) addGroup(g *scheduleLoad, q *LoadQuery, hosts map[string]*HostLoad, work int) int {
	from, end := l.From, l.From.Add(loadSpan)
	var due []time.Time
	for next, ok := g.schedule.Next(from.Add(-MaxSpread - time.Second)); ok && next.Before(end); next, ok = g.schedule.Next(next) {
		due = append(due, next)
		if work -= lookupWork; work <= 0 {
			l.Passed += len(g.plain) + len(g.other)
			return work
		}
	}
	var day, week int
	for _, at := range due {
		if at.Before(from) {
			continue
		}
		week++
		if l.count(at, len(g.plain)) {
			day++
		}
	}
	for _, j := range g.plain {
		hostLoad(hosts, j).add(day, week)
	}
	l.Jobs += len(g.plain)
	work -= len(due)
	for _, j := range g.other {
		if work <= 0 {
			l.Passed++
			continue
		}
		day, week := l.addJob(j, due, end)
		hostLoad(hosts, j).add(day, week)
		l.Jobs++
		work -= len(due) + 1
	}
	if q.Spread == 0 {
		return work
	}
	for _, jobs := range [][]*Job{g.plain, g.other} {
		for _, j := range jobs {
			if work <= 0 {
				return work
			}
			l.addSpread(j, due, q.Spread)
			work -= min(len(due), LoadMinutes)
		}
	}
	return work
}

// addJob counts one job, given the occurrences of its schedule, and returns the numbers of its occurrences.
func (l *Load) addJob(j *Job, due []time.Time, end time.Time) (day, week int) {
	l.each(j, due, j.delay(), func(at time.Time) bool {
		if !at.Before(end) {
			return false
		}
		week++
		if l.count(at, 1) {
			day++
		}
		return true
	})
	return day, week
}

// addSpread counts one job in l.Spread.
func (l *Load) addSpread(j *Job, due []time.Time, spread time.Duration) {
	other := Job{ID: j.ID, Timing: j.Timing}
	other.Timing.Spread = spread
	l.each(&other, due, other.delay(), func(at time.Time) bool {
		minute := int(at.Sub(l.From) / time.Minute)
		if minute < LoadMinutes {
			l.Spread[minute]++
		}
		return minute < LoadMinutes
	})
}

// each calls yield for the occurrences of a job from l.From on, until it returns false.
func (l *Load) each(j *Job, due []time.Time, delay time.Duration, yield func(time.Time) bool) {
	if at := j.Timing.RunAt; !at.IsZero() {
		if !at.Before(l.From) && !at.Before(j.Timing.PausedUntil) {
			yield(at)
		}
		return
	}
	for _, at := range due {
		at = at.Add(delay)
		if !at.Before(l.From) && !at.Before(j.Timing.PausedUntil) && !yield(at) {
			return
		}
	}
}

// count counts n occurrences at an instant of the week ahead, and reports whether it lies in the day ahead.
func (l *Load) count(at time.Time, n int) (inDay bool) {
	l.Week[l.slots[at.Sub(l.From.Truncate(loadSlot))/loadSlot]] += n
	since := at.Sub(l.From)
	if inDay = since < LoadMinutes*time.Minute; inDay {
		l.Day[since/time.Minute] += n
	}
	return inDay
}

func hostLoad(hosts map[string]*HostLoad, j *Job) *HostLoad {
	name := TargetHost(j.Request.URL)
	host := hosts[name]
	if host == nil {
		host = &HostLoad{Host: name}
		hosts[name] = host
	}
	host.Jobs++
	return host
}

func (h *HostLoad) add(day, week int) {
	h.Day += day
	h.Week += week
}
