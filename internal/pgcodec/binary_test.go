package pgcodec

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/fault"
	"wharf/internal/testenv"
)

// read are the types whose reading is compared with Postgres's own. Of canonical text both make the same value, or both
// refuse it; of any other text Postgres makes the same value wherever Binary accepts it.
var read = []struct {
	name      string
	sql       string
	typ       Type
	canonical *rapid.Generator[string]
}{
	{"bool", "bool", Type{OID: pgtype.BoolOID}, rapid.SampledFrom([]string{
		"true", "FALSE", "t", "F", "yes", "No", "y", "n", "on", "OFF", "1", "0", "2", "", "o",
	})},
	{"int2", "int2", Type{OID: pgtype.Int2OID}, rapid.OneOf(integers(16), integers(17), integers(64), numerics(), wholes())},
	{"int4", "int4", Type{OID: pgtype.Int4OID}, rapid.OneOf(integers(32), integers(33), integers(64), wholes())},
	{"int8", "int8", Type{OID: pgtype.Int8OID}, rapid.OneOf(integers(64), wholes(), rapid.SampledFrom([]string{
		"9223372036854775808", "-9223372036854775809", "18446744073709551616", "184467440737095516160", "+7", "007", "-", "",
		"9223372036854775807.0", "-9223372036854775808.0", "9223372036854775808.0", "9223372036854775807.5", "1e18", "1e19", "1e20", "1e99",
		"0e99", "0.0", "-0.0", ".0", "5.", ".5", ".", "1e", "1e5.0", "100e-2", "100e-3", "99999999999999999999.5", "1.0e0",
	}))},
	{"oid", "oid", Type{OID: pgtype.OIDOID}, rapid.Map(rapid.Uint32(), func(n uint32) string { return fmt.Sprint(n) })},
	{"float4", "float4", Type{OID: pgtype.Float4OID}, rapid.OneOf(floats(32), floats(64), numerics())},
	{"float8", "float8", Type{OID: pgtype.Float8OID}, rapid.OneOf(floats(64), numerics(), rapid.SampledFrom([]string{
		"1e309", "1e-400", "0e-400", "4e-324", "1.7976931348623159e308", "nan", "+infinity", ".5", "5.", ".", "e1", "",
	}))},
	{"numeric", "numeric", Type{OID: pgtype.NumericOID}, rapid.OneOf(numerics(), rapid.SampledFrom([]string{
		"1e-16384", "1e131072", "0e-16384", "0e99999", "1e-99999999999", "1e1000000000", ".5", "5.", ".", "-", "", "+1", "nan",
		strings.Repeat("9", 131072), "1" + strings.Repeat("0", 131072), "0." + strings.Repeat("0", 16382) + "1",
	}))},
	{"numeric(12,2)", "numeric(12,2)", Type{OID: pgtype.NumericOID, Precision: 12, Scale: 2}, rounded(10, 2)},
	{"numeric(5)", "numeric(5)", Type{OID: pgtype.NumericOID, Precision: 5}, rounded(5, 0)},
	{"numeric(3,5)", "numeric(3,5)", Type{OID: pgtype.NumericOID, Precision: 3, Scale: 5}, rounded(0, 5)},
	{"numeric(3,-2)", "numeric(3,-2)", Type{OID: pgtype.NumericOID, Precision: 3, Scale: -2}, rounded(5, 0)},
	{"text", "text", Type{OID: pgtype.TextOID}, texts()},
	{"varchar(5)", "varchar(5)", Type{OID: pgtype.VarcharOID, MaxLength: 5}, withoutBlanks(texts())},
	{"char(5)", "char(5)", Type{OID: pgtype.BPCharOID, MaxLength: 5}, withoutBlanks(texts())},
	{"uuid", "uuid", Type{OID: pgtype.UUIDOID}, rapid.OneOf(uuids(), rapid.SampledFrom([]string{
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99--9c0b4ef8-bb6d-6bb9bd380a11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "",
	}))},
	{"date", "date", Type{OID: pgtype.DateOID}, rapid.OneOf(dates(), days(-4720, 5874899), rapid.SampledFrom([]string{
		"2023-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2024-04-31", "2024-13-01", "2024-00-10", "2024-01-00", "0000-01-01",
		"0004-02-29 BC", "0005-02-29 BC", "4714-11-23 BC", "5874898-01-01", "2024-01-02T00:00:00Z", "Infinity",
	}))},
	{"time", "time", Type{OID: pgtype.TimeOID}, rapid.OneOf(clocks(), strangeClocks())},
	{"timestamp", "timestamp", Type{OID: pgtype.TimestampOID}, rapid.OneOf(moments(), timestamps())},
	{"timestamptz", "timestamptz", Type{OID: pgtype.TimestamptzOID}, rapid.OneOf(moments(), timestamps())},
	{"json", "json", Type{OID: pgtype.JSONOID}, rapid.OneOf(documents(), strangeDocuments())},
	{"jsonb", "jsonb", Type{OID: pgtype.JSONBOID}, rapid.OneOf(documents(), strangeDocuments())},
	{"bytea", "bytea", Type{OID: pgtype.ByteaOID}, rapid.OneOf(byteas(), rapid.SampledFrom([]string{`\xAbCd`, `\xabc`, `\xzz`}))},
	{"inet", "inet", Type{OID: pgtype.InetOID}, addresses()},
	{"cidr", "cidr", Type{OID: pgtype.CIDROID}, addresses()},
}

