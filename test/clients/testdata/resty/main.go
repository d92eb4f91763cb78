// The driver of github.com/go-resty/resty: what scripts in Go do.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/go-resty/resty/v2"
)

// problem is problem details (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Errors []struct {
		Pointer string `json:"pointer"`
	} `json:"errors"`
}

type object = map[string]any

func main() {
	api := resty.New().SetBaseURL(os.Getenv("PUNCTUAL_URL")).SetAuthToken(os.Getenv("PUNCTUAL_KEY")).SetError(&problem{})
	call := func(want int, method, path string, body, result any) *resty.Response {
		r := api.R()
		if body != nil {
			r.SetBody(body)
		}
		if result != nil {
			r.SetResult(result)
		}
		answer, err := r.Execute(method, path)
		if err != nil {
			log.Fatal(err)
		}
		if answer.StatusCode() != want {
			log.Fatalf("%s %s: %s %s", method, path, answer.Status(), answer)
		}
		return answer
	}

	var folder struct {
		FolderID int `json:"folderId"`
	}
	call(200, "PUT", "/folders", object{"folder": object{"title": "resty"}}, &folder)
	call(409, "PUT", "/folders", object{"folder": object{"title": "Resty"}}, nil)
	var job struct {
		JobID int `json:"jobId"`
	}
	call(200, "PUT", "/jobs", object{"job": object{
		"url": "example.com/resty", "folderId": folder.FolderID, "schedule": object{"hours": []int{23, 1}, "wdays": []int{7}},
	}}, &job)
	path := fmt.Sprintf("/jobs/%d", job.JobID)
	call(200, "PATCH", path, object{"job": object{"title": "resty", "auth": object{"enable": true}}}, nil)
	var details struct {
		Job struct {
			Title    string
			URL      string
			FolderID int
			Auth     struct{ Enable bool }
			Schedule struct{ Hours, WDays, Minutes []int }
		} `json:"jobDetails"`
	}
	call(200, "GET", path, nil, &details)
	if j := details.Job; j.Title != "resty" || j.URL != "http://example.com/resty" || j.FolderID != folder.FolderID ||
		!j.Auth.Enable || fmt.Sprint(j.Schedule) != "{[1 23] [0] []}" {
		log.Fatalf("the job reads back as %+v", j)
	}
	refused := call(400, "PATCH", path, object{"job": object{"schedule": object{"minutes": []int{0, 60}}}}, nil)
	if p := refused.Error().(*problem); p.Status != 400 || len(p.Errors) != 1 || p.Errors[0].Pointer != "/job/schedule/minutes/1" {
		log.Fatalf("the problem is %+v", p)
	}
	call(200, "DELETE", fmt.Sprintf("/folders/%d", folder.FolderID), nil, nil)
	call(200, "GET", path, nil, &details)
	if details.Job.FolderID != 0 {
		log.Fatalf("the job is in folder %d, which was deleted", details.Job.FolderID)
	}
	call(200, "DELETE", path, nil, nil)
	call(404, "GET", path, nil, nil)
	api.SetAuthToken("wrong")
	call(401, "GET", "/jobs", nil, nil)
}
