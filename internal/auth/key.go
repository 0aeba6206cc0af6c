package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

const (
	keyScheme   = "whf_"
	prefixBytes = 6
	secretBytes = 32
)

// NewKey gives a fresh key, "whf_<12 hex digits>_<43 characters of base64url>", with the prefix that finds it (the hex
// digits) and the hash to store.
func NewKey() (key, prefix string, hash []byte) {
	b := make([]byte, prefixBytes+secretBytes)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	prefix = hex.EncodeToString(b[:prefixBytes])
	key = keyScheme + prefix + "_" + base64.RawURLEncoding.EncodeToString(b[prefixBytes:])
	return key, prefix, hashOf(key)
}

// prefixOf gives a key's prefix; false for what cannot be a key, which then costs no query.
func prefixOf(key string) (string, bool) {
	rest, scheme := strings.CutPrefix(key, keyScheme)
	prefix, secret, cut := strings.Cut(rest, "_")
	_, err := hex.DecodeString(prefix)
	whole := len(prefix) == hex.EncodedLen(prefixBytes) && len(secret) == base64.RawURLEncoding.EncodedLen(secretBytes)
	return prefix, scheme && cut && whole && err == nil
}

func hashOf(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}
