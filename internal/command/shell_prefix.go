package command

import "strings"

// prefix is a program that runs another one.
type prefix struct {
	values    string // its short options that take a value
	arguments int    // that it has in front of the other program
	does      func(d *draft, arguments []string)
}

var shellPrefixes = map[string]prefix{
	"flock":       {values: "wWE", arguments: 1, does: func(d *draft, _ []string) { d.overlap = true }},
	"setlock":     {arguments: 1, does: func(d *draft, _ []string) { d.overlap = true }},
	"run-one":     {does: func(d *draft, _ []string) { d.overlap = true }},
	"timeout":     {values: "ks", arguments: 1, does: func(d *draft, arguments []string) { d.setTimeout("timeout", arguments[0]) }},
	"nice":        {values: "n"},
	"ionice":      {values: "cnpPu"},
	"chrt":        {values: "TPD", arguments: 1},
	"sudo":        {values: "ugCpThDRrt"},
	"doas":        {values: "uC"},
	"nohup":       {},
	"setsid":      {},
	"time":        {values: "fo"},
	"exec":        {values: "a"},
	"command":     {},
	"builtin":     {},
	"eval":        {},
	"chronic":     {},
	"cronic":      {},
	"stdbuf":      {values: "ioe"},
	"env":         {values: "uCS"},
	"busybox":     {},
	"proxychains": {values: "f", does: func(d *draft, _ []string) { d.note(ReasonProxy, "proxychains") }},
	"torsocks":    {values: "apPu", does: func(d *draft, _ []string) { d.note(ReasonProxy, "torsocks") }},
}

// prefixes takes programs that run the program behind them off the words.
func (s *shell) prefixes(words []string, d *draft) []string {
	for len(words) > 0 {
		name := baseName(words[0])
		p, ok := shellPrefixes[name]
		if !ok {
			return words
		}
		rest := p.skipOptions(words[1:])
		if name == "env" {
			for len(rest) > 0 && isAssignment(rest[0]) {
				rest = rest[1:]
			}
		}
		if len(rest) < p.arguments {
			return nil
		}
		if p.does != nil {
			p.does(d, rest[:p.arguments])
		}
		rest = rest[p.arguments:]
		if name == "flock" && len(rest) >= 2 && (rest[0] == "-c" || rest[0] == "--command") {
			rest = append([]string{"sh"}, rest...)
		}
		words = rest
	}
	return words
}

// skipOptions are the arguments of a prefix behind its options.
func (p prefix) skipOptions(rest []string) []string {
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		option := rest[0]
		rest = rest[1:]
		if option == "--" {
			break
		}
		if len(option) == 2 && strings.ContainsRune(p.values, rune(option[1])) && len(rest) > 0 {
			rest = rest[1:]
		}
	}
	return rest
}

// isAssignment reports whether a word is NAME=value.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && isName(name)
}

// isName reports whether a text can be the name of a variable.
func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !(c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || i > 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	return text != ""
}
