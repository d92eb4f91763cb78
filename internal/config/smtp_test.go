package config

import (
	"strings"
	"testing"
)

func TestSMTP(t *testing.T) {
	for given, want := range map[string]SMTP{
		"smtp://mail.example.com":                                {Host: "mail.example.com", Port: 587},
		"smtp://jane%40example.com:p%2Fss%40@mail.example.com":   {Host: "mail.example.com", Port: 587, User: "jane@example.com", Password: "p/ss@"},
		"smtps://jane:secret@mail.example.com":                   {Host: "mail.example.com", Port: 465, TLS: ImplicitTLS, User: "jane", Password: "secret"},
		"smtps://mail.example.com:2465/":                         {Host: "mail.example.com", Port: 2465, TLS: ImplicitTLS},
		"smtp://localhost:25":                                    {Host: "localhost", Port: 25, TLS: StartTLSAuto},
		"smtp://jane:secret@[::1]:25":                            {Host: "::1", Port: 25, TLS: StartTLSAuto, User: "jane", Password: "secret"},
		"smtp://127.0.0.1?starttls=required":                     {Host: "127.0.0.1", Port: 587},
		"smtp://relay.example.com:25?starttls=off":               {Host: "relay.example.com", Port: 25, TLS: NoTLS},
		"smtp://relay.example.com:25?starttls=auto":              {Host: "relay.example.com", Port: 25, TLS: StartTLSAuto},
		"smtp://jane:secret@relay.example.com?starttls=required": {Host: "relay.example.com", Port: 587, User: "jane", Password: "secret"},
	} {
		if got, err := parseSMTP(given); got != want || err != nil {
			t.Errorf("%s is read as %+v, %v", given, got, err)
		}
	}
	for given, says := range map[string]string{
		"mail.example.com":                                  "URL of a mail server",
		"mail.example.com:587":                              "URL of a mail server",
		"http://mail.example.com":                           "URL of a mail server",
		"smtp://":                                           "URL of a mail server",
		"smtp://jane:hidden/slash@mail.example.com":         "",
		"smtp://jane:hid%zzden@mail.example.com":            "percent-encoded",
		"smtp://mail.example.com/path":                      "path",
		"smtp://mail.example.com#x":                         "fragment",
		"smtp://mail.example.com:0":                         "port",
		"smtp://mail.example.com:99999":                     "port",
		"smtp://:hidden@mail.example.com":                   "no user",
		"smtp://mail.example.com?tls=off":                   "starttls only",
		"smtp://mail.example.com?starttls=yes":              "required, auto or off",
		"smtps://mail.example.com?starttls=off":             "no meaning",
		"smtp://jane:hidden@mail.example.com?starttls=off":  "unencrypted",
		"smtp://jane:hidden@mail.example.com?starttls=auto": "unencrypted",
	} {
		_, err := parseSMTP(given)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s is refused with: %v", given, err)
		}
	}
}

func TestMailFrom(t *testing.T) {
	for given, want := range map[string]MailFrom{
		"cron@example.com":            "<cron@example.com>",
		"Punctual <cron@example.com>": `"Punctual" <cron@example.com>`,
	} {
		if got, err := parseMailFrom(given); got != want || err != nil {
			t.Errorf("%s is read as %q, %v", given, got, err)
		}
	}
	for _, given := range []string{"cron", "a@example.com, b@example.com", "x@example.com\r\nBcc: y@example.com"} {
		if got, err := parseMailFrom(given); err == nil {
			t.Errorf("%q is read as %q", given, got)
		}
	}
}
