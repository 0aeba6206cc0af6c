package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/auth"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a database with one tenant, seen as the service's role.
type office struct {
	db     *testenv.DB
	admin  *pgxpool.Pool
	pool   *pgxpool.Pool
	wall   *tenancy.DB
	keys   *auth.Keys
	tenant uuid.UUID
}

func newOffice(t *testing.T) *office {
	t.Helper()
	db := testenv.Wharf(t)
	pool := db.Service(t)
	return &office{
		db: db, admin: db.Admin(t), pool: pool, keys: auth.NewKeys(pool), tenant: db.Tenant(t, "acme"),
		wall: &tenancy.DB{Pool: pool, Wall: tenancy.Wall{Setting: "app.tenant_id"}},
	}
}

// key makes a key of the tenant, by default an owner's.
func (o *office) key(t *testing.T, change func(s *auth.KeySpec)) (id uuid.UUID, key string) {
	t.Helper()
	spec := auth.KeySpec{Tenant: o.tenant, Name: "nightly import", Role: tenancy.Owner}
	if change != nil {
		change(&spec)
	}
	err := tenancy.Tx(context.Background(), o.wall, tenancy.System(o.tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		id, key, err = auth.CreateKey(ctx, tx, spec)
		return err
	})
	require.NoError(t, err)
	return id, key
}

func (o *office) operatorKey(t *testing.T) (id uuid.UUID, key string) {
	t.Helper()
	err := pg.Tx(context.Background(), o.db.Owner(t), func(ctx context.Context, tx pgx.Tx) (err error) {
		id, key, err = auth.CreateKey(ctx, tx, auth.KeySpec{Name: "on call"})
		return err
	})
	require.NoError(t, err)
	return id, key
}

func (o *office) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := o.admin.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

func (o *office) lastUsed(t *testing.T, id uuid.UUID) (at *time.Time) {
	t.Helper()
	require.NoError(t, o.admin.QueryRow(context.Background(), `SELECT last_used_at FROM wharf.api_keys WHERE id = $1`, id).Scan(&at))
	return at
}
