package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"punctual/internal/cron"
	"punctual/internal/fetch"
	"punctual/internal/message"
)

// A service of the tests holds requests to the documented API of a real one: the method, the path, what proves who asks, the
// media type, the schema in testdata/api, and rules that no schema can say. It answers as the real one does.

// service is the rules of an API.
type service struct {
	method, path string // the path with its query
	headers      map[string]string
	form         bool   // the body is a form
	answer       string // to what it takes
	status       int    // 0 for 200
	rules        func(t *testing.T, body object, raw []byte)
}

var services = map[string]service{
	"webhook": {method: "POST", path: "/hooks/Zx81Kq09", status: 204},
	"http":    {method: "PUT", path: "", answer: "thanks"},
	"slack": {method: "POST", path: "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", answer: "ok",
		rules: func(t *testing.T, body object, _ []byte) {
			walk(body, func(key string, o object) {
				if o["type"] == "mrkdwn" || key == "" {
					noneOf(t, o["text"], `<!`, `<@`, `<#`, `@here`, `@channel`, `@everyone`)
				}
			})
		}},
	"discord": {method: "POST", path: "/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz", status: 204,
		rules: func(t *testing.T, body object, _ []byte) {
			sum := 0
			embed := body["embeds"].([]any)[0].(object)
			for i, text := range []any{at(embed, "footer", "text"), embed["title"], embed["description"]} {
				s, _ := text.(string)
				sum += unitsIn(s)
				if i > 0 { // the footer is plain
					noneOf(t, strings.ReplaceAll(outsideFences(s), `\<`, ""), "<@", "<#")
					noneOf(t, s, "@everyone", "@here")
				}
			}
			fields, _ := embed["fields"].([]any)
			for _, f := range fields {
				sum += unitsIn(f.(object)["name"].(string)) + unitsIn(f.(object)["value"].(string))
			}
			if sum > 6000 {
				t.Errorf("the embed has %d characters", sum)
			}
			noLinks(t, embed["description"])
		}},
	"teams": {method: "POST", path: "/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=2016-06-01&sig=Abc0123456789", status: 202,
		rules: size(28 << 10)},
	"googleChat": {method: "POST",
		path:   "/v1/spaces/AAAA0000/messages?key=AIza0123456789&token=t0ken0123456789&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD",
		answer: `{"name":"spaces/AAAA0000/messages/x"}`,
		rules: func(t *testing.T, body object, raw []byte) {
			size(32_000)(t, body, raw)
			walk(body, func(key string, o object) {
				if key == "textParagraph" || key == "decoratedText" {
					isHTML(t, o["text"].(string), "b", "i", "a", "br")
				}
			})
		}},
	"mattermost": {method: "POST", path: "/hooks/xxx0generated0key0xxx", answer: "ok", rules: attachmentRules},
	"rocketChat": {method: "POST", path: "/hooks/5a1b2c3d4e5f/TokenTokenToken01", answer: `{"success":true}`, rules: attachmentRules},
	"matrix": {method: "PUT", path: "/_matrix/client/v3/rooms/%21abc%3Aexample.org/send/m.room.message/", answer: `{"event_id":"$abc"}`,
		headers: map[string]string{"Authorization": "Bearer syt_0123456789abcdef"},
		rules: func(t *testing.T, body object, raw []byte) {
			size(65_536-1_000)(t, body, raw)
			isHTML(t, body["formatted_body"].(string), "strong", "br", "a", "pre", "code")
		}},
	"telegram": {method: "POST", path: "/bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/sendMessage", answer: `{"ok":true,"result":{"message_id":1}}`,
		rules: func(t *testing.T, body object, _ []byte) {
			text := isHTML(t, body["text"].(string), "b", "i", "u", "s", "a", "code", "pre")
			if n := unitsIn(text); n > 4096 || n == 0 {
				t.Errorf("the text has %d characters", n)
			}
			noneOf(t, text, "@everyone", "@here", "@channel")
		}},
	"signal": {method: "POST", path: "/v2/send", status: 201, answer: `{"timestamp":"1"}`, rules: texts(2000, "message")},
	"ntfy": {method: "POST", path: "/", headers: map[string]string{"Authorization": "Bearer tk_0123456789abcdef"},
		answer: `{"id":"x","event":"message"}`, rules: texts(4096, "message")},
	"gotify": {method: "POST", path: "/gotify/message", headers: map[string]string{"X-Gotify-Key": "AzBc0123456789x"}, answer: `{"id":25}`},
	"pushover": {method: "POST", path: "/1/messages.json", answer: `{"status":1,"request":"x"}`,
		rules: func(t *testing.T, body object, _ []byte) {
			if _, linked := body["url_title"]; linked && body["url"] == nil {
				t.Error("a title of no URL")
			}
		}},
	"zulip": {method: "POST", path: "/api/v1/messages", form: true, answer: `{"result":"success","msg":"","id":42}`,
		headers: map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("cron-bot@example.org:a0b1c2d3e4f5g6h7"))},
		rules: func(t *testing.T, body object, _ []byte) {
			noneOf(t, outsideFences(body["content"].(string)), "@**", "@_**", "@*", "#**", "](https://evil", "!avatar")
		}},
	"webex": {method: "POST", path: "/v1/messages", headers: map[string]string{"Authorization": "Bearer webex0123456789"}, answer: `{"id":"x"}`,
		rules: texts(7439, "text")},
	"lark": {method: "POST", path: "/open-apis/bot/v2/hook/0a1b2c3d-4e5f", answer: `{"code":0,"msg":"success","data":{}}`,
		rules: func(t *testing.T, body object, raw []byte) {
			size(20<<10)(t, body, raw)
			mac := hmac.New(sha256.New, []byte(body["timestamp"].(string)+"\nlarkSecret0123456"))
			if body["sign"] != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
				t.Error("the signature is wrong")
			}
		}},
	"pagerDuty": {method: "POST", path: "/v2/enqueue", status: 202, answer: `{"status":"success","message":"Event processed","dedup_key":"x"}`,
		rules: size(512 << 10)},
	"splunkOnCall": {method: "POST", path: "/integrations/generic/20131114/alert/0a1b2c3d4e5f/data%20base",
		answer: `{"result":"success","entity_id":"x"}`, rules: size(30 << 10)},
	"homeAssistant": {method: "POST", path: "/api/webhook/some_hook_id_0123"},
	"apprise":       {method: "POST", path: "/notify/my-config-key-01", answer: "ok"},
	"twilio": {method: "POST", path: "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json", form: true, status: 201,
		headers: map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString(
			[]byte("AC0123456789abcdef0123456789abcdef:auth0token0123456"))},
		answer: `{"sid":"SM0123","status":"queued","error_code":null}`,
		rules: func(t *testing.T, body object, _ []byte) {
			if n := unitsIn(body["Body"].(string)); n > 1600 {
				t.Errorf("the SMS has %d characters", n)
			}
		}},
}

