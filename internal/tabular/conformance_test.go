package tabular

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"wharf/internal/fault"
)

// format is one way to store the people of the conformance suite: three columns, a number, a name with an accent, a
// note that may hold delimiters, quotes and line breaks.
type format struct {
	name  string
	write func(rows int) []byte
	first int64 // number of the first row
}

func person(i int) (id, name, note string) {
	notes := []string{"plain", "comma, semicolon; done", "she said \"so\"", "two\nlines", ""}
	return strconv.Itoa(i), "Zoë " + strconv.Itoa(i%7), notes[i%len(notes)]
}

func delimited(delim byte) func(rows int) []byte {
	return func(rows int) []byte {
		var b bytes.Buffer
		w := NewCSVWriter(&b, delim)
		_ = w.Write([][]byte{[]byte("id"), []byte("name"), []byte("note")})
		for i := range rows {
			id, name, note := person(i)
			_ = w.Write([][]byte{[]byte(id), []byte(name), []byte(note)})
		}
		_ = w.Flush()
		return b.Bytes()
	}
}

func objects(open, between, end string) func(rows int) []byte {
	return func(rows int) []byte {
		var b strings.Builder
		b.WriteString(open)
		for i := range rows {
			id, name, note := person(i)
			if i > 0 {
				b.WriteString(between)
			}
			b.WriteString(`{"id": ` + id + `, "name": ` + strconv.Quote(name) + `, "note": ` + strconv.Quote(note) + `}`)
		}
		return []byte(b.String() + end)
	}
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// zipped makes a zip of files: name, content, name, content …
func zipped(files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, _ := w.Create(files[i])
		_, _ = io.WriteString(f, files[i+1])
	}
	_ = w.Close()
	return b.Bytes()
}

func formats() []format {
	csv := delimited(',')
	return []format{
		{"CSV", csv, 2},
		{"TSV", delimited('\t'), 2},
		{"semicolons", delimited(';'), 2},
		{"pipes", delimited('|'), 2},
		{"gzip", func(n int) []byte { return gzipped(csv(n)) }, 2},
		{"zip", func(n int) []byte {
			return zipped("data/", "", "data/people.csv", string(csv(n)), "__MACOSX/data/._people.csv", "x")
		}, 2},
		{"UTF-16", func(n int) []byte {
			b, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(csv(n))
			return b
		}, 2},
		{"JSON lines", objects("", "\n", "\n"), 1},
		{"JSON array", objects("[", ",\n  ", "]\n"), 1},
		{"XLSX, inline", inlineBook, 2},
		{"XLSX, shared", sharedBook, 2},
		{"XLSX in gzip", func(n int) []byte { return gzipped(sharedBook(n)) }, 2},
		{"XLSX in zip", func(n int) []byte { return deflated("people.xlsx", string(inlineBook(n))) }, 2},
		{"JSON lines in gzip", func(n int) []byte { return gzipped(objects("", "\n", "\n")(n)) }, 1},
	}
}

// eachFormat runs a test of the contract of Reader on every format.
func eachFormat(t *testing.T, f func(t *testing.T, f format)) {
	t.Helper()
	for _, form := range formats() {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			f(t, form)
		})
	}
}

func TestEveryFormatGivesTheSameTable(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		got := readAll(t, string(f.write(2500)), Options{})
		require.Equal(t, []string{"id", "name", "note"}, got.header)
		require.Empty(t, got.errors)
		require.Len(t, got.rows, 2500)
		for i, row := range got.rows {
			id, name, note := person(i)
			require.Equal(t, []string{id, name, note}, row)
			require.Equal(t, f.first+int64(i), got.lines[i])
		}
	})
}

// However the bytes trickle in, and however small the window, the table is the same.
func TestAReaderDoesNotMindHowBytesArrive(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		data := f.write(300)
		want := readAll(t, string(data), Options{})
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"one at a time": iotest.OneByteReader, "half of them": iotest.HalfReader, "with the end": iotest.DataErrReader,
		} {
			got, err := tryRead(t.Context(), memory{data: data, wrap: wrap}, Options{})
			require.NoError(t, err, name)
			require.Equal(t, want, got, name)
		}
		r, err := openWithWindow(t.Context(), string(data), Options{}, 150)
		require.NoError(t, err)
		got, err := collect(r)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestABatchHoldsAtMostBatchRowsAndIsReused(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		r, err := Open(t.Context(), memory{data: f.write(100)}, Options{BatchRows: 30})
		require.NoError(t, err)
		b := Batch{Cols: 99, Lines: []int64{7}, Errors: []CellError{{Rule: "old"}}, Cells: make([][]byte, 99)}
		for _, want := range []int{30, 30, 30, 10} {
			require.NoError(t, r.Next(&b))
			require.Equal(t, want, b.Len())
			require.Equal(t, 3, b.Cols)
			require.Len(t, b.Cells, 3*want)
			require.Empty(t, b.Errors)
			if b.Kinds != nil {
				require.Len(t, b.Kinds, 3*want)
			}
		}
		for range 2 {
			require.Equal(t, io.EOF, r.Next(&b))
			require.Zero(t, b.Len())
		}
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
	})
}

