package samplemigrations_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/stretchr/testify/require"

	"wharf/internal/testenv"
	samplemigrations "wharf/migrations/sample"
)

// SQLSTATEs by which Postgres refuses.
const (
	insufficientPrivilege = "42501" // row security's refusal too
	foreignKeyViolation   = "23503"
	uniqueViolation       = "23505"
	exclusionViolation    = "23P01"
	checkViolation        = "23514"
)

// as runs one statement with the tenant set, and gives the rows it affected.
func as(t *testing.T, pool *pgxpool.Pool, tenant uuid.UUID, sql string, args ...any) (int64, error) {
	t.Helper()
	ctx := context.Background()
	var n int64
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if tenant != uuid.Nil {
			if _, err := tx.Exec(ctx, "SELECT set_config('app.tenant_id', $1, true)", tenant.String()); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, sql, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

func requireState(t *testing.T, want string, err error) {
	t.Helper()
	var pgErr *pgconn.PgError
	require.True(t, errors.As(err, &pgErr), "%v", err)
	require.Equal(t, want, pgErr.Code, pgErr.Message)
}

// affectsOne runs a statement that must find or make one row.
func affectsOne(t *testing.T, pool *pgxpool.Pool, tenant uuid.UUID, sql string, args ...any) {
	t.Helper()
	n, err := as(t, pool, tenant, sql, args...)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// column gives the first column of a query that needs no tenant.
func column(t *testing.T, pool *pgxpool.Pool, sql string) []string {
	t.Helper()
	rows, err := pool.Query(context.Background(), sql)
	require.NoError(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return got
}

const (
	insertPipeline = `INSERT INTO pipelines (id, tenant_id, name, slug) VALUES ($1, $2, 'Sales', 'sales')`
	insertStage    = `INSERT INTO stages (id, pipeline_id, name, slug) VALUES ($1, $2, 'New', 'new')`
	insertCompany  = `INSERT INTO companies (id, tenant_id, external_id, name) VALUES ($1, $2, 'C-1', 'Acme')`
	insertContact  = `INSERT INTO contacts (id, tenant_id, company_id) VALUES ($1, $2, $3)`
	insertDeal     = `INSERT INTO deals (id, tenant_id, name, pipeline_id, stage_id) VALUES ($1, $2, 'Ring', $3, $4)`
	insertLine     = `INSERT INTO deal_line_items (deal_id) VALUES ($1)`
)

func TestEveryTableBehindAWall(t *testing.T) {
	t.Parallel()
	open := column(t, testenv.Sample(t).Owner(t), `
		SELECT relname FROM pg_class c
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT (
			relrowsecurity AND relforcerowsecurity AND 1 = (
				SELECT count(*) FROM pg_policy
				WHERE polrelid = c.oid AND polcmd = '*' AND polpermissive AND polqual IS NOT NULL AND polwithcheck IS NOT NULL))
		ORDER BY 1`)
	require.Equal(t, []string{"feature_flags", "platform_integrations"}, open)
}

func TestATenantSeesAndWritesItsOwnRowsOnly(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	a, b := db.Tenant(t, "acme"), db.Tenant(t, "bijoux")
	pipeline, stage, deal := uuid.New(), uuid.New(), uuid.New()
	service := db.Service(t)
	affectsOne(t, service, a, insertPipeline, pipeline, a)
	affectsOne(t, service, a, insertStage, stage, pipeline)
	affectsOne(t, service, a, insertDeal, deal, a, pipeline, stage)
	affectsOne(t, service, a, insertLine, deal)

	for _, table := range []string{"pipelines", "stages", "deals", "deal_line_items"} {
		for name, pool := range map[string]*pgxpool.Pool{"service": service, "owner": db.Owner(t)} {
			for _, other := range []uuid.UUID{b, uuid.Nil} {
				for _, sql := range []string{"SELECT FROM ", "DELETE FROM "} {
					n, err := as(t, pool, other, sql+table)
					require.NoError(t, err)
					require.Zero(t, n, "%s %s%s", name, sql, table)
				}
				n, err := as(t, pool, other, "UPDATE "+table+" SET updated_at = now()")
				require.NoError(t, err)
				require.Zero(t, n, "%s updates %s", name, table)
			}
		}
		n, err := as(t, service, a, "SELECT FROM "+table)
		require.NoError(t, err)
		require.EqualValues(t, 1, n, table)
	}
	for sql, args := range map[string][]any{
		insertPipeline: {uuid.New(), a},
		insertStage:    {uuid.New(), pipeline},
		insertDeal:     {uuid.New(), a, pipeline, stage},
		insertLine:     {deal},
	} {
		for _, other := range []uuid.UUID{b, uuid.Nil} {
			_, err := as(t, service, other, sql, args...)
			requireState(t, insufficientPrivilege, err)
		}
	}
	_, err := as(t, service, a, "UPDATE pipelines SET tenant_id = $1", b)
	requireState(t, insufficientPrivilege, err)
}

func TestAReferenceStaysInItsTenant(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	a, b := db.Tenant(t, "acme"), db.Tenant(t, "bijoux")
	service, company, contact := db.Service(t), uuid.New(), uuid.New()
	affectsOne(t, service, a, insertCompany, company, a)
	_, err := as(t, service, b, insertContact, uuid.New(), b, company)
	requireState(t, foreignKeyViolation, err)

	affectsOne(t, service, a, insertContact, contact, a, company)
	affectsOne(t, service, a, "DELETE FROM companies WHERE id = $1", company)
	affectsOne(t, service, a, "SELECT FROM contacts WHERE id = $1 AND company_id IS NULL", contact)
}

// Without the tenant in a foreign key nothing but a look-up keeps references apart: these are all that lack it.
func TestReferencesThatCannotCarryTheTenant(t *testing.T) {
	t.Parallel()
	bare := column(t, testenv.Sample(t).Owner(t), `
		SELECT conrelid::regclass || ' → ' || confrelid::regclass FROM pg_constraint c
		WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND NOT EXISTS (
			SELECT FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey) AND attname = 'tenant_id')
		ORDER BY 1`)
	require.Equal(t, []string{"deal_line_items → deals", "deal_line_items → products", "deals → stages", "stages → pipelines"}, bare)
}

func TestADeletedRowFreesItsKey(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	a := db.Tenant(t, "acme")
	service := db.Service(t)
	affectsOne(t, service, a, insertCompany, uuid.New(), a)
	_, err := as(t, service, a, insertCompany, uuid.New(), a)
	requireState(t, uniqueViolation, err)
	affectsOne(t, service, a, "UPDATE companies SET deleted_at = now()")
	affectsOne(t, service, a, insertCompany, uuid.New(), a)
}

func TestNobodyIsInTwoAppointmentsAtOnce(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	a, b := db.Tenant(t, "acme"), db.Tenant(t, "bijoux")
	service, anna, bert := db.Service(t), uuid.New(), uuid.New()
	const book = `
		INSERT INTO appointments (tenant_id, reference, staff_user_id, purpose, status, starts_at, ends_at)
		VALUES ($1, $2, $3, 'Fitting', $4, '2025-06-01 10:00Z'::timestamptz + $5::interval, '2025-06-01 11:00Z'::timestamptz + $5::interval)`
	affectsOne(t, service, a, book, a, "1", anna, "booked", "0")
	_, err := as(t, service, a, book, a, "2", anna, "booked", "30 min")
	requireState(t, exclusionViolation, err)
	affectsOne(t, service, a, book, a, "3", anna, "booked", "1 hour")
	affectsOne(t, service, a, book, a, "4", bert, "booked", "0")
	affectsOne(t, service, a, book, a, "5", anna, "cancelled", "0")
	affectsOne(t, service, a, book, a, "6", nil, "booked", "0")
	affectsOne(t, service, a, book, a, "7", nil, "booked", "0")
	affectsOne(t, service, b, book, b, "1", anna, "booked", "0")
}

func TestDomainsRefuse(t *testing.T) {
	t.Parallel()
	db := testenv.Sample(t)
	a := db.Tenant(t, "acme")
	for _, columns := range []string{"currency) VALUES ($1, 'x', 'euro')", "currency) VALUES ($1, 'x', 'eur')", "subtotal) VALUES ($1, 'x', -1)"} {
		_, err := as(t, db.Service(t), a, "INSERT INTO sales (tenant_id, number, "+columns, a)
		require.Error(t, err, columns)
	}
	_, err := as(t, db.Service(t), a, "INSERT INTO inventory (tenant_id, sku, name, category, quantity) VALUES ($1, 'x', 'x', 'x', -1)", a)
	requireState(t, checkViolation, err)
}

// A migration that adds a table is all it takes: the service may use it at once.
func TestANewTableIsTheServicesToUse(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Sample(t)
	_, err := db.Owner(t).Exec(ctx, `CREATE TABLE certificates (id bigserial PRIMARY KEY, tenant_id uuid NOT NULL)`)
	require.NoError(t, err)
	_, err = db.Service(t).Exec(ctx, `INSERT INTO certificates (tenant_id) VALUES (gen_random_uuid())`)
	require.NoError(t, err)
}

func TestTheServiceMayNotReadThePlatformsAccounts(t *testing.T) {
	t.Parallel()
	service := testenv.Sample(t).Service(t)
	_, err := as(t, service, uuid.Nil, "SELECT FROM feature_flags")
	require.NoError(t, err)
	for _, sql := range []string{"SELECT FROM platform_integrations", "DELETE FROM feature_flags", "TRUNCATE contacts"} {
		_, err = as(t, service, uuid.Nil, sql)
		requireState(t, insufficientPrivilege, err)
	}
}

func TestEveryTableIsDescribedAndEveryTagKnown(t *testing.T) {
	t.Parallel()
	owner := testenv.Sample(t).Owner(t)
	require.Empty(t, column(t, owner, `
		SELECT relname FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND coalesce(obj_description(oid, 'pg_class'), '@') LIKE '@%'`))
	tags := column(t, owner, `
		SELECT DISTINCT substring(line FROM '^@\w+') FROM pg_description, regexp_split_to_table(description, '\n') line
		WHERE objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) AND line LIKE '@%' ORDER BY 1`)
	require.Equal(t, []string{
		"@encrypted", "@file", "@hash", "@label", "@match", "@nested", "@operational", "@optional", "@poly", "@readonly", "@redact", "@user",
	}, tags)
}

// Every column that names somebody is tagged so, and every id of any record has its table of types.
func TestNoUserOrPolymorphicColumnIsForgotten(t *testing.T) {
	t.Parallel()
	require.Empty(t, column(t, testenv.Sample(t).Owner(t), `
		SELECT attrelid::regclass || '.' || attname FROM pg_attribute
		WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') AND attnum > 0
			AND (attname LIKE '%user\_id' AND coalesce(col_description(attrelid, attnum), '') !~ '@user'
				OR attname ~ '^(crm_)?entity_id$|^(source|target)_id$' AND coalesce(col_description(attrelid, attnum), '') !~ '@poly')`))
}

func TestMigrationsGoDownAndUpAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Sample(t)
	conn := stdlib.OpenDBFromPool(db.Owner(t))
	defer func() { require.NoError(t, conn.Close()) }()
	store, err := database.NewStore(database.DialectPostgres, "wharf.sample_migrations")
	require.NoError(t, err)
	provider, err := goose.NewProvider("", conn, samplemigrations.FS, goose.WithStore(store))
	require.NoError(t, err)
	_, err = provider.DownTo(ctx, 0)
	require.NoError(t, err)
	const left = `
		SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
		UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
		UNION ALL SELECT 'default privileges' FROM pg_default_acl`
	require.Empty(t, column(t, db.Owner(t), left))
	_, err = provider.Up(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, column(t, db.Owner(t), left))
}
