package command

import (
	"net/url"
	"strings"

	"punctual/internal/cron"
)

// call is a command: a program with its arguments.
type call struct {
	line  int
	words []string
	stdin *string // what is piped or redirected to it; nil for nothing that is known
	about draft   // what is known of the job before the command itself is read: its schedule, prefixes such as flock
}

// curl is a command of curl while it is read.
type curl struct {
	call *call
	made []draft
	draft
	urls    []string
	method  string
	head    bool
	get     bool // -G
	data    []string
	hasData bool
	json    bool
	form    []formField
	query   []string
	follows bool
	most    string // --max-redirs
	glob    bool   // -g: braces in URLs stand for themselves
	bearer  string
}

// readCurl makes jobs of a command of curl.
func readCurl(c *call) ([]draft, *Unread) {
	x := &curl{call: c}
	x.begin()
	curlGrammar.scan(x, x, c.words[1:])
	x.finish()
	if len(x.made) == 0 {
		return nil, &Unread{Line: c.line, Reason: ReasonNoURL, Text: "curl"}
	}
	return x.made, nil
}

func (x *curl) begin() {
	*x = curl{call: x.call, made: x.made, draft: x.call.about}
	x.draft.tool, x.draft.line = ToolCurl, x.call.line
	x.draft.notes = append([]Note(nil), x.draft.notes...)
	x.draft.headers = nil
}

func (x *curl) positional(text string) { x.urls = append(x.urls, text) }

func (x *curl) unknownOption(name string) { x.note(ReasonUnknownOption, name) }

func (x *curl) lacksValue(name string) { x.note(ReasonValue, name) }

// finish makes a job of each URL since the start or since --next.
func (x *curl) finish() {
	d := &x.draft
	x.finishBody()
	if x.bearer != "" {
		d.defaultHeader("Authorization", "Bearer "+x.bearer)
	}
	if x.follows {
		if d.follow = cron.MaxRedirects; x.most != "" {
			d.setFollow("--max-redirs", x.most)
		}
	}
	for _, name := range d.removed {
		switch {
		case strings.EqualFold(name, "Accept"), strings.EqualFold(name, "Content-Type") && d.body != nil, strings.EqualFold(name, "User-Agent"):
			d.note(ReasonOwnHeader, name)
		}
	}
	for _, target := range x.urls {
		if len(x.made) >= MaxEntries {
			return
		}
		made := *d
		made.notes = append([]Note(nil), d.notes...)
		if !x.glob && hasGlob(target) {
			made.note(ReasonGlob, target)
		}
		made.url = withQuery(target, x.query)
		x.made = append(x.made, made)
	}
}

// finishBody makes the method, the body and the query of the options about data.
func (x *curl) finishBody() {
	d := &x.draft
	joined := strings.Join(x.data, "&")
	if x.json {
		joined = strings.Join(x.data, "")
		d.defaultHeader("Content-Type", "application/json")
		d.defaultHeader("Accept", "application/json")
	}
	switch {
	case x.get && x.hasData:
		x.query = append(x.query, joined)
		d.method = "GET"
	case x.get:
		d.method = "GET"
	case len(x.form) > 0:
		d.setForm(x.form)
		d.method = "POST"
	case x.hasData:
		d.body, d.method = &joined, "POST"
	default:
		d.method = "GET"
	}
	if x.head {
		d.method = "HEAD"
	}
	if x.method != "" {
		d.method = x.method
	}
}

// withQuery appends parts to the query of a URL.
func withQuery(target string, parts []string) string {
	query := strings.Join(parts, "&")
	if query == "" {
		return target
	}
	target, fragment, hasFragment := strings.Cut(target, "#")
	switch {
	case !strings.Contains(target, "?"):
		target += "?"
	case !strings.HasSuffix(target, "?") && !strings.HasSuffix(target, "&"):
		target += "&"
	}
	target += query
	if hasFragment {
		target += "#" + fragment
	}
	return target
}

// hasGlob reports whether curl makes several URLs of one: by braces, or by brackets that are not those of an IPv6 address.
func hasGlob(target string) bool {
	_, rest, ok := strings.Cut(target, "://")
	if !ok {
		rest = target
	}
	rest = rest[strings.LastIndexByte(rest[:hostEnd(rest)], '@')+1:]
	rest = strings.ReplaceAll(rest, "${", "") // of a variable that is not known
	if strings.HasPrefix(rest, "[") && strings.Contains(rest, ":") {
		rest = rest[strings.IndexByte(rest, ']')+1:]
	}
	open := strings.IndexAny(rest, "{[")
	return open >= 0 && strings.ContainsAny(rest[open:], "}]")
}

