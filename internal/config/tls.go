package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// TLSConfig has the flags of HTTPS.
type TLSConfig struct {
	TLSCert string `name:"tls-cert" env:"PUNCTUAL_TLS_CERT" placeholder:"FILE" help:"A PEM file with the certificate of the service and the chain behind it; --listen serves HTTPS then. The service reads the file again when it changes."`
	TLSKey  string `name:"tls-key" env:"PUNCTUAL_TLS_KEY" placeholder:"FILE" help:"A PEM file with the private key of --tls-cert."`

	ACME          []Host `name:"acme" env:"PUNCTUAL_ACME" placeholder:"HOST" help:"Host names that get a certificate by ACME; --listen serves HTTPS then. This accepts the terms of the certificate authority."`
	ACMEEmail     string `name:"acme-email" env:"PUNCTUAL_ACME_EMAIL" placeholder:"EMAIL" help:"Address at which the certificate authority of --acme may contact you."`
	ACMEDirectory string `name:"acme-directory" env:"PUNCTUAL_ACME_DIRECTORY" placeholder:"URL" help:"The ACME directory of the certificate authority; by default that of Let's Encrypt."`
	ACMERoot      string `name:"acme-root" env:"PUNCTUAL_ACME_ROOT" placeholder:"FILE" help:"A PEM file with the root certificate that the HTTPS server of --acme-directory is checked by; by default those of the system."`

	HTTPListen string `name:"http-listen" env:"PUNCTUAL_HTTP_LISTEN" placeholder:"HOST:PORT" help:"Address of a plain HTTP listener that redirects to HTTPS and answers ACME challenges, such as :80."`
}

// Enabled tells whether the service serves HTTPS.
func (t *TLSConfig) Enabled() bool { return t.TLSCert != "" || len(t.ACME) > 0 }

// check reports flags that do not go together, and values that no flag's type rules out.
func (t *TLSConfig) check(public PublicURL) error {
	acme := len(t.ACME) > 0
	directory, err := url.Parse(t.ACMEDirectory)
	switch {
	case t.TLSCert != "" && t.TLSKey == "":
		return errors.New("--tls-cert needs --tls-key, the file with the private key of the certificate")
	case t.TLSCert == "" && t.TLSKey != "":
		return errors.New("--tls-key needs --tls-cert, the file with the certificate")
	case t.TLSCert != "" && acme:
		return errors.New("--tls-cert and --acme cannot be used together; give the certificate in files, or let the service get it")
	case !acme && t.ACMEEmail != "":
		return errors.New("--acme-email needs --acme, the host that gets a certificate")
	case !acme && t.ACMEDirectory != "":
		return errors.New("--acme-directory needs --acme, the host that gets a certificate")
	case !acme && t.ACMERoot != "":
		return errors.New("--acme-root needs --acme, the host that gets a certificate")
	case t.ACMEDirectory != "" && (err != nil || directory.Scheme != "https" || directory.Host == "" || directory.User != nil):
		return errors.New("--acme-directory must be an https URL, such as https://acme-v02.api.letsencrypt.org/directory")
	case t.ACMEEmail != "" && !isEmail(t.ACMEEmail):
		return fmt.Errorf("--acme-email is %q, but must be an e-mail address, such as admin@example.com", t.ACMEEmail)
	case t.HTTPListen != "" && !isHostPort(t.HTTPListen):
		return fmt.Errorf("--http-listen is %q, but must be HOST:PORT, such as :80", t.HTTPListen)
	case t.HTTPListen != "" && !t.Enabled():
		return errors.New("--http-listen redirects to HTTPS, which needs --tls-cert and --tls-key, or --acme; " +
			"to serve plain HTTP, use --listen alone")
	case t.Enabled() && strings.HasPrefix(string(public), "http://"):
		return fmt.Errorf("--public-url is %s, but the service serves HTTPS; write it as https://cron.example.com", public)
	}
	return nil
}

func isEmail(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Address == text
}

// Host is the name of a host, in lower case.
type Host string

var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// parseHost reads the name of a host that a certificate can be ordered for.
func parseHost(text string) (Host, error) {
	host := strings.TrimSuffix(strings.ToLower(text), ".")
	_, err := netip.ParseAddr(host)
	switch {
	case strings.Contains(host, "*"):
		return "", fmt.Errorf("%q is a wildcard, which the service cannot prove to have; name each host, such as cron.example.com", text)
	case err == nil || len(host) > 253 || !hostName.MatchString(host):
		return "", fmt.Errorf("%q is not the name of a host; write it as cron.example.com, without scheme and port, "+
			"and a name with other letters in its xn-- form", text)
	}
	return Host(host), nil
}
