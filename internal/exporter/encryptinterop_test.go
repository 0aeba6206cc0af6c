//go:build interop

package exporter

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ageOpens decrypts the file by the age program with the arguments; secret is typed at its prompt, if it has one.
func ageOpens(t *testing.T, sealed []byte, secret string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "acme-2026-05-01.zip"+encryptedExt), filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(in, sealed, 0o600))
	line := append([]string{"age", "--decrypt", "-o", out}, append(args, in)...)
	cmd := osexec.Command(line[0], line[1:]...)
	if secret != "" { // it asks a terminal only
		cmd = osexec.Command("script", "--quiet", "--return", "--echo", "never", "--command", strings.Join(line, " "), "/dev/null")
		cmd.Stdin = strings.NewReader(secret + "\n")
	}
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	plain, err := os.ReadFile(out)
	require.NoError(t, err)
	return string(plain)
}

func TestInteropAgeOpensWhatIsEncryptedForARecipient(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key.txt")
	made, err := osexec.Command("age-keygen", "-o", key).CombinedOutput()
	require.NoError(t, err, string(made))
	_, public, found := strings.Cut(strings.TrimSpace(string(made)), "Public key: ")
	require.True(t, found, string(made))
	plain := strings.Repeat("a row\n", 100_000)
	require.Equal(t, plain, ageOpens(t, sealedFor(t, plain, []string{public}, ""), "", "-i", key))
}

func TestInteropAgeOpensWhatIsEncryptedByAPassphrase(t *testing.T) {
	t.Parallel()
	const passphrase = "correct horse battery"
	plain := strings.Repeat("a row\n", 1000)
	require.Equal(t, plain, ageOpens(t, sealedFor(t, plain, nil, passphrase), passphrase))
}
