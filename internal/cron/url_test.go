package cron_test

import (
	"strings"
	"testing"

	"punctual/internal/cron"
)

// TestNormalURL has a row for each way in which people write and paste URLs: what it becomes, or the rule that it breaks.
func TestNormalURL(t *testing.T) {
	for in, want := range map[string]any{
		// As they should be.
		"http://x.test":           "http://x.test",
		"https://x.test/a?b#c":    "https://x.test/a?b#c",
		"HTTPS://X.test/":         "HTTPS://X.test/",
		"http://u:p@x.test:81/":   "http://u:p@x.test:81/",
		"http://@x.test/":         "http://@x.test/",
		"http://:@x.test/":        "http://:@x.test/",
		"http://[2001:db8::1]/":   "http://[2001:db8::1]/",
		"http://[::1]:8080/":      "http://[::1]:8080/",
		"http://bücher.test/ä":    "http://bücher.test/ä",
		"http://x.test./":         "http://x.test./",
		"http://x.test:/":         "http://x.test:/",
		"http://x.test:1/":        "http://x.test:1/",
		"http://x.test:65535/":    "http://x.test:65535/",
		"http://x.test//a//b":     "http://x.test//a//b",
		"http://x.test/http://y/": "http://x.test/http://y/",
		"http://http/":            "http://http/",
		"http://https:8443/":      "http://https:8443/",
		"http://http.test//x":     "http://http.test//x",
		"http://x.test/%zz y":     cron.RuleURLSyntax,
		"http://x.test/a b":       "http://x.test/a b",

		// Without a scheme.
		"x.test":                        "http://x.test",
		"x.test/?to=https://y.test":     "http://x.test/?to=https://y.test",
		"example.org:8080/path":         "http://example.org:8080/path",
		"localhost:3000":                "http://localhost:3000",
		"localhost:3000?x":              "http://localhost:3000?x",
		"data:8080/":                    "http://data:8080/",
		"http:8080/path":                "http://http:8080/path",
		"http/path":                     "http://http/path",
		"https":                         "http://https",
		"http.test//x":                  "http://http.test//x",
		"https-x.test//x":               "http://https-x.test//x",
		"httpx//x":                      "http://httpx//x",
		"x.test:/a":                     "http://x.test:/a",
		"[::1]:8080/x":                  "http://[::1]:8080/x",
		"192.0.2.1:81":                  "http://192.0.2.1:81",
		"a_b:80/":                       "http://a_b:80/",
		"bücher.test:80/":               "http://bücher.test:80/",
		"user:secret@x.test/":           "http://user:secret@x.test/",
		"user@x.test:81/":               "http://user@x.test:81/",
		"//x.test/a":                    "http://x.test/a",
		"x.test/%cjo:uuid4%":            "http://x.test/%cjo:uuid4%",
		"x.test/a:b":                    "http://x.test/a:b",
		"x.test?a:b":                    "http://x.test?a:b",
		"http://x.test/%cjo:unixtime%/": "http://x.test/%cjo:unixtime%/",

		// Mended.
		" \t http://x.test/\r\n":      "http://x.test/",
		"\u00a0https://x.test/\u2003": "https://x.test/",
		"\ufeffx.test\u200b":          "http://x.test",
		"http:/host/x":                "http://host/x",
		"https:/x.test:8443/":         "https://x.test:8443/",
		"HTTP:/x.test":                "HTTP://x.test",
		"http:/u:p@x.test/":           "http://u:p@x.test/",

		// What cannot be meant.
		"https//x.test/":        cron.RuleURLStart,
		"http//x.test/":         cron.RuleURLStart,
		"HTTP//x.test/":         cron.RuleURLStart,
		"http;//x.test/":        cron.RuleURLStart,
		"https;/x.test/":        cron.RuleURLStart,
		"http.//x.test/":        cron.RuleURLStart,
		"http,//x.test":         cron.RuleURLStart,
		"http: //x.test":        cron.RuleURLStart,
		"http ://x.test":        cron.RuleURLStart,
		"http:://x.test":        cron.RuleURLStart,
		"http:x.test":           cron.RuleURLStart,
		"https:x.test/y":        cron.RuleURLStart,
		"http:":                 cron.RuleURLStart,
		`http:\\x.test\y`:       cron.RuleURLStart,
		`http\\x.test`:          cron.RuleURLStart,
		"http:user@x.test":      cron.RuleURLStart,
		"http://http://x.test/": cron.RuleURLStart,
		"https://http:/x.test/": cron.RuleURLStart,
		"http://https//x.test/": cron.RuleURLStart,
		"http://http:":          cron.RuleURLStart,
		"mailto:a@b.test":       cron.RuleURLScheme,
		"MAILTO:a@b.test":       cron.RuleURLScheme,
		"sip:a@b.test":          cron.RuleURLScheme,
		"tel:+49123":            cron.RuleURLScheme,
		"javascript:alert(1)":   cron.RuleURLScheme,
		"data:text/html,x":      cron.RuleURLScheme,
		"file:/etc/passwd":      cron.RuleURLScheme,
		"file:///etc/passwd":    cron.RuleURLScheme,
		`C:\path`:               cron.RuleURLScheme,
		"about:blank":           cron.RuleURLScheme,
		"foo:bar":               cron.RuleURLScheme,
		"ftp://x.test/":         cron.RuleURLScheme,
		"htp://x.test/":         cron.RuleURLScheme,
		"ttp:/x.test/":          cron.RuleURLScheme,
		"x.test:port/":          cron.RuleURLSyntax,
		"http://x.test:port/":   cron.RuleURLSyntax,
		"http://x.test:0/":      cron.RuleURLSyntax,
		"http://x.test:65536/":  cron.RuleURLSyntax,
		"x.test:65536":          cron.RuleURLSyntax,
		"http://x.test/\na":     cron.RuleURLSyntax,
		"http://x.test/a\tb":    cron.RuleURLSyntax,
		"http://x.te\nst/":      cron.RuleURLSyntax,
		"http:// x.test/":       cron.RuleURLSyntax,
		"http://x .test/":       cron.RuleURLSyntax,
		`http://x.test\y`:       cron.RuleURLSyntax,
		`\\x.test\y`:            cron.RuleURLSyntax,
		"http://[::1/":          cron.RuleURLSyntax,
		"http://::1/":           cron.RuleURLSyntax,
		"::1":                   cron.RuleURLSyntax,
		"http://":               cron.RuleURLHost,
		"http:///x":             cron.RuleURLHost,
		"///x":                  cron.RuleURLHost,
		"/x":                    cron.RuleURLHost,
		"?x":                    cron.RuleURLHost,
		"#":                     cron.RuleURLHost,
		"http:/":                cron.RuleURLHost,
		"http://u:p@/":          cron.RuleURLHost,
		"://x.test/":            cron.RuleURLHost,
		"http://u:p@:80/":       cron.RuleURLHost,
		"https:/":               cron.RuleURLHost,
		"http://\u200b":         cron.RuleURLHost,
	} {
		got, problem := cron.NormalURL(in)
		if problem.Rule == cron.RuleNone {
			_, problem = cron.ParseURL(strings.NewReplacer("%cjo:uuid4%", "0", "%cjo:unixtime%", "0").Replace(got))
		}
		if rule, refused := want.(cron.Rule); refused {
			if problem.Rule != rule {
				t.Errorf("%q: %q breaks rule %d, want %d", in, got, problem.Rule, rule)
			}
			continue
		}
		if problem.Rule != cron.RuleNone || got != want {
			t.Errorf("%q becomes %q and breaks rule %d, want %q", in, got, problem.Rule, want)
		}
		if again, problem := cron.NormalURL(got); again != got || problem.Rule != cron.RuleNone {
			t.Errorf("%q, sent again, becomes %q", got, again)
		}
	}
}

