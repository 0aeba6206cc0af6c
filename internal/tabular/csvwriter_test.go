package tabular

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func written(tb require.TestingT, delim byte, rows [][]string) string {
	var b bytes.Buffer
	w := NewCSVWriter(&b, delim)
	for _, row := range rows {
		cells := make([][]byte, len(row))
		for i, c := range row {
			cells[i] = []byte(c)
		}
		require.NoError(tb, w.Write(cells))
	}
	require.NoError(tb, w.Flush())
	return b.String()
}

func TestCellsAreQuotedOnlyWhereTheyNeedIt(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		row  []string
		want string
	}{
		"plain":                    {[]string{"a", "b c", "é", "5'"}, "a,b c,é,5'\n"},
		"delimiter":                {[]string{"a,b", "a;b"}, "\"a,b\",a;b\n"},
		"quotes":                   {[]string{`"`, `a"b`, `""`}, `"""","a""b",""""""` + "\n"},
		"line ends":                {[]string{"a\nb", "a\rb", "a\r\nb"}, "\"a\nb\",\"a\rb\",\"a\r\nb\"\n"},
		"spaces in front":          {[]string{"x", " a", "a "}, "x,\" a\",a \n"},
		"empty cells":              {[]string{"x", "", ""}, "x,,\n"},
		"one empty cell":           {[]string{""}, "\"\"\n"},
		"a hash in front":          {[]string{"# x", "# y"}, "\"# x\",# y\n"},
		"no cells":                 {nil, ""},
		"control characters":       {[]string{"x", "\x01"}, "x,\"\x01\"\n"},
		"other formats' beginning": {[]string{"sep=;"}, "\"sep=;\"\n"},
		"a mark":                   {[]string{"\ufeffx"}, "\"\ufeffx\"\n"},
		"a bracket":                {[]string{"[{}]", "[{}]"}, "\"[{}]\",[{}]\n"},
		"a page":                   {[]string{"<html>", "<html>"}, "\"<html>\",<html>\n"},
		"a signature":              {[]string{"PGDMP", "PGDMP"}, "\"PGDMP\",PGDMP\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, written(t, ',', [][]string{c.row}))
		})
	}
}

// A cell of any length is quoted for one character, wherever it stands.
func TestOneCharacterIsEnoughForQuotes(t *testing.T) {
	t.Parallel()
	for n := 1; n < 40; n++ {
		for i := range n {
			for _, c := range []byte{';', '"', '\n', '\x01', '\x1f'} {
				cell := bytes.Repeat([]byte("x"), n)
				cell[i] = c
				require.Equal(t, byte('"'), written(t, ';', [][]string{{"x", string(cell)}})[2])
			}
			cell := strings.Repeat("\x20\x21\x23\u00e9:,<\x7f", 10)[i+1 : i+1+n]
			require.Equal(t, "x;y"+cell+"\n", written(t, ';', [][]string{{"x", "y" + cell}}))
		}
	}
}

// tables draws a header of unique names and rows of anything that a cell may hold.
func tables(t *rapid.T) [][]string {
	pieces := []string{
		"a", "B", "7", "é", "北", "😀", " ", "  ", ",", ";", "\t", "|", `"`, `""`, "\n", "\r", "\r\n", "#", "# ", "sep=;", "=1+1", "-",
		"[{", `{"`, "<html", "%PDF-", "\ufeff", "\u00a0", "\x04\"M\x18", "PK\x03\x04", "NULL", "\\", "'", "\x01",
	}
	cell := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(t, "pieces"), "")
	})
	name := cell.Filter(func(s string) bool { return cleanName(s) != "" })
	header := rapid.SliceOfNDistinct(name, 1, 5, cleanName).Draw(t, "header")
	row := rapid.SliceOfN(cell, len(header), len(header))
	return append([][]string{header}, rapid.SliceOfN(row, 0, 12).Draw(t, "rows")...)
}

func TestWhatIsWrittenReadsBackTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := tables(t)
		delim := rapid.SampledFrom([]byte{',', ';', '\t', '|', ':', '^', ' '}).Draw(t, "delimiter")
		text := written(t, delim, rows)

		opts := Options{Delimiter: string(delim), HeaderRow: 1, Encoding: "utf-8", BatchRows: 5}
		r, err := openWithWindow(t.Context(), text, opts, rapid.IntRange(1, 300).Draw(t, "window"))
		require.NoError(t, err)
		got, err := collect(r)
		require.NoError(t, err)
		require.Empty(t, got.errors)
		require.Equal(t, len(rows)-1, len(got.rows))
		for i, row := range got.rows {
			require.Equal(t, rows[i+1], row)
			require.EqualValues(t, i+2, got.lines[i])
		}
		want, _ := columnNames(rows[0])
		require.Equal(t, want, got.header)
	})
}

// Others read what is written too. encoding/csv is right about everything but CRLF within quotes, which it changes.
func TestWhatIsWrittenIsReadByOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := tables(t)
		r := csv.NewReader(strings.NewReader(written(t, ';', rows)))
		r.Comma = ';'
		got, err := r.ReadAll()
		require.NoError(t, err)
		for i, row := range rows {
			for c := range row {
				rows[i][c] = strings.ReplaceAll(row[c], "\r\n", "\n")
			}
		}
		require.Equal(t, rows, got)
	})
}

// The head of a table that is written tells its own dialect.
func TestWhatIsWrittenNeedsNoOptionsToBeReadBack(t *testing.T) {
	t.Parallel()
	for _, delim := range []byte{',', ';', '\t', '|'} {
		rows := [][]string{{"[id]", "name", "note"}}
		for i := range 50 {
			id, name, note := person(i)
			rows = append(rows, []string{id, name, note})
		}
		got := readAll(t, written(t, delim, rows), Options{})
		require.Equal(t, rows[0], got.header)
		require.Equal(t, rows[1:], got.rows)
	}
}

// A short row is no comment, whatever it begins with.
func TestAHashInAShortRowIsQuoted(t *testing.T) {
	t.Parallel()
	text := written(t, ',', [][]string{{"a", "b"}, {"# x"}})
	require.Equal(t, "a,b\n\"# x\"\n", text)
	require.Equal(t, [][]string{{"# x", ""}}, readAll(t, text, Options{}).rows)
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func TestAnErrorOfTheWriterBelowStays(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	w := NewCSVWriter(failingWriter{full}, ',')
	require.NoError(t, w.Write([][]byte{[]byte("a")}))
	require.ErrorIs(t, w.Flush(), full)
	require.ErrorIs(t, w.Write([][]byte{[]byte("a")}), full)
	require.ErrorIs(t, w.Flush(), full)
}
