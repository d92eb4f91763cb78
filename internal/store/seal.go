package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
)

// sealer encrypts secrets at rest with AES-256-GCM. A sealed value is the ID of the key (4 bytes), a random nonce (12
// bytes) and the ciphertext with its tag. The row is associated data, so a value that is moved to another row cannot be
// decrypted.
type sealer struct {
	id   [4]byte
	aead cipher.AEAD
}

var errSealed = errors.New("a sealed value does not open")

func newSealer(key [32]byte) (*sealer, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	sum := sha256.Sum256(append([]byte("punctual key id\x00"), key[:]...))
	return &sealer{id: [4]byte(sum[:4]), aead: aead}, nil
}

func (s *sealer) seal(plain []byte, row string) []byte {
	out := make([]byte, len(s.id), len(s.id)+len(plain)+s.aead.Overhead())
	copy(out, s.id[:])
	return s.aead.Seal(out, nil, plain, []byte(row))
}

func (s *sealer) open(sealed []byte, row string) ([]byte, error) {
	if len(sealed) < len(s.id) || [4]byte(sealed[:4]) != s.id {
		return nil, errSealed
	}
	plain, err := s.aead.Open(nil, nil, sealed[len(s.id):], []byte(row))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}
