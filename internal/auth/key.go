package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// keyPrefix starts every API key, so that secret scanners can tell what they have found.
const keyPrefix = "punctual_"

// NewKey makes an API key of 32 random bytes. The key is what the user keeps; the hash is what is stored.
func NewKey() (key string, hash [32]byte) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails: it ends the program when the system has no randomness
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return key, HashKey(key)
}

// HashKey is the SHA-256 of an API key as a caller presents it. Keys hold 256 random bits, so a plain hash is enough.
func HashKey(presented string) [32]byte {
	return sha256.Sum256([]byte(presented))
}
