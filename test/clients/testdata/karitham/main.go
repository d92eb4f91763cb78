// The driver of github.com/Karitham/cronjoborg, which has a fixed base URL but takes an http.Client.
package main

import (
	"log"
	"net/http"
	"net/url"
	"os"

	"github.com/Karitham/cronjoborg"
)

// redirect sends requests to another service than they are for.
type redirect struct{ to *url.URL }

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host, req.Host = r.to.Scheme, r.to.Host, r.to.Host
	return http.DefaultTransport.RoundTrip(req)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	base, err := url.Parse(os.Getenv("PUNCTUAL_URL"))
	check(err)
	c := cronjoborg.New(os.Getenv("PUNCTUAL_KEY"), cronjoborg.WithClient(&http.Client{Transport: redirect{base}}))

	// Its zero values go over the wire: a timeout of 0, headers that are null, no address yet known to be right.
	id, err := c.CreateJob(cronjoborg.DetailedJob{Job: cronjoborg.Job{
		URL: "https://example.com/karitham", Title: "karitham", Enabled: true,
		Schedule:      cronjoborg.Schedule{Minutes: []int{5, 35}, Timezone: "Europe/Berlin"},
		RequestMethod: cronjoborg.RequestMethodPost,
	}, ExtendedData: cronjoborg.JobExtendedData{Headers: map[string]string{"X-A": "b"}, Body: "body"}})
	check(err)
	job, err := c.GetJob(id)
	check(err)
	if job.JobID != id || job.Title != "karitham" || !job.Enabled || job.RequestMethod != cronjoborg.RequestMethodPost ||
		len(job.Schedule.Minutes) != 2 || job.Schedule.Timezone != "Europe/Berlin" || job.NextExecution == 0 ||
		job.ExtendedData.Headers["X-A"] != "b" || job.ExtendedData.Body != "body" {
		log.Fatalf("the job reads back as %+v", job)
	}
	job.Title = "changed"
	check(c.UpdateJob(id, job))
	jobs, err := c.ListJobs()
	check(err)
	found := false
	for _, j := range jobs {
		found = found || j.JobID == id && j.Title == "changed"
	}
	if len(jobs) != 2 || !found {
		log.Fatalf("the list is %+v", jobs)
	}
	check(c.DeleteJob(id))
	if jobs, err := c.ListJobs(); err != nil || len(jobs) != 1 {
		log.Fatalf("after the deletion the list is %+v, %v", jobs, err)
	}
}
