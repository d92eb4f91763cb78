package badge_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"punctual/internal/badge"
)

var update = flag.Bool("update", false, "write the golden files anew")

const hostile = `"'><script>alert(1)</script>]]>&amp;` + "\x07\xff"

var examples = map[string]struct {
	badge badge.Badge
	style badge.Style
}{
	"operational": {badge.Badge{Label: "Website", Message: "Operational", Colour: badge.Green, Value: "operational"}, badge.Flat},
	"square":      {badge.Badge{Metric: badge.Uptime30d, Label: "uptime 30 days", Message: "99.98%", Colour: badge.Green, Value: 0.9998}, badge.FlatSquare},
	"unknown":     {badge.Badge{Metric: badge.Certificate, Label: "certificate", Message: "no data", Colour: badge.Grey}, badge.Flat},
	"wide":        {badge.Badge{Label: "日本語 é e\u0301 W", Message: "停止", Colour: badge.Red, Value: "failed"}, badge.Flat},
	"hostile":     {badge.Badge{Label: hostile, Message: hostile, Colour: badge.Blue, Value: "x"}, badge.Flat},
}

// TestImages compares the images with those of testdata, each of which is XML with a name for screen readers and without markup of others.
func TestImages(t *testing.T) {
	for name, example := range examples {
		mediaType, body := example.badge.Body(badge.SVG, example.style)
		path := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(path, body, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if mediaType != "image/svg+xml" || string(body) != string(want) {
			t.Errorf("%s: got %s, want %s", name, body, want)
		}
		var elements []string
		decoder := xml.NewDecoder(strings.NewReader(string(body)))
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v in %s", name, err, body)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			elements = append(elements, start.Name.Local)
			attributes := map[string]string{}
			for _, a := range start.Attr {
				attributes[a.Name.Local] = a.Value
			}
			if start.Name.Local == "svg" && (attributes["role"] != "img" || attributes["aria-label"] == "") {
				t.Errorf("%s: the image has the attributes %v", name, attributes)
			}
		}
		if got := strings.Join(elements, " "); got != "svg title rect path g text text" {
			t.Errorf("%s: the elements are %s", name, got)
		}
	}
}

// TestFormsAgree reads all forms of badges.
func TestFormsAgree(t *testing.T) {
	for name, example := range examples {
		b := example.badge
		var own, shields map[string]any
		for form, into := range map[badge.Form]*map[string]any{badge.JSON: &own, badge.Shields: &shields} {
			mediaType, body := b.Body(form, example.style)
			if err := json.Unmarshal(body, into); err != nil || mediaType != "application/json; charset=utf-8" {
				t.Fatalf("%s: %s, %v in %s", name, mediaType, err, body)
			}
			if strings.Contains(string(body), "<") {
				t.Errorf("%s: %s", name, body)
			}
		}
		image := string(b.SVG(example.style))
		for _, key := range []string{"label", "message", "color"} {
			if own[key] != shields[key] {
				t.Errorf("%s: %s is %v and %v", name, key, own[key], shields[key])
			}
		}
		if name != "hostile" && (own["label"] != b.Label || own["message"] != b.Message || !strings.Contains(image, ">"+b.Message+"<") ||
			!strings.Contains(image, "<title>"+b.Label+": "+b.Message+"<")) {
			t.Errorf("%s: %v and %s", name, own, image)
		}
		if own["metric"] != b.Metric.String() || own["value"] != b.Value || shields["schemaVersion"] != 1.0 || shields["style"] != example.style.String() {
			t.Errorf("%s: %v and %v", name, own, shields)
		}
	}
}

// TestNames reads names of badges as they are written, and no others.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range badge.Metric(badge.MetricCount) {
		for _, f := range []badge.Form{badge.SVG, badge.JSON, badge.Shields} {
			name := badge.Name(m, f)
			if gotM, gotF, ok := badge.ParseName(name); !ok || gotM != m || gotF != f || seen[name] {
				t.Errorf("%s is read as %v, %v, %v", name, gotM, gotF, ok)
			}
			seen[name] = true
		}
	}
	for _, name := range []string{"", ".svg", "state", "state.png", "State.svg", "state.svg.svg", "state.shields", ".shields.json", "Metric(9).svg"} {
		if _, _, ok := badge.ParseName(name); ok {
			t.Errorf("%q is a name", name)
		}
	}
}

// TestTokens takes the tokens of the service for what they are made for alone.
func TestTokens(t *testing.T) {
	key, other := badge.NewKey([32]byte{1}), badge.NewKey([32]byte{2})
	token := key.Job(7, 3)
	if renewals, ok := key.OfJob(7, token); !ok || renewals != 3 {
		t.Errorf("%s is of %d renewals, %v", token, renewals, ok)
	}
	for what, wrong := range map[string]string{
		"another job": key.Job(8, 3), "another key": other.Job(7, 3), "a page": key.Page(7, 3), "another count": "4" + token[1:], "a sign": "+" + token,
		"a zero": "0" + token, "a prefix": token[:len(token)-1], "more": token + "0", "capitals": strings.ToUpper(token), "nothing": "", "a hyphen": "-",
	} {
		if _, ok := key.OfJob(7, wrong); ok {
			t.Errorf("the token of %s, %s, is taken", what, wrong)
		}
	}
	page := key.Page(7, 2)
	if renewals, ok := key.OfPage(7, page); !ok || renewals != 2 {
		t.Errorf("%s is of %d renewals, %v", page, renewals, ok)
	}
	for _, wrong := range []string{key.Page(8, 2), key.Job(7, 2), other.Page(7, 2), "", "3" + page[1:], page + "0"} {
		if _, ok := key.OfPage(7, wrong); ok {
			t.Errorf("%s is taken for the token of a page", wrong)
		}
	}
}

// TestColours has enough contrast to white text (WCAG 2.2, 1.4.3).
func TestColours(t *testing.T) {
	for _, c := range []badge.Colour{badge.Grey, badge.Green, badge.Amber, badge.Orange, badge.Red, badge.Blue} {
		luminance := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(string(c[1+2*i:3+2*i]), 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			v := float64(n) / 255
			if v <= 0.04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			luminance += weight * v
		}
		if contrast := 1.05 / (luminance + 0.05); contrast < 4.5 {
			t.Errorf("%s has a contrast of %.2f", c, contrast)
		}
	}
	for share, want := range map[float64]badge.Colour{1: badge.Green, 0.99: badge.Green, 0.98: badge.Amber, 0.94: badge.Orange, 0.5: badge.Red, 0: badge.Red} {
		if got := badge.UptimeColour(share); got != want {
			t.Errorf("an uptime of %v is %s", share, got)
		}
	}
	for days, want := range map[int64]badge.Colour{90: badge.Green, 14: badge.Green, 13: badge.Amber, 2: badge.Orange, 0: badge.Orange, -1: badge.Red} {
		if got := badge.CertificateColour(days); got != want {
			t.Errorf("%d days are %s", days, got)
		}
	}
	if share, known := (&badge.Runs{}).Uptime(); known || share != 0 {
		t.Errorf("no runs have an uptime of %v", share)
	}
}
