//go:build unix

package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"punctual/internal/cron"
	"punctual/internal/store"
	"punctual/internal/store/storetest"
)

// BenchmarkHerds claims and finishes all jobs of 1,000 accounts again and again, 20 times for each operation, and compares what the last
// of these herds costs with the first: it is to be the same however long the history is. The jobs of an account were created one by
// one, so those of other accounts lie between them. CPU is that of the process, and for PostgreSQL that of the client alone.
func BenchmarkHerds(b *testing.B) {
	const accounts, herds = 1000, 20
	for _, kind := range storetest.Databases {
		for _, jobs := range []int{20_000, 50_000} {
			b.Run(fmt.Sprintf("%s/jobs=%d", kind.Name, jobs), func(b *testing.B) {
				options := kind.New(b)
				db, raw := open(b, options), past(b, options)
				first, node := newAccount(b, db)
				j := newJob(first)
				ok(b, db.CreateJob(b.Context(), &j))
				tables(b, raw).CopyJob(j.ID, jobs-1)
				for range accounts - 1 {
					account := cron.Account{Email: fmt.Sprint(time.Now().UnixNano(), "@example.com"), Plan: cron.PlanUnlimited}
					ok(b, db.CreateAccount(b.Context(), &account))
				}
				tables(b, raw).SpreadJobs(first, accounts)
				at := time.Now().Add(-25 * time.Minute)
				var costs []time.Duration // of the herds
				var claims, results time.Duration
				for b.Loop() {
					for range herds {
						b.StopTimer()
						at = at.Add(time.Second)
						tables(b, raw).SetAllDue(at)
						b.StartTimer()
						c, r := herd(b, db, node)
						claims, results, costs = claims+c, results+r, append(costs, c+r)
					}
				}
				micros := func(d time.Duration, herds int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(herds*jobs) }
				b.ReportMetric(micros(claims, len(costs)), "µs/claimed")
				b.ReportMetric(micros(results, len(costs)), "µs/finished")
				b.ReportMetric(micros(costs[0], 1), "µs/first")
				b.ReportMetric(micros(costs[len(costs)-1], 1), "µs/last")
				if options.URL == "" {
					info, err := os.Stat(filepath.Join(options.Dir, store.FileName))
					ok(b, err)
					b.ReportMetric(float64(info.Size())/float64(len(costs)*jobs), "B/execution")
				}
			})
		}
	}
}

// BenchmarkBarestRecord writes what a launch and a result need at the least, 1,000 of them in each commit: a row, and its change when the
// result is there. The table has no index but its key. Everything is durable, as in the ledger.
func BenchmarkBarestRecord(b *testing.B) {
	const rows = 1000
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "barest.db")+"?_journal_mode=wal&_synchronous=full")
	ok(b, err)
	defer func() { ok(b, db.Close()) }()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`CREATE TABLE record (id INTEGER PRIMARY KEY, job INTEGER, planned INTEGER, outcome INTEGER, started INTEGER,
		status INTEGER, total INTEGER, response BLOB) STRICT`)
	ok(b, err)
	insert, err := db.Prepare(`INSERT INTO record (job, planned, outcome, started) VALUES (?, ?, 0, ?)`)
	ok(b, err)
	update, err := db.Prepare(`UPDATE record SET outcome = 1, status = ?, total = ?, response = ? WHERE id = ?`)
	ok(b, err)
	commit := func(write func(n int)) {
		_, err := db.Exec(`BEGIN IMMEDIATE`)
		ok(b, err)
		for n := range rows {
			write(n)
		}
		_, err = db.Exec(`COMMIT`)
		ok(b, err)
	}
	response := make([]byte, 130)
	done, begun := 0, cpuTime(b)
	for b.Loop() {
		now := time.Now().UnixMilli()
		commit(func(n int) {
			_, err := insert.Exec(n, now, now)
			ok(b, err)
		})
		commit(func(n int) {
			_, err := update.Exec(200, 1000, response, done+n+1)
			ok(b, err)
		})
		done += rows
	}
	b.ReportMetric(float64((cpuTime(b)-begun).Nanoseconds())/1000/float64(done), "cpu-µs/record")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(done), "µs/record")
}

// herd claims and finishes what is due, and returns the CPU time of claims and results.
func herd(b *testing.B, db *store.Store, node int64) (claims, results time.Duration) {
	b.Helper()
	for more := true; more; {
		begun := cpuTime(b)
		claimed, err := db.Claim(b.Context(), cron.ClaimRequest{Node: node, Limit: 1000})
		ok(b, err)
		claims += cpuTime(b) - begun
		more = claimed.More
		batch := make([]cron.Completion, len(claimed.Launches))
		for i, l := range claimed.Launches {
			batch[i] = completion(l, cron.StatusOK)
			batch[i].Result.URL, batch[i].Result.Reason, batch[i].Result.Peer = "http://127.0.0.1:8080/job", "OK", "127.0.0.1:8080"
			batch[i].Result.Stats = cron.Stats{Connect: 100_000, PreTransfer: 150_000, StartTransfer: 900_000, Total: 1_000_000}
			batch[i].Result.Headers, batch[i].Result.Body = []byte("Content-Type: text/plain\r\n\r\n"), make([]byte, 100)
		}
		begun = cpuTime(b)
		for len(batch) > 0 {
			n := min(len(batch), 500)
			ok(b, db.Finish(b.Context(), batch[:n]))
			batch = batch[n:]
		}
		results += cpuTime(b) - begun
	}
	return claims, results
}

// cpuTime is the CPU time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	ok(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
