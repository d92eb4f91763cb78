package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// actionReport is what actions did while the bursts ran.
type actionReport struct {
	Changed   int // jobs
	PerSecond float64
	Slowest   time.Duration // of the actions that finished
}

// actionLoad starts one action after the other, each over all jobs of an account.
type actionLoad struct {
	api    apiLoad
	key    string
	report actionReport
	err    error
}

func newActionLoad(base, key string) *actionLoad {
	return &actionLoad{api: apiLoad{base: base, client: &http.Client{}}, key: key}
}

// run starts actions until ctx ends.
func (l *actionLoad) run(ctx context.Context) {
	start := time.Now()
	for i := 0; ctx.Err() == nil && l.err == nil; i++ {
		changed := 0
		if changed, l.err = l.one(ctx, i); changed > 0 {
			l.report.Changed += changed
		}
	}
	if errors.Is(l.err, context.Canceled) {
		l.err = nil
	}
	l.report.PerSecond = float64(l.report.Changed) / time.Since(start).Seconds()
}

// one performs an action and follows it until it has finished, or ctx ends. changed is how many jobs it has changed.
func (l *actionLoad) one(ctx context.Context, i int) (changed int, err error) {
	start := time.Now()
	var started struct {
		ActionID int64 `json:"actionId"`
	}
	err = l.call(ctx, http.MethodPost, "/actions", fmt.Appendf(nil,
		`{"action":{"filter":{},"operations":[{"kind":"patch","job":{"title":"changed %d times"}}]}}`, i+1), &started)
	for err == nil {
		var shown struct {
			Action struct {
				State  string `json:"state"`
				Counts struct {
					Changed int `json:"changed"`
				} `json:"counts"`
			} `json:"action"`
		}
		if err = l.call(ctx, http.MethodGet, fmt.Sprintf("/actions/%d?limit=1", started.ActionID), nil, &shown); err != nil {
			break
		}
		if changed = shown.Action.Counts.Changed; shown.Action.State == "finished" {
			l.report.Slowest = max(l.report.Slowest, time.Since(start))
			return changed, nil
		}
		err = sleepUntil(ctx, time.Now().Add(500*time.Millisecond))
	}
	return changed, err
}

func (l *actionLoad) call(ctx context.Context, method, path string, body []byte, to any) error {
	answer, err := l.api.call(ctx, method, path, l.key, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, to)
}
