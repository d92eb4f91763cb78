package email

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	stdmail "net/mail"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"punctual/internal/config"
	"punctual/internal/cron"
	"punctual/internal/message"
	"punctual/internal/notify/email/emailtest"
)

// senderFor sends by a test server, whose certificate it trusts.
func senderFor(t *testing.T, s *emailtest.Server, change func(*config.SMTP)) *Sender {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	server := config.SMTP{Host: host, Port: n, User: emailtest.User, Password: emailtest.Password}
	if change != nil {
		change(&server)
	}
	sender, err := New(server, "Punctual <cron@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	sender.roots = s.Pool
	return sender
}

func TestSend(t *testing.T) {
	for name, tt := range map[string]struct {
		options   emailtest.Options
		server    func(*config.SMTP)
		user      string
		encrypted bool
	}{
		"STARTTLS and a login": {emailtest.Options{}, nil, emailtest.User, true},
		"TLS from the start":   {emailtest.Options{Implicit: true}, func(s *config.SMTP) { s.TLS = config.ImplicitTLS }, emailtest.User, true},
		"STARTTLS if offered":  {emailtest.Options{}, func(s *config.SMTP) { s.TLS = config.StartTLSAuto }, emailtest.User, true},
		"neither": {emailtest.Options{NoTLS: true, NoAuth: true},
			func(s *config.SMTP) { s.TLS, s.User, s.Password = config.StartTLSAuto, "", "" }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := emailtest.Start(t, tt.options)
			text := "Grüße,\n\n.a line that begins with a dot\n" + strings.Repeat("long ", 300) + "\nhttps://cron.example.com/console/x\n"
			err := senderFor(t, server, tt.server).Send(t.Context(), message.Mail{To: "jane@example.org", Subject: "Jobs · täglich", Text: text})
			if err != nil {
				t.Fatal(err)
			}
			m, _ := server.Wait(t, "jane@example.org", 0)
			if m.From != "cron@example.com" || m.Subject != "Jobs · täglich" || m.Text != text || m.User != tt.user || m.Encrypted != tt.encrypted {
				t.Errorf("received %+v", m)
			}
			for header, want := range map[string]string{"From": `"Punctual" <cron@example.com>`, "To": "<jane@example.org>",
				"Auto-Submitted": "auto-generated"} {
				if got := m.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@example.com>") {
				t.Errorf("the Message-ID is %q", id)
			}
			if _, err := stdmail.ParseDate(m.Header.Get("Date")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHeaderInjection sends subjects and addresses that would add headers or recipients.
func TestHeaderInjection(t *testing.T) {
	server := emailtest.Start(t, emailtest.Options{})
	s := senderFor(t, server, nil)
	err := s.Send(t.Context(), message.Mail{To: "jane@example.org", Subject: "Hello\r\nBcc: eve@example.org\r\n\r\nbody\x00", Text: "x\n"})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := server.Wait(t, "jane@example.org", 0)
	if m.Header.Get("Bcc") != "" || !strings.HasPrefix(m.Subject, "Hello Bcc: eve@example.org body") || m.Text != "x\n" {
		t.Errorf("received %s", m.Raw)
	}
	for _, to := range []string{"jane@example.org\r\nRCPT TO:<eve@example.org>", "a@example.org, b@example.org", "jane@example.org>\nX: y",
		"", "nobody", "Jane <jane@example.org>"} {
		err := s.Send(t.Context(), message.Mail{To: to, Subject: "x", Text: "x"})
		if e, ok := errors.AsType[*cron.MailError](err); !ok || e.Fault != cron.MailRecipient {
			t.Errorf("a mail to %q ends with: %v", to, err)
		}
	}
	if n := len(server.Mails()); n != 1 {
		t.Errorf("%d mails arrived, want 1", n)
	}
}

// TestSendFails meets servers that do not take a mail.
func TestSendFails(t *testing.T) {
	refused := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such person here"}
	later := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, come again"}
	for name, tt := range map[string]struct {
		options   emailtest.Options
		server    func(*config.SMTP)
		want      cron.MailFault
		reply     string
		temporary bool
	}{
		"a wrong password":       {emailtest.Options{}, func(s *config.SMTP) { s.Password = "wrong-pass" }, cron.MailLogin, "535", false},
		"no login offered":       {emailtest.Options{NoAuth: true}, nil, cron.MailNoLogin, "", true},
		"no STARTTLS":            {emailtest.Options{NoTLS: true}, nil, cron.MailNoTLS, "", true},
		"a strange certificate":  {emailtest.Options{}, func(s *config.SMTP) { s.Host = "localhost6.test" }, cron.MailHostUnknown, "", true},
		"a login that is needed": {emailtest.Options{}, func(s *config.SMTP) { s.User = "" }, cron.MailSender, "502", false},
		"a rejected sender":      {emailtest.Options{Sender: refused}, nil, cron.MailSender, "no such person", false},
		"a rejected recipient":   {emailtest.Options{Recipient: refused}, nil, cron.MailRecipient, "no such person", false},
		"greylisting":            {emailtest.Options{Recipient: later}, nil, cron.MailRecipient, "greylisted", true},
		"a rejected message":     {emailtest.Options{Message: refused}, nil, cron.MailRejected, "no such person", false},
		"TLS where there is none": {emailtest.Options{NoTLS: true}, func(s *config.SMTP) { s.TLS = config.ImplicitTLS },
			cron.MailTLS, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			server := emailtest.Start(t, tt.options)
			err := senderFor(t, server, tt.server).Send(t.Context(), message.Mail{To: "jane@example.org", Subject: "x", Text: "x"})
			check(t, err, tt.want, tt.reply, tt.temporary)
			if n := len(server.Mails()); n != 0 {
				t.Errorf("%d mails arrived", n)
			}
		})
	}
	t.Run("a certificate of nobody", func(t *testing.T) {
		s := senderFor(t, emailtest.Start(t, emailtest.Options{}), nil)
		s.roots = nil
		check(t, s.Send(t.Context(), message.Mail{To: "jane@example.org", Subject: "x", Text: "x"}), cron.MailTLS, "", true)
	})
}

func check(t *testing.T, err error, want cron.MailFault, reply string, temporary bool) {
	t.Helper()
	e, ok := errors.AsType[*cron.MailError](err)
	if !ok {
		t.Fatalf("the error is %v", err)
	}
	if e.Fault != want || !strings.Contains(e.Reply, reply) || strings.ContainsAny(e.Reply, `"\\`) || e.Temporary != temporary {
		t.Errorf("fault %d, reply %q, temporary %t; want %d, %q, %t: %v", e.Fault, e.Reply, e.Temporary, want, reply, temporary, err)
	}
	if strings.Contains(err.Error()+e.Reply, emailtest.Password) || strings.Contains(err.Error()+e.Reply, "wrong-pass") {
		t.Errorf("the password is in the error: %v", err)
	}
	if strings.Contains(strings.ToLower(err.Error()), "@example.org") {
		t.Errorf("the error, which is logged, says whom the mail is to: %v", err)
	}
	if text := message.Default().Mail(e); !strings.Contains(text, e.Server) || strings.Count(text, "\n") > 0 {
		t.Errorf("it reads %q", text)
	}
}

// fake answers connections line by line, with what say returns.
func fake(t *testing.T, greeting string, say func(line string) string) config.SMTP {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, greeting)
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				_, _ = fmt.Fprint(conn, say(lines.Text()))
			}
			_ = conn.Close()
		}
	}()
	return config.SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: config.NoTLS}
}

