package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	recoveryCodes  = 10
	recoveryLength = 10 // characters of 5 bits
	recoveryGroup  = 5
)

// recoveryAlphabet is Crockford's Base32, without the letters that are read as other characters.
const recoveryAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// RecoveryCodes makes and reads the codes by which a person signs in without the authenticator app. What is stored of a
// code is a hash with a key of the service, so a copied database does not give codes of 50 bits away.
type RecoveryCodes struct{ key []byte }

// NewRecoveryCodes returns a RecoveryCodes for the secret of the service.
func NewRecoveryCodes(secret [32]byte) RecoveryCodes {
	return RecoveryCodes{key: derivedKey(secret, "punctual recovery code")}
}

// Make makes ten codes for a person, such as K3V9P-0MZ7Q, and their hashes in the same order.
func (r RecoveryCodes) Make(personID int64) (codes []string, hashes [][32]byte) {
	for range recoveryCodes {
		var random [recoveryLength]byte
		rand.Read(random[:]) // never fails: it ends the program when the system has no randomness
		for i, b := range random {
			random[i] = recoveryAlphabet[int(b)%len(recoveryAlphabet)] // 32 divides 256
		}
		code := string(random[:])
		codes = append(codes, groups(code, recoveryGroup, "-"))
		hashes = append(hashes, r.hash(personID, code))
	}
	return codes, hashes
}

// Hash is the hash of a code as a person types it: case, spaces and dashes do not matter, nor whether an O is typed for a 0
// or an I or L for a 1. It is false for what cannot be a recovery code.
func (r RecoveryCodes) Hash(personID int64, typed string) (hash [32]byte, ok bool) {
	code, ok := normaliseRecovery(typed)
	if !ok {
		return hash, false
	}
	return r.hash(personID, code), true
}

func (r RecoveryCodes) hash(personID int64, code string) (hash [32]byte) {
	mac := hmac.New(sha256.New, r.key)
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(personID))) // never fails
	_, _ = mac.Write([]byte(code))
	mac.Sum(hash[:0])
	return hash
}

// normaliseRecovery is a typed code as it was made, without its dash.
func normaliseRecovery(typed string) (code string, ok bool) {
	if len(typed) > 128 {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		switch r = unicode.ToUpper(r); {
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), r == '\u2212': // hyphens, dashes and the minus sign
			return -1
		case r == 'O':
			return '0'
		case r == 'I', r == 'L':
			return '1'
		}
		return r
	}, norm.NFKC.String(typed))
	ok = len(code) == recoveryLength && strings.Trim(code, recoveryAlphabet) == ""
	return code, ok
}
