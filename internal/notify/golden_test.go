package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"punctual/internal/cron"
)

var update = flag.Bool("update", false, "write the payloads of this program into testdata")

// TestGoldenPayloads compares what each service is sent with testdata/{kind}.json.
func TestGoldenPayloads(t *testing.T) {
	for _, kind := range Kinds() {
		if kind.Mail() {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			requests := map[string]any{}
			for name, n := range messages() {
				c := channelOf(kind.Name, "https://service.example.com")
				call, err := kind.Call(c, n, cron.AccessGlobal, sentAt)
				if err != nil {
					t.Fatal(err)
				}
				r := call.Request
				headers := [][2]string{}
				for _, h := range r.Headers {
					headers = append(headers, [2]string{h.Name, h.Value})
				}
				var body any = r.Body
				if form, err := url.ParseQuery(r.Body); header(r.Headers, "Content-Type") != typeJSON && err == nil {
					body = form
				} else if header(r.Headers, "Content-Type") == typeJSON {
					body = json.RawMessage(r.Body)
				}
				requests[name] = map[string]any{"method": r.Method.String(), "url": r.URL, "headers": headers, "body": body}
			}
			compare(t, kind.Name, requests)
		})
	}
}

func compare(t *testing.T, name string, value any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the payload is not that of %s; see what changed with -update and git diff:\n%s", path, b.Bytes())
	}
}
