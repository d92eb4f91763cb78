package command

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"punctual/internal/cron"
)

// httpie is a command of HTTPie while it is read.
type httpie struct {
	draft
	call      *call
	arguments []string
	form      bool
	multipart bool
	raw       *string
	user      string
	userIn    string // the option that user came with
	bearer    bool   // user is a token
	follows   bool
	most      string
	noStdin   bool
	query     []string
	items     []httpieItem
}

// httpieItem is a field of the body.
type httpieItem struct {
	key, value string
	json       bool // the value is JSON
}

// readHTTPie makes a job of a command of HTTPie.
func readHTTPie(c *call) ([]draft, *Unread) {
	x := &httpie{call: c, draft: c.about}
	x.tool, x.line = ToolHTTPie, c.line
	httpieGrammar.scan(x, x, c.words[1:])
	program := baseName(c.words[0])
	if len(x.arguments) == 0 {
		return nil, &Unread{Line: c.line, Reason: ReasonNoURL, Text: program}
	}
	rest := x.arguments[1:]
	target := x.arguments[0]
	if len(rest) > 0 && isMethod(target) {
		x.method, target, rest = target, rest[0], rest[1:]
	}
	for _, item := range rest {
		x.item(item)
	}
	x.url = withQuery(httpieURL(program, target), x.query)
	x.finishBody()
	if x.bearer {
		x.defaultHeader("Authorization", "Bearer "+x.user)
	} else if x.user != "" {
		x.signIn(x.userIn, x.user)
	}
	if x.follows {
		if x.follow = cron.MaxRedirects; x.most != "" {
			x.setFollow("--max-redirects", x.most)
		}
	}
	return []draft{x.draft}, nil
}

func (x *httpie) positional(text string) { x.arguments = append(x.arguments, text) }

func (x *httpie) unknownOption(name string) { x.note(ReasonUnknownOption, name) }

func (x *httpie) lacksValue(name string) { x.note(ReasonValue, name) }

// isMethod reports whether a first argument is a method and not a host.
func isMethod(text string) bool {
	_, ok := cron.ParseMethod(text)
	return ok || text != "" && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// httpieURL is a URL as HTTPie completes it: :8080/path is one of this machine, and the program decides about the scheme.
func httpieURL(program, target string) string {
	if rest, ok := strings.CutPrefix(target, "://"); ok {
		target = rest
	}
	if rest, ok := strings.CutPrefix(target, ":"); ok {
		if target = "localhost" + rest; rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			target = "localhost:" + rest
		}
	}
	if strings.Contains(target, "://") {
		return target
	}
	return strings.TrimSuffix(program, "ie") + "://" + target
}

// httpieSeparators are between a key and its value; where several fit at one place, the longest counts.
var httpieSeparators = []string{":=@", ":=", "==@", "==", "=@", "=", ":@", "@", ":", ";"}

