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

	mailInvitation: {"Invitation to {account}", `[{inviter} invites you|You are invited] to the account {account} of Punctual, as {role}.

To accept, open this link before {time}. It works once, and for this e-mail address only:

{link}

If you do not know what this is about, ignore this mail.
`},
	mailChannel: {"Confirm notifications of {account}", `The account {account} of Punctual wants to send notifications about its jobs to this e-mail address.

If you want to get them, open this link within 7 days. It works once:

{link}

If you do not want them, ignore this mail; nothing else is sent then.
`},
	mailSubscribe: {"Confirm updates of {page}", `Somebody, probably you, asked for mails about incidents and maintenance of {page} to this e-mail address.

If you want to get them, open this link within 24 hours:

{link}

If it was not you, ignore this mail; nothing else is sent then.
`},
	mailSubscribed: {"You get the updates of {page}", `Somebody, probably you, asked for mails about incidents and maintenance of {page} to this e-mail address. You get them already.

To choose what you get, or to unsubscribe, open this link:

{link}
`},
	mailIncident: {"{page}: {what}: {title}", `{what}: {title}
{when}

[{update}

][Affected: {components}

][{url}

]You get this mail because you subscribed to {page}. To choose what you get, or to unsubscribe:
{link}
`},
	mailMaintenance: {"{page}: {what}: {title}", `{what}: {title}
{when}

[{update}

][Affected: {components}

][{url}

]You get this mail because you subscribed to {page}. To choose what you get, or to unsubscribe:
{link}
`},
	mailSignUp: {"Confirm your e-mail address", `Somebody, probably you, signed up for Punctual with this e-mail address.

To confirm the address, open this link within 24 hours. It works once:

{link}

If it was not you, ignore this mail; no account is created then.
`},
	mailKnown: {"You can sign in already", `Somebody, probably you, signed up for Punctual with this e-mail address. You do not need to: you can sign in with it already:

{link}

If you forgot the password, choose "Forgot your password?" there. If it was not you, ignore this mail.
`},
	mailLostPassword: {"Set a new password", `Somebody, probably you, asked for a new password for Punctual.

To set one, open this link within an hour. It works once:

{link}

If it was not you, ignore this mail; your password stays as it is.
`},
	mailNewEmail: {"Confirm your new e-mail address", `To use this e-mail address for Punctual from now on, open this link within 24 hours. It works once:

{link}

If it was not you who asked for that, ignore this mail.
`},
	mailEmailAsked: {"Your e-mail address is about to change", `Somebody who is signed in as you asked to change your e-mail address for Punctual to {email}. It changes once that address is confirmed.

If it was not you, change your password and end your other sessions now:

{link}
`},
	mailEmailChanged: {"Your e-mail address was changed", `Your e-mail address for Punctual is now {email}. You can no longer sign in with this one.

If it was not you, ask the operator of the service for help at once.
`},
	mailPasswordChanged: {"Your password was changed", `The password that you sign in to Punctual with was changed, and your other sessions were ended.

If it was not you, set another password with "Forgot your password?" on the page for signing in, or ask the operator of the service for help at once.
`},
	mailSignInAdded: {"A new way to sign in was added", `From now on you can also sign in to Punctual with {method}.

If it was not you who added that, remove it in your settings, and change your password.
`},
	mailSignInRemoved: {"A way to sign in was removed", `You can no longer sign in to Punctual with {method}.

If it was not you who removed that, change your password and end your other sessions.
`},
	mailPasskeyCopied: {"A passkey may have been copied", `Somebody signed in to Punctual as you with {method}. It counts its uses, and the count went back: so there may be a copy of it.

If that surprises you, delete that passkey in your settings, and end your other sessions.
`},
	mailKeyLives: {"API keys of {person} stay in use", `{person} is no longer a member of the account {account}. API keys that {person} made still work, with the rights that they have:

{keys}

Delete those that are not needed any more.
`},
	mailDeletion: {"{account} will be deleted", `The account {account} of Punctual will be deleted with its jobs, its history and its API keys on {time}. Its jobs do not run until then.

To keep it, cancel the deletion in the settings of the account before that time.
`},
	mailKept: {"{account} is not deleted", `The deletion of the account {account} of Punctual was cancelled. Everything in it stays as it was.
`},
}

// englishMethods name the ways to sign in, at the end of a sentence.
var englishMethods = map[SignInMethod]string{
	MethodPassword: "a password",
	MethodPasskey:  "[the passkey {name}|a passkey]",
	MethodApp:      "a code of an authenticator app, after the password",
	MethodIdentity: "[your identity at {name}|an identity of another service]",
}
