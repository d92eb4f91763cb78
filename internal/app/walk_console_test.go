package app

// pagesOfConsole says what comes of each page and form of the console.
var pagesOfConsole = []visit{
	// nobody, half, off, loner, stranger, operator | viewer, editor, owner, stale
	{"GET /console", ``, "-2-+++ ++++", false},
	{"GET /console/events", ``, "-2-x++ ++++", false},
	{"POST /console/account", `account={accountId}`, "-2-000 ++++", false},
	{"POST /console/times", `times=utc`, "-2-+++ ++++", false},
	{"POST /console/theme", `theme=dark`, "-2-+++ ++++", false},
	{"GET /console/settings", ``, "-2-+++ ++++", false},

	{"GET /console/setup/{token}", ``, "++++++ ++++", true},
	{"POST /console/setup/{token}", `password=another+long+one`, "++++++ ++++", true},
	{"POST /console/setup/{token}/passkey", `email=new@example.com`, "000000 0000", true},

	{"GET /console/sign-in", ``, "++++++ ++++", false},
	{"POST /console/sign-in", `email=owner@kite77.example&password=seven+wide+boats+4`, "++++++ ++++", true},
	{"POST /console/sign-in, wrongly", `email=owner@kite77.example&password=wrong`, "~~~~~~ ~~~~", true},
	{"GET /console/sign-in/code", ``, "-+-+++ ++++", false},
	{"POST /console/sign-in/code", `code={code}`, "-+-~~~ ~~~~", false},
	{"POST /console/sign-out", ``, "-+-+++ ++++", false},
	{"POST /console/sign-in/passkey", `state=x&response=x`, "~~~~~~ ~~~~", false},
	{"POST /console/sign-in/passkey/begin", ``, "++++++ ++++", false},
	{"GET /console/confirm", ``, "-2-+++ ++++", false},
	{"POST /console/confirm", `password=seven+wide+boats+4`, "-2-+++ ++++", false},
	{"POST /console/confirm/passkey", `state=x&response=x`, "-2-~~~ ~~~~", false},
	{"POST /console/confirm/passkey/begin", ``, "-2---- --+-", false},

	// No issuer has the name, but for whom one would be asked is decided first.
	{"GET /console/sign-in/oidc/{name}", ``, "000+++ ++++", false},
	{"GET /console/sign-in/oidc/{name}/callback", ``, "000000 0000", false},
	{"GET /console/confirm/oidc/{name}", ``, "-2-000 0000", false},
	{"GET /console/settings/sign-in/identities/{name}", ``, "-2-000 000!", false},
	{"POST /console/settings/sign-in/identities/remove", `issuer=x&subject=x`, "-2-000 000!", false},

	{"GET /console/sign-up", ``, "++++++ ++++", false},
	{"POST /console/sign-up", `email=new@example.com`, "++++++ ++++", false},
	{"GET /console/sign-up/{token}", ``, "++++++ ++++", false},
	{"POST /console/sign-up/{token}", `password=another+long+one`, "++++++ ++++", false},
	{"POST /console/sign-up/{token}/passkey", ``, "++++++ ++++", false},
	{"GET /console/lost-password", ``, "++++++ ++++", false},
	{"POST /console/lost-password", `email=new@example.com`, "++++++ ++++", false},
	{"GET /console/password/{token}", ``, "++++++ ++++", true},
	{"POST /console/password/{token}", `password=another+long+one`, "++++++ ++++", true},
	{"GET /console/email/{token}", ``, "++++++ ++++", true},
	{"POST /console/email/{token}", ``, "++++++ ++++", true},
	{"GET /console/invitation/{token}", ``, "++++++ ++++", true},
	{"POST /console/invitation/{token}", `password=another+long+one`, "+2+xxx xxxx", true},
	{"POST /console/invitation/{token}/passkey", ``, "++++++ ++++", true},

	{"GET /console/act/{token}", ``, "++++++ ++++", true},
	{"POST /console/act/{token}", `action=acknowledge`, "++++++ ++++", true},
	{"GET /console/unsubscribe/{token}", ``, "++++++ ++++", true},
	{"POST /console/unsubscribe/{token}", `List-Unsubscribe=One-Click`, "++++++ ++++", true},
	{"GET /console/channel/{token}", ``, "++++++ ++++", true},
	{"POST /console/channel/{token}", ``, "++++++ ++++", true},

	{"GET /console/settings/person", ``, "-2-+++ ++++", false},
	{"POST /console/settings/person", `name=x`, "-2-+++ ++++", false},
	{"POST /console/settings/person/email", `email=new@example.com`, "-2-+++ +++!", false},
	{"POST /console/settings/person/delete", `typed={myEmail}`, "-2-+cc +++!", false},

	{"GET /console/settings/sign-in", ``, "-2-+++ ++++", false},
	{"POST /console/settings/sign-in/password", `password=another+long+one`, "-2-+++ +++!", false},
	{"POST /console/settings/sign-in/password/remove", ``, "-2-ccc cc+!", false},
	{"POST /console/settings/sign-in/totp", ``, "-2-+++ +++!", false},
	{"POST /console/settings/sign-in/totp/enable", `state=x&code=123456`, "-2-~~~ ~~~!", false},
	{"POST /console/settings/sign-in/totp/disable", ``, "-2-+++ +++!", false},
	{"POST /console/settings/sign-in/recovery-codes", ``, "-2-ccc ccc!", false},
	{"POST /console/settings/sign-in/passkeys", `state=x&response=x`, "-2-~~~ ~~~!", false},
	{"POST /console/settings/sign-in/passkeys/begin", ``, "-2-+++ +++!", false},
	{"POST /console/settings/sign-in/passkeys/{id}", `title=x`, "-2-000 00+0", false},
	{"POST /console/settings/sign-in/passkeys/{id}/remove", ``, "-2-000 00+!", false},

	{"GET /console/settings/sessions", ``, "-2-+++ ++++", false},
	{"POST /console/settings/sessions/end-others", ``, "-2-+++ ++++", false},
	{"POST /console/settings/sessions/{id}/end", ``, "-2-000 00+0", false},

	{"POST /console/settings/sessions/{id}/end, of oneself", ``, "-2-+++ ++++", false},

	{"GET /console/settings/people", ``, "-2-x++ ++++", false},
	{"POST /console/settings/people/invite", `email=new@example.com&role=owner`, "-2-x++ xx++", false},
	{"POST /console/settings/people/leave", ``, "-2-xcc ++++", false},
	{"POST /console/settings/people/{id}/role", `role=editor`, "-2-x00 xx++", false},
	{"POST /console/settings/people/{id}/remove", ``, "-2-x00 xx++", false},
	{"POST /console/settings/people/invitations/{id}/revoke", ``, "-2-x00 xx++", false},

	{"GET /console/settings/keys", ``, "-2-x++ ++++", false},
	{"POST /console/settings/keys", `title=x&scopes=read`, "-2-x++ x++!", false},
	{"POST /console/settings/keys/{id}/revoke", ``, "-2-x00 x++!", false},

	{"GET /console/settings/audit", ``, "-2-x++ xx++", false},

	{"GET /console/settings/account", ``, "-2-x++ xx++", false},
	{"POST /console/settings/account", `title=x`, "-2-x++ xx++", false},
	{"GET /console/settings/account/export", ``, "-2-x++ xx++", false},
	{"POST /console/settings/account/delete", `typed={myAccount}`, "-2-x+c xx+!", false},
	{"POST /console/settings/account/keep", ``, "-2-x++ xx++", false},

	{"GET /console/settings/accounts", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/accounts", `email=new@example.com&plan=default`, "-2-xx+ xxxx", false},
	{"POST /console/settings/accounts/{id}/plan", `plan=default`, "-2-xx+ xxxx", false},
	{"POST /console/settings/accounts/{id}/enable", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/accounts/{id}/disable", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/accounts/{id}/delete", ``, "-2-xx+ xxxx", false},
	{"GET /console/settings/everyone", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/everyone/{id}/enable", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/everyone/{id}/disable", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/everyone/{id}/operator", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/everyone/{id}/no-operator", ``, "-2-xx+ xxxx", false},

	{"GET /console/settings/service", ``, "-2-xx+ xxxx", false},
	{"POST /console/settings/service/test-mail", `to=new@example.com`, "-2-xx+ xxxx", false},
}

// idsOfConsole are the names of what {token} and {id} stand for, by the beginning of a path.
var idsOfConsole = map[string]string{
	"/console/setup/":                       "setup",
	"/console/sign-up/":                     "signUp",
	"/console/password/":                    "password",
	"/console/email/":                       "email",
	"/console/invitation/":                  "invitation",
	"/console/act/":                         "act",
	"/console/unsubscribe/":                 "unsubscribe",
	"/console/channel/":                     "confirmed",
	"/console/settings/sign-in/passkeys/":   "passkeyId",
	"/console/settings/sessions/":           "sessionId",
	"/console/settings/people/":             "personId",
	"/console/settings/people/invitations/": "invitationId",
	"/console/settings/keys/":               "apiKeyId",
	"/console/settings/accounts/":           "accountId",
	"/console/settings/everyone/":           "personId",
}
