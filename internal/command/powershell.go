package command

import (
	"regexp"
	"strconv"
	"strings"
)

// powerShellMark is what only commands for PowerShell have.
var powerShellMark = regexp.MustCompile(`(?im)(?:^|[\s=(|;{])(?:invoke-webrequest|invoke-restmethod)\s|^\s*(?:\$\w+\s*=\s*)?(?:iwr|irm)\s`)

func isPowerShell(text string) bool {
	if !powerShellMark.MatchString(text) {
		return false
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return !isCrontabStart(line)
		}
	}
	return false
}

// powerShell reads a script of PowerShell: assignments, and calls of Invoke-WebRequest and Invoke-RestMethod.
func (r *reader) powerShell(text string) { r.script(text, 1, draft{}) }

func (r *reader) script(text string, line int, about draft) {
	p := script{reader: r, text: text, line: line, about: about, variables: map[string]*value{}}
	for p.skipSpace(true); p.at < len(p.text); p.skipSpace(true) {
		if r.full() || p.steps > maxSteps {
			r.unread(Unread{Line: p.lineAt(p.at), Reason: ReasonTooMany})
			return
		}
		before := p.at
		p.statement()
		if p.at == before {
			p.at++ // something that is not understood
		}
	}
}

// script is a script of PowerShell while it is read.
type script struct {
	reader    *reader
	text      string
	at        int
	line      int // at the start of text
	about     draft
	variables map[string]*value // by their names in lower case
	notes     []Note            // of the statement that is read
	depth     int
	steps     int
	grown     int // bytes that strings have grown to
}

// Limits on scripts.
const (
	maxSteps = 50_000 // values that are made
	maxDepth = 50     // values within values
)

// lineAt is the line of a place in the script.
func (p *script) lineAt(at int) int { return p.line + strings.Count(p.text[:at], "\n") }

// rest is what has not been read.
func (p *script) rest() string { return p.text[min(p.at, len(p.text)):] }

// has reads a text if it comes next.
func (p *script) has(text string) bool {
	if !strings.HasPrefix(p.rest(), text) {
		return false
	}
	p.at += len(text)
	return true
}

// skipSpace skips spaces and comments, and line ends too if lines is set. A backtick at the end of a line hides that end.
func (p *script) skipSpace(lines bool) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == ' ' || c == '\t':
			p.at++
		case lines && (c == '\n' || c == ';'):
			p.at++
		case c == '`':
			blank := strings.TrimLeft(p.text[p.at+1:], " \t")
			if blank != "" && blank[0] != '\n' {
				return
			}
			p.at = min(len(p.text)-len(blank)+1, len(p.text))
		case strings.HasPrefix(p.rest(), "<#"):
			end := strings.Index(p.rest(), "#>")
			if end < 0 {
				end = len(p.rest())
			}
			p.at = min(p.at+end+2, len(p.text))
		case c == '#':
			end := strings.IndexByte(p.rest(), '\n')
			if end < 0 {
				end = len(p.rest())
			}
			p.at += end
		default:
			return
		}
	}
}

// name reads letters, digits and what else names and paths of types have.
func (p *script) name(also string) string {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || strings.IndexByte(also, c) >= 0) {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}

// statement reads an assignment or a pipeline.
func (p *script) statement() {
	p.notes = nil
	start := p.at
	if p.has("$") {
		name := p.name(":")
		if target := p.target(name); target != nil {
			p.skipSpace(false)
			if p.has("=") {
				p.skipSpace(true)
				*target = *p.pipeline()
				return
			}
		}
		p.at = start
	}
	p.pipeline()
	p.skipSpace(false)
	if strings.HasPrefix(p.rest(), "=") { // of what cannot be assigned to, such as a property of a type
		p.at++
		p.skipSpace(true)
		p.pipeline()
	}
}

// target is the place of a variable, or of a property of it, that may be assigned to.
func (p *script) target(name string) *value {
	if name == "" {
		return nil
	}
	v, ok := p.variables[strings.ToLower(name)]
	for {
		var key string
		switch {
		case strings.HasPrefix(p.rest(), "."):
			p.at++
			key = p.name("")
		case strings.HasPrefix(p.rest(), "["):
			p.at++
			key = p.expression().string()
			p.has("]")
		default:
			if !ok && len(p.variables) < maxVariables {
				v = &value{}
				p.variables[strings.ToLower(name)] = v
			}
			return v
		}
		if v == nil || strings.HasPrefix(p.rest(), "(") {
			return nil
		}
		v, ok = v.property(key), true
	}
}

// pipeline reads commands and expressions that are joined by |.
func (p *script) pipeline() *value {
	if p.depth++; p.depth > maxDepth {
		p.depth--
		p.at = len(p.text)
		return &value{}
	}
	defer func() { p.depth-- }()
	v := p.element(nil)
	for {
		p.skipSpace(false)
		if !strings.HasPrefix(p.rest(), "|") {
			return v
		}
		p.at++
		p.skipSpace(true)
		v = p.element(v)
	}
}

