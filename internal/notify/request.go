package notify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"punctual/internal/cron"
	"punctual/internal/message"
)

// The usual fields of services.

// hook is the URL of an incoming webhook, which is a secret itself.
func hook(kind string) Field {
	return Field{Name: "url", Secret: true, Required: true, check: urlOf(kind), isURL: true}
}

// server is where a service runs. It is required where there is no usual one.
func server(kind, usual string) Field {
	return Field{Name: "url", Required: usual == "", Default: usual, check: urlOf(kind), isURL: true}
}

// token is a secret that a service has given.
func token(name string) Field { return Field{Name: name, Secret: true, Required: true} }

// at is a path below the server of a channel.
func (d *draft) at(path string) string {
	base, _, _ := strings.Cut(d.setting("url"), "#")
	base, query, _ := strings.Cut(base, "?")
	if base = strings.TrimRight(base, "/") + path; query != "" {
		base += "?" + query
	}
	return base
}

// withQuery adds a parameter to a URL.
func withQuery(rawURL, name, value string) string {
	rawURL, _, _ = strings.Cut(rawURL, "#")
	sep := "?"
	if strings.Contains(rawURL, "?") {
		sep = "&"
	}
	return rawURL + sep + name + "=" + component(value)
}

// component is a text as a part of the path or the query of a URL (RFC 3986, section 2.3).
func component(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

const typeJSON = "application/json"

// postJSON is a request with a body in JSON.
func postJSON(url string, body any, headers ...cron.Header) (cron.Request, error) {
	text, err := toJSON(body)
	if err != nil {
		return cron.Request{}, err
	}
	return cron.Request{
		URL: url, Method: cron.MethodPost, Body: text, Headers: append([]cron.Header{{Name: "Content-Type", Value: typeJSON}}, headers...),
	}, nil
}

// toJSON is a value in JSON, with < and > as they are.
func toJSON(body any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return "", fmt.Errorf("write a message in JSON: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// postForm is a request with a form.
func postForm(url string, form url.Values, headers ...cron.Header) (cron.Request, error) {
	return cron.Request{
		URL: url, Method: cron.MethodPost, Body: form.Encode(),
		Headers: append([]cron.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}, headers...),
	}, nil
}

// bearer is the header that a token goes into (RFC 6750).
func bearer(token string) cron.Header {
	return cron.Header{Name: "Authorization", Value: "Bearer " + token}
}

// basic is the header of basic authentication (RFC 7617).
func basic(user, password string) cron.Header {
	return cron.Header{Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

// colours are those of the severities, as #RRGGBB.
var colours = [...]string{
	message.SeverityInfo: "#2563eb", message.SeverityGood: "#15803d", message.SeverityWarning: "#b45309", message.SeverityError: "#b91c1c",
}

// colour is the colour of a message.
func (d *draft) colour() string { return colours[d.Severity] }

// instant is a time in JSON (RFC 3339).
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// object is a value in JSON.
type object = map[string]any
