package email

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	stdmail "net/mail"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
)

// sendTimeout is how long one mail may take, from the name lookup to the server's last answer.
const sendTimeout = 30 * time.Second

// Sender sends mails by one server. It is safe for concurrent use; each mail has a connection of its own.
type Sender struct {
	server config.SMTP
	from   string // with or without a name
	own    string // the address of it
	domain string // of the sender's address: for Message-IDs and the greeting
	roots  *x509.CertPool
}

// New returns a Sender.
func New(server config.SMTP, from config.MailFrom) (*Sender, error) {
	address, err := stdmail.ParseAddress(string(from))
	if err != nil {
		return nil, fmt.Errorf("read the sender of mails: %w", err)
	}
	_, domain, _ := strings.Cut(address.Address, "@")
	return &Sender{server: server, from: string(from), own: address.Address, domain: domain}, nil
}

// Send sends a mail, and returns once the server has taken it. The error is a *cron.MailError.
func (s *Sender) Send(ctx context.Context, m message.Mail) error {
	return s.send(ctx, m.To, func(out *mail.Msg) {
		out.Subject(strings.Join(strings.Fields(m.Subject), " "))
		out.SetMessageIDWithValue(cmp.Or(m.ID, rand.Text()) + "@" + s.domain)
		if name := strings.Join(strings.Fields(m.Sender), " "); name != "" {
			_ = out.From((&stdmail.Address{Name: name, Address: s.own}).String()) // else it keeps the name of the service
		}
		unsubscribes(out, m.Unsubscribe)
		out.SetBodyString(mail.TypeTextPlain, m.Text)
	})
}

// send sends a mail to an address, with what write adds to it.
func (s *Sender) send(ctx context.Context, to string, write func(*mail.Msg)) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	out, err := s.compose(to)
	if err != nil {
		return &cron.MailError{Fault: cron.MailRecipient, Server: s.server.Address(), To: to, Err: err}
	}
	write(out)
	var d dialer
	stop := context.AfterFunc(ctx, d.close)
	defer stop()
	defer d.close()
	if err := s.exchange(ctx, &d, out); err != nil {
		return s.failure(ctx, to, d.connected(), err)
	}
	return nil
}

// exchange hands a message to the server. What happens after the server has taken it is no failure.
func (s *Sender) exchange(ctx context.Context, d *dialer, m *mail.Msg) error {
	client, err := s.client(d)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	if err := client.SendWithSMTPClient(session, m); err != nil {
		return err
	}
	_ = client.CloseWithSMTPClient(session)
	return nil
}

// compose begins a message. Line breaks in an address or the subject cannot add headers: addresses are parsed, and the
// subject is encoded.
func (s *Sender) compose(to string) (*mail.Msg, error) {
	out := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := out.From(s.from); err != nil {
		return nil, err
	}
	address, err := stdmail.ParseAddress(to)
	if err != nil || address.Address != to {
		return nil, fmt.Errorf("%q is not one e-mail address", to)
	}
	if err := out.To(address.String()); err != nil {
		return nil, err
	}
	out.SetDate()
	out.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notes, please
	return out, nil
}

// client is a client of the library, for one mail.
func (s *Sender) client(d *dialer) (*mail.Client, error) {
	secure := &tls.Config{ServerName: s.server.Host, MinVersion: tls.VersionTLS12, RootCAs: s.roots}
	if s.server.TLS == config.ImplicitTLS {
		d.secure = secure
	}
	options := []mail.Option{
		mail.WithPort(s.server.Port), mail.WithTimeout(sendTimeout), mail.WithTLSConfig(secure), mail.WithHELO(s.domain),
		mail.WithoutNoop(), // which some servers count as an error
		mail.WithDialContextFunc(d.dial), mail.WithTLSPolicy(policies[s.server.TLS]),
	}
	if s.server.User != "" {
		login := mail.SMTPAuthAutoDiscover
		if s.server.TLS == config.StartTLSAuto || s.server.TLS == config.NoTLS {
			login = mail.SMTPAuthPlainNoEnc // to this machine, or the configuration is refused
		}
		options = append(options, mail.WithUsername(s.server.User), mail.WithPassword(s.server.Password), mail.WithSMTPAuth(login))
	}
	return mail.NewClient(s.server.Host, options...)
}

var policies = map[config.SMTPSecurity]mail.TLSPolicy{
	config.StartTLS: mail.TLSMandatory, config.StartTLSAuto: mail.TLSOpportunistic, config.NoTLS: mail.NoTLS,
	config.ImplicitTLS: mail.TLSOpportunistic, // the dialer has encrypted the connection, which the library sees
}

// dialer makes the connection of one mail and keeps it: the library closes it on some paths only, and does not end with its
// context once it is connected.
type dialer struct {
	secure *tls.Config // nil for a connection that begins unencrypted

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.keep(conn)
	if d.secure == nil {
		return conn, nil
	}
	encrypted := tls.Client(conn, d.secure)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return encrypted, nil
}

func (d *dialer) keep(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = conn
	if d.closed {
		_ = conn.Close()
	}
}

func (d *dialer) connected() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn != nil
}

func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.conn != nil {
		_ = d.conn.Close()
	}
}
