package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
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
					noneOf(t, strings.ReplaceAll(s, `\<`, ""), "<@", "<#", "@everyone", "@here")
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
	return kind.Judge(c, &result)
}

// TestServices sends every message to every service.
func TestServices(t *testing.T) {
	x := client()
	for _, kind := range Kinds() {
		if kind.Mail() {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			base, last := serveService(t, kind.Name)
			for name, n := range messages() {
				if v := send(t, x, channelOf(kind.Name, base), n); v.Fault != cron.ChannelOK || v.Detail != "" {
					t.Errorf("%s: %+v", name, v)
				}
				if last().request == nil {
					t.Errorf("%s did not arrive", name)
				}
			}
			// Nothing in it but the subject.
			if v := send(t, x, channelOf(kind.Name, base), &message.Notification{ID: "msg_1", Event: "failure", Key: "k", Subject: "S",
				At: sentAt}); v.Fault != cron.ChannelOK {
				t.Errorf("a bare message: %+v", v)
			}
		})
	}
}

// TestHostileTexts sends every hostile text, everywhere, to every service.
func TestHostileTexts(t *testing.T) {
	x := client()
	for _, kind := range Kinds() {
		if kind.Mail() {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			base, _ := serveService(t, kind.Name)
			for name, text := range hostileTexts {
				events := []string{"failure", "recovery"}
				if len(text) > 5000 {
					events = events[:1]
				}
				for _, event := range events {
					if v := send(t, x, channelOf(kind.Name, base), hostile(event, text)); v.Fault != cron.ChannelOK {
						t.Errorf("%s: %+v", name, v)
					}
				}
				c := channelOf(kind.Name, base)
				if c.Template = "{summary}"; kind.ownBody {
					continue // the body of a template has no schema
				}
				if v := send(t, x, c, hostile("failure", text)); v.Fault != cron.ChannelOK {
					t.Errorf("%s by a template: %+v", name, v)
				}
			}
		})
	}
}

// TestWebhookSignature verifies a webhook by the library of the specification.
func TestWebhookSignature(t *testing.T) {
	base, last := serveService(t, "webhook")
	c := channelOf("webhook", base)
	c.Headers = []cron.Header{{Name: "Authorization", Value: "Bearer mine"}, {Name: "X-Event", Value: "{event} {subject}"}}
	x := client()
	n := hostile("failure", hostileTexts["line breaks"])
	if v := send(t, x, c, n); v.Fault != cron.ChannelOK {
		t.Fatalf("%+v", v)
	}
	library, err := standardwebhooks.NewWebhook(c.Settings["secret"])
	if err != nil {
		t.Fatal(err)
	}
	got := last()
	if err := library.VerifyIgnoringTimestamp(got.body, got.request.Header); err != nil {
		t.Error(err)
	}
	h := got.request.Header
	if h.Get("webhook-id") != "msg_123" || h.Get("Authorization") != "Bearer mine" ||
		h.Get("X-Event") != "failure a Bcc: eve@example.org body b c" || h.Get("Bcc") != "" {
		t.Errorf("the headers are %v", h)
	}
	delete(c.Settings, "secret")
	if v := send(t, x, c, n); v.Fault != cron.ChannelOK {
		t.Fatalf("%+v", v)
	}
	if h := last().request.Header; h.Get("webhook-signature") != "" || h.Get("webhook-id") != "msg_123" || h.Get("webhook-timestamp") == "" {
		t.Errorf("without a secret the headers are %v", h)
	}
}

