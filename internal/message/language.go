package message

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Languages returns all catalogues, the default first.
func Languages() []*Catalogue { return []*Catalogue{&english} }

// Default returns the default catalogue, which is also that of the command line.
func Default() *Catalogue { return Languages()[0] }

// Accepted returns the offered catalogue that the headers Accept-Language of a request ask for; see Choose.
func Accepted(header http.Header, offered []*Catalogue) *Catalogue {
	return Choose(strings.Join(header.Values("Accept-Language"), ","), offered)
}

// maxRanges limits how many language ranges of a header are read.
const maxRanges = 50

// Choose returns the offered catalogue that matches the value of an Accept-Language header best (RFC 9110, section 12.5.4):
// the one with the greatest weight, where en-GB also matches en (RFC 4647, section 3.4). It returns the first catalogue if
// none matches.
func Choose(accepted string, offered []*Catalogue) *Catalogue {
	type choice struct {
		language string
		weight   float64
	}
	var choices []choice
	refused := map[string]bool{}
	for item := range strings.SplitSeq(accepted, ",") {
		language, parameter, weighted := strings.Cut(item, ";")
		c := choice{strings.ToLower(strings.TrimSpace(language)), 1}
		if weighted {
			name, value, _ := strings.Cut(parameter, "=")
			weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if !strings.EqualFold(strings.TrimSpace(name), "q") || err != nil || !(0 <= weight && weight <= 1) {
				continue
			}
			c.weight = weight
		}
		if c.weight == 0 {
			refused[c.language] = true
		}
		if choices = append(choices, c); len(choices) == maxRanges {
			break
		}
	}
	slices.SortStableFunc(choices, func(a, b choice) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	for _, c := range choices {
		if c.weight == 0 {
			break
		}
		for language := c.language; language != ""; {
			for _, o := range offered {
				if !refused[o.Tag] && (o.Tag == language || language == "*") {
					return o
				}
			}
			language = language[:max(0, strings.LastIndexByte(language, '-'))]
		}
	}
	return offered[0]
}
