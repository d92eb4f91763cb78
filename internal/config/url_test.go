package config

import (
	"strings"
	"testing"
)

func TestPublicURL(t *testing.T) {
	for given, want := range map[string]PublicURL{
		"https://cron.example.com":       "https://cron.example.com",
		"HTTPS://Cron.Example.COM/":      "https://cron.example.com",
		"http://192.0.2.7:8080":          "http://192.0.2.7:8080",
		"http://[2001:db8::7]:8080/":     "http://[2001:db8::7]:8080",
		"https://cron.example.com:65535": "https://cron.example.com:65535",
	} {
		if got, err := parsePublicURL(given); got != want || err != nil {
			t.Errorf("%s is read as %q, %v", given, got, err)
		}
	}
	for given, says := range map[string]string{
		"cron.example.com":                "http or https URL",
		"cron.example.com:8080":           "http or https URL",
		"//cron.example.com":              "http or https URL",
		"ftp://cron.example.com":          "http or https URL",
		"https:cron.example.com":          "http or https URL",
		"https://":                        "http or https URL",
		"https://cron example.com":        "http or https URL",
		"https://cron.example.com/cron":   "path /cron",
		"https://cron.example.com//":      "path //",
		"https://cron.example.com?":       "query",
		"https://cron.example.com/?a=b":   "query",
		"https://cron.example.com#":       "fragment",
		"https://cron.example.com:":       "host and port",
		"https://cron.example.com:http":   "http or https URL",
		"https://cron.example.com:0x50":   "http or https URL",
		"https://cron.example.com:0":      "host and port",
		"https://cron.example.com:65536":  "host and port",
		"https://:8080":                   "host and port",
		"https://jane:hidden@example.com": "user or password",
		"ftp://jane:hidden@example.com":   "user or password",
		"https://jane:hid den@x":          "user or password",
	} {
		_, err := parsePublicURL(given)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "https://cron.example.com") {
			t.Errorf("%s is refused with: %v", given, err)
		} else if strings.Contains(err.Error(), "hidden") {
			t.Errorf("the password is repeated: %v", err)
		}
	}
}
