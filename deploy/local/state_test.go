package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"wharf/internal/fieldcrypt"
)

func TestWhatIsRememberedIsThereInTheNextRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	s, err := loadState(path)
	require.NoError(t, err)
	require.True(t, s.isNew())
	secret, err := s.secret("one")
	require.NoError(t, err)
	require.Len(t, secret, 40)
	s.Tenants["sample"] = &tenant{ID: uuid.New(), Keys: map[string]string{"owner": "whf_x"}}
	require.NoError(t, s.save())

	again, err := loadState(path)
	require.NoError(t, err)
	require.False(t, again.isNew())
	require.Equal(t, s.Tenants, again.Tenants)
	same, err := again.secret("one")
	require.NoError(t, err)
	require.Equal(t, secret, same)
	other, err := again.secret("two")
	require.NoError(t, err)
	require.NotEqual(t, secret, other)
}

func TestTheKeyRingIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	s, err := loadState(path)
	require.NoError(t, err)
	ring, err := s.fieldKeys()
	require.NoError(t, err)
	_, err = fieldcrypt.New(ring)
	require.NoError(t, err)
	again, err := loadState(path)
	require.NoError(t, err)
	same, err := again.fieldKeys()
	require.NoError(t, err)
	require.Equal(t, ring, same)
}

func TestASecretFileIsReadByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666)) // what was there before does not count
	require.NoError(t, replaceFile(path, []byte("new")))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no half-written file stays")
}

func TestAPortIsKeptUnlessItIsTaken(t *testing.T) {
	t.Parallel()
	s, err := loadState(filepath.Join(t.TempDir(), "state.json"))
	require.NoError(t, err)
	port, err := s.port("api", "", false)
	require.NoError(t, err)
	again, err := s.port("api", "", false)
	require.NoError(t, err)
	require.Equal(t, port, again, "free: kept")

	taken, err := net.Listen("tcp", local(port))
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	again, err = s.port("api", "", true)
	require.NoError(t, err)
	require.Equal(t, port, again, "taken by itself: kept")
	_, err = s.port("worker", strconv.Itoa(port), false)
	require.ErrorContains(t, err, "is taken")
	again, err = s.port("api", "", false)
	require.NoError(t, err)
	require.NotEqual(t, port, again, "taken by somebody else: changed")

	for _, wrong := range []string{"0", "-1", "70000", "http"} {
		_, err = s.port("api", wrong, false)
		require.ErrorContains(t, err, "is no port", wrong)
	}
	asked, err := s.freePort()
	require.NoError(t, err)
	got, err := s.port("api", strconv.Itoa(asked), false)
	require.NoError(t, err)
	require.Equal(t, asked, got)
}
