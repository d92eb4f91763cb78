package command

import "strings"

// curlGrammar has the options of curl 8, and of former versions.
var curlGrammar = grammar[*curl]{long: curlOptions(), short: curlShort, negated: true}

// curlShort are the short options. Some of them have names here that curl does not have.
var curlShort = map[byte]string{
	'0': "http1.0", '1': "tlsv1", '2': "sslv2", '3': "sslv3", '4': "ipv4", '6': "ipv6", 'a': "append", 'A': "user-agent",
	'b': "cookie", 'B': "use-ascii", 'c': "cookie-jar", 'C': "continue-at", 'd': "data", 'D': "dump-header", 'e': "referer",
	'E': "cert", 'f': "fail", 'F': "form", 'g': "globoff", 'G': "get", 'H': "header", 'h': "help", 'i': "include", 'I': "head",
	'j': "junk-session-cookies", 'J': "remote-header-name", 'k': "insecure", 'K': "config", 'l': "list-only", 'L': "location",
	'm': "max-time", 'M': "manual", 'n': "netrc", 'N': "no-buffer", 'o': "output", 'O': "remote-name", 'p': "proxytunnel",
	'P': "ftp-port", 'q': "disable", 'Q': "quote", 'r': "range", 'R': "remote-time", 's': "silent", 'S': "show-error",
	't': "telnet-option", 'T': "upload-file", 'u': "user", 'U': "proxy-user", 'v': "verbose", 'V': "version", 'w': "write-out",
	'x': "proxy", 'X': "request", 'y': "speed-time", 'Y': "speed-limit", 'z': "time-cond", 'Z': "parallel", '#': "progress-bar",
	':': "next",
}

// noted makes an option whose use is only noted.
func noted[T interface{ note(Reason, string) }](r Reason, value bool) flag[T] {
	return flag[T]{value: value, do: func(t T, option, _ string) { t.note(r, option) }}
}

// fileNoted is noted for an option with a file; one that keeps nothing does not matter.
func fileNoted[T interface{ note(Reason, string) }](r Reason) flag[T] {
	return flag[T]{value: true, do: func(t T, option, value string) {
		if !isNowhere(value) {
			t.note(r, option+" "+value)
		}
	}}
}

