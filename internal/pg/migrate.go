package pg

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed grants.sql
var grants string

// RiverSchema is where the job queue's tables live.
const RiverSchema = "river"

// MigrationSet is one numbered series of migrations, with a version table of its own.
type MigrationSet struct {
	FS    fs.FS
	Table string // schema-qualified version table
}

// MigrateConfig says what to bring up to date, and for whom.
type MigrateConfig struct {
	OwnerURL    string
	ServiceRole string         // gets its grants; must exist
	Sets        []MigrationSet // in order
	Log         *slog.Logger
}

// Migrate brings the schemas wharf, wharf_staging and river, and then every further set, up to date. It holds one
// session lock throughout: of many replicas that start at once, one migrates and the others wait and find it done.
func Migrate(ctx context.Context, cfg MigrateConfig) (err error) {
	pool, err := Open(ctx, Config{URL: cfg.OwnerURL, Application: "wharf migrate"})
	if err != nil {
		return err
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return Translate(fmt.Errorf("pg: connect to migrate: %w", err))
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// goose's own locker asks for the same lock, but polls for it every few seconds; waiting in the database is prompt.
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, lock.DefaultLockID); err != nil {
		return Translate(fmt.Errorf("pg: wait for other migrations: %w", err))
	}
	return Translate(migrateAll(ctx, pool, db, cfg))
}

func migrateAll(ctx context.Context, pool *pgxpool.Pool, db *sql.DB, cfg MigrateConfig) error {
	if _, err := db.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS wharf; CREATE SCHEMA IF NOT EXISTS `+RiverSchema); err != nil {
		return fmt.Errorf("pg: create schemas: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: RiverSchema, Logger: quiet(cfg.Log)})
	if err != nil {
		return fmt.Errorf("pg: river migrator: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("pg: migrate river: %w", err)
	}
	for i, set := range cfg.Sets {
		if err := migrateSet(ctx, db, set, cfg.Log); err != nil {
			return err
		}
		if i == 0 { // Wharf's own: its grants before the product's tables
			if _, err := db.ExecContext(ctx, strings.ReplaceAll(grants, "{role}", pgx.Identifier{cfg.ServiceRole}.Sanitize())); err != nil {
				return fmt.Errorf("pg: grant to %s: %w", cfg.ServiceRole, err)
			}
		}
	}
	return nil
}

func migrateSet(ctx context.Context, db *sql.DB, set MigrationSet, log *slog.Logger) error {
	store, err := database.NewStore(database.DialectPostgres, set.Table)
	if err != nil {
		return fmt.Errorf("pg: version table %s: %w", set.Table, err)
	}
	provider, err := goose.NewProvider("", db, set.FS, goose.WithStore(store))
	if err != nil {
		return fmt.Errorf("pg: read migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("pg: migrate %s: %w", set.Table, err)
	}
	for _, r := range results {
		log.InfoContext(ctx, "migrated", "file", r.Source.Path, "took", r.Duration)
	}
	return nil
}

// quiet keeps River's migrator from logging each step at info.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(levelHandler{log.Handler()})
}

type levelHandler struct{ slog.Handler }

func (levelHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

const pendingMigrations = `SELECT count(*) FROM wharf.schema_migrations WHERE version_id = $1 AND is_applied`

// CheckMigrated returns an error if the newest migration of set has not been applied.
func CheckMigrated(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, fsys fs.FS,
) error {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return fmt.Errorf("pg: list migrations: %w", err)
	}
	newest, err := goose.NumericComponent(names[len(names)-1])
	if err != nil {
		return fmt.Errorf("pg: number of migration %s: %w", names[len(names)-1], err)
	}
	var n int
	if err := db.QueryRow(ctx, pendingMigrations, newest).Scan(&n); err != nil {
		return Translate(fmt.Errorf("pg: read migrations: %w", err))
	}
	if n == 0 {
		return fmt.Errorf("pg: migration %d is not applied; run `api migrate`", newest)
	}
	return nil
}

// Grants gives the statements that Migrate runs for the service's role, with {role} in place of its name.
func Grants() string { return grants }
