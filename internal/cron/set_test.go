package cron

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSet compares the operations on sets with those on lists of numbers.
func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfDistinct(rapid.IntRange(0, 62), rapid.ID).Draw(t, "members")
		s := SetOf(members...)
		slices.Sort(members)
		if got := s.Members(); !slices.Equal(got, members) {
			t.Fatalf("Members() = %v; want %v", got, members)
		}
		n := rapid.IntRange(0, 70).Draw(t, "n")
		if got, want := s.Has(n), slices.Contains(members, n); got != want {
			t.Fatalf("Has(%d) = %v; want %v", n, got, want)
		}
		got, ok := s.Next(n)
		i, _ := slices.BinarySearch(members, n)
		if ok != (i < len(members)) || ok && got != members[i] {
			t.Fatalf("Next(%d) = %d, %v", n, got, ok)
		}

		low := rapid.IntRange(0, 62).Draw(t, "low")
		high := rapid.IntRange(low, 62).Draw(t, "high")
		within := slices.DeleteFunc(slices.Clone(members), func(n int) bool { return n < low || n > high })
		if got, want := s.covers(low, high), len(within) == high-low+1; got != want {
			t.Fatalf("covers(%d, %d) = %v; want %v", low, high, got, want)
		}
		beyond := slices.DeleteFunc(slices.Clone(members), func(n int) bool { return n >= low && n <= high })
		if got, ok := s.outside(low, high); ok != (len(beyond) > 0) || ok && got != beyond[0] {
			t.Fatalf("outside(%d, %d) = %d, %v", low, high, got, ok)
		}
	})
}

func TestEvery(t *testing.T) {
	for n := range 63 {
		next, ok := Every.Next(n)
		if !Every.Has(n) || next != n || !ok || !Every.covers(0, n) {
			t.Errorf("Every lacks %d", n)
		}
	}
	if n, ok := Every.Next(63); ok {
		t.Errorf("Every.Next(63) = %d", n)
	}
	if n, ok := Every.outside(0, 6); ok {
		t.Errorf("Every.outside(0, 6) = %d", n)
	}
}
