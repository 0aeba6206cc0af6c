package pgcodec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/testenv"
)

// printed are the types whose print is compared with Postgres's own. oid 0: the server prints.
var printed = []struct {
	name   string
	typ    string
	oid    uint32
	values *rapid.Generator[string]
}{
	{"bool", "bool", pgtype.BoolOID, rapid.SampledFrom([]string{"t", "f"})},
	{"int2", "int2", pgtype.Int2OID, integers(16)},
	{"int4", "int4", pgtype.Int4OID, integers(32)},
	{"int8", "int8", pgtype.Int8OID, integers(64)},
	{"oid", "oid", pgtype.OIDOID, rapid.Map(rapid.Uint32(), func(n uint32) string { return fmt.Sprint(n) })},
	{"float4", "float4", pgtype.Float4OID, floats(32)},
	{"float8", "float8", pgtype.Float8OID, floats(64)},
	{"numeric", "numeric", pgtype.NumericOID, numerics()},
	{"text", "text", pgtype.TextOID, texts()},
	{"varchar", "varchar(40)", pgtype.VarcharOID, textsUpTo(40)},
	{"bpchar", "char(40)", pgtype.BPCharOID, textsUpTo(40)},
	{"name", "name", pgtype.NameOID, textsUpTo(15)},
	{"single-byte char", `"char"`, pgtype.QCharOID, rapid.StringMatching(`[!-~]?`)},
	{"citext", "public.citext", pgtype.TextOID, texts()},
	{"enum", "mood", pgtype.TextOID, moods()},
	{"xml", "xml", pgtype.XMLOID, rapid.SampledFrom([]string{"", "<a/>", `<?xml version="1.0" encoding="latin1"?><a b="1">é</a>`, "a,b"})},
	{"uuid", "uuid", pgtype.UUIDOID, uuids()},
	{"date", "date", pgtype.DateOID, dates()},
	{"time", "time", pgtype.TimeOID, rapid.OneOf(clocks(), rapid.Just("24:00:00"))},
	{"timetz", "timetz", pgtype.TimetzOID, rapid.Custom(func(t *rapid.T) string {
		return clocks().Draw(t, "clock") + offsets().Draw(t, "offset")
	})},
	{"timestamp", "timestamp", pgtype.TimestampOID, timestamps()},
	{"timestamptz", "timestamptz", pgtype.TimestamptzOID, timestamps()},
	{"interval", "interval", pgtype.IntervalOID, intervals()},
	{"json", "json", pgtype.JSONOID, documents()},
	{"jsonb", "jsonb", pgtype.JSONBOID, documents()},
	{"bytea", "bytea", pgtype.ByteaOID, byteas()},
	{"inet", "inet", pgtype.InetOID, addresses()},
	{"cidr", "cidr", pgtype.CIDROID, rapid.SampledFrom([]string{"10.0.0.0/8", "1.2.3.4", "::/0", "1:2::/32", "::ffff:1.2.3.0/120"})},
	{"macaddr", "macaddr", pgtype.MacaddrOID, rapid.Map(byteStrings(6), func(b []byte) string { return fmt.Sprintf("%x", b) })},
	{"macaddr8", "macaddr8", pgtype.Macaddr8OID, rapid.Map(byteStrings(8), func(b []byte) string { return fmt.Sprintf("%x", b) })},
	{"bit", "bit(11)", pgtype.BitOID, bitStrings(11, 11)},
	{"varbit", "bit varying", pgtype.VarbitOID, bitStrings(0, 40)},
	{"domain over json", "doc", pgtype.JSONOID, documents()},
	{"domain over numeric", "amount", pgtype.NumericOID, rapid.SampledFrom([]string{"1", "2.345", "-7"})},

	{"int4 array", "int4[]", pgtype.Int4ArrayOID, arrays(integers(32))},
	{"float8 array", "float8[]", pgtype.Float8ArrayOID, arrays(floats(64))},
	{"numeric array", "numeric[]", pgtype.NumericArrayOID, arrays(numerics())},
	{"bool array", "bool[]", pgtype.BoolArrayOID, arrays(rapid.SampledFrom([]string{"t", "f"}))},
	{"text array", "text[]", pgtype.TextArrayOID, arrays(texts())},
	{"uuid array", "uuid[]", pgtype.UUIDArrayOID, arrays(uuids())},
	{"timestamptz array", "timestamptz[]", pgtype.TimestamptzArrayOID, arrays(timestamps())},
	{"jsonb array", "jsonb[]", pgtype.JSONBArrayOID, arrays(documents())},
	{"json array", "json[]", pgtype.JSONArrayOID, arrays(documents())},
	{"bytea array", "bytea[]", pgtype.ByteaArrayOID, arrays(byteas())},

	{"enum array", "mood[]", 0, arrays(moods())},
	{"domain array", "amount[]", 0, arrays(rapid.SampledFrom([]string{"1", "2.345"}))},
	{"composite", "pair", 0, rapid.SampledFrom([]string{`(1,"a,b")`, "(,)", `(3,"")`})},
	{"hstore", "public.hstore", 0, rapid.SampledFrom([]string{"", `a=>1,"b c"=>NULL`})},
	{"tstzrange", "tstzrange", 0, rapid.SampledFrom([]string{"empty", "[2024-01-01 10:00+02,infinity)", "(,)"})},
	{"money", "money", 0, rapid.SampledFrom([]string{"1234.50", "-1"})},
	{"point", "point", 0, rapid.SampledFrom([]string{"(1,2.5)", "(NaN,-0)"})},
	{"tsvector", "tsvector", 0, rapid.SampledFrom([]string{"'a':1 'b\"':2", ""})},
	{"type with a cast to text of its own", "shout", 0, rapid.SampledFrom([]string{"(a)", `("b c")`})},
}

