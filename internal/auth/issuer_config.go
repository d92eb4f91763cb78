package auth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"punctual/internal/cron"
)

// IssuerConfig is an OpenID Connect issuer by which people sign in, and who may come in by it.
type IssuerConfig struct {
	Name         string `json:"name"`   // in paths: lower-case letters, digits and hyphens
	Title        string `json:"title"`  // on the button; the name by default
	Issuer       string `json:"issuer"` // its URL, exactly as its tokens have it
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"` // none for a public client
	SecretFile   string `json:"clientSecretFile"`

	Scopes  []string `json:"scopes"`  // openid, email and profile by default
	Domains []string `json:"domains"` // whose verified addresses are linked with people, and may come in

	VerifiedClaim  string               `json:"verifiedClaim"`  // tells that the address is verified; "email_verified" by default
	AllowGroups    []string             `json:"allowGroups"`    // of which one is needed to sign in; everybody by default
	GroupsClaim    string               `json:"groupsClaim"`    // "groups" by default; a path such as realm_access.roles is possible
	RoleClaim      string               `json:"roleClaim"`      // likewise; none by default
	Roles          map[string]cron.Role `json:"-"`              // by value of that claim
	Account        string               `json:"account"`        // that new people come into: its e-mail address or id
	InvitationOnly bool                 `json:"invitationOnly"` // new people need an invitation

	RoleNames map[string]string `json:"roles"` // as they are written in the file
}

const (
	maxIssuers     = 20
	maxIssuersFile = 1 << 20 // bytes
)

var (
	issuerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// ReadIssuers reads a file of issuers, a JSON list, with the files that it names; there are none when no file is given. The
// error is a sentence for the operator that names the file and the issuer.
func ReadIssuers(path string) ([]IssuerConfig, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the OpenID Connect issuers: %w", err)
	}
	issuers, err := parseIssuers(text)
	if err != nil {
		return nil, fmt.Errorf("the file %s of --oidc: %w", path, err)
	}
	for i := range issuers {
		if err := issuers[i].readSecret(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("the file %s of --oidc: issuer %q: %w", path, issuers[i].Name, err)
		}
	}
	return issuers, nil
}

// parseIssuers reads a list of issuers and completes it with defaults.
func parseIssuers(text []byte) ([]IssuerConfig, error) {
	if len(text) > maxIssuersFile {
		return nil, errors.New("it is larger than 1 MiB")
	}
	var issuers []IssuerConfig
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&issuers); err != nil {
		return nil, fmt.Errorf("it must hold a JSON list of issuers, such as "+
			`[{"name": "example", "issuer": "https://id.example.com", "clientId": "punctual"}]: %w`, err)
	}
	if decoder.More() {
		return nil, errors.New("there is more behind the list of issuers")
	}
	if len(issuers) > maxIssuers {
		return nil, fmt.Errorf("it holds %d issuers; at most %d are possible", len(issuers), maxIssuers)
	}
	seen := map[string]bool{}
	for i := range issuers {
		c := &issuers[i]
		if err := c.accept(); err != nil {
			return nil, fmt.Errorf("issuer %q: %w", c.Name, err)
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("two issuers have the name %q; give each its own", c.Name)
		}
		seen[c.Name] = true
	}
	return issuers, nil
}

// accept checks an issuer and completes it with defaults.
func (c *IssuerConfig) accept() error {
	if !issuerName.MatchString(c.Name) {
		return errors.New("the name must have 1 to 32 lower-case letters, digits and hyphens, as it is part of a path")
	}
	c.Title = cmp.Or(c.Title, c.Name)
	switch {
	case utf8.RuneCountInString(c.Title) > 64 || strings.ContainsFunc(c.Title, unicode.IsControl):
		return errors.New("the title may have at most 64 characters, and no control characters")
	case c.ClientID == "":
		return errors.New("the clientId is missing; it is the name that the issuer knows Punctual by")
	case c.ClientSecret != "" && c.SecretFile != "":
		return errors.New("give either clientSecret or clientSecretFile")
	case c.Account != strings.TrimSpace(c.Account):
		return errors.New("the account must be an e-mail address or an id, without spaces around it")
	}
	if err := checkIssuerURL(c.Issuer); err != nil {
		return err
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid", "email", "profile"}
	}
	if !slices.Contains(c.Scopes, "openid") {
		c.Scopes = slices.Insert(c.Scopes, 0, "openid")
	}
	for i, domain := range c.Domains {
		if c.Domains[i] = strings.ToLower(strings.TrimPrefix(domain, "@")); !domainName.MatchString(c.Domains[i]) {
			return fmt.Errorf("%q in domains is not a domain such as example.com", domain)
		}
	}
	c.VerifiedClaim = cmp.Or(c.VerifiedClaim, "email_verified")
	if c.GroupsClaim == "" && len(c.AllowGroups) > 0 {
		c.GroupsClaim = "groups"
	}
	return c.acceptRoles()
}

// acceptRoles reads the roles by their names.
func (c *IssuerConfig) acceptRoles() error {
	if (c.RoleClaim == "") != (len(c.RoleNames) == 0) {
		return errors.New("roleClaim and roles belong together: the claim, and the role of each of its values")
	}
	if c.RoleClaim != "" && c.Account == "" {
		return errors.New("roles are those in an account; name it as account")
	}
	c.Roles = make(map[string]cron.Role, len(c.RoleNames))
	for value, name := range c.RoleNames {
		role, ok := cron.ParseRole(name)
		if !ok {
			return fmt.Errorf("%q in roles is not a role; the roles are viewer, editor and owner", name)
		}
		c.Roles[value] = role
	}
	return nil
}

// readSecret reads the client's secret from its file, which is relative to the directory of the configuration.
func (c *IssuerConfig) readSecret(directory string) error {
	if c.SecretFile == "" {
		return nil
	}
	path := c.SecretFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(directory, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the clientSecretFile: %w", err)
	}
	if c.ClientSecret = strings.TrimSpace(string(text)); c.ClientSecret == "" {
		return fmt.Errorf("the clientSecretFile %s is empty", path)
	}
	return nil
}

// checkIssuerURL wants https, or http for an issuer on the same machine.
func checkIssuerURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("the issuer %q must be a URL such as https://id.example.com, exactly as the issuer writes it", text)
	case strings.ContainsAny(text, "?#"):
		return fmt.Errorf("the issuer %q must have no query and no fragment", text)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("the issuer %q must begin with https://; only one on the same machine may begin with http://", text)
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// public is the configuration without the secret.
func (c IssuerConfig) public() IssuerConfig {
	c.ClientSecret = ""
	return c
}

// trusts tells whether the issuer's word for an address is enough to link it with a person of that address.
func (c *IssuerConfig) trusts(email string) bool {
	_, domain, ok := strings.Cut(email, "@")
	return ok && slices.Contains(c.Domains, domain)
}