// TestOwnRequests fills in templates of URL, headers and body, each with the escapes of its place.
func TestOwnRequests(t *testing.T) {
	type got struct{ method, uri, media, body string }
	var mu sync.Mutex
	var last got
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		last = got{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(b)}
	}))
	defer server.Close()
	n := &message.Notification{ID: "msg_9", Event: "failure", Subject: "a \"b\"\n& <c>/?#=+%é", Summary: "s", At: sentAt}
	const subject = `a "b" & <c>/?#=+%é`
	for name, tt := range map[string]struct {
		kind, url, method, template string
		headers                     []cron.Header
		want                        got
	}{
		"JSON": {"http", "/x", "", `{"text":"{subject}"}`, nil, got{"POST", "/x", "application/json", `{"text":"a \"b\" \u0026 \u003cc\u003e/?#=+%é"}`}},
		"JSON of a webhook": {"webhook", "/x", "", `["{subject}"]`, nil,
			got{"POST", "/x", "application/json", `["a \"b\" \u0026 \u003cc\u003e/?#=+%é"]`}},
		"text": {"http", "/x", "PATCH", "{event}: {subject}", nil, got{"PATCH", "/x", "text/plain; charset=utf-8", "failure: " + subject}},
		"form": {"http", "/x", "POST", "a={subject}&b={event}", []cron.Header{{Name: "content-type", Value: "application/x-www-form-urlencoded"}},
			got{"POST", "/x", "application/x-www-form-urlencoded", "a=a%20%22b%22%20%26%20%3Cc%3E%2F%3F%23%3D%2B%25%C3%A9&b=failure"}},
		"XML": {"http", "/x", "POST", "<a>{subject}</a>", []cron.Header{{Name: "Content-Type", Value: "text/xml"}},
			got{"POST", "/x", "text/xml", "<a>a &#34;b&#34; &amp; &lt;c&gt;/?#=+%é</a>"}},
		"GET": {"http", "/x/{subject}?s={subject}&e={event}", "GET", "ignored", nil,
			got{"GET", "/x/a%20%22b%22%20%26%20%3Cc%3E%2F%3F%23%3D%2B%25%C3%A9?s=a%20%22b%22%20%26%20%3Cc%3E%2F%3F%23%3D%2B%25%C3%A9&e=failure", "", ""}},
	} {
		c := &cron.Channel{Kind: tt.kind, Settings: map[string]string{"url": server.URL + tt.url, "method": tt.method}, Template: tt.template, Headers: tt.headers}
		if v := send(t, client(), c, n); v.Fault != cron.ChannelOK {
			t.Errorf("%s: %+v", name, v)
		}
		mu.Lock()
		if last != tt.want {
			t.Errorf("%s: came %+v, want %+v", name, last, tt.want)
		}
		mu.Unlock()
	}
}

// TestPagersFollowAProblem sends the four stages of a problem to the pagers: all have one key.
func TestPagersFollowAProblem(t *testing.T) {
	x := client()
	for kind, names := range map[string][3]string{
		"pagerDuty":    {"event_action", "dedup_key", "trigger trigger acknowledge resolve"},
		"splunkOnCall": {"message_type", "entity_id", "CRITICAL WARNING ACKNOWLEDGEMENT RECOVERY"},
	} {
		base, last := serveService(t, kind)
		var actions []string
		for _, event := range []string{"failure", "reminder", "acknowledged", "recovery"} {
			n := *messages()["failure"]
			n.Event = event
			if event == "reminder" {
				n.Severity = message.SeverityWarning
			}
			if v := send(t, x, channelOf(kind, base), &n); v.Fault != cron.ChannelOK {
				t.Errorf("%s %s: %+v", kind, event, v)
			}
			var body object
			if err := json.Unmarshal(last().body, &body); err != nil {
				t.Fatal(err)
			}
			actions = append(actions, fmt.Sprint(body[names[0]]))
			if body[names[1]] != "problem-11" {
				t.Errorf("%s: the key is %v", kind, body[names[1]])
			}
		}
		if got := strings.Join(actions, " "); got != names[2] {
			t.Errorf("%s is told %s, want %s", kind, got, names[2])
		}
		if !cron.TakesAcknowledgement(kind) {
			t.Errorf("%s is not told of acknowledgements", kind)
		}
	}
}
