package load

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// StagingSchema is where staging tables live, and the only schema the service's role may create in.
const StagingSchema = "wharf_staging"

// beside gives the quoted name of a staging table, or with a suffix that of a table beside it.
func beside(name, suffix string) string { return ident(StagingSchema, name+suffix) }

// createStaging gives the statement that makes the staging table:
//
//	line, errors, id (if ids are minted), again (if keys are sieved), c0, c1, … (the cells)
//
// errors stands before the cells, so that a pass over the good rows need not find the end of each. again is true if a key
// of the row may stand in an earlier one; whoever changes a staged row sets it.
func (p *Plan) createStaging(name string, logged bool) string {
	defs := []string{"line bigint NOT NULL", "errors jsonb"}
	if p.mint != nil {
		defs = append(defs, "id uuid NOT NULL")
	}
	if len(p.sieves()) > 0 {
		defs = append(defs, "again boolean NOT NULL")
	}
	for _, c := range p.cols {
		defs = append(defs, c.cell()+" "+c.staged)
	}
	kind := "UNLOGGED "
	if logged {
		kind = ""
	}
	return `CREATE ` + kind + `TABLE ` + beside(name, "") + ` (` + strings.Join(defs, ", ") + `) WITH (autovacuum_enabled = false)`
}

const dropTables = `
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '` + StagingSchema + `' AND c.relkind = 'r' AND starts_with(c.relname, $1)
  AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)`

// Drop removes every staging table whose name begins with prefix, and what stands beside it.
func Drop(ctx context.Context, tx pgx.Tx, prefix string) error {
	rows, err := tx.Query(ctx, dropTables, prefix)
	if err != nil {
		return fmt.Errorf("load: list staging: %w", err)
	}
	drops, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("load: list staging: %w", err)
	}
	if len(drops) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DROP TABLE `+strings.Join(drops, ", ")); err != nil {
		return fmt.Errorf("load: drop staging: %w", err)
	}
	return nil
}

// Count gives how many rows staging holds: a crash of the database empties unlogged tables, and the caller then finds
// fewer than Stage told.
func Count(ctx context.Context, tx pgx.Tx, name string) (int64, error) {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+beside(name, ""), pgx.QueryExecModeExec).Scan(&n); err != nil {
		return 0, fmt.Errorf("load: count staging: %w", err)
	}
	return n, nil
}

// Select gives a statement that reads the staged rows in order: line, errors (jsonb, NULL if there are none), then the
// cells as text.
func (p *Plan) Select(name string) string {
	cells := []string{"line", "errors"}
	for _, c := range p.cols[:len(p.spec.Columns)] {
		cells = append(cells, c.cell()+"::text")
	}
	return `SELECT ` + strings.Join(cells, ", ") + ` FROM ` + beside(name, "") + ` ORDER BY line`
}
