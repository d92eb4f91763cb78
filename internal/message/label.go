package message

import (
	"fmt"
	"maps"
	"slices"
)

// Label returns the text of a page of the console under a key. Arguments are pairs of the name of a placeholder and its
// value. A key that the language lacks gets the text of the default language, and the key itself if that lacks it too.
func (c *Catalogue) Label(key string, arguments ...any) string {
	text, ok := c.console[key]
	if !ok {
		if text, ok = Default().console[key]; !ok {
			return key
		}
	}
	return fill(text, func(name string) string {
		for i := 0; i+1 < len(arguments); i += 2 {
			if arguments[i] == name {
				return fmt.Sprint(arguments[i+1])
			}
		}
		return ""
	})
}

// LabelKeys lists the keys of Label, sorted.
func (c *Catalogue) LabelKeys() []string { return slices.Sorted(maps.Keys(c.console)) }
