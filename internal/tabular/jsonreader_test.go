package tabular

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/fault"
)

func TestJSONCells(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		value string
		want  string
		kind  Kind
	}{
		"text":                      {`"Zoë"`, "Zoë", Text},
		"empty text":                {`""`, "", Text},
		"escapes":                   {`"a\"b\\c\/d\b\f\n\r\t"`, "a\"b\\c/d\b\f\n\r\t", Text},
		"escaped letters":           {`"\u00e9\u4e2d\ud83d\ude00"`, "é中😀", Text},
		"whole number":              {`9007199254740993`, "9007199254740993", Number},
		"digits are kept":           {`1.0`, "1.0", Number},
		"long fraction":             {`-0.10000000000000000000001`, "-0.10000000000000000000001", Number},
		"exponent":                  {`1E+5`, "1E+5", Number},
		"true":                      {`true`, "true", Boolean},
		"false":                     {`false`, "false", Boolean},
		"null":                      {`null`, "", Text},
		"object":                    {"{ \"a\" : [ 1 , \"x \\\" y\" ],\n\"b\":{} }", `{"a":[1,"x \" y"],"b":{}}`, Text},
		"array":                     {`[1, 2.50, null]`, `[1,2.50,null]`, Text},
		"a number in quotes":        {`"007"`, "007", Text},
		"a date in quotes":          {`"2024-02-29"`, "2024-02-29", Text},
		"a word in quotes":          {`"true"`, "true", Text},
		"line separators as escape": {`"\u2028"`, "\u2028", Text},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, text := range []string{
				`{"id": 1, "v": ` + c.value + `, "w": "x"}` + "\n",
				`[{"id":1,"v":` + c.value + `,"w":"x"}]`,
				`[["id","v","w"], [1, ` + c.value + `, "x"]]`,
			} {
				got := readAll(t, text, Options{})
				require.Equal(t, []string{"id", "v", "w"}, got.header)
				require.Equal(t, [][]string{{"1", c.want, "x"}}, got.rows)
				require.Equal(t, [][]Kind{{Number, c.kind, Text}}, got.kinds)
				require.Empty(t, got.errors)
			}
		})
	}
}

func TestJSONColumnsAreTheKeysOfTheFirstRows(t *testing.T) {
	t.Parallel()
	got := readAll(t, `{"b":1,"a":2}
{"a":3,"c":4}
{}
{"b":null,"\u0061":5}
`, Options{})
	require.Equal(t, []string{"b", "a", "c"}, got.header)
	require.Equal(t, [][]string{{"1", "2", ""}, {"", "3", "4"}, {"", "", ""}, {"", "5", ""}}, got.rows)
	require.Empty(t, got.errors)

	got = readAll(t, `[{" name ":1, "name":2, "":3}]`, Options{})
	require.Equal(t, []string{"name", "name (2)", "C"}, got.header)
	require.Equal(t, [][]string{{"1", "2", "3"}}, got.rows)
}

func TestJSONRowNumbers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text  string
		lines []int64
	}{
		"lines":               {"{\"a\":1}\n{\"a\":2}\n", []int64{1, 2}},
		"blank lines":         {"\n{\"a\":1}\r\n\r\n\n{\"a\":2}", []int64{2, 5}},
		"objects over lines":  {"{\"a\":1,\n\"b\":2}\n{\n\"a\":2}\n", []int64{1, 3}},
		"two on a line":       {"{\"a\":1} {\"a\":2}\n{\"a\":3}", []int64{1, 1, 2}},
		"elements of a array": {"[\n{\"a\":1},\n\n{\"a\":2}\n]", []int64{1, 2}},
		"arrays in an array":  {"[[\"a\"],\n[1],[2]]", []int64{2, 3}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.lines, readAll(t, c.text, Options{}).lines)
		})
	}
}

