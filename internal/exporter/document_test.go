package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/sample"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// house is a database with two tenants, and the service on it.
type house struct {
	db          *testenv.DB
	admin       *pgxpool.Pool
	service     *Service
	ring        *fieldcrypt.Ring
	mine, other uuid.UUID
}

// newHouse gives a house that is full of the sample product's rows.
func newHouse(t *testing.T) *house {
	t.Helper()
	h := houseOn(t, testenv.Sample(t))
	for i, tenant := range []uuid.UUID{h.mine, h.other} {
		conn, err := h.admin.Acquire(context.Background())
		require.NoError(t, err)
		_, err = sample.Seed(context.Background(), conn.Conn(), sample.Config{
			TenantID: tenant, Rows: 60, Seed: uint64(i + 1), Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		})
		require.NoError(t, err)
		conn.Release()
	}
	return h
}

// emptyHouse gives a house with the tables that ddl makes, which belong to the owner.
func emptyHouse(t *testing.T, ddl string) *house {
	t.Helper()
	h := houseOn(t, testenv.Wharf(t))
	_, err := h.db.Owner(t).Exec(context.Background(), ddl)
	require.NoError(t, err)
	h.exec(t, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO wharf_service`)
	return h
}

func houseOn(t *testing.T, db *testenv.DB) *house {
	t.Helper()
	h := &house{db: db, admin: db.Admin(t), mine: db.Tenant(t, "mine"), other: db.Tenant(t, "other")}
	var err error
	h.ring, err = fieldcrypt.New(testenv.FieldKeys)
	require.NoError(t, err)
	pool := db.Service(t)
	h.service = New(Config{
		Pool: pool, DB: &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id"}}, TenantTable: "wharf.tenants", Version: "test",
		Crypt: h.ring, Readers: 3,
		Catalog: catalog.NewCache(pool, catalog.Config{
			Schemas: []string{"public"}, TenantColumn: "tenant_id", TenantTable: "wharf.tenants",
		}, slog.New(slog.DiscardHandler)).In,
	})
	return h
}

func (h *house) exec(t require.TestingT, sql string, args ...any) {
	_, err := h.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err, sql)
}

// write gives the bytes of an export of mine, before encryption.
func (h *house) write(t require.TestingT, req Request) ([]byte, *run) {
	r := h.service.newRun(tenancy.System(h.mine), req)
	var out bytes.Buffer
	require.NoError(t, r.document(context.Background(), &out))
	return out.Bytes(), r
}

// document writes the document of a tenant, and gives its members.
func (h *house) document(t *testing.T, tenant uuid.UUID) (map[string]json.RawMessage, *run, string) {
	t.Helper()
	r := h.service.newRun(tenancy.System(tenant), Request{})
	var out bytes.Buffer
	require.NoError(t, r.document(context.Background(), &out))
	var doc map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(out.Bytes(), &doc))
	return doc, r, out.String()
}

func TestDocumentHoldsEveryRowAsPostgresPrintsIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	doc, r, _ := h.document(t, h.mine)
	tx, err := h.admin.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	snap, err := h.service.cfg.Catalog(ctx, tx)
	require.NoError(t, err)
	require.Greater(t, len(snap.Tables), 50)
	for _, table := range snap.Tables {
		rows, err := tx.Query(ctx, `SELECT row_to_json(x)::text FROM `+redactedRows(table)+` x`, h.mine)
		require.NoError(t, err)
		want, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.NotEmpty(t, want, table.Name)
		require.EqualValues(t, len(want), r.tables[table.Name], table.Name)
		require.Equal(t, sortedLines(want), sortedLines(lines(doc[table.Name])), table.Name)
	}
	var counts map[string]int64
	require.NoError(t, json.Unmarshal(doc["counts"], &counts))
	require.Equal(t, r.tables, counts)
}

// redactedRows gives the tenant's rows with secrets written over.
func redactedRows(t *catalog.Table) string {
	cols := make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		expr := "x0." + c.Ident()
		if c.Tags.Redact {
			expr = "CASE WHEN " + expr + " IS NOT NULL THEN '" + catalog.Redacted + "' END AS " + c.Ident()
		}
		cols = append(cols, expr)
	}
	return `(SELECT ` + strings.Join(cols, ", ") + ` FROM ` + t.Ident() + ` x0 WHERE ` + t.TenantPredicate("x0", "$1") + `)`
}

// lines gives the rows of an array that was written a row a line.
func lines(array json.RawMessage) []string {
	text := strings.TrimSuffix(strings.TrimPrefix(string(array), "["), "]")
	var out []string
	for _, line := range strings.Split(strings.TrimPrefix(text, "\n"), ",\n") {
		out = append(out, strings.TrimSuffix(line, "\n"))
	}
	return out
}

func sortedLines(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}

func TestDocumentHoldsNothingOfAnotherTenant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, _, text := h.document(t, h.mine)
	require.Contains(t, text, h.mine.String())
	require.NotContains(t, text, h.other.String())
	require.NotContains(t, text, "feature_flags")
	require.NotContains(t, text, "platform_integrations")
}

// TestDocumentIsWalledWithoutRowSecurity takes the policies away: the statements' own predicate still stands.
func TestDocumentIsWalledWithoutRowSecurity(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	_, err := h.admin.Exec(ctx, `DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
			EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', t);
		END LOOP; END $$`)
	require.NoError(t, err)
	_, _, text := h.document(t, h.mine)
	require.NotContains(t, text, h.other.String())
}

func TestTableThatCannotBeReadFailsTheExportByName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	_, err := h.admin.Exec(ctx, `CREATE TABLE public.newest (id uuid PRIMARY KEY, tenant_id uuid NOT NULL); REVOKE ALL ON public.newest FROM wharf_service`)
	require.NoError(t, err)
	r := h.service.newRun(tenancy.System(h.mine), Request{})
	err = r.document(ctx, &bytes.Buffer{})
	require.Equal(t, fault.Forbidden, fault.CodeOf(err))
	require.ErrorContains(t, err, "newest")
	_, err = h.admin.Exec(ctx, `GRANT SELECT ON public.newest TO wharf_service`)
	require.NoError(t, err)
	_, err = h.admin.Exec(ctx, `INSERT INTO public.newest VALUES (gen_random_uuid(), $1)`, h.mine)
	require.NoError(t, err)
	_, r, _ = h.document(t, h.mine)
	require.EqualValues(t, 1, r.tables["newest"], "a table that is new is in the next export")
}

func TestSecretsOfTheTenantsOwnRowNeverLeave(t *testing.T) {
	t.Parallel()
	h := emptyHouse(t, `
		ALTER TABLE wharf.tenants ADD "pay key" text, ADD spare_key text, ADD ratio numeric(6,3) DEFAULT 1.500;
		COMMENT ON COLUMN wharf.tenants."pay key" IS E'Of the bank.\n@redact';
		COMMENT ON COLUMN wharf.tenants.spare_key IS '@redact'`)
	h.exec(t, `UPDATE wharf.tenants SET "pay key" = 'planted-secret'`)
	doc, _, text := h.document(t, h.mine)
	require.NotContains(t, text, "planted-secret")
	var row map[string]any
	require.NoError(t, json.Unmarshal(doc["workspace"], &row))
	require.Equal(t, []any{"mine", catalog.Redacted, nil}, []any{row["slug"], row["pay key"], row["spare_key"]})
	require.Contains(t, string(doc["workspace"]), `"ratio":1.500`)
}
