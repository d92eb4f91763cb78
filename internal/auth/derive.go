package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// derivedKey is a key for one purpose, made from the secret of the service, of which it tells nothing (RFC 5869).
func derivedKey(secret [32]byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, secret[:], nil, purpose, 32)
	if err != nil {
		panic("auth: derive a key: " + err.Error()) // 32 bytes are always possible
	}
	return key
}
