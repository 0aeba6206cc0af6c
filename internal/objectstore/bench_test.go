package objectstore

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

const benchBytes = 256 << 20

// endless repeats one block, so that the source costs nothing.
type endless []byte

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

func benchStore(b *testing.B) (*Store, string) {
	b.Helper()
	cfg := versitygw(b)
	cfg.PartBytes = defaultPartBytes
	b.SetBytes(benchBytes)
	b.ReportAllocs()
	return opened(b, cfg, nil)
}

func BenchmarkPut(b *testing.B) {
	s, prefix := benchStore(b)
	block := endless(content(1 << 20))
	for b.Loop() {
		_, err := s.Put(b.Context(), prefix+"f", "", io.LimitReader(block, benchBytes))
		require.NoError(b, err)
	}
}

func BenchmarkGet(b *testing.B) {
	s, prefix := benchStore(b)
	_, err := s.Put(b.Context(), prefix+"f", "", io.LimitReader(endless(content(1<<20)), benchBytes))
	require.NoError(b, err)
	for b.Loop() {
		body, _, err := s.Get(b.Context(), prefix+"f", 0, -1)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, body)
		require.NoError(b, err)
		require.NoError(b, body.Close())
	}
}
