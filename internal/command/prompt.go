package command

import (
	"regexp"
	"strings"
)

// The command prompt of Windows reads a line in two steps: cmd.exe takes off carets and finds operators, and the program
// splits what is left into arguments by the rules of the C run-time library of Microsoft.

// promptMark is what only commands for the prompt have: a caret in front of a quotation mark or at the end of a line.
var promptMark = regexp.MustCompile(`(?m)(?:^|[\s=(])\^"|[ \t]\^[ \t]*$`)

func isPrompt(text string) bool { return promptMark.MatchString(text) }

// prompt reads commands for the prompt of Windows.
func (r *reader) prompt(text string) {
	p := prompt{text: text, line: 1}
	for p.at < len(p.text) {
		if r.full() {
			r.unread(Unread{Line: p.line, Reason: ReasonTooMany})
			return
		}
		line := p.line + strings.Count(p.text[p.at:p.at+p.blanks()], "\n")
		about := draft{}
		command, operator := p.command(&about)
		words := arguments(command)
		if len(words) == 0 || strings.EqualFold(words[0], "rem") || strings.HasPrefix(words[0], "::") {
			continue
		}
		words[0] = strings.TrimPrefix(words[0], "@")
		if operator == "|" {
			about.note(ReasonPipe, firstWord(p.text[p.at:]))
			var skipped draft
			for operator == "|" && p.at < len(p.text) {
				_, operator = p.command(&skipped)
			}
		}
		if name, value, ok := strings.Cut(strings.Join(words[1:], " "), "="); ok && strings.EqualFold(words[0], "set") {
			r.setVariable(name, value)
			continue
		}
		words = r.promptVariables(words, &about)
		words[0] = strings.ToLower(words[0])
		s := shell{reader: r, line: line}
		s.run(line, words, about)
	}
}

// prompt is a text for cmd.exe that is read.
type prompt struct {
	text string
	at   int
	line int
}

// blanks is the length of the white space at the place that is read.
func (p *prompt) blanks() int {
	rest := p.text[p.at:]
	return len(rest) - len(strings.TrimLeft(rest, " \t\n"))
}

func firstWord(text string) string {
	words := strings.Fields(text[:min(len(text), 200)])
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// command reads up to the next operator, and returns the text that the program gets and the operator.
func (p *prompt) command(d *draft) (text, operator string) {
	var b strings.Builder
	quoted := false
	next := func() byte {
		if p.at < len(p.text) {
			return p.text[p.at]
		}
		return 0
	}
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '\n':
			p.line++
			return b.String(), "\n"
		case c == '"':
			quoted = !quoted
			b.WriteByte(c)
		case c == '^' && !quoted:
			p.escaped(&b)
		case quoted:
			b.WriteByte(c)
		case c == '&' || c == '|':
			if next() == c {
				p.at++
			} else if c == '|' {
				return b.String(), "|"
			}
			return b.String(), "&"
		case c == '>' || c == '<':
			p.redirection(c, &b, d)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// escaped reads what is behind a caret. One at the end of a line joins it with the next line, whose first character then
// stands for itself.
func (p *prompt) escaped(b *strings.Builder) {
	if p.at == len(p.text) {
		return
	}
	c := p.text[p.at]
	p.at++
	if blanks := strings.TrimLeft(p.text[p.at-1:], " \t"); (c == ' ' || c == '\t') && strings.HasPrefix(blanks, "\n") {
		p.at = len(p.text) - len(blanks) + 1 // spaces at the end of a line come from pages from which commands are copied
		c = '\n'
	}
	if c != '\n' {
		b.WriteByte(c)
		return
	}
	p.line++
	if p.at < len(p.text) && p.text[p.at] == '\n' {
		p.line++
		p.at++
		b.WriteByte('\n')
	}
}

// redirection reads the file behind < or >.
func (p *prompt) redirection(c byte, b *strings.Builder, d *draft) {
	if before := b.String(); strings.HasSuffix(before, " 1") || strings.HasSuffix(before, " 2") {
		b.Reset()
		b.WriteString(before[:len(before)-1])
	}
	rest := strings.TrimLeft(p.text[p.at:], ">& ")
	file := rest
	if end := strings.IndexAny(rest, " \t\n&|"); end >= 0 {
		file = rest[:end]
	}
	p.at = len(p.text) - len(rest) + len(file)
	switch file = strings.Trim(file, `"`); {
	case c == '<':
		d.note(ReasonStdin, "< "+file)
	case !isNowhere(file) && file != "1" && file != "2":
		d.note(ReasonOutput, "> "+file)
	}
}

// arguments splits a command line as programs of Windows do.
func arguments(line string) []string {
	var words []string
	var b strings.Builder
	started, quoted := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			slashes := len(line[i:]) - len(strings.TrimLeft(line[i:], `\`))
			i += slashes - 1
			started = true
			if i+1 == len(line) || line[i+1] != '"' {
				b.WriteString(strings.Repeat(`\`, slashes))
				continue
			}
			b.WriteString(strings.Repeat(`\`, slashes/2))
			if slashes%2 == 1 {
				i++
				b.WriteByte('"')
			}
		case c == '"' && quoted && i+1 < len(line) && line[i+1] == '"':
			i++
			b.WriteByte('"')
		case c == '"':
			started, quoted = true, !quoted
		case !quoted && (c == ' ' || c == '\t'):
			if started {
				words = append(words, b.String())
				b.Reset()
			}
			started = false
		default:
			started = true
			b.WriteByte(c)
		}
	}
	if started {
		words = append(words, b.String())
	}
	return words
}

// promptVariable is a variable of the environment. A placeholder of a job has a colon.
var promptVariable = regexp.MustCompile(`%[A-Za-z_][A-Za-z0-9_]*%`)

// promptVariables replaces the variables that the text sets, and notes others.
func (r *reader) promptVariables(words []string, d *draft) []string {
	for i, w := range words {
		words[i] = promptVariable.ReplaceAllStringFunc(w, func(found string) string {
			name := found[1 : len(found)-1]
			if value, ok := r.variable(name); ok {
				return value
			}
			if strings.ToUpper(name) == name {
				d.note(ReasonVariable, name)
			}
			return found
		})
	}
	return words
}