// element reads a part of a pipeline that gets the value of the part before.
func (p *script) element(input *value) *value {
	if p.at >= len(p.text) {
		return &value{}
	}
	if strings.HasPrefix(p.rest(), "& ") {
		p.at += 2
	}
	if c := p.text[p.at]; c < 'A' || c > 'Z' && c < 'a' || c > 'z' {
		return p.expression()
	}
	start := p.at
	name := p.name("-.\\/:")
	if strings.HasPrefix(p.rest(), "=") { // such as a URL in a bare word
		p.at = start
		return &value{text: p.bareWord()}
	}
	arguments := p.arguments()
	return p.command(start, name, arguments, input)
}

// argument is an argument of a command: a parameter with its value, or a value alone.
type argument struct {
	parameter string // "" for a value alone
	value     *value // nil for a parameter without one
}

// arguments reads the arguments of a command up to the end of its line.
func (p *script) arguments() (list []argument) {
	for {
		before := p.at
		p.skipSpace(false)
		if p.at >= len(p.text) || strings.IndexByte("\n;|)}", p.text[p.at]) >= 0 {
			return list
		}
		if p.steps++; p.steps > maxSteps {
			p.at = len(p.text)
			return list
		}
		switch {
		case p.text[p.at] == '-' && p.at+1 < len(p.text) && isLetter(p.text[p.at+1]):
			p.at++
			a := argument{parameter: p.name("")}
			if p.has(":") {
				a.value = p.argumentValue()
			}
			list = append(list, a)
		case p.text[p.at] == '@' && p.at+1 < len(p.text) && (isLetter(p.text[p.at+1]) || p.text[p.at+1] == '_'):
			p.at++
			if v := p.variables[strings.ToLower(p.name(""))]; v != nil {
				for _, pair := range v.pairs {
					list = append(list, argument{pair.key, pair.value})
				}
			}
		default:
			v := p.argumentValue()
			if n := len(list); n > 0 && list[n-1].parameter != "" && list[n-1].value == nil && !isSwitch(list[n-1].parameter) {
				list[n-1].value = v
			} else {
				list = append(list, argument{value: v})
			}
		}
		if p.at == before {
			p.at++
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// argumentValue reads a value behind a command, where a word needs no quotes.
func (p *script) argumentValue() *value {
	p.skipSpace(false)
	if p.at >= len(p.text) {
		return &value{}
	}
	switch c := p.text[p.at]; {
	case strings.IndexByte(`'"$(@`, c) >= 0:
		return p.postfix(p.primary())
	case c == '[':
		return p.expression()
	}
	return &value{text: p.bareWord()}
}

// bareWord reads a word without quotes, and the arguments in parentheses of one that is a type.
func (p *script) bareWord() string {
	var b strings.Builder
	for p.at < len(p.text) && strings.IndexByte(" \t\n;|(){},'\"", p.text[p.at]) < 0 {
		if p.text[p.at] == '`' && p.at+1 < len(p.text) {
			p.at++
		}
		b.WriteByte(p.text[p.at])
		p.at++
	}
	return b.String()
}

// command evaluates a command that begins at start: those that make values, and those that send requests.
func (p *script) command(start int, name string, arguments []argument, input *value) *value {
	switch strings.ToLower(name) {
	case "invoke-webrequest", "invoke-restmethod", "iwr", "irm", "curl", "wget":
		p.request(start, arguments)
		return &value{}
	case "new-object":
		return newObject(arguments)
	case "convertto-json":
		if input == nil && len(arguments) > 0 {
			input = positional(arguments)
		}
		if input == nil {
			return &value{}
		}
		return &value{text: input.json(0)}
	case "get-content", "gc", "cat", "get-date", "read-host", "get-credential", "convertto-securestring", "new-guid":
		p.note(ReasonSubstitution, name)
	}
	return &value{}
}

// positional is the first value that stands alone, or that of -InputObject.
func positional(arguments []argument) *value {
	for _, a := range arguments {
		if (a.parameter == "" || strings.EqualFold(a.parameter, "InputObject")) && a.value != nil {
			return a.value
		}
	}
	return nil
}

// newObject makes an object of a type: a dictionary, a session, or a cookie of its arguments.
func newObject(arguments []argument) *value {
	v := &value{}
	for _, a := range arguments {
		if a.value == nil {
			continue
		}
		if len(a.value.items) > 0 {
			v.items = a.value.items
		}
	}
	v.hash = true
	return v
}

// note notes what could not be used in the statement that is read.
func (p *script) note(r Reason, text string) {
	if len(p.notes) < maxNotes {
		p.notes = append(p.notes, Note{r, clip(text)})
	}
}

// number reads a number, which is kept as it is written.
func (p *script) number() (*value, bool) {
	text := p.name(".")
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return &value{text: strconv.FormatInt(n, 10), bare: true}, true
	}
	_, err := strconv.ParseFloat(text, 64)
	return &value{text: text, bare: err == nil}, err == nil
}
