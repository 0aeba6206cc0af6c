package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

// The statements carry no predicate of their own: row security alone is the wall here.
func TestTransactionSeesItsOwnTenantsRowsOnly(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	for _, table := range tables() {
		require.GreaterOrEqual(t, count(ctx, t, c.admin, table), 2, table)
		require.NoError(t, tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
			require.Equal(t, 1, count(ctx, t, tx, table), table)
			return nil
		}))
	}
}

func TestTransactionCannotWriteIntoAnotherTenant(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	for name, s := range map[string]struct {
		sql     string
		refused bool // an error, rather than no row
	}{
		"insert":                      {`INSERT INTO public.companies (tenant_id, name) VALUES ($1, 'x')`, true},
		"insert through the parent":   {`INSERT INTO public.stages (pipeline_id, name, slug) VALUES ((SELECT id FROM public.pipelines WHERE tenant_id = $1), 'x', 'x')`, true},
		"move a row":                  {`UPDATE public.companies SET tenant_id = $1`, true},
		"update":                      {`UPDATE public.companies SET name = 'x' WHERE tenant_id = $1`, false},
		"delete":                      {`DELETE FROM public.companies WHERE tenant_id = $1`, false},
		"insert into Wharf's own":     {`INSERT INTO wharf.exports (id, tenant_id, request, requested_by) VALUES (gen_random_uuid(), $1, '{}', 'x')`, true},
		"update Wharf's own":          {`UPDATE wharf.exports SET status = 'failed' WHERE tenant_id = $1`, false},
		"delete Wharf's own":          {`DELETE FROM wharf.importers WHERE tenant_id = $1`, false},
		"make a key for another":      {`INSERT INTO wharf.api_keys (tenant_id, name, prefix, hash, role) VALUES ($1, 'x', 'x', '', 'owner')`, true},
		"make a key for operators":    {`INSERT INTO wharf.api_keys (tenant_id, name, prefix, hash, scopes) VALUES (nullif($1, $1::uuid)::uuid, 'x', 'x', '', '{ops}')`, true},
		"revoke another's key":        {`UPDATE wharf.api_keys SET revoked_at = now() WHERE tenant_id = $1`, false},
		"rename another":              {`UPDATE wharf.tenants SET name = 'x' WHERE id = $1`, true},
		"give oneself another's role": {`INSERT INTO wharf.memberships (tenant_id, user_id, role) VALUES ($1, gen_random_uuid(), 'owner')`, true},
	} {
		err := tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, s.sql, c.b)
			if err == nil {
				require.Zero(t, tag.RowsAffected(), name)
			}
			return err
		})
		var refused *pgconn.PgError
		require.Equal(t, s.refused, errors.As(err, &refused), "%s: %v", name, err)
		if s.refused && name != "insert through the parent" {
			require.Equal(t, "42501", refused.Code, "%s: %v", name, err)
		}
	}
}

// A tenant-bound table of a later migration must not come without its wall.
func TestEveryTenantBoundTableOfWharfHasRowSecurity(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), testenv.Wharf(t)
	rows, err := db.Admin(t).Query(ctx, `
		SELECT c.relname || CASE WHEN NOT c.relrowsecurity THEN ': row security is off' ELSE ': no policy' END
		FROM pg_class c
		WHERE c.relnamespace = 'wharf'::regnamespace AND c.relkind IN ('r', 'p')
		  AND (c.relname = 'tenants' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
		  AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))`)
	require.NoError(t, err)
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, open)
}

func TestWithoutATenantThereIsAnErrorAndNoTransaction(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	called := false
	note := func(context.Context, pgx.Tx) error { called = true; return nil }
	require.ErrorIs(t, tenancy.Tx(ctx, c.wall, tenancy.Principal{}, note), tenancy.ErrNoTenant)
	require.ErrorIs(t, tenancy.Tx(ctx, c.wall, tenancy.Principal{Operator: true}, note), tenancy.ErrNoTenant)
	require.ErrorIs(t, c.wall.Enter(ctx, nil, uuid.Nil), tenancy.ErrNoTenant)
	require.False(t, called)
}

