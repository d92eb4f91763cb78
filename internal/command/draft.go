package command

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/cron"
)

// draft is a job in the making.
type draft struct {
	tool     Tool
	line     int
	source   string
	title    string
	method   string // as written; "" for the tool's own choice
	url      string
	headers  []cron.Header
	removed  []string // names of headers that the command takes off
	body     *string  // nil for none
	fields   int      // of a multipart form
	auth     *cron.BasicAuth
	timeout  int // seconds; 0 for none
	follow   int // redirects; 0 for none
	insecure bool
	retries  int
	delay    time.Duration
	overlap  bool
	schedule *cron.Schedule
	zone     string // of the schedule; "" for none
	notes    []Note
}

// note adds what could not be used, each thing once.
func (d *draft) note(r Reason, text string) {
	if n := (Note{r, clip(text)}); len(d.notes) < maxNotes && !slices.Contains(d.notes, n) {
		d.notes = append(d.notes, n)
	}
}

// clip shortens a text to maxNoteText bytes of valid UTF-8 without control characters.
func clip(text string) string {
	if len(text) > maxNoteText {
		end := maxNoteText - len("…")
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// ownHeaders are set by the service, whatever a job says.
var ownHeaders = []string{"Content-Length", "Transfer-Encoding", "Connection", "Expect", "TE", "Upgrade", "Trailer", "Keep-Alive",
	"Proxy-Connection"}

// pseudoHeaders are those of HTTP/2; PowerShell commands that Chrome copies have them without their colon.
var pseudoHeaders = []string{"authority", "method", "path", "scheme"}

// conditionalHeaders make a target answer that nothing has changed since a browser looked.
var conditionalHeaders = []string{"If-None-Match", "If-Modified-Since"}

func holdsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// header adds a header, unless the service sets it.
func (d *draft) header(name, value string) {
	h := cron.Header{Name: name, Value: value}.Normal()
	switch {
	case strings.HasPrefix(h.Name, ":") || d.tool == ToolPowerShell && slices.Contains(pseudoHeaders, h.Name):
		// of HTTP/2; the request line has it
	case holdsFold(ownHeaders, h.Name):
		d.note(ReasonOwnHeader, h.Name)
	case holdsFold(conditionalHeaders, h.Name):
		d.note(ReasonConditional, h.Name)
	case strings.EqualFold(h.Name, "Accept-Encoding") && !strings.EqualFold(h.Value, "identity"):
		d.note(ReasonCompression, h.Name)
	case h.Value == "":
		d.note(ReasonEmptyHeader, h.Name)
	default:
		d.headers = append(d.headers, h)
	}
}

// defaultHeader adds a header that the tool sends unless the command has it or takes it off.
func (d *draft) defaultHeader(name, value string) {
	if !holdsFold(d.removed, name) && !d.hasHeader(name) {
		d.headers = append(d.headers, cron.Header{Name: name, Value: value})
	}
}

func (d *draft) hasHeader(name string) bool {
	return slices.ContainsFunc(d.headers, func(h cron.Header) bool { return strings.EqualFold(h.Name, name) })
}

// signIn sets the credentials of basic authentication from "user:password".
func (d *draft) signIn(option, credentials string) {
	user, password, ok := strings.Cut(credentials, ":")
	if !ok {
		d.note(ReasonPassword, option)
	}
	d.auth = &cron.BasicAuth{Enable: true, User: user, Password: password}
}

// seconds reads a number of seconds with an optional fraction, which is rounded up, and an optional unit as timeout and
// sleep of GNU have it.
func seconds(text string) (int, bool) {
	factor := 1.0
	if n := len(text); n > 0 {
		if f := map[byte]float64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[text[n-1]]; f > 0 {
			factor, text = f, text[:n-1]
		}
	}
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if f *= factor; err != nil || f > math.MaxInt32 {
		return 0, false
	}
	return int(math.Ceil(f)), true
}

// setTimeout reads a timeout; 0 is none.
func (d *draft) setTimeout(option, text string) {
	if n, ok := seconds(text); ok {
		d.timeout = n
	} else {
		d.note(ReasonValue, option)
	}
}

// setRetries reads a number of tries, of which less are no retries.
func (d *draft) setRetries(option, text string, less int) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		d.note(ReasonValue, option)
		return
	}
	if d.retries = max(n-less, 0); d.retries > cron.MaxRetries {
		d.retries = cron.MaxRetries
		d.note(ReasonLimit, option)
	}
}

// setDelay reads the time between retries.
func (d *draft) setDelay(option, text string) {
	n, ok := seconds(text)
	if !ok {
		d.note(ReasonValue, option)
		return
	}
	if d.delay = time.Duration(n) * time.Second; d.delay > cron.MaxRetryDelay {
		d.delay = cron.MaxRetryDelay
		d.note(ReasonLimit, option)
	}
}