// A stage may append to a cell: its neighbour stays as it is.
func TestACellCanGrowWithoutTouchingItsNeighbour(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		r, err := Open(t.Context(), memory{data: f.write(20)}, Options{})
		require.NoError(t, err)
		var b Batch
		require.NoError(t, r.Next(&b))
		for i := range b.Len() {
			for c, cell := range b.Row(i) {
				b.Row(i)[c] = append(cell, "grown far beyond what there was room for"...)
			}
		}
		for i := range b.Len() {
			id, name, note := person(i)
			for c, want := range []string{id, name, note} {
				require.Equal(t, want+"grown far beyond what there was room for", string(b.Row(i)[c]))
			}
		}
		require.NoError(t, r.Close())
	})
}

func TestBytesReadTellsThePlaceInTheStoredFile(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		data := f.write(60_000)
		r, err := Open(t.Context(), memory{data: data}, Options{})
		require.NoError(t, err)
		var b Batch
		last := int64(0)
		for err = r.Next(&b); err == nil; err = r.Next(&b) {
			require.GreaterOrEqual(t, r.BytesRead(), last)
			require.LessOrEqual(t, r.BytesRead(), int64(len(data)))
			last = r.BytesRead()
		}
		require.Equal(t, io.EOF, err)
		require.Positive(t, last)
		require.EqualValues(t, len(data), r.BytesRead())
		require.NoError(t, r.Close())
	})
}

func TestReadingStopsWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := Open(ctx, memory{data: f.write(5000)}, Options{BatchRows: 10})
		require.NoError(t, err)
		var b Batch
		require.NoError(t, r.Next(&b))
		cancel()
		for range 2 {
			require.ErrorIs(t, r.Next(&b), context.Canceled)
			require.Zero(t, b.Len())
		}
		require.NoError(t, r.Close())

		_, err = Open(ctx, memory{data: f.write(1)}, Options{})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// A source that fails is not the fault of the file: the error has no code, and the import may run again.
func TestAFailingSourceIsNotBlamedOnTheFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	eachFormat(t, func(t *testing.T, f format) {
		data := f.write(100_000)
		for _, after := range []int64{0, 10, int64(len(data)) - 400} {
			fails := func(r io.Reader) io.Reader {
				return io.MultiReader(io.LimitReader(r, after), iotest.ErrReader(broken))
			}
			_, err := tryRead(t.Context(), memory{data: data, wrap: fails}, Options{})
			require.ErrorIs(t, err, broken)
			require.Equal(t, fault.Internal, fault.CodeOf(err))
		}
	})
}

// Half a file must not pass for a whole one.
func TestABodyShorterThanItsSizeIsAnError(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		data := f.write(10)
		short := func(r io.Reader) io.Reader { return io.LimitReader(r, int64(len(data))/2) }
		_, err := tryRead(t.Context(), memory{data: data, wrap: short}, Options{})
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, fault.Internal, fault.CodeOf(err))
	})
}

func TestALimitIsNamedWithItsValue(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limits Limits
		says   string
	}{
		"rows":               {Limits{Rows: 99}, `(limit "rows": 99)`},
		"columns":            {Limits{Columns: 2}, `(limit "columns": 2)`},
		"cell bytes":         {Limits{CellBytes: 12}, `(limit "cell bytes": 12)`},
		"decompressed bytes": {Limits{DecompressedBytes: 1000}, `(limit "decompressed bytes": 1000)`},
	}
	eachFormat(t, func(t *testing.T, f format) {
		for name, c := range cases {
			_, err := failure(t, string(f.write(100)), Options{Limits: c.limits})
			require.Equal(t, fault.TooLarge, fault.CodeOf(err), name)
			require.Contains(t, err.Error(), c.says)
		}
		got := readAll(t, string(f.write(100)), Options{Limits: Limits{Rows: 100, Columns: 3}})
		require.Len(t, got.rows, 100)
	})
}

// The rows before an error are given before the error is.
func TestRowsBeforeAnErrorAreGiven(t *testing.T) {
	t.Parallel()
	eachFormat(t, func(t *testing.T, f format) {
		got, err := failure(t, string(f.write(100)), Options{BatchRows: 40, Limits: Limits{Rows: 50}})
		require.Equal(t, fault.TooLarge, fault.CodeOf(err))
		require.Len(t, got.rows, 50)
	})
}

func TestAnEmptyFileIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"no bytes": "", "a mark only": "\ufeff", "blank lines": "\r\n\n \n", "no text in gzip": string(gzipped(nil)),
		"no text in zip": string(zipped("a.csv", "")), "an array of nothing": " [ ] ", "a sep line": "sep=;\n",
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := failure(t, data, Options{})
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
			require.Contains(t, err.Error(), "the file is empty")
		})
	}
}
