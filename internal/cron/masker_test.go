package cron

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestMaskerFindsEveryForm(t *testing.T) {
	var m Masker
	long := strings.Repeat("long", 500)
	for value, shown := range map[string]string{
		`a/"b"\c d` + "\n": "<1>", "pl%41in+value": "<2>", "short": "<short>", long: "<long>", "overlapping1": "<3>", "overlapping12": "<4>",
		"sm\u00efl\u00e9 \U0001F600!": "<5>", "spaces at end  ": "<6>",
	} {
		m.Add(value, shown)
	}
	for text, want := range map[string]string{
		"":                                       "",
		"nothing":                                "nothing",
		"short":                                  "short",
		`x a/"b"\c d` + "\n y":                   "x <1> y",
		`{"v":"a/\"b\"\\c d\n"}`:                 `{"v":"<1>"}`,
		`{"v":"a\/\"b\"\\c d\n"}`:                `{"v":"<1>"}`,
		"a=" + url.QueryEscape(`a/"b"\c d`+"\n"): "a=<1>",
		"/" + url.PathEscape(`a/"b"\c d`+"\n") + "/":            "/<1>/",
		"%61/%22b%22%5c%63%20d%0a":                              "<1>",
		`a/"b"\c d|`:                                            "<1>|", // as a header
		"pl%41in+value":                                         "<2>",
		"pl%2541in%2Bvalue":                                     "<2>",
		"plain+value":                                           "plain+value",
		"overlapping1overlapping12overlapping":                  "<3><4>overlapping",
		"%" + long + "%4":                                       "%<long>%4",
		long[:maskedBeginning-1] + "x":                          long[:maskedBeginning-1] + "x",
		long[:maskedBeginning] + "x":                            "<long>x",
		long + long[:1000]:                                      "<long><long>",
		`a\u002f\"\u0062"\\c d\n`:                               "<1>",
		`{"v":"\u0070l%41in\u002bvalue"}`:                       `{"v":"<2>"}`,
		"a/&quot;b&#34;\\c d\n":                                 "<1>",
		"&lt;p&gt;a&#x2F;&#34;b&quot;&#92;c d\n&amp;":           "&lt;p&gt;<1>&amp;",
		`sm\u00efl\u00e9 \ud83d\ude00!`:                         "<5>",
		"sm&iuml;l&#233; &#128512;!":                            "<5>",
		"sm\u00c3\u00afl\u00c3\u00a9 \u00f0\u009f\u0098\u0080!": "<5>",
		`sm\u00c3\u00afl\u00c3\u00a9 \u00f0\u009f\u0098\u0080!`: "<5>",
		"sm%C3%AFl%C3%A9+%F0%9F%98%80%21":                       "<5>",
		"spaces at end;":                                        "<6>;",
	} {
		if got := m.MaskString(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	var none *Masker
	if none.MaskString("anything") != "anything" || none.Partial([]byte("anything")) != 0 || new(Masker).MaskString("anything") != "anything" {
		t.Error("no masker masks")
	}
	call := Call{Secrets: map[string]string{"A": "0123456789", "B": "short"}}
	if got := call.Masker().MaskString("0123456789 short"); got != "%secret:A% short" {
		t.Error(got)
	}
	if call.Secrets = map[string]string{"B": "short"}; call.Masker() != nil {
		t.Error("a short secret makes a masker")
	}
}

func TestMaskerFindsParts(t *testing.T) {
	var m Masker
	m.Add("aabaabaac", "x")
	m.Add("slash/&other", "y")
	m.Add("\U0001F600 is a face", "z")
	for text, want := range map[string]int{
		"": 0, "a": 1, "ab": 0, "xaabaabaa": 8, "aabaabaabaa": 8, "aabaabaac": 0, "aabaabaaca": 1, "slash": 5, "slash%2F%26o": 12,
		"slash%2f%2": 10, "slash%": 6, "%73%6c%6": 8, "slash%2Fx": 0, "%61": 3,
		`slash\/`: 7, `slash\`: 6, `slash\u002f\u0`: 14, `\ud83d\ude00`: 12, `\ud83d\ude0`: 0, `\ud83d\ude00 \u`: 15, `slash\x`: 7,
		"slash/&": 7, "slash/&a": 8, "slash/&amp;": 11, "slash/&am": 9, "slash&#x2f;&#": 13, "&#128512;": 9,
	} {
		if got := m.Partial([]byte(text)); got != want {
			t.Errorf("%q ends with %d bytes of a value, want %d", text, got, want)
		}
	}
}

// TestMaskerReplacesAll compares it with what replaces one value, over texts of few characters.
func TestMaskerReplacesAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		text := func(n int) string {
			b := make([]byte, n)
			for i := range b {
				b[i] = "ab%6"[random.IntN(4)]
			}
			return string(b)
		}
		value, given := text(8+random.IntN(4)), text(random.IntN(60))
		for range random.IntN(4) {
			at := random.IntN(len(given) + 1)
			given = given[:at] + value + given[at:]
		}
		var m Masker
		m.Add(value, "|")
		if got := m.MaskString(given); strings.Contains(got, value) || len(got) > len(given) {
			t.Fatalf("%q in %q: %q", value, given, got)
		}
		if !strings.Contains(given, "%") && m.MaskString(given) != strings.ReplaceAll(given, value, "|") {
			t.Fatalf("%q in %q: %q", value, given, m.MaskString(given))
		}
		for n := range len(given) {
			cut := []byte(given[:n])
			for keep := len(value) - 1; keep > 0; keep-- {
				if strings.HasSuffix(string(cut), value[:keep]) && m.Partial(cut) < keep {
					t.Fatalf("%q ends with %d bytes of %q, and found were %d", cut, keep, value, m.Partial(cut))
				}
			}
		}
	}
}

// TestMaskerFindsTheLongest compares what it finds of many similar values with what a search through all of them finds.
func TestMaskerFindsTheLongest(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		text := func(n int) string {
			b := []byte(strings.Repeat("a", n))
			for range random.IntN(3) {
				b[random.IntN(n)] = 'b'
			}
			return string(b)
		}
		var m Masker
		values := make([]string, 1+random.IntN(20))
		for i := range values {
			values[i] = text(MinMaskedSecret + random.IntN(2*maskedBeginning))
			m.Add(values[i], values[i])
		}
		given := text(1 + random.IntN(200))
		var want []maskedSpan
		for i := 0; i < len(given); {
			length := 0
			for _, v := range values {
				if n := commonBeginning([]byte(given[i:]), v); n >= min(len(v), maskedBeginning) {
					length = max(length, n)
				}
			}
			if length > 0 {
				want = append(want, maskedSpan{start: i, end: i + length})
			}
			i += max(1, length)
		}
		got := m.find([]byte(given), nil)
		for i := range got {
			if v := got[i].shown; commonBeginning([]byte(given[got[i].start:]), v) != got[i].end-got[i].start {
				t.Fatalf("%q at %d of %q is taken for %q", given[got[i].start:got[i].end], got[i].start, given, v)
			}
			got[i].shown = ""
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q in %q: %v, want %v", values, given, got, want)
		}
	}
}

// BenchmarkMaskerWorst has many values that differ at the end only, and a text that nearly is all of them.
func BenchmarkMaskerWorst(b *testing.B) {
	for _, values := range []int{1, 64, 1000} {
		b.Run(strconv.Itoa(values), func(b *testing.B) {
			var m Masker
			same := strings.Repeat("a", maskedBeginning-4)
			for i := range values {
				m.Add(same+string(rune('A'+i%26))+strconv.Itoa(i), "x")
			}
			text := []byte(strings.Repeat("a", MaxStoredBody))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				m.Mask(text)
			}
		})
	}
}
