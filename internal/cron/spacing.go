package cron

import (
	"strconv"
	"time"
)

// CloserThan tells whether two neighbouring occurrences come less than least, a day at most, after each other, and how
// far apart the closest ones are then. It looks at the days of forty years, over which weekdays and leap years come
// again, and neither at the expiry nor at changes of the clocks, which bring occurrences closer together now and then.
func (s *Schedule) CloserThan(least time.Duration) (apart time.Duration, closer bool) {
	p := s.pattern()
	if _, ok := p.next(0); !ok || least <= time.Second {
		return 0, false
	}
	first, _ := p.clock(0, 0, 0)
	last, gap := first, int64(oneDay)
	for gap > 1 && last < oneDay-1 {
		next, ok := p.clock(int(last+1)/3600, int(last+1)/60%60, int(last+1)%60)
		if !ok {
			break
		}
		last, gap = next, min(gap, next-last)
	}
	if overnight := first + oneDay - last; overnight < gap && p.consecutiveDays() {
		gap = overnight
	}
	apart = time.Duration(gap) * time.Second
	return apart, apart < least
}

// CheckSpacing refuses a schedule whose occurrences come faster than a plan allows, as an *Error of kind Invalid.
func (s *Schedule) CheckSpacing(least time.Duration) error {
	apart, closer := s.CloserThan(least)
	if !closer {
		return nil
	}
	return &Error{Kind: Invalid, Subject: SubjectJob, Problems: []Problem{{
		Pointer: "/schedule", Rule: RuleTooOften,
		Given: strconv.FormatInt(int64(apart/time.Second), 10), Limit: int64(least / time.Second),
	}}}
}

// consecutiveDays tells whether there are matching days of which one follows the other.
func (p *pattern) consecutiveDays() bool {
	lastOfMonth := false // the last day of the month before matches
	month := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	for ; month.Year() <= 2040; month = month.AddDate(0, 1, 0) {
		var days Set
		if p.months.Has(int(month.Month())) {
			days = p.days(month.Year(), month.Month(), int(month.Weekday()))
		}
		if days&(days>>1) != 0 || lastOfMonth && days.Has(1) {
			return true
		}
		lastOfMonth = days.Has(daysIn(month.Year(), month.Month()))
	}
	return false
}
