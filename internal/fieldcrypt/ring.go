package fieldcrypt

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"

	"wharf/internal/fault"
)

// HashBytes is the length of a hash.
const HashBytes = sha256.Size

// Overhead is how many bytes longer a sealed value is than the plain one.
const Overhead = 1 + 4 + 12 + 16

var (
	// ErrNoKeys means that an encrypted column is asked for and no key ring is configured.
	ErrNoKeys = fault.New(fault.Conflict, "encrypted columns cannot be read or written here: WHARF_FIELD_KEYS is not set (`api field-keys new` makes one)")

	// ErrOpen means that a value is not one that this ring sealed for this place: another key, another tenant or column, or
	// no ciphertext at all.
	ErrOpen = errors.New("value cannot be opened by the keys in WHARF_FIELD_KEYS")
)

// Column is the place that a value belongs to. Table is schema-qualified as in the database ("public.customers"), never the
// API's name, which changes with the configuration: what was sealed under one name does not open under another.
type Column struct {
	Tenant        uuid.UUID
	Table, Column string
}

// bytes gives the place without ambiguity: each name goes with its length.
func (c Column) bytes() []byte {
	b := make([]byte, 0, len(c.Tenant)+len(c.Table)+len(c.Column)+8)
	b = append(b, c.Tenant[:]...)
	for _, name := range [...]string{c.Table, c.Column} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(name))) //nolint:gosec // names have at most some 127 bytes
		b = append(b, name...)
	}
	return b
}

// Ring seals, opens and hashes. It is safe for concurrent use. A nil Ring is one without keys: Seal and Open return
// ErrNoKeys.
type Ring struct {
	aead tink.AEAD
	hash []byte
}

// New reads a key ring as NewKeys and Rotate write it. The empty text gives a nil Ring.
func New(ring string) (*Ring, error) {
	if ring == "" {
		return nil, nil
	}
	k, err := parse(ring)
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(k.handle)
	if err != nil {
		return nil, errors.New("fieldcrypt: the ring's keyset is not of kind AEAD")
	}
	return &Ring{aead: primitive, hash: k.hash}, nil
}

// Ready returns ErrNoKeys if there are none: for those who want to know before the first value.
func (r *Ring) Ready() error {
	if r == nil {
		return ErrNoKeys
	}
	return nil
}

// Seal appends the sealed form of plain to dst: len(plain)+Overhead bytes, under the ring's primary key.
func (r *Ring) Seal(dst, plain []byte, c Column) ([]byte, error) {
	if r == nil {
		return nil, ErrNoKeys
	}
	sealed, err := r.aead.Encrypt(plain, c.bytes())
	if err != nil {
		return nil, fmt.Errorf("fieldcrypt: seal %s.%s: %w", c.Table, c.Column, err)
	}
	return append(dst, sealed...), nil
}

// Open appends the plain form of sealed to dst. A value that none of the keys opens for this place is an ErrOpen that
// names table and column.
func (r *Ring) Open(dst, sealed []byte, c Column) ([]byte, error) {
	if r == nil {
		return nil, ErrNoKeys
	}
	plain, err := r.aead.Decrypt(sealed, c.bytes())
	if err != nil { // Tink says no more than that it failed
		return nil, fmt.Errorf("fieldcrypt: open %s.%s: %w", c.Table, c.Column, ErrOpen)
	}
	return append(dst, plain...), nil
}

// Hash appends the keyed hash of plain to dst: HashBytes bytes, of plain without the white space around it and in lower
// case. c is the @hash column itself, not the one it is of. A nil Ring has no hashes: dst comes back as it was; ask Ready.
func (r *Ring) Hash(dst, plain []byte, c Column) []byte {
	if r == nil {
		return dst
	}
	mac := hmac.New(sha256.New, r.hash)
	mac.Write(c.bytes())
	mac.Write(bytes.ToLower(bytes.TrimSpace(plain)))
	return mac.Sum(dst)
}

// String keeps the keys out of logs.
func (r *Ring) String() string { return "fieldcrypt.Ring" }

// GoString keeps the keys out of %#v.
func (r *Ring) GoString() string { return r.String() }
