package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"punctual/internal/cron"
)

// The objects of statistics as a foreign client would declare them.

type attempts struct {
	Running   int64 `json:"running"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	Lost      int64 `json:"lost"`
}

type occurrences struct {
	attempts
	Missed  int64 `json:"missed"`
	Skipped int64 `json:"skipped"`
}

type percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

type tally struct {
	Occurrences occurrences  `json:"occurrences"`
	Attempts    attempts     `json:"attempts"`
	Lateness    *percentiles `json:"lateness"`
	Duration    *percentiles `json:"duration"`
}

type statsStep struct {
	From int64 `json:"from"`
	tally
}

type statsAnswer struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
	AsOf int64 `json:"asOf"`
	tally
	Usual *struct {
		Low, High float64
		Count     int64
	} `json:"usualDuration"`
	Series []statsStep `json:"series"`
}

func (c *client) stats(query string) (answer statsAnswer) {
	c.t.Helper()
	decode(c.t, c.must("GET", "/stats?"+query, ""), &answer)
	return answer
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		midnight := time.Now().Unix()
		lived(c) // until 01:03
		got := c.stats("")
		if got.From != midnight-23*3600 || got.To != midnight+2*3600 || got.AsOf != time.Now().Unix() || got.Series != nil {
			t.Errorf("the span is %+v", got)
		}
		if want := (occurrences{attempts{Running: 1, Succeeded: 2, Failed: 1, Lost: 2}, 120, 0}); got.Occurrences != want {
			t.Errorf("occurrences %+v, want %+v", got.Occurrences, want)
		}
		if want := (attempts{Running: 1, Succeeded: 2, Failed: 2, Lost: 2}); got.Attempts != want {
			t.Errorf("attempts %+v, want %+v", got.Attempts, want)
		}
		if l, d := got.Lateness, got.Duration; l == nil || l.Max != 20 || l.P50 < 19.3 || l.P50 > 20.7 ||
			d == nil || d.Max != 1500 || d.P99 < 1450 || d.P99 > 1500 {
			t.Errorf("lateness %+v, duration %+v", got.Lateness, got.Duration)
		}
		if got := c.stats("job=1&from=" + fmt.Sprint(midnight) + "&to=" + fmt.Sprint(midnight+3600)); got.Attempts !=
			(attempts{Failed: 2, Lost: 1}) {
			t.Errorf("an hour of a job: %+v", got)
		}
		if got := c.stats("to=" + fmt.Sprint(midnight)); got.Lateness != nil || got.Attempts != (attempts{}) {
			t.Errorf("before all: %+v", got)
		}
		// The same once it is counted.
		for range 3 {
			time.Sleep(11 * time.Minute)
			if _, err := c.server.store.RollUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		again := c.stats("")
		if again.Occurrences != got.Occurrences || again.Attempts != got.Attempts || *again.Lateness != *got.Lateness {
			t.Errorf("counted: %+v, want %+v", again, got)
		}
		series := c.stats("step=hour&from=2000-01-01T00:30:00Z&to=2000-01-01T02:30:00Z")
		if len(series.Series) != 3 || series.Series[0].From != midnight || series.Series[0].Attempts.Failed != 2 ||
			series.Series[1].Occurrences.Missed != 120 || series.Series[2].Lateness != nil {
			t.Errorf("the hours are %+v", series)
		}
		days := c.stats(fmt.Sprintf("step=day&from=%d&to=%d", midnight-1, midnight+1))
		if len(days.Series) != 2 || days.From != midnight-86400 || days.Series[1].Attempts != got.Attempts {
			t.Errorf("the days are %+v", days)
		}
	})
}

// TestUsualDuration runs a job often enough that its usual duration is known.
func TestUsualDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		path := c.create(`{"url":"a.example"}`)
		query := "job=" + strings.TrimPrefix(path, "/jobs/")
		for i := range 20 {
			if got := c.stats(query); got.Usual != nil {
				t.Fatalf("after %d executions %+v is usual", i, got.Usual)
			}
			c.do("POST", path+"/run", "")
			c.server.execute(t, 0, cron.Result{Status: cron.StatusOK, HTTPStatus: 200,
				Stats: cron.Stats{Total: time.Duration(i) * time.Second}})
			time.Sleep(time.Minute)
		}
		u := c.stats(query).Usual
		if u == nil || u.Count != 20 || u.Low != 0 || u.High < 17400 || u.High > 18600 {
			t.Errorf("the usual duration is %+v, want 0 to 18 s", u)
		}
		if got := c.stats(""); got.Usual != nil {
			t.Errorf("the account has the usual duration %+v", got.Usual)
		}
	})
}

func TestStatsRefuseWhatTheyCannotUse(t *testing.T) {
	synctest.Test(t, testStatsRefuse)
}

func testStatsRefuse(t *testing.T) {
	c := newServer(t).newClient(t, "a@example.com", cron.PlanMember)
	now := time.Now().Unix()
	const day = 24 * 3600
	for query, bad := range map[string][]string{
		"step=minute&job=x": {"/job", "/step"},
		"from=10&to=10":     {"/to"},
		fmt.Sprintf("from=%d&to=%d", now-92*day, now):              {"/from"},
		fmt.Sprintf("from=%d&to=%d", now-90*day, now):              nil,
		fmt.Sprintf("from=%d&to=%d", now-360*day, now-300*day):     nil,
		fmt.Sprintf("from=%d&to=%d", now-367*day, now-300*day):     {"/from"},
		fmt.Sprintf("from=%d", now+day):                            {"/from"},
		fmt.Sprintf("from=%d&to=%d&step=hour", now-89*day, now+60): nil,
	} {
		time.Sleep(time.Second) // the rate of the plan
		got := c.do("GET", "/stats?"+query, "")
		switch {
		case bad == nil && got.status != 200, bad != nil && (got.status != 400 || !slices.Equal(pointers(t, got), bad)):
			t.Errorf("%s: %d %s, want %v", query, got.status, got.body, bad)
		}
	}
}
