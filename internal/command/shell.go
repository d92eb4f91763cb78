package command

import (
	"errors"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"punctual/internal/cron"
)

// shell reads commands of a shell. It runs none: what depends on running one becomes a note.
type shell struct {
	reader  *reader
	line    int   // of the text, at which line 1 of what is read begins
	about   draft // of the line of a crontab
	depth   int   // commands within commands
	stdin   *string
	leading map[*syntax.Stmt]bool // the answers of leads
	inside  int                   // substitutions within substitutions that are looked at
}

// statement reads the first statement of a text, and returns how many bytes of it that were.
func (s *shell) statement(text string) (read int, err error) {
	err = parse(text, func(stmt *syntax.Stmt) bool {
		s.stmt(stmt)
		read = max(statementEnd(stmt), 1)
		return false
	})
	return read, err
}

// all reads all statements of a text.
func (s *shell) all(text string) {
	line := s.line
	err := parse(text, func(stmt *syntax.Stmt) bool {
		s.stmt(stmt)
		return !s.reader.full()
	})
	if err != nil {
		s.reader.unread(Unread{Line: line, Reason: ReasonSyntax})
	}
}

// errParser is a fault of the parser.
var errParser = errors.New("the parser failed")

// parse calls f for each statement of a text until it returns false. A panic of the parser, such as that for a here-document
// without an end, is an error.
func parse(text string, f func(*syntax.Stmt) bool) (err error) {
	mine := false // f is called
	defer func() {
		if !mine && recover() != nil {
			err = errParser
		}
	}()
	for stmt, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).StmtsSeq(strings.NewReader(text)) {
		if err != nil {
			return err
		}
		mine = true
		more := f(stmt)
		mine = false
		if !more {
			return nil
		}
	}
	return nil
}

// statementEnd is where a statement ends, here-documents included.
func statementEnd(stmt *syntax.Stmt) int {
	end := int(stmt.End().Offset())
	syntax.Walk(stmt, func(n syntax.Node) bool {
		if r, ok := n.(*syntax.Redirect); ok && r.Hdoc != nil {
			end = max(end, int(r.Hdoc.End().Offset()))
		}
		return true
	})
	return end
}

// lineOf is the line of the text at which something begins.
func (s *shell) lineOf(pos syntax.Pos) int { return s.line + int(pos.Line()) - 1 }

// stmt reads a statement.
func (s *shell) stmt(stmt *syntax.Stmt) {
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		s.simple(stmt, cmd)
	case *syntax.BinaryCmd:
		s.binary(stmt, cmd)
	case *syntax.Subshell:
		s.group(stmt, cmd.Stmts)
	case *syntax.Block:
		s.group(stmt, cmd.Stmts)
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			s.group(stmt, []*syntax.Stmt{cmd.Stmt})
		}
	case *syntax.DeclClause:
		for _, a := range cmd.Args {
			s.assign(a)
		}
	case *syntax.TestClause, *syntax.ArithmCmd:
		s.about.note(ReasonCondition, "[[")
	case *syntax.IfClause:
		s.condition(stmt, cmd)
	case nil:
	default:
		s.reader.unread(Unread{Line: s.lineOf(stmt.Pos()), Reason: ReasonControlCommand, Text: controlWord(cmd)})
	}
}

// controlWord is the word with which a compound command begins.
func controlWord(cmd syntax.Command) string {
	switch cmd := cmd.(type) {
	case *syntax.WhileClause:
		if cmd.Until {
			return "until"
		}
		return "while"
	case *syntax.ForClause:
		return "for"
	case *syntax.CaseClause:
		return "case"
	case *syntax.FuncDecl:
		return "function"
	}
	return ""
}

// group reads statements with the redirections of what holds them.
func (s *shell) group(outer *syntax.Stmt, inner []*syntax.Stmt) {
	notes := s.about.notes
	s.redirections(outer.Redirs)
	for _, stmt := range inner {
		s.stmt(stmt)
	}
	s.about.notes = notes
}

// condition reads the commands of an if clause, which are run only if something holds.
func (s *shell) condition(stmt *syntax.Stmt, clause *syntax.IfClause) {
	notes := s.about.notes
	for c := clause; c != nil; c = c.Else {
		s.about.note(ReasonCondition, "if")
		s.group(stmt, c.Then)
	}
	s.about.notes = notes
}

