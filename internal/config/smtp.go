package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// SMTP is a mail server. The zero value is none.
type SMTP struct {
	Host     string
	Port     int
	TLS      SMTPSecurity
	User     string // empty for no login
	Password string
}

// SMTPSecurity is how a connection to a mail server is encrypted.
type SMTPSecurity int

// The ways to encrypt.
const (
	StartTLS     SMTPSecurity = iota // STARTTLS is mandatory (RFC 3207)
	StartTLSAuto                     // STARTTLS if the server offers it
	NoTLS                            // no encryption
	ImplicitTLS                      // TLS from the first byte (RFC 8314)
)

// parseSMTP reads smtp://user:password@host:port or smtps://…. With smtp, ?starttls=auto or off permits connections
// without encryption; for this machine auto is the default.
func parseSMTP(text string) (SMTP, error) {
	const example = "write it as smtp://user:password@mail.example.com:587 or smtps://user:password@mail.example.com:465"
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		// The text may contain a password, so it is not repeated.
		return SMTP{}, fmt.Errorf("it is not the URL of a mail server; %s, with special characters of the password "+
			"percent-encoded", example)
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return SMTP{}, fmt.Errorf("a path or a fragment has no meaning here; %s", example)
	}
	password, _ := u.User.Password()
	s := SMTP{Host: u.Hostname(), Port: 587, User: u.User.Username(), Password: password}
	if u.Scheme == "smtps" {
		s.Port, s.TLS = 465, ImplicitTLS
	} else if isLoopback(s.Host) {
		s.TLS = StartTLSAuto
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return SMTP{}, fmt.Errorf("%q is not a port; %s", port, example)
		}
		s.Port = int(n)
	}
	if password != "" && s.User == "" {
		return SMTP{}, fmt.Errorf("there is a password but no user; %s", example)
	}
	return s, s.readOptions(u)
}

// readOptions reads the query of the URL.
func (s *SMTP) readOptions(u *url.URL) error {
	for name, values := range u.Query() {
		if name != "starttls" {
			return fmt.Errorf("the option %q is unknown; there is starttls only, with required, auto or off", name)
		}
		if s.TLS == ImplicitTLS {
			return errors.New("smtps encrypts from the first byte, so starttls has no meaning; leave it off, or use smtp")
		}
		security, known := map[string]SMTPSecurity{"required": StartTLS, "auto": StartTLSAuto, "off": NoTLS}[values[len(values)-1]]
		if !known {
			return errors.New("starttls must be required, auto or off")
		}
		s.TLS = security
	}
	if s.User != "" && s.TLS != StartTLS && s.TLS != ImplicitTLS && !isLoopback(s.Host) {
		return errors.New("the password would be sent unencrypted; use smtps or starttls=required, or leave user and password off")
	}
	return nil
}

// isLoopback tells whether a host is this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Address is the host and the port.
func (s SMTP) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// MailFrom is the sender of mails, such as "Punctual <cron@example.com>", or empty.
type MailFrom string

// parseMailFrom reads an address, with or without a name.
func parseMailFrom(text string) (MailFrom, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return "", fmt.Errorf(`%q is not an e-mail address; write it as cron@example.com or "Punctual <cron@example.com>"`, text)
	}
	return MailFrom(a.String()), nil
}
