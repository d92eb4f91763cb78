package public

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/statuspage"
)

// Who has proved that they may read a page gets a cookie that browsers send to the page alone:
//
//	kind "." expiry "." person "." MAC of these, the page, and the mark of its password
//
// The kind is passwordCookie or memberCookie. Another password has another mark, so that changing it ends all cookies of the former one.
// A member is asked for in the database with each request, so that leaving the account ends the cookie.
const (
	passwordCookie = "password"
	memberCookie   = "member"

	passwordLifetime = 7 * 24 * time.Hour
	memberLifetime   = time.Hour // then the browser goes through the console again, without a question to a person who is signed in
)

// visitPath is where the console gives a member a pass for the page whose slug follows.
const visitPath = "/console/visit/"

func cookieKey(secret [32]byte) []byte {
	code := hmac.New(sha256.New, secret[:])
	_, _ = code.Write([]byte("punctual cookies of status pages")) // never fails
	return code.Sum(nil)
}

// errAsked is that the visitor was asked for the password, or sent to the console.
type errAsked struct{ answer func() error }

// Error implements error.
func (errAsked) Error() string { return "public: the visitor has to prove something first" }

// find finds the page, whoever may read it.
func (v *visit) find() (err error) {
	if !statuspage.IsSlug(v.slug) {
		return cron.Missing(cron.SubjectNone)
	}
	v.shown, err = v.cache.get(v.ctx(), v.slug)
	if err == nil && v.domain != "" && v.shown.door.PageID != v.pageID {
		err = cron.Missing(cron.SubjectNone) // another page has the slug now, and this node does not know it yet
	}
	return err
}

// open finds the page, if the visitor may read it. The rest gets the answer of a page that does not exist, or is asked for proof.
func (v *visit) open() error {
	if err := v.find(); err != nil {
		return err
	}
	if l := v.shown.view.Page.Language; l != "" {
		v.catalogue = message.Choose(l, message.Languages())
	}
	return v.admit()
}

// admit decides by who asks.
func (v *visit) admit() error {
	door := &v.shown.door
	kind, person := v.proof()
	if kind == memberCookie {
		is, err := v.visitors.IsStatusMember(v.ctx(), door.AccountID, person)
		if v.member = is && err == nil; err != nil && !v.shown.stale {
			return err
		}
	}
	switch {
	case v.member:
		return nil
	case !door.Published, !v.near():
		return cron.Missing(cron.SubjectNone)
	case door.Access == statuspage.AccessPassword && kind != passwordCookie:
		return errAsked{func() error { return v.askPassword(v.askedStatus(), "") }}
	case door.Access == statuspage.AccessMembers:
		return errAsked{func() error {
			http.Redirect(v.w, v.r, v.console(), http.StatusSeeOther)
			return nil
		}}
	}
	return nil
}

// console is where members get a pass for the page.
func (v *visit) console() string {
	if v.domain == "" {
		return visitPath + url.PathEscape(v.slug)
	}
	return v.publicURL + visitPath + url.PathEscape(v.slug) + "?" + url.Values{"host": {v.domain}}.Encode()
}

// near tells whether the visitor's address lies in the networks of the page.
func (v *visit) near() bool {
	networks := v.shown.door.Networks
	return len(networks) == 0 || slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(v.address) })
}

// restricted tells whether not everybody may read the page.
func (v *visit) restricted() bool {
	door := &v.shown.door
	return !door.Published || len(door.Networks) > 0 || door.Access == statuspage.AccessPassword || door.Access == statuspage.AccessMembers
}

// indexed tells whether search engines may know the page.
func (v *visit) indexed() bool {
	return !v.restricted() && v.shown.door.Access == statuspage.AccessPublic
}

// entered finds the page and calls show, unless the visitor is asked for proof.
func (v *visit) entered(show func() error) error {
	v.w.Header().Set("Cache-Control", "no-store") // until there is a rendering
	switch err := v.open().(type) {
	case nil:
		return show()
	case errAsked:
		v.w.Header().Set("X-Robots-Tag", "noindex, nofollow")
		if v.wantsJSON() {
			v.failJSON(http.StatusForbidden)
			return nil
		}
		return err.answer()
	default:
		return err
	}
}

