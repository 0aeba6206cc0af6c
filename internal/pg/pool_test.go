package pg_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpenDoesNotRepeatAPasswordInItsError(t *testing.T) {
	t.Parallel()
	_, err := pg.Open(context.Background(), pg.Config{URL: "postgres://app:hunter2@%zz/db"})
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
	require.NotContains(t, err.Error(), "hunter2")
}

func TestOpenWaitsForNoDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := silent.Addr().String()
	require.NoError(t, silent.Close()) // now nobody answers there
	pool, err := pg.Open(ctx, pg.Config{URL: "postgres://app@" + address + "/db", ConnTimeout: time.Second})
	require.NoError(t, err)
	defer pool.Close()
	err = pg.Translate(pool.Ping(ctx))
	require.Equal(t, fault.Unavailable, fault.CodeOf(err), "%v", err)
}

// Exports and dumps print values as these settings say, wherever the server stands.
func TestSessionsPrintValuesTheSameEverywhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Empty(t)
	_, err := db.Admin(t).Exec(ctx, `ALTER DATABASE `+db.Name+` SET timezone = 'Asia/Tokyo'; ALTER DATABASE `+db.Name+` SET datestyle = 'SQL, DMY'`)
	require.NoError(t, err)
	pool := db.Owner(t)
	for name, want := range map[string]string{
		"TimeZone": "UTC", "DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "extra_float_digits": "1", "bytea_output": "hex",
	} {
		var got string
		require.NoError(t, pool.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&got))
		require.Equal(t, want, got, name)
	}
}

func TestTxCommitsOrRollsBackWhole(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Empty(t)
	pool := db.Owner(t)
	_, err := pool.Exec(ctx, `CREATE SCHEMA s; CREATE TABLE s.t (n int)`)
	require.NoError(t, err)
	insert := func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO s.t VALUES (1)`)
		return err
	}
	count := func() (n int) {
		require.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FROM s.t`).Scan(&n))
		return n
	}
	errOdd := errors.New("odd")
	err = pg.Tx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error { return errors.Join(insert(ctx, tx), errOdd) })
	require.ErrorIs(t, err, errOdd)
	require.Zero(t, count())
	require.Panics(t, func() {
		_ = pg.Tx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
			require.NoError(t, insert(ctx, tx))
			panic("odd") //nolint:forbidigo // what the test is about
		})
	})
	require.Zero(t, count())
	require.NoError(t, pg.Tx(ctx, pool, insert))
	require.Equal(t, 1, count())
	require.Zero(t, pool.Stat().AcquiredConns(), "every connection is back")
}

func TestServiceRoleThatBypassesRowSecurityIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	admin := testenv.Wharf(t).Admin(t)
	err := pg.Tx(ctx, admin, func(ctx context.Context, tx pgx.Tx) error {
		for _, sql := range []string{`CREATE ROLE wharf_t_bypass BYPASSRLS`, `SET LOCAL ROLE wharf_t_bypass`} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return pg.CheckServiceRole(ctx, tx) // an error: the role is rolled back with it
	})
	require.ErrorContains(t, err, "BYPASSRLS")
}
