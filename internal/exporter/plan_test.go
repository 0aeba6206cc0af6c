package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

func (h *house) snapshot(t *testing.T) (snap *catalog.Snapshot) {
	t.Helper()
	require.NoError(t, pgx.BeginFunc(context.Background(), h.admin, func(tx pgx.Tx) (err error) {
		snap, err = h.service.cfg.Catalog(context.Background(), tx)
		return err
	}))
	return snap
}

const threeTables = `
	CREATE TABLE people (id int PRIMARY KEY, tenant_id uuid NOT NULL, name text, updated_at timestamptz);
	CREATE TABLE pets (id int PRIMARY KEY, tenant_id uuid NOT NULL, updated_at timestamp NOT NULL DEFAULT now());
	CREATE TABLE visits (id int PRIMARY KEY, tenant_id uuid NOT NULL);
	COMMENT ON TABLE visits IS '@optional history';
	COMMENT ON TABLE pets IS '@operational'`

func TestRequestThatDoesNotFitIsToldWhere(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables)
	snap := h.snapshot(t)
	now := time.Now()
	for name, c := range map[string]struct {
		req  Request
		want string // fields and messages; "": it is right
	}{
		"nothing asked":            {Request{}, ""},
		"some left out":            {Request{Exclude: []string{"pets", "visits"}}, ""},
		"a group that is optional": {Request{Include: []string{"history"}}, ""},
		"timeline where is none":   {Request{Format: "dump", Include: []string{"timeline"}}, ""},
		"what is optional, named":  {Request{Format: "dump", Scope: "tables", Tables: []string{"visits"}}, ""},
		"all at once":              {Request{Scope: "tables", Tables: []string{"pets"}, Format: "csv", Include: []string{"files"}, EscapeFormulas: true, Since: &now}, ""},

		"no such scope":               {Request{Scope: "half"}, "scope: must be one of full, tables, subject"},
		"no such format":              {Request{Format: "stone"}, "format: must be one of json, dump, jsonl, csv, xlsx"},
		"an operational table's dump": {Request{Format: "dump", Scope: "tables", Tables: []string{"people", "pets"}}, `tables[1]: "pets" is operational: it belongs to this installation, and is in no dump`},
		"nothing left of a dump":      {Request{Format: "dump", Exclude: []string{"people"}}, "exclude: leaves no table"},
		"files in a dump":             {Request{Format: "dump", Include: []string{"files"}}, "include[0]: files go with the formats jsonl and csv"},
		"no tables":                   {Request{Scope: "tables"}, "tables: is required for scope tables"},
		"tables of scope full":        {Request{Tables: []string{"pets"}}, "tables: goes with scope tables"},
		"exclusions of scope tables":  {Request{Scope: "tables", Tables: []string{"pets"}, Exclude: []string{"visits"}}, "exclude: goes with scope full"},
		"an unknown table":            {Request{Scope: "tables", Tables: []string{"pets", "cats"}}, `tables[1]: there is no table "cats"`},
		"a table twice":               {Request{Scope: "tables", Tables: []string{"pets", "pets"}}, `tables[1]: "pets" stands twice`},
		"an unknown exclusion":        {Request{Exclude: []string{"wharf.tenants"}}, `exclude[0]: there is no table "wharf.tenants"`},
		"an exclusion twice":          {Request{Exclude: []string{"pets", "visits", "pets"}}, `exclude[2]: "pets" stands twice`},
		"nothing left":                {Request{Exclude: []string{"pets", "people", "visits"}}, "exclude: leaves no table"},
		"a subject of scope full":     {Request{Subject: &Subject{}}, "subject: goes with scope subject"},
		"no subject":                  {Request{Scope: "subject"}, "subject: is required for scope subject"},
		"a narrowed subject":          {Request{Scope: "subject", Subject: &Subject{}, Since: &now}, "since: does not go with scope subject: all that belongs to the record is exported"},
		"an unknown group":            {Request{Include: []string{"visits"}}, "include[0]: must be one of files, timeline, history"},
		"files without an archive":    {Request{Include: []string{"files"}}, "include[0]: files go with the formats jsonl and csv"},
		"formulas in JSON":            {Request{EscapeFormulas: true}, "escape_formulas: goes with the formats csv and xlsx"},
		"encryption for nobody":       {Request{Encrypt: &Encryption{}}, "encrypt: needs recipients or a passphrase"},
		"a passphrase that is hidden": {Request{Encrypt: &Encryption{Passphrase: hiddenPassphrase}}, "encrypt.passphrase: must have at least 12 characters"},
		"many mistakes":               {Request{Format: "stone", Exclude: []string{"cats"}}, `format: must be one of json, dump, jsonl, csv, xlsx; exclude[0]: there is no table "cats"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.req.withDefaults().check(snap)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			f, ok := fault.As(err)
			require.True(t, ok)
			require.Equal(t, fault.Invalid, f.Code)
			var got []string
			for _, field := range f.Fields {
				got = append(got, field.Field+": "+field.Message)
			}
			require.Equal(t, c.want, strings.Join(got, "; "))
		})
	}
}

func TestScopesChooseTables(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables)
	for name, c := range map[string]struct {
		req  Request
		want string
	}{
		"full holds what is operational and optional": {Request{}, "people pets visits"},
		"exclude leaves out":                          {Request{Exclude: []string{"pets"}}, "people visits"},
		"tables are those asked for":                  {Request{Scope: "tables", Tables: []string{"visits", "people"}}, "people visits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, r := h.write(t, c.req)
			var members map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(doc, &members))
			var got []string
			for _, table := range []string{"people", "pets", "visits"} {
				if _, ok := members[table]; ok {
					got = append(got, table)
				}
			}
			require.Equal(t, c.want, strings.Join(got, " "))
			require.Len(t, r.tables, len(got))
		})
	}
}

func TestSinceKeepsWhatChangedAndNamesWhatItCouldNotNarrow(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables)
	since := time.Date(2026, 3, 1, 10, 0, 0, 0, time.FixedZone("", 2*3600))
	h.exec(t, `INSERT INTO people SELECT n, $1, 'x', timestamptz '2026-03-01 08:00Z' + (n - 2) * interval '1 microsecond' FROM generate_series(1, 3) n`, h.mine)
	h.exec(t, `INSERT INTO people VALUES (4, $1, 'nobody knows', NULL)`, h.mine)
	h.exec(t, `INSERT INTO pets SELECT n, $1, timestamp '2026-03-01 08:00' + (n - 2) * interval '1 microsecond' FROM generate_series(1, 3) n`, h.mine)
	h.exec(t, `INSERT INTO visits SELECT n, $1 FROM generate_series(1, 3) n`, h.mine)
	data, r := h.write(t, Request{Since: &since, Format: FormatJSONL})
	require.Equal(t, map[string]int64{"people": 3, "pets": 2, "visits": 3}, r.tables)
	var m manifest
	require.NoError(t, json.Unmarshal([]byte(unzipped(t, data)[manifestName]), &m))
	require.Equal(t, []string{"since could not narrow what has no updated_at, all rows are here: visits"}, m.Warnings)
	for _, table := range m.Tables {
		require.Equal(t, table.Table != "visits", table.Narrowed, table.Table)
	}
}

func TestRequestThatNoLongerFitsFailsTheRun(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, threeTables)
	r := h.service.newRun(tenancy.System(h.mine), Request{Exclude: []string{"gone"}})
	require.Equal(t, fault.Invalid, fault.CodeOf(r.document(t.Context(), &bytes.Buffer{})))
}

func TestPublicRequestHasNoSecret(t *testing.T) {
	t.Parallel()
	req := Request{Encrypt: &Encryption{Passphrase: "correct horse battery"}}
	doc, err := json.Marshal(req.public())
	require.NoError(t, err)
	require.NotContains(t, string(doc), "horse")
	require.Contains(t, string(doc), hiddenPassphrase)
	require.Equal(t, "correct horse battery", req.Encrypt.Passphrase)
}

// TestEveryStatementCarriesTheTenantsPredicate: row security is one wall, the statement another, whatever chose the rows.
func TestEveryStatementCarriesTheTenantsPredicate(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, ordersOfPeople+`; CREATE TABLE lines (id int PRIMARY KEY, "order" int NOT NULL REFERENCES orders)`)
	h.exec(t, `INSERT INTO people VALUES (1, $1, 'Ann')`, h.mine)
	h.exec(t, `INSERT INTO orders VALUES (10, $1, 1)`, h.mine)
	h.exec(t, `INSERT INTO lines VALUES (100, 10)`)
	now := time.Now()
	for _, req := range []Request{
		{}, {Since: &now}, {Scope: ScopeTables, Tables: []string{"lines"}}, {Scope: ScopeSubject, Subject: &Subject{Table: "people", ID: "1"}},
	} {
		_, r := h.write(t, req)
		require.NotEmpty(t, r.plan.tables)
		for _, p := range r.plan.tables {
			wall := p.TenantPredicate("x", "$1")
			require.True(t, p.where == wall || strings.HasPrefix(p.where, wall+" AND "), "%s: %s", p.Name, p.where)
			require.Equal(t, h.mine, p.args[0], p.Name)
		}
	}
}
