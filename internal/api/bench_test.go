package api_test

import (
	"fmt"
	"testing"
)

// BenchmarkListJobs lists 10,000 jobs.
func BenchmarkListJobs(b *testing.B) {
	c := newClient(b)
	for i := range 10_000 {
		c.create(fmt.Sprintf(`{"url":"https://host-%d.example.com/path?query=%d","title":"Job number %d","enabled":true,
			"schedule":{"timezone":"Europe/Berlin","hours":[-1],"mdays":[-1],"minutes":[0,15,30,45],"months":[-1],
				"wdays":[1,2,3,4,5]}}`, i, i, i))
	}
	var size int
	for b.Loop() {
		size = len(c.must("GET", "/jobs", ""))
	}
	b.ReportMetric(float64(size), "bytes")
}

// BenchmarkGetJob reads one job.
func BenchmarkGetJob(b *testing.B) {
	c := newClient(b)
	path := c.create(fullJob)
	for b.Loop() {
		c.must("GET", path, "")
	}
}

// BenchmarkChangeJob changes one job.
func BenchmarkChangeJob(b *testing.B) {
	c := newClient(b)
	path := c.create(fullJob)
	for b.Loop() {
		c.must("PATCH", path, `{"job":`+everyField+`}`)
	}
}
