package importer

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/tenancy"
)

// outcome is what a finished run writes.
type outcome struct {
	status    string
	err       *string
	counts    load.Counts
	errors    []RowError
	resultKey *string
	errorsKey *string
}

// shownErrors is how many errors the status shows.
const shownErrors = 100

// merge writes the rows. Rows, counts and the job's end commit together, or not at all.
func (r *run) merge(ctx context.Context) error {
	out := outcome{status: Completed}
	err := tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if err := r.lock(ctx, tx); err != nil {
			return err
		}
		// A savepoint, so that a dry run and disable_on_invalid_rows can take the rows back and still keep the counts.
		work, err := tx.Begin(ctx)
		if err != nil {
			return fmt.Errorf("importer: savepoint: %w", err)
		}
		if out.counts, err = r.plan.Merge(ctx, work, r.staging); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if err := r.gatherErrors(ctx, work, &out); err != nil {
			return err
		}
		data, err := r.webhookData(ctx, work)
		if err != nil {
			return err
		}
		switch {
		case r.def.DisableOnInvalid && out.counts.Errors > 0:
			out.disable()
			err = work.Rollback(ctx)
		case r.row.Mode == ModeDryRun:
			err = work.Rollback(ctx)
		default:
			err = work.Commit(ctx)
		}
		if err != nil {
			return fmt.Errorf("importer: end savepoint: %w", err)
		}
		return r.finish(ctx, tx, out, data)
	})
	r.discardUnless(ctx, err == nil, out)
	return err
}

// gatherErrors notes the first errors, and writes the report that holds them all.
func (r *run) gatherErrors(ctx context.Context, tx pgx.Tx, out *outcome) error {
	if out.counts.Errors == 0 {
		return nil
	}
	found, err := load.Errors(ctx, tx, r.staging, shownErrors)
	if err != nil {
		return err //nolint:wrapcheck // translated by tenancy.Tx
	}
	out.errors = rowErrorsOf(found)
	r.progress.enter(phaseWriting, 0, 0)
	key, err := r.putReport(ctx, tx)
	out.errorsKey = &key
	return err
}

// disable turns the outcome into that of a file which may hold no invalid row.
func (o *outcome) disable() {
	why := fmt.Sprintf("%d errors in %d rows; the importer accepts no invalid rows, so nothing was written", o.counts.Errors, o.counts.Skipped)
	o.status, o.err = Failed, &why
	o.counts.Created, o.counts.Updated, o.counts.Unchanged = 0, 0, 0
}

// lock takes the import's row and makes sure that staging still holds what was staged.
func (r *run) lock(ctx context.Context, tx pgx.Tx) error {
	now, err := readImport(ctx, tx, lockImport, r.p.Tenant, r.row.ID)
	if err != nil {
		return err
	}
	if now.Status != Processing {
		return fault.Newf(fault.Conflict, "the import is %s", now.Status)
	}
	n, err := load.Count(ctx, tx, r.staging)
	if err != nil {
		return err //nolint:wrapcheck // translated by tenancy.Tx
	}
	if n != r.staged {
		return fault.Newf(fault.Unavailable, "staging holds %d of %d rows, as after a crash of the database", n, r.staged)
	}
	return nil
}

// finish writes what came of the import, and ends its job.
func (r *run) finish(ctx context.Context, tx pgx.Tx, out outcome, data []json.RawMessage) error {
	r.progress.stop() // its last write must not come after the row is gone
	if out.errors == nil {
		out.errors = []RowError{}
	}
	docs, err := marshalAll(out.errors)
	if err != nil {
		return err
	}
	revertible := 0.0
	if out.status == Completed && r.plan.HasTable() && r.row.Mode != ModeDryRun && out.counts.Created+out.counts.Updated > 0 {
		revertible = r.s.cfg.UndoTTL.Seconds()
	}
	c := out.counts
	if _, err := exec(ctx, tx, "finish", finishImport, r.p.Tenant, r.row.ID, out.status, out.err, r.staged, c.Errors,
		c.Created, c.Updated, c.Unchanged, c.Skipped, docs[0], out.resultKey, out.errorsKey, revertible); err != nil {
		return err
	}
	if _, err := exec(ctx, tx, "forget progress", forgetProgress, r.row.ID); err != nil {
		return err
	}
	if err := load.Drop(ctx, tx, r.staging); err != nil {
		return err //nolint:wrapcheck // translated by tenancy.Tx
	}
	if out.errorsKey != nil {
		header, added := r.reportHeader(r.header)
		if err := r.rememberReport(ctx, tx, header, added); err != nil {
			return err
		}
	}
	if err := r.rememberConfirmed(ctx, tx, out); err != nil {
		return err
	}
	if err := r.tell(ctx, tx, out, data); err != nil {
		return err
	}
	return r.complete(ctx, tx)
}

// discardUnless deletes the objects of an outcome that was not committed: they are of no use without their row, and are
// swept if this fails.
func (r *run) discardUnless(ctx context.Context, committed bool, out outcome) {
	if committed {
		return
	}
	for _, key := range []*string{out.resultKey, out.errorsKey} {
		if key != nil && *key != "" {
			_ = r.s.cfg.Objects.Delete(context.WithoutCancel(ctx), *key)
		}
	}
}
