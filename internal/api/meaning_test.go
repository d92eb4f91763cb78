package api_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// TestStatuses has a row for each JobStatus of the contract: what the list, the history and its text say of it.
func TestStatuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		for i, tt := range []struct {
			result cron.Result
			text   string
		}{
			{cron.Result{Status: cron.StatusUnknown}, ""}, // not executed yet
			{cron.Result{Status: cron.StatusOK, HTTPStatus: 204, Reason: "Nothing Here"}, "Nothing Here"},
			{cron.Result{Status: cron.StatusDNSError, Fault: cron.FaultHostNotFound, Detail: "a.example"},
				"The host a.example does not exist."},
			{cron.Result{Status: cron.StatusConnectFailed, Fault: cron.FaultRefused, Detail: "192.0.2.1:80"},
				"192.0.2.1:80 refused the connection."},
			{cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 418}, "I'm a teapot"},
			{cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, Detail: "30s"},
				"There was no whole response within 30s."},
			{cron.Result{Status: cron.StatusTooMuchData, HTTPStatus: 200, Reason: "OK", Fault: cron.FaultTooMuchData, Detail: "65536"},
				"The response was larger than the allowed 65536 bytes."},
			{cron.Result{Status: cron.StatusInvalidURL, Fault: cron.FaultInvalidURL}, "The URL is not valid."},
			{cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultInternal},
				"An error inside the service kept the execution from being performed."},
			{cron.Result{Status: cron.StatusOther, Fault: cron.FaultReset}, "The server reset the connection."},
		} {
			path := c.create(`{"url":"a.example","enabled":true,` + everyMinute + `}`)
			if i > 0 {
				time.Sleep(time.Minute)
				tt.result.Duration = time.Duration(i) * time.Millisecond
				c.server.execute(t, 0, tt.result)
			}
			job := c.job(path)
			if job.LastStatus != i || job.LastDuration != int64(i) || (job.LastExecution == 0) != (i == 0) {
				t.Errorf("status %d: the job has status %d, duration %d, execution %d", i, job.LastStatus, job.LastDuration,
					job.LastExecution)
			}
			var answer struct {
				History     []historyItem `json:"history"`
				Predictions []int64       `json:"predictions"`
			}
			decode(t, c.must("GET", path+"/history", ""), &answer)
			if i == 0 && len(answer.History) == 0 {
				c.must("DELETE", path, "")
				continue
			}
			if item := answer.History[0]; item.Status != i || item.StatusText != tt.text || item.HTTPStatus != tt.result.HTTPStatus {
				t.Errorf("status %d: the history has %+v", i, item)
			}
			c.must("DELETE", path, "")
		}
	})
}

// TestListIsOrderedByStatus looks at the second thing that the list is ordered by; TestListOrder at the others.
func TestListIsOrderedByStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		// Each becomes due, is executed and then rests, in the order of their URLs.
		for i, status := range []cron.Status{cron.StatusOther, cron.StatusOK, cron.StatusTimeout, cron.StatusOK} {
			path := c.create(fmt.Sprintf(`{"url":"%c.example","enabled":true,`+everyMinute+`}`, 'a'+i))
			time.Sleep(time.Minute)
			c.server.execute(t, 0, cron.Result{Status: status})
			c.must("PATCH", path, `{"job":{"enabled":false}}`)
		}
		c.must("PATCH", "/jobs/1", `{"job":{"enabled":true}}`)
		c.create(`{"url":"z.example"}`)
		var list struct {
			Jobs       []job `json:"jobs"`
			SomeFailed bool  `json:"someFailed"`
		}
		decode(t, c.must("GET", "/jobs", ""), &list)
		var got []int64
		for _, j := range list.Jobs {
			got = append(got, j.JobID)
		}
		if want := []int64{1, 5, 2, 4, 3}; !slices.Equal(got, want) {
			t.Errorf("the order is %v, want %v", got, want)
		}
	})
}

// TestFailuresDisable lets jobs fail until the service disables them, or does not.
func TestFailuresDisable(t *testing.T) {
	failed := cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 500}
	timeout := cron.Result{Status: cron.StatusTimeout, Fault: cron.FaultTimeout, Detail: "30s"}
	repeat := func(r cron.Result, times int) []cron.Result { return slices.Repeat([]cron.Result{r}, times) }
	for _, tt := range []struct {
		name    string
		results []cron.Result
		enabled bool
	}{
		{"as many failures as the plan allows", repeat(failed, 15), true},
		{"one more", repeat(failed, 16), false},
		{"timeouts never do", repeat(timeout, 40), true},
		{"a timeout counts once", slices.Concat(repeat(timeout, 3), repeat(failed, 14)), true},
		{"failures after it count too", slices.Concat(repeat(timeout, 3), repeat(failed, 15)), false},
		{"a success begins anew",
			slices.Concat(repeat(failed, 15), repeat(cron.Result{Status: cron.StatusOK}, 1), repeat(failed, 15)), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t)
			path := c.create(`{"url":"a.example","enabled":true,` + everyMinute + `}`)
			for _, r := range tt.results {
				time.Sleep(time.Minute)
				c.server.execute(t, 0, r)
			}
			if job := c.job(path); job.Enabled != tt.enabled || job.NextExecution == nil {
				t.Errorf("%s: the job is %+v", tt.name, job)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example","enabled":true,` + everyMinute + `}`)
		for i := range 30 {
			time.Sleep(time.Minute)
			c.server.execute(t, 0, failed)
			if i%15 == 14 {
				c.must("PATCH", path, `{"job":{}}`)
			}
		}
		if job := c.job(path); !job.Enabled {
			t.Errorf("saved in between, the job is %+v", job)
		}
	})
}
