package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/service"
)

// root is the path of the console. All of its pages are below it.
const root = "/console"

// maxForm limits the size of a form in bytes.
const maxForm = 64 << 10

// maxJobForm limits the form of a job, whose body may have cron.MaxBodyLength bytes, each of them encoded as three.
const maxJobForm = 3*cron.MaxBodyLength + 1<<20

// largeForms are the patterns whose forms are large: those of a job, and of certificates.
var largeForms = map[string]bool{
	"POST " + pathTLS + "/authorities": true, "POST " + pathTLS + "/client": true,
	"POST " + pathNewJob: true, "POST " + pathJobs + "/{id}/settings": true, "POST " + root + "/tests": true,
	"POST " + pathImport: true, uploads: true,
}

// uploads is the pattern whose form holds a file.
const uploads = "POST " + pathStatusPage + "/logo"

// Requests of one person that may be in progress at once on a node, so that nobody takes all connections and all memory.
const (
	personRequests = 16
	personExports  = 1
	personForms    = 2 // larger than maxForm
)

// busy is the error for somebody who has too many in progress.
func busy() error { return &cron.Error{Kind: cron.TooMany, RetryAfter: time.Second} }

// policy is the content security policy of all pages: nothing but what this host serves, and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Config is what the console needs.
type Config struct {
	Service   *service.Service
	Auth      *auth.Authenticator
	IsSetUp   func(context.Context) (bool, error) // whether somebody can sign in
	Plans     []string                            // the names of the plans that accounts may have
	About     About                               // the settings of the service, for its operators
	Load      func() Load                         // of this node, for operators; nil where nobody knows
	Issuers   *auth.Issuers                       // by which people can sign in; nil for none
	Logger    *slog.Logger
	Now       func() time.Time
	Proxies   auth.Proxies
	PublicURL string          // scheme and host at which people reach the service; empty if that is not configured
	Stop      <-chan struct{} // closed when streams are to end; nil for never
}

type web struct {
	service   *service.Service
	auth      *auth.Authenticator
	isSetUp   func(context.Context) (bool, error)
	plans     []string
	about     About
	load      func() Load
	oidc      *auth.Issuers
	issuers   []issuer // the same, as pages show them
	now       func() time.Time
	logger    *slog.Logger
	proxies   auth.Proxies
	publicURL string
	stop      <-chan struct{}
	static    *staticFiles
	pages     map[string]pageSet // by the tag of their language
	crossing  *http.CrossOriginProtection
	requests  service.InProgress
	exports   service.InProgress
	forms     service.InProgress // that are larger than maxForm
	mux       *http.ServeMux
}

// New returns the handler for /console and all paths below it.
func New(c Config) (http.Handler, error) {
	w := &web{
		service: c.Service, auth: c.Auth, isSetUp: c.IsSetUp, plans: c.Plans, about: c.About, load: c.Load, now: c.Now, logger: c.Logger,
		proxies: c.Proxies, publicURL: c.PublicURL, stop: c.Stop, crossing: http.NewCrossOriginProtection(), mux: http.NewServeMux(),
	}
	if w.oidc = c.Issuers; w.oidc == nil {
		w.oidc = auth.NewIssuers(nil, nil)
	}
	for _, i := range w.oidc.List() {
		w.issuers = append(w.issuers, issuer{Name: i.Name, Title: i.Title, URL: i.Issuer})
	}
	var err error
	if w.static, err = loadStatic(); err != nil {
		return nil, err
	}
	if w.pages, err = findPages(w.static); err != nil {
		return nil, err
	}
	if c.PublicURL != "" { // what browsers say they come from, when a proxy sends another Host
		if err := w.crossing.AddTrustedOrigin(c.PublicURL); err != nil {
			return nil, fmt.Errorf("trust the origin of the public URL: %w", err)
		}
	}
	for _, rt := range w.routes() {
		w.mux.HandleFunc(rt.method+" "+rt.pattern, func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, rt) })
	}
	w.mux.HandleFunc("GET "+staticRoot+"{version}/{file}", w.serveStatic)
	w.mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, unknown) })
	return w, nil
}

// Reserved tells whether a path belongs to the console.
func Reserved(path string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// ServeHTTP answers a request.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers would send forms with the origin null
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	switch clean := path.Clean(r.URL.Path); {
	case r.URL.Path == root+"/":
		http.Redirect(rw, r, root, http.StatusPermanentRedirect)
	case clean != r.URL.Path: // the mux would redirect it
		w.serve(rw, r, unknown)
	default:
		w.mux.ServeHTTP(rw, r)
	}
}

// handler answers a visit, or returns an error and has written nothing.
type handler func(v *visit) error

// serve answers a request with a page, or with one that says why not.
func (w *web) serve(rw http.ResponseWriter, r *http.Request, rt route) {
	v := &visit{web: w, w: rw, r: r, secure: w.secure(r), catalogue: message.Accepted(r.Header, message.Languages())}
	defer v.recoverPanic()
	if err := v.answer(rt); err != nil {
		v.fail(err)
	}
}

