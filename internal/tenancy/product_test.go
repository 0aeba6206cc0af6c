package tenancy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"wharf/internal/tenancy"
)

// productRole makes a role as Supabase's "authenticated" is, with a table letters whose policy asks for the claims. Roles are
// the whole server's, hence the name of its own.
func (c *town) productRole(t *testing.T) string {
	t.Helper()
	ctx, role := context.Background(), "wharf_t_"+strings.ReplaceAll(uuid.NewString(), "-", "")
	exec := func(sql string) {
		_, err := c.admin.Exec(ctx, strings.ReplaceAll(sql, "{role}", role))
		require.NoError(t, err, sql)
	}
	exec(`CREATE ROLE {role}`)
	t.Cleanup(func() { exec(`DROP OWNED BY {role}; DROP ROLE {role}`) })
	exec(`GRANT {role} TO wharf_service`)
	exec(`CREATE TABLE public.letters (tenant_id uuid NOT NULL, body text)`)
	exec(`GRANT SELECT ON public.letters TO {role}; GRANT USAGE ON SCHEMA public TO {role}`)
	exec(`ALTER TABLE public.letters ENABLE ROW LEVEL SECURITY`)
	exec(`CREATE POLICY claims ON public.letters TO {role}
		USING (tenant_id = (SELECT (current_setting('request.jwt.claims')::jsonb ->> 'tenant_id')::uuid))`)
	exec(`INSERT INTO public.letters SELECT id, slug FROM wharf.tenants`)
	return role
}

func currentUser(ctx context.Context, t *testing.T, tx pgx.Tx) (name string) {
	t.Helper()
	require.NoError(t, tx.QueryRow(ctx, `SELECT current_user`).Scan(&name))
	return name
}

func TestAsProductAssumesTheRoleAndReturns(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	c.wall.Wall.Role = c.productRole(t)
	for _, p := range []tenancy.Principal{tenancy.System(c.a), tenancy.System(c.b)} {
		require.NoError(t, tenancy.Tx(ctx, c.wall, p, func(ctx context.Context, tx pgx.Tx) error {
			require.NoError(t, c.wall.AsProduct(ctx, tx, p, func(ctx context.Context, tx pgx.Tx) error {
				require.Equal(t, c.wall.Wall.Role, currentUser(ctx, t, tx))
				require.Equal(t, 1, count(ctx, t, tx, "public.letters"), "the claims name the tenant")
				var seen uuid.UUID
				require.NoError(t, tx.QueryRow(ctx, `SELECT tenant_id FROM public.letters`).Scan(&seen))
				require.Equal(t, p.Tenant, seen)
				return nil
			}))
			require.Equal(t, "wharf_service", currentUser(ctx, t, tx))
			require.Equal(t, 1, count(ctx, t, tx, "wharf.exports"), "Wharf's own tables are in reach again")
			return nil
		}))
		require.Equal(t, [4]string{}, c.settings(t))
	}
}

func TestAsProductThatFailedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	c.wall.Wall.Role = c.productRole(t)
	errOdd := errors.New("odd")
	err := tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
		return c.wall.AsProduct(ctx, tx, tenancy.System(c.a), func(context.Context, pgx.Tx) error { return errOdd })
	})
	require.ErrorIs(t, err, errOdd)
	require.Equal(t, [4]string{}, c.settings(t))
}

func TestAsProductWithoutARoleStaysWhoItIs(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	require.NoError(t, tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
		return c.wall.AsProduct(ctx, tx, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
			require.Equal(t, "wharf_service", currentUser(ctx, t, tx))
			return nil
		})
	}))
}

func TestAsProductNamesARoleThatTheServiceMayNotAssume(t *testing.T) {
	t.Parallel()
	ctx, c := context.Background(), newTown(t)
	c.wall.Wall.Role = "wharf_owner"
	err := tenancy.Tx(ctx, c.wall, tenancy.System(c.a), func(ctx context.Context, tx pgx.Tx) error {
		return c.wall.AsProduct(ctx, tx, tenancy.System(c.a), func(context.Context, pgx.Tx) error { return nil })
	})
	require.ErrorContains(t, err, "assume role wharf_owner")
}
