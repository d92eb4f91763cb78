package public

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"punctual/internal/auth"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// root is the path below which all pages are.
const root = "/status/"

// policy is the content security policy of all pages: nothing but what this host serves, and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Limits of visitors.
const (
	addressRate = 50 // requests of an address a second
	maxForm     = 4 << 10
)

// Pages reads what visitors see. A page that does not exist, or whose account is disabled, is an error of kind NotFound.
type Pages interface {
	// StatusEntrance finds a page, also one that is not published.
	StatusEntrance(ctx context.Context, slug string) (statuspage.Entrance, error)
	StatusView(ctx context.Context, pageID int64) (statuspage.View, error)
	// StatusIncident is a published incident with its updates.
	StatusIncident(ctx context.Context, pageID, id int64) (statuspage.Incident, error)
	// StatusIncidents are published incidents without their updates, the newest first: those before an ID, 0 for the newest.
	StatusIncidents(ctx context.Context, pageID, before int64, limit int) (list []statuspage.Incident, more bool, err error)
	// StatusResponseTimes are those of the hours from an instant on, for a component that has jobs.
	StatusResponseTimes(ctx context.Context, pageID, componentID int64, from time.Time) ([]statuspage.ResponseTime, error)
	// StatusPicture is the logo of a page, as PNG.
	StatusPicture(ctx context.Context, pageID int64, dark bool) ([]byte, error)
}

// Visitors proves that visitors may read a page that not everybody may read.
type Visitors interface {
	// CheckStatusPassword tells whether a password is that of a page. The error is of kind TooMany after too many wrong ones.
	CheckStatusPassword(ctx context.Context, address netip.Addr, pageID int64, password string) (bool, error)
	// TakeStatusPass uses up a pass that the console gave to a member of the page's account. The error is of kind NotFound for one
	// that is wrong, has expired or was used.
	TakeStatusPass(ctx context.Context, pageID int64, pass string) (personID int64, err error)
	// IsStatusMember tells whether a person is still a member of an account.
	IsStatusMember(ctx context.Context, accountID, personID int64) (bool, error)
}

// Config is what the server needs.
type Config struct {
	Pages    Pages
	Visitors Visitors
	Badges   Badges

	Subscriptions Subscriptions
	ByMail        bool // visitors can subscribe by mail, too

	Secret    [32]byte // from which the keys of cookies and badges are derived
	Logger    *slog.Logger
	Now       func() time.Time
	Proxies   auth.Proxies
	PublicURL string          // scheme and host at which people reach the service; empty if that is not configured
	Domains   *Domains        // hosts at which pages are shown; nil for none
	Streams   int             // how many event streams there may be on this node
	Stop      <-chan struct{} // closed when streams are to end; nil for never
}

// Server answers visitors.
type Server struct {
	pages    Pages
	visitors Visitors

	subscriptions Subscriptions
	byMail        bool

	cache     *cache
	badges    *badges
	key       []byte
	logger    *slog.Logger
	now       func() time.Time
	proxies   auth.Proxies
	publicURL string
	domains   *Domains
	stop      <-chan struct{}
	streams   *streams
	rates     auth.AddressRates
	crossing  *http.CrossOriginProtection
	static    *staticFiles
	templates map[string]pageSet // by the tag of their language
	mux       *http.ServeMux
	ownMux    *http.ServeMux // for the domains of pages
}

