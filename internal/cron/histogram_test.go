package cron

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBuckets goes through the borders of all buckets.
func TestBuckets(t *testing.T) {
	for us := int64(0); us < 32; us++ {
		if bucketOf(us) != int(us) || middle(int(us)) != us {
			t.Errorf("%d µs is in bucket %d, whose middle is %d", us, bucketOf(us), middle(bucketOf(us)))
		}
	}
	last := 0
	for us := int64(1); us > 0 && us < math.MaxInt64/2; us += us/1000 + 1 {
		bucket := bucketOf(us)
		if bucket < last || bucket > last+1 && us < 1000 || bucket >= maxBuckets {
			t.Fatalf("%d µs is in bucket %d, after bucket %d", us, bucket, last)
		}
		last = bucket
		if m := middle(bucket); bucketOf(m) != bucket {
			t.Fatalf("%d is not in its own bucket %d", m, bucket)
		} else if off := math.Abs(float64(m-us)) / float64(us); off > 1.0/32 {
			t.Fatalf("%d µs is taken for %d, %.4f off", us, m, off)
		}
	}
	if bucket := bucketOf(math.MaxInt64); bucket >= maxBuckets {
		t.Errorf("the longest duration is in bucket %d", bucket)
	}
}

func randomHistogram(random *rand.Rand) (h Histogram, all []time.Duration) {
	for range random.IntN(200) {
		d := time.Duration(random.Int64N(1<<(1+random.IntN(60)))) * time.Nanosecond
		h.Add(d)
		all = append(all, d.Truncate(time.Microsecond))
	}
	slices.Sort(all)
	return h, all
}

func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		h, all := randomHistogram(random)
		other, more := randomHistogram(random)
		h.Merge(&other)
		all = append(all, more...)
		slices.Sort(all)
		if h.Count() != int64(len(all)) {
			t.Fatalf("counted %d of %d", h.Count(), len(all))
		}
		if len(all) == 0 {
			continue
		}
		for _, part := range []float64{0, 0.5, 0.9, 0.99, 1} {
			exact := all[max(int(math.Ceil(part*float64(len(all)))), 1)-1]
			if got := h.Quantile(part); (got - exact).Abs() > exact/32+time.Microsecond {
				t.Errorf("the quantile %v of %v is %v, want %v", part, all, got, exact)
			}
		}
		if h.Max() != all[len(all)-1] {
			t.Errorf("the longest is %v, want %v", h.Max(), all[len(all)-1])
		}
	}
	var none Histogram
	none.Add(-time.Second)
	if none.Count() != 1 || none.Max() != 0 || none.Quantile(1) != 0 {
		t.Errorf("a duration below 0 counts as %+v", none)
	}
	if empty := new(Histogram); empty.Quantile(0.5) != 0 || empty.Max() != 0 {
		t.Error("an empty histogram has a duration")
	}
}

func randomTally(random *rand.Rand) (t Tally) {
	for i := range t.Attempts {
		t.Attempts[i], t.Occurrences[i] = random.Int64N(1<<40), random.Int64N(1000)-10
	}
	t.Lateness, _ = randomHistogram(random)
	t.Duration, _ = randomHistogram(random)
	return t
}

func TestTalliesReadBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		want := randomTally(random)
		got, err := DecodeTally(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if got.Attempts != want.Attempts || got.Occurrences != want.Occurrences ||
			!slices.Equal(got.Lateness.counts, want.Lateness.counts) || got.Lateness.total != want.Lateness.total ||
			got.Lateness.longest != want.Lateness.longest || !slices.Equal(got.Duration.counts, want.Duration.counts) ||
			got.Duration.longest != want.Duration.longest {
			t.Fatalf("%+v reads back as %+v", want, got)
		}
	}
	one := Tally{}
	one.Count(&Execution{Outcome: OutcomeSucceeded, Lateness: time.Millisecond,
		Result: Result{Duration: 50 * time.Millisecond}})
	if n := len(one.Encode()); n > 25 {
		t.Errorf("one attempt takes %d bytes", n)
	}
}

// TestAttemptsAndOccurrences follows one occurrence through its attempts.
func TestAttemptsAndOccurrences(t *testing.T) {
	var tally Tally
	check := func(what string, attempts, occurrences Outcomes) {
		t.Helper()
		if tally.Attempts != attempts || tally.Occurrences != occurrences {
			t.Errorf("%s: %v and %v, want %v and %v", what, tally.Attempts, tally.Occurrences, attempts, occurrences)
		}
	}
	first, second := Execution{Outcome: OutcomeRunning}, Execution{Outcome: OutcomeRunning, Attempt: 2}
	tally.Count(&first)
	check("running", Outcomes{OutcomeRunning: 1}, Outcomes{OutcomeRunning: 1})
	first.Outcome = OutcomeLost
	tally.Recount(OutcomeRunning, &first, false)
	check("lost", Outcomes{OutcomeLost: 1}, Outcomes{OutcomeLost: 1})
	tally.Supersede(OutcomeLost)
	tally.Count(&second)
	check("repeated", Outcomes{OutcomeRunning: 1, OutcomeLost: 1}, Outcomes{OutcomeRunning: 1})
	first.Outcome = OutcomeFailed
	tally.Recount(OutcomeLost, &first, true)
	check("a late result", Outcomes{OutcomeRunning: 1, OutcomeFailed: 1}, Outcomes{OutcomeRunning: 1})
	second.Outcome = OutcomeSucceeded
	tally.Recount(OutcomeRunning, &second, false)
	check("succeeded", Outcomes{OutcomeSucceeded: 1, OutcomeFailed: 1}, Outcomes{OutcomeSucceeded: 1})
	tally.Count(&Execution{Outcome: OutcomeMissed, Count: 7})
	tally.Count(&Execution{Outcome: OutcomeSkipped, Count: 1})
	check("not started", Outcomes{OutcomeSucceeded: 1, OutcomeFailed: 1},
		Outcomes{OutcomeSucceeded: 1, OutcomeMissed: 7, OutcomeSkipped: 1})
	if tally.Lateness.Count() != 2 || tally.Duration.Count() != 2 {
		t.Errorf("%d and %d durations, want 2", tally.Lateness.Count(), tally.Duration.Count())
	}
}

// FuzzDecodeTally decodes anything; what is taken encodes to something that means the same.
func FuzzDecodeTally(f *testing.F) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 5 {
		t := randomTally(random)
		f.Add(t.Encode())
	}
	f.Add([]byte{tallyVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		tally, err := DecodeTally(b)
		if counts, countErr := DecodeCounts(b); err == nil && (countErr != nil || counts.Attempts != tally.Attempts || counts.Occurrences != tally.Occurrences) {
			t.Errorf("the counts are %+v (%v), want those of %+v", counts, countErr, tally)
		}
		if err != nil {
			return
		}
		_ = tally.Lateness.Quantile(0.5) + tally.Duration.Quantile(1)
		again, err := DecodeTally(tally.Encode())
		if err != nil || again.Attempts != tally.Attempts || again.Lateness.total != tally.Lateness.total {
			t.Errorf("%v becomes %+v, and then %+v (%v)", b, tally, again, err)
		}
	})
}
