package tenancy

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"wharf/internal/pg"
)

const enterOperator = `SELECT set_config('wharf.operator', 'on', true)`

// OperatorTx runs fn in a transaction without a tenant, in which the audit log alone is readable across tenants. ErrForbidden
// unless p is an operator.
func OperatorTx(ctx context.Context, db *DB, p Principal, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if err := p.Require(Operate); err != nil {
		return err
	}
	return pg.Tx(ctx, db.Pool, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, enterOperator); err != nil {
			return fmt.Errorf("tenancy: set operator: %w", err)
		}
		return fn(ctx, tx)
	})
}
