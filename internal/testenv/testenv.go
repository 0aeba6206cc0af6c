// Package testenv gives tests real parts: a database of their own, cloned from a template in some tens of milliseconds,
// and the S3 server that `make test` started.
package testenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"wharf/internal/pg"
	samplemigrations "wharf/migrations/sample"
	wharfmigrations "wharf/migrations/wharf"
)

// Roles of every test database, as in a deployment.
const (
	OwnerRole   = "wharf_owner"
	ServiceRole = "wharf_service"
	password    = "wharf-test"
)

// DB is one test's database. It is dropped when the test ends.
type DB struct {
	Name       string
	AdminURL   string // superuser: sees every tenant
	OwnerURL   string
	ServiceURL string // what api and worker connect as
}

// Empty gives a database without tables, owned by OwnerRole.
func Empty(t testing.TB) *DB {
	t.Helper()
	return clone(t, "template0", "OWNER "+OwnerRole)
}

// Wharf gives a database with Wharf's own schemas.
func Wharf(t testing.TB) *DB {
	t.Helper()
	return clone(t, template(t, "wharf", wharfSet()), "OWNER "+OwnerRole+" STRATEGY file_copy")
}

// Sample gives a database with Wharf's own schemas and the sample product, without rows.
func Sample(t testing.TB) *DB {
	t.Helper()
	return clone(t, template(t, "sample", wharfSet(), sampleSet()), "OWNER "+OwnerRole+" STRATEGY file_copy")
}

func wharfSet() pg.MigrationSet {
	return pg.MigrationSet{FS: wharfmigrations.FS, Table: "wharf.schema_migrations"}
}

func sampleSet() pg.MigrationSet {
	return pg.MigrationSet{FS: samplemigrations.FS, Table: "wharf.sample_migrations"}
}

// Admin opens a pool as the superuser; it is closed when the test ends.
func (d *DB) Admin(t testing.TB) *pgxpool.Pool { t.Helper(); return open(t, d.AdminURL) }

// Owner opens a pool as the owner's role; it is closed when the test ends.
func (d *DB) Owner(t testing.TB) *pgxpool.Pool { t.Helper(); return open(t, d.OwnerURL) }

// Service opens a pool as the service's role; it is closed when the test ends.
func (d *DB) Service(t testing.TB) *pgxpool.Pool { t.Helper(); return open(t, d.ServiceURL) }

// Tenant adds a tenant with the slug and gives its id.
func (d *DB) Tenant(t testing.TB, slug string) uuid.UUID {
	t.Helper()
	var id uuid.UUID
	withAdmin(t, d.AdminURL, func(ctx context.Context, conn *pgx.Conn) {
		err := conn.QueryRow(ctx, `INSERT INTO wharf.tenants (slug, name) VALUES ($1, initcap($1)) RETURNING id`, slug).Scan(&id)
		require.NoError(t, err)
	})
	return id
}

