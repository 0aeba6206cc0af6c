package importer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/load"
	"wharf/internal/objectstore"
	"wharf/internal/pg"
	"wharf/internal/tenancy"
)

// Retention says how long what an import leaves behind is kept after it ended.
type Retention struct {
	Files   time.Duration // the uploaded file
	Reports time.Duration // results and error reports
	Reviews time.Duration // an import waits for its review, since it was asked for
}

const (
	importsToSweep = `SELECT tenant_id, id FROM wharf.imports_to_sweep(
    now() - make_interval(secs => $1), now() - make_interval(secs => $2), now() - make_interval(secs => $3), $4)`

	// What of an import has passed its time.
	agedImport = `SELECT
    CASE WHEN file_deleted_at IS NULL AND status IN ('completed', 'failed', 'cancelled') AND ended < now() - make_interval(secs => $3)
         THEN file_key ELSE '' END AS file,
    CASE WHEN ended < now() - make_interval(secs => $4) THEN coalesce(result_key, '') ELSE '' END AS result,
    CASE WHEN ended < now() - make_interval(secs => $4) THEN coalesce(errors_key, '') ELSE '' END AS report,
    status = 'review' AND created_at < now() - make_interval(secs => $5) AS unreviewed,
    revertible_until < now() AND coalesce(revert_status NOT IN ('pending', 'processing'), true) AS settled
FROM (SELECT *, coalesce(completed_at, created_at) AS ended FROM wharf.imports WHERE tenant_id = $1 AND id = $2 FOR UPDATE) i`

	forgetFile    = `UPDATE wharf.imports SET file_deleted_at = now() WHERE tenant_id = $1 AND id = $2`
	forgetReports = `UPDATE wharf.imports SET result_key = NULL, errors_key = NULL WHERE tenant_id = $1 AND id = $2`
	forgetUndo    = `UPDATE wharf.imports SET revertible_until = NULL WHERE tenant_id = $1 AND id = $2`

	unfinishedImports = `SELECT wharf.imports_unfinished($1)`
)

// sweepAtOnce bounds how many imports one look takes.
const sweepAtOnce = 500

type aged struct {
	File, Result, Report string // object keys
	Unreviewed           bool
	Settled              *bool // it cannot be reverted any more
}

// Sweep deletes what has passed its time: files, reports, reviews nobody ended, records of what could be reverted. It may
// be run by several at once, and again.
func (s *Service) Sweep(ctx context.Context) error {
	keep := s.cfg.Retention
	for {
		rows, err := s.cfg.Pool.Query(ctx, importsToSweep, keep.Files.Seconds(), keep.Reports.Seconds(), keep.Reviews.Seconds(), sweepAtOnce)
		if err != nil {
			return pg.Translate(fmt.Errorf("importer: find what to sweep: %w", err))
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Tenant, ID uuid.UUID }])
		if err != nil {
			return pg.Translate(fmt.Errorf("importer: find what to sweep: %w", err))
		}
		for _, f := range found {
			if err := s.sweepImport(ctx, f.Tenant, f.ID); err != nil {
				return err
			}
		}
		if len(found) < sweepAtOnce {
			return s.sweepStaging(ctx)
		}
	}
}

