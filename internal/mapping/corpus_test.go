//go:build corpus

package mapping_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/mapping"
	"wharf/internal/tabular"
)

// file is a tabular.Source in memory.
type file struct {
	name string
	data []byte
}

func (f file) Name() string { return f.name }

func (f file) Size() int64 { return int64(len(f.data)) }

func (f file) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f.data[offset:])), nil
}

// head gives the header of a corpus file and its first rows.
func head(t *testing.T, name string) ([]string, *tabular.Batch) {
	t.Helper()
	root := os.Getenv("CORPUS")
	require.NotEmpty(t, root, "CORPUS names the folder of the corpus")
	data, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	r, err := tabular.Open(t.Context(), file{name, data}, tabular.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	var b tabular.Batch
	if err := r.Next(&b); !errors.Is(err, io.EOF) {
		require.NoError(t, err)
	}
	return r.Header(), &b
}

// TestCorpusMapping holds the rules to the same promise on real files. Names alone have to do nearly as well.
func TestCorpusMapping(t *testing.T) {
	t.Parallel()
	var tuned, heldOut, names score
	trials := readTrials(t, "corpus.txt")
	for i, tr := range trials {
		header, sample := head(t, tr.file)
		cfg := mapping.Config{Subject: tr.subject}
		s := tr.judge(mapping.Propose(header, sample, tr.fields, cfg))
		if i%2 == 0 {
			tuned.add(s)
		} else {
			heldOut.add(s)
		}
		names.add(tr.judge(mapping.Propose(header, nil, tr.fields, cfg)))
	}
	report(t, "corpus, tuned half", (len(trials)+1)/2, tuned)
	report(t, "corpus, held-out half", len(trials)/2, heldOut)
	report(t, "corpus, names alone", len(trials), names)
	tuned.add(heldOut)
	require.GreaterOrEqual(t, tuned.precision(), 0.98)
	require.GreaterOrEqual(t, tuned.recall(), 0.90)
	require.GreaterOrEqual(t, names.precision(), 0.95)
	require.GreaterOrEqual(t, names.recall(), 0.90)
}
