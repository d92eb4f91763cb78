package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Hashes are made with Argon2id of 19 MiB, two passes and one lane, which OWASP's Password Storage Cheat Sheet gives.
var argonNow = argonCost{memory: 19456, passes: 2, lanes: 1}

const (
	saltBytes    = 16
	hashBytes    = 32
	hashesAtOnce = 2
	hashesWait   = 32
)

// argonCost is what a hash costs; memory in KiB.
type argonCost struct {
	memory, passes uint32
	lanes          uint8
}

// Passwords hashes and checks passwords. Each takes 19 MiB and tens of milliseconds, so two are done at once and 32 wait,
// served round-robin over the networks that ask. It is safe for concurrent use.
type Passwords struct {
	turns *turns
}

// NewPasswords returns a Passwords; a process has one.
func NewPasswords() *Passwords {
	return &Passwords{turns: newTurns(hashesAtOnce, hashesWait)}
}

// Hash makes the hash of a password for a caller at an address, as a PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
// It fails with kind TooMany when too many wait.
func (p *Passwords) Hash(ctx context.Context, from netip.Addr, password string) (phc string, err error) {
	if err := p.turns.take(ctx, from); err != nil {
		return "", err
	}
	defer p.turns.give()
	var salt [saltBytes]byte
	rand.Read(salt[:]) // never fails: it ends the program when the system has no randomness
	return encodePHC(argonNow, salt[:], argonNow.hash(password, salt[:], hashBytes)), nil
}

// Check tells whether a password is the one of a hash, for a caller at an address, and whether the hash is stale: made at
// another cost than today's, so that it should be made again from the password just given. An empty hash is that of
// nobody, and one that cannot be read neither; both cost the same work and match nothing. It fails with kind TooMany when
// too many wait.
func (p *Passwords) Check(ctx context.Context, from netip.Addr, phc, password string) (ok, stale bool, err error) {
	if err := p.turns.take(ctx, from); err != nil {
		return false, false, err
	}
	defer p.turns.give()
	cost, salt, want, known := decodePHC(phc)
	if len(password) > MaxPassword {
		known, password = false, password[:MaxPassword]
	}
	if !known {
		cost, salt, want = argonNow, make([]byte, saltBytes), make([]byte, hashBytes)
	}
	same := subtle.ConstantTimeCompare(cost.hash(password, salt, len(want)), want) == 1
	ok = same && known
	return ok, ok && cost != argonNow, nil
}

// hash is Argon2id of a password in Unicode's form NFKC, so that it does not matter how a keyboard composes its letters.
func (c argonCost) hash(password string, salt []byte, length int) []byte {
	return argon2.IDKey(norm.NFKC.Bytes([]byte(password)), salt, c.passes, c.memory, c.lanes, uint32(length))
}

func encodePHC(c argonCost, salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash))
}

// decodePHC reads a hash whose cost this process can bear: at most 1 GiB and 32 passes.
func decodePHC(phc string) (c argonCost, salt, hash []byte, ok bool) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, false
	}
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.lanes)
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	hash, hashErr := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	read := err == nil && saltErr == nil && hashErr == nil && encodePHC(c, salt, hash) == phc
	bearable := len(salt) >= 8 && len(salt) <= 64 && len(hash) >= 16 && len(hash) <= 64 &&
		c.memory >= 8*uint32(c.lanes) && c.memory <= 1<<20 && c.passes >= 1 && c.passes <= 32 && c.lanes >= 1
	return c, salt, hash, read && bearable
}
