package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// watchFocus notes what gets the focus, and what is wrong with it.
const watchFocus = `window.reached = new Set(); window.faults = []; window.addEventListener("focusin", () => {
  reached.add(document.activeElement);
  const f = ` + focusOfPage + `;
  if (f.Fault) faults.push((f.ID || f.Path) + " " + f.Text.slice(0, 40) + " " + f.Fault);
}); undefined`

// unreached are what people can act on, and the Tab key did not come to. Of radio buttons it comes to one of a name.
const unreached = `(() => {
  const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")];
  const open = all.filter((e) => !e.matches(":disabled") && e.checkVisibility({ visibilityProperty: true }));
  const left = open.filter((e) => e.tabIndex >= 0 && !reached.has(e) && !(e.type === "radio" && [...reached].some((r) => r.name === e.name)));
  const words = (e) => e.outerHTML.slice(0, 160);
  return [...left.map((e) => "not reached: " + words(e)), ...open.filter((e) => e.tabIndex > 0).map((e) => "has an order of its own: " + words(e)), ...faults];
})()`

// walk presses the Tab key until it has gone round the page. A part that is loaded again meanwhile takes the focus with it, so what was
// left out is looked for once more.
func (tab *Tab) walk(name string) {
	tab.t.Helper()
	faults := tab.goRound()
	if len(faults) > 0 {
		faults = tab.goRound()
	}
	for _, fault := range faults {
		tab.t.Errorf("%s: %s", name, fault)
	}
}

// goRound returns what it did not come to, or could not be seen.
func (tab *Tab) goRound() (faults []string) {
	tab.t.Helper()
	tab.do("watch the focus", chromedp.Evaluate[chromedp.Void](watchFocus))
	keys := chromedp.KeyEvent(strings.Repeat(kb.Tab, 20))
	for before, now := -1, 0; now > before; { // a date has several stops
		tab.act("press Tab", keys)
		before, now = now, read(tab, "count", chromedp.Evaluate[int](`reached.size`))
	}
	return read(tab, "find what was left out", chromedp.Evaluate[[]string](unreached))
}

// TestScreensByKeyboard goes through every screen with the Tab key, on a wide window and on a small one: it comes to everything, and what
// has the focus shows that and is in sight. On the small one nothing is wider than the window.
func TestScreensByKeyboard(t *testing.T) {
	t.Parallel()
	_, tab := demo(t)
	for name, path := range screens {
		tab.Open(path).walk(name)
		tab.do("make the window small", chromedp.EmulateViewport(smallest, 800))
		tab.Open(path).fits(name).walk(fmt.Sprintf("%s at %d px", name, smallest))
		tab.do("make it wide again", chromedp.EmulateViewport(wide, 900))
	}
}