// answer lets the route answer who may ask for it.
func (v *visit) answer(rt route) error {
	if err := v.admit(rt); err != nil {
		return err
	}
	if p := v.actor.Person; p != nil {
		if !v.web.requests.Enter(p.ID, personRequests) {
			return busy()
		}
		defer v.web.requests.Leave(p.ID)
	}
	if v.r.Method == http.MethodPost {
		limit, leave, err := v.formLimit()
		if err != nil {
			return err
		}
		defer leave()
		if err := v.readForm(limit); err != nil {
			return err
		}
	}
	return rt.handle(v)
}

// admit refuses what other sites make a browser send, and finds out who is there.
func (v *visit) admit(rt route) error {
	if err := v.web.crossing.Check(v.r); err != nil {
		return &cron.Error{Kind: cron.Forbidden, Problems: []cron.Problem{{Rule: cron.RuleOtherOrigin}}, Err: err}
	}
	if err := v.identify(); err != nil {
		return err
	}
	switch s := v.actor.Session; {
	case rt.access == public:
	case s == nil, rt.access == signedIn && s.Second:
		return errSignIn
	}
	return nil
}

// readForm reads the fields of a form, which must be text.
func (v *visit) readForm(limit int64) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, limit)
	parse := v.r.ParseForm
	if v.r.Pattern == uploads {
		parse = func() error { return v.r.ParseMultipartForm(limit) } // nothing is left for a file on the disk
	}
	if err := parse(); err != nil && !errors.Is(err, http.ErrNotMultipart) { // such a form has no file
		if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RuleTooLong, Limit: large.Limit,
				Unit: cron.UnitBytes}}, Err: err}
		}
		return &cron.Error{Kind: cron.Invalid, Err: err}
	}
	for _, values := range v.r.PostForm {
		for _, text := range values {
			if !utf8.ValidString(text) {
				return &cron.Error{Kind: cron.Invalid, Problems: []cron.Problem{{Rule: cron.RuleNotText}}}
			}
		}
	}
	return nil
}

// formLimit is the largest form that a page takes, in bytes. Of large ones, one person sends few at once.
func (v *visit) formLimit() (limit int64, leave func(), err error) {
	p := v.actor.Person
	if p == nil || !largeForms[v.r.Pattern] || v.r.ContentLength >= 0 && v.r.ContentLength <= maxForm {
		return maxForm, func() {}, nil
	}
	if !v.web.forms.Enter(p.ID, personForms) {
		return 0, nil, busy()
	}
	return maxJobForm, func() { v.web.forms.Leave(p.ID) }, nil
}

// secure tells whether a browser reaches the console over TLS.
func (w *web) secure(r *http.Request) bool {
	return w.proxies.Secure(r) || strings.HasPrefix(w.publicURL, "https:")
}

// visit is one request of a browser.
type visit struct {
	web       *web
	w         http.ResponseWriter
	r         *http.Request
	secure    bool
	catalogue *message.Catalogue
	actor     cron.Actor // nobody when nobody is signed in
	profile   service.Profile
}

// ctx is the context of the request.
func (v *visit) ctx() context.Context { return v.r.Context() }

// form is what a field of the form that was sent holds.
func (v *visit) form(name string) string { return v.r.PostForm.Get(name) }

// render answers with a page. Its data embed a view.
func (v *visit) render(status int, page string, data any) error {
	var b bytes.Buffer
	if err := v.web.pages[v.catalogue.Tag].execute(&b, page, data); err != nil {
		return fmt.Errorf("render the page %s: %w", page, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.catalogue.Tag)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // whoever is gone does not need it
	return nil
}

// redirect sends the browser to another page of the console after a form.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// recoverPanic answers with our fault when a handler panics. The response may have begun; then it stays as it is.
func (v *visit) recoverPanic() {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler:
		panic(p)
	default:
		v.fail(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}
}

// maxNext limits the length of the address that a page leads on to, in bytes: proxies refuse long headers.
const maxNext = 2048

// localPath returns next if it is the path of a page of the console, with or without a query, and that of the start page
// if not: a link to the console must lead neither to another site, nor to a page that begins a sign-in at an issuer, whose
// answer could be that of somebody else.
func localPath(next string) string {
	u, err := url.Parse(next)
	switch {
	case err != nil, len(next) > maxNext, u.IsAbs(), u.Host != "", u.User != nil, u.Opaque != "", strings.ContainsRune(next, '\\'),
		!Reserved(u.Path), path.Clean(u.Path) != u.Path, strings.HasPrefix(u.Path, staticRoot),
		strings.HasPrefix(u.Path, pathIssuers), strings.HasPrefix(u.Path, pathConfirm+"/oidc/"), strings.HasPrefix(u.Path, pathIdentities):
		return root
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// pathID reads a number from the path; a value that is not a number counts as 0, which no row has.
func (v *visit) pathID(name string) int64 { return parseID(v.r.PathValue(name)) }

func parseID(text string) int64 {
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return int64(id)
}

// baseURL is the scheme and the host at which the service is reached: as configured, or as the browser knows it.
func (v *visit) baseURL() string {
	scheme := "http"
	if v.secure {
		scheme = "https"
	}
	return cmp.Or(v.web.publicURL, scheme+"://"+v.r.Host)
}
