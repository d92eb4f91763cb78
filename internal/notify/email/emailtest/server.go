// Package emailtest runs a mail server for tests: SMTP with STARTTLS and a login, which keeps what it receives.
package emailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// The login that the server takes. The password has characters that a URL must encode.
const (
	User     = "punctual@example.com"
	Password = "s3cret/p@ss:word"
)

// Options are what a server does otherwise.
type Options struct {
	NoTLS     bool // it offers no STARTTLS, and takes passwords unencrypted
	Implicit  bool // it encrypts from the first byte
	NoAuth    bool // it offers no login
	Recipient error
	Sender    error
	Message   error
	// Each is a further answer to a recipient; nil for none. It may wait.
	Each func(to string) error
	// Taken is called with the recipient of a message that is kept, before the client is told that it was taken; nil for nothing.
	Taken func(to string)
}

// Mail is a message as it was received.
type Mail struct {
	From, To  string // of the envelope
	Header    mail.Header
	Subject   string // decoded
	Text      string // decoded, with \n
	HTML      string // likewise; "" for a mail in plain text only
	Raw       string
	User      string // who was logged in
	Encrypted bool
}

// Server is a mail server on the loopback interface.
type Server struct {
	Addr  string // host and port
	Roots []byte // PEM of the certificate that clients must trust
	Pool  *x509.CertPool

	options Options
	mu      sync.Mutex
	mails   []Mail
	arrived chan struct{} // closed and replaced with each mail
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{options: o, arrived: make(chan struct{})}
	certificate := s.certificate(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = listener.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if o.NoAuth {
			return &session{server: s, conn: c}, nil
		}
		return &loginSession{session{server: s, conn: c}}, nil
	}))
	server.Domain, server.ErrorLog = "mail.test", quiet{}
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	server.AllowInsecureAuth = o.NoTLS
	secure := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	switch {
	case o.Implicit:
		listener = tls.NewListener(listener, secure)
	case !o.NoTLS:
		server.TLSConfig = secure
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // the server does not know it yet when the test ends at once
		<-done
	})
	return s
}

// URL is what --smtp takes to use the server.
func (s *Server) URL() string {
	scheme := "smtp"
	if s.options.Implicit {
		scheme = "smtps"
	}
	if s.options.NoAuth {
		return scheme + "://" + s.Addr
	}
	return scheme + "://punctual%40example.com:s3cret%2Fp%40ss%3Aword@" + s.Addr
}

// Mails are those that have arrived, the oldest first.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Wait returns the first mail to an address from position from on, as soon as it arrives, and the position after it.
func (s *Server) Wait(t testing.TB, to string, from int) (Mail, int) {
	t.Helper()
	for {
		s.mu.Lock()
		mails, arrived := s.mails, s.arrived
		s.mu.Unlock()
		for i := from; i < len(mails); i++ {
			if strings.EqualFold(mails[i].To, to) {
				return mails[i], i + 1
			}
		}
		select {
		case <-arrived:
		case <-t.Context().Done():
			t.Fatalf("no mail to %s arrived", to)
		case <-time.After(time.Minute):
			t.Fatalf("no mail to %s arrived in a minute", to)
		}
	}
}

func (s *Server) add(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

func (s *Server) certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.Roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.Pool = x509.NewCertPool()
	s.Pool.AppendCertsFromPEM(s.Roots)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// session takes messages of one connection.
type session struct {
	server         *Server
	conn           *smtp.Conn
	user, from, to string
}

// loginSession is a session that wants a login first.
type loginSession struct{ session }

// AuthMechanisms is of smtp.AuthSession.
func (*loginSession) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth is of smtp.AuthSession.
func (s *loginSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != User || password != Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

// Mail is of smtp.Session.
func (s *loginSession) Mail(from string, o *smtp.MailOptions) error {
	if s.user == "" {
		return smtp.ErrAuthRequired
	}
	return s.session.Mail(from, o)
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.server.options.Sender
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if each := s.server.options.Each; each != nil {
		if err := each(to); err != nil {
			return err
		}
	}
	return s.server.options.Recipient
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.options.Message != nil {
		return s.server.options.Message
	}
	m, err := parse(raw)
	if err != nil {
		return err
	}
	m.From, m.To, m.User = s.from, s.to, s.user
	_, m.Encrypted = s.conn.TLSConnectionState()
	s.server.add(m)
	if taken := s.server.options.Taken; taken != nil {
		taken(m.To)
	}
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// parse reads a message in plain text, or in plain text and HTML.
func parse(raw []byte) (Mail, error) {
	read, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil {
		return Mail{}, err
	}
	m := Mail{Header: read.Header, Subject: subject, Raw: string(raw)}
	kind, parameters, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil {
		return Mail{}, err
	}
	if kind != "multipart/alternative" {
		m.Text, err = decode("text/plain", read.Header, read.Body)
		return m, err
	}
	parts := multipart.NewReader(read.Body, parameters["boundary"])
	for _, p := range []struct {
		kind string
		text *string
	}{{"text/plain", &m.Text}, {"text/html", &m.HTML}} {
		part, err := parts.NextRawPart()
		if err != nil {
			return Mail{}, err
		}
		if *p.text, err = decode(p.kind, mail.Header(part.Header), part); err != nil {
			return Mail{}, err
		}
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		return Mail{}, fmt.Errorf("the message has more than two parts: %w", err)
	}
	return m, nil
}

// decode reads a text of the kind that is wanted.
func decode(want string, header mail.Header, body io.Reader) (string, error) {
	if kind := header.Get("Content-Type"); !strings.HasPrefix(kind, want+"; charset=") {
		return "", fmt.Errorf("the content is not %s but %s", want, kind)
	}
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}
