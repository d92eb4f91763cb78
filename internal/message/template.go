package message

import "strings"

// fill puts arguments into a sentence, in one pass, so that an argument cannot be taken for a placeholder. {name} stands
// for an argument; [text] is left out, and [text|other] becomes the other text, when an argument in it is empty. A full
// stop at the end of an argument gives way to one that follows it.
func fill(sentence string, argument func(name string) string) string {
	if !strings.ContainsAny(sentence, "{[") {
		return sentence
	}
	var b strings.Builder
	for {
		at := strings.IndexAny(sentence, "{[")
		if at < 0 {
			b.WriteString(sentence)
			return b.String()
		}
		b.WriteString(sentence[:at])
		if sentence[at] == '{' {
			name, rest, _ := strings.Cut(sentence[at+1:], "}")
			value := argument(name)
			if strings.HasPrefix(rest, ".") {
				value = strings.TrimSuffix(value, ".")
			}
			b.WriteString(value)
			sentence = rest
			continue
		}
		optional, rest, _ := strings.Cut(sentence[at+1:], "]")
		text, other, _ := strings.Cut(optional, "|")
		missing := false
		text = fill(text, func(name string) string {
			value := argument(name)
			missing = missing || value == ""
			return value
		})
		if missing {
			text = fill(other, argument)
		}
		b.WriteString(text)
		sentence = rest
	}
}

// placeholders are the names of the arguments that a sentence takes.
func placeholders(sentence string) (names []string) {
	note := func(name string) string {
		names = append(names, name)
		return ""
	}
	_ = fill(sentence, note) // the other text of what is optional, too, since every argument is empty
	return names
}
