package tenancy

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/objectstore"
)

// Owned tells which of a tenant's objects some row names: sql gives those of the keys $2 that the tenant $1 owns. What belongs to a
// tenant that this installation does not have is none of its business: another may share the bucket. tenantTable is quoted, as
// SQL names it.
func (db *DB) Owned(tenantTable, sql string) objectstore.Owned {
	return func(ctx context.Context, tenant uuid.UUID, keys []string) ([]string, error) {
		var known []string
		err := Tx(ctx, db, System(tenant), func(ctx context.Context, tx pgx.Tx) error {
			var ours bool
			if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+tenantTable+` t WHERE t.id = $1)`, tenant).Scan(&ours); err != nil {
				return fmt.Errorf("tenancy: find tenant: %w", err)
			}
			if !ours {
				known = keys
				return nil
			}
			rows, err := tx.Query(ctx, sql, tenant, keys)
			if err != nil {
				return fmt.Errorf("tenancy: find owners of objects: %w", err)
			}
			if known, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
				return fmt.Errorf("tenancy: find owners of objects: %w", err)
			}
			return nil
		})
		return known, err
	}
}
