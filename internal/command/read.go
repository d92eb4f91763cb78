package command

import (
	"slices"
	"strings"
	"unicode"

	"mvdan.cc/sh/v3/syntax"

	"punctual/internal/cron"
)

// Read makes jobs of the commands in a text.
func Read(text string) Result {
	r := reader{variables: map[string]string{}}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u00a0", " ", "\ufeff", "").Replace(strings.ToValidUTF8(text, "\ufffd"))
	switch {
	case len(text) > MaxText:
		r.unread(Unread{Line: 1, Reason: ReasonTooLong})
	case deepLine(text) > 0:
		r.unread(Unread{Line: deepLine(text), Reason: ReasonSyntax})
	case isPowerShell(text):
		r.source = text
		r.powerShell(text)
	case isPrompt(text):
		r.source = text
		r.prompt(text)
	default:
		r.lines(text)
	}
	return r.result
}

// deepLine is the first line with so many parentheses open that a parser would take long for it; 0 if there is none.
func deepLine(text string) int {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		open := 0
		for _, c := range line {
			switch c {
			case '(', '{':
				open++
			case ')', '}':
				open--
			}
			if open > maxOpen {
				return number
			}
		}
	}
	return 0
}

// reader reads a text.
type reader struct {
	result    Result
	variables map[string]string // that the text sets
	grown     int               // bytes that variables have put into commands
	zone      string            // of the lines that follow; "" for none
	badZone   string            // that is unknown
	source    string            // of the statement that is read
	failed    int               // bytes that were parsed in vain
}

// Limits on what a text can make a parser do.
const (
	maxOpen   = 500         // parentheses and braces of a line
	maxFailed = 2 * MaxText // bytes that are parsed in vain; after them, statements end with their line
)

// Limits on what variables of a text can do.
const (
	maxVariables = 1000
	maxVariable  = 4 << 10
	maxGrown     = 256 << 10
)

func (r *reader) setVariable(name, value string) {
	if len(value) > maxVariable || len(r.variables) >= maxVariables {
		r.forgetVariable(name)
		return
	}
	r.variables[name] = value
}

func (r *reader) forgetVariable(name string) { delete(r.variables, name) }

// variable is the value of a variable of the text.
func (r *reader) variable(name string) (string, bool) {
	value, ok := r.variables[name]
	if r.grown += len(value); r.grown > maxGrown {
		return "", false
	}
	return value, ok
}

// full reports whether no more is read.
func (r *reader) full() bool {
	return len(r.result.Entries) >= MaxEntries || len(r.result.Unread) >= maxUnread
}

func (r *reader) unread(u Unread) {
	if len(r.result.Unread) < maxUnread {
		r.result.Unread = append(r.result.Unread, u)
	}
}

// noteFrom adds a note to the entries from one on.
func (r *reader) noteFrom(first int, n Note) {
	for i := first; i < len(r.result.Entries); i++ {
		r.result.Entries[i].Notes = append(r.result.Entries[i].Notes, n)
	}
}

// call makes jobs of a command.
func (r *reader) call(c *call) {
	var made []draft
	var problem *Unread
	switch toolOf(c.words[0]) {
	case ToolCurl:
		made, problem = readCurl(c)
	case ToolWget:
		made, problem = readWget(c)
	case ToolHTTPie:
		made, problem = readHTTPie(c)
	default:
		d := c.about
		d.tool, d.line, d.method, d.url = ToolURL, c.line, "GET", c.words[0]
		made = []draft{d}
	}
	if problem != nil {
		r.unread(*problem)
	}
	for i := range made {
		if len(r.result.Entries) >= MaxEntries {
			r.unread(Unread{Line: c.line, Reason: ReasonTooMany})
			return
		}
		made[i].source = r.source
		r.result.Entries = append(r.result.Entries, made[i].entry())
	}
}

