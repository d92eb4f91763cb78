package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/store"
)

// maxKeys is the number of accounts that call the API.
const maxKeys = 50

// seeded is what is known of the accounts and jobs of a database.
type seeded struct {
	keys    []string        // of the API
	shifts  []time.Duration // of the jobs of the burst relative to the instant of a round
	numbers map[int64]int32 // of jobs, by their IDs
	schema  int64           // its version
}

// openStore opens the database with the service's own store, which makes it when there is none.
func (b *bench) openStore(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, store.Options{URL: b.database, Dir: b.dir, Key: b.key, Logger: slog.New(slog.DiscardHandler)})
}

// seed creates the accounts and jobs with the service's own store.
func (b *bench) seed(ctx context.Context) error {
	s, err := b.openStore(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(b.fill(ctx, s), s.Close()); err != nil {
		return err
	}
	return b.location().with(func(db *sql.DB) error {
		b.schema, err = schemaVersion(ctx, db)
		return err
	})
}

func (b *bench) fill(ctx context.Context, s *store.Store) error {
	b.shifts, b.numbers = make([]time.Duration, b.jobs), make(map[int64]int32, b.jobs)
	minute := time.Now().Truncate(time.Minute)
	ids := make([]int64, b.accounts+1) // the last one is the hog
	for i := range ids {
		a := cron.Account{Email: fmt.Sprintf("%d@example.com", i), Plan: cron.PlanUnlimited}
		if err := s.CreateAccount(ctx, &a); err != nil {
			return err
		}
		ids[i] = a.ID
	}
	for _, id := range ids[:min(b.accounts, maxKeys)] {
		key, hash := auth.NewKey()
		if err := s.CreateAPIKey(ctx, &cron.APIKey{AccountID: id, Hash: hash, Role: cron.RoleOwner}); err != nil {
			return err
		}
		b.keys = append(b.keys, key)
	}
	for numbers := range slices.Chunk(b.sequence(), seedChunk) {
		// Jobs of one transaction have IDs that follow each other, and one commit.
		err := s.Audited(ctx, &cron.AuditEntry{AccountID: ids[0], Action: "seed"}, func(ctx context.Context) error {
			for _, i := range numbers {
				j := b.job(i)
				j.AccountID = ids[b.accountOf(i)]
				if err := s.CreateJob(ctx, &j); err != nil {
					return err
				}
				b.numbers[j.ID] = int32(i)
				if i < b.jobs {
					b.shifts[i] = j.OccurrenceAfter(minute.Add(-time.Millisecond)).Sub(minute)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seedChunk is how many jobs are created in a transaction.
const seedChunk = 100

// accountOf is the account of job number i.
func (b *bench) accountOf(i int) int {
	if i >= b.jobs && i < b.jobs+b.hog {
		return b.accounts
	}
	return i % b.accounts
}

// sequence lists the numbers of all jobs in the order in which they are created. It is the same in each run.
func (b *bench) sequence() []int {
	all := make([]int, b.jobs+b.hog+b.stored)
	for i := range all {
		all[i] = i
	}
	if b.order == turns {
		return all
	}
	slices.SortStableFunc(all, func(i, j int) int { return cmp.Compare(b.accountOf(i), b.accountOf(j)) })
	if b.order == accounts {
		return all
	}
	var visits [][]int
	random := rand.New(rand.NewPCG(1, 2))
	for rest := all; len(rest) > 0; {
		n := 1
		for most := 1 + random.IntN(maxVisit); n < min(most, len(rest)) && b.accountOf(rest[n]) == b.accountOf(rest[0]); {
			n++
		}
		visits, rest = append(visits, rest[:n]), rest[n:]
	}
	random.Shuffle(len(visits), func(i, j int) { visits[i], visits[j] = visits[j], visits[i] })
	return slices.Concat(visits...)
}

// maxVisit is how many jobs people add at a time, at most.
const maxVisit = 10

// job is job number i: first the jobs of the burst, then those of the hog, then those that are not due.
func (b *bench) job(i int) cron.Job {
	j := cron.NewJob()
	kind := ""
	switch {
	case i >= b.jobs && i < b.jobs+b.hog, among(i, b.hang):
		kind = "hang/"
	case among(i, b.fail):
		kind = "fail/"
	}
	scheme := "http"
	if b.https {
		scheme = "https"
	}
	j.Enabled, j.SaveResponses = true, b.save
	j.Title = fmt.Sprintf("job %d", i)
	j.Request.URL = fmt.Sprintf("%s://%s:%d/%s%d", scheme, hostAddress(i%b.hosts), b.firstPort+i/b.hosts%b.ports, kind, i)
	if b.retries > 0 {
		j.Policy.Retry = cron.Retry{Count: b.retries, Delay: time.Second, Factor: 1, Ceiling: time.Second}
	}
	s := &j.Schedule
	s.Minutes, s.Hours, s.MonthDays, s.Months, s.Weekdays = cron.Every, cron.Every, cron.Every, cron.Every, cron.Every
	s.Seconds = 0
	if i >= b.jobs+b.hog { // half a year away
		s.Months = cron.SetOf(int(time.Now().UTC().Month()+5)%12 + 1)
		s.Minutes, s.Hours, s.MonthDays, s.Seconds = cron.SetOf(i%60), cron.SetOf(i/60%24), cron.SetOf(i%28+1), cron.SetOf(0)
		return j
	}
	step, shift := int(b.every/time.Second), 0
	switch b.spread {
	case bySeconds:
		shift = i % step
	case bySpreadSeconds:
		j.Timing.Spread = b.every
	}
	for second := shift; second < 60; second += step {
		s.Seconds |= cron.SetOf(second)
	}
	return j
}

// among chooses an evenly distributed share of all numbers.
func among(i int, share float64) bool {
	return math.Floor(float64(i+1)*share) > math.Floor(float64(i)*share)
}
