package cron

// At a transition forward, some local times do not exist: the gap. At a transition back, some local times exist twice.
// Schedule.Next goes through the spans of a zone, each with a constant offset from UTC, and applies the rule of the
// schedule at each transition:
//
//	transition       fixed times under DSTOnce    all other schedules
//	forward          in the gap: due at its end   in the gap: not due
//	back             due the first time only      due both times
//	3 h or more      as all other schedules       as above
//
// Schedule.Preview shows the effect on a schedule.

// DSTRule says how local times map to instants at a daylight-saving transition.
type DSTRule int

// The rules. The numbers are stored.
const (
	// DSTOnce runs fixed times exactly once, a precise form of Vixie cron's rule. A schedule has fixed times unless it
	// matches every minute or every hour. Each of its local times is due once: a unique local time at its instant, an
	// ambiguous one at the first of its two instants, and a nonexistent one at the transition, where several count once.
	// Other schedules use wall-clock time: they are due at every instant whose local time matches. At a transition of
	// three hours or more, which Vixie cron treats as a correction of the clock, all schedules use wall-clock time.
	DSTOnce DSTRule = 0
	// DSTWallClock makes every schedule use wall-clock time.
	DSTWallClock DSTRule = 1
)

// fixedTimes reports whether each matching local time is due exactly once, as DSTOnce says.
func (s *Schedule) fixedTimes() bool {
	return s.DST == DSTOnce && !s.Minutes.covers(0, 59) && !s.Hours.covers(0, 23)
}

// correction is the size in seconds from which Vixie cron treats a transition as a correction of the clock and not as
// daylight saving. Jobs are neither repeated nor caught up for it.
const correction = 3 * 60 * 60

// corrected reports whether the span starts with a correction of the clock.
func (c spanCursor) corrected() bool {
	// The span before the first span of a cycle has the same offset in every cycle.
	if c.index == 0 {
		return false
	}
	change := c.offset() - c.zone.spans[c.index-1].offset
	return change >= correction || change <= -correction
}

// latestReading returns the latest reading that the local clock has shown up to the instant t. It is the reading of t unless
// the clock was set back shortly before. Readings before a correction of the clock count only if across is set.
func (z *zone) latestReading(t int64, across bool) int64 {
	c := z.at(t)
	latest := t + c.offset()
	// No zone has ever been set back by more than a day, so two days suffice.
	for start := c.start(); start > t-2*oneDay && (across || !c.corrected()); start = c.start() {
		c = z.at(start - 1)
		latest = max(latest, start-1+c.offset())
	}
	return latest
}
