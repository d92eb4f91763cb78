package api

import (
	"net/http"
	"strconv"

	"punctual/internal/cron"
	"punctual/internal/service"
)

// handler answers a request, or returns an error and has written nothing.
type handler func(w http.ResponseWriter, r *http.Request, actor cron.Actor) error

// route is one call of the API. Its caller is authenticated by an API key, unless it is open.
type route struct {
	method  string
	pattern string          // of http.ServeMux, without a method: there GET would match HEAD too
	use     service.UseCase // what the caller must have the right to; 0 for an open one
	handle  handler         // gets nobody when the route is open
}

// endpoint is the routes that share a pattern, by method.
type endpoint map[string]route

// routes lists all calls.
func (a *api) routes() []route {
	return []route{
		{http.MethodGet, "/jobs", service.UseListJobs, a.listJobs},
		{http.MethodPut, "/jobs", service.UseCreateJob, a.idempotent(service.UseCreateJob, jobBody, a.createJob)},
		{http.MethodGet, "/jobs/search", service.UseSearchJobs, a.searchJobs},
		{http.MethodGet, "/jobs/{jobId}", service.UseGetJob, a.getJob},
		{http.MethodPatch, "/jobs/{jobId}", service.UseChangeJob, a.changeJob},
		{http.MethodDelete, "/jobs/{jobId}", service.UseDeleteJob, a.deleteJob},
		{http.MethodGet, "/jobs/{jobId}/history", service.UseListHistory, a.listHistory},
		{http.MethodGet, "/jobs/{jobId}/history/{identifier}", service.UseGetExecution, a.getExecution},
		{http.MethodGet, "/jobs/{jobId}/history/{identifier}/compare", service.UseCompare, a.compareExecution},
		{http.MethodGet, "/jobs/{jobId}/versions", service.UseListVersions, a.listVersions},
		{http.MethodGet, "/jobs/{jobId}/versions/{version}", service.UseGetVersion, a.getVersion},
		{http.MethodGet, "/jobs/{jobId}/versions/{version}/diff", service.UseGetVersion, a.compareVersions},
		{http.MethodPost, "/jobs/{jobId}/versions/{version}/restore", service.UseRestoreVersion, a.restoreVersion},
		{http.MethodDelete, "/jobs/{jobId}/versions/{version}/secrets", service.UseForgetVersion, a.forgetVersion},
		{http.MethodGet, "/bin", service.UseListBin, a.listBin},
		{http.MethodPost, "/bin/jobs/{jobId}/restore", service.UseRestoreBin, a.restoreJob},
		{http.MethodDelete, "/bin/jobs/{jobId}", service.UsePurgeBin, a.purgeJob},
		{http.MethodPost, "/bin/folders/{folderId}/restore", service.UseRestoreBin, a.restoreFolder},
		{http.MethodDelete, "/bin/folders/{folderId}", service.UsePurgeBin, a.purgeFolder},
		{http.MethodGet, "/folders", service.UseListFolders, a.listFolders},
		{http.MethodPut, "/folders", service.UseCreateFolder, a.idempotent(service.UseCreateFolder, folderBody, a.createFolder)},
		{http.MethodGet, "/folders/{folderId}", service.UseGetFolder, a.getFolder},
		{http.MethodPatch, "/folders/{folderId}", service.UseChangeFolder, a.changeFolder},
		{http.MethodDelete, "/folders/{folderId}", service.UseDeleteFolder, a.deleteFolder},
		{http.MethodGet, "/jobs/{jobId}/{token}/{badge}", 0, a.getBadge},
		{http.MethodHead, "/jobs/{jobId}/{token}/{badge}", 0, a.getBadge},
		{http.MethodGet, "/executor-nodes.json", 0, a.listExecutorNodes},
		{http.MethodGet, "/schedule/preview", service.UsePreview, a.previewSchedule},
		{http.MethodGet, "/schedule/load", service.UseScheduleLoad, a.getScheduleLoad},
		{http.MethodPost, "/jobs/{jobId}/run", service.UseRunJob, a.idempotent(service.UseRunJob, runBody, a.runJob)},
		{http.MethodGet, "/jobs/{jobId}/runs/{runId}", service.UseGetRun, a.getRun},
		{http.MethodPost, "/testruns", service.UseStartTestRun, a.idempotent(service.UseStartTestRun, jobBody, a.startTestRun)},
		{http.MethodGet, "/testruns/{testRunId}", service.UseGetTestRun, a.getTestRun},
		{http.MethodGet, "/testruns/{testRunId}/events", service.UseGetTestRun, a.followTestRun},
		{http.MethodDelete, "/testruns/{testRunId}", service.UseEndTestRun, a.endTestRun},
		{http.MethodPost, "/jobs/{jobId}/clone", service.UseCloneJob, a.idempotent(service.UseCloneJob, jobBody, a.cloneJob)},
		{http.MethodPost, "/jobs/bulk", service.UseBulk, a.changeJobs},
		{http.MethodGet, "/actions", service.UseGetAction, a.listActions},
		{http.MethodPost, "/actions", service.UseStartAction, a.idempotent(service.UseStartAction, actionBody, a.startAction)},
		{http.MethodGet, "/actions/{actionId}", service.UseGetAction, a.getAction},
		{http.MethodPost, "/actions/{actionId}/undo", service.UseStartAction, a.idempotent(service.UseStartAction, runBody, a.undoAction)},
		{http.MethodPost, "/actions/{actionId}/cancel", service.UseCancelAction, a.cancelAction},
		{http.MethodGet, "/jobs/{jobId}/badge", service.UseGetBadge, a.listBadges},
		{http.MethodPost, "/jobs/{jobId}/badge/renew", service.UseRenewBadge, a.renewBadges},
		{http.MethodGet, "/tags", service.UseListTags, a.listTags},
		{http.MethodGet, "/views", service.UseListViews, a.listViews},
		{http.MethodPost, "/views", service.UseAddView, a.idempotent(service.UseAddView, viewBody, a.createView)},
		{http.MethodPatch, "/views/{viewId}", service.UseChangeView, a.changeView},
		{http.MethodDelete, "/views/{viewId}", service.UseDeleteView, a.deleteView},
		{http.MethodGet, "/me", service.UseGetAccount, a.getAccount},
		{http.MethodGet, "/apikeys", service.UseListKeys, a.listKeys},
		{http.MethodPost, "/apikeys", service.UseCreateKey, a.idempotent(service.UseCreateKey, keyBody, a.createKey)},
		{http.MethodDelete, "/apikeys/{apiKeyId}", service.UseDeleteKey, a.deleteKey},
		{http.MethodGet, "/problems", service.UseListProblems, a.listProblems},
		{http.MethodGet, "/problems/{problemId}", service.UseGetProblem, a.getProblem},
		{http.MethodPost, "/problems/{problemId}/acknowledge", service.UseActOnProblem, a.actOnProblem(new(cron.ProblemAcknowledged))},
		{http.MethodPost, "/problems/{problemId}/snooze", service.UseActOnProblem, a.actOnProblem(new(cron.ProblemSnoozed))},
		{http.MethodPost, "/problems/{problemId}/resolve", service.UseActOnProblem, a.actOnProblem(new(cron.ProblemResolved))},
		{http.MethodPost, "/problems/{problemId}/note", service.UseActOnProblem, a.actOnProblem(nil)},
		{http.MethodGet, "/maintenance", service.UseListMaintenance, a.listMaintenance},
		{http.MethodPost, "/maintenance", service.UseCreateMaintenance, a.idempotent(service.UseCreateMaintenance, maintenanceBody, a.createMaintenance)},
		{http.MethodGet, "/maintenance/{windowId}", service.UseGetMaintenance, a.getMaintenance},
		{http.MethodPatch, "/maintenance/{windowId}", service.UseChangeMaintenance, a.changeMaintenance},
		{http.MethodDelete, "/maintenance/{windowId}", service.UseDeleteMaintenance, a.deleteMaintenance},
		{http.MethodGet, "/statuspages", service.UseListStatusPages, a.listStatusPages},
		{http.MethodPost, "/statuspages", service.UseCreateStatusPage, a.idempotent(service.UseCreateStatusPage, statusPageBody, a.createStatusPage)},
		{http.MethodGet, "/statuspages/{statusPageId}", service.UseGetStatusPage, a.getStatusPage},
		{http.MethodPatch, "/statuspages/{statusPageId}", service.UseChangeStatusPage, a.changeStatusPage},
		{http.MethodDelete, "/statuspages/{statusPageId}", service.UseDeleteStatusPage, a.deleteStatusPage},
		{http.MethodPost, "/statuspages/{statusPageId}/components/{componentId}/state", service.UseSetComponentState, a.setComponentState},
		{http.MethodGet, "/statuspages/{statusPageId}/logo", service.UseGetStatusPage, a.getStatusLogo(false)},
		{http.MethodPut, "/statuspages/{statusPageId}/logo", service.UseChangeStatusPage, a.setStatusLogo(false)},
		{http.MethodDelete, "/statuspages/{statusPageId}/logo", service.UseChangeStatusPage, a.deleteStatusLogo(false)},
		{http.MethodGet, "/statuspages/{statusPageId}/logo/dark", service.UseGetStatusPage, a.getStatusLogo(true)},
		{http.MethodPut, "/statuspages/{statusPageId}/logo/dark", service.UseChangeStatusPage, a.setStatusLogo(true)},
		{http.MethodDelete, "/statuspages/{statusPageId}/logo/dark", service.UseChangeStatusPage, a.deleteStatusLogo(true)},
		{http.MethodGet, "/statuspages/{statusPageId}/badges", service.UseGetStatusPage, a.listPageBadges},
		{http.MethodPost, "/statuspages/{statusPageId}/badges/renew", service.UseRenewPageBadges, a.renewPageBadges},
		{http.MethodGet, "/statuspages/{statusPageId}/incidents", service.UseListIncidents, a.listIncidents},
		{http.MethodPost, "/statuspages/{statusPageId}/incidents", service.UseCreateIncident,
			a.idempotent(service.UseCreateIncident, incidentBody, a.createIncident)},
		{http.MethodGet, "/statuspages/{statusPageId}/incidents/{incidentId}", service.UseListIncidents, a.getIncident},
		{http.MethodPatch, "/statuspages/{statusPageId}/incidents/{incidentId}", service.UseChangeIncident, a.changeIncident},
		{http.MethodDelete, "/statuspages/{statusPageId}/incidents/{incidentId}", service.UseDeleteIncident, a.deleteIncident},
		{http.MethodPost, "/statuspages/{statusPageId}/incidents/{incidentId}/updates", service.UseChangeIncident,
			a.idempotent(service.UseChangeIncident, incidentBody, a.createIncidentUpdate)},
		{http.MethodPatch, "/statuspages/{statusPageId}/incidents/{incidentId}/updates/{updateId}", service.UseChangeIncident, a.changeIncidentUpdate},
		{http.MethodGet, "/statuspages/{statusPageId}/subscribers", service.UseListSubscribers, a.listSubscribers},
		{http.MethodGet, "/statuspages/{statusPageId}/subscribers/export", service.UseExportSubscribers, a.exportSubscribers},
		{http.MethodDelete, "/statuspages/{statusPageId}/subscribers/{subscriberId}", service.UseDeleteSubscriber, a.deleteSubscriber},
		{http.MethodGet, "/statuspages/{statusPageId}/maintenances", service.UseListPlans, a.listPageMaintenances},
		{http.MethodPost, "/statuspages/{statusPageId}/maintenances", service.UseCreatePlan,
			a.idempotent(service.UseCreatePlan, planBody, a.createPageMaintenance)},
		{http.MethodGet, "/statuspages/{statusPageId}/maintenances/{maintenanceId}", service.UseListPlans, a.getPageMaintenance},
		{http.MethodPatch, "/statuspages/{statusPageId}/maintenances/{maintenanceId}", service.UseChangePlan, a.changePageMaintenance},
		{http.MethodDelete, "/statuspages/{statusPageId}/maintenances/{maintenanceId}", service.UseDeletePlan, a.deletePageMaintenance},
		{http.MethodGet, "/statuspages/{statusPageId}/domains", service.UseListDomains, a.listStatusDomains},
		{http.MethodPost, "/statuspages/{statusPageId}/domains", service.UseAddDomain,
			a.idempotent(service.UseAddDomain, domainBody, a.createStatusDomain)},
		{http.MethodPost, "/statuspages/{statusPageId}/domains/{domainId}/check", service.UseCheckDomain, a.checkStatusDomain},
		{http.MethodDelete, "/statuspages/{statusPageId}/domains/{domainId}", service.UseDeleteDomain, a.deleteStatusDomain},
		{http.MethodGet, "/secrets", service.UseListSecrets, a.listSecrets},
		{http.MethodPost, "/secrets", service.UseCreateSecret, a.idempotent(service.UseCreateSecret, secretBody, a.createSecret)},
		{http.MethodPatch, "/secrets/{secretId}", service.UseChangeSecret, a.changeSecret},
		{http.MethodDelete, "/secrets/{secretId}", service.UseDeleteSecret, a.deleteSecret},
		{http.MethodGet, "/channels", service.UseListChannels, a.listChannels},
		{http.MethodGet, "/channels/kinds", service.UseListChannels, a.listChannelKinds},
		{http.MethodPost, "/channels", service.UseCreateChannel, a.idempotent(service.UseCreateChannel, channelBody, a.createChannel)},
		{http.MethodGet, "/channels/{channelId}", service.UseListChannels, a.getChannel},
		{http.MethodPatch, "/channels/{channelId}", service.UseChangeChannel, a.changeChannel},
		{http.MethodDelete, "/channels/{channelId}", service.UseDeleteChannel, a.deleteChannel},
		{http.MethodPost, "/channels/{channelId}/mute", service.UseMuteChannel, a.muteChannel},
		{http.MethodPost, "/channels/{channelId}/test", service.UseTestChannel, a.testChannel},
		{http.MethodGet, "/notifications", service.UseListMessages, a.listNotifications},
		{http.MethodGet, "/notifications/{notificationId}", service.UseGetMessage, a.getNotification},
		{http.MethodPost, "/notifications/{notificationId}/resend", service.UseResendMessage,
			a.idempotent(service.UseResendMessage, runBody, a.resendNotification)},
		{http.MethodGet, "/people", service.UseListPeople, a.listPeople},
		{http.MethodPatch, "/people/{personId}", service.UseChangeRole, a.changePerson},
		{http.MethodDelete, "/people/{personId}", service.UseRemovePerson, a.removePerson},
		{http.MethodGet, "/invitations", service.UseListInvitations, a.listInvitations},
		{http.MethodPost, "/invitations", service.UseInvite, a.idempotent(service.UseInvite, personBody, a.createInvitation)},
		{http.MethodDelete, "/invitations/{invitationId}", service.UseRevokeInvitation, a.deleteInvitation},
		{http.MethodGet, "/sessions", service.UseListSessions, a.listSessions},
		{http.MethodPost, "/sessions", 0, a.createSession},
		{http.MethodDelete, "/sessions/{sessionId}", service.UseEndSession, a.deleteSession},
		{http.MethodGet, "/audit", service.UseAudit, a.listAudit},
		{http.MethodGet, "/export", service.UseExport, a.exportAccount},
		{http.MethodGet, "/accounts", service.UseListAccounts, a.listAccounts},
		{http.MethodPost, "/accounts", service.UseCreateAccount, a.idempotent(service.UseCreateAccount, accountBody, a.createAccount)},
		{http.MethodGet, "/accounts/{accountId}", service.UseListAccounts, a.getManagedAccount},
		{http.MethodPatch, "/accounts/{accountId}", service.UseChangeAccount, a.changeAccount},
		{http.MethodDelete, "/accounts/{accountId}", service.UseDeleteAccount, a.deleteAccount},
		{http.MethodGet, "/nodes", service.UseListNodes, a.listNodes},
		{http.MethodPatch, "/nodes/{epoch}", service.UseDrainNode, a.changeNode},
		{http.MethodGet, "/timezones", service.UseListZones, a.listZones},
		{http.MethodGet, "/events", service.UseFollow, a.followEvents},
		{http.MethodGet, "/openapi.json", 0, a.getOpenAPI},
		{http.MethodGet, "/docs", 0, a.getDocs},
		{http.MethodGet, "/tls", service.UseGetTLS, a.getTLS},
		{http.MethodPut, "/tls", service.UseSetTLS, a.setTLS},
		{http.MethodDelete, "/tls", service.UseDeleteTLS, a.deleteTLS},
		{http.MethodGet, "/history", service.UseHistory, a.searchHistory},
		{http.MethodPost, "/history/rerun", service.UseRerun, a.idempotent(service.UseRerun, rerunBody, a.rerunHistory)},
		{http.MethodDelete, "/history/rerun", service.UseCancelReruns, a.cancelReruns},
		{http.MethodGet, "/jobs/{jobId}/executions", service.UseExecutions, a.searchExecutions},
		{http.MethodGet, "/stats", service.UseStats, a.getStats},
	}
}

// Routes lists all calls as they are documented, such as "GET /jobs/{jobId}".
func Routes() (routes []string) {
	for _, r := range new(api).routes() {
		routes = append(routes, r.method+" "+r.pattern)
	}
	return routes
}

// pathID reads a number from the path; a value that is not a number counts as 0, which no row has.
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
