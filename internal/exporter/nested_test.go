package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"wharf/internal/tenancy"
)

// nestedTables has rows in rows in rows, two tables in one, a composite key, a reference to what is not the primary key, types that
// only the server prints, a partitioned parent, an integer that refers to a bigint, and a child without the tenant's column or
// any key.
const nestedTables = `
	CREATE TYPE mood AS ENUM ('glad', 'so, so');
	CREATE TABLE towns (tenant_id uuid NOT NULL, id int NOT NULL, code text UNIQUE, mood mood, doc json, updated_at timestamptz, PRIMARY KEY (tenant_id, id));
	CREATE TABLE streets (tenant_id uuid NOT NULL, id int PRIMARY KEY, town int NOT NULL, name text, span int4range, updated_at timestamptz,
		FOREIGN KEY (tenant_id, town) REFERENCES towns);
	CREATE TABLE houses (street int NOT NULL REFERENCES streets, number numeric, built date, updated_at timestamptz);
	CREATE TABLE fairs (tenant_id uuid NOT NULL, town text NOT NULL REFERENCES towns (code), "a ""word""" text, updated_at timestamptz);
	CREATE TABLE ledgers (tenant_id uuid NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id);
	CREATE TABLE ledgers_0 PARTITION OF ledgers FOR VALUES FROM (MINVALUE) TO (1);
	CREATE TABLE ledgers_1 PARTITION OF ledgers FOR VALUES FROM (1) TO (MAXVALUE);
	CREATE TABLE entries (tenant_id uuid NOT NULL, ledger int NOT NULL, amount numeric, FOREIGN KEY (tenant_id, ledger) REFERENCES ledgers);
	COMMENT ON COLUMN streets.town IS '@nested'; COMMENT ON COLUMN houses.street IS '@nested'; COMMENT ON COLUMN fairs.town IS '@nested';
	COMMENT ON COLUMN entries.ledger IS '@nested'`

// printed gives the rows of a table as Postgres prints them, arrays put behind their columns.
func printed(table, where string, arrays ...string) string {
	row := "left(row_to_json(" + table + ")::text, -1)"
	for _, array := range arrays {
		row += " || " + array
	}
	return "SELECT string_agg(" + row + " || '}', ',' ORDER BY " + table + ".ctid, " + table + ".tableoid) FROM " + table + " WHERE " + where
}

func array(table, where string, arrays ...string) string {
	return `',"` + table + `":[' || coalesce((` + printed(table, where, arrays...) + `), '') || ']'`
}

// dumped gives the members of a dump of mine.
func (h *house) dumped(t require.TestingT, req Request) (map[string]json.RawMessage, *run) {
	req.Format = FormatDump
	doc, r := h.write(t, req)
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(doc, &members), string(doc))
	return members, r
}

// unbroken gives an array as it would be if no row began a line.
func unbroken(array json.RawMessage) string {
	text := strings.ReplaceAll(string(array), "[\n", "[")
	return strings.ReplaceAll(text, ",\n", ",")
}

func TestDumpHoldsRowsInTheirParentsAsPostgresPrintsThem(t *testing.T) {
	t.Parallel()
	h, outer := emptyHouse(t, nestedTables), t
	rapid.Check(t, func(t *rapid.T) {
		h.exec(t, `TRUNCATE towns, streets, houses, fairs, ledgers, entries`)
		for n, tenant := range []uuid.UUID{h.mine, h.other} {
			h.fillNested(t, tenant, n*100)
		}
		members, r := h.dumped(t, Request{})
		for table, sql := range map[string]string{
			"towns": printed("towns", "tenant_id = $1", array("fairs", "fairs.town = towns.code"),
				array("streets", "streets.town = towns.id AND streets.tenant_id = towns.tenant_id", array("houses", "houses.street = streets.id"))),
			"ledgers": printed("ledgers", "tenant_id = $1", array("entries", "entries.ledger = ledgers.id AND entries.tenant_id = ledgers.tenant_id")),
		} {
			var want string
			require.NoError(t, h.admin.QueryRow(context.Background(), `SELECT coalesce((`+sql+`), '')`, h.mine).Scan(&want))
			require.Equal(t, "["+strings.ReplaceAll(want, ",\n", ",")+"]", unbroken(members[table]))
		}
		require.NotContains(t, members, "streets")
		var counts map[string]int64
		require.NoError(t, json.Unmarshal(members["counts"], &counts))
		require.Equal(t, h.counts(outer), counts)
		require.Equal(t, counts, r.tables)
		total := int64(0)
		for _, n := range counts {
			total += n
		}
		require.Equal(t, total, r.rows.Load())
	})
}