func open(t testing.TB, u string) *pgxpool.Pool {
	t.Helper()
	pool, err := pg.Open(context.Background(), pg.Config{URL: u, MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// Setting gives an environment variable that `make test` sets, or fails the test with the way out.
func Setting(t testing.TB, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run the tests by `make test`, or first `eval \"$(make --silent test/env)\"`", name)
	}
	return v
}

func adminURL(t testing.TB) *url.URL {
	t.Helper()
	u, err := url.Parse(Setting(t, "WHARF_TEST_DATABASE_URL"))
	require.NoError(t, err)
	return u
}

func clone(t testing.TB, tpl, options string) *DB {
	t.Helper()
	base := adminURL(t)
	ensureRoles(t, base)
	name := fmt.Sprintf("wharf_t_%d_%s", time.Now().Unix(), strings.ReplaceAll(uuid.NewString(), "-", "")[:12]) //nolint:forbidigo // names the run
	withAdmin(t, base.String(), func(ctx context.Context, conn *pgx.Conn) {
		_, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s %s", name, tpl, options))
		require.NoError(t, err)
	})
	t.Cleanup(func() {
		withAdmin(t, base.String(), func(ctx context.Context, conn *pgx.Conn) {
			_, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
			require.NoError(t, err)
		})
	})
	return &DB{
		Name:       name,
		AdminURL:   with(base, name, base.User),
		OwnerURL:   with(base, name, url.UserPassword(OwnerRole, password)),
		ServiceURL: with(base, name, url.UserPassword(ServiceRole, password)),
	}
}

func with(base *url.URL, db string, user *url.Userinfo) string {
	u := *base
	u.Path, u.User = "/"+db, user
	return u.String()
}

func withAdmin(t testing.TB, u string, fn func(ctx context.Context, conn *pgx.Conn)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, u)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	fn(ctx, conn)
}

const (
	rolesLock    = 7_250_001
	templateLock = 7_250_002
)

var rolesOnce sync.Once

// ensureRoles creates the two roles, and drops what interrupted runs left behind an hour ago or more.
func ensureRoles(t testing.TB, base *url.URL) {
	t.Helper()
	rolesOnce.Do(func() {
		withAdmin(t, base.String(), func(ctx context.Context, conn *pgx.Conn) {
			_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", rolesLock)
			require.NoError(t, err)
			for _, role := range []string{OwnerRole, ServiceRole} {
				_, err := conn.Exec(ctx, fmt.Sprintf(`DO $$ BEGIN
					IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') THEN CREATE ROLE %[1]s; END IF;
				END $$; ALTER ROLE %[1]s LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '%[2]s'`, role, password))
				require.NoError(t, err)
			}
			rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname ~ '^wharf_t_\d+_'
				AND split_part(datname, '_', 3)::bigint < extract(epoch FROM now()) - 3600`)
			require.NoError(t, err)
			stale, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			for _, name := range stale {
				_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
				require.NoError(t, err)
			}
		})
	})
}

// template gives the name of a database with the sets applied; it is made once for every content of the migrations.
func template(t testing.TB, kind string, sets ...pg.MigrationSet) string {
	t.Helper()
	base := adminURL(t)
	ensureRoles(t, base)
	name := fmt.Sprintf("wharf_tpl_%s_%s", kind, fingerprint(t, sets))
	withAdmin(t, base.String(), func(ctx context.Context, conn *pgx.Conn) {
		_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock)
		require.NoError(t, err)
		var exists bool
		require.NoError(t, conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists))
		if exists {
			return
		}
		building := name + "_new"
		_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+building+" WITH (FORCE)")
		require.NoError(t, err)
		_, err = conn.Exec(ctx, "CREATE DATABASE "+building+" TEMPLATE template0 OWNER "+OwnerRole)
		require.NoError(t, err)
		require.NoError(t, pg.Migrate(ctx, pg.MigrateConfig{
			OwnerURL:    with(base, building, url.UserPassword(OwnerRole, password)),
			ServiceRole: ServiceRole,
			Sets:        sets,
			Log:         slog.New(slog.DiscardHandler),
		}))
		withAdmin(t, with(base, building, base.User), func(ctx context.Context, conn *pgx.Conn) { //nolint:contextcheck // another database's own
			_, err := conn.Exec(ctx, "VACUUM ANALYZE")
			require.NoError(t, err)
		})
		_, err = conn.Exec(ctx, "ALTER DATABASE "+building+" RENAME TO "+name)
		require.NoError(t, err)
	})
	return name
}

func fingerprint(t testing.TB, sets []pg.MigrationSet) string {
	t.Helper()
	sum := sha256.New()
	for _, set := range sets {
		names, err := fs.Glob(set.FS, "*.sql")
		require.NoError(t, err)
		for _, n := range names {
			content, err := fs.ReadFile(set.FS, n)
			require.NoError(t, err)
			sum.Write(content)
		}
	}
	sum.Write([]byte(pg.Grants()))
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
