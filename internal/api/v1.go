package api

import (
	"net/http"
	"strconv"

	"punctual/internal/service"
)

// routes lists all calls.
func (a *api) routes() []route {
	return []route{
		{http.MethodGet, "/jobs", service.CallListJobs, a.listJobs},
		{http.MethodPut, "/jobs", service.CallCreateJob, a.createJob},
		{http.MethodGet, "/jobs/{jobId}", service.CallGetJob, a.getJob},
		{http.MethodPatch, "/jobs/{jobId}", service.CallChangeJob, a.changeJob},
		{http.MethodDelete, "/jobs/{jobId}", service.CallDeleteJob, a.deleteJob},
		{http.MethodGet, "/jobs/{jobId}/history", service.CallListHistory, a.listHistory},
		{http.MethodGet, "/jobs/{jobId}/history/{identifier}", service.CallGetExecution, a.getExecution},
		{http.MethodGet, "/folders", service.CallListFolders, a.listFolders},
		{http.MethodPut, "/folders", service.CallCreateFolder, a.createFolder},
		{http.MethodGet, "/folders/{folderId}", service.CallGetFolder, a.getFolder},
		{http.MethodPatch, "/folders/{folderId}", service.CallChangeFolder, a.changeFolder},
		{http.MethodDelete, "/folders/{folderId}", service.CallDeleteFolder, a.deleteFolder},
		{http.MethodGet, "/jobs/{jobId}/{token}/{badge}", 0, a.getBadge},
		{http.MethodHead, "/jobs/{jobId}/{token}/{badge}", 0, a.getBadge},
		{http.MethodGet, "/executor-nodes.json", 0, a.listExecutorNodes},
		{http.MethodGet, "/schedule/preview", service.CallPreview, a.previewSchedule},
		{http.MethodGet, "/tls", service.CallGetTLS, a.getTLS},
		{http.MethodPut, "/tls", service.CallSetTLS, a.setTLS},
		{http.MethodDelete, "/tls", service.CallDeleteTLS, a.deleteTLS},
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
