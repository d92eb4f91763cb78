package command

import (
	"strings"

	"punctual/internal/cron"
)

// wget is a command of wget while it is read.
type wget struct {
	draft
	urls           []string
	method         string
	spider         bool
	user, password string
	most           string // --max-redirect
}

// readWget makes jobs of a command of wget.
func readWget(c *call) ([]draft, *Unread) {
	x := &wget{draft: c.about}
	x.tool, x.line = ToolWget, c.line
	wgetGrammar.scan(x, x, c.words[1:])
	if len(x.urls) == 0 {
		return nil, &Unread{Line: c.line, Reason: ReasonNoURL, Text: "wget"}
	}
	d := &x.draft
	switch {
	case x.method != "":
		d.method = x.method
	case d.body != nil:
		d.method = "POST"
	case x.spider:
		d.method = "HEAD"
	default:
		d.method = "GET"
	}
	if x.user != "" || x.password != "" {
		d.auth = &cron.BasicAuth{Enable: true, User: x.user, Password: x.password}
	}
	d.follow = cron.MaxRedirects
	if x.most != "" {
		d.setFollow("--max-redirect", x.most)
	}
	var made []draft
	for _, target := range x.urls[:min(len(x.urls), MaxEntries)] {
		one := *d
		one.notes = append([]Note(nil), d.notes...)
		one.url = target
		made = append(made, one)
	}
	return made, nil
}

func (x *wget) positional(text string) { x.urls = append(x.urls, text) }

func (x *wget) unknownOption(name string) { x.note(ReasonUnknownOption, name) }

func (x *wget) lacksValue(name string) { x.note(ReasonValue, name) }

// wgetGrammar has the options of GNU wget that concern HTTP.
var wgetGrammar = grammar[*wget]{long: wgetOptions(), short: wgetShort, abbreviated: true, negated: true}

// wgetShort are the short options. That of -n takes letters, as in -nv.
var wgetShort = map[byte]string{
	'V': "version", 'h': "help", 'b': "background", 'e': "execute", 'o': "output-file", 'a': "append-output", 'd': "debug",
	'q': "quiet", 'v': "verbose", 'i': "input-file", 'F': "force-html", 'B': "base", 't': "tries", 'O': "output-document",
	'c': "continue", 'N': "timestamping", 'S': "server-response", 'T': "timeout", 'w': "wait", 'Q': "quota", '4': "inet4-only",
	'6': "inet6-only", 'x': "force-directories", 'P': "directory-prefix", 'E': "adjust-extension", 'U': "user-agent",
	'r': "recursive", 'l': "level", 'k': "convert-links", 'K': "backup-converted", 'm': "mirror", 'p': "page-requisites",
	'A': "accept", 'R': "reject", 'D': "domains", 'H': "span-hosts", 'L': "relative", 'I': "include-directories",
	'X': "exclude-directories", 'n': "n", 'Y': "proxy",
}

func wgetOptions() map[string]flag[*wget] {
	body := func(x *wget, _, v string) { x.body = &v }
	o := map[string]flag[*wget]{
		"method":               {true, func(x *wget, _, v string) { x.method = v }},
		"post-data":            {true, body},
		"body-data":            {true, body},
		"header":               {true, wgetHeader},
		"user":                 {true, func(x *wget, _, v string) { x.user = v }},
		"password":             {true, func(x *wget, _, v string) { x.password = v }},
		"user-agent":           {true, func(x *wget, _, v string) { x.header("User-Agent", v) }},
		"referer":              {true, func(x *wget, _, v string) { x.header("Referer", v) }},
		"timeout":              {true, func(x *wget, o, v string) { x.setTimeout(o, v) }},
		"tries":                {true, wgetTries},
		"waitretry":            {true, func(x *wget, o, v string) { x.setDelay(o, v) }},
		"max-redirect":         {true, func(x *wget, _, v string) { x.most = v }},
		"no-check-certificate": {false, func(x *wget, _, _ string) { x.insecure = true }},
		"spider":               {false, func(x *wget, _, _ string) { x.spider = true }},
		"post-file":            {true, wgetBodyFile},
		"body-file":            {true, wgetBodyFile},
		"no-cache":             {false, func(x *wget, _, _ string) { x.header("Cache-Control", "no-cache") }},
	}
	o["http-user"], o["http-password"] = o["user"], o["password"]
	flags(o, noted[*wget](ReasonConnectTimeout, true), `connect-timeout dns-timeout read-timeout`)
	flags(o, noted[*wget](ReasonCertificate, true), `certificate certificate-type private-key private-key-type ca-certificate ca-directory
		crl-file pinnedpubkey`)
	flags(o, noted[*wget](ReasonResolve, true), `bind-address prefer-family dns-servers`)
	flags(o, noted[*wget](ReasonResolve, false), `inet4-only inet6-only`)
	flags(o, noted[*wget](ReasonProtocol, true), `secure-protocol ciphers`)
	flags(o, noted[*wget](ReasonProxy, true), `proxy proxy-user proxy-password`)
	flags(o, noted[*wget](ReasonAuthScheme, false), `ask-password`)
	flags(o, noted[*wget](ReasonCompression, true), `compression`)
	flags(o, noted[*wget](ReasonOption, false), `recursive mirror page-requisites continue timestamping span-hosts`)
	flags(o, noted[*wget](ReasonOption, true), `execute start-pos level base`)
	flags(o, fileNoted[*wget](ReasonFile), `input-file load-cookies config use-askpass`)
	flags(o, fileNoted[*wget](ReasonOutput), `output-document output-file append-output directory-prefix save-cookies warc-file hsts-file`)
	flags(o, flag[*wget]{value: true}, `n wait quota limit-rate cut-dirs accept reject accept-regex reject-regex regex-type domains
		exclude-domains include-directories exclude-directories progress report-speed restrict-file-names local-encoding remote-encoding
		default-page warc-header warc-max-size ignore-tags follow-tags retry-on-http-error rejected-log`)
	flags(o, flag[*wget]{}, `quiet verbose debug background version help no-verbose server-response auth-no-challenge content-on-error
		delete-after show-progress random-wait force-html force-directories protocol-directories adjust-extension
		convert-links backup-converted relative no-parent no-clobber no-dns-cache no-http-keep-alive no-proxy no-hsts
		no-iri no-config no-cookies no-use-server-timestamps no-if-modified-since no-directories no-host-directories
		keep-session-cookies content-disposition trust-server-names retry-connrefused retry-on-host-error
		ignore-case ignore-length unlink xattr if-modified-since https-only strict-comments follow-ftp
		proxy-auth no-warc-compression no-warc-digests no-warc-keep-log netrc hsts iri`)
	return o
}

func wgetHeader(x *wget, option, value string) {
	name, content, ok := strings.Cut(value, ":")
	if !ok {
		x.note(ReasonValue, option)
		return
	}
	x.header(name, content)
}

// wgetTries reads the number of tries, which 0 and inf leave open.
func wgetTries(x *wget, option, value string) {
	if value == "0" || value == "inf" {
		value = "1000"
	}
	x.setRetries(option, value, 1)
}

func wgetBodyFile(x *wget, option, value string) {
	x.note(ReasonFile, option+" "+value)
	x.body = new("")
}
