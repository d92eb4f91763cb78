package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Secrets are encrypted at rest with AES-256-GCM. A sealed value is the ID of its key (4 bytes), a random nonce (12 bytes)
// and the ciphertext with its tag. The row is associated data, so a value that is moved to another row cannot be decrypted.
//
// A node opens values with every key that it has. It seals with the one that the database names: the key of the setting
// 'key check'. Store.seal reads that setting in the transaction that writes the value, and locks it against replacement. So
// once a rotation has replaced it, no value is written any more that the former key seals, on any node:
//
//	writer ── lock (shared) ── seal ── write ── commit ─┐
//	rotation ── lock (alone) ───── waits ───────────────┴─▶ replace ── commit ──▶ seal all former values again
//
// store/rotate.go describes the rotation.

// KeyID identifies a key. It tells nothing of the key.
type KeyID [4]byte

// String is the ID in hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// IDOf is the ID of a key.
func IDOf(key [32]byte) KeyID {
	sum := sha256.Sum256(append([]byte("punctual key id\x00"), key[:]...))
	return KeyID(sum[:])
}

var (
	errSealed   = errors.New("a sealed value does not open")
	errNoKeys   = errors.New("there is no key to seal secrets with")
	errTwinKeys = errors.New("two keys of the secrets have the same ID; replace one of them")
)

// sealingKey is a key that is ready for use.
type sealingKey struct {
	id   KeyID
	raw  [32]byte
	aead cipher.AEAD
}

func newSealingKey(key [32]byte) (*sealingKey, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	return &sealingKey{IDOf(key), key, aead}, nil
}

func (k *sealingKey) seal(plain []byte, row string) []byte {
	out := make([]byte, len(k.id), len(k.id)+len(plain)+k.aead.Overhead())
	copy(out, k.id[:])
	return k.aead.Seal(out, nil, plain, []byte(row))
}

// keyOf is the ID of the key of a sealed value.
func keyOf(sealed []byte) (id KeyID, ok bool) {
	if len(sealed) < len(id) {
		return id, false
	}
	return KeyID(sealed[:len(id)]), true
}

// reloadEvery is how often keys are read again at most because a value of an unknown key was met.
const reloadEvery = time.Second

// sealer has the keys. A key that is no longer configured still opens values until the process ends: some may have been
// read before they were sealed again.
type sealer struct {
	source func() ([][32]byte, error)

	mu     sync.Mutex // for loading
	loaded time.Time
	known  atomic.Pointer[map[KeyID]*sealingKey]
	ids    atomic.Pointer[[]KeyID] // of the configured keys, in their order
}

// newSealer reads the keys.
func newSealer(source func() ([][32]byte, error)) (*sealer, error) {
	s := &sealer{source: source}
	s.known.Store(&map[KeyID]*sealingKey{})
	return s, s.load()
}

// load reads the keys again. After an error the former ones stay in use.
func (s *sealer) load() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loadLocked()
}

func (s *sealer) loadLocked() error {
	s.loaded = time.Now()
	keys, err := s.source()
	if err == nil && len(keys) == 0 {
		err = errNoKeys
	}
	if err != nil {
		return err
	}
	known, ids := maps.Clone(*s.known.Load()), make([]KeyID, len(keys))
	for i, key := range keys {
		ids[i] = IDOf(key)
		if twin, ok := known[ids[i]]; ok && twin.raw != key {
			return errTwinKeys
		}
		if known[ids[i]], err = newSealingKey(key); err != nil {
			return err
		}
	}
	s.known.Store(&known)
	s.ids.Store(&ids)
	return nil
}

// find returns a key by its ID. An unknown one may have been added since the keys were read.
func (s *sealer) find(id KeyID) (*sealingKey, bool) {
	if key, ok := (*s.known.Load())[id]; ok {
		return key, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.loaded) >= reloadEvery {
		_ = s.loadLocked() // the value does not open then; the worker that reads the keys reports the error
	}
	key, ok := (*s.known.Load())[id]
	return key, ok
}

func (s *sealer) open(sealed []byte, row string) ([]byte, error) {
	id, ok := keyOf(sealed)
	if !ok {
		return nil, errSealed
	}
	key, ok := s.find(id)
	if !ok {
		return nil, errSealed
	}
	plain, err := key.aead.Open(nil, nil, sealed[len(id):], []byte(row))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// idText is the IDs of the configured keys as a node reports them: separated by spaces.
func (s *sealer) idText() string {
	ids := *s.ids.Load()
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, " ")
}

