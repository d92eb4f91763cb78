package web_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"punctual/internal/cron"
	"punctual/internal/store/storetest"
)

// BenchmarkJobs measures the list of jobs of an account with 100,000 of them, and with 5 million executions in its history.
func BenchmarkJobs(b *testing.B) {
	if testing.Short() {
		b.Skip("it makes millions of rows")
	}
	c := newConsole(b)
	visitor := c.setUp(b)
	first := c.newJob(b)
	tables := storetest.OpenTables(b, c.options)
	tables.AddFindable(first.ID, 99_999)
	for more := true; more; {
		var err error
		if more, err = c.store.Maintain(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	tables.AddHistory(first.ID, 100_000, 5_000_000, 29, c.store.Now())
	for i := range 100 {
		if err := c.store.CreateFolder(b.Context(), &cron.Folder{AccountID: 1, Title: fmt.Sprint("Folder ", i)}); err != nil {
			b.Fatal(err)
		}
		if err := c.store.CreateView(b.Context(), &cron.JobView{AccountID: 1, PersonID: 1, Title: fmt.Sprint("View ", i)}); err != nil && i < cron.MaxJobViews {
			b.Fatal(err)
		}
	}
	for name, path := range map[string]string{
		"by title": "/console/jobs", "by next run": "/console/jobs?sort=next", "by last run": "/console/jobs?sort=-last", "a word": "/console/jobs?q=backup",
		"failing": "/console/jobs?q=state:failing", "a tag": "/console/jobs?q=tag:prod", "a host": "/console/jobs?q=host:host9.example.com",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if w := visitor.serve(path); w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// serve asks for a page, which is not looked at.
func (b *visitor) serve(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(b.t.Context(), "GET", path, nil)
	for name, value := range b.cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	w := httptest.NewRecorder()
	b.console.ServeHTTP(w, r)
	return w
}