const printedTypes = `
	CREATE EXTENSION citext; CREATE EXTENSION hstore;
	CREATE TYPE mood AS ENUM ('glad', 'so so', 'sad, "very"', 'NULL', '');
	CREATE DOMAIN doc AS json; CREATE DOMAIN amount AS numeric(12,2);
	CREATE TYPE pair AS (a int, b text);
	CREATE TYPE shout AS (word text);
	CREATE FUNCTION to_shout(shout) RETURNS text LANGUAGE sql AS $$ SELECT upper($1.word) $$;
	CREATE CAST (shout AS text) WITH FUNCTION to_shout(shout)`

func moods() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"glad", "so so", `sad, "very"`, "NULL", ""})
}

// arrays gives array literals of one dimension, or two, some with a lower bound of their own.
func arrays(elements *rapid.Generator[string]) *rapid.Generator[string] {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	element := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			return "NULL"
		}
		return `"` + quote.Replace(elements.Draw(t, "element")) + `"`
	})
	list := func(t *rapid.T, n int) string {
		return "{" + strings.Join(rapid.SliceOfN(element, n, n).Draw(t, "elements"), ",") + "}"
	}
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(0, 4).Draw(t, "length")
		switch {
		case n == 0:
			return "{}"
		case rapid.Bool().Draw(t, "two dimensions"):
			return "{" + list(t, n) + "," + list(t, n) + "}"
		case rapid.Bool().Draw(t, "bounded"):
			return fmt.Sprintf("[-1:%d]=%s", n-2, list(t, n))
		}
		return list(t, n)
	})
}

func TestRowsReadAsPostgresPrintsThem(t *testing.T) {
	t.Parallel()
	url := testenv.Empty(t).AdminURL
	newSession(t, url).exec(t, printedTypes)

	for _, tc := range printed {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, url)
			s.exec(t, fmt.Sprintf(`CREATE TEMP TABLE v (row int, "Va""lue" %s)`, tc.typ))
			json := []Column{JSONColumn("row", "row", pgtype.Int4OID), JSONColumn(`Va"lue`, `v."Va""lue"`, tc.oid)}
			csv := []Column{TextColumn("row", "row", pgtype.Int4OID), TextColumn(`Va"lue`, `v."Va""lue"`, tc.oid)}
			require.Equal(t, tc.oid != 0, json[1].SQL == `v."Va""lue"`, "types with an oid have a decoder")

			rapid.Check(t, func(rt *rapid.T) {
				values := rapid.SliceOfN(tc.values, 1, 40).Draw(rt, "values")
				s.exec(rt, "TRUNCATE v")
				s.exec(rt, fmt.Sprintf("INSERT INTO v SELECT n, t::%s FROM unnest($1::text[]) WITH ORDINALITY u (t, n)", tc.typ), values)
				s.exec(rt, "INSERT INTO v VALUES (0, NULL)")

				want := ""
				for _, row := range s.texts(rt, "SELECT row_to_json(v)::text FROM v ORDER BY row") {
					want += *row + "\n"
				}
				require.Equal(rt, want, string(printRows(rt, s, json, AppendJSONRow)))

				want = s.copyOut(rt, "COPY (SELECT * FROM v ORDER BY row) TO STDOUT (FORMAT csv, HEADER)")
				header := string(AppendCSVHeader(nil, csv)) + "\n"
				require.Equal(rt, want, header+string(printRows(rt, s, csv, AppendCSVRow)))
			})
		})
	}
}

