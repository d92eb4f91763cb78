package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"punctual/test/harness"
)

// screenshots is where pictures go; empty for nowhere.
var screenshots = os.Getenv("PUNCTUAL_TEST_SCREENSHOTS")

// The widths at which pages are looked at.
const (
	wide     = 1440
	narrow   = 390
	smallest = 360
)

// Tab is a tab of the browser with cookies of its own. It ends with the test.
type Tab struct {
	t    testing.TB
	ctx  context.Context
	base string // of the service, without a slash at the end

	scriptless bool // JavaScript is off

	dialogs   sync.WaitGroup // that are being answered
	mu        sync.Mutex
	announced map[int64]int  // how many answers of a status, or dialogs, are still to come
	parts     map[string]int // how many times a part of a page was loaded, by its ID
}

// dialog stands among the statuses of answers for a dialog that the browser opens, such as before it leaves a page.
const dialog = -1

// openTab opens a tab for a service.
func openTab(t testing.TB, base string) *Tab {
	t.Helper()
	root := startBrowser(t)
	takeTurn(t)
	tab := &Tab{t: t, base: base, announced: map[int64]int{}, parts: map[string]int{}}
	ctx, closeTab := chromedp.NewContext(root, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.watch))
	tab.ctx = ctx
	t.Cleanup(func() {
		tab.settle()
		tab.dialogs.Wait()
		tab.missed()
		closeTab()
	})
	if err := chromedp.Do(ctx); err != nil { // a tab lives as long as the context of the first thing that is done in it
		t.Fatalf("open a tab: %v", err)
	}
	tab.do("choose a wide window", chromedp.EmulateViewport(wide, 900))
	call(tab, network.Enable, network.EnableParams{})
	call(tab, log.Enable, cdp.Empty{})
	// Several tabs are used at once, and each is to think that it is the one that is looked at.
	call(tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	tab.prefer("light")
	return tab
}

// call sends a command of the protocol.
func call[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	return read(tab, string(command.Method), func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	})
}