func curlOptions() map[string]flag[*curl] {
	o := map[string]flag[*curl]{
		"url":             {true, func(x *curl, _, v string) { x.positional(v) }},
		"next":            {false, func(x *curl, _, _ string) { x.finish(); x.begin() }},
		"request":         {true, func(x *curl, _, v string) { x.method = v }},
		"head":            {false, func(x *curl, _, _ string) { x.head = true }},
		"get":             {false, func(x *curl, _, _ string) { x.get = true }},
		"header":          {true, curlHeader},
		"data":            {true, curlData},
		"data-ascii":      {true, curlData},
		"data-binary":     {true, curlBinary},
		"data-raw":        {true, func(x *curl, _, v string) { x.addData(v) }},
		"data-urlencode":  {true, curlURLEncode},
		"url-query":       {true, curlURLQuery},
		"json":            {true, curlJSON},
		"form":            {true, curlForm},
		"form-string":     {true, curlFormString},
		"user":            {true, curlUser},
		"oauth2-bearer":   {true, func(x *curl, _, v string) { x.bearer = v }},
		"user-agent":      {true, func(x *curl, _, v string) { x.header("User-Agent", v) }},
		"referer":         {true, func(x *curl, _, v string) { x.header("Referer", strings.TrimSuffix(v, ";auto")) }},
		"cookie":          {true, curlCookie},
		"range":           {true, func(x *curl, _, v string) { x.header("Range", "bytes="+v) }},
		"insecure":        {false, func(x *curl, _, _ string) { x.insecure = true }},
		"location":        {false, func(x *curl, _, _ string) { x.follows = true }},
		"max-redirs":      {true, func(x *curl, _, v string) { x.most = v }},
		"max-time":        {true, curlMaxTime},
		"retry":           {true, func(x *curl, o, v string) { x.setRetries(o, v, 0) }},
		"retry-delay":     {true, func(x *curl, o, v string) { x.setDelay(o, v) }},
		"globoff":         {false, func(x *curl, _, _ string) { x.glob = true }},
		"basic":           {},
		"connect-timeout": noted[*curl](ReasonConnectTimeout, true),
		"compressed":      noted[*curl](ReasonCompression, false),
		"upload-file":     {true, func(x *curl, o, v string) { x.method = "PUT"; x.note(ReasonFile, o+" "+v) }},
	}
	o["location-trusted"] = o["location"]
	flags(o, noted[*curl](ReasonProxy, true), `proxy proxy-user preproxy socks4 socks4a socks5 socks5-hostname proxy1.0 proxy-header`)
	flags(o, noted[*curl](ReasonProxy, false), `proxytunnel`)
	flags(o, noted[*curl](ReasonCertificate, true), `cert key cacert capath cert-type key-type pass pinnedpubkey crlfile engine`)
	flags(o, noted[*curl](ReasonResolve, true), `resolve connect-to interface dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url
		unix-socket abstract-unix-socket local-port`)
	flags(o, noted[*curl](ReasonResolve, false), `ipv4 ipv6`)
	flags(o, noted[*curl](ReasonAuthScheme, false), `digest ntlm ntlm-wb negotiate anyauth netrc netrc-optional`)
	flags(o, noted[*curl](ReasonAuthScheme, true), `aws-sigv4 netrc-file krb delegation service-name sasl-authzid login-options tlsuser
		tlspassword tlsauthtype`)
	flags(o, noted[*curl](ReasonProtocol, false), `http0.9 http1.0 http1.1 http2 http2-prior-knowledge http3 http3-only tlsv1 tlsv1.0
		tlsv1.1 tlsv1.2 tlsv1.3 sslv2 sslv3 ssl ssl-reqd`)
	flags(o, noted[*curl](ReasonProtocol, true), `tls-max ciphers tls13-ciphers curves alt-svc hsts sigalgs ech`)
	flags(o, noted[*curl](ReasonOption, true), `continue-at time-cond request-target proto proto-redir proto-default variable haproxy-clientip ftp-port quote
		telnet-option mail-from mail-rcpt mail-auth ftp-account ftp-alternative-to-user ftp-method ftp-ssl-ccc-mode tftp-blksize`)
	flags(o, fileNoted[*curl](ReasonFile), `config etag-compare`)
	flags(o, fileNoted[*curl](ReasonOutput), `output cookie-jar dump-header etag-save trace trace-ascii libcurl stderr output-dir`)
	flags(o, noted[*curl](ReasonOutput, false), `remote-name remote-name-all remote-header-name`)
	flags(o, flag[*curl]{value: true}, `write-out help max-filesize limit-rate speed-limit speed-time keepalive-time keepalive-cnt expect100-timeout
		happy-eyeballs-timeout-ms retry-max-time rate parallel-max create-file-mode noproxy hostpubmd5 hostpubsha256 pubkey random-file
		egd-file ip-tos vlan-priority trace-config proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile
		proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers proxy-tlsauthtype
		proxy-tlspassword proxy-tlsuser socks5-gssapi-service`)
	flags(o, flag[*curl]{}, `silent show-error verbose include fail fail-with-body fail-early progress-bar no-progress-meter no-buffer
		junk-session-cookies list-only append use-ascii manual remote-time version parallel parallel-immediate disable
		create-dirs crlf compressed-ssh disable-eprt disable-epsv eprt epsv ftp-create-dirs ftp-pasv ftp-pret ftp-skip-pasv-ip
		ftp-ssl-ccc ftp-ssl-control ignore-content-length keepalive metalink path-as-is post301 post302 post303
		proxy-anyauth proxy-basic proxy-digest proxy-insecure proxy-negotiate proxy-ntlm proxy-ssl-allow-beast
		proxy-ssl-auto-client-cert proxy-tlsv1 raw remove-on-error retry-all-errors retry-connrefused sasl-ir sessionid
		skip-existing socks5-basic socks5-gssapi socks5-gssapi-nec ssl-allow-beast ssl-auto-client-cert ssl-no-revoke
		ssl-revoke-best-effort styled-output suppress-connect-headers tcp-fastopen tcp-nodelay test-event tr-encoding
		trace-ids trace-time xattr cert-status buffer npn alpn doh-insecure doh-cert-status clobber progress-meter ca-native
		proxy-ca-native disallow-username-in-url mail-rcpt-allowfails form-escape location-mode ftp-ssl ftp-ssl-reqd out-null`)
	return o
}

func curlURLQuery(x *curl, _, value string) {
	if plain, ok := strings.CutPrefix(value, "+"); ok {
		x.query = append(x.query, plain)
		return
	}
	x.query = append(x.query, encodePair(value))
}

func curlFormString(x *curl, option, value string) {
	name, content, ok := strings.Cut(value, "=")
	if !ok {
		x.note(ReasonValue, option)
		return
	}
	x.form = append(x.form, formField{name: name, value: content})
}