// lines reads shell commands and lines of a crontab, in any mixture.
func (r *reader) lines(text string) {
	var comment string // of the line above
	for line, at := 1, 0; at < len(text); {
		if r.full() {
			r.unread(Unread{Line: line, Reason: ReasonTooMany})
			return
		}
		one, _, _ := strings.Cut(text[at:], "\n")
		bare := strings.TrimSpace(one)
		read := len(one)
		r.source = bare
		above := comment
		comment = ""
		switch {
		case bare == "":
		case bare[0] == '#':
			comment = strings.TrimSpace(strings.TrimLeft(bare, "#"))
		case isCrontabStart(bare):
			r.crontabLine(line, bare, above)
		case r.setting(line, bare):
			comment = above
		case isPlainURL(bare):
			r.call(&call{line: line, words: []string{bare}, about: draft{title: r.titleOf(above)}})
		default:
			read = r.statement(line, text[at:], len(one), above)
		}
		end := min(at+read+1, len(text))
		line += strings.Count(text[at:end], "\n")
		at = end
	}
}

// statement reads a statement of a shell at the start of a text, and returns how long it is, up to the end of its last line.
func (r *reader) statement(line int, text string, first int, above string) int {
	trimmed := strings.TrimLeft(text, " \t")
	lead := len(text) - len(trimmed)
	for _, sign := range [...]string{"$ ", "> ", "% "} { // of a copied prompt
		if rest, ok := strings.CutPrefix(trimmed, sign); ok {
			trimmed, lead = rest, lead+len(sign)
		}
	}
	if r.failed > maxFailed {
		trimmed, _, _ = strings.Cut(trimmed, "\n")
	}
	r.source = ""
	s := shell{reader: r, line: line, about: draft{title: r.titleOf(above)}}
	made := len(r.result.Entries)
	read, err := s.statement(trimmed)
	for i := range r.result.Entries[made:] {
		r.result.Entries[made+i].Source = strings.TrimSpace(trimmed[:min(read, len(trimmed))])
	}
	if read == 0 {
		if r.failed += len(trimmed); err != nil {
			r.unread(Unread{Line: line, Reason: ReasonSyntax})
		}
		return first // nothing else is known about where it ends
	}
	read += lead
	// Several statements may stand on one line; what is behind this one goes on as if it stood on the next line.
	rest := text[min(read, len(text)):]
	blank := len(rest) - len(strings.TrimLeft(rest, " \t;"))
	if rest = rest[blank:]; rest == "" || rest[0] == '\n' {
		return read + blank
	}
	return read + blank - 1
}

// ampersand reports whether a statement ends with an & that is likely to be part of a URL: no space is around it.
func (r *reader) ampersand(stmt *syntax.Stmt) bool {
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 || !stmt.Semicolon.IsValid() {
		return false
	}
	last := call.Args[len(call.Args)-1]
	return last.End().Offset() == stmt.Semicolon.Offset() && strings.ContainsAny(source(last), "?:")
}

// isPlainURL reports whether a line is nothing but a URL.
func isPlainURL(line string) bool {
	if strings.ContainsFunc(line, unicode.IsSpace) {
		return false
	}
	if isURL(line) {
		return true
	}
	host := line[:hostEnd(line)]
	name, port, _ := strings.Cut(host, ":")
	return strings.Trim(port, "0123456789") == "" && strings.Contains(name, ".") && !strings.HasPrefix(name, ".") && cron.IsToken(name) &&
		!strings.ContainsAny(name, "=$`'")
}

// titleOf is a comment as the title of a job; "" for one that is not a title, such as a line that was taken out.
func (r *reader) titleOf(comment string) string {
	if len([]rune(comment)) > 200 || strings.Trim(comment, "-=#*~ ") == "" || isCrontabStart(comment) || strings.Contains(comment, "://") ||
		slices.ContainsFunc(strings.Fields(comment), func(w string) bool { return toolOf(w) != ToolNone }) {
		return ""
	}
	return clip(comment)
}