// fillNested gives a tenant rows whose ids begin behind a number.
func (h *house) fillNested(t *rapid.T, tenant uuid.UUID, from int) {
	word := rapid.SampledFrom([]string{"", "x", `"},{`, "é\n\\", "]"})
	some := func(name string) int { return rapid.IntRange(0, 3).Draw(t, name) }
	for town := range some("towns") {
		town += from
		h.exec(t, `INSERT INTO towns VALUES ($1, $2, $3, 'so, so', '{"a": [1.50]}', NULL)`, tenant, town, fmt.Sprint("c", town))
		for range some("streets") {
			var street int
			require.NoError(t, h.admin.QueryRow(context.Background(), `INSERT INTO streets SELECT $1, coalesce(max(id), 0) + 1, $2, $3, '[1,5)' FROM streets RETURNING id`,
				tenant, town, word.Draw(t, "name")).Scan(&street))
			for range some("houses") {
				h.exec(t, `INSERT INTO houses VALUES ($1, 7.10, '2024-02-29')`, street)
			}
		}
		for range some("fairs") {
			h.exec(t, `INSERT INTO fairs VALUES ($1, $2, $3)`, tenant, fmt.Sprint("c", town), word.Draw(t, "word"))
		}
	}
	for ledger := range some("ledgers") {
		h.exec(t, `INSERT INTO ledgers VALUES ($1, $2)`, tenant, ledger+from)
		h.exec(t, `INSERT INTO entries SELECT $1, $2, n FROM generate_series(1, $3) n`, tenant, ledger+from, some("entries"))
	}
	if rapid.Bool().Draw(t, "moved") { // a row that changed lies elsewhere than one that did not
		h.exec(t, `UPDATE streets SET name = name || '!' WHERE id % 2 = 0`)
	}
}

// TestRowThatHoldsManyRowsIsWrittenInPieces has one row with more in it than all buffers take.
func TestRowThatHoldsManyRowsIsWrittenInPieces(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, nestedTables)
	h.exec(t, `INSERT INTO ledgers VALUES ($1, 1), ($1, 2), ($1, 3)`, h.mine)
	h.exec(t, `INSERT INTO entries SELECT $1, 2, n FROM generate_series(1, 100000) n`, h.mine)
	var pieces largest
	r := h.service.newRun(tenancy.System(h.mine), Request{Format: FormatDump})
	require.NoError(t, r.document(t.Context(), &pieces))
	require.EqualValues(t, 100_000, r.tables["entries"])
	require.EqualValues(t, 3, r.tables["ledgers"])
	require.Greater(t, pieces.all, 40*flushAt)
	require.Less(t, pieces.most, 2*flushAt)
}

// largest measures what is written at once.
type largest struct{ most, all int }

func (l *largest) Write(p []byte) (int, error) {
	l.most, l.all = max(l.most, len(p)), l.all+len(p)
	return len(p), nil
}

