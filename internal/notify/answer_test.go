package notify

import (
	"strings"
	"testing"
	"time"

	"punctual/internal/cron"
)

// TestAnswers gives each service's answers to messages that it does not take.
func TestAnswers(t *testing.T) {
	type want struct {
		fault  cron.ChannelFault
		detail string // a part of it
		wait   time.Duration
		gone   bool
	}
	for name, tt := range map[string]struct {
		kind   string
		status int
		body   string
		want   want
	}{
		"taken":                      {"webhook", 204, "", want{}},
		"a wrong token":              {"webhook", 401, `{"error":"who are you"}`, want{fault: cron.ChannelUnauthorized, detail: "HTTP 401 Unauthorized: who are you"}},
		"forbidden":                  {"webhook", 403, "", want{fault: cron.ChannelUnauthorized, detail: "HTTP 403 Forbidden"}},
		"not there":                  {"webhook", 404, "<html>x</html>", want{fault: cron.ChannelNotFound, detail: "HTTP 404 Not Found"}},
		"gone":                       {"webhook", 410, "", want{fault: cron.ChannelNotFound, detail: "HTTP 410 Gone", gone: true}},
		"refused":                    {"webhook", 422, "bad\nbody", want{fault: cron.ChannelRejected, detail: "HTTP 422 Unprocessable Entity: bad body"}},
		"busy":                       {"webhook", 429, "", want{fault: cron.ChannelBusy, wait: 7 * time.Second}},
		"too early":                  {"webhook", 425, "", want{fault: cron.ChannelBusy}},
		"broken":                     {"webhook", 503, "", want{fault: cron.ChannelBroken, wait: 7 * time.Second}},
		"a redirect":                 {"webhook", 302, "", want{fault: cron.ChannelAnswer}},
		"a status of nobody":         {"webhook", 799, "", want{fault: cron.ChannelAnswer, detail: "HTTP 799"}},
		"Slack: no such hook":        {"slack", 404, "no_service", want{fault: cron.ChannelNotFound, detail: "no_service"}},
		"Slack: archived":            {"slack", 410, "channel_is_archived", want{fault: cron.ChannelNotFound, gone: true}},
		"Slack: payload":             {"slack", 400, "invalid_blocks", want{fault: cron.ChannelRejected, detail: "invalid_blocks"}},
		"Slack: token":               {"slack", 403, "invalid_token", want{fault: cron.ChannelUnauthorized}},
		"Discord: slow down":         {"discord", 429, `{"message":"You are being rate limited.","retry_after":1.5,"global":false}`, want{fault: cron.ChannelBusy, wait: 1500 * time.Millisecond, detail: "rate limited"}},
		"Discord: no such hook":      {"discord", 404, `{"message":"Unknown Webhook","code":10015}`, want{fault: cron.ChannelNotFound, detail: "Unknown Webhook"}},
		"Teams: dropped":             {"teams", 200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413", want{fault: cron.ChannelAnswer, detail: "413"}},
		"Teams: slow down":           {"teams", 200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429", want{fault: cron.ChannelBusy}},
		"Teams: taken":               {"teams", 202, "", want{}},
		"Rocket.Chat: refused":       {"rocketChat", 200, `{"success":false,"error":"no channel"}`, want{fault: cron.ChannelAnswer, detail: "no channel"}},
		"Matrix: slow down":          {"matrix", 429, `{"errcode":"M_LIMIT_EXCEEDED","error":"Too many","retry_after_ms":2500}`, want{fault: cron.ChannelBusy, wait: 2500 * time.Millisecond}},
		"Matrix: token":              {"matrix", 401, `{"errcode":"M_UNKNOWN_TOKEN","error":"Unrecognised"}`, want{fault: cron.ChannelUnauthorized, detail: "M_UNKNOWN_TOKEN Unrecognised"}},
		"Matrix: not its server":     {"matrix", 200, `hello`, want{fault: cron.ChannelAnswer, detail: "hello"}},
		"Telegram: refused with 2xx": {"telegram", 200, `{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities"}`, want{fault: cron.ChannelRejected, detail: "can't parse entities"}},
		"Telegram: no such chat":     {"telegram", 400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, want{fault: cron.ChannelNotFound}},
		"Telegram: token":            {"telegram", 404, `{"ok":false,"error_code":404,"description":"Not Found"}`, want{fault: cron.ChannelUnauthorized}},
		"Telegram: slow down":        {"telegram", 429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`, want{fault: cron.ChannelBusy, wait: 35 * time.Second}},
		"Telegram: not its server":   {"telegram", 200, `<html>`, want{fault: cron.ChannelAnswer}},
		"ntfy: refused":              {"ntfy", 403, `{"code":40301,"http":403,"error":"forbidden","link":"x"}`, want{fault: cron.ChannelUnauthorized, detail: "forbidden"}},
		"Gotify: token":              {"gotify", 401, `{"error":"Unauthorized","errorCode":401,"errorDescription":"you need to provide a valid access token"}`, want{fault: cron.ChannelUnauthorized, detail: "valid access token"}},
		"Pushover: token":            {"pushover", 400, `{"token":"invalid","errors":["application token is invalid"],"status":0}`, want{fault: cron.ChannelUnauthorized, detail: "application token is invalid"}},
		"Pushover: refused, 2xx":     {"pushover", 200, `{"status":0,"errors":["no"]}`, want{fault: cron.ChannelAnswer, detail: "no"}},
		"Zulip: no such channel":     {"zulip", 400, `{"result":"error","msg":"Channel 'ops' does not exist","code":"STREAM_DOES_NOT_EXIST"}`, want{fault: cron.ChannelNotFound, detail: "does not exist"}},
		"Zulip: slow down":           {"zulip", 429, `{"result":"error","code":"RATE_LIMIT_HIT","msg":"API usage exceeded","retry-after":28.7}`, want{fault: cron.ChannelBusy, wait: 28700 * time.Millisecond}},
		"Zulip: refused with 2xx":    {"zulip", 200, `{"result":"error","msg":"no"}`, want{fault: cron.ChannelAnswer, detail: "no"}},
		"Lark: signature":            {"lark", 200, `{"code":19021,"msg":"sign match fail"}`, want{fault: cron.ChannelUnauthorized, detail: "sign match fail"}},
		"Lark: slow down":            {"lark", 200, `{"code":11232,"msg":"frequency limited"}`, want{fault: cron.ChannelBusy}},
		"Lark: keyword":              {"lark", 200, `{"code":19024,"msg":"Key Words Not Found"}`, want{fault: cron.ChannelAnswer, detail: "Key Words"}},
		"PagerDuty: refused":         {"pagerDuty", 400, `{"status":"invalid event","message":"Event object is invalid","errors":["x"]}`, want{fault: cron.ChannelRejected, detail: "Event object is invalid"}},
		"PagerDuty: slow down":       {"pagerDuty", 429, ``, want{fault: cron.ChannelBusy}},
		"Splunk: failure":            {"splunkOnCall", 200, `{"result":"failure","message":"no key"}`, want{fault: cron.ChannelAnswer, detail: "no key"}},
		"Apprise: no configuration":  {"apprise", 204, ``, want{fault: cron.ChannelNotFound}},
		"Apprise: a part failed":     {"apprise", 424, `{"error":"x"}`, want{fault: cron.ChannelBroken}},
		"Twilio: unsubscribed":       {"twilio", 400, `{"code":21610,"message":"Attempt to send to unsubscribed recipient","status":400}`, want{fault: cron.ChannelUnsubscribed, gone: true}},
		"Twilio: a wrong number":     {"twilio", 400, `{"code":21211,"message":"Invalid 'To' Phone Number","status":400}`, want{fault: cron.ChannelRejected, detail: "Invalid 'To'"}},
		"Twilio: slow down":          {"twilio", 429, `{"code":20429,"message":"Too Many Requests"}`, want{fault: cron.ChannelBusy}},
	} {
		kind, _ := Find(tt.kind)
		r := cron.Result{Status: cron.StatusHTTPError, HTTPStatus: tt.status, Body: []byte(tt.body)}
		if tt.status >= 200 && tt.status < 300 {
			r.Status = cron.StatusOK
		}
		if strings.Contains("429 503", strings.TrimSpace(tt.body+"429")) || tt.status == 503 {
			r.RetryAfter = tt.want.wait
		}
		v := kind.Judge(channelOf(tt.kind, "https://service.example.com"), new(cron.Call), &r)
		if v.Fault != tt.want.fault || v.Gone != tt.want.gone || v.Wait != tt.want.wait || !strings.Contains(v.Detail, tt.want.detail) {
			t.Errorf("%s: %+v, want %+v", name, v, tt.want)
		}
	}
}

// TestExchangesThatFail words what kept the exchange from an answer.
func TestExchangesThatFail(t *testing.T) {
	for name, tt := range map[string]struct {
		result cron.Result
		fault  cron.ChannelFault
		detail string
	}{
		"refused":   {cron.Result{Status: cron.StatusOther, Fault: cron.FaultRefused, Detail: "192.0.2.1:443"}, cron.ChannelExchange, "192.0.2.1:443 refused"},
		"blocked":   {cron.Result{Status: cron.StatusOther, Fault: cron.FaultNotGlobal, Detail: "10.0.0.1:80"}, cron.ChannelExchange, "no public address"},
		"broke off": {cron.Result{Status: cron.StatusOther, Fault: cron.FaultClosed, HTTPStatus: 200}, cron.ChannelOK, ""},
		"stopped":   {cron.Lost(), cron.ChannelLost, ""},
		"our own":   {cron.Result{Status: cron.StatusInternalError, Fault: cron.FaultShortage, Detail: cron.ShortOfFiles}, cron.ChannelInside, ""},
	} {
		v := webhook.Judge(channelOf("webhook", "https://service.example.com"), new(cron.Call), &tt.result)
		if v.Fault != tt.fault || !strings.Contains(v.Detail, tt.detail) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestDetailsHaveNoSecrets has every service echo every secret of its channel.
func TestDetailsHaveNoSecrets(t *testing.T) {
	for _, kind := range Kinds() {
		if kind.Mail() {
			continue
		}
		c := channelOf(kind.Name, "https://user:passw0rdX@service.example.com")
		if kind.Headers {
			c.Headers = []cron.Header{{Name: "Authorization", Value: "Bearer h3aderSecret99"}}
		}
		call, err := kind.Call(c, messages()["failure"], cron.AccessGlobal, sentAt)
		if err != nil {
			t.Fatal(err)
		}
		secrets := []string{"passw0rdX"}
		if kind.Headers {
			secrets = append(secrets, "h3aderSecret99")
		}
		for _, f := range kind.Fields {
			if f.Secret && c.Settings[f.Name] != "" {
				secrets = append(secrets, c.Settings[f.Name])
			}
		}
		for _, h := range call.Request.Headers {
			if strings.EqualFold(h.Name, "Authorization") {
				_, token, _ := strings.Cut(h.Value, " ")
				secrets = append(secrets, token)
			}
		}
		for _, part := range strings.FieldsFunc(c.Settings["url"], func(r rune) bool { return strings.ContainsRune("/?&=", r) }) {
			if strings.ContainsAny(part, "0123456789") && len(part) >= cron.MinMaskedSecret && !strings.Contains(part, "@") && kind != &webhook && kind != &generic {
				secrets = append(secrets, part)
			}
		}
		r := cron.Result{Status: cron.StatusHTTPError, HTTPStatus: 400, Body: []byte(strings.Join(secrets, " ") + " " + call.Request.URL)}
		v := kind.Judge(c, &call, &r)
		for _, s := range secrets {
			if len(s) >= cron.MinMaskedSecret && strings.Contains(v.Detail, s) {
				t.Errorf("%s shows %q: %s", kind.Name, s, v.Detail)
			}
		}
	}
}
