package dump_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wharf/internal/dump"
	"wharf/internal/fault"
)

const valueTables = `
CREATE TYPE public.mood AS ENUM ('fine', 'so so', 'it''s bad');
CREATE DOMAIN public.percentage AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE public.size AS (width numeric, unit text);
CREATE TABLE public.things (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, name text NOT NULL, UNIQUE (tenant_id, name),
	num numeric, dec numeric(18,2), small smallint, big bigint, single real, dbl double precision, flag boolean,
	instant timestamptz, local timestamp, day date, clock time, zoned timetz, span interval, doc jsonb, raw json,
	bytes bytea, words text[], grid numeric[], sums numeric(8,2)[], codes varchar(3)[], pads char(3)[], bits varbit(4), short interval(0), mood public.mood, moods public.mood[], share public.percentage, net inet, block cidr,
	during tstzrange, numbers int4range, several int4multirange, mask bit(4), code char(3), spot point, size public.size, twice numeric GENERATED ALWAYS AS (dec * 2) STORED);`

func TestValuesAreExact(t *testing.T) {
	t.Parallel()
	w := newTown(t, valueTables)
	long := strings.Repeat("1234567890", 1000) + "." + strings.Repeat("0987654321", 100)
	for name, tc := range map[string]struct{ column, json, want string }{
		"a number of thousands of digits":          {"num", long, long},
		"zeros after the point":                    {"num", `1.50000`, "1.50000"},
		"an exponent":                              {"num", `1.5e3`, "1500"},
		"a small number":                           {"num", `-0.000000000000000000000000000001`, "-0.000000000000000000000000000001"},
		"a number in quotes":                       {"num", `"12.30"`, "12.30"},
		"not a number":                             {"num", `"NaN"`, "NaN"},
		"a sum that no float64 holds":              {"dec", `9007199254740993.25`, "9007199254740993.25"},
		"a sum with fewer decimals":                {"dec", `5`, "5.00"},
		"a sum with zeros after its decimals":      {"dec", `5.1000`, "5.10"},
		"the greatest bigint":                      {"big", `9223372036854775807`, "9223372036854775807"},
		"the least bigint":                         {"big", `-9223372036854775808`, "-9223372036854775808"},
		"a bigint beyond float64":                  {"big", `9007199254740993`, "9007199254740993"},
		"a real":                                   {"single", `0.1`, "0.1"},
		"a double":                                 {"dbl", `0.1`, "0.1"},
		"the greatest double":                      {"dbl", `1.7976931348623157e308`, "1.7976931348623157e+308"},
		"an infinite double":                       {"dbl", `"-Infinity"`, "-Infinity"},
		"an offset's instant":                      {"instant", `"2024-05-01T12:00:00.123456+05:45"`, "2024-05-01 06:15:00.123456+00"},
		"an offset with seconds":                   {"instant", `"1890-01-01T00:00:00+00:19:32"`, "1889-12-31 23:40:28+00"},
		"infinity":                                 {"instant", `"infinity"`, "infinity"},
		"before Christ":                            {"instant", `"0044-03-15T12:00:00+00:00 BC"`, "0044-03-15 12:00:00+00 BC"},
		"a year of five digits":                    {"instant", `"12024-01-01T00:00:00+00:00"`, "12024-01-01 00:00:00+00"},
		"a local time":                             {"local", `"2024-05-01T12:00:00.000001"`, "2024-05-01 12:00:00.000001"},
		"a day":                                    {"day", `"2024-02-29"`, "2024-02-29"},
		"an endless day":                           {"day", `"-infinity"`, "-infinity"},
		"a time of day":                            {"clock", `"24:00:00"`, "24:00:00"},
		"a time of day with its zone":              {"zoned", `"12:00:00.5+05:30"`, "12:00:00.5+05:30"},
		"an interval":                              {"span", `"1 year 2 mons -3 days 04:05:06.789"`, "1 year 2 mons -3 days +04:05:06.789"},
		"an interval in ISO 8601":                  {"span", `"P1Y2M3DT4H5M6S"`, "1 year 2 mons 3 days 04:05:06"},
		"jsonb keeps digits":                       {"doc", `{"b": 1.50, "a": [12345678901234567890123, null, "ü\u0001"]}`, `{"a": [12345678901234567890123, null, "ü\u0001"], "b": 1.50}`},
		"a text is a JSON value":                   {"doc", `"just text"`, `"just text"`},
		"a text that looks like JSON stays a text": {"doc", `"{\"a\": 1}"`, `"{\"a\": 1}"`},
		"false is a JSON value":                    {"doc", `false`, "false"},
		"json keeps its spaces and its order":      {"raw", `{"b":1,  "a":2, "b":3}`, `{"b":1,  "a":2, "b":3}`},
		"bytes":                                    {"bytes", `"\\x00ff5c"`, `\x00ff5c`},
		"no bytes":                                 {"bytes", `"\\x"`, `\x`},
		"an array":                                 {"words", `["a", null, "null", "", "with \"quotes\", commas and {braces}", "\\"]`, `{a,NULL,"null","","with \"quotes\", commas and {braces}","\\"}`},
		"an empty array":                           {"words", `[]`, `{}`},
		"an array of arrays":                       {"grid", `[[1.10, 2], [3, null]]`, `{{1.10,2},{3,NULL}}`},
		"an array of sums":                         {"sums", `[1.5, 2]`, "{1.50,2.00}"},
		"an array of short texts":                  {"codes", `["abc", "ä"]`, "{abc,ä}"},
		"an array of padded texts":                 {"pads", `["a", "abc"]`, `{"a  ",abc}`},
		"an enum":                                  {"mood", `"it's bad"`, "it's bad"},
		"an array of enums":                        {"moods", `["so so", "fine"]`, `{"so so",fine}`},
		"a domain":                                 {"share", `99.5`, "99.50"},
		"an address":                               {"net", `"2001:db8::1/64"`, "2001:db8::1/64"},
		"a block of addresses":                     {"block", `"10.0.0.0/8"`, "10.0.0.0/8"},
		"a range":                                  {"during", `"[\"2024-01-01 00:00:00+01\",)"`, `["2023-12-31 23:00:00+00",)`},
		"an empty range":                           {"during", `"empty"`, "empty"},
		"a range of numbers":                       {"numbers", `"[1,5)"`, "[1,5)"},
		"several ranges":                           {"several", `"{[1,2),[4,6)}"`, "{[1,2),[4,6)}"},
		"bits":                                     {"mask", `"0101"`, "0101"},
		"blanks at the end of char(n)":             {"code", `"a  "`, "a"},
		"a row":                                    {"size", `{"width": 1.50, "unit": "a, \"b\""}`, `(1.50,"a, ""b""")`},
		"a row of nothing":                         {"size", `{"width": null, "unit": null}`, `(,)`},
		"a point":                                  {"spot", `"(1.5,-2)"`, "(1.5,-2)"},
		"a text of every kind":                     {"name", `"zero\u200dwidth \ud83d\ude00 \u2028 'quotes' \\ \t\r\n"`, "zero\u200dwidth 😀 \u2028 'quotes' \\ \t\r\n"},
		"a generated column computes, whatever a dump says": {"dec", `2, "twice": 777`, "2.00"},
		"the marker of secrets stays out of every text":     {"name", `"[redacted on export]x"`, "[redacted on export]x"},
		"true": {"flag", `true`, "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew(t)
			row := `{"id": "` + id(1) + `", "name": "n", "` + tc.column + `": ` + tc.json + `}`
			if tc.column == "name" {
				row = `{"id": "` + id(1) + `", "name": ` + tc.json + `}`
			}
			doc := document(`"things": [` + row + `]`)
			report := w.restore(t, doc, verified)
			require.Equal(t, dump.Verified{Equal: 1}, report.Verified["things"])
			require.Equal(t, tc.want, w.one(t, `SELECT `+tc.column+`::text FROM things, set_config('TimeZone', 'UTC', true) WHERE tenant_id = $1`))
			require.Equal(t, "t", w.one(t, `SELECT twice IS NOT DISTINCT FROM dec * 2 FROM things WHERE tenant_id = $1`))
			again := w.restore(t, doc)
			require.Equal(t, counts{0, 0, 1, 0}, countsOf(again.Created, again.Updated, again.Unchanged, again.Skipped, "things"))
		})
	}
}