func TestDumpHoldsWhatItIsAskedForAndNothingIsLost(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, nestedTables+`;
		COMMENT ON TABLE ledgers IS '@optional books';
		CREATE TABLE deliveries (tenant_id uuid NOT NULL, id int PRIMARY KEY);
		CREATE TABLE attempts (delivery int NOT NULL REFERENCES deliveries);
		COMMENT ON TABLE deliveries IS '@operational'; COMMENT ON COLUMN attempts.delivery IS '@nested'`)
	h.exec(t, `INSERT INTO towns VALUES ($1, 1, 'c')`, h.mine)
	h.exec(t, `INSERT INTO streets VALUES ($1, 1, 1, 'x')`, h.mine)
	h.exec(t, `INSERT INTO houses VALUES (1, 1)`)
	h.exec(t, `INSERT INTO ledgers VALUES ($1, 1)`, h.mine)
	h.exec(t, `INSERT INTO entries VALUES ($1, 1, 1)`, h.mine)
	h.exec(t, `INSERT INTO deliveries VALUES ($1, 1)`, h.mine)
	h.exec(t, `INSERT INTO attempts VALUES (1)`)
	for name, c := range map[string]struct {
		req  Request
		want string // tables in tables
	}{
		"all that is neither operational nor optional": {Request{}, "towns(streets(houses) fairs)"},
		"an optional group with what sits in it":       {Request{Include: []string{"books"}}, "ledgers(entries) towns(streets(houses) fairs)"},
		"without one in the middle":                    {Request{Exclude: []string{"streets"}}, "towns(fairs) houses"},
		"without the outermost":                        {Request{Exclude: []string{"towns"}}, "streets(houses) fairs"},
		"without the innermost":                        {Request{Exclude: []string{"houses"}}, "towns(streets fairs)"},
		"some":                                         {Request{Scope: ScopeTables, Tables: []string{"entries", "streets", "towns"}}, "entries towns(streets)"},
		"an optional one by its name":                  {Request{Scope: ScopeTables, Tables: []string{"entries", "ledgers"}}, "ledgers(entries)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members, r := h.dumped(t, c.req)
			for _, key := range []string{"schema_version", "wharf_version", "exported_at", "scope", "workspace", "user_refs", "counts"} {
				require.Contains(t, members, key)
				delete(members, key)
			}
			require.ElementsMatch(t, strings.Fields(c.want), strings.Fields(shape(members)), shape(members))
			require.Equal(t, len(strings.FieldsFunc(c.want, func(r rune) bool { return strings.ContainsRune("() ", r) })), len(r.tables))
		})
	}
}

