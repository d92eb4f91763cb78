package browser

import (
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// maxTabs is how many times the Tab key is pressed to reach something.
const maxTabs = 600

// tabTo presses the Tab key until the element with an ID has the focus.
func (tab *Tab) tabTo(id string) *Tab {
	tab.t.Helper()
	return tab.tabUntil(`document.activeElement?.id ?? ""`, id)
}

// tabToButton presses the Tab key until a button or a link with a text has the focus.
func (tab *Tab) tabToButton(text string) *Tab {
	tab.t.Helper()
	return tab.tabUntil(`document.activeElement?.textContent.trim() ?? ""`, text)
}

// tabUntil presses the Tab key until an expression has a value.
func (tab *Tab) tabUntil(expression, value string) *Tab {
	tab.t.Helper()
	for range maxTabs {
		tab.do("press Tab", chromedp.KeyEvent(kb.Tab))
		if read(tab, "find the focus", chromedp.Evaluate[string](expression)) == value {
			return tab
		}
	}
	tab.t.Fatalf("the Tab key does not lead to %s\n%s", value, tab.where())
	return tab
}

// Type types into what has the focus.
func (tab *Tab) Type(text string) *Tab {
	tab.t.Helper()
	tab.do("type "+text, chromedp.KeyEvent(text))
	return tab
}

// Leave presses a key that leads to another page, and waits for that.
func (tab *Tab) Leave(key string) *Tab {
	tab.t.Helper()
	if _, err := chromedp.RunResponse(tab.ctx, chromedp.KeyEvent(key)); err != nil {
		tab.t.Fatalf("press a key: %v\n%s", err, tab.where())
	}
	return tab
}

// Choice clicks a radio button or a box by the text of its label.
func (tab *Tab) Choice(text string) *Tab {
	tab.t.Helper()
	tab.do("choose "+text, chromedp.Click(`//label[starts-with(normalize-space(.), `+literal(text)+`)]`))
	return tab
}
