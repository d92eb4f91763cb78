package web_test

import (
	"fmt"
	"testing"

	"punctual/internal/cron"
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