// TestUserOfURL has rows of URLs, valid or not, with what is shown of them and what is stored plainly.
func TestUserOfURL(t *testing.T) {
	for in, want := range map[string]struct{ masked, plain string }{
		"http://u:p@x.test/a@b:c":      {"http://u:xxxxx@x.test/a@b:c", "http://x.test/a@b:c"},
		"HTTPS://u:p@p@x.test?a@b":     {"HTTPS://u:xxxxx@x.test?a@b", "HTTPS://x.test?a@b"},
		"http://u:@x.test/":            {"http://u:xxxxx@x.test/", "http://x.test/"},
		"http://:p@x.test#a@b":         {"http://:xxxxx@x.test#a@b", "http://x.test#a@b"},
		"http://token@x.test/":         {"http://xxxxx@x.test/", "http://x.test/"},
		"http://a@b@x.test/":           {"http://xxxxx@x.test/", "http://x.test/"},
		"token@x.test":                 {"xxxxx@x.test", "x.test"},
		"\u00a0http://u:p@x.test/":     {"\u00a0http://u:xxxxx@x.test/", "\u00a0http://x.test/"},
		"1://u:p@x.test/":              {"1://u:xxxxx@x.test/", "1://x.test/"},
		"http://@x.test/":              {"http://@x.test/", "http://x.test/"},
		"http://x.test/u:p@y":          {"http://x.test/u:p@y", "http://x.test/u:p@y"},
		"http://u:%cjo:uuid4%@x.test/": {"http://u:xxxxx@x.test/", "http://x.test/"},
		"u:p@x.test//y":                {"u:xxxxx@x.test//y", "x.test//y"},
		"//u:p@x.test/":                {"//u:xxxxx@x.test/", "//x.test/"},
		"http:/u:p@x.test/":            {"http:/u:xxxxx@x.test/", "http:/x.test/"},
		`http:\\u:p@x.test/`:           {`http:\\u:xxxxx@x.test/`, `http:\\x.test/`},
		"http:u:p@x.test/":             {"http:xxxxx@x.test/", "x.test/"},
		"http://u:p@":                  {"http://u:xxxxx@", "http://"},
		"/a:b@c":                       {"/a:xxxxx@c", "/c"},
		"":                             {"", ""},
		":":                            {":", ":"},
	} {
		if got := cron.MaskURL(in); got != want.masked {
			t.Errorf("%q is masked as %q, want %q", in, got, want.masked)
		}
		if got, ok := cron.WithoutUser(in); got != want.plain || ok != (got != in) {
			t.Errorf("%q is stored as %q (%v), want %q", in, got, ok, want.plain)
		}
	}
}
