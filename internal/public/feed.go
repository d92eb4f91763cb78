package public

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"punctual/internal/markdown"
)

// feedEntry is an incident as feeds show it.
type feedEntry struct {
	url, title       string
	html             string // the updates, the newest first, as far as the page has their texts
	started, updated time.Time
}

// feedEntries are the incidents of the page: those that go on, and those of the last two weeks.
func (v *visit) feedEntries(home string) []feedEntry {
	f := v.frame()
	view := &v.shown.view
	var entries []feedEntry
	for i := range view.Incidents {
		n := &view.Incidents[i]
		e := feedEntry{url: incidentPath(home, n.ID), title: n.Title + " – " + f.Phase(n.Phase), started: n.Started, updated: n.Started}
		var text strings.Builder
		for j := range n.Updates {
			u := &n.Updates[j]
			if u.At.After(e.updated) {
				e.updated = u.At
			}
			if u.Text == "" {
				continue
			}
			fmt.Fprintf(&text, "<p><strong>%s</strong> %s</p>\n%s\n", escapeXML(f.Phase(u.Phase)), f.Time(u.At), markdown.HTML(u.Text))
		}
		e.html = text.String()
		entries = append(entries, e)
	}
	return entries
}

// updated is when the newest of the entries changed; when the page was created if there is none.
func updated(entries []feedEntry, created time.Time) time.Time {
	if len(entries) == 0 {
		return created
	}
	return slices.MaxFunc(entries, func(a, b feedEntry) int { return a.updated.Compare(b.updated) }).updated
}

// feed answers with a rendering of a feed.
func (v *visit) feed(name, mediaType string, write func(home string) ([]byte, error)) error {
	return v.entered(func() error {
		home := v.baseURL() + v.home()
		r, err := v.shown.render(v.ctx(), name+" "+v.catalogue.Tag+" "+home, func() (string, []byte, error) {
			body, err := write(home)
			return mediaType, body, err
		})
		if err != nil {
			return err
		}
		return v.send(r)
	})
}

// showAtom answers with the incidents as Atom (RFC 4287).
func showAtom(v *visit) error {
	return v.feed("atom", "application/atom+xml; charset=utf-8", func(home string) ([]byte, error) {
		entries := v.feedEntries(home)
		var b bytes.Buffer
		p := &v.shown.view.Page
		fmt.Fprintf(&b, "%s<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<id>%s</id>\n<title>%s</title>\n<updated>%s</updated>\n"+
			"<author><name>%s</name></author>\n<link href=\"%s\"/>\n<link rel=\"self\" href=\"%s/feed.atom\"/>\n", xml.Header, escapeXML(home),
			escapeXML(p.Title), updated(entries, p.Created).UTC().Format(time.RFC3339), escapeXML(p.Title), escapeXML(home), escapeXML(home))
		for i := range entries {
			e := &entries[i]
			fmt.Fprintf(&b, "<entry>\n<id>%s</id>\n<title>%s</title>\n<link href=\"%s\"/>\n<published>%s</published>\n<updated>%s</updated>\n"+
				"<content type=\"html\">%s</content>\n</entry>\n", escapeXML(e.url), escapeXML(e.title), escapeXML(e.url),
				e.started.UTC().Format(time.RFC3339), e.updated.UTC().Format(time.RFC3339), escapeXML(e.html))
		}
		b.WriteString("</feed>\n")
		return b.Bytes(), nil
	})
}