func TestJSONRowErrors(t *testing.T) {
	t.Parallel()
	first := `{"a":1,"b":2}` + "\n"
	cases := map[string]struct {
		text string
		row  []string
		want CellError
	}{
		"a key that comes late": {
			strings.Repeat(first, headRecords) + `{"a":1,"x":2,"y\n":3}` + "\n",
			[]string{"1", ""},
			CellError{Row: headRecords, Col: -1, Rule: "unknown", Message: "has 2 keys that none of the first rows has: x, y\n"},
		},
		"a key twice": {
			first + `{"a":1,"a":2}` + "\n",
			[]string{"1", ""},
			CellError{Row: 1, Col: 0, Rule: "duplicate", Message: "has the same key twice", Value: "2"},
		},
		"NUL": {
			first + `{"a":"x\u0000","b":2}` + "\n",
			[]string{"x\uFFFD", "2"},
			CellError{Row: 1, Col: 0, Rule: "nul", Message: "has a NUL character, which text cannot hold", Value: "x\uFFFD"},
		},
		"half a surrogate pair": {
			first + `{"a":"x\ud83dy","b":2}` + "\n",
			[]string{"x\uFFFDy", "2"},
			CellError{
				Row: 1, Col: 0, Rule: "encoding", Value: "x\uFFFDy",
				Message: "has half of a surrogate pair, which is no character",
			},
		},
		"not an object": {
			first + `[1, 2]` + "\n",
			[]string{"", ""},
			CellError{Row: 1, Col: -1, Rule: "json", Message: "is not an object like the rows above it", Value: "[1, 2]"},
		},
		"a line that is not JSON": {
			first + `{"a":1,"b":}` + "\n" + first,
			[]string{"", ""},
			CellError{Row: 1, Col: -1, Rule: "json", Message: "is not valid JSON", Value: `{"a":1,"b":}`},
		},
		"a line that is cut off": {
			first + `{"a":1,"b` + "\n" + first,
			[]string{"", ""},
			CellError{Row: 1, Col: -1, Rule: "json", Message: "is not valid JSON", Value: `{"a":1,"b`},
		},
		"a last line that is cut off": {
			first + `{"a":1,"b`,
			[]string{"", ""},
			CellError{Row: 1, Col: -1, Rule: "json", Message: "is not valid JSON", Value: `{"a":1,"b`},
		},
		"a longer array": {
			`[["a","b"],[1,2,"",null],[1,2,3]]`,
			[]string{"1", "2"},
			CellError{Row: 1, Col: -1, Rule: "ragged", Message: "has 3 cells, but the table has 2 columns", Value: "3"},
		},
		"wrong bytes": {
			"{\"a\":\"éééééééééééééééé\",\"b\":2}\n" + "{\"a\":\"x\xff\",\"b\":2}\n",
			[]string{"x\uFFFD", "2"},
			CellError{
				Row: 1, Col: 0, Rule: "encoding", Value: "x\uFFFD",
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
			if strings.HasSuffix(c.text, first) {
				require.Equal(t, []string{"1", "2"}, got.rows[2], "reading goes on behind the line")
			}
		})
	}
}

func TestJSONFaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		opts Options
		code fault.Code
		says string
		rows int
	}{
		"nothing valid at all":       {`{"a":1,]`, Options{}, fault.Invalid, "its first row is not valid JSON", 0},
		"the first row is cut off":   {`{"a":1,`, Options{}, fault.Invalid, "its first row is not valid JSON", 0},
		"an array that is cut off":   {`[{"a":1},{"a":2}`, Options{}, fault.Invalid, "the array is not closed: the file ends after row 2", 2},
		"a row that is cut off":      {`[{"a":1},{"a":`, Options{}, fault.Invalid, "row 2 is not valid JSON, or the file is cut off there", 1},
		"a comma too many":           {`[{"a":1},]`, Options{}, fault.Invalid, "row 2 is not valid JSON", 1},
		"a comma too few":            {`[{"a":1} {"a":2}]`, Options{}, fault.Invalid, "row 2 is not valid JSON", 1},
		"more behind the array":      {`[{"a":1}] {"a":2}`, Options{}, fault.Invalid, "there is something behind the array, which ends with row 1", 1},
		"objects without keys":       {"{}\n{}\n", Options{}, fault.Invalid, "the file has rows, but no columns", 0},
		"a header row was given":     {`{"a":1}`, Options{HeaderRow: 1}, fault.Invalid, "header_row was given", 0},
		"a cell beyond the limit":    {"{\"a\":1}\n{\"a\":\"xxxxxxxxxxx\"}", Options{Limits: Limits{CellBytes: 10}}, fault.TooLarge, `row 2, column A: the cell is too large (limit "cell bytes": 10)`, 1},
		"nested beyond all measure":  {`{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}", Options{}, fault.Invalid, "not valid JSON", 0},
		"a row beyond all measure":   {"{\"a\":1}\n{\"a\":\"" + strings.Repeat("x", minRecordBytes), Options{}, fault.TooLarge, `row 2 is too large (limit "row bytes"`, 1},
		"columns beyond the limit":   {`{"a":1,"b":2,"c":3}`, Options{Limits: Limits{Columns: 2}}, fault.TooLarge, `(limit "columns": 2)`, 0},
		"names beyond the limit":     {`[["a","b","c"]]`, Options{Limits: Limits{Columns: 2}}, fault.TooLarge, `(limit "columns": 2)`, 0},
		"an object among the arrays": {`[["a"],[1]`, Options{}, fault.Invalid, "the array is not closed", 1},
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

// Reading agrees with encoding/json on what is a value, on every prefix and with every character changed.
func TestJSONValuesAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	pieces := []string{
		`{`, `}`, `[`, `]`, `,`, `:`, `"`, `"a"`, `"\u00e9"`, `"\ud83d"`, `\`, `\n`, "\n", " ", "0", "01", "-1", "1.5", "1.", "1e5", "1e", "-",
		"true", "tru", "false", "null", `"é"`, "\x01", `{"a":1}`, `[1,2]`, "\x7f",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 12).Draw(t, "pieces"), "") + "\n")
		requireSameJSON(t, text)
	})
}

// requireSameJSON compares JSONValue with the standard library on text, whose last byte is white space.
func requireSameJSON(tb require.TestingT, text []byte) {
	start := JSONSpace(text, 0)
	end, state := JSONValue(text, start, jsonDepth)
	whole := state == JSONWhole && JSONSpace(text, end) == len(text)
	require.Equal(tb, json.Valid(text), whole, "%q", text)
	if !whole {
		return
	}
	var compact bytes.Buffer
	require.NoError(tb, json.Compact(&compact, text))
	require.Equal(tb, compact.String(), string(jsonCompact(nil, text[start:end])))
	if text[start] == '"' && utf8.Valid(text) {
		var want string
		require.NoError(tb, json.Unmarshal(text, &want))
		got, _ := JSONUnescape(nil, text[start+1:end-1])
		require.Equal(tb, want, string(got))
	}
}

func TestJSONTextsOfAnyLengthAreScannedRight(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		for _, tail := range []string{`"`, `\"`, "\x1f", "\x20", `\`} {
			text := `"` + strings.Repeat("x", n) + tail + `yyyyyyyy"` + "\n"
			requireSameJSON(t, []byte(text))
		}
	}
}

func TestALongJSONFileIsReadAcrossWindows(t *testing.T) {
	t.Parallel()
	for _, ends := range [][3]string{{"", "\n", ""}, {"[", ",", "]"}} {
		var parts []string
		for i := range 500 {
			parts = append(parts, fmt.Sprintf(`{"id":%d,"note":"%s\n","tags":[%d, "x"]}`, i, strings.Repeat("é", i%50), i))
		}
		text := ends[0] + strings.Join(parts, ends[1]) + ends[2]
		want := readAll(t, text, Options{})
		require.Len(t, want.rows, 500)
		for _, size := range []int{40, 41, 64, 1000} {
			r, err := openWithWindow(t.Context(), text, Options{}, size)
			require.NoError(t, err)
			got, err := collect(r)
			require.NoError(t, err)
			require.Equal(t, want.rows, got.rows)
			require.Equal(t, want.lines, got.lines)
		}
	}
}
