package restorer

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/load"
	"wharf/internal/objectstore"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

const (
	restoresToSweep = `SELECT tenant_id, id FROM wharf.restores_to_sweep(now() - make_interval(secs => $1), now() - make_interval(secs => $2), $3)`

	// What of a restore has passed its time.
	agedRestore = `SELECT coalesce(file_key, '') AS file, webhook_url IS NOT NULL AS told, loose,
    swept_at IS NULL AND status IN ('completed', 'failed', 'cancelled') AND ended < now() - make_interval(secs => $3) AS aged,
    status IN ('completed', 'failed', 'cancelled') AND ended < now() - make_interval(secs => $4) AS settled,
    coalesce(revertible_until < now(), false) AND coalesce(revert_status NOT IN ('pending', 'processing'), true) AS final
FROM (SELECT *, coalesce(completed_at, created_at) AS ended FROM wharf.restores WHERE tenant_id = $1 AND id = $2 FOR UPDATE) r`

	forgetUndo = `UPDATE wharf.restores SET revertible_until = NULL WHERE tenant_id = $1 AND id = $2`

	markSwept = `UPDATE wharf.restores SET swept_at = now() WHERE tenant_id = $1 AND id = $2`
)

const (
	// sweepBatch bounds how many restores one look takes.
	sweepBatch = 100
	// looseTime is how long after the end of a restore a run of it that was taken for dead may still store a file.
	looseTime = time.Hour
)

type aged struct {
	File          string
	Told          bool
	Loose         []string
	Aged, Settled bool
	Final         bool // it cannot be reverted any more
}

// Sweep deletes what has passed its time: files, secrets of webhooks, objects that runs stored which did not end well, records of
// what could be reverted. It may be run by several at once, and again.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		rows, err := s.cfg.Pool.Query(ctx, restoresToSweep, s.cfg.FileTTL.Seconds(), looseTime.Seconds(), sweepBatch)
		if err != nil {
			return pg.Translate(fmt.Errorf("restorer: find what to sweep: %w", err))
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Tenant, ID uuid.UUID }])
		if err != nil {
			return pg.Translate(fmt.Errorf("restorer: find what to sweep: %w", err))
		}
		for _, f := range found {
			if err := s.sweepRestore(ctx, f.Tenant, f.ID); err != nil {
				return err
			}
		}
		if len(found) < sweepBatch {
			return nil
		}
	}
}

// sweepRestore deletes objects before the row forgets them: one that still names what is gone is swept again.
func (s *Service) sweepRestore(ctx context.Context, tenant, id uuid.UUID) error {
	return tenancy.Tx(ctx, s.cfg.DB, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, agedRestore, tenant, id, s.cfg.FileTTL.Seconds(), looseTime.Seconds())
		if err != nil {
			return fmt.Errorf("restorer: sweep: %w", err)
		}
		a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[aged])
		if err != nil {
			return fmt.Errorf("restorer: sweep: %w", err)
		}
		if a.Settled {
			for _, prefix := range a.Loose {
				if _, err := s.cfg.Objects.DeletePrefix(ctx, prefix); err != nil {
					return fmt.Errorf("restorer: sweep %s: %w", id, err)
				}
				if _, err := exec(ctx, tx, "forget loose files", forgetLoose, tenant, id, prefix); err != nil {
					return err
				}
			}
		}
		if a.Final {
			if err := load.DropUndo(ctx, tx, id); err != nil {
				return err //nolint:wrapcheck // translated by tenancy.Tx
			}
			if _, err := exec(ctx, tx, "forget undo", forgetUndo, tenant, id); err != nil {
				return err
			}
		}
		if !a.Aged {
			return nil
		}
		if a.File != "" {
			if err := s.cfg.Objects.Delete(ctx, a.File); err != nil {
				return fmt.Errorf("restorer: sweep %s: %w", id, err)
			}
		}
		if a.Told {
			if err := s.cfg.Webhooks.Drop(ctx, tx, tenant, id); err != nil {
				return fmt.Errorf("restorer: sweep %s: %w", id, err)
			}
		}
		_, err = exec(ctx, tx, "mark swept", markSwept, tenant, id)
		return err
	})
}

// The kinds of objects that restores take over from uploads, as those name them.
const (
	kindUpload = "uploads" // put to a signed URL
	kindSent   = "imports" // streamed through the API
)

const ownedFiles = `SELECT file_key FROM wharf.restores WHERE tenant_id = $1 AND file_key = ANY ($2) AND swept_at IS NULL`

// Owners tells, of the objects that were uploaded, those that a restore has.
func (s *Service) Owners() objectstore.Owners {
	owned := s.cfg.DB.Owned(s.cfg.TenantTable, ownedFiles)
	return objectstore.Owners{kindUpload: owned, kindSent: owned}
}
