package message

import "strings"

// fill replaces the placeholders of a sentence in one pass, so that placeholders in an argument are not expanded. {name} is
// an argument. [text] is omitted, and [text|other] is replaced by other, if an argument in text is empty. A full stop at
// the end of an argument is dropped if another one follows.
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

// placeholders returns the names of the arguments in a sentence.
func placeholders(sentence string) (names []string) {
	note := func(name string) string {
		names = append(names, name)
		return ""
	}
	_ = fill(sentence, note) // every argument is empty, so this includes alternatives
	return names
}