func attachmentRules(t *testing.T, body object, _ []byte) {
	total := 0
	walk(body, func(_ string, o object) {
		for _, name := range []string{"text", "title", "value", "footer"} {
			s, _ := o[name].(string)
			total += unitsIn(s)
			noneOf(t, s, "@channel", "@all", "@here", "@everyone")
			noLinks(t, s)
		}
	})
	if total > 5000 && strings.HasPrefix(fmt.Sprint(body["channel"]), "#") || total > 16_383 {
		t.Errorf("the message has %d characters", total)
	}
}

func size(limit int) func(*testing.T, object, []byte) {
	return func(t *testing.T, _ object, raw []byte) {
		if len(raw) > limit {
			t.Errorf("the request has %d bytes", len(raw))
		}
	}
}

func texts(limit int, name string) func(*testing.T, object, []byte) {
	return func(t *testing.T, body object, _ []byte) {
		if n := len(body[name].(string)); n > limit || n == 0 {
			t.Errorf("%s has %d bytes", name, n)
		}
	}
}

func at(v any, path ...string) any {
	for _, p := range path {
		o, _ := v.(object)
		v = o[p]
	}
	return v
}

// walk calls f with each object of a JSON value and the member that has it.
func walk(v any, f func(key string, o object)) { walkAt("", v, f) }

func walkAt(key string, v any, f func(string, object)) {
	switch v := v.(type) {
	case object:
		f(key, v)
		for k, member := range v {
			walkAt(k, member, f)
		}
	case []any:
		for _, item := range v {
			walkAt(key, item, f)
		}
	}
}

func noneOf(t *testing.T, text any, parts ...string) {
	t.Helper()
	s, _ := text.(string)
	for _, p := range parts {
		if strings.Contains(s, p) {
			t.Errorf("%q has %q", s[:min(len(s), 300)], p)
		}
	}
}

// noLinks refuses Markdown links to other places than ours.
func noLinks(t *testing.T, text any) {
	t.Helper()
	s, _ := text.(string)
	for _, m := range regexp.MustCompile(`[^\\]\]\((https?://[^)]*)\)`).FindAllStringSubmatch(outsideFences(s), -1) {
		if !strings.HasPrefix(m[1], "https://cron.example.com/") {
			t.Errorf("%q links to %s", s[:min(len(s), 300)], m[1])
		}
	}
}

// outsideFences is Markdown without its blocks of code. A fence that is not closed is an error of the text.
func outsideFences(s string) string {
	return regexp.MustCompile("(?s)```(text)?\n.*?\n```").ReplaceAllString(s, "")
}

