package fieldcrypt_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fieldcrypt"
)

func TestEveryFormerKeyStillOpensAfterRotations(t *testing.T) {
	t.Parallel()
	keys, err := fieldcrypt.NewKeys()
	require.NoError(t, err)
	var sealed [][]byte
	hash := open(t, keys).Hash(nil, []byte("ada@example.com"), name)
	named := map[string]bool{}
	for range 4 {
		value, err := open(t, keys).Seal(nil, []byte("Ada"), name)
		require.NoError(t, err)
		sealed = append(sealed, value)
		named[string(value[:5])] = true
		keys, err = fieldcrypt.Rotate(keys)
		require.NoError(t, err)
	}
	require.Len(t, named, 4, "each rotation brought another primary key")
	ring := open(t, keys)
	for _, value := range sealed {
		plain, err := ring.Open(nil, value, name)
		require.NoError(t, err)
		require.Equal(t, "Ada", string(plain))
	}
	require.Equal(t, hash, ring.Hash(nil, []byte("ada@example.com"), name), "the hash key stays")
}

func TestAProcessWithTheFormerRingOpensWhatTheRotatedOneSeals(t *testing.T) {
	t.Parallel()
	former, err := fieldcrypt.NewKeys()
	require.NoError(t, err)
	rotated, err := fieldcrypt.Rotate(former)
	require.NoError(t, err)
	sealed, err := open(t, rotated).Seal(nil, []byte("Ada"), name)
	require.NoError(t, err)
	plain, err := open(t, former).Open(nil, sealed, name)
	require.NoError(t, err)
	require.Equal(t, "Ada", string(plain))
}

func TestARingIsOneWord(t *testing.T) {
	t.Parallel()
	keys, err := fieldcrypt.NewKeys()
	require.NoError(t, err)
	require.NotContains(t, keys, "\n")
	require.Len(t, strings.Fields(keys), 1)
	raw, err := base64.StdEncoding.DecodeString(keys)
	require.NoError(t, err)
	for _, form := range []string{string(raw), " " + keys + "\n"} {
		_, err := fieldcrypt.New(form)
		require.NoError(t, err, "as JSON, and with what a secret store adds at the end")
	}
}

func TestABrokenRingIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	keys, err := fieldcrypt.NewKeys()
	require.NoError(t, err)
	doc, err := base64.StdEncoding.DecodeString(keys)
	require.NoError(t, err)
	hash := strings.Repeat("A", 43) + "="
	for what, ring := range map[string]string{
		"no base64":       "hunter2!",
		"no JSON":         base64.StdEncoding.EncodeToString([]byte("hunter2")),
		"cut short":       keys[:len(keys)/2],
		"no keyset":       `{"hash_key":"` + hash + `"}`,
		"a foreign thing": `{"aead":{"hunter2":1},"hash_key":"` + hash + `"}`,
		"a short hash":    `{"aead":{},"hash_key":"aHVudGVyMg=="}`,
		"another kind":    `{"aead":` + macKeyset + `,"hash_key":"` + hash + `"}`,
		"no such key":     strings.Replace(string(doc), "AesGcmKey", "HunterKey", 1),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := fieldcrypt.New(ring)
			require.ErrorContains(t, err, "fieldcrypt:")
			require.NotContains(t, strings.ToLower(err.Error()), "hunter")
			require.NotContains(t, err.Error(), "aHVudGVyMg")
			require.NotContains(t, err.Error(), keys[:20])
		})
	}
	_, err = fieldcrypt.Rotate("hunter2")
	require.ErrorContains(t, err, "field-keys new")
}

const macKeyset = `{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.HmacKey",` +
	`"value":"EgQIAxAQGiB0d5CQcXAsRUGdyaP/3sFKHHJrxr6sOcvRKyTNLLGT0A==","keyMaterialType":"SYMMETRIC"},` +
	`"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`