// setFollow reads the number of redirects that are followed; a negative one is any number.
func (d *draft) setFollow(option, text string) {
	n, err := strconv.Atoi(text)
	if err != nil {
		d.note(ReasonValue, option)
		return
	}
	if d.follow = n; n < 0 || n > cron.MaxRedirects {
		d.follow = cron.MaxRedirects
		d.note(ReasonLimit, option)
	}
}

// entry is the job that was made.
func (d *draft) entry() Entry {
	p := patcher{entry: Entry{Line: d.line, Source: d.source, Tool: d.tool, Patch: cron.JobPatch{Values: cron.NewJob()}}}
	v := &p.entry.Patch.Values
	if d.schedule != nil {
		v.Schedule = *d.schedule
		p.schedule()
		if d.zone != "" {
			v.Schedule.Timezone = d.zone
			p.set(Taken{Part: PartZone, Text: d.zone}, "/schedule/timezone")
		}
	}
	if d.title != "" {
		v.Title = d.title
		p.set(Taken{Part: PartTitle, Text: d.title}, "/title")
	}
	if d.tool != ToolNone {
		d.request(&p)
		d.behaviour(&p)
	}
	p.entry.Notes = d.notes
	return p.entry
}

// patcher fills an entry.
type patcher struct{ entry Entry }

// set notes that a part was taken, and the fields of the job that it is.
func (p *patcher) set(t Taken, fields ...string) {
	p.entry.Taken = append(p.entry.Taken, t)
	p.entry.Patch.Fields = append(p.entry.Patch.Fields, fields...)
}

func (p *patcher) schedule() {
	p.entry.HasSchedule = true
	p.set(Taken{Part: PartSchedule}, "/schedule/seconds", "/schedule/minutes", "/schedule/hours", "/schedule/mdays", "/schedule/months",
		"/schedule/wdays", "/schedule/lastDay", "/schedule/days")
}

// request fills what is sent.
func (d *draft) request(p *patcher) {
	r := &p.entry.Patch.Values.Request
	r.URL = d.url
	p.set(Taken{Part: PartURL, Text: d.url}, "/url")
	if method, ok := cron.ParseMethod(d.method); ok {
		r.Method = method
	} else {
		d.note(ReasonMethod, d.method)
	}
	p.set(Taken{Part: PartMethod, Text: r.Method.String()}, "/requestMethod")
	if len(d.headers) > 0 {
		r.Headers = d.headers
		var names []string
		for _, h := range d.headers {
			names = append(names, clip(h.Name))
		}
		p.set(Taken{Part: PartHeaders, Names: names}, "/extendedData/headers")
	}
	if d.body != nil && *d.body != "" {
		if r.Method.SendsBody() {
			r.Body = *d.body
			part := Taken{Part: PartBody, Number: len(r.Body)}
			if d.fields > 0 {
				part = Taken{Part: PartForm, Number: d.fields}
			}
			p.set(part, "/extendedData/body")
		} else {
			d.note(ReasonBodyNotSent, r.Method.String())
		}
	}
	if d.auth != nil {
		r.Auth = *d.auth
		p.set(Taken{Part: PartAuth, Text: clip(d.auth.User)}, "/auth/enable", "/auth/user", "/auth/password")
	}
}

// behaviour fills how it is sent.
func (d *draft) behaviour(p *patcher) {
	v := &p.entry.Patch.Values
	if d.timeout > 0 {
		v.Timeout = d.timeout
		p.set(Taken{Part: PartTimeout, Number: d.timeout}, "/requestTimeout")
	}
	if d.follow > 0 {
		v.Exchange.FollowRedirects = d.follow
		p.set(Taken{Part: PartRedirects, Number: d.follow}, "/followRedirects")
	}
	if d.insecure {
		v.Exchange.Unverified = true
		p.set(Taken{Part: PartUnverified}, "/verifyTls")
	}
	if d.retries > 0 {
		v.Policy.Retry.Count = d.retries
		p.set(Taken{Part: PartRetry, Number: d.retries}, "/retry/count")
		if d.delay > 0 {
			v.Policy.Retry.Delay = d.delay
			v.Policy.Retry.Factor = 1 // as the tools have it
			p.entry.Patch.Fields = append(p.entry.Patch.Fields, "/retry/delaySeconds", "/retry/factor")
		}
	}
	if d.overlap {
		v.Policy.Overlap = cron.OverlapSkip
		p.set(Taken{Part: PartOverlap}, "/overlap")
	}
}