func (s *Service) sweepImport(ctx context.Context, tenant, id uuid.UUID) error {
	return tenancy.Tx(ctx, s.cfg.DB, tenancy.System(tenant), func(ctx context.Context, tx pgx.Tx) error {
		keep := s.cfg.Retention
		rows, err := tx.Query(ctx, agedImport, tenant, id, keep.Files.Seconds(), keep.Reports.Seconds(), keep.Reviews.Seconds())
		if err != nil {
			return fmt.Errorf("importer: sweep import: %w", err)
		}
		a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[aged])
		if err != nil {
			return fmt.Errorf("importer: sweep import: %w", err)
		}
		// Objects go first: a row that still names one that is gone is swept again, an object without a row is harder to find.
		for _, key := range []string{a.File, a.Result, a.Report} {
			if key == "" {
				continue
			}
			if err := s.cfg.Objects.Delete(ctx, key); err != nil {
				return fmt.Errorf("importer: sweep %s: %w", id, err)
			}
		}
		if a.File != "" {
			if _, err := exec(ctx, tx, "forget file", forgetFile, tenant, id); err != nil {
				return err
			}
		}
		if a.Result+a.Report != "" {
			if _, err := exec(ctx, tx, "forget reports", forgetReports, tenant, id); err != nil {
				return err
			}
		}
		if a.Settled != nil && *a.Settled {
			if err := load.DropUndo(ctx, tx, id); err != nil {
				return err //nolint:wrapcheck // translated by tenancy.Tx
			}
			if _, err := exec(ctx, tx, "forget undo", forgetUndo, tenant, id); err != nil {
				return err
			}
		}
		if !a.Unreviewed {
			return nil
		}
		if err := load.Drop(ctx, tx, stagingPrefix(id)); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		_, err = readImport(ctx, tx, endImport, tenant, id, Cancelled, "nobody ended the review in time")
		return err
	})
}

// sweepStaging drops staging tables of imports that have ended or are gone.
func (s *Service) sweepStaging(ctx context.Context) error {
	return pg.Tx(ctx, s.cfg.Pool, func(ctx context.Context, tx pgx.Tx) error {
		names, err := load.Names(ctx, tx)
		if err != nil {
			return err //nolint:wrapcheck // translated by pg.Tx
		}
		owners := map[uuid.UUID]bool{} // → unfinished
		for _, name := range names {
			if id, ok := stagingOwner(name); ok {
				owners[id] = false
			}
		}
		ids := make([]uuid.UUID, 0, len(owners))
		for id := range owners {
			ids = append(ids, id)
		}
		rows, err := tx.Query(ctx, unfinishedImports, ids)
		if err != nil {
			return fmt.Errorf("importer: find unfinished imports: %w", err)
		}
		unfinished, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return fmt.Errorf("importer: find unfinished imports: %w", err)
		}
		for _, id := range unfinished {
			owners[id] = true
		}
		if _, err := exec(ctx, tx, "set lock timeout", `SELECT set_config('lock_timeout', '2s', true)`); err != nil {
			return err
		}
		for id, used := range owners {
			if used {
				continue
			}
			if err := load.Drop(ctx, tx, stagingPrefix(id)); err != nil {
				return err //nolint:wrapcheck // translated by pg.Tx
			}
		}
		return nil
	})
}

// stagingOwner gives the import whose staging a table is.
func stagingOwner(table string) (uuid.UUID, bool) {
	hex, isImport := strings.CutPrefix(table, "i_")
	hex, _, _ = strings.Cut(hex, "_")
	id, err := uuid.Parse(hex)
	return id, isImport && err == nil && len(hex) == 32
}

// The kinds of objects that belong to imports.
const (
	kindFile   = "imports"
	kindUpload = "uploads" // an import's file from when it is claimed
	kindResult = "result"
	kindErrors = "errors"
)

const (
	ownedFiles = `SELECT file_key FROM wharf.imports WHERE tenant_id = $1 AND file_key = ANY ($2) AND file_deleted_at IS NULL
UNION SELECT object_key FROM wharf.uploads WHERE tenant_id = $1 AND object_key = ANY ($2)`
	ownedResults = `SELECT result_key FROM wharf.imports WHERE tenant_id = $1 AND result_key = ANY ($2)`
	ownedErrors  = `SELECT errors_key FROM wharf.imports WHERE tenant_id = $1 AND errors_key = ANY ($2)`
)

// Owners tells, of the objects of each kind that belong to imports, those that an import knows.
func (s *Service) Owners() objectstore.Owners {
	owned := func(sql string) objectstore.Owned { return s.cfg.DB.Owned(s.cfg.TenantTable, sql) }
	return objectstore.Owners{kindFile: owned(ownedFiles), kindUpload: owned(ownedFiles), kindResult: owned(ownedResults), kindErrors: owned(ownedErrors)}
}