// wholes gives numbers that mostly are whole, in the spellings of floats.
func wholes() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return integers(40).Draw(t, "whole") + rapid.SampledFrom([]string{".0", ".", ".000", ".5", "e0", "e3", ".50e1", "0e-1", "e-1", ".001"}).Draw(t, "tail")
	})
}

// rounded gives numbers around the limits of a column with so many digits before and behind the point.
func rounded(whole, scale int) *rapid.Generator[string] {
	digits := rapid.StringOfN(rapid.RuneFrom([]rune("0459999")), 0, -1, -1)
	return rapid.OneOf(numerics(), rapid.Custom(func(t *rapid.T) string {
		n := max(0, whole+rapid.IntRange(-3, 1).Draw(t, "more"))
		s := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + "0"
		s += rapid.StringOfN(rapid.RuneFrom([]rune("0459999")), n, n, -1).Draw(t, "whole") + "."
		s += rapid.SampledFrom([]string{"", strings.Repeat("9", scale), strings.Repeat("0", scale)}).Draw(t, "kept")
		return s + digits.Draw(t, "decimals")
	}))
}

// exact reports whether a number of the type is read in any spelling, and refused where Postgres would round it.
func exact(t Type) bool {
	return t.Precision > 0 || t.OID == pgtype.Int2OID || t.OID == pgtype.Int4OID || t.OID == pgtype.Int8OID
}

// withoutBlanks leaves out blanks, which Postgres cuts off at the end of what is too long.
func withoutBlanks(g *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.Map(g, func(s string) string { return strings.ReplaceAll(s, " ", "_") })
}

func strangeClocks() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		"24:00:00", "24:00", "24:00:00.0000001", "24:00:01", "23:59:60", "23:59:60.1", "23:59:59.9999999", "10:60:00", "25:00:00",
		"10:00:00.0000005", "10:00:00.0000015", "10:00:00.0000025", "10:00:00.12345650000001",
		"10:00:00.1234567891234567890123456789012345",
	})
}

// moments gives dates and times in all the shapes that are read.
func moments() *rapid.Generator[string] {
	edges := rapid.SampledFrom([]string{
		"4714-11-24 BC", "4714-11-23 BC", "4714-11-25 BC", "294276-12-31", "294277-01-01", "294277-01-02", "5874897-12-31", "2023-02-29",
	})
	return rapid.Custom(func(t *rapid.T) string {
		s, era, _ := strings.Cut(rapid.OneOf(days(-4712, 294276), edges).Draw(t, "day"), " ")
		s += rapid.SampledFrom([]string{"T", " "}).Draw(t, "separator")
		clock := rapid.OneOf(clocks(), clocks(), strangeClocks()).Draw(t, "clock")
		if rapid.IntRange(0, 5).Draw(t, "short") == 0 {
			clock = clock[:len("HH:MM")]
		}
		s += clock
		switch rapid.IntRange(0, 3).Draw(t, "zone") {
		case 0:
			s += rapid.SampledFrom([]string{"Z", "z", " Z", "+0530", "-1100", "+16", "-15:60", "+00:00:60", " +02"}).Draw(t, "zone")
		case 1:
			s += offsets().Draw(t, "offset")
		}
		return strings.TrimSuffix(s+" "+era, " ")
	})
}

