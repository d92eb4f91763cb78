package app

import (
	"context"
	"fmt"
	"io"

	"punctual/internal/config"
	"punctual/internal/message"
	"punctual/internal/notify/email"
)

// newMailer sends the mails of the service; nil when no server is configured.
func newMailer(c config.Config) (*email.Sender, error) {
	if c.SMTP.Host == "" {
		return nil, nil
	}
	return email.New(c.SMTP, c.MailFrom)
}

// testMail sends a mail by the configured server, and waits until it is taken.
func testMail(ctx context.Context, c config.Config, stdout io.Writer) error {
	sender, err := newMailer(c)
	if err != nil {
		return err
	}
	to := c.Mail.Test.Address
	if err := sender.Send(ctx, message.Default().TestMail(to)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The server %s has taken the test mail to %s.\n", c.SMTP.Address(), to)
	return err
}
