package message

import "maps"

// englishLabels are the texts of the console by their keys: the page, then the part of it. A test compares the keys with
// those that the pages use.
var englishLabels = joined(englishFrame)

// joined is one map of the entries of several.
func joined(tables ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// englishFrame is what stands around every page.
var englishFrame = map[string]string{
	"app.name":       "Punctual",
	"app.skip":       "Skip to the content",
	"error.back":     "Go to the start page",
	"form.optional":  "optional",
	"form.attention": "Correct what is marked below, then send the form again.",
}