// watch fails the test for what a page does wrong.
func (tab *Tab) watch(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, a := range e.Args {
			words = append(words, string(a.Value)+a.Description)
		}
		tab.t.Errorf("the page wrote to the console: %s %q", e.Type, words)
	case *runtime.EventExceptionThrown:
		tab.t.Errorf("the page has an error: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork { // failed requests have events of their own
			tab.t.Errorf("the browser reports: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		if !tab.expected(dialog) {
			tab.t.Errorf("the page opens a dialog: %s %q", e.Type, e.Message)
		}
		tab.dialogs.Go(func() {
			_, _ = chromedp.Call(tab.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		})
	case *network.EventRequestWillBeSent:
		if part, is := e.Request.Headers["HX-Target"].(string); is {
			tab.mu.Lock()
			tab.parts[part]++
			tab.mu.Unlock()
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 && !tab.expected(e.Response.Status) {
			tab.t.Errorf("%s: status %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" { // a page that is left
			tab.t.Errorf("a request failed: %s %s", e.Type, e.ErrorText)
		}
	}
}

// expected tells whether an answer was announced.
func (tab *Tab) expected(status int64) bool {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.announced[status]--
	return tab.announced[status] >= 0
}

// loaded is how many times a part of a page was loaded.
func (tab *Tab) loaded(id string) int {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return tab.parts[id]
}

// missed fails the test for what was announced and did not come.
func (tab *Tab) missed() {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for status, n := range tab.announced {
		if n > 0 && !tab.t.Failed() {
			tab.t.Errorf("%d answers with status %d were announced and did not come", n, status)
		}
	}
}

// Expect announces one answer of a status that would fail the test otherwise.
func (tab *Tab) Expect(status int64) *Tab {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.announced[status]++
	return tab
}

// What the browser answers to a command about an element, or about a page, that another page has just replaced. The first ones
// come before anything was done with the element.
var (
	elementGone = []string{"No node with given id", "Could not find node with given id", "Node with given id does not belong", "Node is detached",
		"Node does not have a layout object", "Could not compute box model", "Could not compute content quads"}
	pageGone = []string{"Cannot find context with specified id", "Inspected target navigated or closed", "Execution context was destroyed",
		"Cannot find default execution context", "Argument should belong to the same JavaScript world"}
)

// says tells whether an error is an answer of the browser that has one of the texts.
func says(err error, texts []string) bool {
	var answer *cdproto.Error
	return errors.As(err, &answer) && slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(answer.Message, text) })
}

// attempt runs something in the tab, again as long as its error is none but that the page was just replaced.
func attempt[T any](tab *Tab, again func(error) bool, run func(context.Context) (T, error)) (T, error) {
	ctx, stop := context.WithTimeout(tab.ctx, harness.Timeout)
	defer stop()
	for {
		value, err := run(ctx)
		if err == nil || !again(err) || ctx.Err() != nil {
			return value, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// do does something in the tab that may be done twice.
func (tab *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	for _, step := range steps {
		read(tab, what, step)
	}
}

// read asks the tab for something.
func read[T any](tab *Tab, what string, action chromedp.Action[T]) T {
	tab.t.Helper()
	value, err := attempt(tab, func(err error) bool { return says(err, elementGone) || says(err, pageGone) },
		func(ctx context.Context) (T, error) { return chromedp.Run(ctx, action) })
	if err != nil {
		tab.t.Fatalf("%s: %v\n%s", what, err, tab.where())
	}
	return value
}

// act does something in the tab that may not be done twice, such as a click.
func (tab *Tab) act(what string, step chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	_, err := attempt(tab, func(err error) bool { return says(err, elementGone) },
		func(ctx context.Context) (chromedp.Void, error) { return chromedp.Run(ctx, step) })
	if err != nil {
		tab.t.Fatalf("%s: %v\n%s", what, err, tab.where())
	}
}

// leave does something that leads to another page, and waits for that.
func (tab *Tab) leave(what string, step chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	_, err := attempt(tab, func(err error) bool { return says(err, elementGone) },
		func(ctx context.Context) (*network.Response, error) { return chromedp.RunResponse(ctx, step) })
	if err != nil {
		tab.t.Fatalf("%s: %v\n%s", what, err, tab.where())
	}
}

// wait waits until an expression is true on the page, or on the one that replaces it. One that throws is not true yet.
func (tab *Tab) wait(what, expression string) {
	tab.t.Helper()
	expression = `(() => { try { return ` + expression + ` } catch { return false } })()`
	read(tab, what, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(harness.Timeout)))
}

// where says what the tab shows, for failures.
func (tab *Tab) where() string {
	ctx, stop := context.WithTimeout(tab.ctx, 5*time.Second)
	defer stop()
	address, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	return address + "\n" + text
}

// settle waits until the events of everything that was done so far have come.
func (tab *Tab) settle() {
	if tab.scriptless {
		return // timers do not run
	}
	_, _ = chromedp.Run(tab.ctx, chromedp.Evaluate[chromedp.Void](`new Promise((done) => setTimeout(done))`, chromedp.EvalAwaitPromise))
}

// Open goes to a path of the service, or to an address.
func (tab *Tab) Open(path string) *Tab {
	tab.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = tab.base + path
	}
	tab.do("open "+path, chromedp.Navigate(path))
	return tab
}

// Path is the path of the page with its query.
func (tab *Tab) Path() string {
	tab.t.Helper()
	u, err := url.Parse(read(tab, "read the address", chromedp.Location()))
	if err != nil {
		tab.t.Fatal(err)
	}
	return u.RequestURI()
}

// At makes sure that the tab shows the page at a path, whatever its query.
func (tab *Tab) At(path string) *Tab {
	tab.t.Helper()
	if got, _, _ := strings.Cut(tab.Path(), "?"); got != path {
		tab.t.Fatalf("the page is %s, not %s\n%s", got, path, tab.where())
	}
	return tab
}

// Fill types into the field with a label, in place of what it holds.
func (tab *Tab) Fill(label, text string) *Tab {
	tab.t.Helper()
	field := fmt.Sprintf(`//*[@id = //label[starts-with(normalize-space(.), %s)]/@for]`, literal(label))
	tab.do("clear "+label, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		v, err := chromedp.Clear(field)(ctx, target)
		if err != nil && strings.Contains(err.Error(), "#text") { // a textarea is empty
			err = nil
		}
		return v, err
	})
	tab.act("fill in "+label, chromedp.SendKeys(field, text))
	return tab
}

// Choose selects an option of the list with a label.
func (tab *Tab) Choose(label, option string) *Tab {
	tab.t.Helper()
	list := fmt.Sprintf(`//select[@id = //label[starts-with(normalize-space(.), %s)]/@for]`, literal(label))
	chosen := fmt.Sprintf(`%s/option[normalize-space(.) = %s]`, list, literal(option))
	value := read(tab, "find the option "+option, chromedp.AttributeValue(chosen, "value")).Value
	tab.do("choose "+option, chromedp.SetValue(list, value))
	return tab
}

// button finds a button or a link by the text that it begins with.
func button(text string) string {
	return fmt.Sprintf(`//*[self::button or self::a or self::summary][starts-with(normalize-space(.), %s)]`, literal(text))
}

// Press clicks a button or a link that leads to another page, and waits for that.
func (tab *Tab) Press(text string) *Tab {
	tab.t.Helper()
	tab.leave("press "+text, chromedp.Click(button(text)))
	return tab
}

// Click clicks what does not lead to another page.
func (tab *Tab) Click(text string) *Tab {
	tab.t.Helper()
	if href := read(tab, "find "+text, chromedp.AttributeValue(button(text), "href")); href.Exists && !strings.HasPrefix(href.Value, "#") {
		tab.t.Fatalf("%q leads to %s: what comes after a click might still be done on the old page; Press waits", text, href.Value)
	}
	tab.act("click "+text, chromedp.Click(button(text)))
	return tab
}

// See waits until the page shows a text.
func (tab *Tab) See(text string) *Tab {
	tab.t.Helper()
	tab.wait("see "+text, fmt.Sprintf(`document.body?.innerText.includes(%q)`, text))
	return tab
}

// SeeText makes sure that the page shows a text; scripts may be off.
func (tab *Tab) SeeText(text string) *Tab {
	tab.t.Helper()
	if !strings.Contains(tab.Text("body"), text) {
		tab.t.Fatalf("the page does not show %q\n%s", text, tab.where())
	}
	return tab
}

// SeeNot makes sure that the page does not show a text.
func (tab *Tab) SeeNot(text string) *Tab {
	tab.t.Helper()
	if strings.Contains(tab.Text("body"), text) {
		tab.t.Fatalf("the page shows %q\n%s", text, tab.where())
	}
	return tab
}

// Text is the text of the first element that a CSS selector finds.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	return strings.TrimSpace(read(tab, "read "+selector, chromedp.Text(chromedp.CSS(selector))))
}

// WithoutScripts turns JavaScript off, for the page that is shown too.
func (tab *Tab) WithoutScripts() *Tab {
	tab.t.Helper()
	at := read(tab, "read the address", chromedp.Location())
	tab.do("leave the page", chromedp.Navigate("about:blank"))
	defer func() {
		if strings.HasPrefix(at, "http") {
			tab.do("come back", chromedp.Navigate(at))
		}
	}()
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.scriptless = true
	return tab
}

// Look makes sure that nothing of the page is cut off on a phone, that everybody can use it, and takes pictures of it, which carry the name.
func (tab *Tab) Look(name string) *Tab {
	tab.t.Helper()
	for _, width := range []int64{narrow, smallest} {
		tab.do("make the window small", chromedp.EmulateViewport(width, 800))
		tab.fits(fmt.Sprintf("%s at %d px", name, width))
	}
	tab.checkAccess(name + " on a phone")
	for _, theme := range []string{"light", "dark"} {
		tab.prefer(theme)
		tab.checkContrast(name + " " + theme)
		for _, width := range []int64{wide, narrow} {
			if screenshots != "" && name != "" {
				tab.picture(fmt.Sprintf("%s-%d-%s.png", name, width, theme), width)
			}
		}
	}
	tab.prefer("light")
	tab.do("go back to a wide window", chromedp.EmulateViewport(wide, 900))
	tab.checkAccess(name)
	return tab
}

// fits makes sure that nobody has to scroll the page sideways.
func (tab *Tab) fits(name string) *Tab {
	tab.t.Helper()
	overflow := read(tab, "measure the page", chromedp.Evaluate[int](`document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth`))
	if overflow > 0 {
		tab.t.Errorf("%s: the page is %d px too wide", name, overflow)
	}
	return tab
}

// prefer makes the system prefer a theme, and no motion, so that nothing is measured half-way.
func (tab *Tab) prefer(theme string) {
	tab.t.Helper()
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// picture writes a picture of the whole page.
func (tab *Tab) picture(file string, width int64) {
	tab.t.Helper()
	tab.do("change the width", chromedp.EmulateViewport(width, 900))
	picture := read(tab, "take a picture", chromedp.FullScreenshot(100))
	if err := os.MkdirAll(screenshots, 0o750); err != nil {
		tab.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(screenshots, file), picture, 0o600); err != nil {
		tab.t.Fatal(err)
	}
}

// later is the time in some periods of authenticator apps.
func later(periods int) time.Time { return time.Now().Add(time.Duration(periods) * 30 * time.Second) }

// literal is a text as an XPath expression.
func literal(text string) string {
	if !strings.Contains(text, `"`) {
		return `"` + text + `"`
	}
	return `'` + text + `'`
}

// newSite serves pages by their paths, each a body.
func newSite(t testing.TB, pages map[string]string) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>x</title><link rel="icon" href="data:,"><body>%s</body></html>`, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
