package pg_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"wharf/internal/fault"
	"wharf/internal/pg"
	"wharf/internal/testenv"
)

func TestEverySQLStateOfInterestHasItsCode(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]fault.Code{
		"08000": fault.Unavailable, // connection_exception
		"08006": fault.Unavailable, // connection_failure
		"22001": fault.Invalid,     // string_data_right_truncation
		"22003": fault.Invalid,     // numeric_value_out_of_range
		"22021": fault.Malformed,   // character_not_in_repertoire
		"22P02": fault.Invalid,     // invalid_text_representation
		"23502": fault.Invalid,     // not_null_violation
		"23503": fault.Conflict,    // foreign_key_violation
		"23505": fault.Conflict,    // unique_violation
		"23514": fault.Invalid,     // check_violation
		"23P01": fault.Invalid,     // exclusion_violation
		"25006": fault.Internal,    // read_only_sql_transaction
		"28P01": fault.Internal,    // invalid_password: a wrong setting, which trying again does not mend
		"3F000": fault.Conflict,    // invalid_schema_name
		"40001": fault.Unavailable, // serialization_failure
		"40P01": fault.Unavailable, // deadlock_detected
		"42501": fault.Internal,    // insufficient_privilege: a wall held, and nobody is told which
		"42601": fault.Internal,    // syntax_error
		"42703": fault.Conflict,    // undefined_column
		"42P01": fault.Conflict,    // undefined_table
		"53100": fault.Unavailable, // disk_full
		"53300": fault.Unavailable, // too_many_connections
		"55P03": fault.Unavailable, // lock_not_available
		"57014": fault.Internal,    // query_canceled: the deadline that ended it says so itself
		"57P01": fault.Unavailable, // admin_shutdown
		"57P03": fault.Unavailable, // cannot_connect_now
		"XX000": fault.Internal,    // internal_error
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			cause := &pgconn.PgError{Code: state, Message: "as Postgres says", TableName: "contacts", ColumnName: "email", ConstraintName: "contacts_key"}
			err := pg.Translate(fmt.Errorf("importer: write: %w", cause))
			require.Equal(t, want, fault.CodeOf(err))
			require.ErrorIs(t, err, cause, "the log gets the cause")
			require.Equal(t, want == fault.Unavailable, pg.IsUnavailable(cause))
			require.Equal(t, state == "42P01" || state == "42703" || state == "3F000", pg.IsUndefined(cause))
		})
	}
}

func TestConstraintErrorsNameTheirPlace(t *testing.T) {
	t.Parallel()
	at := pgconn.PgError{TableName: "contacts", ColumnName: "email", ConstraintName: "contacts_email_key"}
	for state, want := range map[string]string{
		"23505": "another row of contacts has the same value (contacts_email_key)",
		"23503": "a reference of contacts names no row, or is still in use (contacts_email_key)",
		"23502": "contacts.email must have a value",
		"23514": "a row of contacts breaks its rule contacts_email_key",
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			cause := at
			cause.Code = state
			coded, ok := fault.As(pg.Translate(&cause))
			require.True(t, ok)
			require.Equal(t, want, coded.Message)
		})
	}
}

func TestTranslateLeavesAloneWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	require.NoError(t, pg.Translate(nil))
	odd := errors.New("odd")
	require.Equal(t, odd, pg.Translate(odd))
	coded := fmt.Errorf("x: %w", fault.Wrap(&pgconn.PgError{Code: "23505"}, fault.Invalid, "said better already"))
	require.Equal(t, coded, pg.Translate(coded))
	require.Equal(t, fault.Internal, fault.CodeOf(pg.Translate(context.DeadlineExceeded)), "our own deadline is not the database's absence")
}

func TestConnectionThatBreaksIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"reset":   &net.OpError{Op: "read", Err: errors.New("connection reset by peer")},
		"closed":  fmt.Errorf("acquire: %w", net.ErrClosed),
		"refused": &net.OpError{Op: "dial", Err: errors.New("connection refused")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, pg.IsUnavailable(err))
		})
	}
}

// The codes above as a real server gives them, over a real connection.
func TestRealErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Wharf(t)
	admin, tenant := db.Admin(t), db.Tenant(t, "acme")
	for sql, want := range map[string]fault.Code{
		`INSERT INTO wharf.tenants (slug, name) VALUES ('acme', 'x')`:       fault.Conflict,
		`INSERT INTO wharf.tenants (slug, name) VALUES ('Not A Slug', 'x')`: fault.Invalid,
		`INSERT INTO wharf.tenants (slug, name) VALUES ('b', NULL)`:         fault.Invalid,
		`SELECT 'x'::uuid`:               fault.Invalid,
		`SELECT * FROM wharf.gone`:       fault.Conflict,
		`SELECT gone FROM wharf.tenants`: fault.Conflict,
		`SELEC`:                          fault.Internal,
		`SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(10)`:                             fault.Internal,
		`INSERT INTO wharf.memberships VALUES (gen_random_uuid(), gen_random_uuid(), 'owner')`: fault.Conflict,
	} {
		err := pg.Tx(ctx, admin, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		})
		require.Equal(t, want, fault.CodeOf(err), "%s: %v", sql, err)
	}
	var kept bool
	require.NoError(t, admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM wharf.tenants WHERE id = $1)`, tenant).Scan(&kept))
	require.True(t, kept)
}

func TestTerminatedConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := testenv.Wharf(t)
	err := pg.Tx(ctx, db.Service(t), func(ctx context.Context, tx pgx.Tx) error {
		var pid int
		if err := tx.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			return err
		}
		_, err := db.Admin(t).Exec(ctx, `SELECT pg_terminate_backend($1, 10000)`, pid)
		require.NoError(t, err)
		_, err = tx.Exec(ctx, `SELECT 1`)
		return err
	})
	require.Equal(t, fault.Unavailable, fault.CodeOf(err), "%v", err)
}

func TestEndOfAContextIsItsOwnError(t *testing.T) {
	t.Parallel()
	pool := testenv.Empty(t).Owner(t)
	for _, end := range []func() (context.Context, context.CancelFunc){
		func() (context.Context, context.CancelFunc) { return context.WithTimeout(context.Background(), 0) },
		func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx, cancel
		},
	} {
		ctx, cancel := end()
		_, err := pool.Exec(ctx, `SELECT 1`)
		cancel()
		require.Equal(t, fault.Internal, fault.CodeOf(pg.Translate(err)), "%v", err)
		require.ErrorIs(t, err, ctx.Err())
	}
}

func TestConnectionFoundClosedIsUnavailable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	conn, err := testenv.Empty(t).Owner(t).Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	require.NoError(t, conn.Conn().Close(ctx))
	_, err = conn.Exec(ctx, `SELECT 1`)
	require.Equal(t, fault.Unavailable, fault.CodeOf(pg.Translate(err)), "%v", err)
}