// newest is the ID of the last of the configured keys.
func (s *sealer) newest() KeyID {
	ids := *s.ids.Load()
	return ids[len(ids)-1]
}

// seal seals a value for a row, in the transaction of ctx and q that writes it.
func (s *Store) seal(ctx context.Context, q queryer, plain []byte, row string) ([]byte, error) {
	tx, _ := joined(ctx)
	if tx.key == nil {
		id, err := s.currentKey(ctx, q, s.engine.lock(forKeyShare))
		if err != nil {
			return nil, err
		}
		key, ok := s.sealer.find(id)
		if !ok {
			return nil, ErrOtherKey
		}
		tx.key = key
	}
	return tx.key.seal(plain, row), nil
}

// currentKey is the ID of the key that secrets are sealed with.
func (s *Store) currentKey(ctx context.Context, q queryer, lock string) (id KeyID, err error) {
	var check []byte
	if err := q.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`+lock, keyCheck).Scan(&check); err != nil {
		return id, fmt.Errorf("read which key is in use: %w", err)
	}
	id, ok := keyOf(check)
	if !ok {
		return id, ErrOtherKey
	}
	return id, nil
}

// The settings that are sealed.
const (
	keyCheck      = "key check"      // a known value, whose key is the one in use
	serviceSecret = "service secret" // see Store.ServiceSecret
)

// checked is the value of the key check.
func checked() []byte {
	sum := sha256.Sum256([]byte(keyCheck))
	return sum[:]
}

// ServiceSecret is a secret of the installation that stays the same when the key is rotated: what must remain valid then,
// such as the URLs of badges and recovery codes, is made from it. In a database from before keys could be rotated it is
// its key.
func (s *Store) ServiceSecret() [32]byte { return s.secret }

// checkKeys checks that the database is sealed with a key of ours, and reads the secret of the service. A new database gets
// both, with the newest of our keys.
func (s *Store) checkKeys(ctx context.Context, readOnly bool) error {
	check, err := s.sealedSetting(ctx, s.read, keyCheck)
	if err != nil {
		return err
	}
	secret, err := s.sealedSetting(ctx, s.read, serviceSecret)
	if err == nil && !readOnly && (check == nil || secret == nil) {
		check, secret, err = s.createSecrets(ctx)
	}
	if err != nil {
		return err
	}
	if plain, err := s.sealer.open(check, keyCheck); err != nil || string(plain) != string(checked()) {
		return ErrOtherKey
	}
	if secret == nil { // the service has not written it yet
		id, _ := keyOf(check)
		key, _ := s.sealer.find(id)
		s.secret = key.raw
		return nil
	}
	plain, err := s.sealer.open(secret, serviceSecret)
	if err != nil || len(plain) != len(s.secret) {
		return ErrOtherKey
	}
	copy(s.secret[:], plain)
	return nil
}

// createSecrets writes the settings of checkKeys that are missing, unless another node does so first.
func (s *Store) createSecrets(ctx context.Context) (check, secret []byte, err error) {
	err = s.transact(ctx, ofAccount(0), func(ctx context.Context, q queryer) error {
		if check, err = s.sealedSetting(ctx, q, keyCheck); err != nil {
			return err
		}
		id, isOld := keyOf(check)
		if !isOld {
			id = s.sealer.newest()
		}
		key, ok := s.sealer.find(id)
		if !ok {
			return ErrOtherKey
		}
		value := key.raw
		if !isOld {
			_, _ = rand.Read(value[:]) // never fails
		}
		if err := addSetting(ctx, q, keyCheck, key.seal(checked(), keyCheck)); err != nil {
			return err
		}
		if err := addSetting(ctx, q, serviceSecret, key.seal(value[:], serviceSecret)); err != nil {
			return err
		}
		if check, err = s.sealedSetting(ctx, q, keyCheck); err != nil {
			return err
		}
		secret, err = s.sealedSetting(ctx, q, serviceSecret)
		return err
	})
	return check, secret, err
}

// addSetting writes a setting that may be there already.
func addSetting(ctx context.Context, q queryer, name string, value []byte) error {
	_, err := q.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, value)
	if err != nil {
		return fmt.Errorf("write a setting: %w", err)
	}
	return nil
}

// sealedSetting reads a setting; nil when there is none.
func (s *Store) sealedSetting(ctx context.Context, q queryer, name string) (value []byte, err error) {
	err = q.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, name).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("check the key: %w", err)
	}
	return value, nil
}
