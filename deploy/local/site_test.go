package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneRunAtATimeWorksInADirectory(t *testing.T) {
	t.Parallel()
	h, dir := testHost(t), t.TempDir()
	first, err := h.open(t.Context(), dir, dir)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = h.open(ctx, dir, dir)
	require.ErrorIs(t, err, context.Canceled)
	require.Contains(t, h.log.(*transcript).String(), "waiting for it")

	second := make(chan error)
	go func() {
		s, err := h.open(t.Context(), dir, dir)
		if err == nil {
			err = s.close()
		}
		second <- err
	}()
	require.NoError(t, first.close())
	require.NoError(t, <-second)
}

func TestALockOfARemovedDirectoryIsWorthNothing(t *testing.T) {
	t.Parallel()
	h, dir := testHost(t), filepath.Join(t.TempDir(), "site")
	first, err := h.open(t.Context(), dir, dir)
	require.NoError(t, err)
	second := make(chan *site)
	go func() {
		s, _ := h.open(t.Context(), dir, dir)
		second <- s
	}()
	require.NoError(t, os.RemoveAll(dir)) // as down --clean does, while it holds the lock
	require.NoError(t, first.close())
	s := <-second
	require.NotNil(t, s)
	require.True(t, sameFile(s.lock, filepath.Join(dir, "lock")))
	require.NoError(t, s.close())
}
