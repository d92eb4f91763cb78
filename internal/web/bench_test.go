package web_test

import (
	"fmt"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// BenchmarkPages measures pages of an account with as many people as there may be.
func BenchmarkPages(b *testing.B) {
	c := newConsole(b)
	visitor := c.setUp(b)
	for i := range cron.MaxMembers - 1 {
		p := cron.Person{Email: fmt.Sprintf("person%03d@example.com", i)}
		if err := c.store.CreatePerson(b.Context(), &p); err != nil {
			b.Fatal(err)
		}
		if err := c.store.SetMembership(b.Context(), cron.Membership{PersonID: p.ID, AccountID: 1, Role: cron.RoleViewer}); err != nil {
			b.Fatal(err)
		}
	}
	for _, path := range []string{"/console/sign-in", "/console", "/console/settings/people", "/console/settings/audit"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				visitor.get(path)
			}
		})
	}
}

// BenchmarkJobPage measures the page of a job that has run five million times, with nothing in it but successes until ninety days ago.
func BenchmarkJobPage(b *testing.B) {
	if testing.Short() {
		b.Skip("it takes minutes to make the data")
	}
	c := newConsole(b)
	visitor := c.setUp(b)
	j := c.newJob(b)
	tables := storetest.NewTables(b, storetest.Raw(b, c.options))
	const runs, days = 5_000_000, 89
	step := days * 24 * time.Hour / runs
	tables.AddFailures(j.AccountID, j.ID, 1, 1, time.Now().Add(-(days*24+1)*time.Hour), step)
	tables.AddExecutions(j.AccountID, j.ID, runs, time.Now().Add(-2*time.Minute), step)
	for more := true; more; {
		var err error
		if more, err = c.store.RollUp(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	for _, part := range []string{"", "?days=90", "/changes", "/notices", "/curl"} {
		b.Run("page"+part, func(b *testing.B) {
			visitor.get(path(j, part)).says(200)
			for b.Loop() {
				visitor.get(path(j, part))
			}
		})
	}
}