func TestABadValueIsAnErrorThatNamesTableRowAndColumn(t *testing.T) {
	t.Parallel()
	w := newTown(t, valueTables)
	for name, tc := range map[string]struct{ column, json string }{
		"more decimals than the column keeps": {"dec", `5.001`},
		"more digits than the column keeps":   {"dec", `12345678901234567890.00`},
		"letters in a number":                 {"num", `"12a"`},
		"an object for a number":              {"num", `{"a": 1}`},
		"a list for a number":                 {"num", `[1]`},
		"a number too great":                  {"small", `40000`},
		"a fraction for a whole number":       {"big", `1.5`},
		"a number for a truth":                {"flag", `2`},
		"a day that is none":                  {"day", `"2024-02-30"`},
		"a moment that is none":               {"instant", `"yesterday evening"`},
		"a bad number in a row":               {"size", `{"width": "x", "unit": null}`},
		"a text for a row":                    {"size", `"(1,a)"`},
		"half a byte":                         {"bytes", `"\\x0"`},
		"an object for an array":              {"words", `{"a": 1}`},
		"a ragged array":                      {"grid", `[[1, 2], [3]]`},
		"a label that the enum has not":       {"mood", `"great"`},
		"a value outside the domain":          {"share", `100.01`},
		"an address that is none":             {"net", `"10.0.0.256"`},
		"a range that ends before it begins":  {"numbers", `"[5,1]"`},
		"bits too many":                       {"mask", `"01010"`},
		"bits too many for varbit":            {"bits", `"01010"`},
		"bits too few":                        {"mask", `"010"`},
		"decimals in an array":                {"sums", `[1.00, 1.005]`},
		"a text too long in an array":         {"codes", `["abc", "abcd"]`},
		"a blank padded text too long":        {"pads", `["abcd"]`},
		"half a second":                       {"short", `"00:00:00.5"`},
		"a text too long":                     {"code", `"abcd"`},
		"a NUL in a text":                     {"name", `"a\u0000b"`},
		"a NUL in jsonb":                      {"doc", `{"a": "\u0000"}`},
		"half a surrogate pair":               {"name", `"\ud800"`},
		"null where there must be a value":    {"name", `null`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew(t)
			row := `{"name": "n", "` + tc.column + `": ` + tc.json + `}`
			if tc.column == "name" {
				row = `{"name": ` + tc.json + `}`
			}
			_, err := w.try(document(`"companies": [{"name": "good"}]`, `"things": [{"name": "good"}, `+row+`]`))
			require.Equal(t, fault.Invalid, fault.CodeOf(err), "%v", err)
			names(t, err, "things", "2", tc.column)
			require.Equal(t, "0|0", w.one(t, `SELECT (SELECT count(*) FROM things WHERE tenant_id = $1), (SELECT count(*) FROM companies WHERE tenant_id = $1)`))
		})
	}
}

