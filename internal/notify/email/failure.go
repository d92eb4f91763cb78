package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"punctual/internal/config"
	"punctual/internal/cron"
)

// failure says why a mail was not sent.
func (s *Sender) failure(ctx context.Context, to string, connected bool, err error) error {
	e := &cron.MailError{Server: s.server.Address(), To: to, Err: err, Temporary: true}
	e.Fault = s.fault(ctx, connected, err)
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		e.Reply = unquoted(reply.Error())
		e.Temporary = reply.Code/100 != 5
	}
	if sent, ok := errors.AsType[*mail.SendError](err); ok {
		e.Temporary = sent.IsTemp() || sent.ErrorCode() == 0
		if sent.ErrorCode() != 0 {
			e.Reply = replyOf(sent)
		}
	}
	return e
}

// replyOf is what the server said to a message: the library's text between its own words.
func replyOf(e *mail.SendError) string {
	text, _, _ := strings.Cut(e.Error(), ", affected")
	_, text, _ = strings.Cut(text, ": ")
	return unquoted(text)
}

// unquoted is a reply as the server wrote it: package textproto puts its text into quotes.
func unquoted(reply string) string {
	code, quoted, _ := strings.Cut(reply, " ")
	if text, err := strconv.Unquote(quoted); err == nil {
		return code + " " + text
	}
	return reply
}

func (s *Sender) fault(ctx context.Context, connected bool, err error) cron.MailFault {
	if sent, ok := errors.AsType[*mail.SendError](err); ok && sent.ErrorCode() != 0 {
		switch sent.Reason {
		case mail.ErrSMTPMailFrom:
			return cron.MailSender
		case mail.ErrSMTPRcptTo:
			return cron.MailRecipient
		default:
			return cron.MailRejected
		}
	}
	if timeout, ok := errors.AsType[net.Error](err); ctx.Err() != nil || ok && timeout.Timeout() {
		return cron.MailTimeout
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return cron.MailHostUnknown
	}
	if !connected {
		return cron.MailUnreachable
	}
	return s.sessionFault(err)
}

// sessionFault is why a connection did not get as far as a message.
func (s *Sender) sessionFault(err error) cron.MailFault {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	text := err.Error() // the library has no errors to tell these by
	switch {
	case certificate || record || alert || authority || strings.Contains(text, "tls: "):
		return cron.MailTLS
	case s.server.TLS == config.StartTLS && strings.Contains(text, "does not support STARTTLS"):
		return cron.MailNoTLS
	case strings.Contains(text, "does not support SMTP AUTH"), errors.Is(err, mail.ErrNoSupportedAuthDiscovered):
		return cron.MailNoLogin
	case strings.Contains(text, "SMTP AUTH failed"):
		return cron.MailLogin
	}
	return cron.MailBroken
}
