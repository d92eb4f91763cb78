// Package email sends mails to people by an SMTP server.
package email
