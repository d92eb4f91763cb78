package cron

import (
	"strconv"
	"time"
)

// CloserThan reports whether two consecutive occurrences are less than least apart, which is a day at most, and the shortest
// interval if so. It considers the days of forty years, after which weekdays and leap years repeat. It ignores the expiry,
// and clock changes, which occasionally bring occurrences closer together.
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

// CheckSpacing returns an *Error of kind Invalid if occurrences are closer together than the plan allows.
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

// consecutiveDays reports whether two consecutive days match.
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
