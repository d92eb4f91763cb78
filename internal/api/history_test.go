package api_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

const everyMinute = `"schedule":{"hours":[-1],"mdays":[-1],"minutes":[-1],"months":[-1],"wdays":[-1]}`

func TestIdentifiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(365*24*time.Hour - 30*time.Second) // to the last minute of 30 December 2000
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,` + everyMinute + `}`)
		c.create(`{"url":"a.example"}`)
		time.Sleep(30 * time.Second)
		c.server.execute(t, 0, cron.Result{Status: cron.StatusOK, HTTPStatus: 200})
		for identifier, status := range map[string]int{
			"1-31-11-1":   200,
			"1-31-12-1":   404,
			"1-30-11-1":   404,
			"1-31-11-2":   404,
			"2-31-11-1":   404,
			"01-31-11-1":  404,
			"1-31-11-01":  404,
			"1-31-11-+1":  404,
			"1-31-11-x":   404,
			"---":         404,
			"1-31-11-1-1": 400,
			"-1-31-11-1":  400,
			"31-11-1":     400,
			"1":           400,
			"x":           400,
		} {
			if got := c.do("GET", path+"/history/"+identifier, ""); got.status != status {
				t.Errorf("%s: status %d, want %d", identifier, got.status, status)
			}
		}
		if got := c.do("GET", "/jobs/2/history/1-31-11-1", ""); got.status != 404 {
			t.Errorf("through another job: status %d", got.status)
		}
	})
}

func TestHistoryIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,"saveResponses":true,` + everyMinute + `}`)
		for range 53 {
			time.Sleep(time.Minute)
			c.server.execute(t, time.Second, cron.Result{
				Status: cron.StatusOK, HTTPStatus: 200, Headers: []byte("\r\n"), Body: []byte("x"),
			})
		}
		var answer struct {
			History     []historyItem `json:"history"`
			Predictions []int64       `json:"predictions"`
		}
		decode(t, c.must("GET", path+"/history", ""), &answer)
		if len(answer.History) != 50 {
			t.Fatalf("%d items", len(answer.History))
		}
		for i, item := range answer.History {
			if want := int64(53 - i); item.JobLogID != want {
				t.Errorf("item %d is execution %d, want %d", i, item.JobLogID, want)
			}
			if item.Headers != nil || item.Body != nil {
				t.Errorf("item %d has headers or a body", i)
			}
			if item.Identifier != fmt.Sprintf("1-1-0-%d", item.JobLogID) || item.Jitter != 1000 {
				t.Errorf("item %d is %+v", i, item)
			}
		}
	})
}

func TestPredictions(t *testing.T) {
	const day = 24 * 60 * 60
	for _, tt := range []struct {
		name, job string
		want      []int64
	}{
		{"three", `"schedule":{"hours":[5],"mdays":[-1],"minutes":[0],"months":[-1],"wdays":[-1]}`,
			[]int64{5 * 3600, day + 5*3600, 2*day + 5*3600}},
		{"up to the expiry", `"schedule":{"expiresAt":20000102050000,"hours":[5],"mdays":[-1],"minutes":[0],
			"months":[-1],"wdays":[-1]}`,
			[]int64{5 * 3600, day + 5*3600}},
		{"an empty array", `"schedule":{"hours":[5],"mdays":[-1],"minutes":[],"months":[-1],"wdays":[-1]}`, nil},
		{"seconds", `"schedule":{"hours":[5],"mdays":[-1],"minutes":[0],"months":[-1],"wdays":[-1],"seconds":[7,9]}`,
			[]int64{5*3600 + 7, 5*3600 + 9, day + 5*3600 + 7}},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now().Unix()
			c := newClient(t)
			on, off := c.create(`{"url":"a.example",
				"enabled":true,`+tt.job+`}`), c.create(`{"url":"a.example",`+tt.job+`}`)
			for path, want := range map[string][]int64{on: tt.want, off: nil} {
				var answer struct {
					History     []historyItem `json:"history"`
					Predictions []int64       `json:"predictions"`
				}
				decode(t, c.must("GET", path+"/history", ""), &answer)
				if answer.History == nil || answer.Predictions == nil {
					t.Errorf("%s, %s: an array is null", tt.name, path)
				}
				if len(answer.Predictions) != len(want) {
					t.Errorf("%s, %s: predictions %v, want %v after %d", tt.name, path, answer.Predictions, want, start)
					continue
				}
				for i := range want {
					if answer.Predictions[i] != start+want[i] {
						t.Errorf("%s, %s: prediction %d is %d, want %d", tt.name, path, i,
							answer.Predictions[i]-start, want[i])
					}
				}
			}
			// What is planned is shown even while the job is disabled.
			for _, path := range []string{on, off} {
				next := c.job(path).NextExecution
				switch {
				case tt.want == nil && next != nil:
					t.Errorf("%s, %s: nextExecution is %d", tt.name, path, *next)
				case tt.want != nil && (next == nil || *next != start+tt.want[0]):
					t.Errorf("%s, %s: nextExecution is %v", tt.name, path, next)
				}
			}
		})
	}
}
