package notify

import (
	"encoding/json"
	"mime"
	"strconv"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// generic makes any HTTP request: URL, headers and body are templates. It reaches services that have no kind of their own. Without
// a template the body is that of a webhook.
var generic = Kind{
	Name: "http", Title: "HTTP request", Headers: true, ownBody: true,
	Fields: []Field{
		{Name: "url", Required: true, check: checkTemplateURL, isURL: true},
		{Name: "method", Choices: []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}, Default: "POST"},
	},
	build: buildGeneric,
}

func buildGeneric(d *draft) (cron.Request, error) {
	method, ok := cron.ParseMethod(d.setting("method"))
	if !ok {
		method = cron.MethodPost
	}
	r, err := d.ownRequest(method)
	if err != nil {
		return r, err
	}
	r.Headers = withHeader(r.Headers, "Idempotency-Key", d.ID)
	return r, nil
}

// ownRequest makes a request whose URL, headers and body an account can word itself. Values are escaped for the place that they go
// to: as a component of the URL, and in a body by its media type.
func (d *draft) ownRequest(method cron.Method) (r cron.Request, err error) {
	r.Method = method
	if r.URL, err = message.FillTemplate(d.setting("url"), d.Notification, component); err != nil {
		return r, err
	}
	for _, h := range d.channel.Headers {
		if h.Value, err = message.FillTemplate(h.Value, d.Notification, oneLine); err != nil {
			return r, err
		}
		r.Headers = append(r.Headers, h)
	}
	if !method.SendsBody() {
		return r, nil
	}
	template := d.channel.Template
	media := header(r.Headers, "Content-Type")
	switch {
	case media != "":
	case template == "" || looksLikeJSON(template):
		media = typeJSON
	default:
		media = "text/plain; charset=utf-8"
	}
	r.Headers = withHeader(r.Headers, "Content-Type", media)
	if template != "" {
		r.Body, err = message.FillTemplate(template, d.Notification, escapeFor(media))
		return r, err
	}
	r.Body, err = toJSON(d.event())
	return r, err
}

func looksLikeJSON(template string) bool {
	t := strings.TrimSpace(sample(template, "1"))
	return (strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[")) && json.Valid([]byte(t))
}

// escapeFor escapes a value for a body of a media type.
func escapeFor(media string) func(string) string {
	kind, _, _ := mime.ParseMediaType(media)
	switch {
	case kind == typeJSON, strings.HasSuffix(kind, "+json"):
		return escapeJSON
	case kind == "application/x-www-form-urlencoded":
		return component
	case kind == "text/html", strings.HasSuffix(kind, "/xml"), strings.HasSuffix(kind, "+xml"):
		return escapeHTML
	}
	return nil
}

// escapeJSON is a text as it stands between the quotation marks of a string in JSON.
func escapeJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(b[1 : len(b)-1])
}

// header is the first value of a header; "" for none.
func header(headers []cron.Header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// withHeader adds a header, unless there is one with the name.
func withHeader(headers []cron.Header, name, value string) []cron.Header {
	if header(headers, name) != "" {
		return headers
	}
	return append(headers, cron.Header{Name: name, Value: value})
}

func unixText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
