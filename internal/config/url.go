package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// PublicURL is the scheme and the host of a URL, without a trailing slash, or empty.
type PublicURL string

// parsePublicURL reads an http or https URL that consists of scheme, host and optionally a port.
func parsePublicURL(text string) (PublicURL, error) {
	const example = "write it as https://cron.example.com"
	if strings.Contains(text, "@") {
		return "", fmt.Errorf("a user or password does not belong here; %s", example) // the text may contain a password
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%q is not an http or https URL; %s", text, example)
	case u.Path != "" && u.Path != "/":
		return "", fmt.Errorf("%q has the path %s, but the service answers at the root of a host only; "+
			"give it a host of its own, and %s", text, u.Path, example)
	case strings.ContainsAny(text, "?#"):
		return "", fmt.Errorf("%q has a query or a fragment; %s", text, example)
	}
	port := u.Port()
	n, err := strconv.ParseUint(port, 10, 16)
	if u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || port != "" && (err != nil || n == 0) {
		return "", fmt.Errorf("%q has no valid host and port; %s", text, example)
	}
	return PublicURL(u.Scheme + "://" + strings.ToLower(u.Host)), nil
}

// isPostgres tells whether a text is a URL of PostgreSQL, which may have several hosts: postgres://user:password@a:5432,b:5432/name.
func isPostgres(text string) bool {
	scheme, rest, _ := strings.Cut(text, "://")
	if scheme != "postgres" && scheme != "postgresql" {
		return false
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	user := ""
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, authority = authority[:i+1], authority[i+1:]
	}
	for host := range strings.SplitSeq(authority, ",") {
		if _, err := url.Parse("postgres://" + user + host + path); err != nil {
			return false
		}
	}
	return true
}