// showRSS answers with the incidents as RSS 2.0.
func showRSS(v *visit) error {
	return v.feed("rss", "application/rss+xml; charset=utf-8", func(home string) ([]byte, error) {
		entries := v.feedEntries(home)
		var b bytes.Buffer
		p := &v.shown.view.Page
		fmt.Fprintf(&b, "%s<rss version=\"2.0\">\n<channel>\n<title>%s</title>\n<link>%s</link>\n<description>%s</description>\n", xml.Header,
			escapeXML(p.Title), escapeXML(home), escapeXML(p.Title))
		for i := range entries {
			e := &entries[i]
			fmt.Fprintf(&b, "<item>\n<guid>%s</guid>\n<title>%s</title>\n<link>%s</link>\n<pubDate>%s</pubDate>\n<description>%s</description>\n</item>\n",
				escapeXML(e.url), escapeXML(e.title), escapeXML(e.url), e.started.UTC().Format(time.RFC1123Z), escapeXML(e.html))
		}
		b.WriteString("</channel>\n</rss>\n")
		return b.Bytes(), nil
	})
}

// feedDocument is a feed as JSON Feed 1.1 has it.
type feedDocument struct {
	Version string     `json:"version"`
	Title   string     `json:"title"`
	HomeURL string     `json:"home_page_url"`
	FeedURL string     `json:"feed_url"`
	Items   []feedItem `json:"items"`
}

type feedItem struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Title     string `json:"title"`
	HTML      string `json:"content_html"`
	Published string `json:"date_published"`
	Modified  string `json:"date_modified"`
}

// showFeedJSON answers with the incidents as a JSON feed.
func showFeedJSON(v *visit) error {
	return v.feed("feed", "application/feed+json; charset=utf-8", func(home string) ([]byte, error) {
		entries := v.feedEntries(home)
		d := feedDocument{"https://jsonfeed.org/version/1.1", v.shown.view.Page.Title, home, home + "/feed.json", []feedItem{}}
		for i := range entries {
			e := &entries[i]
			d.Items = append(d.Items, feedItem{e.url, e.url, e.title, e.html, e.started.UTC().Format(time.RFC3339), e.updated.UTC().Format(time.RFC3339)})
		}
		return json.Marshal(d)
	})
}

// showCalendar answers with the maintenances as iCalendar (RFC 5545).
func showCalendar(v *visit) error {
	return v.feed("calendar", "text/calendar; charset=utf-8", func(home string) ([]byte, error) {
		view := &v.shown.view
		var b bytes.Buffer
		line := func(name, value string) { foldLine(&b, name+":"+value) }
		line("BEGIN", "VCALENDAR")
		line("VERSION", "2.0")
		line("PRODID", "-//Punctual//Status page//EN")
		line("X-WR-CALNAME", calendarText(view.Page.Title))
		const layout = "20060102T150405Z"
		for i := range view.Maintenances {
			s := &view.Maintenances[i]
			line("BEGIN", "VEVENT")
			line("UID", fmt.Sprintf("maintenance-%d-%d@%s", s.PlanID, s.Start.Unix(), strings.TrimPrefix(strings.TrimPrefix(home, "https://"), "http://")))
			line("DTSTAMP", view.At.UTC().Format(layout))
			line("DTSTART", s.Start.UTC().Format(layout))
			line("DTEND", s.End.UTC().Format(layout))
			line("SUMMARY", calendarText(s.Title))
			if names := namesOf(view.Page.Components, s.Of); s.Text != "" || names != "" {
				line("DESCRIPTION", calendarText(strings.TrimSpace(names+"\n"+s.Text)))
			}
			line("URL", home)
			line("END", "VEVENT")
		}
		line("END", "VCALENDAR")
		return b.Bytes(), nil
	})
}

// calendarText escapes a value (RFC 5545, section 3.3.11). Control characters that it cannot hold become spaces.
func calendarText(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(text)
}

// foldLine writes a line in parts of at most 75 bytes (section 3.1), without a break inside a character.
func foldLine(b *bytes.Buffer, line string) {
	const most = 75
	for room := most; len(line) > room; room = most - 1 {
		cut := room
		for cut > 0 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		b.WriteString(line[:cut] + "\r\n ")
		line = line[cut:]
	}
	b.WriteString(line + "\r\n")
}

// escapeXML makes a text safe in text and attributes of XML; what XML cannot hold becomes U+FFFD.
func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
