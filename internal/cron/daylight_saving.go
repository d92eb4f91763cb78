package cron

// When clocks are put forward, some local times do not exist: the gap. When they are put back, some exist twice.
// Schedule.Next walks over the spans of a zone, each with one offset from UTC, and applies the schedule's rule wherever
// one span follows another:
//
//	change of the clocks      fixed times under DSTOnce            all others
//	put forward               those in the gap are due at its end  those in the gap are not due
//	put back                  due the first time only              due both times
//	corrected by 3 h or more  as all others                        as above
//
// Schedule.Preview shows what that means for a schedule.

// DSTRule says how local times map to instants around a change of the clocks.
type DSTRule int

// The rules. The numbers are stored.
const (
	// DSTOnce runs fixed times exactly once: Vixie cron's rule made exact. A schedule whose minute set and hour set both
	// leave something out has fixed times: a unique local time maps to its instant, an ambiguous one to the first of its
	// two, a nonexistent one to the instant of the transition, and equal instants count once. Any other schedule follows
	// real time: every instant whose local reading matches; so do all for a change of three hours or more, which Vixie cron
	// takes for a correction of the clock.
	DSTOnce DSTRule = 0
	// DSTWallClock lets every schedule follow real time.
	DSTWallClock DSTRule = 1
)

// fixedTimes reports whether each matching local time is due once, whatever happens to the clocks.
func (s *Schedule) fixedTimes() bool {
	return s.DST == DSTOnce && !s.Minutes.covers(0, 59) && !s.Hours.covers(0, 23)
}

// correction is how far clocks have to be set for the change not to be one that schedules make up for: Vixie cron's bound
// between daylight saving and a correction of the clock.
const correction = 3 * 60 * 60

// corrected reports whether the span starts with a correction of the clocks.
func (c spanCursor) corrected() bool {
	// The first span of a cycle differs from the last one of the cycle before as it does from its neighbour in the table.
	if c.index == 0 {
		return false
	}
	change := c.offset() - c.zone.spans[c.index-1].offset
	return change >= correction || change <= -correction
}

// latestReading is the greatest local reading of any instant up to t. It is that of t unless clocks were put back
// shortly before. Corrections of the clocks start anew unless across asks to look at what was before them too.
func (z *zone) latestReading(t int64, across bool) int64 {
	c := z.at(t)
	latest := t + c.offset()
	// No zone has ever been put back by more than a day, which therefore is made good within a day.
	for start := c.start(); start > t-2*oneDay && (across || !c.corrected()); start = c.start() {
		c = z.at(start - 1)
		latest = max(latest, start-1+c.offset())
	}
	return latest
}
