package tabular

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What this package writes as a workbook it reads back: the same texts to the character, the same numbers, dates and
// booleans.
func TestAWorkbookOfOursReadsBackTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(drawCell), 3, 3), 1, 8).Draw(t, "rows")
		var b bytes.Buffer
		w, err := NewRowWriter(&b, "xlsx", WriteOptions{})
		require.NoError(t, err)
		require.NoError(t, w.Header([]string{"a", "b", "c"}))
		for _, row := range rows {
			var cells [][]byte
			var kinds []Kind
			for _, c := range row {
				cells, kinds = append(cells, []byte(c.text)), append(kinds, c.kind)
			}
			require.NoError(t, w.Row(cells, kinds))
		}
		require.NoError(t, w.Close())
		got, err := tryRead(t.Context(), memory{data: b.Bytes()}, Options{HeaderRow: 1})
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "c"}, got.header)
		read := map[int64]int{}
		for i, line := range got.lines {
			read[line] = i
		}
		for i, row := range rows {
			for c, cell := range row {
				at, ok := read[int64(i+2)]
				if !ok {
					require.Empty(t, cell.text, "a row of empty cells is none")
					continue
				}
				requireReadBack(t, cell, got.rows[at][c], got.kinds[at][c])
			}
		}
	})
}

func requireReadBack(t *rapid.T, wrote anyCell, read string, kind Kind) {
	switch {
	case kind == Number:
		want, ok := new(big.Rat).SetString(wrote.text)
		require.True(t, ok, wrote.text)
		have, ok := new(big.Rat).SetString(read)
		require.True(t, ok, read)
		require.Zero(t, want.Cmp(have), "%s %s", wrote.text, read)
	case kind == Date && wrote.kind == Date:
		plain := strings.TrimSuffix(strings.Replace(wrote.text, " ", "T", 1), "Z")
		if i := strings.IndexByte(plain, '.'); i >= 0 { // a double holds microseconds of a day, the reader gives milliseconds
			plain, read = plain[:i], read[:min(i, len(read))]
		}
		require.True(t, strings.HasPrefix(read, plain), "%s %s", wrote.text, read)
	default:
		require.Equal(t, wrote.text, read)
	}
}
