package markdown_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"punctual/internal/markdown"
)

func TestHTML(t *testing.T) {
	for source, want := range map[string]string{
		"# If it fails\n\n1. Look at **db-1**.\n2. Run `df -h`.": "<h1>If it fails</h1>\n<ol>\n<li>Look at <strong>db-1</strong>.</li>\n<li>Run <code>df -h</code>.</li>\n</ol>\n",
		"3. third":                          "<ol start=\"3\">\n<li>third</li>\n</ol>\n",
		"[wiki](https://w.example/a?b=c&d)": "<p><a href=\"https://w.example/a?b=c&amp;d\" rel=\"nofollow noreferrer\">wiki</a></p>\n",
		"see https://w.example/x":           "<p>see <a href=\"https://w.example/x\" rel=\"nofollow noreferrer\">https://w.example/x</a></p>\n",
		"a < b & \"c\"":                     "<p>a &lt; b &amp; &#34;c&#34;</p>\n",
		"```\n<b>\n```":                     "<pre><code>&lt;b&gt;\n</code></pre>\n",
		"|a|b|\n|-|-|\n|1|2|":               "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n",
		"~~old~~":                           "<p><del>old</del></p>\n",
		"":                                  "",
	} {
		if got := string(markdown.HTML(source)); got != want {
			t.Errorf("%q is\n%s\nwant\n%s", source, got, want)
		}
	}
}

// allowed are the elements and attributes that HTML may have.
var allowed = regexp.MustCompile(`^(p|br|hr|h[1-6]|strong|em|del|code|pre|blockquote|ul|ol|li|table|thead|tbody|tr|th|td|a)$`)

// check fails for anything that could act on a reader.
func check(t *testing.T, source string) {
	t.Helper()
	tokens := html.NewTokenizer(strings.NewReader(string(markdown.HTML(source))))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return
		}
		token := tokens.Token()
		if kind == html.TextToken || kind == html.EndTagToken {
			continue
		}
		if kind == html.CommentToken || kind == html.DoctypeToken || !allowed.MatchString(token.Data) {
			t.Errorf("%q makes %s", source, token)
		}
		for _, a := range token.Attr {
			switch {
			case token.Data == "a" && a.Key == "rel", token.Data == "ol" && a.Key == "start":
			case token.Data == "a" && a.Key == "href" && regexp.MustCompile(`(?i)^(https?:|mailto:|tel:)`).MatchString(a.Val):
			default:
				t.Errorf("%q makes the attribute %s=%q", source, a.Key, a.Val)
			}
		}
	}
}

var hostile = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](https://tracker.example/pixel.gif)", "[x](javascript:alert(1))",
	"[x](JaVaScRiPt:alert(1))", "[x](data:text/html,<script>1</script>)", "[x](vbscript:x)", "<javascript:alert(1)>", "[x]( java\nscript:alert(1))",
	"[x](https://a.example \"onmouseover=alert(1)\")", "<style>*{display:none}</style>", "<!-- x -->", "<iframe src=//x>", "[x](/console/delete)",
	"[x](//evil.example)", "[x](&#106;avascript:alert(1))", "`<b>`", "<a href='x' onclick='y'>", "# x {#id onclick=y}", "\x00\xff<b>\u202e",
}

func TestHostileMarkdown(t *testing.T) {
	for _, source := range hostile {
		check(t, source)
	}
}

// TestNestingIsBounded renders what makes parsers recurse or search for long. What takes time by the square is not parsed.
func TestNestingIsBounded(t *testing.T) {
	for _, unit := range []string{">", "[", "![", "- ", "*a ", "**a _b ", "`", "<", "[a](", "|a", "~~a ", "(", "\\", "&", "a_", "https://"} {
		source := strings.Repeat(unit, 16<<10/len(unit))
		check(t, source)
		if got := markdown.HTML(source); len(got) > 100*len(source) {
			t.Errorf("%q repeated grows from %d to %d bytes", unit, len(source), len(got))
		}
	}
	for _, unit := range []string{">", "> ", "[", "[a]("} {
		source := strings.Repeat(unit, 16<<10/len(unit))
		if got := string(markdown.HTML(source)); got != "<pre>"+html.EscapeString(source)+"</pre>" {
			t.Errorf("%q repeated is parsed: %.100s", unit, got)
		}
	}
	if got := markdown.HTML(strings.Repeat("x", 1<<20)); len(got) > 2*markdown.MaxSource {
		t.Errorf("a long text becomes %d bytes", len(got))
	}
}

func FuzzHTML(f *testing.F) {
	for _, source := range hostile {
		f.Add(source)
	}
	f.Fuzz(check)
}
