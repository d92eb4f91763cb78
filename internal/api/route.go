package api

import (
	"net/http"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// handler answers a request, or returns an error and has written nothing.
type handler func(w http.ResponseWriter, r *http.Request, account cron.Account) error

// route is one call of the API. Its caller is authenticated by an API key, unless it is open.
type route struct {
	method  string
	pattern string       // of http.ServeMux, without a method: there GET would match HEAD too
	call    service.Call // how it is counted; 0 for an open one
	handle  handler      // gets no account when the route is open
}

// endpoint is the routes that share a pattern, by method.
type endpoint map[string]route

// routes lists all calls.
func (a *api) routes() []route {
	return []route{
		{http.MethodGet, "/jobs", service.CallListJobs, a.listJobs},
		{http.MethodPut, "/jobs", service.CallCreateJob, a.once(jobBody, a.createJob)},
		{http.MethodGet, "/jobs/{jobId}", service.CallGetJob, a.getJob},
		{http.MethodPatch, "/jobs/{jobId}", service.CallChangeJob, a.changeJob},
		{http.MethodDelete, "/jobs/{jobId}", service.CallDeleteJob, a.deleteJob},
		{http.MethodGet, "/jobs/{jobId}/history", service.CallListHistory, a.listHistory},
		{http.MethodGet, "/jobs/{jobId}/history/{identifier}", service.CallGetExecution, a.getExecution},
		{http.MethodGet, "/folders", service.CallListFolders, a.listFolders},
		{http.MethodPut, "/folders", service.CallCreateFolder, a.once(folderBody, a.createFolder)},
		{http.MethodGet, "/folders/{folderId}", service.CallGetFolder, a.getFolder},
		{http.MethodPatch, "/folders/{folderId}", service.CallChangeFolder, a.changeFolder},
		{http.MethodDelete, "/folders/{folderId}", service.CallDeleteFolder, a.deleteFolder},
		{http.MethodGet, "/jobs/{jobId}/{token}/{badge}", 0, a.getBadge},
		{http.MethodHead, "/jobs/{jobId}/{token}/{badge}", 0, a.getBadge},
		{http.MethodGet, "/executor-nodes.json", 0, a.listExecutorNodes},
		{http.MethodGet, "/schedule/preview", service.CallPreview, a.previewSchedule},
		{http.MethodPost, "/jobs/{jobId}/run", service.CallRunJob, a.once(runBody, a.runJob)},
		{http.MethodGet, "/jobs/{jobId}/runs/{runId}", service.CallGetRun, a.getRun},
		{http.MethodPost, "/jobs/{jobId}/clone", service.CallCloneJob, a.once(jobBody, a.cloneJob)},
		{http.MethodPost, "/jobs/bulk", service.CallBulk, a.changeJobs},
		{http.MethodGet, "/jobs/{jobId}/badge", service.CallGetBadge, a.listBadges},
		{http.MethodGet, "/me", service.CallGetAccount, a.getAccount},
		{http.MethodGet, "/apikeys", service.CallListKeys, a.listKeys},
		{http.MethodPost, "/apikeys", service.CallCreateKey, a.once(keyBody, a.createKey)},
		{http.MethodDelete, "/apikeys/{apiKeyId}", service.CallDeleteKey, a.deleteKey},
		{http.MethodGet, "/timezones", service.CallListZones, a.listZones},
		{http.MethodGet, "/events", service.CallFollow, a.followEvents},
		{http.MethodGet, "/openapi.json", 0, a.getOpenAPI},
		{http.MethodGet, "/docs", 0, a.getDocs},
		{http.MethodGet, "/tls", service.CallGetTLS, a.getTLS},
		{http.MethodPut, "/tls", service.CallSetTLS, a.setTLS},
		{http.MethodDelete, "/tls", service.CallDeleteTLS, a.deleteTLS},
		{http.MethodGet, "/history", service.CallHistory, a.searchHistory},
		{http.MethodGet, "/jobs/{jobId}/executions", service.CallExecutions, a.searchExecutions},
		{http.MethodGet, "/stats", service.CallStats, a.getStats},
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
