package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePackagesLinksAreMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lib := filepath.Join(dir, "native", "lib")
	require.NoError(t, os.MkdirAll(lib, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(lib, "libpq.so.5.17"), []byte("library"), 0o600))
	writeLinks(t, dir, `[
		{"source": "native/lib/libpq.so.5.17", "target": "native/lib/libpq.so.5"},
		{"source": "native/lib/libpq.so.5.17", "target": "native/other/libpq.so"}
	]`)
	for range 2 { // the second time they are there
		require.NoError(t, makeLinks(dir))
	}
	for _, link := range []string{"lib/libpq.so.5", "other/libpq.so"} {
		got, err := os.ReadFile(filepath.Join(dir, "native", link))
		require.NoError(t, err)
		require.Equal(t, "library", string(got))
	}
	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(dir, moved))
	require.FileExists(t, filepath.Join(moved, "native", "lib", "libpq.so.5"), "the links are relative")
}

func TestALinkOutOfThePackageIsRefused(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		`{"source": "../../etc/passwd", "target": "native/lib/x"}`,
		`{"source": "native/lib/x", "target": "/etc/cron.d/x"}`,
	} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "native"), 0o700))
		writeLinks(t, dir, "["+link+"]")
		require.ErrorContains(t, makeLinks(dir), "out of the package")
	}
}

func writeLinks(t *testing.T, dir, links string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "native", "pg-symlinks.json"), []byte(links), 0o600))
}
