package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/auth"
)

func TestKeyHasItsFormAndHash(t *testing.T) {
	t.Parallel()
	key, prefix, hash := auth.NewKey()
	require.Regexp(t, `^whf_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$`, key)
	require.Equal(t, key[4:16], prefix)
	sum := sha256.Sum256([]byte(key))
	require.Equal(t, sum[:], hash)
	secret, err := base64.RawURLEncoding.DecodeString(key[17:])
	require.NoError(t, err)
	require.Len(t, secret, 32)
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	prefixes, secrets := map[string]bool{}, map[string]bool{}
	for range 1000 {
		key, prefix, _ := auth.NewKey()
		prefixes[prefix], secrets[key[17:]] = true, true
	}
	require.Len(t, prefixes, 1000)
	require.Len(t, secrets, 1000)
}
