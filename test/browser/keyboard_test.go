package browser

import (
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// maxTabs is how many times the Tab key is pressed to reach something.
const maxTabs = 600

// focus is what the keyboard acts on. Its text is empty when that is nothing but the page.
type focus struct {
	ID, Text, Path string // the path is that of a link
	Fault          string // why somebody without a mouse cannot go on from there
}

// focusOfPage finds the focus, and judges it: the eye finds it (WCAG 2.2, 2.4.7) and nothing else lies on top of it (2.4.11), and it is
// in the dialog when there is one. The button within a field for a time has a ring of its own, which no style tells of.
const focusOfPage = `(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return { ID: "", Text: "", Path: "", Fault: "" };
  const text = (e.labels?.[0]?.textContent || e.textContent || e.getAttribute("aria-label") || e.name || e.tagName).replace(/\s+/g, " ").trim();
  const seen = [e, e.nextElementSibling, e.closest("label"), ...e.children].filter((one) => one && getComputedStyle(one).visibility !== "hidden");
  const outlined = ({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  const points = (one) => [...one.getClientRects()].flatMap(({ left, top, right, bottom }) =>
    [[(left + right) / 2, (top + bottom) / 2], [left + 3, top + 3], [right - 3, bottom - 3], [left + 3, bottom - 3], [right - 3, top + 3]]);
  const on = (one) => points(one).some(([x, y]) => {
    const hit = document.elementFromPoint(x, y);
    return hit && (one.contains(hit) || hit.contains(one) && hit.matches("label, td, svg"));
  });
  const dialog = document.querySelector("dialog[open]");
  const fault = dialog && !dialog.contains(e) ? "is behind a dialog" :
    !seen.some((one) => outlined(getComputedStyle(one))) && !e.matches("[type=time], [type=datetime-local]") ? "does not show that it has the focus" :
    !seen.some(on) ? "is out of sight" : "";
  return { ID: e.id, Text: text, Path: e.getAttribute("href") ?? "", Fault: fault };
})()`

// focus is what has the focus.
func (tab *Tab) focus() focus {
	tab.t.Helper()
	f := read(tab, "find the focus", chromedp.Evaluate[focus](focusOfPage))
	if f.Fault != "" {
		tab.t.Errorf("%s %q %s\n%s", f.ID, f.Text, f.Fault, read(tab, "read the address", chromedp.Location()))
	}
	return f
}

// tabTo presses the Tab key until the element with an ID has the focus.
func (tab *Tab) tabTo(id string) *Tab {
	tab.t.Helper()
	return tab.tabUntil(id, func(f focus) bool { return f.ID == id })
}

// tabToButton presses the Tab key until what begins with a text has the focus.
func (tab *Tab) tabToButton(text string) *Tab {
	tab.t.Helper()
	return tab.tabUntil(text, func(f focus) bool { return strings.HasPrefix(f.Text, text) })
}

// tabToLink presses the Tab key until a link to a path has the focus.
func (tab *Tab) tabToLink(path string) *Tab {
	tab.t.Helper()
	return tab.tabUntil(path, func(f focus) bool { return f.Path == path })
}

// tabUntil presses the Tab key until the focus is on what is looked for.
func (tab *Tab) tabUntil(what string, is func(focus) bool) *Tab {
	tab.t.Helper()
	for range maxTabs {
		tab.act("press Tab", chromedp.KeyEvent(kb.Tab))
		if is(tab.focus()) {
			return tab
		}
	}
	tab.t.Fatalf("the Tab key does not lead to %s\n%s", what, tab.where())
	return tab
}

// focused makes sure that what begins with a text has the focus.
func (tab *Tab) focused(text string) *Tab {
	tab.t.Helper()
	if f := tab.focus(); !strings.HasPrefix(f.Text, text) {
		tab.t.Errorf("the focus is on %s %q, not on %s\n%s", f.ID, f.Text, text, tab.where())
	}
	return tab
}

// Type types into what has the focus.
func (tab *Tab) Type(text string) *Tab {
	tab.t.Helper()
	tab.act("type "+text, chromedp.KeyEvent(text))
	return tab
}

// Leave presses a key that leads to another page, and waits for that.
func (tab *Tab) Leave(key string) *Tab {
	tab.t.Helper()
	tab.leave("press a key", chromedp.KeyEvent(key))
	return tab
}

// Choice clicks a radio button or a box by the text of its label.
func (tab *Tab) Choice(text string) *Tab {
	tab.t.Helper()
	tab.act("choose "+text, chromedp.Click(`//label[starts-with(normalize-space(.), `+literal(text)+`)]`))
	return tab
}