func printRows(t failer, s session, cols []Column,
	appendRow func(dst []byte, cols []Column, raw [][]byte) ([]byte, error),
) []byte {
	var out []byte
	var err error
	for _, raw := range s.raw(t, fmt.Sprintf("SELECT %s, %s FROM v ORDER BY row", cols[0].SQL, cols[1].SQL)) {
		out, err = appendRow(out, cols, raw)
		require.NoError(t, err)
		out = append(out, '\n')
	}
	return out
}

func TestSingleColumnsAreQuotedAsCopyDoes(t *testing.T) {
	t.Parallel()
	s := newSession(t, testenv.Empty(t).AdminURL)
	s.exec(t, `CREATE TEMP TABLE v AS SELECT unnest(ARRAY[NULL, '', '\.', 'a\.', ' ', 'a b', E'\t']) AS "\."`)
	cols := []Column{TextColumn(`\.`, `"\."`, pgtype.TextOID)}

	out := append(AppendCSVHeader(nil, cols), '\n')
	for _, raw := range s.raw(t, `SELECT "\." FROM v`) {
		var err error
		out, err = AppendCSVRow(out, cols, raw)
		require.NoError(t, err)
		out = append(out, '\n')
	}
	require.Equal(t, s.copyOut(t, "COPY v TO STDOUT (FORMAT csv, HEADER)"), string(out))
}

func TestAnotherPrinterIsQuotedToo(t *testing.T) {
	t.Parallel()
	cols := []Column{TextColumn("n", "n", pgtype.Int4OID).With(func(dst, _ []byte) ([]byte, error) {
		return append(dst, "a,b"...), nil
	})}
	out, err := AppendCSVRow(nil, cols, [][]byte{{0, 0, 0, 1}})
	require.NoError(t, err)
	require.Equal(t, `"a,b"`, string(out))
}

func TestStoredLineBreaksDoNotBreakJSONLines(t *testing.T) {
	t.Parallel()
	cols := []Column{JSONColumn("j", "j", pgtype.JSONOID), JSONColumn("t", "t", pgtype.TextOID)}
	row, err := AppendJSONRow(nil, cols, [][]byte{[]byte("{\r\n \"a\":\n1}\n"), []byte("x\ny")})
	require.NoError(t, err)
	OneLine(row)
	require.Equal(t, `{"j":{   "a": 1} ,"t":"x\ny"}`, string(row))
}

func TestACorruptValueNamesItsColumn(t *testing.T) {
	t.Parallel()
	for name, appendRow := range map[string]func(dst []byte, cols []Column, raw [][]byte) ([]byte, error){
		"json": AppendJSONRow, "csv": AppendCSVRow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cols := []Column{JSONColumn("n", "n", pgtype.Int4OID)}
			_, err := appendRow(nil, cols, [][]byte{{1}})
			require.ErrorIs(t, err, ErrCorrupt)
			require.ErrorContains(t, err, "column n")
			_, err = appendRow(nil, cols, nil)
			require.ErrorIs(t, err, ErrCorrupt)
		})
	}
}

func TestPrintingARowCostsNoAllocation(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole program's
	raw := [][]byte{}
	var json, csv []Column
	for i, c := range benchColumns {
		encode, _ := Binary(c.typ)
		value, err := encode(nil, benchText()[7][i])
		require.NoError(t, err)
		raw = append(raw, value)
		json = append(json, JSONColumn(c.name, c.name, c.typ.OID))
		csv = append(csv, TextColumn(c.name, c.name, c.typ.OID))
	}
	buf := make([]byte, 0, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = AppendJSONRow(buf, json, raw) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = AppendCSVRow(buf, csv, raw) }))
}
