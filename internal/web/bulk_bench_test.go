package web_test

import (
	"fmt"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// BenchmarkActions measures pages of an action with 100,000 jobs, of which the last one is invalid.
func BenchmarkActions(b *testing.B) {
	if testing.Short() {
		b.Skip("takes long to set up")
	}
	c := newConsole(b)
	visitor := c.setUp(b)
	c.newJob(b, called("one", "https://old.example.com/1"))
	visitor.post("/console/jobs/bulk", "job", "1", "shift", "5").started()
	c.work(b)
	db, err := storetest.Connect(c.options)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, q := range []string{
		`WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
			INSERT INTO action_job (action_id, account_id, job_id, version, result, effect, detail)
			SELECT 1, 1, i, 1, iif(i = 100000, 3, 1), 1, '{"Title":"Report of customer ' || i || '","Changes":[{"Pointer":"/url",
			"From":"\"https://old.example.com/' || i || '\"","To":"\"https://new.example.com/' || i || '\""}]}' FROM n`,
		`UPDATE action SET total = 100000, changed = 99999, invalid = 1 WHERE id = 1`,
	} {
		if _, err := db.ExecContext(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
	actor := cron.OperatorOf(c.account(b))
	for i := range 500 {
		if err := c.service.DeleteJob(b.Context(), actor, c.newJob(b, called(fmt.Sprint("job ", i), "https://example.com/")).ID, nil); err != nil {
			b.Fatal(err)
		}
	}
	for _, path := range []string{"/console/actions", "/console/actions/1", "/console/actions/1?after=50000", "/console/actions/1?result=invalid",
		"/console/jobs/bulk?all=1&filter=q%3Dreport", "/console/settings/bin", "/console/settings/maintenance"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				visitor.get(path)
			}
		})
	}
}
