package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"punctual/internal/public"
	"punctual/internal/public/publictest"
	"punctual/internal/statuspage"
)

// visitors serves status pages that are in memory: "empty", "full" and "outage", and some that not everybody may read.
func visitors(t *testing.T) (pages *publictest.Pages, url string) {
	t.Helper()
	now := time.Now().UTC()
	pages = publictest.New(func() time.Time { return time.Now().UTC() })
	h, err := public.New(public.Config{Pages: pages, Visitors: pages, Subscriptions: publictest.NewSubscriptions(pages), ByMail: true,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now, Streams: 40})
	if err != nil {
		t.Fatal(err)
	}
	full := publictest.Full("full", now)
	full.Logo, full.DarkLogo = true, true
	pages.SetPicture(full.Page.ID, picture(t))
	closed := publictest.Full("password", now)
	closed.Page.Access, closed.Page.Password = statuspage.AccessPassword, "wide boats"
	dark := publictest.Outage("dark-theme", now)
	dark.Page.Theme = statuspage.ThemeDark
	year := publictest.Full("year-of-bars", now)
	year.Page.Days = 365
	for i := range year.Histories {
		year.Histories[i] = publictest.History(year.Histories[i].ComponentID, now, 365, i)
	}
	for _, v := range []statuspage.View{publictest.Empty("empty"), full, publictest.Outage("outage", now), closed, dark, year,
		publictest.Large("large", now), publictest.Hostile("hostile", now), long(now)} {
		pages.Set(v)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.CloseClientConnections)
	return pages, s.URL
}

// long is a page with an incident that has many updates.
func long(now time.Time) statuspage.View {
	v := publictest.Full("long", now)
	n := statuspage.Incident{ID: 3, Title: "A long night", Started: now.Add(-10 * time.Hour)}
	for i := range 120 {
		n.Updates = append(n.Updates, statuspage.Update{ID: int64(500 - i), Text: "We still look into it.", At: now.Add(-time.Duration(i) * 5 * time.Minute)})
	}
	v.Incidents = append([]statuspage.Incident{n}, v.Incidents...)
	return v
}

// picture is a logo.
func picture(t *testing.T) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 160, 48))
	for x := range 160 {
		for y := range 48 {
			if (x/16+y/16)%2 == 0 {
				m.Set(x, y, color.NRGBA{R: 15, G: 118, B: 110, A: 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestStatusSubscribe subscribes to a page, and follows the links of the mail.
func TestStatusSubscribe(t *testing.T) {
	t.Parallel()
	_, url := visitors(t)
	tab := openTab(t, url)
	const address = "E-mail address, or URL of a webhook"
	tab.Open("/status/full/subscribe").See("What you want to be told of").Look("status-subscribe")
	tab.Fill(address, "nobody").Expect(400).Press("Subscribe").See("is not an e-mail address").Look("status-subscribe-refused")
	tab.Fill(address, "https://a.example/hook").Press("Subscribe").See("Signing secret").Look("status-subscribed")
	tab.Open("/status/full/subscribe").Fill(address, "jane@example.com").Press("Subscribe").See("A mail with a link is on its way")
	tab.Open("/status/subscribe/confirm/jane@example.com").See("will be sent to jane@example.com").Press("Confirm").See("is confirmed").Look("status-subscription")
	tab.Press("Unsubscribe").See("You are unsubscribed").Look("status-unsubscribed")
}

// TestStatusPages looks at what visitors see.
func TestStatusPages(t *testing.T) {
	t.Parallel()
	_, url := visitors(t)
	tab := openTab(t, url)
	for path, says := range map[string]string{
		"empty": "This page has no components yet", "full": "All systems operational", "outage": "2 of 6 components have an outage",
		"dark-theme": "2 of 6 components have an outage", "year-of-bars": "All systems operational", "large": "All systems operational", "hostile": "onerror",
		"full/incidents": "Mail was late", "outage/incidents/9": "We look into it.", "outage/components/1": "Last 90 days",
		"full/components/2/times": "95th percentile", "password": "This status page has a password",
	} {
		tab.Open("/status/" + path).See(says).Look("status-" + strings.ReplaceAll(path, "/", "-"))
	}
	tab.Open("/status/long/incidents/3").Press("Older updates").See("The newest updates").Look("status-long-incident").Press("Older updates").SeeNot("Older updates")
	tab.Expect(404).Open("/status/nobody").See("There is no such page.").Look("status-missing")
}

// TestStatusPageFollows is told of an incident without a reload, and keeps a group as the visitor left it.
func TestStatusPageFollows(t *testing.T) {
	t.Parallel()
	pages, url := visitors(t)
	tab := openTab(t, url)
	tab.Open("/status/full").See("All systems operational")
	tab.act("close a group", chromedp.Click(`//summary[contains(., "Europe")]`))
	tab.wait("the group is closed", `!document.querySelector("details").open`)
	outage := publictest.Outage("full", time.Now().UTC())
	pages.Set(outage)
	tab.See("2 of 6 components have an outage").See("The website does not answer")
	tab.wait("the icon tells", `document.querySelector("link[rel=icon]").href.endsWith("/major.svg")`)
	tab.wait("the group is still closed", `!document.querySelector("details").open`)
	pages.SetAway(true)
	tab.See("The status cannot be updated at the moment.").Look("status-stale")
	pages.SetAway(false)
	tab.wait("it is current again", `!document.querySelector("#stale")`)
}

// TestStatusPagesWithoutScripts reads a page and its parts, and enters a password, without JavaScript.
func TestStatusPagesWithoutScripts(t *testing.T) {
	t.Parallel()
	_, url := visitors(t)
	tab := openTab(t, url).WithoutScripts()
	tab.Open("/status/outage").SeeText("2 of 6 components have an outage").Press("The website does not answer").SeeText("We look into it.")
	tab.Open("/status/outage/components/1").SeeText("Major outage 25 min").Press("Response times").SeeText("95th percentile")
	tab.Open("/status/password").Expect(403)
	tab.act("type a wrong password", chromedp.SendKeys(`//input[@id = "password"]`, "boats"))
	tab.Press("Open the page").SeeText("The password is wrong.")
	tab.act("type the password", chromedp.SendKeys(`//input[@id = "password"]`, "wide boats"))
	tab.Press("Open the page").SeeText("All systems operational")
}
