package config

import "strings"

// NodeRole is what a node does: all, api or worker.
type NodeRole string

// maxNodeName is the longest name of a node in bytes: as long as a host name in the DNS.
const maxNodeName = 253

// IsNodeName tells whether a text can be the name of a node: ASCII letters, digits, hyphens, dots and underscores, beginning with a letter
// or a digit. A name of digits only is none, since it looks like an epoch.
func IsNodeName(text string) bool {
	if text == "" || len(text) > maxNodeName || strings.ContainsRune("-._", rune(text[0])) || isDigits(text) {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool { return !isNameRune(r) }) < 0
}

func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._", r)
}

func isDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

// NodeNameOf makes a name for a node of that of its machine, where none is configured.
func NodeNameOf(host string) string {
	name := strings.TrimLeft(strings.Map(func(r rune) rune {
		if isNameRune(r) {
			return r
		}
		return '-'
	}, host), "-._")
	if name = name[:min(len(name), maxNodeName-len("node-"))]; isDigits(name) {
		name = strings.TrimRight("node-"+name, "-")
	}
	return name
}
