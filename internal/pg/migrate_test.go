package pg_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"wharf/internal/pg"
	"wharf/internal/testenv"
	wharfmigrations "wharf/migrations/wharf"
)

func TestMigrateTenReplicasAtOnce(t *testing.T) {
	t.Parallel()
	db := testenv.Empty(t)
	cfg := pg.MigrateConfig{
		OwnerURL: db.OwnerURL, ServiceRole: testenv.ServiceRole, Log: slog.New(slog.DiscardHandler),
		Sets: []pg.MigrationSet{{FS: wharfmigrations.FS, Table: "wharf.schema_migrations"}},
	}
	var g errgroup.Group
	for range 10 {
		g.Go(func() error { return pg.Migrate(context.Background(), cfg) })
	}
	require.NoError(t, g.Wait())
	require.NoError(t, pg.CheckMigrated(context.Background(), db.Service(t), wharfmigrations.FS))
}

func TestCheckServiceRole(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Wharf(t)
	require.NoError(t, pg.CheckServiceRole(ctx, db.Service(t)))
	require.ErrorContains(t, pg.CheckServiceRole(ctx, db.Admin(t)), "superuser")
	require.ErrorContains(t, pg.CheckServiceRole(ctx, db.Owner(t)), "owns")
	_, err := db.Owner(t).Exec(ctx, "CREATE SCHEMA other; GRANT CREATE ON SCHEMA other TO "+testenv.ServiceRole)
	require.NoError(t, err)
	require.ErrorContains(t, pg.CheckServiceRole(ctx, db.Service(t)), "CREATE in schema other")
}
