package fieldcrypt

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

const hashKeyBytes = 32

// keys are a ring's secrets.
type keys struct {
	handle *keyset.Handle
	hash   []byte
}

// document is a ring as it is written: JSON, in base64 so that it is one word for every shell and secret store.
type document struct {
	AEAD json.RawMessage `json:"aead"`     // a Tink keyset of AEAD keys, in the clear
	Hash []byte          `json:"hash_key"` // of HMAC-SHA-256
}

var errRing = errors.New("fieldcrypt: this is no key ring; `api field-keys new` makes one")

// NewKeys makes a key ring: one word, secret.
func NewKeys() (string, error) {
	hash := make([]byte, hashKeyBytes)
	if _, err := rand.Read(hash); err != nil {
		return "", fmt.Errorf("fieldcrypt: make a hash key: %w", err)
	}
	m := keyset.NewManager()
	first, err := addKey(m)
	if err != nil {
		return "", err
	}
	return turn(m, first, hash)
}

// Rotate gives the ring with another primary key. Values sealed before still open, and hashes stay as they are.
//
// A ring holds one key in advance. Rotate makes that one the primary key and adds the next, so that processes which still
// run with the former ring open what those with the new one seal.
func Rotate(ring string) (string, error) {
	k, err := parse(ring)
	if err != nil {
		return "", err
	}
	m := keyset.NewManagerFromHandle(k.handle)
	last, err := k.handle.Entry(k.handle.Len() - 1)
	if err != nil {
		return "", fmt.Errorf("fieldcrypt: find the next key: %w", err)
	}
	next := last.KeyID()
	if last.IsPrimary() || last.KeyStatus() != keyset.Enabled { // a ring from elsewhere, without a key in advance
		if next, err = addKey(m); err != nil {
			return "", err
		}
	}
	return turn(m, next, k.hash)
}

// turn makes next the primary key, adds the one after it, and writes the ring.
func turn(m *keyset.Manager, next uint32, hash []byte) (string, error) {
	if err := m.SetPrimary(next); err != nil {
		return "", fmt.Errorf("fieldcrypt: choose the primary key: %w", err)
	}
	if _, err := addKey(m); err != nil {
		return "", err
	}
	h, err := m.Handle()
	if err != nil {
		return "", fmt.Errorf("fieldcrypt: put the keys together: %w", err)
	}
	return keys{h, hash}.write()
}

func addKey(m *keyset.Manager) (uint32, error) {
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return 0, fmt.Errorf("fieldcrypt: make a key: %w", err)
	}
	return id, nil
}

func (k keys) write() (string, error) {
	var set bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&set)); err != nil {
		return "", fmt.Errorf("fieldcrypt: write the keyset: %w", err)
	}
	doc, err := json.Marshal(document{AEAD: set.Bytes(), Hash: k.hash})
	if err != nil {
		return "", fmt.Errorf("fieldcrypt: write the key ring: %w", err)
	}
	return base64.StdEncoding.EncodeToString(doc), nil
}

// parse reads a ring, in base64 or as the JSON itself. What the parsers say is dropped: it may quote key material.
func parse(ring string) (keys, error) {
	raw := []byte(strings.TrimSpace(ring))
	if !bytes.HasPrefix(raw, []byte("{")) {
		var err error
		if raw, err = base64.StdEncoding.DecodeString(string(raw)); err != nil {
			return keys{}, errRing
		}
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return keys{}, errRing
	}
	if len(doc.Hash) < hashKeyBytes {
		return keys{}, fmt.Errorf("fieldcrypt: the ring's hash_key must have %d bytes at least, in base64", hashKeyBytes)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(doc.AEAD)))
	if err != nil {
		return keys{}, errors.New("fieldcrypt: the ring's aead is no Tink keyset in the clear")
	}
	return keys{h, doc.Hash}, nil
}
