package message

// englishEntrance is what people read who are not signed in, or prove again who they are.
var englishEntrance = map[string]string{
	"setup.title":        "Set up Punctual",
	"setup.intro":        "You become the operator of this service, and the owner of its first account.",
	"setup.submit":       "Create the operator",
	"setup.again":        "Sign in by link",
	"setup.again-intro":  "Set a new password for {email}. Your other sessions end.",
	"setup.again-submit": "Set the password and sign in",

	"sign-in.title":   "Sign in",
	"sign-in.nobody":  "Nobody can sign in yet. Open the link that the service printed when it started, or print another one on its machine with: punctual login-link",
	"sign-in.submit":  "Sign in",
	"sign-in.passkey": "Sign in with a passkey",
	"sign-in.issuer":  "Continue with {name}",
	"sign-in.lost":    "Forgot your password?",
	"sign-in.sign-up": "Sign up",

	"code.title":  "Enter your code",
	"code.intro":  "Your password was right. Your authenticator app shows the code that is needed too.",
	"code.hint":   "Six digits from your authenticator app, or one of your recovery codes.",
	"code.submit": "Continue",
	"code.cancel": "Sign in as somebody else",

	"confirm.title":   "Confirm that it is you",
	"confirm.intro":   "You are signed in as {email}. What you are about to do needs a sign-in within the last 15 minutes.",
	"confirm.submit":  "Confirm",
	"confirm.passkey": "Confirm with a passkey",
	"confirm.cancel":  "Go back",

	"passkey.instead":   "Use a passkey instead of a password",
	"passkey.cancelled": "No passkey was used. Try again, or use a password.",
	"passkey.known":     "This device has a passkey for you already.",

	"send.submit": "Send a link",
	"send.again":  "Nothing after some minutes? Look into the spam folder, or go back and check the address.",
	"send.back":   "Back to the sign-in",

	"lost.title":   "Forgot your password?",
	"lost.intro":   "We send a link to your e-mail address, by which you can set a new password within an hour.",
	"lost.sent":    "If {email} belongs to somebody here, a link is on its way to it.",
	"lost.no-mail": "This service cannot send mail. Ask its operator for a link, or sign in with a passkey.",

	"reset.title":  "Set a new password",
	"reset.intro":  "For {email}. Your other sessions end.",
	"reset.submit": "Set the password and sign in",

	"sign-up.title":    "Sign up",
	"sign-up.intro":    "We send a link to your e-mail address to confirm it.",
	"sign-up.sent":     "A link is on its way to {email}. It works for 24 hours.",
	"sign-up.complete": "Your e-mail address is confirmed. One more step, and you have an account.",
	"sign-up.submit":   "Create the account",

	"email.title":  "Confirm your new e-mail address",
	"email.intro":  "You will sign in as {email} from now on.",
	"email.submit": "Confirm",

	"invitation.title":  "Join {account}",
	"invitation.intro":  "[{inviter} invites you to {account}|You are invited to {account}].",
	"invitation.role":   "Your role: {role}.",
	"invitation.as":     "You are signed in as {email}.",
	"invitation.join":   "Join",
	"invitation.other":  "Sign in as somebody else",
	"invitation.known":  "Sign in as {email} to join.",
	"invitation.submit": "Create your sign-in and join",
}