// Beyond the reach of Tx the wall still stands: without the setting the service's role sees and writes nothing.
func TestWithoutTheSettingTheServiceSeesAndWritesNothing(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	for _, table := range tables() {
		require.Zero(t, count(ctx, t, c.pool, table), table)
	}
	_, err := c.pool.Exec(ctx, `INSERT INTO public.companies (tenant_id, name) VALUES ($1, 'x')`, c.a)
	require.ErrorContains(t, err, "row-level security")
	_, err = c.pool.Exec(ctx, `INSERT INTO wharf.exports (id, tenant_id, request, requested_by) VALUES (gen_random_uuid(), $1, '{}', 'x')`, c.a)
	require.ErrorContains(t, err, "row-level security")
	_, err = c.pool.Exec(ctx, `SELECT * FROM wharf.users`)
	require.ErrorContains(t, err, "permission denied")
	_, err = c.pool.Exec(ctx, `TRUNCATE wharf.exports`)
	require.ErrorContains(t, err, "permission denied", "TRUNCATE does not ask row security")
}

func TestAssertNamesAnotherTenantsContext(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	require.NoError(t, tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
		require.NoError(t, c.wall.Assert(ctx, tx, c.a))
		require.ErrorIs(t, c.wall.Assert(ctx, tx, c.b), tenancy.ErrNoTenant)
		for _, name := range []string{tenancy.OwnSetting, setting} {
			require.NoError(t, c.wall.Enter(ctx, tx, c.a))
			_, err := tx.Exec(ctx, `SELECT set_config($1, $2, true)`, name, c.b.String())
			require.NoError(t, err)
			require.ErrorIs(t, c.wall.Assert(ctx, tx, c.a), tenancy.ErrNoTenant, "both settings count: %s", name)
		}
		return nil
	}))
}

// autocommit is what a pooler, or a mistake, could make of a transaction: each statement is one of its own.
type autocommit struct {
	pgx.Tx
	pool *pgxpool.Pool
}

func (a autocommit) Begin(context.Context) (pgx.Tx, error) { return a, nil }

func (a autocommit) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return a.pool.Exec(ctx, sql, args...)
}

func (a autocommit) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return a.pool.QueryRow(ctx, sql, args...)
}
func (a autocommit) Commit(context.Context) error   { return nil }
func (a autocommit) Rollback(context.Context) error { return nil }

// Outside a transaction a local setting vanishes at once and silently.
func TestTxRefusesToRunWhereTheTenantDidNotStick(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	wall := &tenancy.DB{Pool: autocommit{pool: c.pool}, Wall: c.wall.Wall}
	called := false
	err := tenancy.Tx(context.Background(), wall, tenancy.System(c.a), func(context.Context, pgx.Tx) error { called = true; return nil })
	require.ErrorIs(t, err, tenancy.ErrNoTenant)
	require.False(t, called)
}

func TestNothingOfATransactionStaysOnItsConnection(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	errOdd := errors.New("odd")
	operator := tenancy.Principal{Operator: true}
	for name, run := range map[string]func() error{
		"committed": func() error {
			return tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(context.Context, pgx.Tx) error { return nil })
		},
		"rolled back": func() error {
			return tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(context.Context, pgx.Tx) error { return errOdd })
		},
		"an operator's": func() error {
			return tenancy.OperatorTx(ctx, c.wall, operator, func(context.Context, pgx.Tx) error { return nil })
		},
		"a failed operator": func() error {
			return tenancy.OperatorTx(ctx, c.wall, operator, func(context.Context, pgx.Tx) error { return errOdd })
		},
		"a statement failed": func() error {
			return tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, `SELECT 1/0`)
				return fmt.Errorf("x: %w", err)
			})
		},
	} {
		_ = run()
		require.Equal(t, [4]string{}, c.settings(t), name)
		require.Zero(t, count(ctx, t, c.pool, "public.companies"), name)
		require.Zero(t, count(ctx, t, c.pool, "wharf.audit_log"), name)
	}
}
