package web

// tab is one of several pages about the same thing.
type tab struct {
	Path, Label string
	Count       string // beside the label; empty for none
	Here        bool   // it is the page that is shown
}

// chip is a link that narrows a list, or widens it again.
type chip struct {
	Path, Label string
	Count       string // how many entries the list has then; empty when nobody knows
	Set         bool
}

// emptyList stands in place of a list without entries.
type emptyList struct {
	Text        string
	Path, Label string // of the button that makes the first entry; no Path for none
}
