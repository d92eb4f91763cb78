package command

import (
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"punctual/internal/cron"
)

// words are the words of a command after the expansions that are known.
func (s *shell) words(list []*syntax.Word, d *draft) []string {
	words := make([]string, 0, len(list))
	for _, w := range list {
		words = append(words, s.word(w, d))
	}
	return words
}

// word is a word without its quotes. What is not known stays as it is written, and becomes a note of d.
func (s *shell) word(w *syntax.Word, d *draft) string { return s.parts(w.Parts, false, d) }

func (s *shell) parts(parts []syntax.WordPart, quoted bool, d *draft) string {
	var b strings.Builder
	for _, p := range parts {
		if b.Len() > MaxText {
			break // variables that hold each other grow without end
		}
		b.WriteString(s.part(p, quoted, d))
	}
	text := b.String()
	return text[:min(len(text), MaxText)]
}

func (s *shell) part(p syntax.WordPart, quoted bool, d *draft) string {
	switch p := p.(type) {
	case *syntax.Lit:
		return unescape(p.Value, quoted)
	case *syntax.SglQuoted:
		if !p.Dollar {
			return p.Value
		}
		text, err := expand.Literal(nil, &syntax.Word{Parts: []syntax.WordPart{p}})
		if err != nil {
			return p.Value
		}
		return text
	case *syntax.DblQuoted:
		return s.parts(p.Parts, true, d)
	case *syntax.ParamExp:
		return s.parameter(p, quoted, d)
	case *syntax.CmdSubst:
		return s.substitution(p, d)
	}
	return unknown(p, ReasonExpansion, d)
}

// unescape takes off the backslashes of a text outside single quotes. In double quotes, they escape few characters.
func unescape(text string, quoted bool) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch c := text[i]; {
		case c == '\n':
		case quoted && !strings.ContainsRune("$`\"\\", rune(c)):
			b.WriteString(text[i-1 : i+1])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// parameter is the value of $NAME.
func (s *shell) parameter(p *syntax.ParamExp, quoted bool, d *draft) string {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil {
		return unknown(p, ReasonExpansion, d)
	}
	name := p.Param.Value
	value, known := s.reader.variable(name)
	if p.Exp != nil {
		switch p.Exp.Op {
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
			if !known && p.Exp.Word != nil {
				return s.parts(p.Exp.Word.Parts, quoted, d)
			}
		default:
			return unknown(p, ReasonExpansion, d)
		}
	}
	if !known {
		d.note(ReasonVariable, name)
		return source(p)
	}
	return value
}

// unknown notes a part of a word that is not known, which stays as it is written.
func unknown(p syntax.WordPart, r Reason, d *draft) string {
	text := source(p)
	d.note(r, text)
	return text
}

// substitution is the output of a command, as far as there is a placeholder for it.
func (s *shell) substitution(p *syntax.CmdSubst, d *draft) string {
	s.inside++
	defer func() { s.inside-- }()
	if len(p.Stmts) == 1 && s.inside == 1 {
		if call, ok := p.Stmts[0].Cmd.(*syntax.CallExpr); ok && len(p.Stmts[0].Redirs) == 0 {
			switch strings.Join(s.words(call.Args, &draft{}), " ") {
			case "date +%s":
				return cron.PlaceholderUnixTime
			case "uuidgen", "cat /proc/sys/kernel/random/uuid":
				return cron.PlaceholderUUID
			}
		}
	}
	return unknown(p, ReasonSubstitution, d)
}

// assign reads an assignment.
func (s *shell) assign(a *syntax.Assign) {
	if a.Name == nil || a.Index != nil || a.Array != nil {
		return
	}
	value, d := "", draft{}
	if a.Value != nil {
		value = s.word(a.Value, &d)
	}
	if len(d.notes) > 0 || a.Append {
		s.reader.forgetVariable(a.Name.Value)
		return
	}
	s.reader.setVariable(a.Name.Value, value)
}

// source is a node as it is written.
func source(n syntax.Node) string {
	var b strings.Builder
	if err := syntax.NewPrinter(syntax.SingleLine(true)).Print(&b, n); err != nil {
		return ""
	}
	return b.String()
}
