package message

import "punctual/internal/cron"

// englishMails say why a mail could not be sent. MailUnknown is the fallback. The placeholders are {server}, {given} (the
// recipient) and {quoted} (what the server said).
var englishMails = map[cron.MailFault]string{
	cron.MailUnknown:     "The mail could not be sent by {server}; the log has the cause.",
	cron.MailHostUnknown: "The mail server {server} does not exist: its name cannot be resolved. Check the host name in --smtp.",
	cron.MailUnreachable: "The mail server {server} does not accept connections. Check host and port in --smtp, and that no firewall " +
		"blocks the port.",
	cron.MailTimeout: "The mail server {server} did not answer in time. Check the port in --smtp: 465 needs smtps://, 587 and 25 need " +
		"smtp://.",
	cron.MailTLS: "The connection to the mail server {server} could not be encrypted: its certificate is not valid for that name, or " +
		"the port does not speak TLS. Check host, port and scheme in --smtp: smtps:// for 465, smtp:// for 587 and 25.",
	cron.MailNoTLS: "The mail server {server} does not offer encryption (STARTTLS). Use another port or server, or permit an " +
		"unencrypted connection with ?starttls=off in --smtp.",
	cron.MailNoLogin:   "The mail server {server} offers no way to log in that can be used here. Leave user and password out of --smtp, or use another port.",
	cron.MailLogin:     "The mail server {server} rejects the user or the password of --smtp[: {quoted}].",
	cron.MailSender:    "The mail server {server} does not accept mails from the address of --mail-from[: {quoted}].",
	cron.MailRecipient: "The address {given} is not accepted[: {quoted}]. The mail server is {server}.",
	cron.MailRejected:  "The mail server {server} rejects the message[: {quoted}].",
	cron.MailBroken:    "The server {server} does not answer like a mail server, or the connection broke[: {quoted}]. Check host and port in --smtp.",
}

// englishMailTexts are the mails to people.
var englishMailTexts = map[mailKind]mailText{
	mailTest: {"Test mail from Punctual", "This is a test: Punctual can send mails to this address.\n"},
}
