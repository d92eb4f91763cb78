package public_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// TestFeeds reads the incidents in each form, also when their texts are hostile.
func TestFeeds(t *testing.T) {
	w := newWorld(t)
	w.pages.Set(publictest.Outage("acme", noon))
	w.pages.Set(publictest.Hostile("hostile", noon))
	for _, slug := range []string{"acme", "hostile"} {
		var atom struct {
			Entries []struct {
				ID      string `xml:"id"`
				Content string `xml:"content"`
			} `xml:"entry"`
		}
		rec := w.get("/status/" + slug + "/feed.atom")
		check(t, rec, 200)
		if err := xml.Unmarshal(rec.Body.Bytes(), &atom); err != nil || len(atom.Entries) != 3 || atom.Entries[0].ID != "https://status.example/status/"+slug+"/incidents/9" {
			t.Errorf("Atom: %v %s", err, rec.Body)
		}
		var rss struct {
			Items []struct {
				Description string `xml:"description"`
			} `xml:"channel>item"`
		}
		rec = w.get("/status/" + slug + "/feed.rss")
		check(t, rec, 200)
		if err := xml.Unmarshal(rec.Body.Bytes(), &rss); err != nil || len(rss.Items) != 3 {
			t.Errorf("RSS: %v %s", err, rec.Body)
		}
		var feed struct {
			Items []struct {
				HTML string `json:"content_html"`
			}
		}
		rec = w.get("/status/" + slug + "/feed.json")
		check(t, rec, 200)
		if err := json.Unmarshal(rec.Body.Bytes(), &feed); err != nil || len(feed.Items) != 3 {
			t.Errorf("JSON: %v %s", err, rec.Body)
		}
		for _, html := range []string{atom.Entries[0].Content, rss.Items[0].Description, feed.Items[0].HTML} {
			if strings.Contains(html, "<script") || strings.Contains(html, "<img") || !strings.Contains(html, "<strong>Identified</strong>") {
				t.Errorf("%s: %s", slug, html)
			}
		}
	}
}

// TestCalendar has an event for each maintenance, whose texts add no line.
func TestCalendar(t *testing.T) {
	w := newWorld(t)
	v := publictest.Full("acme", noon)
	v.Maintenances[0].Title = "Änderung; an \"allem\",\r\nBEGIN:VEVENT\\" + strings.Repeat("ä", 100)
	w.pages.Set(v)
	rec := w.get("/status/acme/maintenance.ics")
	check(t, rec, 200, "DTSTART:20261129T180000Z\r\n", `SUMMARY:Änderung\; an "allem"\,\nBEGIN:VEVENT\\`, "Payments")
	if n := strings.Count(rec.Body.String(), "\r\nBEGIN:VEVENT\r\n"); n != 1 {
		t.Errorf("%d events: %s", n, rec.Body)
	}
	for line := range strings.SplitSeq(rec.Body.String(), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("the line %q", line)
		}
	}
}

// TestFeedsNeedTheRight asks for feeds as somebody who may not read the page.
func TestFeedsNeedTheRight(t *testing.T) {
	w := newWorld(t)
	v := publictest.Outage("acme", noon)
	v.Page.Access, v.Page.Password = statuspage.AccessPassword, "wide boats"
	w.pages.Set(v)
	for _, name := range []string{"feed.atom", "feed.rss", "feed.json", "maintenance.ics"} {
		if rec := w.get("/status/acme/" + name); strings.Contains(rec.Body.String(), "website") || strings.Contains(rec.Body.String(), "database servers") {
			t.Errorf("%s: %s", name, rec.Body)
		}
	}
}
