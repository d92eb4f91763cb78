package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
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
	accounts := make([]int64, b.accounts+1) // the last one is the hog
	for i := range accounts {
		a := cron.Account{Email: fmt.Sprintf("%d@example.com", i), Plan: cron.PlanUnlimited}
		if err := s.CreateAccount(ctx, &a); err != nil {
			return err
		}
		accounts[i] = a.ID
	}
	for _, id := range accounts[:min(b.accounts, maxKeys)] {
		key, hash := auth.NewKey()
		if err := s.CreateAPIKey(ctx, &cron.APIKey{AccountID: id, Hash: hash, Role: cron.RoleOwner}); err != nil {
			return err
		}
		b.keys = append(b.keys, key)
	}
	var (
		workers sync.WaitGroup
		mu      sync.Mutex // of b.numbers
		next    atomic.Int64
		failed  atomic.Pointer[error]
	)
	for range 64 {
		workers.Go(func() {
			for i := int(next.Add(1) - 1); i < b.jobs+b.hog+b.stored && failed.Load() == nil; i = int(next.Add(1) - 1) {
				j := b.job(i)
				j.AccountID = accounts[i%b.accounts]
				if i >= b.jobs && i < b.jobs+b.hog {
					j.AccountID = accounts[b.accounts]
				}
				if err := s.CreateJob(ctx, &j); err != nil {
					failed.Store(&err)
				}
				mu.Lock()
				b.numbers[j.ID] = int32(i)
				mu.Unlock()
				if i < b.jobs {
					b.shifts[i] = j.OccurrenceAfter(minute.Add(-time.Millisecond)).Sub(minute)
				}
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

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