// shape names the arrays of a document, in brackets those that sit in their rows.
func shape(of map[string]json.RawMessage) string {
	var all []string
	for _, name := range []string{"ledgers", "entries", "towns", "streets", "houses", "fairs", "deliveries", "attempts"} {
		var rows []map[string]json.RawMessage
		if _, ok := of[name]; !ok {
			continue
		}
		_ = json.Unmarshal(of[name], &rows)
		for _, row := range rows {
			if inner := shape(row); inner != "" {
				name += "(" + inner + ")"
			}
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

func TestSinceKeepsARowWithAllInItIfAnyOfItChanged(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, nestedTables)
	h.exec(t, `INSERT INTO towns SELECT $1, n, 'c' || n, 'glad', NULL, '2020-01-01' FROM generate_series(1, 5) n`, h.mine)
	h.exec(t, `INSERT INTO streets SELECT $1, n, n, 'x', NULL, '2020-01-01' FROM generate_series(1, 5) n`, h.mine)
	h.exec(t, `INSERT INTO houses SELECT n, m, NULL, '2020-01-01' FROM generate_series(1, 5) n, generate_series(1, 2) m`)
	h.exec(t, `INSERT INTO fairs SELECT $1, 'c' || n, 'x', '2020-01-01' FROM generate_series(1, 5) n`, h.mine)
	h.exec(t, `INSERT INTO ledgers VALUES ($1, 1)`, h.mine)
	for _, change := range []string{
		`UPDATE towns SET updated_at = '2026-01-01' WHERE id = 1`,
		`UPDATE houses SET updated_at = '2026-01-01' WHERE street = 2 AND number = 2`,
		`UPDATE fairs SET updated_at = NULL WHERE town = 'c4'`,
	} {
		h.exec(t, change)
	}
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	members, r := h.dumped(t, Request{Since: &since})
	var towns []struct {
		ID      int
		Streets []struct{ Houses []struct{ Number float64 } }
		Fairs   []struct{}
	}
	require.NoError(t, json.Unmarshal(members["towns"], &towns))
	var ids []int
	for _, town := range towns {
		ids = append(ids, town.ID)
		require.Len(t, town.Streets[0].Houses, 2)
		require.Len(t, town.Fairs, 1)
	}
	require.ElementsMatch(t, []int{1, 2, 4}, ids)
	require.Equal(t, []string{"since could not narrow what has no updated_at, all rows are here: ledgers with entries"}, r.warned())
	require.EqualValues(t, 1, r.tables["ledgers"])

	h.exec(t, `ALTER TABLE houses DROP updated_at`) // now a house may have changed, and nobody knows
	_, r = h.dumped(t, Request{Since: &since})
	require.EqualValues(t, 5, r.tables["towns"])
	require.EqualValues(t, 10, r.tables["houses"])
	require.Equal(t, []string{"since could not narrow what has no updated_at, all rows are here: ledgers with entries, towns with fairs with streets with houses"},
		r.warned())
}

// TestRowsInPartitionsThatLieAtOnePlaceKeepTheirOwn has two parents of one ctid, told apart by their partitions alone.
func TestRowsInPartitionsThatLieAtOnePlaceKeepTheirOwn(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, nestedTables)
	h.exec(t, `INSERT INTO ledgers VALUES ($1, 0), ($1, 1)`, h.mine)
	var places int
	require.NoError(t, h.admin.QueryRow(t.Context(), `SELECT count(DISTINCT ctid) FROM ledgers`).Scan(&places))
	require.Equal(t, 1, places)
	h.exec(t, `INSERT INTO entries VALUES ($1, 0, 10), ($1, 1, 11), ($1, 0, 10)`, h.mine)
	members, _ := h.dumped(t, Request{})
	var ledgers []struct {
		ID      int
		Entries []struct{ Ledger int }
	}
	require.NoError(t, json.Unmarshal(members["ledgers"], &ledgers))
	for _, l := range ledgers {
		require.Len(t, l.Entries, 2-l.ID)
		for _, e := range l.Entries {
			require.Equal(t, l.ID, e.Ledger)
		}
	}
}

// TestNestedTableThatBreaksHalfwayFailsTheExport has a policy that fails at one row in the midst of others.
func TestNestedTableThatBreaksHalfwayFailsTheExport(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, nestedTables+`;
		CREATE POLICY broken ON entries USING (1 / (amount - 900) < 2);
		ALTER TABLE entries ENABLE ROW LEVEL SECURITY`)
	h.exec(t, `INSERT INTO ledgers VALUES ($1, 1)`, h.mine)
	h.exec(t, `INSERT INTO entries SELECT $1, 1, n FROM generate_series(1, 1000) n`, h.mine)
	var out bytes.Buffer
	err := h.service.newRun(tenancy.System(h.mine), Request{Format: FormatDump}).document(t.Context(), &out)
	require.ErrorContains(t, err, "ledgers")
	require.False(t, json.Valid(out.Bytes()))
}

// TestNestedRowsOfAnotherTenantStayThere has references across the wall, which a foreign key of one column does not see.
func TestNestedRowsOfAnotherTenantStayThere(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, nestedTables)
	h.exec(t, `INSERT INTO towns VALUES ($1, 1, 'mine'), ($2, 1, 'theirs')`, h.mine, h.other)
	h.exec(t, `INSERT INTO fairs VALUES ($1, 'mine', 'mine in mine'), ($2, 'mine', 'theirs in mine'), ($1, 'theirs', 'mine in theirs')`, h.mine, h.other)
	members, r := h.dumped(t, Request{})
	text := string(members["towns"])
	require.Contains(t, text, "mine in mine")
	require.NotContains(t, text, "theirs")
	require.NotContains(t, text, h.other.String())
	require.Equal(t, []string{"1 rows of fairs are not here: the rows of towns that they sit in are not the tenant's"}, r.warned(), "and it says so")
}
