package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"wharf/internal/catalog"
)

// copied gives what COPY writes of a statement.
func (h *house) copied(t require.TestingT, sql string) string {
	conn, err := h.admin.Acquire(context.Background())
	require.NoError(t, err)
	defer conn.Release()
	var out bytes.Buffer
	_, err = conn.Conn().PgConn().CopyTo(context.Background(), &out, `COPY (`+sql+`) TO STDOUT (FORMAT csv, HEADER)`)
	require.NoError(t, err, sql)
	return out.String()
}

func (h *house) rowsOf(table *catalog.Table) string {
	return `SELECT * FROM ` + strings.ReplaceAll(redactedRows(table), "$1", "'"+h.mine.String()+"'") + ` x`
}

func TestBundlesHoldEveryTableAsPostgresPrintsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	snap := h.snapshot(t)
	csv, r := h.write(t, Request{Format: FormatCSV})
	csvFiles := unzipped(t, csv)
	jsonl, _ := h.write(t, Request{Format: FormatJSONL})
	jsonlFiles := unzipped(t, jsonl)
	require.Len(t, csvFiles, len(snap.Tables)+1)
	require.Len(t, jsonlFiles, len(snap.Tables)+1)
	doc, _, _ := h.document(t, h.mine)
	for _, table := range snap.Tables {
		require.Equal(t, h.copied(t, h.rowsOf(table)), csvFiles[table.Name+".csv"], table.Name)
		require.Equal(t, lines(doc[table.Name]), strings.Split(strings.TrimSuffix(jsonlFiles["tables/"+table.Name+".jsonl"], "\n"), "\n"), table.Name)
	}
	var m manifest
	require.NoError(t, json.Unmarshal([]byte(csvFiles[manifestName]), &m))
	require.Equal(t, "mine", m.Tenant.Slug)
	require.Len(t, m.Tables, len(snap.Tables))
	for i, table := range m.Tables {
		require.Equal(t, snap.Tables[i].Name, table.Table, "foreign-key order")
		require.Equal(t, r.tables[table.Table], table.Rows)
		require.Equal(t, hexSum(csvFiles[table.File]), table.SHA256)
	}
}

// everything has a column of each type that the sample product has, and of some that only the server can print.
const everything = `
	CREATE TYPE mood AS ENUM ('glad', 'sad, "very"', '');
	CREATE DOMAIN amount AS numeric(12,2);
	CREATE DOMAIN codes AS text[];
	CREATE TYPE pair AS (a int, "b c" text, at timestamptz);
	CREATE TABLE everything (
		id bigint PRIMARY KEY, tenant_id uuid NOT NULL, text_ text, varchar_ varchar(400), char_ char(5), bool_ boolean,
		int2_ smallint, int4_ integer, numeric_ numeric, amount_ amount, float4_ real, float8_ double precision,
		date_ date, time_ time, timestamp_ timestamp, timestamptz_ timestamptz, interval_ interval,
		json_ json, jsonb_ jsonb, bytea_ bytea, inet_ inet, cidr_ cidr, mood_ mood, texts text[], ints int[], moods mood[],
		money_ money, range_ int4range, point_ point, vector_ tsvector,
		int8_ bigint, uuid_ uuid, timetz_ timetz, bits_ bit varying, mac_ macaddr, span_ tstzrange, spans_ tstzmultirange, moments timestamptz[], blobs bytea[],
		docs jsonb[], codes_ codes, pair_ pair, pairs pair[], small_ "char", name_ name, oid_ oid, xml_ xml, path_ jsonpath, class_ regclass, two_ int[])`

