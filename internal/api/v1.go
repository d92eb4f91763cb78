package api

import (
	"net/http"
	"strconv"
)

// routes lists all calls.
func (a *api) routes() []route {
	return []route{
		{http.MethodGet, "/jobs", a.listJobs},
		{http.MethodPut, "/jobs", a.createJob},
		{http.MethodGet, "/jobs/{jobId}", a.getJob},
		{http.MethodPatch, "/jobs/{jobId}", a.changeJob},
		{http.MethodDelete, "/jobs/{jobId}", a.deleteJob},
		{http.MethodGet, "/jobs/{jobId}/history", a.listHistory},
		{http.MethodGet, "/jobs/{jobId}/history/{identifier}", a.getExecution},
	}
}

// pathID reads a number from the path; what is no number is 0, the number of nothing.
func pathID(r *http.Request, name string) int64 {
	return parseID(r.PathValue(name))
}

func parseID(text string) int64 {
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return int64(id)
}
