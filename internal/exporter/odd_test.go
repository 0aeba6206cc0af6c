package exporter

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	soonEnough = 10 * time.Second
	tick       = 10 * time.Millisecond
)

// oddTables makes n tables with odd names, columns and ways to belong to a tenant, and two that belong to nobody.
func oddTables(n int) string {
	r := rand.New(rand.NewPCG(7, 7))
	columns := []string{
		`"select" text DEFAULT 'x'`, `"Größe in cm" numeric DEFAULT 1.50`, `"a""b" int[] DEFAULT '{1}'`, `"x.y" jsonb DEFAULT '{}'`, `" lead" date DEFAULT now()`,
		`made int GENERATED ALWAYS AS (1 + 1) STORED`, `many bigint GENERATED ALWAYS AS IDENTITY`, `gone int`, `"%s $1 ?" bytea DEFAULT '\x00'`,
		`deep interval DEFAULT '1 day'`, `"\" tstzrange DEFAULT 'empty'`, `"日本" uuid DEFAULT gen_random_uuid()`,
	}
	var ddl strings.Builder
	for i := range n {
		name := fmt.Sprintf([]string{`"order %d"`, `"Tabelle-%d"`, `"t.%d"`, `t%d`, `"a/b\c %d"`, `"sheet's [%d]*?"`, `"..%d"`, `"表%d"`}[i%8], i)
		r.Shuffle(len(columns), func(a, b int) { columns[a], columns[b] = columns[b], columns[a] })
		parts := slices.Clone(columns[:r.IntN(len(columns))])
		owner := "tenant_id uuid NOT NULL"
		if i%5 == 4 { // through its parent
			owner = `parent uuid NOT NULL REFERENCES parents (id)`
		}
		if i%3 > 0 { // the others have no key
			parts = append(parts, "key uuid PRIMARY KEY DEFAULT gen_random_uuid()")
		}
		fmt.Fprintf(&ddl, "CREATE TABLE %s (%s);\n", name, strings.Join(append(parts, owner), ", "))
	}
	return `CREATE TABLE parents (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL);
		CREATE TABLE flags (name text PRIMARY KEY); CREATE TABLE secrets (word text);
		INSERT INTO flags VALUES ('nobody-s-flag'); INSERT INTO secrets VALUES ('nobody-s-secret');` + ddl.String()
}

// fillOdd gives each tenant rows in each table, more of them to the second.
func (h *house) fillOdd(t *testing.T) {
	t.Helper()
	h.exec(t, `INSERT INTO parents (tenant_id) VALUES ($1), ($2)`, h.mine, h.other)
	for i, table := range h.snapshot(t).Tables {
		if table.Name == "parents" {
			continue
		}
		column, owners := "tenant_id", "SELECT $1::uuid AS o UNION ALL SELECT $2::uuid"
		if table.Scope.Parent != nil {
			column, owners = "parent", "SELECT id AS o FROM parents WHERE tenant_id IN ($1, $2)"
		}
		h.exec(t, `INSERT INTO `+table.Ident()+` (`+column+`) SELECT o FROM (`+owners+`) q, generate_series(1, $3)`, h.mine, h.other, i%4)
	}
}

func (h *house) counts(t *testing.T) map[string]int64 {
	t.Helper()
	want := map[string]int64{}
	for _, table := range h.snapshot(t).Tables {
		var n int64
		require.NoError(t, h.admin.QueryRow(context.Background(), `SELECT count(*) FROM `+table.Ident()+` x WHERE `+table.TenantPredicate("x", "$1"), h.mine).Scan(&n))
		want[table.Name] = n
	}
	return want
}

func TestOddTablesAllLeaveWithAllOfTheirRows(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, oddTables(120))
	h.fillOdd(t)
	want := h.counts(t)
	require.Len(t, want, 121)
	require.Greater(t, len(slices.DeleteFunc(slices.Collect(maps.Values(want)), func(n int64) bool { return n == 0 })), 80)
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		data, r := h.write(t, Request{Format: format})
		require.Equal(t, want, r.tables, format)
		text := string(data)
		switch format {
		case FormatJSON, FormatDump:
			var doc map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(data, &doc))
			for name, n := range want {
				var rows []map[string]any
				require.NoError(t, json.Unmarshal(doc[name], &rows))
				require.Len(t, rows, int(n), name)
			}
		case FormatJSONL, FormatCSV:
			files := unzipped(t, data)
			require.Len(t, files, 122)
			text = strings.Join(slices.Collect(maps.Values(files)), "")
		}
		require.NotContains(t, text, h.other.String())
		require.NotContains(t, text, "nobody-s")
	}
}

// TestTableAddedWhileTheServiceRunsIsInTheNextExport has the migration come between two exports of one service.
func TestTableAddedWhileTheServiceRunsIsInTheNextExport(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, oddTables(120))
	_, before := h.write(t, Request{})
	require.Len(t, before.tables, 121)
	h.exec(t, `CREATE TABLE newest (tenant_id uuid NOT NULL, at timestamptz)`)
	h.exec(t, `GRANT SELECT ON newest TO wharf_service`)
	h.exec(t, `INSERT INTO newest VALUES ($1, now())`, h.mine)
	for _, format := range []string{FormatJSON, FormatDump, FormatJSONL, FormatCSV, FormatXLSX} {
		_, after := h.write(t, Request{Format: format})
		require.Len(t, after.tables, 122)
		require.EqualValues(t, 1, after.tables["newest"])
	}
}

// TestColumnChangedBetweenExports would meet a statement that Postgres has prepared for the column's former type.
func TestColumnChangedBetweenExports(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `CREATE TABLE things (id int PRIMARY KEY, tenant_id uuid NOT NULL, size int)`)
	h.exec(t, `INSERT INTO things VALUES (1, $1, 5)`, h.mine)
	for i, c := range []struct{ change, want string }{
		{`ALTER TABLE things ALTER size TYPE int`, `5`},
		{`ALTER TABLE things ALTER size TYPE numeric(8,2)`, `5.00`},
		{`ALTER TABLE things ALTER size TYPE text`, `"5.00"`},
	} {
		h.exec(t, c.change)
		for range 3 {
			doc, _ := h.write(t, Request{})
			require.Contains(t, string(doc), `"size":`+c.want, i)
		}
	}
}

func TestOddTablesAreWalledWithRowSecurityToo(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, oddTables(40))
	h.fillOdd(t)
	want := h.counts(t)
	h.exec(t, `DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
			CONTINUE WHEN NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = t AND attname = 'tenant_id');
			EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
			EXECUTE format('CREATE POLICY wall ON %s USING (tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', t);
		END LOOP; END $$`)
	doc, r := h.write(t, Request{})
	require.Equal(t, want, r.tables)
	require.NotContains(t, string(doc), h.other.String())
}
