package web

import "slices"

// The pages that others lead to.
const (
	pathSignIn  = root + "/sign-in"
	pathCode    = root + "/sign-in/code"
	pathConfirm = root + "/confirm"
)

// access is who may ask for a page. What they may do there, the service decides.
type access int

const (
	public   access = iota // everybody
	half                   // whoever has a session, even if the second factor is still missing
	signedIn               // whoever has signed in
)

// route is one page, or what a form of it does.
type route struct {
	method  string
	pattern string // of http.ServeMux, without the method
	access  access
	handle  handler
}

// unknown is the route of all other paths.
var unknown = route{access: public, handle: notFound}

// routes lists all pages.
func (w *web) routes() []route {
	return slices.Concat(
		w.startRoutes(), w.overviewRoutes(), w.problemRoutes(), w.searchRoutes(), w.timeRoutes(), w.liveRoutes(), w.jobRoutes(),
		w.setupRoutes(), w.signInRoutes(), w.passkeyRoutes(), w.issuerRoutes(),
		w.confirmRoutes(),
		w.signUpRoutes(), w.lostPasswordRoutes(), w.invitationRoutes(), w.messageLinkRoutes(), w.statusVisitRoutes(),
		w.jobsRoutes(), w.jobViewRoutes(), w.folderRoutes(), w.keyboardRoutes(),
		w.personRoutes(), w.signInSettingsRoutes(), w.sessionRoutes(),
		w.peopleRoutes(), w.keyRoutes(), w.auditRoutes(), w.accountRoutes(), w.operatorRoutes(), w.channelRoutes(), w.secretRoutes(), w.tlsRoutes(), w.nodeRoutes(), w.serviceRoutes(),
		w.editorRoutes(),
		w.importRoutes(), w.testRunRoutes(),
		w.bulkRoutes(), w.actionRoutes(), w.binRoutes(), w.maintenanceRoutes(),
		w.runRoutes(),
		w.statusRoutes(),
	)
}

// Routes lists all pages and what their forms do, such as "POST /console/sign-in".
func Routes() (routes []string) {
	for _, r := range new(web).routes() {
		routes = append(routes, r.method+" "+r.pattern)
	}
	return routes
}
