package cron

import "math/bits"

// Set is a set of small numbers, 0 to 62, as bits. Every holds them all.
type Set uint64

// Every is the set that matches everything ("-1" in the API, "*" in a crontab).
const Every Set = 1<<64 - 1

// SetOf returns the set of the given numbers, each 0 to 62.
func SetOf(numbers ...int) Set {
	var s Set
	for _, n := range numbers {
		s |= 1 << n
	}
	return s
}

// setRange is the set of all numbers from low to high.
func setRange(low, high int) Set { return Set(1)<<(high+1) - Set(1)<<low }

// Has reports whether n is in the set.
func (s Set) Has(n int) bool { return s>>n&1 != 0 }

// Next is the smallest member that is n or more; ok is false when there is none below 63.
func (s Set) Next(n int) (member int, ok bool) {
	rest := s >> n << n &^ (1 << 63)
	if rest == 0 {
		return 0, false
	}
	return bits.TrailingZeros64(uint64(rest)), true
}

// Members lists the set in ascending order; it is not meant for Every.
func (s Set) Members() []int {
	members := make([]int, 0, bits.OnesCount64(uint64(s)))
	for rest := s &^ (1 << 63); rest != 0; rest &= rest - 1 {
		members = append(members, bits.TrailingZeros64(uint64(rest)))
	}
	return members
}

// covers reports whether the set holds every number from low to high.
func (s Set) covers(low, high int) bool {
	all := setRange(low, high)
	return s&all == all
}

// outside is the smallest member that is not from low to high; ok is false when there is none and for Every.
func (s Set) outside(low, high int) (member int, ok bool) {
	rest := s &^ setRange(low, high)
	return bits.TrailingZeros64(uint64(rest)), rest != 0 && s != Every
}
