package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"punctual/test/harness"
)

// maxTests is how many tests use the browser at once.
const maxTests = 4

// chromium is the one browser of all tests.
var chromium struct {
	once sync.Once
	ctx  context.Context
	stop func()
	err  error

	turns chan struct{}
	users sync.Map // the names of the tests that have a turn
}

// shortWalk is what runs with PUNCTUAL_TEST_BROWSER=short: the harness, the first start, and a page that does not exist.
const shortWalk = "^(TestHarness|TestFirstStart|TestUnknownPage)$"

// TestMain ends the browser with the tests.
func TestMain(m *testing.M) {
	if os.Getenv("PUNCTUAL_TEST_BROWSER") == "short" {
		flag.Parse()
		if err := flag.Set("test.run", shortWalk); err != nil {
			panic(err)
		}
	}
	code := harness.Main(m)
	endDemo()
	if chromium.stop != nil {
		chromium.stop()
	}
	os.Exit(code)
}

// startBrowser starts the browser for the first test that needs it.
func startBrowser(t testing.TB) context.Context {
	t.Helper()
	path := findBrowser()
	if path == "" {
		const missing = "Chromium is not installed; on Debian: apt-get install chromium"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	chromium.once.Do(func() {
		chromium.turns = make(chan struct{}, maxTests)
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-US"))
		if os.Getuid() == 0 {
			options = append(options, chromedp.NoSandbox)
		}
		allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, stop := chromedp.NewContext(allocator)
		chromium.ctx, chromium.stop = ctx, func() { stop(); stopAllocator() }
		chromium.err = chromedp.Do(ctx)
	})
	if chromium.err != nil {
		t.Fatalf("start %s: %v", path, chromium.err)
	}
	return chromium.ctx
}

// takeTurn waits until few enough tests use the browser. A test takes one turn for all of its tabs.
func takeTurn(t testing.TB) {
	if _, has := chromium.users.LoadOrStore(t.Name(), true); has {
		return
	}
	chromium.turns <- struct{}{}
	t.Cleanup(func() {
		chromium.users.Delete(t.Name())
		<-chromium.turns
	})
}

// findBrowser is the path of a browser; empty if there is none.
func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// TestHarness makes sure that what a page does wrong fails a test.
func TestHarness(t *testing.T) {
	t.Parallel()
	site := newSite(t, map[string]string{
		"/good":      `<p>good</p>`,
		"/console":   `<script>console.log("hello")</script>`,
		"/error":     `<script>setTimeout(() => { throw new Error("broken") })</script>`,
		"/policy":    `<meta http-equiv="Content-Security-Policy" content="style-src 'none'"><p style="color: red">red</p>`,
		"/missing":   `<img src="/nothing.png" alt="">`,
		"/unnamed":   `<input>`,
		"/wide":      `<div style="width: 800px">wide</div>`,
		"/elsewhere": `<img src="http://127.0.0.1:1/x.png" alt="">`,
	})
	for path, want := range map[string]bool{
		"/good": false, "/console": true, "/error": true, "/policy": true, "/missing": true, "/unnamed": true, "/wide": true,
		"/elsewhere": true, "/unknown": true,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			watched := &recorder{TB: t}
			tab := openTab(watched, site)
			tab.Open(path)
			tab.Look("")
			tab.settle()
			if got := len(watched.faults) > 0; got != want {
				t.Errorf("the faults are %q", watched.faults)
			}
		})
	}
}

// TestReplacedPages reads pages each of which soon leads to the next one.
func TestReplacedPages(t *testing.T) {
	t.Parallel()
	pages := map[string]string{}
	const last = 40
	for i := range last {
		pages[fmt.Sprintf("/%d", i)] = fmt.Sprintf(`<p>page</p><script>setTimeout(() => location.replace("/%d"), %d)</script>`, i+1, i)
	}
	pages[fmt.Sprintf("/%d", last)] = `<p>page</p><p>the last one</p>`
	tab := openTab(t, newSite(t, pages)).Open("/0")
	for range last {
		tab.Text("p")
		tab.wait("there is a page", `document.querySelector("p").innerText === "page"`)
	}
	tab.See("the last one").At(fmt.Sprintf("/%d", last))
}

// recorder is a test that keeps its errors to itself.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

// Errorf notes an error.
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
