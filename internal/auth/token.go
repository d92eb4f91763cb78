package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// The prefixes of tokens, so that secret scanners can tell what they have found.
const (
	keyPrefix     = "punctual_"
	sessionPrefix = keyPrefix + "session_"
)

// NewKey makes an API key of 32 random bytes. The key is what the user keeps; the hash is what is stored.
func NewKey() (key string, hash [32]byte) {
	return newToken(keyPrefix)
}

// HashKey is the SHA-256 of an API key as a caller presents it. Keys hold 256 random bits, so a plain hash is enough.
func HashKey(presented string) [32]byte {
	return HashToken(presented)
}

// NewSessionToken makes the token of a session, for a cookie or a bearer of the API, like NewKey.
func NewSessionToken() (token string, hash [32]byte) {
	return newToken(sessionPrefix)
}

// NewToken makes the token of a one-time link: 43 characters that need no escape in a URL.
func NewToken() (token string, hash [32]byte) {
	return newToken("")
}

// HashToken is the SHA-256 of a token as a caller presents it. Tokens hold 256 random bits, so a plain hash is enough.
func HashToken(presented string) [32]byte {
	return sha256.Sum256([]byte(presented))
}

func newToken(prefix string) (token string, hash [32]byte) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails: it ends the program when the system has no randomness
	token = prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return token, HashToken(token)
}
