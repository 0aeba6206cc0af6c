package fieldcrypt_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/testenv"
)

var (
	acme = uuid.MustParse("0195b3c0-0000-7000-8000-00000000000a")
	bell = uuid.MustParse("0195b3c0-0000-7000-8000-00000000000b")
	name = fieldcrypt.Column{Tenant: acme, Table: "public.customers", Column: "name"}
)

func newRing(t testing.TB) *fieldcrypt.Ring {
	t.Helper()
	keys, err := fieldcrypt.NewKeys()
	require.NoError(t, err)
	return open(t, keys)
}

func open(t testing.TB, keys string) *fieldcrypt.Ring {
	t.Helper()
	ring, err := fieldcrypt.New(keys)
	require.NoError(t, err)
	return ring
}

func TestWhatIsSealedOpensAgain(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		c := fieldcrypt.Column{Tenant: acme, Table: rapid.String().Draw(t, "table"), Column: rapid.String().Draw(t, "column")}
		sealed, err := ring.Seal([]byte("before"), plain, c)
		require.NoError(t, err)
		require.Len(t, sealed, len("before")+len(plain)+fieldcrypt.Overhead)
		opened, err := ring.Open([]byte("ahead"), bytes.TrimPrefix(sealed, []byte("before")), c)
		require.NoError(t, err)
		require.Equal(t, append([]byte("ahead"), plain...), opened)
	})
}

func TestAValueOpensOnlyInItsOwnPlace(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	sealed, err := ring.Seal(nil, []byte("Ada"), name)
	require.NoError(t, err)
	for what, c := range map[string]fieldcrypt.Column{
		"another tenant":       {Tenant: bell, Table: name.Table, Column: name.Column},
		"another table":        {Tenant: acme, Table: "public.suppliers", Column: name.Column},
		"another column":       {Tenant: acme, Table: name.Table, Column: "email"},
		"names cut otherwise":  {Tenant: acme, Table: name.Table + "n", Column: "ame"},
		"no place":             {},
		"the API's table name": {Tenant: acme, Table: "customers", Column: name.Column},
	} {
		_, err := ring.Open(nil, sealed, c)
		require.ErrorIs(t, err, fieldcrypt.ErrOpen, what)
		require.ErrorContains(t, err, c.Table+"."+c.Column, what)
		require.Equal(t, fault.Internal, fault.CodeOf(err), what)
	}
}

func TestWhatIsNoCiphertextOfTheRingDoesNotOpen(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	sealed, err := ring.Seal(nil, []byte("Ada"), name)
	require.NoError(t, err)
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for what, value := range map[string][]byte{
		"nothing": nil, "plain text": []byte("Ada"), "a flipped bit": flipped, "half of it": sealed[:len(sealed)/2],
		"a key's name and no more": sealed[:5],
	} {
		_, err := ring.Open(nil, value, name)
		require.ErrorIs(t, err, fieldcrypt.ErrOpen, what)
	}
	_, err = newRing(t).Open(nil, sealed, name)
	require.ErrorIs(t, err, fieldcrypt.ErrOpen, "another ring's")
}

func TestEqualValuesSealToDifferentBytes(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	one, err := ring.Seal(nil, []byte("Ada"), name)
	require.NoError(t, err)
	two, err := ring.Seal(nil, []byte("Ada"), name)
	require.NoError(t, err)
	require.NotEqual(t, one, two)
}

func TestAHashFindsAValueInItsOwnPlaceAlone(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	mail := fieldcrypt.Column{Tenant: acme, Table: "public.customers", Column: "email_hash"}
	want := ring.Hash(nil, []byte("ada@example.com"), mail)
	require.Len(t, want, fieldcrypt.HashBytes)
	for _, same := range []string{"ada@example.com", "ADA@Example.COM", " \t ada@example.com\r\n", "\u00a0ada@example.com"} {
		require.Equal(t, want, ring.Hash(nil, []byte(same), mail), "%q", same)
	}
	require.Equal(t, ring.Hash(nil, []byte("ÄRGER"), mail), ring.Hash(nil, []byte("ärger"), mail), "any script has its case")
	require.Equal(t, append([]byte("x"), want...), ring.Hash([]byte("x"), []byte("ada@example.com"), mail))

	require.NotEqual(t, want, ring.Hash(nil, []byte("ada@example.org"), mail))
	for _, c := range []fieldcrypt.Column{
		{Tenant: bell, Table: mail.Table, Column: mail.Column},
		{Tenant: acme, Table: "public.suppliers", Column: mail.Column},
		{Tenant: acme, Table: mail.Table, Column: "mail_hash"},
	} {
		require.NotEqual(t, want, ring.Hash(nil, []byte("ada@example.com"), c), "%+v", c)
	}
	require.NotEqual(t, want, newRing(t).Hash(nil, []byte("ada@example.com"), mail), "it is keyed")
}

func TestWithoutKeysTheVariableIsNamed(t *testing.T) {
	t.Parallel()
	ring := open(t, "")
	require.Nil(t, ring)
	_, err := ring.Seal(nil, []byte("Ada"), name)
	require.ErrorIs(t, err, fieldcrypt.ErrNoKeys)
	_, err = ring.Open(nil, []byte("Ada"), name)
	require.ErrorIs(t, err, fieldcrypt.ErrNoKeys)
	require.Nil(t, ring.Hash(nil, []byte("Ada"), name), "no unkeyed hash")
	err = ring.Ready()
	require.ErrorIs(t, err, fieldcrypt.ErrNoKeys)
	require.Contains(t, fieldcrypt.ErrNoKeys.Message, "WHARF_FIELD_KEYS")
	require.Equal(t, fault.Conflict, fault.CodeOf(err), "the caller is told, and a job does not try again")
	require.NoError(t, newRing(t).Ready())
}

// The stored formats: what an installation wrote years ago must open.
func TestStoredValuesStayReadable(t *testing.T) {
	t.Parallel()
	ring := open(t, testenv.FieldKeys)
	sealed, err := hex.DecodeString("010f48030ecdda11beb48c3ba46ec95edb9c7885d80cd083fd19f47d1f8f294547eb16da103d87b96614b3d8ec")
	require.NoError(t, err)
	plain, err := ring.Open(nil, sealed, name)
	require.NoError(t, err)
	require.Equal(t, "Ada Lovelace", string(plain))
	require.Equal(t, "83a8ea4dcd7042d56862181b636bfdec439099bb135e2045971bbff7297db8d6", hex.EncodeToString(ring.Hash(nil, []byte("ada@example.com"), name)))
}

func TestARingNeverPrintsItsKeys(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "fieldcrypt.Ring", fmt.Sprintf(format, ring))
	}
}

func BenchmarkRing(b *testing.B) {
	ring := newRing(b)
	plain := []byte("ada.lovelace@example.com")
	sealed, err := ring.Seal(nil, plain, name)
	require.NoError(b, err)
	var buf []byte
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if buf, err = ring.Seal(buf[:0], plain, name); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if buf, err = ring.Open(buf[:0], sealed, name); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Hash", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = ring.Hash(buf[:0], plain, name)
		}
	})
}
