package web

import (
	"net/http"

	"punctual/internal/message"
)

// view is what the layout of every page needs. Page data embed it.
type view struct {
	Lang   string
	Place  string // the entry of the navigation that the page belongs to; empty for none
	Theme  string // "light" or "dark"; empty for that of the system
	Done   string // what was just done, as a sentence; empty for nothing
	labels *message.Catalogue
}

// done maps what a form did to the label that says so on the page that follows.
var done = map[string]string{}

// view returns the view of a page that belongs to an entry of the navigation.
func (v *visit) view(place string) view {
	p := view{Lang: v.catalogue.Tag, Place: place, labels: v.catalogue}
	if key, ok := done[v.r.URL.Query().Get("done")]; ok && v.r.Method == http.MethodGet {
		p.Done = v.catalogue.Label(key)
	}
	return p
}
