package tabular

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/fault"
)

// writtenRows gives what a RowWriter makes of a table.
func writtenRows(tb require.TestingT, format string, opts WriteOptions, tab table) string {
	var b bytes.Buffer
	w, err := NewRowWriter(&b, format, opts)
	require.NoError(tb, err)
	require.NoError(tb, w.Header(tab.header))
	for i, row := range tab.rows {
		cells := make([][]byte, len(row))
		for c, cell := range row {
			cells[c] = []byte(cell)
		}
		var kinds []Kind
		if tab.kinds != nil {
			kinds = tab.kinds[i]
		}
		require.NoError(tb, w.Row(cells, kinds))
	}
	require.NoError(tb, w.Close())
	require.NoError(tb, w.Close(), "a second time")
	return b.String()
}

func TestRowsAreWrittenInEachFormat(t *testing.T) {
	t.Parallel()
	tab := table{
		header: []string{"na\"me", "n", "yes", "on"},
		rows:   [][]string{{"Zoë, 5\"\n", "1.50", "true", "2024-02-29"}, {"-x", "-5", "no", "=1"}, {"", "", "", ""}, {"short"}},
		kinds:  [][]Kind{{Text, Number, Boolean, Date}, {Text, Number, Boolean, Failed}, {Text, Number, Boolean, Date}, {Text}},
	}
	cases := map[string]struct {
		format string
		opts   WriteOptions
		want   string
	}{
		"csv":       {"csv", WriteOptions{}, "\ufeff\"na\"\"me\",n,yes,on\n\"Zoë, 5\"\"\n\",1.50,true,2024-02-29\n-x,-5,no,=1\n,,,\nshort,,,\n"},
		"semicolon": {"csv", WriteOptions{Delimiter: ";"}, "\ufeff\"na\"\"me\";n;yes;on\n\"Zoë, 5\"\"\n\";1.50;true;2024-02-29\n-x;-5;no;=1\n;;;\nshort;;;\n"},
		"tsv":       {"tsv", WriteOptions{EscapeFormulas: true}, "\ufeff\"na\"\"me\"\tn\tyes\ton\n\"Zoë, 5\"\"\n\"\t1.50\ttrue\t2024-02-29\n'-x\t-5\tno\t'=1\n\t\t\t\nshort\t\t\t\n"},
		"jsonl": {"jsonl", WriteOptions{EscapeFormulas: true}, `{"na\"me":"Zoë, 5\"\n","n":1.50,"yes":true,"on":"2024-02-29"}` + "\n" +
			`{"na\"me":"-x","n":-5,"yes":"no","on":"=1"}` + "\n" + `{"na\"me":"","n":null,"yes":null,"on":null}` + "\n" +
			`{"na\"me":"short","n":null,"yes":null,"on":null}` + "\n"},
		"json": {"json", WriteOptions{}, "[\n" + `{"na\"me":"Zoë, 5\"\n","n":1.50,"yes":true,"on":"2024-02-29"},` + "\n" +
			`{"na\"me":"-x","n":-5,"yes":"no","on":"=1"},` + "\n" + `{"na\"me":"","n":null,"yes":null,"on":null},` + "\n" +
			`{"na\"me":"short","n":null,"yes":null,"on":null}` + "\n]\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, writtenRows(t, c.format, c.opts, tab))
		})
	}
	f := openedByExcelize(t, []byte(writtenRows(t, "xlsx", WriteOptions{Sheet: "mended", Rows: 4}, tab)))
	rows, err := f.GetRows("mended")
	require.NoError(t, err)
	require.Equal(t, [][]string{tab.header, {"Zoë, 5\"\n", "1.5", "TRUE", "2024-02-29"}, {"-x", "-5", "no", "=1"}, nil, {"short"}}, rows)
}

// Whatever was read of a text, written and read again it is the same.
func TestWhatWasReadIsWrittenAndReadAgainTheSame(t *testing.T) {
	t.Parallel()
	pieces := []string{"a", "B", "7", "é", "1.5", ",", ";", "\t", "|", `"`, "\n", "\r\n", "\n", "#", "# ", "sep=;\n", "=1", " ", "\x00", "\xff", "\ufeff", "\u00a0"}
	rapid.Check(t, func(t *rapid.T) {
		data := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 60).Draw(t, "text"), "")
		tab, err := tryRead(t.Context(), memory{data: []byte(data)}, Options{})
		if err != nil {
			return
		}
		again := writtenRows(t, tab.info.Format, WriteOptions{Delimiter: tab.info.Delimiter}, tab)
		got, err := tryRead(t.Context(), memory{data: []byte(again)}, Options{Delimiter: tab.info.Delimiter, HeaderRow: 1})
		require.NoError(t, err)
		require.Equal(t, tab.header, got.header)
		require.Equal(t, tab.rows, got.rows)
		require.Equal(t, tab.info.Format, got.info.Format)
		require.Equal(t, "utf-8", got.info.Encoding)
		require.Empty(t, got.errors)
	})
}

// JSON keeps kinds too.
func TestJSONThatWasWrittenReadsBackWithItsKinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tab := table{header: []string{"a", "b", "c\"\\\x01"}}
		for range rapid.IntRange(1, 10).Draw(t, "rows") {
			var row []string
			var kinds []Kind
			for range tab.header {
				c := drawCell(t)
				if c.kind == Date {
					c.kind = Text
				}
				row, kinds = append(row, strings.ToValidUTF8(c.text, "\uFFFD")), append(kinds, c.kind)
			}
			tab.rows, tab.kinds = append(tab.rows, row), append(tab.kinds, kinds)
		}
		format := rapid.SampledFrom([]string{"json", "jsonl"}).Draw(t, "format")
		text := writtenRows(t, format, WriteOptions{}, tab)
		got, err := tryRead(t.Context(), memory{data: []byte(text)}, Options{})
		require.NoError(t, err)
		require.Equal(t, format, got.info.Format)
		require.Equal(t, tab.header, got.header)
		require.Equal(t, tab.rows, got.rows)
		require.Equal(t, tab.kinds, got.kinds)
		require.Empty(t, got.errors)
	})
}

