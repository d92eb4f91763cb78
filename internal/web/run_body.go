package web

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"punctual/internal/cron"
)

// How many bytes of HTML the parts of a page take that come from a target, so that no answer makes a page large. The rest can be
// downloaded.
const (
	bodyBytes   = 32 << 10
	hexBytes    = 2 << 10 // of the body itself
	headerBytes = 12 << 10
	headerValue = 4000 // bytes of HTML
)

// The ways to show a body.
const (
	bodyTree = "tree"
	bodyText = "text"
	bodyHex  = "hex"
)

// bodyPart is the body of a response. It is never rendered: it stands there as text, whatever its type.
type bodyPart struct {
	Saved bool
	Size  int
	Cut   bool // not all that the target sent was stored
	Kind  string
	Ways  []tab
	Tree  *jsonNode
	Text  string
	Shown int // bytes of the body that Text shows
	Path  string
	Whole bool
}

// newBody shows a body in the way that was chosen, or in the one that fits it.
func (p view) newBody(e *cron.Execution, chosen string) bodyPart {
	r := &e.Result
	b := bodyPart{Saved: r.Headers != nil, Size: len(r.Body), Path: runPath(e) + "/body"}
	b.Cut = r.Truncated || len(r.Body) >= cron.MaxStoredBody
	if !b.Saved || b.Size == 0 {
		return b
	}
	text, isText := textOf(r.Body)
	tree := newTree(r.Body)
	ways := []string{bodyHex}
	if isText {
		ways = []string{bodyText, bodyHex}
	}
	if tree != nil {
		ways = append([]string{bodyTree}, ways...)
	}
	b.Kind = ways[0]
	for _, way := range ways {
		if way == chosen {
			b.Kind = way
		}
	}
	for _, way := range ways {
		b.Ways = append(b.Ways, tab{Path: runPath(e) + "?body=" + way + "#body", Label: p.bodyWay(way), Here: way == b.Kind})
	}
	switch b.Kind {
	case bodyTree:
		b.Tree, b.Whole = tree, !tree.cut
	case bodyText:
		b.Text = bounded(text, bodyBytes)
		b.Shown, b.Whole = len(b.Text), len(b.Text) == len(text)
		b.Text = visible(b.Text)
	default:
		b.Shown = min(b.Size, hexBytes)
		b.Text, b.Whole = dump(r.Body[:b.Shown]), b.Shown == b.Size
	}
	return b
}

// bodyWay is the name of a way to show a body.
func (p view) bodyWay(way string) string {
	switch way {
	case bodyTree:
		return p.labels.Label("run.body-tree")
	case bodyText:
		return p.labels.Label("run.body-text")
	}
	return p.labels.Label("run.body-hex")
}

// textOf is a stored body as text, unless it is none. Its last character may have been cut.
func textOf(body []byte) (text string, ok bool) {
	if len(body) >= cron.MaxStoredBody {
		for cut := 1; cut < utf8.UTFMax; cut++ {
			if last := body[len(body)-cut:]; utf8.RuneStart(last[0]) && !utf8.FullRune(last) {
				body = body[:len(body)-cut]
				break
			}
		}
	}
	return string(body), utf8.Valid(body) && bytes.IndexByte(body, 0) < 0
}

// htmlSize is how many bytes a character takes in HTML.
func htmlSize(r rune) int {
	switch {
	case r == '<' || r == '>':
		return len("&lt;")
	case r == '&' || r == '\'' || r == '"' || r == '+':
		return len("&#34;")
	case !shown(r):
		return utf8.RuneLen(utf8.RuneError)
	}
	return utf8.RuneLen(r)
}

// bounded is the beginning of a text that takes no more than a number of bytes in HTML.
func bounded(text string, most int) string {
	for i, r := range text {
		if most -= htmlSize(r); most < 0 {
			return text[:i]
		}
	}
	return text
}

// shown tells whether a character can be shown as it is: not if it controls how others are shown.
func shown(r rune) bool {
	return r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r)
}

// visible replaces what cannot be shown as it is.
func visible(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if shown(r) {
			return r
		}
		return utf8.RuneError
	}, text)
}

// dump shows bytes in hexadecimal, and beside it what is ASCII.
func dump(b []byte) string {
	const width = 16
	var out strings.Builder
	for at := 0; at < len(b); at += width {
		row := b[at:min(at+width, len(b))]
		digits := hex.EncodeToString(row)
		fmt.Fprintf(&out, "%04x ", at)
		for i := 0; i < width; i++ {
			if i == width/2 {
				out.WriteByte(' ')
			}
			if i < len(row) {
				out.WriteString(" " + digits[2*i:2*i+2])
			} else {
				out.WriteString("   ")
			}
		}
		out.WriteString("  ")
		for _, c := range row {
			if c < ' ' || c > '~' {
				c = '.'
			}
			out.WriteByte(c)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// headerPart is the header lines of a response, in their order.
type headerPart struct {
	Saved bool
	Lines []headerLine
	More  int // lines that are not shown
}

// headerLine is a line. Without a name it continues the one before, or has no colon.
type headerLine struct {
	Name, Value string
}

// newHeaders shows header lines. Names that repeat stay.
func (p view) newHeaders(raw []byte) headerPart {
	h := headerPart{Saved: raw != nil}
	left := headerBytes
	for line := range bytes.Lines(raw) {
		text := visible(strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "\uFFFD"))
		if strings.TrimSpace(text) == "" {
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || name == "" || name[0] == ' ' || name[0] == '\t' {
			name, value = "", text
		}
		shown := headerLine{p.fit(name, 200), p.fit(strings.TrimSpace(value), headerValue)}
		size := 64
		for _, r := range shown.Name + shown.Value {
			size += htmlSize(r)
		}
		if left -= size; left < 0 {
			h.More++
			continue
		}
		h.Lines = append(h.Lines, shown)
	}
	return h
}

// downloadBody sends the body of a response as a file. Nothing shows it: its type is that of any bytes.
func downloadBody(v *visit) error {
	return v.download("body", func(r *cron.Result) []byte { return r.Body })
}

// downloadHeaders sends the header lines of a response as a file.
func downloadHeaders(v *visit) error {
	return v.download("headers", func(r *cron.Result) []byte { return r.Headers })
}

func (v *visit) download(what string, part func(*cron.Result) []byte) error {
	r, err := v.recordOf()
	if err != nil {
		return err
	}
	if r.Result.Headers == nil {
		return cron.Missing(cron.SubjectExecution)
	}
	content := part(&r.Result)
	extension := ".bin"
	if _, isText := textOf(content); isText {
		extension = ".txt"
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="run-`+r.Identifier()+`-`+what+extension+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(content) // whoever is gone does not need it
	return nil
}
