// Package auth proves who a caller is, and turns what a caller presents into a cron.Actor.
//
//	API keys, sessions, links   token.go, authenticator.go   random tokens, of which the hash is stored
//	passwords                   password.go, turns.go        Argon2id, bounded and fair; password_rules.go refuses common ones
//	authenticator apps          totp.go, recovery.go         TOTP, and recovery codes
//	passkeys                    passkey.go                   WebAuthn
//	OpenID Connect              issuer.go, identity.go       issuers of the configuration, and who signed in there
//	state in browsers           seal.go                      between the halves of a sign-in
//	proxies                     address.go                   where a request comes from
//
// It stores nothing: what counts once (a TOTP step, a recovery code, a challenge) is noted by its caller.
package auth
