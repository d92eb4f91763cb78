package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
	"punctual/test/checker"
	"punctual/test/harness"
)

// BenchmarkLateness runs jobs that are due at every second, for some time, and reports how late their executions
// started. It needs an idle machine:
//
//	go test -run '^$' -bench Lateness ./test/e2e
func BenchmarkLateness(b *testing.B) {
	for _, size := range []struct{ jobs, seconds int }{{1, 60}, {20, 20}} {
		b.Run(fmt.Sprintf("sqlite/jobs=%d", size.jobs), func(b *testing.B) {
			benchmarkLateness(b, harness.NewService(b, ""), size.jobs, size.seconds)
		})
		b.Run(fmt.Sprintf("postgres/jobs=%d", size.jobs), func(b *testing.B) {
			benchmarkLateness(b, harness.NewService(b, storetest.Postgres(b)), size.jobs, size.seconds)
		})
	}
}

// benchmarkLateness lets the jobs run for b.N times so many seconds.
func benchmarkLateness(b *testing.B, s *harness.Service, jobs, seconds int) {
	target := harness.NewTarget(b)
	node := s.Start()
	api := s.Client(node)
	for i := range jobs {
		api.CreateJob(job(target, fmt.Sprintf("/late/%d", i), harness.EverySecond()))
	}
	seconds *= b.N
	begin := time.Now().Truncate(time.Second).Add(3 * time.Second) // the first executions warm everything up
	end := begin.Add(time.Duration(seconds) * time.Second)
	b.ResetTimer()
	time.Sleep(time.Until(end))
	b.StopTimer()
	s.AwaitSettled(end)
	node.Stop()
	ledger, err := checker.Read(b.Context(), s.Database())
	if err != nil {
		b.Fatal(err)
	}
	var lateness []time.Duration
	for _, r := range ledger.Records {
		if r.Outcome == cron.OutcomeSucceeded && !r.Planned.Before(begin) && r.Planned.Before(end) {
			lateness = append(lateness, r.Lateness)
		}
	}
	if len(lateness) != jobs*seconds {
		b.Errorf("%d executions, want %d", len(lateness), jobs*seconds)
		return
	}
	slices.Sort(lateness)
	for name, i := range map[string]int{"p50": len(lateness) / 2, "p99": len(lateness) * 99 / 100, "max": len(lateness) - 1} {
		b.ReportMetric(float64(lateness[i].Microseconds())/1000, name+"-ms")
	}
	b.ReportMetric(0, "ns/op") // the time is fixed
}
