package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeepStatistics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			log         strings.Builder
			steps, late atomic.Int64
			more, fails atomic.Bool
		)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			keepStatistics(ctx, slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) (bool, error) {
				steps.Add(1)
				if fails.Load() {
					return true, errors.New("the disk is gone")
				}
				return more.Load(), nil
			}, func() time.Duration { return time.Duration(late.Load()) })
		}()
		after := func(what string, d time.Duration, want int) {
			t.Helper()
			steps.Store(0)
			time.Sleep(d)
			synctest.Wait()
			if n := steps.Load(); n != int64(want) {
				t.Errorf("%s: %d steps, want %d", what, n, want)
			}
		}
		time.Sleep(rollUpPause / 2)
		after("nothing to do", 5*rollUpEvery, 5)
		late.Store(1)
		after("executions wait", rollUpEvery, 0)
		after("executions always wait", 4*rollUpEvery, 2)
		late.Store(0)
		more.Store(true)
		after("much to do", rollUpEvery+9*rollUpPause, 10)
		fails.Store(true)
		after("it fails", 2*rollUpEvery, 2)
		cancel()
		<-ended
		if n := strings.Count(log.String(), "the disk is gone"); n != 2 {
			t.Errorf("%d failures were logged, want 2", n)
		}
	})
}
