package exporter

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkBundle deflates what a million rows make of JSON lines: about 300 MB.
func BenchmarkBundle(b *testing.B) {
	var lines bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&lines, `{"id":"0190a%031x","tenant_id":"01909e7a-5c1e-7b1c-8f3f-6f2f6d9d7e11","first_name":"Name %d","last_name":"Last %x","email":"n%d@example.com",`+
			`"phone":"+4479%08d","amount":%d.%02d,"created_at":"2026-05-01T12:%02d:%02d.%06d+00:00"}`+"\n", i*7919, i, i*31, i, i*977, i*13, i%100, i%60, i%60, i*499)
	}
	b.SetBytes(int64(lines.Len()) * 500)
	for b.Loop() {
		z := newBundle(io.Discard, bundleTime)
		f, err := z.file("tables/bench.jsonl")
		require.NoError(b, err)
		for range 500 {
			for rest := lines.Bytes(); len(rest) > 0; {
				n, err := f.Write(rest[:min(flushAt, len(rest))])
				require.NoError(b, err)
				rest = rest[n:]
			}
		}
		require.NoError(b, z.close(manifest{}))
	}
}
