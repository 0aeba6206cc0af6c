package tenancy

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	assume = `SELECT set_config('request.jwt.claims', $1, true), set_config('role', $2, true)`
	leave  = `SELECT set_config('role', 'none', true)`
)

// AsProduct runs fn as the product's tenant role, if one is configured, with the claims that Supabase's policies read, and
// returns to the service's own role after it. If fn fails, the transaction must be rolled back: the role stays assumed.
func (db *DB) AsProduct(ctx context.Context, tx pgx.Tx, p Principal, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if db.Wall.Role == "" {
		return fn(ctx, tx)
	}
	claims, err := json.Marshal(map[string]string{"role": db.Wall.Role, db.Wall.Column: p.Tenant.String(), "sub": p.Actor})
	if err != nil {
		return fmt.Errorf("tenancy: claims: %w", err)
	}
	if _, err := tx.Exec(ctx, assume, string(claims), db.Wall.Role); err != nil {
		return fmt.Errorf("tenancy: assume role %s: %w", db.Wall.Role, err)
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, leave); err != nil {
		return fmt.Errorf("tenancy: leave role %s: %w", db.Wall.Role, err)
	}
	return nil
}
