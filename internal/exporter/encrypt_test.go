package exporter

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// sealedFor gives plain as the age file that an export becomes.
func sealedFor(t testing.TB, plain string, recipients []string, passphrase string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := encrypted(&out, recipients, passphrase)
	require.NoError(t, err)
	_, err = io.WriteString(w, plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func openedBy(t testing.TB, sealed []byte, id age.Identity) string {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
}

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return id
}

func TestEveryRecipientOpensTheExport(t *testing.T) {
	t.Parallel()
	plain := strings.Repeat("planted-secret\n", 20_000)
	one, two, stranger := newIdentity(t), newIdentity(t), newIdentity(t)
	sealed := sealedFor(t, plain, []string{one.Recipient().String(), " " + two.Recipient().String() + "\n", one.Recipient().String()}, "")
	require.NotContains(t, string(sealed), "planted-secret")
	require.Equal(t, plain, openedBy(t, sealed, one))
	require.Equal(t, plain, openedBy(t, sealed, two))
	_, err := age.Decrypt(bytes.NewReader(sealed), stranger)
	var no *age.NoIdentityMatchError
	require.ErrorAs(t, err, &no)

	hybrid, err := age.GenerateHybridIdentity()
	require.NoError(t, err)
	require.Equal(t, plain, openedBy(t, sealedFor(t, plain, []string{hybrid.Recipient().String()}, ""), hybrid))
}

func TestThePassphraseOpensTheExport(t *testing.T) {
	t.Parallel()
	const passphrase = "correct horse — баттери"
	sealed := sealedFor(t, "planted-secret", nil, passphrase)
	require.NotContains(t, string(sealed), "planted-secret")
	id, err := age.NewScryptIdentity(passphrase)
	require.NoError(t, err)
	require.Equal(t, "planted-secret", openedBy(t, sealed, id))
	wrong, err := age.NewScryptIdentity(passphrase + " ")
	require.NoError(t, err)
	_, err = age.Decrypt(bytes.NewReader(sealed), wrong)
	require.Error(t, err)
}

// TestHalfAnEncryptedExportDoesNotOpen cuts it everywhere: nobody takes half for whole.
func TestHalfAnEncryptedExportDoesNotOpen(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	sealed := sealedFor(t, strings.Repeat("x", 3*64<<10), []string{id.Recipient().String()}, "")
	for _, n := range []int{10, 200, 300, 64 << 10, len(sealed) - 16 - 64<<10, len(sealed) - 1} {
		r, err := age.Decrypt(bytes.NewReader(sealed[:n]), id)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		require.Error(t, err, n)
	}
}

func TestRecipientsThatCannotBeAreNamed(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	good := id.Recipient().String()
	hybrid, err := age.GenerateHybridIdentity()
	require.NoError(t, err)
	many := make([]string, maxRecipients+1)
	for name, c := range map[string]struct {
		recipients []string
		passphrase string
		field      string
		message    string
	}{
		"neither":           {nil, "", "encrypt", "needs recipients or a passphrase"},
		"both":              {[]string{good}, "long enough it is", "encrypt", "not both"},
		"an empty one":      {[]string{good, ""}, "", "encrypt.recipients[1]", "this is no such key"},
		"a typing mistake":  {[]string{good, good[:20] + otherThan(good[20]) + good[21:]}, "", "encrypt.recipients[1]", "this is no such key"},
		"cut short":         {[]string{good[:40]}, "", "encrypt.recipients[0]", "this is no such key"},
		"a secret key":      {[]string{good, good, id.String()}, "", "encrypt.recipients[2]", "this is a secret key"},
		"an SSH key":        {[]string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA"}, "", "encrypt.recipients[0]", "SSH keys are not taken"},
		"a plugin's key":    {[]string{"age1yubikey1q0"}, "", "encrypt.recipients[0]", "keys of plugins are not taken"},
		"no key at all":     {[]string{lowOrder}, "", "encrypt.recipients[0]", "this is no such key"},
		"post-quantum, too": {[]string{good, hybrid.Recipient().String()}, "", "encrypt.recipients[1]", "do not go together"},
		"too many":          {many, "", "encrypt.recipients", "at most 20"},
		"a short phrase":    {nil, "hunter2hunt", "encrypt.passphrase", "at least 12 characters"},
		"two lines":         {nil, "hunter2hunter2\nhunter2", "encrypt.passphrase", "one line"},
		"an endless one":    {nil, strings.Repeat("hunter2", 200), "encrypt.passphrase", "at most 1024 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := encrypted(io.Discard, c.recipients, c.passphrase)
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
			f, _ := fault.As(err)
			require.Len(t, f.Fields, 1)
			require.Equal(t, c.field, f.Fields[0].Field)
			require.Contains(t, f.Fields[0].Message, c.message)
			require.NotContains(t, f.Fields[0].Message, "hunter2")
			require.NotContains(t, f.Fields[0].Message, id.String())
		})
	}
}

// otherThan is a letter of the same alphabet, so that the key is a mistake whatever key was made.
func otherThan(c byte) string {
	if c == 'q' {
		return "p"
	}
	return "q"
}

// lowOrder is the point zero, well written: whatever is encrypted to it anybody can open.
const lowOrder = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"

func BenchmarkEncrypted(b *testing.B) {
	id := newIdentity(b)
	block := noise(flushAt)
	b.SetBytes(256 << 20)
	for b.Loop() {
		w, err := encrypted(io.Discard, []string{id.Recipient().String()}, "")
		require.NoError(b, err)
		for range (256 << 20) / flushAt {
			_, err := w.Write(block)
			require.NoError(b, err)
		}
		require.NoError(b, w.Close())
	}
}
