package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/tenancy"
)

// ErrNoTenant is the answer to an id that no tenant has.
var ErrNoTenant = fault.New(fault.NotFound, "tenant not found")

// Overrides are what an operator allows one tenant: name of the limit → how many a minute. The others go by the defaults.
type Overrides map[string]int

// mostPerMinute is the most that an override may say.
const mostPerMinute = 1_000_000

func overridable() []string {
	return []string{ExportStarts, ImportStarts, RestoreStarts, UploadStarts, Requests}
}

const (
	tenantExists    = `SELECT EXISTS (SELECT FROM %s t WHERE t.id = $1)`
	deleteOverrides = `DELETE FROM wharf.tenant_limits WHERE tenant_id = $1`
	insertOverride  = `INSERT INTO wharf.tenant_limits (tenant_id, name, per_minute) VALUES ($1, $2, $3)`
	refill          = `SELECT wharf.refill_limits($1)`
	selectOverrides = `SELECT name, per_minute FROM wharf.tenant_limits WHERE tenant_id = $1`
)

// SetOverrides gives the tenant these limits and no others. They hold at once, in every process, and begin afresh. Invalid names what is wrong;
// ErrNoTenant, Unavailable. Whether the caller may is for the caller to know.
func (s *Store) SetOverrides(ctx context.Context, tenant uuid.UUID, o Overrides) error {
	for name, n := range o {
		if !slices.Contains(overridable(), name) || n < 1 || n > mostPerMinute {
			return fault.New(fault.Invalid, "the limit cannot be set").
				WithFields(fault.Field{Field: name, Message: fmt.Sprintf("must be a limit of tenants, from 1 to %d a minute", mostPerMinute)})
		}
	}
	return s.ofTenant(ctx, tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, deleteOverrides, tenant); err != nil {
			return fmt.Errorf("ratelimit: drop overrides: %w", err)
		}
		for name, n := range o {
			if _, err := tx.Exec(ctx, insertOverride, tenant, name, n); err != nil {
				return fmt.Errorf("ratelimit: set override: %w", err)
			}
		}
		if _, err := tx.Exec(ctx, refill, tenant); err != nil {
			return fmt.Errorf("ratelimit: refill: %w", err)
		}
		return nil
	})
}

// Overrides gives what was set for the tenant. ErrNoTenant, Unavailable.
func (s *Store) Overrides(ctx context.Context, tenant uuid.UUID) (Overrides, error) {
	found := Overrides{}
	err := s.ofTenant(ctx, tenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectOverrides, tenant)
		if err != nil {
			return fmt.Errorf("ratelimit: read overrides: %w", err)
		}
		var name string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
			found[name] = n
			return nil
		})
		if err != nil {
			return fmt.Errorf("ratelimit: read overrides: %w", err)
		}
		return nil
	})
	return found, err
}

// ofTenant runs fn in the tenant's context, if there is such a tenant.
func (s *Store) ofTenant(ctx context.Context, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if tenant == uuid.Nil {
		return ErrNoTenant
	}
	table := pgx.Identifier(strings.SplitN(s.tenantTable, ".", 2)).Sanitize()
	return tenancy.Tx(ctx, s.db, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) error {
		var exists bool
		if err := tx.QueryRow(ctx, fmt.Sprintf(tenantExists, table), tenant).Scan(&exists); err != nil {
			return fmt.Errorf("ratelimit: find tenant: %w", err)
		}
		if !exists {
			return ErrNoTenant
		}
		return fn(ctx, tx)
	})
}
