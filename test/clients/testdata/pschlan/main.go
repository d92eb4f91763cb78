// The driver of github.com/pschlan/cronjoborg-client-go, which can list jobs.
package main

import (
	"log"
	"os"

	cronjoborg "github.com/pschlan/cronjoborg-client-go"
)

func main() {
	base, key, wrong := os.Getenv("PUNCTUAL_URL"), os.Getenv("PUNCTUAL_KEY"), "wrong"
	jobs, err := cronjoborg.NewClient(&base, &key).GetJobs()
	if err != nil {
		log.Fatal(err)
	}
	if len(jobs) != 1 || jobs[0].JobID != 1 || jobs[0].Title != "first" || jobs[0].LastStatus != cronjoborg.JOBSTATUS_OK ||
		!jobs[0].Enabled || len(jobs[0].Schedule.Hours) != 1 {
		log.Fatalf("the list is %+v", jobs)
	}
	if _, err := cronjoborg.NewClient(&base, &wrong).GetJobs(); err == nil {
		log.Fatal("a wrong key lists jobs")
	}
}