// New returns the handler for all paths below /status/, and for domains of pages.
func New(c Config) (*Server, error) {
	s := &Server{
		pages: c.Pages, visitors: c.Visitors, subscriptions: c.Subscriptions, byMail: c.ByMail, cache: newCache(c.Pages, c.Now), key: cookieKey(c.Secret), logger: c.Logger, now: c.Now,
		proxies: c.Proxies, publicURL: strings.TrimSuffix(c.PublicURL, "/"), domains: c.Domains, stop: c.Stop, streams: newStreams(c.Streams), rates: auth.AddressRates{Most: addressRate},
		crossing: http.NewCrossOriginProtection(), static: loadStatic(), mux: http.NewServeMux(), ownMux: http.NewServeMux(),
	}
	s.badges = newBadges(c.Badges, c.Secret, s.cache)
	var err error
	if s.templates, err = parsePages(s.static); err != nil {
		return nil, err
	}
	if c.PublicURL != "" { // what browsers say they come from, when a proxy sends another Host
		if err := s.crossing.AddTrustedOrigin(c.PublicURL); err != nil {
			return nil, fmt.Errorf("trust the origin of the public URL: %w", err)
		}
	}
	for _, rt := range append(s.routes(), route{"", "", missing}) {
		handle := func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, rt.handle) }
		if rt.pattern == "" {
			s.mux.HandleFunc("/", handle)
			s.ownMux.HandleFunc("/", handle)
			continue
		}
		s.mux.HandleFunc(rt.method+" "+root+rt.pattern, handle)
		if below, ok := strings.CutPrefix(rt.pattern, "{slug}"); ok { // on a domain, the page is at the root
			s.ownMux.HandleFunc(rt.method+" "+cmp.Or(below, "/{$}"), handle)
		}
	}
	return s, nil
}

// Reserved tells whether a path belongs to status pages.
func Reserved(path string) bool { return strings.HasPrefix(path, root) }

// route is what is at a path.
type route struct {
	method, pattern string // the pattern is below root
	handle          func(v *visit) error
}

func (s *Server) routes() []route {
	return []route{
		{"GET", "{slug}", showPage}, // and {slug}.json
		{"POST", "{slug}", enterPassword},
		{"GET", "{slug}/status.json", showJSON},
		{"GET", "{slug}/enter", enterByPass},
		{"GET", "{slug}/events", follow},
		{"GET", "{slug}/feed.atom", showAtom},
		{"GET", "{slug}/feed.rss", showRSS},
		{"GET", "{slug}/feed.json", showFeedJSON},
		{"GET", "{slug}/maintenance.ics", showCalendar},
		{"GET", "{slug}/logo", showLogo},
		{"GET", "{slug}/logo/dark", showLogo},
		{"GET", "{slug}/incidents", showIncidents},
		{"GET", "{slug}/incidents/{id}", showIncident},
		{"GET", "{slug}/components/{id}", showComponent},
		{"GET", "{slug}/components/{id}/times", showTimes},
		{"GET", "{slug}/subscribe", showSubscribe},
		{"POST", "{slug}/subscribe", subscribe},
		{"GET", "subscribe/confirm/{token}", showConfirmation},
		{"POST", "subscribe/confirm/{token}", confirmSubscription},
		{"GET", "subscribe/manage/{token}", showSubscription},
		{"POST", "subscribe/manage/{token}", changeSubscription},
		{"GET", "badges/jobs/{jobId}/{token}/{name}", showJobBadge},
		{"GET", "{slug}/badges/{name}", showBadge},
		{"GET", "{slug}/badges/{token}/{name}", showBadge},
		{"GET", "{slug}/components/{id}/badges/{name}", showBadge},
		{"GET", "{slug}/components/{id}/badges/{token}/{name}", showBadge},
	}
}

// visit is one request of a visitor.
type visit struct {
	*Server
	w         http.ResponseWriter
	r         *http.Request
	address   netip.Addr
	slug      string
	domain    string // the host, when that is a domain of a page; then
	pageID    int64  // the page
	shown     *shown // after enter
	member    bool   // a member of the page's account, who came through the console
	catalogue *message.Catalogue
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// reading is the context of a question to the database, whose answer has to come soon.
func (v *visit) reading() (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.ctx(), lookupTimeout)
}

// ServeHTTP answers a request for a path below /status/, or on a domain of a page, for whatever path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers would send forms with the origin null
	h.Set("X-Content-Type-Options", "nosniff")
	if file, ok := strings.CutPrefix(r.URL.Path, staticRoot); ok {
		s.serveStatic(w, r, file)
		return
	}
	mux := s.mux
	if s.domains.Leads(r.Host) {
		mux = s.ownMux
	}
	if path.Clean(r.URL.Path) != r.URL.Path { // a mux would redirect it
		s.serve(w, r, missing)
		return
	}
	mux.ServeHTTP(w, r)
}

