package cron

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A job with a signing secret signs what it sends by the Standard Webhooks specification
// (https://www.standardwebhooks.com, version 1): the header webhook-signature is an HMAC-SHA256 of the headers webhook-id
// and webhook-timestamp and of the body.

// GenerateSigningSecret as Job.SigningSecret asks for a new random secret.
const GenerateSigningSecret = "generate"

// Sizes of the keys of signing secrets in bytes, by the specification.
const (
	signingPrefix   = "whsec_"
	minSigningKey   = 24
	maxSigningKey   = 64
	usualSigningKey = 32
)

// NewSigningSecret returns a random signing secret.
func NewSigningSecret() string {
	var key [usualSigningKey]byte
	_, _ = rand.Read(key[:]) // never fails
	return signingPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// IsSigningSecret reports whether a text has the form that the specification gives secrets.
func IsSigningSecret(text string) bool {
	_, ok := signingKey(text)
	return ok
}

// signingKey is the key of a signing secret; ok is false when the secret does not have the form of the specification.
func signingKey(secret string) (key []byte, ok bool) {
	text, ok := strings.CutPrefix(secret, signingPrefix)
	if !ok || len(text) > base64.StdEncoding.EncodedLen(maxSigningKey) {
		return nil, false
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	return key, err == nil && !strings.ContainsAny(text, "\r\n") && len(key) >= minSigningKey && len(key) <= maxSigningKey
}

// AppendSignature appends the value of the header webhook-signature to b: the signature of a request with the given
// webhook-id, webhook-timestamp and body.
func (c *Call) AppendSignature(b []byte, id, timestamp, body string) []byte {
	key, _ := signingKey(c.SigningSecret)
	mac := hmac.New(sha256.New, key)
	var chunk [1 << 10]byte // so that a long body is not copied as a whole
	for _, part := range [...]string{id, ".", timestamp, ".", body} {
		for part != "" {
			n := copy(chunk[:], part)
			mac.Write(chunk[:n])
			part = part[n:]
		}
	}
	b = append(b, "v1,"...)
	return base64.StdEncoding.AppendEncode(b, mac.Sum(nil))
}
