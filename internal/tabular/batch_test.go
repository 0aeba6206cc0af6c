package tabular_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/tabular"
)

func TestDropEmptyRowsKeepsNumbersAndErrors(t *testing.T) {
	t.Parallel()
	cell := func(s string) []byte { return []byte(s) }
	b := tabular.Batch{
		Cols:   2,
		Lines:  []int64{2, 3, 4, 5, 6},
		Cells:  [][]byte{nil, cell(" "), cell("a"), nil, nil, nil, nil, cell("b"), cell("\t"), nil},
		Kinds:  []tabular.Kind{0, 0, tabular.Number, 0, 0, 0, 0, tabular.Date, 0, 0},
		Errors: []tabular.CellError{{Row: 2, Col: -1, Rule: "ragged"}, {Row: 3, Col: 1, Rule: "nul"}},
	}
	b.DropEmptyRows()
	require.Equal(t, []int64{3, 4, 5}, b.Lines)
	require.Equal(t, [][]byte{cell("a"), nil, nil, nil, nil, cell("b")}, b.Cells)
	require.Equal(t, []tabular.Kind{tabular.Number, 0, 0, 0, 0, tabular.Date}, b.Kinds)
	require.Equal(t, 1, b.Errors[0].Row, "an empty row that has an error stays")
	require.Equal(t, 2, b.Errors[1].Row)
}

// text is a source in memory.
type text string

func (s text) Name() string { return "file.jsonl" }
func (s text) Size() int64  { return int64(len(s)) }

func (s text) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(s[offset:]))), nil
}

func TestALineThatIsNoObjectHidesNoKeyOfLaterLines(t *testing.T) {
	t.Parallel()
	r, err := tabular.Open(context.Background(), text("{\"a\":1}\n{bad\n42\n{\"a\":2,\"b\":3}\n"), tabular.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	require.Equal(t, []string{"a", "b"}, r.Header())
	var b tabular.Batch
	var rows []string
	var wrong []int64
	for {
		err := r.Next(&b)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		for n := range b.Len() {
			rows = append(rows, string(b.Row(n)[0])+"|"+string(b.Row(n)[1]))
		}
		for _, e := range b.Errors {
			wrong = append(wrong, b.Lines[e.Row])
		}
	}
	require.Equal(t, []string{"1|", "|", "|", "2|3"}, rows)
	require.Equal(t, []int64{2, 3}, wrong)
}