// isHTML holds a text to a few elements, closed in order, and returns what it says.
func isHTML(t *testing.T, text string, allowed ...string) string {
	t.Helper()
	var said strings.Builder
	var open []string
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("%q leaves %v open", text, open)
			}
			return said.String()
		case html.TextToken:
			if raw := string(z.Raw()); strings.Contains(raw, "<") {
				t.Errorf("%q has a < that is not escaped", raw)
			}
			said.Write(z.Text())
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+token.Data+" ") {
				t.Errorf("%q has the element %s", text, token.Data)
			}
			for _, a := range token.Attr {
				if a.Key != "href" || !strings.HasPrefix(a.Val, "https://cron.example.com/") {
					t.Errorf("%q has the attribute %s=%q", text, a.Key, a.Val)
				}
			}
			switch {
			case token.Data == "br":
			case kind == html.StartTagToken:
				open = append(open, token.Data)
			case len(open) == 0 || open[len(open)-1] != token.Data:
				t.Errorf("%q closes %s, but %v are open", text, token.Data, open)
				return ""
			default:
				open = open[:len(open)-1]
			}
		default:
			t.Errorf("%q has %v", text, z.Token())
		}
	}
}

// received is a request that came.
type received struct {
	request *http.Request
	body    []byte
}

// serveService serves a service at a URL, and keeps what came.
func serveService(t *testing.T, kind string) (base string, last func() received) {
	t.Helper()
	rules, ok := services[kind]
	if !ok {
		t.Fatalf("there is no service for the kind %s", kind)
	}
	schema := schemaOf(t, kind)
	var mu sync.Mutex
	var got received
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = received{r, body}
		rules.check(t, schema, r, body)
		if rules.status != 0 {
			w.WriteHeader(rules.status)
		}
		if rules.status != 204 {
			_, _ = io.WriteString(w, rules.answer)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() received {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func schemaOf(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "api", kind+".json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(kind+".json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// check holds a request to the rules.
func (s *service) check(t *testing.T, schema *jsonschema.Schema, r *http.Request, body []byte) {
	if r.Method != s.method {
		t.Errorf("the method is %s, want %s", r.Method, s.method)
	}
	if !strings.HasPrefix(r.RequestURI, s.path) || s.path != "" && !strings.HasSuffix(s.path, "/") && r.RequestURI != s.path {
		t.Errorf("the path is %s, want %s", r.RequestURI, s.path)
	}
	for name, want := range s.headers {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r.Header.Get("Punctual-Execution") != "" {
		t.Error("the request says that it is an execution")
	}
	value := decode(t, s.form, r, body)
	if err := schema.Validate(value); err != nil {
		t.Errorf("the request is not one of the API: %.2000v\n%.2000s", err, body)
		return
	}
	checkTexts(t, value)
	if o, ok := value.(object); ok && s.rules != nil {
		s.rules(t, o, body)
	}
}

// decode reads a body in JSON or a form.
func decode(t *testing.T, form bool, r *http.Request, body []byte) any {
	if !form {
		if got := r.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("the media type is %q", got)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			t.Errorf("the body is not JSON: %v", err)
		}
		return value
	}
	if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
		t.Errorf("the media type is %q", got)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		t.Errorf("the body is not a form: %v", err)
	}
	o := object{}
	for name, v := range values {
		o[name] = v[0]
	}
	return o
}

// checkTexts refuses texts that are not fit to be shown.
func checkTexts(t *testing.T, v any) {
	t.Helper()
	each := func(s string) {
		if !utf8.ValidString(s) {
			t.Errorf("%q is not UTF-8", s)
		}
		for _, r := range s {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || 0x202A <= r && r <= 0x202E || 0x2066 <= r && r <= 0x2069 {
				t.Errorf("%.200q has %U", s, r)
				return
			}
		}
	}
	walk(v, func(_ string, o object) {
		for name, member := range o {
			each(name)
			switch member := member.(type) {
			case string:
				each(member)
			case []any:
				for _, item := range member {
					if s, ok := item.(string); ok {
						each(s)
					}
				}
			}
		}
	})
}

// client reaches the services of the tests, which are on this machine.
func client() *fetch.Client { return fetch.New(fetch.Config{}) }

// send sends a message, and says what became of it.
func send(t *testing.T, x *fetch.Client, c *cron.Channel, n *message.Notification) Verdict {
	t.Helper()
	kind, ok := Find(c.Kind)
	if !ok {
		t.Fatalf("there is no kind %s", c.Kind)
	}
	call, err := kind.Call(c, n, cron.AccessAll, sentAt)
	if err != nil {
		t.Fatal(err)
	}
	result := x.Do(t.Context(), call)
	return kind.Judge(c, &call, &result)
}
