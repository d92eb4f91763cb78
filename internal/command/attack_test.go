package command

import (
	"fmt"
	"strings"
	"testing"
)

// filled repeats a text up to MaxText.
func filled(text string) string { return strings.Repeat(text, MaxText/len(text)) }

// TestHostileTexts reads texts that are made to take time or memory, and to have no end.
func TestHostileTexts(t *testing.T) {
	growing := "A=aaaaaaaaaaaaaaaa\n" + filled("A=$A$A\n")[:2000] + "\n"
	hostile := map[string]string{
		"quotes":         filled("'\n"),
		"substitutions":  filled("$("),
		"lines of those": filled("$(\n"),
		"arithmetic":     filled("$(("),
		"parentheses":    filled("("),
		"braces":         filled("{ "),
		"defaults":       filled("${a:-"),
		"words":          "curl " + filled("$(a $(")[:60000],
		"backticks":      filled("`\\`"),
		"chain":          filled("a&&"),
		"chain of curl":  filled("curl a&&"),
		"pipes":          filled("a|"),
		"heredocs":       filled("a<<b\n"),
		"redirections":   "curl " + filled(">a ")[:60000],
		"ifs":            filled("if a;then "),
		"growing":        growing + filled("curl $A\n")[:40000],
		"headers":        "A=" + strings.Repeat("x", 4000) + "\ncurl example.com " + filled("-H A:$A ")[:50000],
		"urls":           "curl " + filled("a ")[:60000],
		"options":        "wget " + filled("--q ")[:60000],
		"items":          "http example.com " + filled("a=1 ")[:60000],
		"crontab":        filled("* * * * * curl a\n"),
		"bad crontab":    filled("* * * * * *\n"),
		"percent":        "* * * * * curl a " + filled("%")[:60000],
		"settings":       filled("a=1\n"),
		"sh":             "sh -c " + strings.Repeat(`'sh -c "`, 5000),
		"cmd":            `^" ` + filled("curl a&")[:60000],
		"carets":         `curl ^"` + filled("^")[:60000],
		"slashes":        `curl ^"a` + filled(`\`)[:60000],
		"tables":         "Invoke-WebRequest a " + filled("@{a=")[:60000],
		"arrays":         "Invoke-WebRequest a -Body " + filled("@(")[:60000],
		"strings":        "Invoke-WebRequest a -Body " + filled(`"$(`)[:60000],
		"doubling":       "$a='0123456789'\n" + strings.Repeat("$a=$a+$a\n", 100) + "Invoke-WebRequest $a",
		"doubled tables": "$a=@{x=1}\n" + strings.Repeat("$a=@{x=$a;y=$a}\n", 40) + "Invoke-RestMethod a -Method Post -Body ($a|ConvertTo-Json)",
		"itself":         "$a=@{x=1}\n$a.Add('b',$a)\nInvoke-RestMethod a -Method Post -Body ($a|ConvertTo-Json)",
		"members":        "Invoke-WebRequest $a" + filled(".a")[:60000],
		"pipeline":       "Invoke-WebRequest a " + filled("|a ")[:60000],
		"PowerShell":     filled("irm a\n"),
		"too long":       filled("curl a\n") + "curl abcdefgh",
	}
	for name, text := range hostile {
		r := Read(text)
		checkBounds(t, text, &r)
		if size := len(fmt.Sprint(r)); size > 8<<20 {
			t.Errorf("%s: what was read is %d bytes", name, size)
		}
	}
	if r := Read(hostile["too long"]); len(r.Entries) > 0 || len(r.Unread) != 1 || r.Unread[0].Reason != ReasonTooLong {
		t.Errorf("a text that is too long: %+v", r)
	}
	if r := Read(hostile["crontab"]); len(r.Entries) != MaxEntries || r.Unread[len(r.Unread)-1].Reason != ReasonTooMany {
		t.Errorf("a text with too many jobs: %d, %+v", len(r.Entries), r.Unread)
	}
}
