// Package pg is the way to Postgres: the pool, transactions, migrations, and the one place where Postgres's errors
// are translated.
//
// Two roles share a database. The owner migrates and owns; its URL is given to `api migrate` and the bootstrap commands
// only. The service's role is what `api` and `worker` run as: it owns no product table, cannot bypass row security, and
// creates only in wharf_staging. CheckServiceRole refuses to start as anything more.
package pg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"wharf/internal/fault"
)

// Config says how to connect.
type Config struct {
	URL         string        // postgres://…
	Application string        // application_name, shown in pg_stat_activity
	MaxConns    int32         // connections; 0: pgx's default
	ConnTimeout time.Duration // to establish one; 0: 10 s
}

// Open returns a pool; it connects lazily, so that a service may start before its database. The caller closes it.
func Open(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the database URL cannot be read; it has the form postgres://user:password@host:port/database")
	}
	if cfg.MaxConns > 0 {
		pc.MaxConns = cfg.MaxConns
	}
	pc.ConnConfig.ConnectTimeout = 10 * time.Second
	if cfg.ConnTimeout > 0 {
		pc.ConnConfig.ConnectTimeout = cfg.ConnTimeout
	}
	params := pc.ConnConfig.RuntimeParams
	if cfg.Application != "" {
		params["application_name"] = cfg.Application
	}
	// Exports and dumps rely on these: text forms of values depend on them.
	params["timezone"] = "UTC"
	params["datestyle"] = "ISO, MDY"
	params["intervalstyle"] = "postgres"
	params["extra_float_digits"] = "1"
	params["bytea_output"] = "hex"
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("pg: open pool: %w", err)
	}
	return pool, nil
}

// Beginner is what a transaction can begin on: a pool, a connection, or a transaction (then a savepoint).
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Tx runs fn in a transaction and commits if fn returns nil; otherwise it rolls back and returns fn's error, translated.
func Tx(ctx context.Context, db Beginner, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return Translate(pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return fn(ctx, tx) }))
}

const roleFacts = `
SELECT r.rolsuper, r.rolbypassrls,
       coalesce((SELECT string_agg(n.nspname || '.' || c.relname, ', ' ORDER BY 1)
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p') AND pg_has_role(r.oid, c.relowner, 'MEMBER')
                   AND n.nspname <> 'wharf_staging'), '') AS owned,
       coalesce((SELECT string_agg(n.nspname, ', ' ORDER BY 1) FROM pg_namespace n
                 WHERE has_schema_privilege(r.oid, n.oid, 'CREATE')
                   AND n.nspname NOT IN ('wharf_staging') AND n.nspname NOT LIKE 'pg\_%'), '') AS creates
FROM pg_roles r WHERE r.rolname = current_user`

// CheckServiceRole returns an error that names what the connected role may do and must not: the first wall between
// tenants is a role that row security binds.
func CheckServiceRole(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
},
) error {
	var super, bypass bool
	var owned, creates string
	if err := db.QueryRow(ctx, roleFacts).Scan(&super, &bypass, &owned, &creates); err != nil {
		return Translate(fmt.Errorf("pg: read the service's role: %w", err))
	}
	switch {
	case super:
		return fault.New(fault.Invalid, "DATABASE_URL connects as a superuser, which row security does not bind; use the service's role")
	case bypass:
		return fault.New(fault.Invalid, "DATABASE_URL connects as a role with BYPASSRLS; use a role without it")
	case owned != "":
		return fault.Newf(fault.Invalid, "the role of DATABASE_URL owns %s; it must own no table outside wharf_staging", owned)
	case creates != "":
		return fault.Newf(fault.Invalid, "the role of DATABASE_URL may CREATE in schema %s; it may do so only in wharf_staging", creates)
	}
	return nil
}
