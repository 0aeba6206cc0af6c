package tabular

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

// fuzzLimits keep a reader small, so that a fuzzer soon meets every limit.
var fuzzLimits = Limits{DecompressedBytes: 4 << 20, Rows: 10_000, Columns: 500, CellBytes: 5_000}

// requireSound reads data to its end and checks what every stage behind a reader relies on. It gives the rows.
func requireSound(t *testing.T, data []byte, opts Options, size int) (table, error) {
	t.Helper()
	opts.Limits = fuzzLimits
	r, err := openWithWindow(t.Context(), string(data), opts, size)
	if err != nil {
		require.NotEqual(t, fault.Internal, fault.CodeOf(err), err)
		return table{}, err
	}
	for _, name := range r.Header() {
		require.True(t, utf8.ValidString(name) && name != "", "%q", name)
	}
	require.NotEmpty(t, r.Header())
	require.LessOrEqual(t, len(r.Header()), fuzzLimits.Columns)
	got, err := collect(r)
	if err != nil {
		require.NotEqual(t, fault.Internal, fault.CodeOf(err), err)
	} else {
		require.Equal(t, int64(len(data)), r.BytesRead())
	}
	require.NoError(t, r.Close())
	requireSoundRows(t, got)
	return got, err
}

func requireSoundRows(t *testing.T, got table) {
	t.Helper()
	last := int64(0)
	for i, row := range got.rows {
		require.GreaterOrEqual(t, got.lines[i], last)
		last = got.lines[i]
		require.Len(t, row, len(got.header))
		for _, cell := range row {
			require.True(t, utf8.ValidString(cell), "%q", cell)
			require.NotContains(t, cell, "\x00")
		}
	}
	for _, e := range got.errors {
		require.Less(t, e.Row, len(got.rows))
		require.Less(t, e.Col, len(got.header))
		require.NotEmpty(t, e.Rule)
		require.NotEmpty(t, e.Message)
		require.True(t, utf8.ValidString(e.Value) && utf8.RuneCountInString(e.Value) <= mostValue)
		require.NotContains(t, e.Value, "\x00")
	}
}

// FuzzCSV reads any text as CSV, at once and a little at a time: both give the same table.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "a;b\r\n\"1;\n\"\"x\"\"\";2\r\n", "sep=|\na|b\n", "# x\n\na\tb\n1\t2\t3\n", "a,b\n\"1\"x,2\n\"open", "a,b\n\x00,\xff\n", "a,,a\n,,,\n",
	} {
		f.Add([]byte(s), byte(','), uint8(20))
	}
	f.Fuzz(func(t *testing.T, data []byte, delim byte, size uint8) {
		_, _ = requireSound(t, data, Options{}, windowBytes)
		if !isDelimiter(delim) || delim == 'a' || delim == 'b' {
			return
		}
		opts := Options{Delimiter: string(delim), HeaderRow: 1, Encoding: "utf-8"}
		data = append([]byte("a"+string(delim)+"b\n"), data...)
		want, wantErr := requireSound(t, data, opts, windowBytes)
		got, gotErr := requireSound(t, data, opts, max(8, int(size)))
		require.Equal(t, wantErr == nil, gotErr == nil)
		if wantErr == nil {
			require.Equal(t, want, got)
		}
	})
}

// FuzzJSON reads any text as JSON lines and as an array. What is valid JSON besides is as the standard library has it.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":1}`, `{"a":{"b":[1,null]},"c":"\u00e9\ud83d"}`, "{\"a\":1}\n{\"b\":2}\nx\n[1]\n", `"\"`, `[1e5,-0.0,01]`, `{"a":1,"a":"\u0000"}`,
	} {
		f.Add([]byte(s), uint8(20))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		requireSameJSON(t, append(bytes.Clone(data), '\n'))
		for _, form := range [][2]string{{"{\"a\":1}\n", ""}, {"[{\"a\":1},", "]"}, {"[[\"a\",\"b\"],", "]"}} {
			text := append(append([]byte(form[0]), data...), form[1]...)
			want, wantErr := requireSound(t, text, Options{Encoding: "utf-8"}, windowBytes)
			if wantErr == nil && form[0][1] == '[' {
				got, err := requireSound(t, text, Options{Encoding: "utf-8"}, max(16, int(size)))
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		}
	})
}

// FuzzOpen opens any bytes: archives, encodings and what is neither.
func FuzzOpen(f *testing.F) {
	csv := []byte("id,name\n1,Zo\xeb\n")
	for _, b := range [][]byte{
		csv, gzipped(csv), zipped("a.csv", string(csv)), zipped("[Content_Types].xml", "", "xl/workbook.xml", ""),
		inlineBook(3), gzipped(sharedBook(3)),
		[]byte("\xff\xfea\x00,\x00b\x00\n\x00"), []byte("\x00a\x00,\x00b\x00\n"), []byte("%PDF-"),
		{0x83, 0x41, ',', 0x83, '\n'},
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 0 {
			_, _ = requireSound(t, data, Options{}, windowBytes)
		}
	})
}

// FuzzCSVWriter writes any cells: they read back the same.
func FuzzCSVWriter(f *testing.F) {
	f.Add("a", "b\"", "# c", "\r\n", byte(';'))
	f.Fuzz(func(t *testing.T, a, b, c, d string, delim byte) {
		if !isDelimiter(delim) {
			return
		}
		for _, s := range []string{a, b, c, d} {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				return
			}
		}
		text := written(t, delim, [][]string{{"one", "two"}, {a, b}, {c, d}})
		r, err := Open(t.Context(), memory{data: []byte(text)}, Options{Delimiter: string(delim), HeaderRow: 1, Encoding: "utf-8"})
		require.NoError(t, err)
		got, err := collect(r)
		require.NoError(t, err)
		require.Equal(t, [][]string{{a, b}, {c, d}}, got.rows)
		require.Empty(t, got.errors)
		require.NoError(t, r.Close())
	})
}
