package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAShellTakesInEveryValueAsItIs(t *testing.T) {
	t.Parallel()
	values := []string{
		"plain", "", "two words", "it's", `"quoted"`, "$HOME `id` $(id) \\", "line\nbreak",
		"postgres://u:p@127.0.0.1:1/db?sslmode=disable&x=#", "'; touch stolen; '",
	}
	var vars variables
	for i, v := range values {
		vars = append(vars, struct{ name, value string }{"V" + string(rune('A'+i)), v})
	}
	path := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(path, vars.shell(), 0o600))
	for i, v := range vars {
		// Through a child of the shell: the values are exported.
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", `. "$1" && sh -c "printf %s \"\$$2\""`, "sh", path, v.name).Output()
		require.NoError(t, err)
		require.Equal(t, values[i], string(out))
	}
	require.True(t, strings.HasPrefix(string(vars.shell()), "VA='plain'\n"), "readable for those who are no shell")
}
