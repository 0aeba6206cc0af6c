package tenancy_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/pg"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const setting = "app.tenant_id"

// town is a database with two tenants that have the same rows, and the service's pool of one connection: what one
// transaction left on it, the next would find.
type town struct {
	db    *testenv.DB
	admin *pgxpool.Pool
	pool  *pgxpool.Pool
	wall  *tenancy.DB
	a, b  uuid.UUID
}

func newTown(t *testing.T) *town {
	t.Helper()
	ctx := context.Background()
	db := testenv.Sample(t)
	pool, err := pg.Open(ctx, pg.Config{URL: db.ServiceURL, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	c := &town{
		db: db, admin: db.Admin(t), pool: pool, a: db.Tenant(t, "a"), b: db.Tenant(t, "b"),
		wall: &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: setting, Column: "tenant_id"}},
	}
	for _, tenant := range []uuid.UUID{c.a, c.b} {
		for _, sql := range []string{
			`INSERT INTO public.companies (tenant_id, name) VALUES ($1, 'Acme')`,
			`INSERT INTO public.pipelines (tenant_id, name, slug) VALUES ($1, 'Sales', 'sales')`,
			`INSERT INTO public.stages (pipeline_id, name, slug) SELECT id, 'Won', 'won' FROM public.pipelines WHERE tenant_id = $1`,
			`INSERT INTO wharf.importers (id, tenant_id, key, name, definition) VALUES (gen_random_uuid(), $1, gen_random_uuid(), 'Contacts', '{}')`,
			`INSERT INTO wharf.exports (id, tenant_id, request, requested_by) VALUES (gen_random_uuid(), $1, '{}', 'x')`,
			`INSERT INTO wharf.imports (id, tenant_id, definition, file_name, file_key, file_bytes, file_sha256, requested_by)
			VALUES (gen_random_uuid(), $1, '{}', 'a.csv', 'k', 1, '', 'x')`,
			`INSERT INTO wharf.restores (id, tenant_id, dry_run, verify, file_name, file_key, file_bytes, requested_by)
			VALUES (gen_random_uuid(), $1, false, false, 'a.json', 'k', 1, 'x')`,
			`INSERT INTO wharf.api_keys (tenant_id, name, prefix, hash, role) VALUES ($1, 'x', $1::uuid::text, '', 'owner')`,
			`SELECT wharf.write_audit($1, 'x', 'export.start', '{}', 'started', '')`,
		} {
			_, err := c.admin.Exec(ctx, sql, tenant)
			require.NoError(t, err, sql)
		}
	}
	return c
}

// tables are those that newTown gives one row each to each tenant.
func tables() []string {
	return []string{
		"public.companies", "public.pipelines", "public.stages", "wharf.importers", "wharf.imports", "wharf.exports", "wharf.restores",
		"wharf.api_keys", "wharf.audit_log", "wharf.tenants",
	}
}

func count(ctx context.Context, t *testing.T, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, table string,
) (n int) {
	t.Helper()
	require.NoError(t, q.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n), table)
	return n
}

// settings gives what the only connection carries outside a transaction.
func (c *town) settings(t *testing.T) (values [4]string) {
	t.Helper()
	err := c.pool.QueryRow(context.Background(), `SELECT coalesce(current_setting('wharf.tenant_id', true), ''),
		coalesce(current_setting('app.tenant_id', true), ''), coalesce(current_setting('wharf.operator', true), ''),
		CASE WHEN current_user = session_user THEN '' ELSE current_user END`).Scan(&values[0], &values[1], &values[2], &values[3])
	require.NoError(t, err)
	return values
}