// hostEnd is where the path, query or fragment begins in what follows the scheme of a URL.
func hostEnd(rest string) int {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return i
	}
	return len(rest)
}

// addData adds a part of the body of -d and its like.
func (x *curl) addData(text string) {
	x.data, x.hasData = append(x.data, text), true
}

// fileOr calls use with a value of an option, or what it reads from standard input; a value that names a file becomes a note.
func (x *curl) fileOr(option, value string, use func(string)) {
	name, isFile := strings.CutPrefix(value, "@")
	switch {
	case !isFile:
		use(value)
	case name != "-":
		x.note(ReasonFile, option+" "+value)
		x.hasData = true
	case x.call.stdin == nil:
		x.note(ReasonStdin, option+" @-")
		x.hasData = true
	default:
		use(*x.call.stdin)
	}
}

func curlData(x *curl, option, value string) {
	x.fileOr(option, value, func(text string) {
		if value == "@-" { // as curl, which takes line ends out of files
			text = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(text)
		}
		x.addData(text)
	})
}

func curlBinary(x *curl, option, value string) { x.fileOr(option, value, x.addData) }

func curlJSON(x *curl, option, value string) {
	x.json = true
	x.fileOr(option, value, x.addData)
}

// curlURLEncode reads content, =content, name=content, @file and name@file.
func curlURLEncode(x *curl, option, value string) {
	if at := strings.IndexAny(value, "=@"); at >= 0 && value[at] == '@' {
		name := value[:at]
		if name != "" {
			name += "="
		}
		x.fileOr(option, value[at:], func(text string) { x.addData(name + url.QueryEscape(text)) })
		return
	}
	x.addData(encodePair(value))
}

// encodePair encodes the content in name=content.
func encodePair(value string) string {
	name, content, ok := strings.Cut(value, "=")
	switch {
	case !ok:
		return url.QueryEscape(value)
	case name == "":
		return url.QueryEscape(content)
	}
	return name + "=" + url.QueryEscape(content)
}

// curlHeader reads "Name: value", "Name;" for a header without a value, and "Name:" for one that is taken off.
func curlHeader(x *curl, option, value string) {
	if strings.HasPrefix(value, "@") {
		x.note(ReasonFile, option+" "+value)
		return
	}
	name, content, ok := strings.Cut(strings.TrimPrefix(value, ":"), ":")
	if strings.HasPrefix(value, ":") {
		name = ":" + name
	}
	switch {
	case ok && strings.TrimSpace(content) == "":
		x.removed = append(x.removed, strings.TrimSpace(name))
	case ok:
		x.header(name, content)
	case strings.HasSuffix(value, ";"):
		x.note(ReasonEmptyHeader, strings.TrimSuffix(value, ";"))
	default:
		x.note(ReasonValue, option)
	}
}

func curlCookie(x *curl, option, value string) {
	if strings.Contains(value, "=") {
		x.header("Cookie", value)
	} else if value != "" {
		x.note(ReasonFile, option+" "+value)
	}
}

func curlUser(x *curl, option, value string) { x.signIn(option, value) }

func curlMaxTime(x *curl, option, value string) { x.setTimeout(option, value) }

func curlForm(x *curl, option, value string) {
	name, content, ok := strings.Cut(value, "=")
	switch {
	case !ok:
		x.note(ReasonValue, option)
	case strings.HasPrefix(content, "@"), strings.HasPrefix(content, "<"):
		x.note(ReasonFile, option+" "+value)
		x.form = append(x.form, formField{name: name})
	default:
		f := formField{name: name}
		f.value, f.kind = formContent(content)
		x.form = append(x.form, f)
	}
}

// formContent is the content of a field and its type, as in text;type=text/plain.
func formContent(content string) (value, kind string) {
	if rest, ok := strings.CutPrefix(content, `"`); ok {
		var b strings.Builder
		for i := 0; i < len(rest); i++ {
			if rest[i] == '\\' && i+1 < len(rest) {
				i++
			} else if rest[i] == '"' {
				content = rest[i+1:]
				break
			}
			b.WriteByte(rest[i])
		}
		_, kind, _ = strings.Cut(content, ";type=")
		return b.String(), kind
	}
	value, kind, _ = strings.Cut(content, ";type=")
	return value, kind
}
