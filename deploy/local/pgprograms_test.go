package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 17.10\n":                          17,
		"postgres (PostgreSQL) 19beta1":                          19,
		"postgres (EnterpriseDB) 15":                             0,
		"":                                                       0,
	} {
		require.Equal(t, want, majorOf(text), text)
	}
	require.Equal(t, 15, aptMajor("Package: postgresql\nVersion: 15+248+deb12u2\nPriority: optional\n"))
	require.Equal(t, 14, aptMajor("Package: postgresql\nVersion: 14+238\n"))
	require.Zero(t, aptMajor(""))
	require.Equal(t, 17, lastNumber("/opt/homebrew/opt/postgresql@17/bin"))
	require.Equal(t, 9, lastNumber("/usr/lib/postgresql/9/bin"))
	require.Zero(t, lastNumber("/usr/local/bin"))
}
