package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// pageRows is how many rows of a list a page shows.
const pageRows = 50

// pages are the addresses of other pages of a list, as the template "pages" shows them.
type pages struct {
	FirstPage string // empty on the first page
	NextPage  string // empty at the end
}

// listing is what the address of a list holds, and where its other pages are. Rows stand in the order of their IDs.
type listing struct {
	Search string
	pages
	Long bool // the whole list is longer than a page, so that a search is worth while
}

// paged returns the rows of a list that the address asks for: those with the text of the search in one of their texts,
// after the row that the former page ended with.
func paged[T any](v *visit, list []T, id func(T) int64, texts func(T) []string) ([]T, listing) {
	q := v.r.URL.Query()
	l := listing{Search: q.Get("q"), Long: len(list) > pageRows}
	after, wanted := parseID(q.Get("after")), strings.ToLower(strings.TrimSpace(l.Search))
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	var rows []T
	for _, row := range list {
		if id(row) <= after || wanted != "" && !strings.Contains(strings.ToLower(strings.Join(texts(row), "\n")), wanted) {
			continue
		}
		if len(rows) == pageRows {
			l.NextPage = l.address(v.r.URL.Path, id(rows[pageRows-1]))
			break
		}
		rows = append(rows, row)
	}
	if after != 0 {
		l.FirstPage = l.address(v.r.URL.Path, 0)
	}
	return rows, l
}

func (l *listing) address(path string, after int64) string {
	q := url.Values{}
	if l.Search != "" {
		q.Set("q", l.Search)
	}
	if after != 0 {
		q.Set("after", strconv.FormatInt(after, 10))
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
