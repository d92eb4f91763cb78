package command

import (
	"net/url"
	"slices"
	"strings"

	"punctual/internal/cron"
)

// webRequest is a call of Invoke-WebRequest or Invoke-RestMethod while it is read.
type webRequest struct {
	draft
	uri    string
	body   *value
	form   *value
	kind   string // -ContentType
	follow string
	bearer string
}

// webParameters are the parameters of Invoke-WebRequest and Invoke-RestMethod of PowerShell 5 to 7, with their aliases.
var webParameters = webOptions()

// webSwitches are the parameters that have no value.
var webSwitches = strings.Fields(`usebasicparsing usedefaultcredentials disablekeepalive passthru skipcertificatecheck skipheadervalidation
	skiphttperrorcheck allowunencryptedauthentication allowinsecureredirect preserveauthorizationonredirect
	preservehttpmethodonredirect noproxy proxyusedefaultcredentials followrellink resume strictmode verbose debug compress asarray`)

// isSwitch reports whether a parameter has no value.
func isSwitch(parameter string) bool { return slices.Contains(webSwitches, strings.ToLower(parameter)) }

// request makes a job of a call that begins at start.
func (p *script) request(start int, arguments []argument) {
	line := p.lineAt(start)
	x := &webRequest{draft: p.about}
	x.tool, x.line, x.method, x.follow = ToolPowerShell, line, "GET", "5"
	x.notes = slices.Clip(x.notes)
	for _, n := range p.notes {
		x.note(n.Reason, n.Text)
	}
	for _, a := range arguments {
		x.parameter(a)
	}
	if x.uri == "" {
		p.reader.unread(Unread{Line: line, Reason: ReasonNoURL, Text: "Invoke-WebRequest"})
		return
	}
	x.finish()
	x.source = p.reader.source
	p.reader.result.Entries = append(p.reader.result.Entries, x.entry())
}

// parameter reads a parameter, whose name may be an unambiguous start.
func (x *webRequest) parameter(a argument) {
	name := strings.ToLower(a.parameter)
	if name == "" {
		if x.uri == "" {
			x.uri = a.value.string()
		}
		return
	}
	does, ok := webParameters[name]
	if !ok {
		var found []string
		for full := range webParameters {
			if strings.HasPrefix(full, name) {
				found = append(found, full)
			}
		}
		if len(found) == 1 {
			does, ok = webParameters[found[0]], true
		}
	}
	switch {
	case !ok:
		x.note(ReasonUnknownOption, "-"+a.parameter)
	case does != nil:
		value := a.value
		if value == nil {
			value = &emptyValue
		}
		does(x, "-"+a.parameter, value)
	}
}

var emptyValue value // read-only

type webParameter func(x *webRequest, option string, v *value)

func webNoted(r Reason) webParameter {
	return func(x *webRequest, option string, _ *value) { x.note(r, option) }
}

func webFile(r Reason) webParameter {
	return func(x *webRequest, option string, v *value) { x.note(r, option+" "+v.string()) }
}

