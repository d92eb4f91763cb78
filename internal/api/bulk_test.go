package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"punctual/internal/cron"
)

// bulk is the answer to a call that changes many jobs.
type bulk struct {
	Results []struct {
		JobID   int64    `json:"jobId"`
		Status  int      `json:"status"`
		Problem *problem `json:"problem"`
	} `json:"results"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
}

// bulk makes the call, and tells the status of each job.
func (c *client) bulk(body string) (answer bulk, statuses []int) {
	c.t.Helper()
	decode(c.t, c.must("POST", "/jobs/bulk", body), &answer)
	for _, r := range answer.Results {
		statuses = append(statuses, r.Status)
		if (r.Problem == nil) != (r.Status == 200) || r.Problem != nil && r.Problem.Status != r.Status {
			c.t.Errorf("job %d: status %d and %+v", r.JobID, r.Status, r.Problem)
		}
	}
	return answer, statuses
}

func TestBulk(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	theirs := s.newClient(t, "b@example.com", cron.PlanUnlimited).create(`{"url":"a.example","title":"theirs"}`) // job 1
	for range 4 {
		c.create(`{"url":"a.example"}`) // jobs 2 to 5
	}
	c.createFolder("folder")
	enabled := func() (ids []int64) {
		for id := int64(2); id <= 5; id++ {
			if got := c.do("GET", fmt.Sprintf("/jobs/%d", id), ""); strings.Contains(got.body, `"enabled":true`) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for i, step := range []struct {
		body     string
		statuses []int
		enabled  []int64
	}{
		{`{"action":"enable","jobIds":[3,"2",3,1,999,5]}`, []int{200, 200, 404, 404, 200}, []int64{2, 3, 5}},
		{`{"action":"disable","jobIds":[2]}`, []int{200}, []int64{3, 5}},
		{`{"action":"move","toFolderId":1,"jobIds":[2,3]}`, []int{200, 200}, []int64{3, 5}},
		{`{"action":"disable","folderId":1}`, []int{200, 200}, []int64{5}},
		{`{"action":"enable","folderId":0}`, []int{200, 200}, []int64{4, 5}},
		{`{"action":"patch","job":{"title":"x","enabled":true},"folderId":1}`, []int{200, 200}, []int64{2, 3, 4, 5}},
		{`{"action":"move","toFolderId":0,"jobIds":[3]}`, []int{200}, []int64{2, 3, 4, 5}},
		{`{"action":"delete","folderId":1}`, []int{200}, []int64{3, 4, 5}},
		{`{"action":"delete","jobIds":[2,4]}`, []int{404, 200}, []int64{3, 5}},
		{`{"action":"delete","jobIds":[]}`, nil, []int64{3, 5}},
		{`{"action":"delete","folderId":1}`, nil, []int64{3, 5}},
	} {
		answer, statuses := c.bulk(step.body)
		ok := len(slices.DeleteFunc(slices.Clone(statuses), func(s int) bool { return s != 200 }))
		if !slices.Equal(statuses, step.statuses) || answer.Succeeded != ok || answer.Failed != len(statuses)-ok {
			t.Errorf("%d, %s: %v in %+v", i, step.body, statuses, answer)
		}
		if got := enabled(); !slices.Equal(got, step.enabled) {
			t.Errorf("%d, %s: jobs %v are enabled", i, step.body, got)
		}
	}
	if job := c.job("/jobs/3"); job.Title != "x" || job.FolderID != 0 {
		t.Errorf("job 3 is %+v", job)
	}
	if got := c.do("GET", theirs, ""); got.status != 404 {
		t.Errorf("the job of another account: %d", got.status)
	}
}

// TestBulkNamesWhatIsWrongWithAJob has a job for which a change is wrong that is right for another.
func TestBulkNamesWhatIsWrongWithAJob(t *testing.T) {
	s := newServer(t)
	c := s.newClient(t, "a@example.com", cron.PlanUnlimited)
	c.create(`{"url":"a.example","schedule":{"seconds":[0,30],"hours":[-1],"mdays":[-1],"months":[-1],"wdays":[-1]}}`)
	c.create(`{"url":"a.example","schedule":{"hours":[-1],"mdays":[-1],"months":[-1],"wdays":[-1]}}`)
	c.changeAccount(func(a *cron.Account) { a.Plan = "tiny" })
	answer, statuses := c.bulk(`{"action":"patch","job":{"schedule":{"minutes":[-1]}},"jobIds":[1,2]}`)
	if !slices.Equal(statuses, []int{400, 200}) || answer.Results[0].Problem.Errors[0].Pointer != "/job/schedule" {
		t.Errorf("%v in %+v", statuses, answer)
	}
	if got := c.job("/jobs/1").Schedule.Minutes; len(got) > 0 {
		t.Errorf("the job that was refused has the minutes %v", got)
	}
}

func TestBulkRefusals(t *testing.T) {
	c := newClient(t)
	path := c.create(`{"url":"a.example"}`)
	before := c.must("GET", path, "")
	many := strings.Repeat("7,", 1000) + "7"
	var different []string
	for i := range 1001 {
		different = append(different, fmt.Sprint(i+1))
	}
	for _, tt := range []struct {
		body string
		at   []string
	}{
		{`{"jobIds":[1]}`, []string{"/action"}},
		{`{"action":"run","jobIds":[1]}`, []string{"/action"}},
		{`{"action":7,"jobIds":[1]}`, []string{"/action"}},
		{`{"action":"enable"}`, nil},
		{`{"action":"enable","jobIds":[1],"folderId":0}`, nil},
		{`{"action":"enable","jobIds":{}}`, []string{"/jobIds"}},
		{`{"action":"enable","jobIds":[1,"x",0,-1,1.5,null]}`,
			[]string{"/jobIds/1", "/jobIds/2", "/jobIds/3", "/jobIds/4", "/jobIds/5"}},
		{`{"action":"enable","jobIds":[` + strings.Join(different, ",") + `]}`, []string{"/jobIds"}},
		{`{"action":"enable","folderId":"x"}`, []string{"/folderId"}},
		{`{"action":"enable","folderId":7}`, []string{"/folderId"}},
		{`{"action":"move","jobIds":[1]}`, []string{"/toFolderId"}},
		{`{"action":"move","jobIds":[1],"toFolderId":7}`, []string{"/toFolderId"}},
		{`{"action":"patch","jobIds":[1]}`, []string{"/job"}},
		{`{"action":"patch","jobIds":[1],"job":[]}`, []string{"/job"}},
		{`{"action":"patch","jobIds":[1],"job":{"url":"","title":{}}}`, []string{"/job/title", "/job/url"}},
		{`{"action":"patch","jobIds":[1],"job":{"title":"` + strings.Repeat(" ", 64<<10) + `"}}`, []string{"/job"}},
		{`[]`, nil},
		{`{`, nil},
	} {
		got := c.do("POST", "/jobs/bulk", tt.body)
		if got.status != 400 {
			t.Errorf("%.80s: %d %s", tt.body, got.status, got.body)
			continue
		}
		if at := pointers(t, got); !slices.Equal(at, tt.at) {
			t.Errorf("%.80s: problems at %v, want %v", tt.body, at, tt.at)
		}
	}
	if got := c.do("POST", "/jobs/bulk", `{"action":"enable","jobIds":[1]}`, "Content-Type: text/plain"); got.status != 400 {
		t.Errorf("without JSON: status %d", got.status)
	}
	if after := c.must("GET", path, ""); after != before {
		t.Errorf("the job has become %s", after)
	}
	if _, statuses := c.bulk(`{"action":"enable","jobIds":[` + many + `]}`); !slices.Equal(statuses, []int{404}) {
		t.Errorf("one job a thousand times: %v", statuses)
	}
}
