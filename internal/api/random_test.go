package api_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestRandomJobs checks with jobs that are nearly right what FuzzJob checks with anything.
func TestRandomJobs(t *testing.T) {
	c := newClient(t)
	base := c.create(everyField)
	accepted, refused := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		if checkJob(t, c, base, `{"job":`+draw{r}.job()+`}`) {
			accepted++
		} else {
			refused++
		}
		if t.Failed() {
			r.FailNow() // so that the job is made small and shown
		}
	})
	if accepted == 0 || refused == 0 {
		t.Errorf("%d jobs were accepted, %d refused", accepted, refused)
	}
}

// draw makes JSON texts: mostly of the right kind, in all their spellings, and now and then anything.
type draw struct{ *rapid.T }

func (d draw) job() string {
	return d.object(
		"url", d.oneOf(`"a.example"`, `" http://a.example/%20?x#y "`, `"HTTPS://u:p@[::1]:8443"`,
			`"a.example/?u=http://b.example"`, `"http://a.example/%cjo:uuid4%"`, `"http://müller.example/ü"`),
		"enabled", d.boolean(), "title", d.text(), "saveResponses", d.boolean(), "requestTimeout", d.number(-5, 100),
		"redirectSuccess", d.boolean(), "jobId", d.text(), "type", d.number(0, 1),
		"requestMethod", d.oneOf(d.number(0, 8), d.number(0, 9), `"get"`, `"POST"`, `"Trace"`),
		"auth", d.object("enable", d.boolean(), "user", d.text(), "password", d.text()),
		"notification", d.object("onFailure", d.boolean(), "onFailureCount", d.number(-2, 9), "onSuccess", d.boolean(),
			"onDisable", d.boolean(), "onSslCertExpiry", d.boolean(), "onSslCertExpirySeconds", d.number(-2, 1e6)),
		"extendedData", d.object("headers", d.headers(), "body", d.text()),
		"schedule", d.object(
			"timezone", d.oneOf(`"UTC"`, `"Europe/Berlin"`, `"Asia/Calcutta"`),
			"expiresAt", d.oneOf("0", "203012312359", `"20301231235959"`),
			"hours", d.set(0, 23), "mdays", d.set(1, 31), "minutes", d.set(0, 59), "months", d.set(1, 12), "wdays", d.set(0, 7),
			"seconds", d.set(0, 59), "lastDay", d.oneOf("true", "false"), "days", d.oneOf(`"either"`, `"both"`), "dst", d.oneOf(`"once"`, `"wallclock"`),
			"spreadSeconds", d.number(0, 3600)),
		"runAt", d.number(0, 1<<32), "pausedUntil", d.number(0, 1<<32), "pauseNote", d.text(), "silencedUntil", d.number(-1, 1<<32),
		"description", d.text(), "tags", d.oneOf(`[]`, `null`, "["+d.text()+`,"a b"]`), "channelIds", d.oneOf(`[]`, `null`, `[1]`),
		"misfire", d.oneOf(`"skip"`, `"run"`), "graceSeconds", d.number(-1, 604800), "lateAfterSeconds", d.number(0, 86400),
		"overlap", d.oneOf(`"allow"`, `"skip"`), "delivery", d.oneOf(`"at-most-once"`, `"at-least-once"`),
		"retry", d.object("count", d.number(0, 10), "delaySeconds", d.number(0, 86400),
			"factor", d.oneOf("1.5", `"10"`, "1e0", "0.9"), "ceilingSeconds", d.number(0, 86400)),
		"followRedirects", d.number(0, 10), "verifyTls", d.boolean(), "oversize", d.oneOf(`"fail"`, `"truncate"`), "connection", d.oneOf(`"fresh"`, `"reuse"`),
		"traceparent", d.boolean(), "signingSecret", d.oneOf(`""`, `"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`, `"whsec_"`),
		"success", d.object("status", d.oneOf(`[]`, `[200,"404"]`, `["200-299"]`, `["9"]`), "contains", d.text(),
			"notContains", d.text(), "matches", d.oneOf(`""`, `"^a+$"`, `"("`)),
	)
}

func (d draw) chance(oneIn int) bool { return rapid.IntRange(1, oneIn).Draw(d.T, "chance") == oneIn }

func (d draw) oneOf(choices ...string) string { return rapid.SampledFrom(choices).Draw(d.T, "choice") }

// object takes names and values in turn. Most members are there, and few are junk.
func (d draw) object(namesAndValues ...string) string {
	var members []string
	for i := 0; i < len(namesAndValues); i += 2 {
		value := namesAndValues[i+1]
		if d.chance(100) {
			value = d.oneOf("null", "[]", "{}", `""`, "-0", "1e400", `"\ud800"`, "[[1]]", `{"a":{}}`, "99999999999999999999")
		}
		if i == 0 || !d.chance(4) {
			members = append(members, fmt.Sprintf("%q:%s", namesAndValues[i], value))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (d draw) boolean() string {
	return d.oneOf("true", "false", "0", "1", `"true"`, `"false"`, `"0"`, `"1"`, "null")
}

func (d draw) number(low, high int) string {
	n := strconv.Itoa(rapid.IntRange(low, high).Draw(d.T, "number"))
	return d.oneOf(n, n+".0", n+"e0", strconv.Quote(n))
}

func (d draw) text() string {
	text, _ := json.Marshal(rapid.String().Draw(d.T, "text"))
	return string(text)
}

func (d draw) list(item func() string) []string {
	items := make([]string, rapid.IntRange(0, 5).Draw(d.T, "length"))
	for i := range items {
		items[i] = item()
	}
	return items
}

func (d draw) set(low, high int) string {
	return "[" + strings.Join(d.list(func() string {
		if d.chance(50) {
			return d.number(-2, high+1)
		}
		return d.number(low, high)
	}), ",") + "]"
}

func (d draw) headers() string {
	name := func() string {
		if d.chance(50) {
			return d.text()
		}
		return d.oneOf(`"A"`, `"X-B"`, `" c\r\n"`, `""`, `"A"`)
	}
	value := func() string { return d.oneOf(`"1"`, `" x\r\ny "`, `""`, "7", "-1.5", "null", `"\t"`) }
	if d.chance(2) {
		return "{" + strings.Join(d.list(func() string { return name() + ":" + value() }), ",") + "}"
	}
	return "[" + strings.Join(d.list(func() string {
		return fmt.Sprintf(`{%s:%s,"value":%s}`, d.oneOf(`"key"`, `"name"`), name(), value())
	}), ",") + "]"
}
