package store_test

import (
	"fmt"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// benchJobs is how many jobs the benchmarks have.
const benchJobs = 10_000

// BenchmarkCycle claims and finishes 10,000 jobs that are due at once, as a node does: claims of up to 1,000, finishes
// of up to 500. With windows, their account has maintenance windows for other jobs. PostgreSQL runs on the same machine and does not sync its disk.
func BenchmarkCycle(b *testing.B) {
	for _, kind := range storetest.Databases {
		for _, c := range []struct{ body, windows int }{{0, 0}, {1 << 10, 0}, {0, cron.MaxMaintenanceWindows}} {
			body := c.body
			b.Run(fmt.Sprintf("%s/body=%d,windows=%d", kind.Name, body, c.windows), func(b *testing.B) {
				options := kind.New(b)
				db, raw := open(b, options), past(b, options)
				account, node := newAccount(b, db)
				j := newJob(account)
				ok(b, db.CreateJob(b.Context(), &j))
				tables(b, raw).CopyJob(j.ID, benchJobs-1)
				for i := range c.windows { // which are all in force, and select other jobs
					w := cron.MaintenanceWindow{AccountID: account, Title: "window", Effect: cron.MaintenancePause,
						Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour), Tags: []string{fmt.Sprint("tag ", i)}}
					ok(b, db.CreateMaintenance(b.Context(), &w))
				}
				at := time.Now().Add(-25 * time.Minute)
				var saved []byte
				if body > 0 {
					saved = make([]byte, body)
				}
				done := 0
				for b.Loop() {
					b.StopTimer()
					at = at.Add(time.Second) // another occurrence for each
					tables(b, raw).SetAllDue(at)
					b.StartTimer()
					for more := true; more; {
						claimed, err := db.Claim(b.Context(), cron.ClaimRequest{Node: node, Limit: 1000})
						ok(b, err)
						more = claimed.More
						done += len(claimed.Launches)
						batch := make([]cron.Completion, len(claimed.Launches))
						for i, l := range claimed.Launches {
							batch[i] = completion(l, cron.StatusOK)
							if saved != nil {
								batch[i].Result.Headers, batch[i].Result.Body = []byte("Content-Type: text/plain\r\n\r\n"), saved
							}
						}
						for len(batch) > 0 {
							n := min(len(batch), 500)
							ok(b, db.Finish(b.Context(), batch[:n]))
							batch = batch[n:]
						}
					}
				}
				b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "executions/s")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(done), "µs/execution")
			})
		}
	}
}

// BenchmarkGap claims 10,000 jobs that were due every minute of a week in which no node ran.
func BenchmarkGap(b *testing.B) {
	for _, kind := range storetest.Databases {
		b.Run(kind.Name, func(b *testing.B) {
			options := kind.New(b)
			db, raw := open(b, options), past(b, options)
			account, node := newAccount(b, db)
			j := newJob(account)
			j.Schedule.Minutes = cron.Every
			ok(b, db.CreateJob(b.Context(), &j))
			tables(b, raw).CopyJob(j.ID, benchJobs-1)
			settled := 0
			for b.Loop() {
				b.StopTimer()
				tables(b, raw).Clear("execution")
				week := time.Now().UTC().Truncate(time.Minute).AddDate(0, 0, -7)
				tables(b, raw).SetAllDue(week)
				b.StartTimer()
				for more := true; more; {
					claimed, err := db.Claim(b.Context(), cron.ClaimRequest{Node: node, Limit: 1000})
					ok(b, err)
					more = claimed.More
					settled += claimed.Settled
				}
			}
			b.ReportMetric(float64(settled)/float64(b.N), "missed/op")
		})
	}
}

// BenchmarkJobs lists an account's 10,000 jobs, as GET /jobs does.
func BenchmarkJobs(b *testing.B) {
	for _, kind := range storetest.Databases {
		b.Run(kind.Name, func(b *testing.B) {
			options := kind.New(b)
			db, raw := open(b, options), past(b, options)
			account, _ := newAccount(b, db)
			j := newJob(account)
			ok(b, db.CreateJob(b.Context(), &j))
			tables(b, raw).CopyJob(j.ID, benchJobs-1)
			b.ReportAllocs()
			for b.Loop() {
				jobs, _, err := db.Jobs(b.Context(), account)
				ok(b, err)
				if len(jobs) != benchJobs {
					b.Fatalf("listed %d jobs", len(jobs))
				}
			}
		})
	}
}

// BenchmarkCredentials finds who calls, as every call does.
func BenchmarkCredentials(b *testing.B) {
	for _, kind := range storetest.Databases {
		db := open(b, kind.New(b))
		account, _ := newAccount(b, db)
		p := cron.Person{Email: "jane@example.com"}
		ok(b, db.CreatePerson(b.Context(), &p))
		ok(b, db.SetMembership(b.Context(), cron.Membership{AccountID: account, PersonID: p.ID, Role: cron.RoleOwner}))
		key := cron.APIKey{AccountID: account, MadeBy: p.ID, Role: cron.RoleOwner, Hash: [32]byte{1}}
		ok(b, db.CreateAPIKey(b.Context(), &key))
		session := cron.Session{PersonID: p.ID, AccountID: account, Hash: [32]byte{1}, Expires: db.Now().Add(time.Hour)}
		ok(b, db.CreateSession(b.Context(), &session))
		b.Run(kind.Name+"/key", func(b *testing.B) {
			for b.Loop() {
				_, _, err := db.APIKeyByHash(b.Context(), key.Hash)
				ok(b, err)
			}
		})
		b.Run(kind.Name+"/session", func(b *testing.B) {
			for b.Loop() {
				_, _, _, _, err := db.SessionByHash(b.Context(), session.Hash)
				ok(b, err)
			}
		})
	}
}

// BenchmarkCreate creates jobs one after the other, as a client does.
func BenchmarkCreate(b *testing.B) {
	for _, kind := range storetest.Databases {
		b.Run(kind.Name, func(b *testing.B) {
			db := open(b, kind.New(b))
			account, _ := newAccount(b, db)
			for b.Loop() {
				j := newJob(account)
				ok(b, db.CreateJob(b.Context(), &j))
			}
		})
	}
}
