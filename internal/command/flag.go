package command

import (
	"maps"
	"slices"
	"strings"
)

// flag is an option of a program; do may be nil for one that does not matter. name is the option as written.
type flag[T any] struct {
	value bool // it takes one
	do    func(t T, name, value string)
}

// grammar is how the options of a program are written.
type grammar[T any] struct {
	long        map[string]flag[T] // by name without dashes
	short       map[byte]string    // to the name of the long option
	abbreviated bool               // unambiguous starts of long options count
	negated     bool               // every option without a value has one with "no-" that takes it back
}

// scanned receives what scan finds.
type scanned interface {
	positional(text string)
	unknownOption(name string)
	lacksValue(name string)
}

// scan goes over the arguments of a program.
func (g *grammar[T]) scan(t T, to scanned, args []string) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			for _, rest := range args {
				to.positional(rest)
			}
			return
		case strings.HasPrefix(arg, "--"):
			args = g.scanLong(t, to, arg, args)
		case len(arg) > 1 && arg[0] == '-':
			args = g.scanShort(t, to, arg, args)
		default:
			to.positional(arg)
		}
	}
}

// scanLong reads a long option and returns the arguments behind it and its value.
func (g *grammar[T]) scanLong(t T, to scanned, arg string, args []string) []string {
	name, value, joined := strings.Cut(arg[2:], "=")
	f, ok := g.find(name)
	switch {
	case !ok:
		if _, known := g.find(strings.TrimPrefix(name, "no-")); !known || !g.negated {
			to.unknownOption("--" + name)
		}
		return args
	case f.value && !joined:
		if len(args) == 0 {
			to.lacksValue("--" + name)
			return args
		}
		value, args = args[0], args[1:]
	}
	if f.do != nil {
		f.do(t, "--"+name, value)
	}
	return args
}

// find finds a long option by its name or, where that is possible, an unambiguous start of it.
func (g *grammar[T]) find(name string) (flag[T], bool) {
	f, ok := g.long[name]
	if ok || !g.abbreviated || name == "" {
		return f, ok
	}
	var found []string
	for full := range maps.Keys(g.long) {
		if strings.HasPrefix(full, name) {
			found = append(found, full)
		}
	}
	if len(found) != 1 {
		return f, false
	}
	return g.long[found[0]], true
}

// scanShort reads an argument of short options, the last of which may have its value in it or behind it.
func (g *grammar[T]) scanShort(t T, to scanned, arg string, args []string) []string {
	for i := 1; i < len(arg); i++ {
		name := "-" + arg[i:i+1]
		long, ok := g.short[arg[i]]
		if !ok {
			to.unknownOption(clip(name))
			return args
		}
		f, value := g.long[long], ""
		if f.value {
			switch value = arg[i+1:]; {
			case value != "":
			case len(args) == 0:
				to.lacksValue(name)
				return args
			default:
				value, args = args[0], args[1:]
			}
		}
		if f.do != nil {
			f.do(t, name, value)
		}
		if f.value {
			return args
		}
	}
	return args
}

// flags adds options that are all alike.
func flags[T any](to map[string]flag[T], f flag[T], names string) {
	for _, name := range strings.Fields(names) {
		to[name] = f
	}
}

// isNowhere reports whether a file is one that keeps nothing, or standard output.
func isNowhere(file string) bool {
	return slices.ContainsFunc([]string{"-", "/dev/null", "/dev/stdout", "/dev/stderr", "nul", "$null"}, func(n string) bool { return strings.EqualFold(n, file) })
}
