package notify

import (
	"html"
	"strings"

	"punctual/internal/message"
)

// markup is how a service writes a text with simple formatting. A nil function leaves its text as it is, escaped.
type markup struct {
	escape func(s string) string
	bold   func(escaped string) string
	code   func(raw string) string        // a block of text as it is
	link   func(label, url string) string // the label is not escaped; nil for "label: url"
	line   string                         // ends a line; "" for "\n"
	size   func(s string) int             // nil for unitsIn
}

// plain is text without markup.
var plain = markup{}

func (m *markup) escaped(s string) string {
	if m.escape == nil {
		return s
	}
	return m.escape(s)
}

// lines writes an escaped text of several lines.
func (m *markup) lines(escaped string) string {
	if m.line == "" {
		return escaped
	}
	return strings.ReplaceAll(escaped, "\n", m.line)
}

func (m *markup) strong(s string) string {
	if s = m.escaped(s); m.bold != nil && s != "" {
		return m.bold(s)
	}
	return s
}

func (m *markup) linked(label, url string) string {
	if m.link == nil {
		return m.escaped(label + ": " + url)
	}
	return m.link(label, url)
}

func (m *markup) measure(s string) int {
	if m.size == nil {
		return unitsIn(s)
	}
	return m.size(s)
}

// section is a part of a text. raw is cut where there is too little room, and entries are left out.
type section struct {
	raw     string
	entries []string                // written already; of a section without raw
	write   func(raw string) string // of raw
}

// body writes what a notification says below its subject, in at most limit by the size of the markup. The links are always there;
// of the rest, what comes first goes first.
func (m *markup) body(n *message.Notification, limit int) string { return m.parts(n, limit, true) }

// parts is body, with or without the links.
func (m *markup) parts(n *message.Notification, limit int, withLinks bool) string {
	gap := m.lines("\n\n")
	links := ""
	if withLinks {
		links = m.links(n.Links, limit/2)
	}
	room := limit
	if links != "" {
		room -= m.measure(gap + links)
	}
	var out []string
	used, all := 0, true
	for _, s := range m.sections(n) {
		left := room - used
		if used > 0 {
			left -= m.measure(gap)
		}
		text, whole := m.fit(s, left)
		if text != "" {
			if used > 0 {
				used += m.measure(gap)
			}
			used += m.measure(text)
			out = append(out, text)
		}
		if all = whole; !all {
			break
		}
	}
	if links != "" {
		out = append(out, links)
	}
	// The footer comes last, and only whole.
	if footer := m.lines(m.escaped(n.Footer)); footer != "" && all && used+m.measure(gap+footer) <= room {
		out = append(out, footer)
	}
	return strings.Join(out, gap)
}

// sections are the parts of a notification in the order in which they matter.
func (m *markup) sections(n *message.Notification) (all []section) {
	text := func(raw string, write func(string) string) {
		if raw != "" {
			all = append(all, section{raw: raw, write: write})
		}
	}
	paragraph := func(s string) string { return m.lines(m.escaped(s)) }
	text(n.Summary, paragraph)
	if len(n.Facts) > 0 {
		s := section{}
		for _, f := range n.Facts {
			s.entries = append(s.entries, m.strong(shorten(f.Label, 200)+":")+" "+m.escaped(shorten(f.Value, 1000)))
		}
		all = append(all, s)
	}
	if len(n.Jobs) > 0 {
		s := section{}
		for _, j := range n.Jobs {
			title := m.strong(shorten(j.Title, 200))
			if j.URL != "" && m.link != nil {
				title = m.link(shorten(j.Title, 200), j.URL)
			}
			s.entries = append(s.entries, "• "+title+": "+m.escaped(shorten(j.Text, 500)))
		}
		all = append(all, s)
	}
	text(n.More, paragraph)
	code := paragraph
	if m.code != nil {
		code = m.code
	}
	text(n.Excerpt, code)
	text(n.Runbook, paragraph)
	return all
}

// fit writes a section in at most limit. whole is false when something had to be left out.
func (m *markup) fit(s section, limit int) (text string, whole bool) {
	const least = 40 // below which the beginning of a text says nothing
	if s.entries == nil {
		if text = s.write(s.raw); m.measure(text) <= limit {
			return text, true
		}
		if limit < least {
			return "", false
		}
		raw := cut(s.raw, limit, func(raw string) int { return m.measure(s.write(raw)) })
		if raw == "" {
			return "", false
		}
		return s.write(raw), false
	}
	line := m.lines("\n")
	for n := len(s.entries); n > 0; n-- {
		text = strings.Join(s.entries[:n], line)
		if n < len(s.entries) {
			text += line + mark
		}
		if m.measure(text) <= limit {
			return text, n == len(s.entries)
		}
	}
	return "", false
}

// links writes links, as many as fit.
func (m *markup) links(links []message.Link, limit int) string {
	sep := " · "
	if m.link == nil {
		sep = "\n"
	}
	text := ""
	for _, l := range links {
		next := m.linked(l.Label, l.URL)
		if text != "" {
			next = text + sep + next
		}
		if m.measure(next) > limit {
			break
		}
		text = next
	}
	return text
}

// escapeHTML is a text in HTML, for services that understand some elements of it.
func escapeHTML(s string) string { return html.EscapeString(s) }

// linkHTML is a link in HTML.
func linkHTML(label, url string) string {
	return `<a href="` + html.EscapeString(url) + `">` + html.EscapeString(label) + "</a>"
}

// escapeMarkdown is a text in Markdown, in which nothing is formatted, linked or mentioned.
func escapeMarkdown(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if strings.IndexByte(`\`+"`*_~|[]<>#", c) >= 0 || (c == '-' || c == '+' || c == '=') && (i == 0 || s[i-1] == '\n') {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		if c == '@' {
			b.WriteString(joint)
		}
	}
	return b.String()
}

// joint is an invisible character (ZERO WIDTH SPACE) that ends a name, a mention or a fence, where a service knows no escapes.
const joint = "\u200b"

// boldMarkdown is a text that is escaped, in bold.
func boldMarkdown(escaped string) string { return "**" + escaped + "**" }

// linkMarkdown is a link in Markdown. The URL is safe (see safeURL).
func linkMarkdown(label, url string) string { return "[" + escapeMarkdown(label) + "](" + url + ")" }

// fenced is a block of text as it is, which it cannot end, and which mentions nobody.
func fenced(raw string) string {
	return "```\n" + strings.NewReplacer("``", "`"+joint+"`", "@", "@"+joint).Replace(raw) + "\n```"
}