func webOptions() map[string]webParameter {
	o := map[string]webParameter{
		"uri":                      func(x *webRequest, _ string, v *value) { x.uri = v.string() },
		"method":                   func(x *webRequest, _ string, v *value) { x.method = strings.ToUpper(v.string()) },
		"headers":                  webHeaders,
		"body":                     func(x *webRequest, _ string, v *value) { x.body = v },
		"form":                     func(x *webRequest, _ string, v *value) { x.form = v },
		"contenttype":              func(x *webRequest, _ string, v *value) { x.kind = v.string() },
		"useragent":                func(x *webRequest, _ string, v *value) { x.header("User-Agent", v.string()) },
		"websession":               webSession,
		"timeoutsec":               func(x *webRequest, o string, v *value) { x.setTimeout(o, v.string()) },
		"maximumredirection":       func(x *webRequest, _ string, v *value) { x.follow = v.string() },
		"maximumretrycount":        func(x *webRequest, o string, v *value) { x.setRetries(o, v.string(), 0) },
		"retryintervalsec":         func(x *webRequest, o string, v *value) { x.setDelay(o, v.string()) },
		"skipcertificatecheck":     func(x *webRequest, _ string, _ *value) { x.insecure = true },
		"infile":                   webFile(ReasonFile),
		"outfile":                  webFile(ReasonOutput),
		"connectiontimeoutseconds": webNoted(ReasonConnectTimeout),
		"httpversion":              webNoted(ReasonProtocol),
		"sslprotocol":              webNoted(ReasonProtocol),
		"certificate":              webNoted(ReasonCertificate),
		"certificatethumbprint":    webNoted(ReasonCertificate),
		"credential":               webNoted(ReasonPassword),
		"authentication":           webAuthentication,
		"token":                    func(x *webRequest, _ string, v *value) { x.bearer = v.string() },
		"transferencoding":         webNoted(ReasonOption),
		"unixsocket":               webNoted(ReasonResolve),
		"pipename":                 webNoted(ReasonResolve),
	}
	o["custommethod"], o["operationtimeoutseconds"] = o["method"], o["timeoutsec"]
	for _, name := range []string{"proxy", "proxycredential"} {
		o[name] = webNoted(ReasonProxy)
	}
	for _, name := range append([]string{"sessionvariable", "responseheadersvariable", "statuscodevariable", "erroraction", "errorvariable",
		"outvariable", "warningaction", "informationaction", "maximumfollowrellink", "progressaction"}, webSwitches...) {
		if o[name] == nil {
			o[name] = nil
		}
	}
	o["usedefaultcredentials"] = webNoted(ReasonAuthScheme)
	return o
}

func webHeaders(x *webRequest, _ string, v *value) {
	for _, p := range v.pairs {
		x.header(p.key, p.value.string())
	}
}

// webSession reads the user agent, headers and cookies of a session.
func webSession(x *webRequest, option string, v *value) {
	var cookies []string
	for _, p := range v.pairs {
		switch {
		case strings.EqualFold(p.key, "UserAgent"):
			x.header("User-Agent", p.value.string())
		case strings.EqualFold(p.key, "Headers"):
			webHeaders(x, option, p.value)
		case strings.EqualFold(p.key, "Cookies"):
			for _, c := range p.value.pairs {
				cookies = append(cookies, c.key+"="+c.value.string())
			}
		}
	}
	if len(cookies) > 0 {
		x.header("Cookie", strings.Join(cookies, "; "))
	}
}

func webAuthentication(x *webRequest, option string, v *value) {
	switch strings.ToLower(v.string()) {
	case "none", "basic", "bearer", "oauth":
	default:
		x.note(ReasonAuthScheme, option)
	}
}

// finish makes the URL, the body and the behaviour of the parameters.
func (x *webRequest) finish() {
	x.url = x.uri
	d := &x.draft
	if x.kind != "" {
		d.defaultHeader("Content-Type", x.kind)
	}
	if x.bearer != "" {
		d.defaultHeader("Authorization", "Bearer "+x.bearer)
	}
	d.setFollow("-MaximumRedirection", x.follow)
	switch {
	case x.form != nil:
		fields := make([]formField, 0, len(x.form.pairs))
		for _, p := range x.form.pairs {
			fields = append(fields, formField{name: p.key, value: p.value.string()})
		}
		d.setForm(fields)
	case x.body != nil && x.body.hash:
		pairs := make([]string, 0, len(x.body.pairs))
		for _, p := range x.body.pairs {
			pairs = append(pairs, url.QueryEscape(p.key)+"="+url.QueryEscape(p.value.string()))
		}
		if method, ok := cron.ParseMethod(d.method); ok && method == cron.MethodGet {
			x.url = withQuery(x.url, pairs)
		} else {
			d.body = new(strings.Join(pairs, "&"))
		}
	case x.body != nil:
		d.body = new(x.body.string())
	}
}
