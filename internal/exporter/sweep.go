package exporter

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

const (
	expiredExports = `SELECT tenant_id, id FROM wharf.expired_exports($1)`

	// What a download or a deletion has changed meanwhile is left alone.
	lockExpired = `SELECT object_key FROM wharf.exports
WHERE tenant_id = $1 AND id = $2 AND status = 'completed' AND expires_at < now() AND object_key IS NOT NULL FOR UPDATE`
)

// sweepBatch bounds how many exports one look takes.
const sweepBatch = 100

// Sweep deletes the objects of exports whose time has passed; the rows stay, as expired. It may be run by several at once, and again.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		rows, err := s.cfg.Pool.Query(ctx, expiredExports, sweepBatch)
		if err != nil {
			return pg.Translate(fmt.Errorf("exporter: find expired exports: %w", err))
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Tenant, ID uuid.UUID }])
		if err != nil {
			return pg.Translate(fmt.Errorf("exporter: find expired exports: %w", err))
		}
		for _, f := range found {
			if err := s.expire(ctx, f.Tenant, f.ID); err != nil {
				return err
			}
		}
		if len(found) < sweepBatch {
			return nil
		}
	}
}

// expire deletes the object before its row forgets it: if the row's change fails, deleting again is harmless.
func (s *Service) expire(ctx context.Context, tenant, id uuid.UUID) error {
	return tenancy.Tx(ctx, s.cfg.DB, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, lockExpired, tenant, id)
		if err != nil {
			return fmt.Errorf("exporter: lock expired export: %w", err)
		}
		keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("exporter: lock expired export: %w", err)
		}
		for _, key := range keys {
			if err := s.cfg.Objects.Delete(ctx, key); err != nil {
				return fmt.Errorf("exporter: expire %s: %w", id, err)
			}
			if _, err := exec(ctx, tx, "expire", expireExport, tenant, id); err != nil {
				return err
			}
		}
		return nil
	})
}
