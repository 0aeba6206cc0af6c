package tabular

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Source of bytes.
type memory struct {
	name string
	data []byte
	wrap func(io.Reader) io.Reader // what to do to the body, if anything
}

func (m memory) Name() string { return m.name }
func (m memory) Size() int64  { return int64(len(m.data)) }

func (m memory) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	var r io.Reader = bytes.NewReader(m.data[offset:])
	if m.wrap != nil {
		r = m.wrap(r)
	}
	return io.NopCloser(r), nil
}

// table is all that a Reader gave.
type table struct {
	header []string
	rows   [][]string
	lines  []int64
	kinds  [][]Kind
	errors []CellError // Row is the index into rows
	info   Info
}

// readAll opens data and reads it to its end.
func readAll(tb testing.TB, data string, opts Options) table {
	tb.Helper()
	got, err := tryRead(tb.Context(), memory{data: []byte(data)}, opts)
	require.NoError(tb, err)
	return got
}

// failure gives the error of opening or reading data, and the rows before it.
func failure(tb testing.TB, data string, opts Options) (table, error) {
	tb.Helper()
	got, err := tryRead(tb.Context(), memory{data: []byte(data)}, opts)
	require.Error(tb, err)
	return got, err
}

func tryRead(ctx context.Context, src Source, opts Options) (table, error) {
	r, err := Open(ctx, src, opts)
	if err != nil {
		return table{}, err
	}
	got, err := collect(r)
	return got, errors.Join(err, r.Close())
}

// openWithWindow is Open with room for only so much text at a time.
func openWithWindow(ctx context.Context, data string, opts Options, size int) (Reader, error) {
	opts.Limits = opts.Limits.orDefaults()
	c, err := unwrap(ctx, memory{data: []byte(data)}, opts.Limits)
	if err != nil {
		return nil, err
	}
	return openContent(c, opts, size)
}

// collect reads r to its end into one batch that is used again and again, as a caller does.
func collect(r Reader) (table, error) {
	got := table{header: r.Header()}
	var b Batch
	for {
		err := r.Next(&b)
		if errors.Is(err, io.EOF) {
			got.info = r.Info()
			return got, nil
		}
		if err != nil {
			return got, err
		}
		for _, e := range b.Errors {
			e.Row += len(got.rows)
			got.errors = append(got.errors, e)
		}
		for i := range b.Len() {
			row := make([]string, b.Cols)
			for c, cell := range b.Row(i) {
				row[c] = string(cell)
			}
			got.rows = append(got.rows, row)
			if b.Kinds != nil {
				got.kinds = append(got.kinds, append([]Kind(nil), b.Kinds[i*b.Cols:(i+1)*b.Cols]...))
			}
		}
		got.lines = append(got.lines, b.Lines...)
	}
}
