// Package markdown turns Markdown that people wrote, such as the runbook of a job, into HTML that is safe on a page and in a
// mail: CommonMark with tables, strikethrough and bare links, without raw HTML, images and identifiers of headings.
package markdown

import (
	"bytes"
	"html/template"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// MaxSource is how much of a text is rendered, in bytes.
const MaxSource = 16 << 10

// maxMarks limits how many quotations and how many links a text may begin: the time that it takes to read them grows with the
// square of their number.
const maxMarks = 1000

// converter leaves raw HTML out and drops links with schemes such as javascript:.
var converter = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify))

// policy is the second barrier: what is allowed to be in the HTML, whatever made it.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("https", "http", "mailto", "tel")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	return p
}()

// HTML renders Markdown. Images become their descriptions, and what is behind MaxSource is left out. A text with very many
// quotations or links is shown as it is.
func HTML(source string) template.HTML {
	if len(source) > MaxSource {
		source = source[:MaxSource]
	}
	var b bytes.Buffer
	if strings.Count(source, ">") > maxMarks || strings.Count(source, "[") > maxMarks {
		return plain(source)
	}
	if err := converter.Convert([]byte(source), &b); err != nil {
		return plain(source)
	}
	return template.HTML(policy.SanitizeBytes(b.Bytes()))
}

func plain(source string) template.HTML {
	return template.HTML("<pre>" + template.HTMLEscapeString(source) + "</pre>")
}