// passwordPage asks for the password of a page.
type passwordPage struct {
	frame
	Path  string
	Slug  string // for password managers, which tell the passwords of pages apart by it
	Wrong string // what is wrong with the one that was sent; empty for the first time
}

// askedStatus is that of the question for the password: people are asked, and programs refused.
func (v *visit) askedStatus() int {
	if path.Ext(v.r.URL.Path) != "" || strings.HasSuffix(v.r.URL.Path, "/events") {
		return http.StatusForbidden
	}
	return http.StatusOK
}

func (v *visit) askPassword(status int, wrong string) error {
	return v.page(status, "password", passwordPage{v.plainFrame(), v.top(), v.slug, wrong})
}

// enterPassword checks the password of a page.
func enterPassword(v *visit) error {
	err := v.open()
	if err == nil {
		return v.toPage()
	}
	if _, asked := err.(errAsked); !asked {
		return err
	}
	door := &v.shown.door
	if door.Access != statuspage.AccessPassword {
		return cron.Missing(cron.SubjectNone)
	}
	v.w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return &cron.Error{Kind: cron.Invalid, Err: err}
	}
	right, err := v.visitors.CheckStatusPassword(v.ctx(), v.address, door.PageID, v.r.PostForm.Get("password"))
	if cron.KindOf(err) == cron.TooMany {
		return v.askPassword(http.StatusTooManyRequests, v.catalogue.Label("public.too-many-guesses"))
	}
	if err != nil {
		return err
	}
	if !right {
		return v.askPassword(http.StatusForbidden, v.catalogue.Label("public.wrong-password"))
	}
	v.setCookie(passwordCookie, 0, passwordLifetime)
	return v.toPage()
}

// enterByPass takes the pass that the console gave to a member.
func enterByPass(v *visit) error {
	if err := v.find(); err != nil {
		return err
	}
	person, err := v.visitors.TakeStatusPass(v.ctx(), v.shown.door.PageID, v.r.URL.Query().Get("pass"))
	if err != nil {
		return err
	}
	v.setCookie(memberCookie, person, memberLifetime)
	return v.toPage()
}

func (v *visit) toPage() error {
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, v.top(), http.StatusSeeOther)
	return nil
}

// secure tells whether a browser reaches the page over TLS.
func (v *visit) secure() bool {
	return v.proxies.Secure(v.r) || strings.HasPrefix(v.publicURL, "https:")
}

// cookieName is that of the cookie of every page; its path tells them apart.
func (v *visit) cookieName() string {
	if v.secure() {
		return "__Secure-punctual-status"
	}
	return "punctual-status"
}

func (v *visit) setCookie(kind string, person int64, lifetime time.Duration) {
	expires := v.now().Add(lifetime)
	said := kind + "." + strconv.FormatInt(expires.Unix(), 10) + "." + strconv.FormatInt(person, 10)
	http.SetCookie(v.w, &http.Cookie{Name: v.cookieName(), Value: said + "." + v.code(said), Path: v.top(), Expires: expires,
		Secure: v.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// proof is what the cookie of the visitor proves; an empty kind for nothing.
func (v *visit) proof() (kind string, person int64) {
	cookie, err := v.r.Cookie(v.cookieName())
	if err != nil {
		return "", 0
	}
	last := strings.LastIndexByte(cookie.Value, '.')
	if last < 0 || !hmac.Equal([]byte(cookie.Value[last+1:]), []byte(v.code(cookie.Value[:last]))) {
		return "", 0
	}
	parts := strings.Split(cookie.Value[:last], ".")
	if len(parts) != 3 {
		return "", 0
	}
	expires, _ := strconv.ParseInt(parts[1], 10, 64)
	person, _ = strconv.ParseInt(parts[2], 10, 64)
	if v.now().Unix() >= expires {
		return "", 0
	}
	return parts[0], person
}

// code authenticates what a cookie says, for this page.
func (v *visit) code(said string) string {
	code := hmac.New(sha256.New, v.key)
	for _, part := range []string{said, strconv.FormatInt(v.shown.door.PageID, 10), v.shown.door.Mark} {
		_, _ = code.Write([]byte(part)) // never fails
		_, _ = code.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(code.Sum(nil))
}