// What a workbook keeps comes back with its kind; what it cannot keep, as text.
func TestAWorkbookThatWasWrittenReadsBackWithItsKinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tab := table{header: []string{"id", "a", "b"}}
		for i := range rapid.IntRange(1, 10).Draw(t, "rows") {
			row, kinds := []string{fmt.Sprint(i)}, []Kind{Number}
			for range 2 {
				c := drawCell(t)
				row, kinds = append(row, strings.ToValidUTF8(c.text, "\uFFFD")), append(kinds, c.kind)
			}
			tab.rows, tab.kinds = append(tab.rows, row), append(tab.kinds, kinds)
		}
		again := func(tab table) table {
			text := writtenRows(t, "xlsx", WriteOptions{Sheet: "rows"}, tab)
			got, err := tryRead(t.Context(), memory{data: []byte(text)}, Options{})
			require.NoError(t, err)
			require.Empty(t, got.errors)
			return got
		}
		got := again(tab)
		require.Equal(t, tab.header, got.header)
		require.Equal(t, "rows", got.info.Sheet)
		for r, row := range tab.rows {
			for c, want := range row {
				switch kind := tab.kinds[r][c]; {
				case got.kinds[r][c] == Text:
					require.Equal(t, want, got.rows[r][c])
				case kind == Number:
					require.Equal(t, normalNumber(want), normalNumber(got.rows[r][c]))
				case kind == Date:
					require.Equal(t, readerSpelling(want), got.rows[r][c])
				default:
					require.Equal(t, want, got.rows[r][c])
				}
			}
		}
		require.Equal(t, got, again(got), "what was read of a workbook is written as it was")
	})
}

// readerSpelling spells a date as the reader of workbooks does: to the millisecond, without a zone.
func readerSpelling(iso string) string {
	iso = strings.TrimSuffix(strings.Replace(iso, " ", "T", 1), "Z")
	if strings.Count(iso, ":") == 1 {
		iso += ":00"
	}
	whole, fraction, ok := strings.Cut(iso, ".")
	if fraction = strings.TrimRight(fraction[:min(3, len(fraction))], "0"); !ok || fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

func TestJSONStringsAreThoseOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		var got string
		require.NoError(t, json.Unmarshal(appendJSONString(nil, text), &got))
		require.Equal(t, string([]rune(string(text))), got)
	})
}

func TestAFileWithoutRowsHasItsHeader(t *testing.T) {
	t.Parallel()
	tab := table{header: []string{"a", "b"}}
	require.Equal(t, "\ufeffa,b\n", writtenRows(t, "csv", WriteOptions{}, tab))
	require.Equal(t, "[\n]\n", writtenRows(t, "json", WriteOptions{}, tab))
	require.Empty(t, writtenRows(t, "jsonl", WriteOptions{}, tab))
	require.Empty(t, readAll(t, writtenRows(t, "csv", WriteOptions{}, tab), Options{}).rows)
}

func TestRowsThatCannotBeWrittenAreErrors(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "tsv", "xlsx", "jsonl", "json"} {
		w, err := NewRowWriter(io.Discard, format, WriteOptions{})
		require.NoError(t, err)
		require.Error(t, w.Row([][]byte{[]byte("a")}, nil), "without a header")
		require.Error(t, w.Close())

		w, err = NewRowWriter(io.Discard, format, WriteOptions{})
		require.NoError(t, err)
		require.NoError(t, w.Header([]string{"a"}))
		require.NoError(t, w.Row([][]byte{[]byte("1")}, nil))
		surplus := w.Row([][]byte{nil, nil}, nil)
		require.True(t, errors.Is(surplus, errSurplusRow) || errors.Is(surplus, errSurplusCell), format)
		require.ErrorIs(t, w.Row(nil, nil), surplus)
		require.ErrorIs(t, w.Close(), surplus)

		full := errors.New("disk full")
		w, err = NewRowWriter(failingWriter{full}, format, WriteOptions{})
		require.NoError(t, err)
		err = w.Header([]string{"a"})
		for i := 0; i < 1_000_000 && err == nil; i++ {
			err = w.Row([][]byte{fmt.Append(nil, i*i*i)}, nil)
		}
		require.ErrorIs(t, err, full, format)
		require.ErrorIs(t, w.Close(), full, format)
	}
}

func TestFormatsAndDelimitersThatCannotBeWrittenAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"xls", ""}, {"", ""}, {"csv", "ab"}, {"csv", `"`}} {
		_, err := NewRowWriter(io.Discard, c[0], WriteOptions{Delimiter: c[1]})
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
	}
	_, err := NewRowWriter(io.Discard, "csv", WriteOptions{Delimiter: "tab"})
	require.NoError(t, err)
}

func TestALongTextOfARowIsCutAndTold(t *testing.T) {
	t.Parallel()
	w, err := NewRowWriter(io.Discard, "xlsx", WriteOptions{})
	require.NoError(t, err)
	require.NoError(t, w.Header([]string{"a"}))
	var long *CellTooLongError
	require.ErrorAs(t, w.Row([][]byte{slices.Repeat([]byte("x"), cellUnits+1)}, nil), &long)
	require.Equal(t, 2, long.Row)
	require.NoError(t, w.Row([][]byte{[]byte("x")}, nil))
	require.NoError(t, w.Close())
}
