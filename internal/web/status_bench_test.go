package web_test

import (
	"fmt"
	"testing"
	"time"

	"punctual/internal/statuspage"
	"punctual/internal/store/storetest"
)

// BenchmarkStatusPages measures the console's pages about status pages, and the reading of what visitors see, with 10 status pages of 100
// components, each with a job and a year of days, and with 1,000 incidents.
func BenchmarkStatusPages(b *testing.B) {
	if testing.Short() {
		b.Skip("it makes a third of a million rows")
	}
	c := newConsole(b)
	visitor := c.setUp(b)
	account, tables := c.account(b), storetest.OpenTables(b, c.options)
	job := c.newJob(b)
	tables.Exec(`UPDATE account SET plan = 'unlimited'`)
	var page statuspage.Page
	for n := range 10 {
		page = statuspage.NewPage()
		page.AccountID, page.Title, page.Days, page.Published = account.ID, fmt.Sprint("Status ", n), 365, true
		for g := range 10 {
			page.Groups = append(page.Groups, statuspage.Group{Title: fmt.Sprint("Region ", g)})
		}
		for i := range statuspage.MaxComponents {
			page.Components = append(page.Components, statuspage.Component{Title: fmt.Sprint("Service ", i), Group: page.Groups[i/10].Title,
				JobIDs: []int64{job.ID}, Rule: statuspage.DefaultRule()})
		}
		if err := page.Accept(new(statuspage.NewPage())); err != nil {
			b.Fatal(err)
		}
		if err := c.store.CreateStatusPage(b.Context(), &page); err != nil {
			b.Fatal(err)
		}
	}
	tables.AddIncidents(account.ID, page.ID, statuspage.MaxIncidents, time.Now().Add(-time.Hour))
	today := time.Now().Unix() / 86400
	tables.Exec(`INSERT INTO status_day (component_id, day, states)
		WITH RECURSIVE days(day) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day < $2)
		SELECT id, day, '[0,86000000,0,0,400000,0]' FROM status_component CROSS JOIN days`, today-364, today-1)
	tables.Exec(`UPDATE status_component SET days_done = $1`, today)
	tables.Exec(`UPDATE status_page SET days_at = $1`, (today+1)*86400_000)
	path := fmt.Sprint("/console/status/", page.ID)
	for _, at := range []struct{ name, path string }{
		{"list", "/console/status"}, {"now", path}, {"components", path + "/components"}, {"component", fmt.Sprint(path, "/components/", page.Components[0].ID)},
		{"settings", path + "/settings"}, {"incidents", path + "/incidents"}, {"new incident", path + "/incidents/new"}, {"job", fmt.Sprint("/console/jobs/", job.ID)},
	} {
		b.Run(at.name, func(b *testing.B) {
			for b.Loop() {
				if w := visitor.serve(at.path); w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
	b.Run("what visitors see", func(b *testing.B) {
		for b.Loop() {
			if v, err := c.service.StatusView(b.Context(), page.ID); err != nil || len(v.Histories) != statuspage.MaxComponents || len(v.Histories[0].Days) != 365 {
				b.Fatal(err)
			}
		}
	})
}