var literals = map[string]*rapid.Generator[string]{
	"text_": texts(), "varchar_": texts(), "char_": rapid.SampledFrom([]string{"", "a", " a", "=1"}),
	"bool_": rapid.SampledFrom([]string{"t", "f"}),
	"int2_": numbers(rapid.Int16()), "int4_": numbers(rapid.Int32()),
	"numeric_": rapid.SampledFrom([]string{"0", "-0.10", "123456789012345678901234567890.123456789", "NaN", "1e-30", "007", "Infinity", "1e300"}),
	"amount_":  rapid.SampledFrom([]string{"0", "-1.5", "9999999999.99"}),
	"float4_":  numbers(rapid.Float32()), "float8_": numbers(rapid.Float64()),
	"date_":        rapid.SampledFrom([]string{"2024-02-29", "0001-01-01 BC", "infinity", "9999-12-31", "1899-12-31"}),
	"time_":        rapid.SampledFrom([]string{"00:00", "23:59:59.999999", "24:00"}),
	"timestamp_":   rapid.SampledFrom([]string{"2024-02-29 13:45", "-infinity", "1999-12-31 23:59:59.999999", "0044-03-15 00:00 BC"}),
	"timestamptz_": rapid.SampledFrom([]string{"2024-02-29 13:45+05:30", "infinity", "1970-01-01Z"}),
	"interval_":    rapid.SampledFrom([]string{"1 year -2 days 03:04:05.6", "-1 second", "0"}),
	"json_":        rapid.SampledFrom([]string{"{\"a\":\n 1}", "[1, 2]", `"\u00e9"`, "null", "1.50"}),
	"jsonb_":       rapid.SampledFrom([]string{`{"b": 1, "a": [1.50, null]}`, `"x"`, "null"}),
	"bytea_":       rapid.SampledFrom([]string{"", `\x00ff`, "abc"}),
	"inet_":        rapid.SampledFrom([]string{"1.2.3.4", "::1/64"}), "cidr_": rapid.SampledFrom([]string{"10.0.0.0/8"}),
	"mood_": rapid.SampledFrom([]string{"glad", `sad, "very"`, ""}),
	"texts": rapid.SampledFrom([]string{"{}", `{a,NULL,"b, \"c\""}`, "{{1,2},{3,4}}"}), "ints": rapid.SampledFrom([]string{"{1,NULL}", "[5:6]={1,2}"}),
	"moods": rapid.SampledFrom([]string{`{glad,""}`}), "money_": rapid.SampledFrom([]string{"-1.50"}),
	"range_": rapid.SampledFrom([]string{"[1,5)", "empty"}), "point_": rapid.SampledFrom([]string{"(1,2.5)"}),
	"vector_": rapid.SampledFrom([]string{"'a b':1 c", ""}),
	"int8_":   numbers(rapid.Int64()), "uuid_": rapid.SampledFrom([]string{"{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}"}),
	"timetz_": rapid.SampledFrom([]string{"08:30+05:30", "24:00:00-12"}), "bits_": rapid.SampledFrom([]string{"", "1011"}),
	"mac_":  rapid.SampledFrom([]string{"08002b:010203"}),
	"span_": rapid.SampledFrom([]string{"[2024-02-29 13:45+05:30,)", "(,2024-01-01 Z]", "empty"}), "spans_": rapid.SampledFrom([]string{"{}", "{[2024-01-01 Z,2024-02-01 +02)}"}),
	"moments": rapid.SampledFrom([]string{"{2024-02-29 13:45+05:30,NULL}"}), "blobs": rapid.SampledFrom([]string{`{"\\x00ff",NULL}`}),
	"docs": rapid.SampledFrom([]string{`{"{\"b\": 1.50}",null}`}), "codes_": rapid.SampledFrom([]string{"{a,NULL}"}),
	"pair_": rapid.SampledFrom([]string{`(1,"x ""y""",2024-02-29 13:45+05:30)`, "(,,)"}), "pairs": rapid.SampledFrom([]string{`{"(1,x,)",NULL}`}),
	"small_": rapid.SampledFrom([]string{"a", ""}), "name_": rapid.SampledFrom([]string{"Größe"}), "oid_": rapid.SampledFrom([]string{"4294967295"}),
	"xml_": rapid.SampledFrom([]string{"<a b=\"1\">&amp;\n</a>"}), "path_": rapid.SampledFrom([]string{`$.a[*] ? (@ > 1)`}),
	"class_": rapid.SampledFrom([]string{"pg_class"}), "two_": rapid.SampledFrom([]string{"{{1,2},{3,NULL}}"}),
}

func numbers[T any](g *rapid.Generator[T]) *rapid.Generator[string] {
	return rapid.Map(g, func(n T) string { return fmt.Sprint(n) })
}

func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", `\.`, "NULL", " ", "=1+1", `"`, "\r\n", ",", "0042", "\t"}),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab\x01\x1f\n\r\t\"\\/,'é€😀\u2028")), 0, 40, -1))
}

func TestEveryTypeLeavesAsPostgresPrintsIt(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, everything)
	id, outer := 0, t
	rapid.Check(t, func(t *rapid.T) {
		h.exec(t, `TRUNCATE everything`)
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			id++
			names, values := []string{"id", "tenant_id"}, []string{fmt.Sprint(id), "'" + h.mine.String() + "'"}
			for _, name := range slices.Sorted(maps.Keys(literals)) {
				if rapid.IntRange(0, 4).Draw(t, "given") > 0 {
					names = append(names, name)
					values = append(values, "'"+strings.ReplaceAll(literals[name].Draw(t, name), "'", "''")+"'")
				}
			}
			h.exec(t, `INSERT INTO everything (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(values, ", ")+`)`)
		}
		rows, err := h.admin.Query(context.Background(), `SELECT row_to_json(x)::text FROM everything x`)
		require.NoError(t, err)
		want, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		doc, _ := h.write(t, Request{})
		var got struct{ Everything json.RawMessage }
		require.NoError(t, json.Unmarshal(doc, &got))
		require.Equal(t, "[\n"+strings.Join(want, ",\n")+"]", string(got.Everything))
		bundle, _ := h.write(t, Request{Format: FormatCSV})
		require.Equal(t, h.copied(t, `SELECT * FROM everything`), unzipped(outer, bundle)["everything.csv"])
		bundle, _ = h.write(t, Request{Format: FormatJSONL})
		for i, line := range strings.Split(strings.TrimSuffix(unzipped(outer, bundle)["tables/everything.jsonl"], "\n"), "\n") {
			require.Equal(t, strings.ReplaceAll(want[i], "\n", " "), line, "json's own line breaks apart")
		}
	})
}

func TestFormulasAreEscapedOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `CREATE TABLE cells ("=id" int PRIMARY KEY, tenant_id uuid NOT NULL, word text, amount numeric, since interval)`)
	for i, word := range []string{"=1+1", "+1", "-1", "@x", "\tx", "\rx", "x=", "'", ""} {
		h.exec(t, `INSERT INTO cells VALUES ($1, $2, $3, -5, '-1 day')`, -i, h.mine, word)
	}
	plain, _ := h.write(t, Request{Format: FormatCSV})
	require.Equal(t, h.copied(t, `SELECT * FROM cells`), unzipped(t, plain)["cells.csv"])

	escaped, _ := h.write(t, Request{Format: FormatCSV, EscapeFormulas: true})
	files := unzipped(t, escaped)
	m := "," + h.mine.String() + ","
	require.Equal(t, "'=id,tenant_id,word,amount,since\n0"+m+"'=1+1,-5,'-1 days\n-1"+m+"'+1,-5,'-1 days\n-2"+m+"'-1,-5,'-1 days\n-3"+m+
		"'@x,-5,'-1 days\n-4"+m+"'\tx,-5,'-1 days\n-5"+m+"\"'\rx\",-5,'-1 days\n-6"+m+"x=,-5,'-1 days\n-7"+m+"',-5,'-1 days\n-8"+m+"\"\",-5,'-1 days\n",
		files["cells.csv"])
	require.Contains(t, files[manifestName], `"escape_formulas": true`)

	_, r := h.write(t, Request{Format: FormatXLSX, EscapeFormulas: true})
	require.Equal(t, []string{"texts that look like formulas bear an apostrophe, as was asked for"}, r.warned(), "a workbook has no manifest")
}

func TestWorkbookHasASheetATableWithCellsOfTheirKinds(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `
		CREATE TABLE cells (id int PRIMARY KEY, tenant_id uuid NOT NULL, word text, amount numeric, exact numeric, day date, at timestamptz, yes boolean, gone text);
		CREATE TABLE "A table whose name is longer than a sheet's" (id int PRIMARY KEY, tenant_id uuid NOT NULL);
		CREATE TABLE "a Table whose name is longer than a sheet's, too" (id int PRIMARY KEY, tenant_id uuid NOT NULL)`)
	h.exec(t, `INSERT INTO cells VALUES (1, $1, '00420', 12.50, 12345678901234567890, '2024-02-29', '2024-02-29 13:45Z', true, NULL)`, h.mine)
	h.exec(t, `INSERT INTO cells SELECT n, $1, repeat('x', 32768) FROM generate_series(2, 4) n`, h.mine)
	data, r := h.write(t, Request{Format: FormatXLSX})
	book, err := excelize.OpenReader(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, []string{"A table whose name is longer th", "a Table whose name is longe (2)", "cells"}, sortedLines(book.GetSheetList()))
	rows, err := book.GetRows("cells", excelize.Options{RawCellValue: true})
	require.NoError(t, err)
	require.Equal(t, []string{"id", "tenant_id", "word", "amount", "exact", "day", "at", "yes", "gone"}, rows[0])
	require.Equal(t, []string{"1", h.mine.String(), "00420", "12.50", "12345678901234567890", "45351", "45351.572916666666667", "1"}, rows[1])
	for cell, want := range map[string]excelize.CellType{
		"A2": excelize.CellTypeUnset, "C2": excelize.CellTypeInlineString, "D2": excelize.CellTypeUnset, "E2": excelize.CellTypeInlineString, "H2": excelize.CellTypeBool,
	} {
		kind, err := book.GetCellType("cells", cell)
		require.NoError(t, err)
		require.Equal(t, want, kind, cell)
	}
	require.Len(t, rows[2][2], 32767)
	require.Equal(t, []string{
		`sheet "cells", row 3, column "word": a text of 32768 characters was cut to the 32767 that a cell holds`,
		"cells: texts in 3 rows in all were cut to what a cell holds; another format has them whole",
	}, r.warned())
}