// binary reads two commands that are joined.
func (s *shell) binary(stmt *syntax.Stmt, cmd *syntax.BinaryCmd) {
	notes, stdin := s.about.notes, s.stdin
	s.redirections(stmt.Redirs)
	switch cmd.Op {
	case syntax.Pipe, syntax.PipeAll:
		if text, ok := s.printed(cmd.X); ok {
			s.stdin = &text
			s.stmt(cmd.Y)
		} else if made := len(s.reader.result.Entries); s.leads(cmd.X) {
			s.about.note(ReasonPipe, s.programOf(cmd.Y))
			s.stmt(cmd.X)
		} else if s.stmt(cmd.Y); made < len(s.reader.result.Entries) {
			s.reader.noteFrom(made, Note{ReasonStdin, clip(s.programOf(cmd.X))})
		}
	case syntax.OrStmt:
		s.stmt(cmd.X)
		if s.leads(cmd.Y) {
			s.about.note(ReasonCondition, "||")
			s.stmt(cmd.Y)
		}
	default:
		s.after(cmd)
	}
	s.about.notes, s.stdin = notes, stdin
}

// after reads two commands of which the second one is run after a success of the first one.
func (s *shell) after(cmd *syntax.BinaryCmd) {
	first, second := s.leads(cmd.X), s.leads(cmd.Y)
	switch {
	case first && !second:
		s.stmt(cmd.X)
	case first:
		s.stmt(cmd.X)
		s.about.note(ReasonAfter, "")
		s.stmt(cmd.Y)
	default:
		s.prelude(cmd.X)
		s.stmt(cmd.Y)
	}
}

// prelude reads a command in front of && that sends nothing: cd and assignments do not matter, sleep moves the second of a
// schedule, and any other is a condition.
func (s *shell) prelude(stmt *syntax.Stmt) {
	if inner, ok := stmt.Cmd.(*syntax.BinaryCmd); ok {
		s.prelude(inner.X)
		s.prelude(inner.Y)
		return
	}
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 {
		s.stmt(stmt)
		return
	}
	words := s.words(call.Args, &draft{})
	if baseName(words[0]) == "export" {
		s.stmt(stmt)
	} else if !s.idle(words) {
		s.about.note(ReasonCondition, strings.Join(words, " "))
	}
}

// idle reports whether a command does nothing that matters to a request. A sleep moves the second of a schedule.
func (s *shell) idle(words []string) bool {
	name := baseName(words[0])
	if name != "sleep" {
		return isIdle(name)
	}
	n, ok := seconds(strings.Join(words[1:], ""))
	if ok && n < 60 && s.about.schedule != nil && s.about.schedule.Seconds == cron.SetOf(0) {
		moved := *s.about.schedule
		moved.Seconds = cron.SetOf(n)
		s.about.schedule = &moved
		return true
	}
	return s.about.schedule == nil
}

func isIdle(name string) bool {
	switch name {
	case "cd", "set", ":", "true", "umask", "ulimit", ".", "source", "echo", "date", "logger", "exit", "shopt", "clear", "sleep":
		return true
	}
	return false
}

// leads reports whether a statement holds a command that sends a request.
func (s *shell) leads(stmt *syntax.Stmt) bool {
	found, ok := s.leading[stmt]
	if ok {
		return found
	}
	if pair, ok := stmt.Cmd.(*syntax.BinaryCmd); ok {
		found = s.leads(pair.X) || s.leads(pair.Y)
	} else {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok {
				found = found || slices.ContainsFunc(call.Args, func(w *syntax.Word) bool { return toolOf(w.Lit()) != ToolNone })
			}
			return !found
		})
	}
	if s.leading == nil {
		s.leading = map[*syntax.Stmt]bool{}
	}
	s.leading[stmt] = found
	return found
}

// programOf is the program that a statement calls, for notes.
func (s *shell) programOf(stmt *syntax.Stmt) string {
	var name string
	syntax.Walk(stmt, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 && name == "" {
			name = call.Args[0].Lit()
		}
		return name == ""
	})
	return name
}

