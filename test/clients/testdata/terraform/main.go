// The driver of the client in github.com/plain-insure/terraform-provider-cronjoborg, which takes a base URL. It does what
// the provider does for the life of a resource.
package main

import (
	"errors"
	"log"
	"os"
	"strconv"

	"github.com/plain-insure/terraform-provider-cronjoborg/client"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	c := client.NewClient(os.Getenv("PUNCTUAL_URL"), os.Getenv("PUNCTUAL_KEY"))
	number, err := c.CreateJob(map[string]interface{}{"title": "terraform", "url": "https://example.com/terraform"})
	check(err)
	id := strconv.Itoa(number)
	details, err := c.GetJobDetails(id)
	check(err)
	if details["title"] != "terraform" || details["url"] != "https://example.com/terraform" || details["enabled"] != false {
		log.Fatalf("the job reads back as %v", details)
	}
	check(c.UpdateJob(id, map[string]interface{}{"title": "changed", "url": "https://example.com/changed"}))
	job, err := c.GetJob(id)
	check(err)
	if job.Title != "changed" || job.URL != "https://example.com/changed" {
		log.Fatalf("the job is listed as %+v", job)
	}
	check(c.DeleteJob(id))
	_, err = c.GetJobDetails(id)
	var gone *client.APIError
	if !errors.As(err, &gone) || gone.StatusCode != 404 {
		log.Fatalf("the deleted job: %v", err)
	}
}