// serve answers with a page, or with one that says why not.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, handle func(*visit) error) {
	v := &visit{Server: s, w: w, r: r, address: s.proxies.Client(r), slug: r.PathValue("slug"),
		catalogue: message.Accepted(r.Header, message.Languages())}
	if d, ok := s.domains.find(r.Host); ok {
		v.slug, v.domain, v.pageID = d.Slug, d.Host, d.PageID
	}
	defer v.recoverPanic()
	if err := s.answer(v, handle); err != nil {
		v.fail(err)
	}
}

func (s *Server) answer(v *visit, handle func(*visit) error) error {
	if wait, ok := s.rates.Allow(v.address, s.now()); !ok {
		return &cron.Error{Kind: cron.TooMany, RetryAfter: wait}
	}
	if err := s.crossing.Check(v.r); err != nil && !strings.HasPrefix(v.r.URL.Path, subscribeRoot) {
		return &cron.Error{Kind: cron.Forbidden, Problems: []cron.Problem{{Rule: cron.RuleOtherOrigin}}, Err: err}
	}
	return handle(v)
}

func missing(*visit) error { return cron.Missing(cron.SubjectNone) }

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

// statuses are those of errors by their kind; others are our own fault.
var statuses = map[cron.ErrorKind]int{
	cron.NotFound: http.StatusNotFound, cron.TooMany: http.StatusTooManyRequests, cron.Forbidden: http.StatusForbidden,
	cron.Invalid: http.StatusBadRequest, cron.Gone: http.StatusGone, cron.Unavailable: http.StatusServiceUnavailable,
}

// fail answers with an error. What does not exist, and what the visitor may not know of, gets the same page.
func (v *visit) fail(err error) {
	if errors.Is(err, context.Canceled) && v.ctx().Err() != nil {
		return // whoever asked is gone
	}
	status, known := statuses[cron.KindOf(err)]
	if !known {
		status = http.StatusInternalServerError
		if cron.DatabaseFaultOf(err) != cron.DatabaseOK || errors.Is(err, context.DeadlineExceeded) {
			status = http.StatusServiceUnavailable
		}
		v.logger.ErrorContext(v.ctx(), "a status page could not be shown", slog.Any("error", err))
	}
	h := v.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	if e, ok := errors.AsType[*cron.Error](err); ok && e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if v.wantsJSON() {
		v.failJSON(status)
		return
	}
	if err := v.page(status, "error", errorPage{frame: v.plainFrame(), Status: status}); err != nil {
		v.logger.ErrorContext(v.ctx(), "an error of a status page could not be shown", slog.Any("error", err))
	}
}

// errorPage says why there is nothing else.
type errorPage struct {
	frame
	Status int
}

// Sentence says what happened and what to do.
func (p errorPage) Sentence() string {
	switch p.Status {
	case http.StatusNotFound:
		return p.labels.Label("public.not-found")
	case http.StatusTooManyRequests:
		return p.labels.Label("public.too-many")
	case http.StatusForbidden:
		return p.labels.Label("public.forbidden")
	case http.StatusBadRequest:
		return p.labels.Label("public.bad-request")
	case http.StatusGone:
		return p.labels.Label("public.gone")
	}
	return p.labels.Label("public.unavailable")
}

// page answers with HTML that is made for this visitor alone.
func (v *visit) page(status int, name string, data any) error {
	body, err := v.execute(name, data)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", v.catalogue.Tag)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body) // whoever is gone does not need it
	return nil
}

// send answers with a rendering.
func (v *visit) send(r *rendering) error {
	h := v.w.Header()
	h.Set("Content-Type", r.mediaType)
	h.Set("Cache-Control", v.cacheControl())
	h.Set("Etag", r.etag)
	h.Add("Vary", "Accept-Encoding")
	if v.shown.view.Page.Language == "" {
		h.Add("Vary", "Accept-Language")
	}
	if !v.indexed() {
		h.Set("X-Robots-Tag", "noindex, nofollow")
	}
	if matches(v.r.Header.Get("If-None-Match"), r.etag) {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	r.write(v.w, v.r)
	return nil
}

// matches tells whether a header If-None-Match names an ETag (RFC 9110, section 13.1.2), also one that a proxy made weak.
func matches(header, etag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
			return true
		}
	}
	return false
}

// cacheControl lets others keep a page for a second where everybody may read it, and nobody where not.
func (v *visit) cacheControl() string {
	if v.restricted() {
		return "private, no-cache"
	}
	return "public, max-age=1"
}