// TestStrangeServers ends with an error, and with no connection left open, whatever answers.
func TestStrangeServers(t *testing.T) {
	silent := func(string) string { return "" }
	for name, tt := range map[string]struct {
		greeting string
		say      func(string) string
		want     cron.MailFault
	}{
		"one that says nothing":           {"", silent, cron.MailTimeout},
		"one that greets, and no more":    {"220 hello\r\n", silent, cron.MailTimeout},
		"one that stops within a message": {"220 hello\r\n", until("DATA"), cron.MailTimeout},
		"a web server":                    {"HTTP/1.1 400 Bad Request\r\n\r\n", silent, cron.MailBroken},
		"one that sends garbage":          {"220 hello\r\n", func(string) string { return "\x00\xff\r\n" }, cron.MailBroken},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(fake(t, tt.greeting, tt.say), "cron@example.com")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err = s.Send(ctx, message.Mail{To: "jane@example.org", Subject: "x", Text: "x"})
			check(t, err, tt.want, "", true)
		})
	}
	t.Run("none", func(t *testing.T) {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		s, err := New(config.SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}, "cron@example.com")
		if err != nil {
			t.Fatal(err)
		}
		check(t, s.Send(t.Context(), message.Mail{To: "jane@example.org", Subject: "x", Text: "x"}), cron.MailUnreachable, "", true)
	})
}

// TestQuitFails takes a mail as sent that the server has taken, even if it then hangs up.
func TestQuitFails(t *testing.T) {
	s, err := New(fake(t, "220 hello\r\n", until("QUIT")), "cron@example.com")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Send(ctx, message.Mail{To: "jane@example.org", Subject: "x", Text: "x"}); err != nil {
		t.Error(err)
	}
}

// until answers as a mail server does, up to a command that gets no answer.
func until(command string) func(string) string {
	data, stopped := false, false
	return func(line string) string {
		if stopped = stopped || line == command; stopped {
			return ""
		}
		switch {
		case data && line == ".":
			data = false
		case data:
			return ""
		case line == "DATA":
			data = true
			return "354 go on\r\n"
		}
		return "250 ok\r\n"
	}
}
