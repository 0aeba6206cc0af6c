package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const listTables = `
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '` + StagingSchema + `' AND c.relkind = 'r' ORDER BY 1`

// Names lists the tables there are in the staging schema, those beside staging and those of undo too.
func Names(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, listTables)
	if err != nil {
		return nil, fmt.Errorf("load: list staging: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("load: list staging: %w", err)
	}
	return names, nil
}
