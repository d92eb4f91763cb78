package api_test

import (
	"fmt"
	"testing"

	"punctual/internal/cron"
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

// BenchmarkGetJobInSession reads one job as a person who is signed in.
func BenchmarkGetJobInSession(b *testing.B) {
	c := newClient(b)
	path := c.create(fullJob)
	viewer := c.signIn("viewer@example.com", cron.RoleViewer)
	for b.Loop() {
		viewer.must("GET", path, "")
	}
}

// BenchmarkSignIn begins a session.
func BenchmarkSignIn(b *testing.B) {
	c := newClient(b)
	var people []string // by turns, since the sign-ins of one in an hour are limited
	for i := range 20 {
		people = append(people, fmt.Sprintf("owner%d@example.com", i))
		c.signIn(people[i], cron.RoleOwner)
	}
	nobody := &client{t: b, server: c.server}
	for i := 0; b.Loop(); i++ {
		nobody.must("POST", "/sessions", `{"session":{"email":"`+people[i%len(people)]+`","password":"`+password+`"}}`)
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