// printed is the output of echo, printf and cat of a here-document, if it is known.
func (s *shell) printed(stmt *syntax.Stmt) (string, bool) {
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	var d draft
	words := s.words(call.Args, &d)
	if len(d.notes) > 0 {
		s.about.notes = append(s.about.notes[:len(s.about.notes):len(s.about.notes)], d.notes...)
	}
	switch end := "\n"; {
	case words[0] == "echo":
		words = words[1:]
		for len(words) > 0 && (words[0] == "-n" || words[0] == "-e" || words[0] == "-E") {
			if words[0] == "-n" {
				end = ""
			}
			words = words[1:]
		}
		return strings.Join(words, " ") + end, true
	case words[0] == "printf" && len(words) == 2 && !strings.ContainsAny(words[1], `%\`):
		return words[1], true
	case words[0] == "printf" && len(words) == 3 && (words[1] == "%s" || words[1] == `%s\n`):
		return words[2], true
	case words[0] == "cat" && len(words) == 1:
		return s.input(stmt.Redirs)
	}
	return "", false
}

// input is what redirections give to a command.
func (s *shell) input(redirections []*syntax.Redirect) (text string, ok bool) {
	for _, r := range redirections {
		switch {
		case r.Hdoc != nil:
			text, ok = s.hereDocument(r), true
		case r.Op == syntax.WordHdoc && r.Word != nil:
			text, ok = s.word(r.Word, &s.about)+"\n", true
		}
	}
	return text, ok
}

// hereDocument is the text of a here-document, which stands for itself if its end is quoted.
func (s *shell) hereDocument(r *syntax.Redirect) string {
	text := s.parts(r.Hdoc.Parts, true, &s.about)
	if r.Op != syntax.DashHdoc {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], "\t")
	}
	return strings.Join(lines, "")
}

// redirections notes files that a command reads and writes.
func (s *shell) redirections(list []*syntax.Redirect) {
	for _, r := range list {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			if file := s.word(r.Word, &draft{}); !isNowhere(file) {
				s.about.note(ReasonOutput, "> "+file)
			}
		case syntax.RdrIn:
			s.about.note(ReasonStdin, "< "+s.word(r.Word, &draft{}))
		}
	}
}

// simple reads a command without structure.
func (s *shell) simple(stmt *syntax.Stmt, cmd *syntax.CallExpr) {
	if len(cmd.Args) == 0 {
		for _, a := range cmd.Assigns {
			s.assign(a)
		}
		return
	}
	notes, stdin := s.about.notes, s.stdin
	defer func() { s.about.notes, s.stdin = notes, stdin }()
	s.about.notes = notes[:len(notes):len(notes)]
	s.redirections(stmt.Redirs)
	if text, ok := s.input(stmt.Redirs); ok {
		s.stdin = &text
	}
	about := s.about
	if stmt.Background && s.reader.ampersand(stmt) {
		about.note(ReasonAmpersand, "")
	}
	s.run(s.lineOf(stmt.Pos()), s.words(cmd.Args, &about), about)
}

// run reads the words of a command, behind those that change how a program is run.
func (s *shell) run(line int, words []string, about draft) {
	words = s.prefixes(words, &about)
	if len(words) == 0 {
		return
	}
	switch name := baseName(words[0]); {
	case toolOf(words[0]) != ToolNone:
		s.reader.call(&call{line: line, words: words, stdin: s.stdin, about: about})
	case isShell(name):
		s.script(line, words, about)
	case name == "pwsh" || name == "powershell":
		s.powerShell(line, words, about)
	case s.idle(words):
	default:
		if len(words) == 1 && isURL(words[0]) {
			s.reader.call(&call{line: line, words: words, about: about})
			return
		}
		s.reader.unread(Unread{Line: line, Reason: ReasonOtherCommand, Text: clip(name)})
	}
}

// script reads the argument of sh -c.
func (s *shell) script(line int, words []string, about draft) {
	for i, w := range words[1:] {
		if strings.HasPrefix(w, "-") && strings.HasSuffix(w, "c") && i+2 < len(words) && s.depth < maxNested {
			inner := shell{reader: s.reader, line: line, about: about, depth: s.depth + 1, stdin: s.stdin}
			inner.all(words[i+2])
			return
		}
	}
	s.reader.unread(Unread{Line: line, Reason: ReasonOtherCommand, Text: clip(strings.Join(words, " "))})
}

// powerShell reads the argument of pwsh -Command.
func (s *shell) powerShell(line int, words []string, about draft) {
	for i, w := range words[1:] {
		if option := strings.ToLower(w); (option == "-c" || option == "-command") && i+2 < len(words) {
			s.reader.script(strings.Join(words[i+2:], " "), line, about)
			return
		}
	}
	s.reader.unread(Unread{Line: line, Reason: ReasonOtherCommand, Text: clip(strings.Join(words, " "))})
}

// baseName is the name of a program without its directory and the end that Windows gives it.
func baseName(program string) string {
	name := path.Base(strings.ReplaceAll(program, `\`, "/"))
	if n := len(name) - len(".exe"); n > 0 && strings.EqualFold(name[n:], ".exe") {
		name = name[:n]
	}
	return name
}

// toolOf is the tool that a word calls.
func toolOf(word string) Tool {
	switch baseName(word) {
	case "curl":
		return ToolCurl
	case "wget", "wget2":
		return ToolWget
	case "http", "https", "httpie":
		return ToolHTTPie
	}
	return ToolNone
}

func isShell(name string) bool {
	switch name {
	case "sh", "bash", "dash", "zsh", "ksh", "ash":
		return true
	}
	return false
}

// isURL reports whether a word is a URL with its scheme.
func isURL(word string) bool {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(word) > len(scheme) && strings.EqualFold(word[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}
