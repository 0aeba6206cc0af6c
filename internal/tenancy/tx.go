package tenancy

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/pg"
)

// OwnSetting is the setting that the row security of Wharf's own tables reads.
const OwnSetting = "wharf.tenant_id"

// ErrNoTenant means that tenant data was asked for without a tenant: a mistake of ours, so it has no public meaning.
var ErrNoTenant = fault.New(fault.Internal, "no tenant in this context")

// Wall is how the product's row security learns the tenant.
type Wall struct {
	Setting string // e.g. "app.tenant_id"
	Role    string // assumed inside the transaction, e.g. "authenticated"; "": none
	Column  string // of the claims in request.jwt.claims, when Role is set; e.g. "tenant_id"
}

// DB is a pool behind the wall.
type DB struct {
	Pool pg.Beginner
	Wall Wall
}

const enter = `SELECT set_config($1, $3, true), set_config($2, $3, true)`

// Tx runs fn in a transaction that carries p's tenant, and commits if fn returns nil. The tenant is set inside the
// transaction, so it ends with it, and is read back before fn runs. Product statements see the tenant's rows only; the
// product's role, if there is one, is assumed by AsProduct. Errors come translated by pg.
func Tx(ctx context.Context, db *DB, p Principal, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if p.Tenant == uuid.Nil {
		return ErrNoTenant
	}
	return pg.Tx(ctx, db.Pool, func(ctx context.Context, tx pgx.Tx) error {
		if err := db.Enter(ctx, tx, p.Tenant); err != nil {
			return err
		}
		return fn(ctx, tx)
	})
}

// Enter sets and asserts the tenant of an open transaction. It is for transactions that must begin otherwise than Tx
// does, such as the readers of one exported snapshot.
func (db *DB) Enter(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if tenant == uuid.Nil {
		return ErrNoTenant
	}
	id := tenant.String()
	if _, err := tx.Exec(ctx, enter, OwnSetting, db.Wall.Setting, id); err != nil {
		return fmt.Errorf("tenancy: set tenant: %w", err)
	}
	return db.Assert(ctx, tx, tenant)
}

const assert = `SELECT coalesce(current_setting($1, true), ''), coalesce(current_setting($2, true), '')`

// Assert returns an error unless the transaction carries exactly this tenant. Run it before statements that would do
// harm in another's context: outside a transaction a local setting vanishes at once and silently.
func (db *DB) Assert(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	var own, product string
	if err := tx.QueryRow(ctx, assert, OwnSetting, db.Wall.Setting).Scan(&own, &product); err != nil {
		return fmt.Errorf("tenancy: read tenant back: %w", err)
	}
	if id := tenant.String(); own != id || product != id {
		return fmt.Errorf("tenancy: transaction carries tenant %q / %q instead of %q: %w", own, product, id, ErrNoTenant)
	}
	return nil
}
