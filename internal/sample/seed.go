package sample

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ObjectPutter stores the bytes of files. It gives back how many there were, and their SHA-256 in hexadecimal.
type ObjectPutter interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (bytes int64, sha256 string, err error)
}

// Config says whose rows to make, and how many.
type Config struct {
	TenantID uuid.UUID
	Rows     int          // contacts; all tables together have about 6.3 times as many, and at least some 700
	Seed     uint64       // another seed, other rows
	Now      time.Time    // the rows' history ends here
	Users    []uuid.UUID  // whom columns of users name; none: these columns are null
	Store    ObjectPutter // keeps the bytes of files, at <tenant>/files/<id>/<name>; nil: rows only

	// Encrypt and Hash give what @encrypted and @hash columns hold. Without them those columns are null.
	Encrypt func(table, column string, plain []byte) ([]byte, error)
	Hash    func(table, column string, plain []byte) ([]byte, error)
}

func (cfg Config) validate() error {
	switch {
	case cfg.TenantID == uuid.Nil:
		return errors.New("sample: no tenant")
	case cfg.Rows < 1:
		return fmt.Errorf("sample: %d rows; at least 1", cfg.Rows)
	case cfg.Now.IsZero():
		return errors.New("sample: no time that history ends at")
	}
	return nil
}

const (
	setTenant = `SELECT set_config('app.tenant_id', $1, true)`

	// Sales and invoices refer to each other: the one check that may wait, waits.
	deferCycle = `SET CONSTRAINTS public.sales_invoice_fkey DEFERRED`

	// Checking each reference would take half of the time, and they hold by construction.
	skipChecks = `
		SELECT set_config('session_replication_role', 'replica', true)
		FROM pg_roles WHERE rolname = current_user AND rolsuper`

	platformRows = `
		INSERT INTO public.feature_flags (name, enabled, rollout, description) VALUES
			('new_till', true, 100, 'The till of this year'),
			('loyalty_v2', false, 12.50, 'Second loyalty programme'),
			('dark_mode', true, 50, NULL)
		ON CONFLICT DO NOTHING;
		INSERT INTO public.platform_integrations (provider, api_key, settings) VALUES
			('stripe', 'sample-platform-key-1', '{"live": false}'),
			('sendgrid', 'sample-platform-key-2', '{}')
		ON CONFLICT DO NOTHING`
)

// Seed fills every table of the sample product for one tenant that has no rows yet, in one transaction, and gives the
// rows of each table by its name. It also adds the few rows of the platform's own tables, unless they are there.
//
// conn may be a superuser's: COPY goes straight into the tables, and since that bypasses row security it is the
// generator alone that keeps to the tenant. Or it may be the tables' owner's, whom FORCE ROW LEVEL SECURITY binds: COPY
// into such a table is refused by Postgres, so rows pass through a temporary table, which takes longer. Objects that were
// stored before a failure stay; a repeated Seed writes the same keys again.
func Seed(ctx context.Context, conn *pgx.Conn, cfg Config) (map[string]int64, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := newGenerator(ctx, cfg)
	rows := make(map[string]int64, entities)
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setTenant, cfg.TenantID.String()); err != nil {
			return fmt.Errorf("sample: set the tenant: %w", err)
		}
		if _, err := tx.Exec(ctx, deferCycle+";"+skipChecks); err != nil {
			return fmt.Errorf("sample: put checks of references off: %w", err)
		}
		for e, t := range tables() {
			n, err := load(ctx, tx, g, entity(e), t)
			if err != nil {
				return fmt.Errorf("sample: fill %s: %w", t.name, err)
			}
			rows[strings.Trim(t.name, `"`)] = n
		}
		if _, err := tx.Exec(ctx, platformRows); err != nil {
			return fmt.Errorf("sample: fill the platform's tables: %w", err)
		}
		if _, err := tx.Exec(ctx, analyze()); err != nil {
			return fmt.Errorf("sample: analyse the tables: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // from the function above, or the commit, which says so
	}
	return rows, nil
}

// analyze counts the rows at once for the planner, which would be guessing until autovacuum came by.
func analyze() string {
	names := make([]string, 0, entities)
	for _, t := range tables() {
		names = append(names, "public."+t.name)
	}
	return "ANALYZE " + strings.Join(names, ", ")
}
