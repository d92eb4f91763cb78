package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// apiReport is what the API did while the burst ran.
type apiReport struct {
	Requests int
	Failed   int
	Time     lateness
}

// person is an account that uses the API: it lists its jobs, reads a history, and changes a job.
type person struct {
	key string
	job int64
}

// apiLoad sends requests at a fixed rate, however slow the responses are.
type apiLoad struct {
	base    string
	people  []person
	client  *http.Client
	running sync.WaitGroup

	mu     sync.Mutex
	times  []time.Duration
	failed int
}

// newAPILoad finds the jobs and executions that each key may use.
func newAPILoad(ctx context.Context, base string, keys []string) (*apiLoad, error) {
	l := &apiLoad{base: base, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	for _, key := range keys {
		var list struct {
			Jobs []struct {
				JobID int64 `json:"jobId"`
			} `json:"jobs"`
		}
		body, err := l.call(ctx, http.MethodGet, "/jobs", key, nil)
		if err == nil {
			err = json.Unmarshal(body, &list)
		}
		if err != nil {
			return nil, err
		}
		if len(list.Jobs) > 0 {
			l.people = append(l.people, person{key, list.Jobs[0].JobID})
		}
	}
	return l, nil
}

// run sends rate requests a second until ctx ends.
func (l *apiLoad) run(ctx context.Context, rate int) {
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			l.running.Wait()
			return
		case <-ticker.C:
		}
		l.running.Go(func() { l.ask(context.WithoutCancel(ctx), i) })
	}
}

// ask sends one request for an account.
func (l *apiLoad) ask(ctx context.Context, i int) {
	p := l.people[i/4%len(l.people)]
	start := time.Now()
	var err error
	switch i % 4 {
	case 0:
		_, err = l.call(ctx, http.MethodGet, "/jobs", p.key, nil)
	case 1:
		_, err = l.call(ctx, http.MethodGet, fmt.Sprintf("/jobs/%d/history", p.job), p.key, nil)
	default:
		_, err = l.call(ctx, http.MethodPatch, fmt.Sprintf("/jobs/%d", p.job), p.key,
			fmt.Appendf(nil, `{"job":{"title":"request %d"}}`, i))
	}
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, took)
	if err != nil {
		l.failed++
	}
}

func (l *apiLoad) call(ctx context.Context, method, path, key string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, l.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s answered %s: %s", method, path, res.Status, answer)
	}
	return answer, err
}

// report returns the result. It must be called after run has returned.
func (l *apiLoad) report() *apiReport {
	return &apiReport{Requests: len(l.times), Failed: l.failed, Time: percentiles(l.times)}
}
