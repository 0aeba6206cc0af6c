package tabular

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
)

func TestCSVCells(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want [][]string
	}{
		"plain":                              {"a,b\n1,2\n", [][]string{{"1", "2"}}},
		"no line end at the end":             {"a,b\n1,2", [][]string{{"1", "2"}}},
		"CRLF":                               {"a,b\r\n1,2\r\n", [][]string{{"1", "2"}}},
		"CR only":                            {"a,b\r1,2\r3,4", [][]string{{"1", "2"}, {"3", "4"}}},
		"mixed line ends":                    {"a,b\n1,2\r\n3,4\r5,6\n", [][]string{{"1", "2"}, {"3", "4"}, {"5", "6"}}},
		"quoted delimiter":                   {"a,b\n\"1,5\",2\n", [][]string{{"1,5", "2"}}},
		"doubled quotes":                     {"a,b\n\"say \"\"so\"\"\",\"\"\"\"\n", [][]string{{`say "so"`, `"`}}},
		"line ends in quotes stay":           {"a,b\r\n\"1\r\n2\n3\r4\",x\r\n", [][]string{{"1\r\n2\n3\r4", "x"}}},
		"spaces are kept":                    {"a,b\n 1 ,\" 2 \"\n", [][]string{{" 1 ", " 2 "}}},
		"quoted empty cells":                 {"a,b\n\"\",\"\"\n", [][]string{{"", ""}}},
		"a row of empty cells is a row":      {"a,b\n,\n1,2\n", [][]string{{"", ""}, {"1", "2"}}},
		"one column, quoted empty cell":      {"a\n\"\"\nx\n", [][]string{{""}, {"x"}}},
		"quote inside a bare cell":           {"a,b\n5\" pipe,6'\"\n", [][]string{{`5" pipe`, `6'"`}}},
		"quote behind a space is literal":    {"a,b\n1, \"x\"\n", [][]string{{"1", ` "x"`}}},
		"blanks behind a quote are dropped":  {"a,b\n\"1\" \t,\"2\"  \n", [][]string{{"1", "2"}}},
		"a backslash is a character":         {"a,b\n\"x\\\",y\n", [][]string{{`x\`, "y"}}},
		"short row":                          {"a,b,c\n1\n", [][]string{{"1", "", ""}}},
		"long row, rest empty":               {"a,b\n1,2,,\n1,2,\"\", \n", [][]string{{"1", "2"}, {"1", "2"}}},
		"header only":                        {"a,b\n", nil},
		"header without line end":            {"a,b", nil},
		"leading zeros and exponents":        {"a,b\n007,1E3\n", [][]string{{"007", "1E3"}}},
		"a word that looks like another":     {"a,b\nNULL,NA\n", [][]string{{"NULL", "NA"}}},
		"a hash in a full row is data":       {"a,b\n# 1,x\n#2,y\n", [][]string{{"# 1", "x"}, {"#2", "y"}}},
		"a hash without a blank is data":     {"a,b\n#red\n", [][]string{{"#red", ""}}},
		"a hash in quotes is data":           {"a,b\n\"# 1\"\n", [][]string{{"# 1", ""}}},
		"a hash in the only column is data":  {"a\n# 1\n", [][]string{{"# 1"}}},
		"columns of delimiters at the right": {"a,b,,\n1,2,,\n3,4,,\n", [][]string{{"1", "2"}, {"3", "4"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAll(t, c.text, Options{})
			require.Equal(t, c.want, got.rows)
			require.Empty(t, got.errors)
		})
	}
}

// Row numbers are those of a spreadsheet program.
func TestCSVRowNumbers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text   string
		header int
		lines  []int64
	}{
		"the header is row 1":                     {"a,b\n1,2\n3,4\n", 1, []int64{2, 3}},
		"a blank line is a row":                   {"a,b\n\n1,2\n\r\n   \n3,4\n", 1, []int64{3, 6}},
		"a line break in quotes makes none":       {"a,b\n\"1\n2\n3\",x\n4,y\n", 1, []int64{2, 3}},
		"blank lines above the header":            {"\n\na,b\n1,2\n", 3, []int64{4}},
		"a sep line is row 1":                     {"sep=;\na;b\n1;2\n", 2, []int64{3}},
		"comments are rows":                       {"# made by hand\na,b\n1,2\n# half way\n3,4\n", 2, []int64{3, 5}},
		"titles are rows":                         {"Sales\n\na,b,c\n1,2,3\n", 3, []int64{4}},
		"a line feed and a carriage return are 2": {"a,b\n\r1,2\n", 1, []int64{3}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAll(t, c.text, Options{})
			require.Equal(t, c.header, got.info.HeaderRow)
			require.Equal(t, c.lines, got.lines)
		})
	}
}

// A row that cannot be right is marked, and stays.
func TestCSVRowErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		row  []string
		want CellError
	}{
		"long row": {
			"a,b,c\n1,2,3,4,x\n",
			[]string{"1", "2", "3"},
			CellError{Col: -1, Rule: "ragged", Message: "has 5 cells, but the table has 3 columns", Value: "4,x"},
		},
		"long row with quotes": {
			"a,b\n1,2,\"x,y\"\n",
			[]string{"1", "2"},
			CellError{Col: -1, Rule: "ragged", Message: "has 3 cells, but the table has 2 columns", Value: "x,y"},
		},
		"a value in a nameless column, far below": {
			"a,b,\n" + strings.Repeat("1,2,\n", headRecords) + "1,2,x\n",
			[]string{"1", "2"},
			CellError{Row: headRecords, Col: -1, Rule: "ragged", Message: "has 3 cells, but the table has 2 columns", Value: "x"},
		},
		"text behind a closing quote": {
			"a,b\n\"John \"Johnny\" Doe\",2\n",
			[]string{`John Johnny" Doe"`, "2"},
			CellError{
				Col: 0, Rule: "quote", Value: `John Johnny" Doe"`,
				Message: "has text behind its closing quote: quotes within quotes must be doubled",
			},
		},
		"NUL": {
			"a,b\nx\x00y,2\n",
			[]string{"x\uFFFDy", "2"},
			CellError{Col: 0, Rule: "nul", Message: "has a NUL byte, which text cannot hold", Value: "x\uFFFDy"},
		},
		"a byte that is not UTF-8 in a file that is": {
			"a,b\nZoë ééééééééééééééé,\xff\n",
			[]string{"Zoë ééééééééééééééé", "\uFFFD"},
			CellError{
				Col: 1, Rule: "encoding", Value: "\uFFFD",
				Message: "has bytes that are not utf-8: save the file as UTF-8, or give its encoding",
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readAll(t, c.text, Options{})
			require.Equal(t, []CellError{c.want}, got.errors)
			require.Equal(t, c.row, got.rows[c.want.Row])
		})
	}
}

// Damage is marked wherever the text in memory happens to end.
func TestDamageIsMarkedWhateverTheWindow(t *testing.T) {
	t.Parallel()
	text := "a,b\n" + strings.Repeat("plain,é\n\x00,x\ny,\xff\n\"two\nlines\x00\",z\nü,v\n", 3)
	opts := Options{HeaderRow: 1, Encoding: "utf-8"}
	want := readAll(t, text, opts)
	require.Len(t, want.errors, 9)
	for size := range 60 {
		r, err := openWithWindow(t.Context(), text, opts, size+1)
		require.NoError(t, err)
		got, err := collect(r)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestAnErrorRepeatsAtMost200Characters(t *testing.T) {
	t.Parallel()
	got := readAll(t, "a,b\n1,2,"+strings.Repeat("é", 1000)+"\n", Options{})
	require.Equal(t, strings.Repeat("é", 200), got.errors[0].Value)
}

// What makes the rest of a file unreadable names the row where it began.
func TestCSVFaults(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long text\n", 1000)
	cases := map[string]struct {
		text string
		opts Options
		code fault.Code
		says string
		rows int
	}{
		"a quote that never closes": {
			"a,b\n1,2\n\n3,\"4\n5,6\n", Options{}, fault.Invalid, "row 4, column B: the quote that opens the cell is never closed", 1,
		},
		"a quote that never closes, and much behind it": {
			"a,b\n1,2\n3,\"4\n" + long,
			Options{Limits: Limits{CellBytes: 5000}},
			fault.TooLarge,
			`row 3, column B: the cell is too large, or the quote that opens it is never closed (limit "cell bytes": 5000)`, 1,
		},
		"a quote that never closes in the header": {"a,\"b\n1,2\n", Options{}, fault.Invalid, "row 1, column B: the quote", 0},
		"a bare cell that is too large": {
			"a,b\n1,2\n3," + long[:9] + strings.Repeat("x", 5000) + "\n",
			Options{Limits: Limits{CellBytes: 5000}},
			fault.TooLarge,
			`row 3, column B: the cell is too large (limit "cell bytes": 5000)`, 1,
		},
		"a header cell that is too large": {
			strings.Repeat("x", 51) + ",b\n", Options{Limits: Limits{CellBytes: 50}}, fault.TooLarge, `(limit "cell bytes": 50)`, 0,
		},
		"a line without an end": {
			"a,b\n" + strings.Repeat("x,", minRecordBytes),
			Options{},
			fault.TooLarge,
			fmt.Sprintf(`row 2 is too large (limit "row bytes": %d)`, minRecordBytes), 0,
		},
		"header row beyond the end":       {"a,b\n1,2\n", Options{HeaderRow: 4}, fault.Invalid, "row 4 cannot be the header: the file has 2 rows", 0},
		"header row that is blank":        {"a,b\n\n1,2\n", Options{HeaderRow: 2}, fault.Invalid, "row 2 cannot be the header: it is blank", 0},
		"header row of empty cells":       {"a,b\n,\n1,2\n", Options{HeaderRow: 2}, fault.Invalid, "row 2 cannot be the header: its cells are empty", 0},
		"header row that is the sep line": {"sep=,\na,b\n", Options{HeaderRow: 1}, fault.Invalid, "row 1 cannot be the header", 0},
		"header row below 1":              {"a,b\n", Options{HeaderRow: -1}, fault.Invalid, "rows are counted from 1", 0},
		"an unknown encoding":             {"a,b\n", Options{Encoding: "klingon"}, fault.Invalid, `encoding "klingon" is not known`, 0},
		"an encoding the mark denies":     {"\ufeffa,b\n", Options{Encoding: "latin1"}, fault.Invalid, "begins with the mark of utf-8", 0},
		"a delimiter of two characters":   {"a,b\n", Options{Delimiter: "::"}, fault.Invalid, `delimiter "::" cannot be used`, 0},
		"a delimiter beyond ASCII":        {"a,b\n", Options{Delimiter: "¦"}, fault.Invalid, "cannot be used", 0},
		"a quote as delimiter":            {"a,b\n", Options{Delimiter: `"`}, fault.Invalid, "cannot be used", 0},
		"a sheet of a file without":       {"a,b\n", Options{Sheet: "Q2"}, fault.Invalid, `sheet "Q2" was given`, 0},
		"nothing but comments":            {"# a\n# b\n,,\n,,\n", Options{}, fault.Invalid, "no header row", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := failure(t, c.text, c.opts)
			require.Contains(t, err.Error(), c.says)
			require.Equal(t, c.code, fault.CodeOf(err))
			require.Len(t, got.rows, c.rows)
		})
	}
}

// A row of many columns that is nearly empty in the file is not so in memory: batches get fewer rows.
func TestABatchOfAWideTableIsBounded(t *testing.T) {
	t.Parallel()
	header := strings.Repeat("c,", 9_999) + "c\n"
	r, err := Open(t.Context(), memory{data: []byte(header + strings.Repeat("x\n", 500))}, Options{})
	require.NoError(t, err)
	var b Batch
	require.NoError(t, r.Next(&b))
	require.LessOrEqual(t, len(b.Cells), maxBatchCells)
	require.Equal(t, 10_000, b.Cols)
	require.NoError(t, r.Close())
}

func TestInfoTellsWhatWasFoundOut(t *testing.T) {
	t.Parallel()
	got := readAll(t, "Report\nid;name;\n1;Zo\xeb;\n# sum\n", Options{})
	require.Equal(t, Info{
		Format: "csv", Encoding: "windows-1252", Delimiter: ";", HeaderRow: 2,
		Warnings: []string{
			"the header was found in row 2: the rows above it were left out",
			"the file does not say its encoding: windows-1252 was assumed; give the encoding if letters look wrong",
			"comment lines were left out: 1, the first in row 4",
		},
	}, got.info)
	require.Equal(t, Info{Format: "tsv", Compression: "gzip", Encoding: "utf-8", Delimiter: "\t", HeaderRow: 1},
		readAll(t, string(gzipped([]byte("a\tb\n1\t2\n"))), Options{}).info)
}

func TestOptionsOverrideWhatIsFound(t *testing.T) {
	t.Parallel()
	text := "Title;x\nid,a;b\n1,2;3\n"
	got := readAll(t, text, Options{Delimiter: ";", HeaderRow: 2})
	require.Equal(t, []string{"id,a", "b"}, got.header)
	require.Equal(t, [][]string{{"1,2", "3"}}, got.rows)

	got = readAll(t, "sep=;\na,b;c\n", Options{Delimiter: "comma"})
	require.Equal(t, []string{"a", "b;c"}, got.header)

	got = readAll(t, "a\tb\n", Options{Delimiter: `\t`})
	require.Equal(t, []string{"a", "b"}, got.header)

	got = readAll(t, "a,b\n\xd6,\xe4\n", Options{Encoding: "KOI8-R"})
	require.Equal(t, [][]string{{"ж", "Д"}}, got.rows)
	require.Equal(t, "koi8-r", got.info.Encoding)
}