// cutItem cuts an item at the first separator that has no backslash in front of it.
func cutItem(item string) (key, separator, value string) {
	var b strings.Builder
	for i := 0; i < len(item); i++ {
		if item[i] == '\\' && i+1 < len(item) {
			if i++; !strings.ContainsRune(`:=@;\`, rune(item[i])) {
				b.WriteByte('\\')
			}
			b.WriteByte(item[i])
			continue
		}
		for _, s := range httpieSeparators {
			if strings.HasPrefix(item[i:], s) {
				return b.String(), s, item[i+len(s):]
			}
		}
		b.WriteByte(item[i])
	}
	return b.String(), "", ""
}

// item reads an item of the request: a header, a part of the query or a field of the body.
func (x *httpie) item(text string) {
	key, separator, value := cutItem(text)
	switch separator {
	case ":":
		if value == "" {
			x.removed = append(x.removed, key)
		} else {
			x.header(key, value)
		}
	case ";":
		x.note(ReasonEmptyHeader, key)
	case "==":
		x.query = append(x.query, url.QueryEscape(key)+"="+url.QueryEscape(value))
	case "=", ":=":
		if strings.ContainsAny(key, "[]") && !x.form && !x.multipart {
			x.note(ReasonNested, key)
		}
		if separator == ":=" && !json.Valid([]byte(value)) {
			x.note(ReasonValue, key+":=")
			return
		}
		x.items = append(x.items, httpieItem{key, value, separator == ":="})
	case "":
		x.note(ReasonValue, key)
	default:
		x.note(ReasonFile, key+separator+value)
		x.items = append(x.items, httpieItem{key: key})
	}
}

// finishBody makes the body and the method.
func (x *httpie) finishBody() {
	switch {
	case x.raw != nil:
		x.body = x.raw
	case x.call.stdin != nil && !x.noStdin && len(x.items) == 0:
		x.body = x.call.stdin
	case x.multipart && len(x.items) > 0:
		fields := make([]formField, 0, len(x.items))
		for _, i := range x.items {
			fields = append(fields, formField{name: i.key, value: i.value})
		}
		x.setForm(fields)
	case x.form && len(x.items) > 0:
		pairs := make([]string, 0, len(x.items))
		for _, i := range x.items {
			pairs = append(pairs, url.QueryEscape(i.key)+"="+url.QueryEscape(i.value))
		}
		x.body = new(strings.Join(pairs, "&"))
		x.defaultHeader("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	case len(x.items) > 0:
		x.body = new(jsonObject(x.items))
	}
	if x.body != nil {
		x.defaultHeader("Content-Type", "application/json")
		if !x.form && !x.multipart {
			x.defaultHeader("Accept", "application/json, */*;q=0.5")
		}
	}
	if x.method == "" {
		if x.method = "GET"; x.body != nil {
			x.method = "POST"
		}
	}
}

// jsonObject is the object of the items in their order; of those with the same key, the last one counts, in the place of the
// first.
func jsonObject(items []httpieItem) string {
	var kept []httpieItem
	at := map[string]int{}
	for _, item := range items {
		if i, ok := at[item.key]; ok {
			kept[i] = item
			continue
		}
		at[item.key] = len(kept)
		kept = append(kept, item)
	}
	var b bytes.Buffer
	text := json.NewEncoder(&b)
	text.SetEscapeHTML(false)
	write := func(s string) {
		_ = text.Encode(s) // a text has no errors
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('{')
	for i, item := range kept {
		if i > 0 {
			b.WriteString(", ")
		}
		write(item.key)
		b.WriteString(": ")
		if item.json {
			b.WriteString(item.value)
		} else {
			write(item.value)
		}
	}
	b.WriteByte('}')
	return b.String()
}

// httpieGrammar has the options of HTTPie 3.
var httpieGrammar = grammar[*httpie]{long: httpieOptions(), short: httpieShort, abbreviated: true, negated: true}

var httpieShort = map[byte]string{
	'j': "json", 'f': "form", 'x': "compress", 'p': "print", 'h': "headers", 'm': "meta", 'b': "body", 'v': "verbose",
	'P': "history-print", 'S': "stream", 'o': "output", 'd': "download", 'c': "continue", 'q': "quiet", 's': "style", 'a': "auth",
	'A': "auth-type", 'F': "follow", 'I': "ignore-stdin",
}

func httpieOptions() map[string]flag[*httpie] {
	o := map[string]flag[*httpie]{
		"json":           {false, func(x *httpie, _, _ string) { x.form, x.multipart = false, false }},
		"form":           {false, func(x *httpie, _, _ string) { x.form = true }},
		"multipart":      {false, func(x *httpie, _, _ string) { x.multipart = true }},
		"raw":            {true, func(x *httpie, _, v string) { x.raw = &v }},
		"auth":           {true, func(x *httpie, o, v string) { x.user, x.userIn = v, o }},
		"auth-type":      {true, httpieAuthType},
		"follow":         {false, func(x *httpie, _, _ string) { x.follows = true }},
		"max-redirects":  {true, func(x *httpie, _, v string) { x.most = v }},
		"timeout":        {true, func(x *httpie, o, v string) { x.setTimeout(o, v) }},
		"verify":         {true, httpieVerify},
		"ignore-stdin":   {false, func(x *httpie, _, _ string) { x.noStdin = true }},
		"default-scheme": noted[*httpie](ReasonOption, true),
		"compress":       noted[*httpie](ReasonOption, false),
		"chunked":        {},
		"proxy":          noted[*httpie](ReasonProxy, true),
	}
	flags(o, noted[*httpie](ReasonCertificate, true), `cert cert-key cert-key-pass`)
	flags(o, noted[*httpie](ReasonProtocol, true), `ssl ciphers`)
	flags(o, fileNoted[*httpie](ReasonFile), `session session-read-only`)
	flags(o, fileNoted[*httpie](ReasonOutput), `output`)
	flags(o, noted[*httpie](ReasonOutput, false), `download continue`)
	flags(o, flag[*httpie]{value: true}, `print pretty style format-options response-charset response-mime history-print boundary max-headers`)
	flags(o, flag[*httpie]{}, `headers meta body verbose all stream quiet check-status path-as-is offline debug traceback help manual version
		unsorted sorted ignore-netrc`)
	return o
}

// httpieAuthType reads how the credentials are used; bearer makes them a token.
func httpieAuthType(x *httpie, option, value string) {
	switch strings.ToLower(value) {
	case "basic":
	case "bearer":
		x.bearer = true
	default:
		x.note(ReasonAuthScheme, option+" "+value)
	}
}

func httpieVerify(x *httpie, option, value string) {
	switch strings.ToLower(value) {
	case "no", "false":
		x.insecure = true
	case "yes", "true":
	default:
		x.note(ReasonCertificate, option)
	}
}