func strangeDocuments() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		"", " ", "{", "}", "[1,]", `{"a":}`, `{"a" 1}`, `{"a":1,}`, `{a:1}`, "[", "[1 2]", "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1",
		"tru", "truex", "nul", "NaN", `"a`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\`, "\"\t\"", "\"\x7f\"", "1 2", "\ufeff1", "\u00a01",
		`"\u0000"`, `{"\u0000":1}`, `"\ud800"`, `"\udc00"`, `"\ud800\udc00"`, `"\ud800\ud800"`, `"\ud800a"`, `"\ud800\n"`, `"\ud800\u"`,
		"1e400000", "1e-16383", "1e-16384", "1e131071", "1e131072", "0e99999999999", "-0", "-0.0", "[[[]]]", `{"b":1,"a":2,"b":3}`,
	})
}

// mutated gives canonical text with one byte changed, put in or taken out.
func mutated(g *rapid.Generator[string]) *rapid.Generator[string] {
	odd := rapid.OneOf(rapid.RuneFrom([]rune("0123456789 +-.:eETZBC/_xX\"\\{}[],\t\nnaif")), rapid.RuneFrom([]rune("é0")))
	return rapid.Custom(func(t *rapid.T) string {
		runes := []rune(g.Draw(t, "canonical"))
		for range rapid.IntRange(1, 2).Draw(t, "changes") {
			at := rapid.IntRange(0, len(runes)).Draw(t, "at")
			switch kind := rapid.IntRange(0, 2).Draw(t, "change"); {
			case kind == 0 || at == len(runes):
				runes = append(runes[:at:at], append([]rune{odd.Draw(t, "more")}, runes[at:]...)...)
			case kind == 1:
				runes[at] = odd.Draw(t, "other")
			default:
				runes = append(runes[:at:at], runes[at+1:]...)
			}
		}
		return string(runes)
	})
}

func TestTextBecomesWhatPostgresMakesOfIt(t *testing.T) {
	t.Parallel()
	url := testenv.Empty(t).AdminURL
	for _, tc := range read {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			encode, ok := Binary(tc.typ)
			require.True(t, ok)
			s := newSession(t, url)
			s.exec(t, fmt.Sprintf("CREATE TEMP TABLE v (row int8, value %s)", tc.sql))
			assignment := "value := t;"
			if exact(tc.typ) {
				assignment = "value := t::numeric; IF value <> t::numeric THEN RETURN NULL; END IF;"
			}
			s.exec(t, fmt.Sprintf(`CREATE FUNCTION pg_temp.assigned(t text) RETURNS text LANGUAGE plpgsql AS $$
				DECLARE value %s; BEGIN %s RETURN concat(value); EXCEPTION WHEN others THEN RETURN NULL; END $$`, tc.sql, assignment))

			rapid.Check(t, func(rt *rapid.T) {
				wild := rapid.Bool().Draw(rt, "wild")
				values := tc.canonical
				if wild {
					values = mutated(tc.canonical)
				}
				given := rapid.SliceOfN(values, 1, 40).Draw(rt, "values")
				want := s.texts(rt, "SELECT pg_temp.assigned(t) FROM unnest($1::text[]) WITH ORDINALITY u (t, n) ORDER BY n", given)
				got := copiedIn(rt, s, encode, given)
				for i := range given {
					if wild && got[i] == nil {
						continue // stricter than Postgres
					}
					require.Equal(rt, want[i], got[i], "%q", given[i])
				}
			})
		})
	}
}

// copiedIn stages values in v by COPY and gives what the table then holds; nil: refused.
func copiedIn(t failer, s session, encode BinaryFunc, values []string) []*string {
	var stream bytes.Buffer
	w := NewCopyWriter(&stream, make([]byte, 0, 256))
	for i, v := range values {
		w.Begin(2)
		w.Int8(int64(i))
		if err := w.Text(encode, []byte(v)); err != nil {
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
			w.Null()
		}
		require.NoError(t, w.End())
	}
	require.NoError(t, w.Close())
	s.exec(t, "TRUNCATE v")
	_, err := s.conn.PgConn().CopyFrom(context.Background(), &stream, "COPY v FROM STDIN (FORMAT binary)")
	require.NoError(t, err, "%q", values)
	return s.texts(t, "SELECT CASE WHEN value IS NOT NULL THEN concat(value) END FROM v ORDER BY row")
}

func TestRefusalsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	numeric := Type{OID: pgtype.NumericOID, Precision: 5, Scale: 2}
	for _, tc := range []struct {
		typ       Type
		text      string
		predicate string
	}{
		{Type{OID: pgtype.BoolOID}, "maybe", "is not true or false"},
		{Type{OID: pgtype.BoolOID}, "truer", "is not true or false"},
		{Type{OID: pgtype.Int4OID}, "5.5", "is not a whole number"},
		{Type{OID: pgtype.Int4OID}, "1e-1", "is not a whole number"},
		{Type{OID: pgtype.Int4OID}, "1e5.0", "is not a whole number"},
		{Type{OID: pgtype.Int4OID}, "2147483648.0", "is out of range for integer"},
		{Type{OID: pgtype.Int2OID}, "40000", "is out of range for smallint"},
		{Type{OID: pgtype.Int4OID}, "-2147483649", "is out of range for integer"},
		{Type{OID: pgtype.Int8OID}, "9223372036854775808", "is out of range for bigint"},
		{Type{OID: pgtype.Float8OID}, "0x1p4", "is not a number"},
		{Type{OID: pgtype.Float8OID}, "1e999", "is out of range for double precision"},
		{numeric, "1,5", "is not a number"},
		{numeric, "1000", "is out of range for numeric(5,2)"},
		{numeric, "999.995", "has more than 2 decimal places"},
		{numeric, "1.239", "has more than 2 decimal places"},
		{numeric, "1e-9", "has more than 2 decimal places"},
		{Type{OID: pgtype.NumericOID, Precision: 5, Scale: 1}, "0.05", "has more than 1 decimal place"},
		{Type{OID: pgtype.NumericOID, Precision: 5}, "5.5", "is not a whole number"},
		{Type{OID: pgtype.NumericOID, Precision: 3, Scale: -2}, "1234", "is not a multiple of 100"},
		{numeric, "Infinity", "is out of range for numeric(5,2)"},
		{Type{OID: pgtype.TextOID}, "a\xff", "is not valid UTF-8"},
		{Type{OID: pgtype.TextOID}, "a\x00", "holds a NUL character"},
		{Type{OID: pgtype.VarcharOID, MaxLength: 3}, "äöü ", "is longer than 3 characters"},
		{Type{OID: pgtype.UUIDOID}, "a0eebc99", "is not a UUID"},
		{Type{OID: pgtype.DateOID}, "1/2/2024", "is not an ISO date (YYYY-MM-DD)"},
		{Type{OID: pgtype.DateOID}, "2023-02-29", "is not a day of the calendar"},
		{Type{OID: pgtype.DateOID}, "2024-01-02T10:00:00Z", "has a time of day, which a date cannot keep"},
		{Type{OID: pgtype.DateOID}, "9999999-01-01", "is out of range for date"},
		{Type{OID: pgtype.TimestamptzOID}, "2024-01-02 25:00", "is not an ISO date and time"},
		{Type{OID: pgtype.TimestamptzOID}, "294277-01-01", "is out of range for timestamp"},
		{Type{OID: pgtype.TimeOID}, "10", "is not a time of day (HH:MM:SS)"},
		{Type{OID: pgtype.JSONOID}, `{"a":1,}`, "is not valid JSON"},
		{Type{OID: pgtype.JSONOID}, "\"\xff\"", "is not valid UTF-8"},
		{Type{OID: pgtype.JSONBOID}, `"\u0000"`, `holds \u0000, which jsonb cannot keep`},
		{Type{OID: pgtype.JSONBOID}, `"\udc00"`, "holds half a surrogate pair, which jsonb cannot keep"},
		{Type{OID: pgtype.JSONBOID}, "1e400000", "holds a number out of range for jsonb"},
		{Type{OID: pgtype.JSONBOID}, strings.Repeat("[", 5001) + strings.Repeat("]", 5001), "is JSON nested too deeply"},
		{Type{OID: pgtype.ByteaOID}, "abcd", `is not bytes in hex (\x…)`},
		{Type{OID: pgtype.InetOID}, "fe80::1%eth0", "is not an IP address"},
		{Type{OID: pgtype.CIDROID}, "10.0.0.1/8", "is not an IP network"},
	} {
		encode, ok := Binary(tc.typ)
		require.True(t, ok)
		_, err := encode(nil, []byte(tc.text))
		require.EqualError(t, err, tc.predicate, "%.40q", tc.text)
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
	}
}

func TestTypesWithoutABinaryReaderSaySo(t *testing.T) {
	t.Parallel()
	for _, oid := range []uint32{pgtype.IntervalOID, pgtype.Int4ArrayOID, pgtype.XMLOID, pgtype.PointOID, 99_999} {
		_, ok := Binary(Type{OID: oid})
		require.False(t, ok, oid)
	}
}

func TestDeepDocumentsThatAreTakenFitIntoPostgres(t *testing.T) {
	t.Parallel()
	s := newSession(t, testenv.Empty(t).AdminURL)
	s.exec(t, "CREATE TEMP TABLE v (row int8, value jsonb)")
	lists := strings.Repeat("[", maxJSONDepth) + strings.Repeat("]", maxJSONDepth)
	objects := strings.Repeat(`{"a": `, maxJSONDepth) + "1" + strings.Repeat("}", maxJSONDepth)
	got := copiedIn(t, s, encodeJSONB, []string{lists, objects})
	require.Equal(t, lists, *got[0])
	require.Equal(t, objects, *got[1])
}

func TestReadingCostsNoAllocation(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole program's
	buf := make([]byte, 0, 1024)
	for _, tc := range []struct {
		typ  Type
		text string
	}{
		{Type{OID: pgtype.BoolOID}, "true"},
		{Type{OID: pgtype.Int8OID}, "-9223372036854775808"},
		{Type{OID: pgtype.Int4OID}, "not a number"},
		{Type{OID: pgtype.Float8OID}, "-1.7976931348623157e+308"},
		{Type{OID: pgtype.NumericOID, Precision: 12, Scale: 2}, "-1234567.89000"},
		{Type{OID: pgtype.NumericOID, Precision: 12, Scale: 2}, "-1234567.895"},
		{Type{OID: pgtype.Int4OID}, "-1234567.00"},
		{Type{OID: pgtype.NumericOID}, "99999999999999999999.999999999999999999999"},
		{Type{OID: pgtype.VarcharOID, MaxLength: 64}, "Zoë Müller"},
		{Type{OID: pgtype.VarcharOID, MaxLength: 3}, "Zoë Müller"},
		{Type{OID: pgtype.UUIDOID}, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{Type{OID: pgtype.DateOID}, "2024-02-29"},
		{Type{OID: pgtype.TimeOID}, "10:00:00.5"},
		{Type{OID: pgtype.TimestamptzOID}, "2024-02-29T10:00:00.123456+02:00"},
		{Type{OID: pgtype.JSONBOID}, `{"a": [1, 2.5, "\u00e9", null], "b": {"c": true}}`},
		{Type{OID: pgtype.ByteaOID}, `\xdeadbeef`},
	} {
		encode, _ := Binary(tc.typ)
		text := []byte(tc.text)
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = encode(buf, text) }), tc.text)
	}
}
