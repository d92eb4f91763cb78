package auth

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// maxSealed is how long a sealed state may be that somebody presents, in bytes.
const maxSealed = 64 << 10

// ErrSealed is that a sealed state is not one of ours, of another kind, or too old.
var ErrSealed = errors.New("auth: the sealed state is not valid")

// Sealer gives state to a browser that it brings back unread and unchanged: between the halves of a sign-in by passkey or
// by OpenID Connect, or of the set-up of an authenticator app. The text is base64url of a random nonce (24 bytes) and
// XChaCha20-Poly1305 of an expiry and JSON; the kind is associated data, so state of one kind does not open as another.
// It can be brought back more than once before it expires: what must happen once is noted by whoever does it.
type Sealer struct{ aead cipher.AEAD }

// NewSealer returns a Sealer for the secret of the service.
func NewSealer(secret [32]byte) *Sealer {
	aead, err := chacha20poly1305.NewX(derivedKey(secret, "punctual sealed state"))
	if err != nil {
		panic("auth: make the cipher: " + err.Error()) // the key has 32 bytes
	}
	return &Sealer{aead: aead}
}

// Seal makes a text of a state that can be opened until it expires.
func (s *Sealer) Seal(kind string, expires time.Time, state any) (string, error) {
	plain, err := json.Marshal(state)
	if err != nil {
		return "", fmt.Errorf("encode state: %w", err)
	}
	plain = append(binary.BigEndian.AppendUint64(nil, uint64(expires.UnixMilli())), plain...)
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	rand.Read(nonce) // never fails: it ends the program when the system has no randomness
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(kind))), nil
}

// Open reads a text of Seal into state, or fails with ErrSealed.
func (s *Sealer) Open(kind string, now time.Time, text string, state any) error {
	if len(text) > maxSealed || strings.ContainsAny(text, "\r\n") { // which the decoder would skip
		return ErrSealed
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < s.aead.NonceSize() {
		return ErrSealed
	}
	nonce, sealed := sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, sealed, []byte(kind))
	if err != nil || len(plain) < 8 {
		return ErrSealed
	}
	if expires := int64(binary.BigEndian.Uint64(plain)); now.UnixMilli() >= expires {
		return ErrSealed
	}
	if err := json.Unmarshal(plain[8:], state); err != nil {
		return fmt.Errorf("decode state of kind %s: %w", kind, err)
	}
	return nil
}