// names requires that what the caller is told holds each of the words.
func names(t require.TestingT, err error, words ...string) {
	f, ok := fault.As(err)
	require.True(t, ok, "%v", err)
	told := f.Message
	for _, field := range f.Fields {
		told += "\n" + field.Field + ": " + field.Message
	}
	for _, word := range words {
		require.Contains(t, told, word)
	}
}

func TestAChangeThatComparingWouldNotSeeIsWritten(t *testing.T) {
	t.Parallel()
	w := newTown(t, valueTables)
	for name, tc := range map[string]struct{ column, from, to, want string }{
		"a zero more":                {"num", `1.5`, `1.50`, "1.50"},
		"a zero more in jsonb":       {"doc", `{"a": 1.5}`, `{"a": 1.50}`, `{"a": 1.50}`},
		"a zero more in an array":    {"grid", `[1.5]`, `[1.50]`, "{1.50}"},
		"a month of thirty days":     {"span", `"1 mon"`, `"30 days"`, "30 days"},
		"another case":               {"words", `["a"]`, `["A"]`, "{A}"},
		"another space in json":      {"raw", `{"a":1}`, `{"a": 1}`, `{"a": 1}`},
		"a place among the decimals": {"dec", `1.50`, `1.51`, "1.51"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.anew(t)
			doc := func(value string) string {
				return document(`"things": [{"name": "n", "` + tc.column + `": ` + value + `}]`)
			}
			w.restore(t, doc(tc.from))
			report := w.restore(t, doc(tc.to), verified)
			require.Equal(t, counts{0, 1, 0, 0}, countsOf(report.Created, report.Updated, report.Unchanged, report.Skipped, "things"))
			require.Equal(t, tc.want, w.one(t, `SELECT `+tc.column+`::text FROM things WHERE tenant_id = $1`))
			require.Equal(t, dump.Verified{Equal: 1}, report.Verified["things"])
		})
	}
}
