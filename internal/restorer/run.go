package restorer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/audit"
	"wharf/internal/dump"
	"wharf/internal/fault"
	"wharf/internal/progress"
	"wharf/internal/tenancy"
)

// Complete ends the job in the transaction that merges.
type Complete = func(ctx context.Context, tx pgx.Tx) error

// run is one run of a restore's job.
type run struct {
	s        *Service
	p        tenancy.Principal
	row      row
	complete Complete
	prefix   string // of the files it stores

	read atomic.Int64 // bytes of the object
	at   atomic.Pointer[dump.Progress]
	stop func() // of the progress; may be called twice
}

// Run merges a restore's object into the tenant, or takes the restore back if that is asked for. It may be run again after any
// failure, and begins anew then. Errors about the object are final.
func (s *Service) Run(ctx context.Context, tenant, id uuid.UUID, complete func(ctx context.Context, tx pgx.Tx) error) error {
	r := &run{s: s, p: tenancy.System(tenant), complete: complete, prefix: newPrefix(tenant)}
	if ended, err := r.begin(ctx, id); ended || err != nil {
		return err
	}
	if r.row.reverting() {
		return r.revert(ctx)
	}
	r.stop = r.report(ctx)
	defer r.stop()
	err := r.work(ctx)
	if err != nil || r.row.DryRun {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = s.clear(within, tenant, id, r.prefix) // what stays is swept
	}
	return err
}

// begin claims the row. A restore that has ended meanwhile only ends its job.
func (r *run) begin(ctx context.Context, id uuid.UUID) (ended bool, err error) {
	err = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if r.row, err = readRestore(ctx, tx, lockRestore, r.p.Tenant, id); err != nil {
			return err
		}
		switch {
		case r.row.reverting():
			r.row, err = readRestore(ctx, tx, beginRevert, r.p.Tenant, id)
			return err
		case Final(r.row.Status):
			ended = true
			return r.complete(ctx, tx)
		}
		first := r.row.Status == Pending
		if r.row, err = readRestore(ctx, tx, beginRestore, r.p.Tenant, id, r.prefix); err != nil || !first {
			return err
		}
		return r.s.tell(ctx, tx, r.row, "restore.started")
	})
	return ended, err
}

// work opens the object and merges it.
func (r *run) work(ctx context.Context) error {
	a, err := r.archive(ctx)
	if err != nil {
		return err
	}
	defer a.Close()
	src, body, err := open(ctx, a, r.s.cfg.Limits, &r.read)
	if err != nil {
		return err
	}
	defer func(c io.Closer) { _ = c.Close() }(body) // read only
	return r.merge(ctx, src)
}

// archive gives what is to be read.
func (r *run) archive(ctx context.Context) (Archive, error) {
	if r.row.ExportID != nil {
		return r.s.cfg.Exports(ctx, r.p, *r.row.ExportID)
	}
	return Archive{Store: r.s.cfg.Objects, Key: *r.row.FileKey, Bytes: r.row.FileBytes, Close: func() {}}, nil
}

// errTakenBack ends the transaction of a dry run.
var errTakenBack = errors.New("restorer: a dry run")

// merge does all of the restore. Rows, report and the job's end commit together; those of a dry run without the rows.
func (r *run) merge(ctx context.Context, src dump.Source) error {
	var report dump.Report
	err := tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		spec, err := r.s.spec(ctx, tx, r.p.Tenant, r.row.ID)
		if err != nil {
			return err
		}
		spec.Verify, spec.Files = r.row.Verify, files{r.s.cfg.Objects, r.prefix}
		spec.Progress = func(at dump.Progress) { r.at.Store(&at) }
		if !r.row.DryRun {
			spec.Undo = r.row.ID
		}
		if report, err = dump.Restore(ctx, tx, spec, src); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if r.row.DryRun {
			return errTakenBack
		}
		return r.finish(ctx, tx, report)
	})
	if !errors.Is(err, errTakenBack) {
		return err
	}
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error { return r.finish(ctx, tx, report) })
}

// spec says how documents are merged into the tenant. The staging tables are named after id and this moment's run.
func (s *Service) spec(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (dump.Spec, error) {
	snap, err := s.cfg.Catalog(ctx, tx)
	if err != nil {
		return dump.Spec{}, err
	}
	bare := func(id uuid.UUID) string { return strings.ReplaceAll(id.String(), "-", "") }
	return dump.Spec{
		DB: s.cfg.DB, Tenant: tenant, Catalog: snap, Crypt: s.cfg.Crypt, WorkMemMB: s.cfg.WorkMemMB,
		Prefix: "r_" + bare(id) + "_" + bare(uuid.New())[:8],
	}, nil
}

// finish writes what came of the restore, and ends its job.
func (r *run) finish(ctx context.Context, tx pgx.Tx, report dump.Report) error {
	r.stop() // its last write would wait for the row that is locked here
	now, err := readRestore(ctx, tx, lockRestore, r.p.Tenant, r.row.ID)
	if err != nil {
		return err
	}
	if now.Status != Processing {
		return fault.Newf(fault.Conflict, "the restore is %s", now.Status)
	}
	if !r.row.DryRun {
		n, err := exec(ctx, tx, "keep files", keepFiles, r.p.Tenant, r.row.ID, r.prefix)
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "another run of this restore has taken over")
		}
		if err != nil {
			return err
		}
	}
	doc, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("restorer: encode report: %w", err)
	}
	revertible := 0.0
	if !r.row.DryRun && sum(report.Created, report.Updated) > 0 {
		revertible = r.s.cfg.UndoTTL.Seconds()
	}
	if now, err = readRestore(ctx, tx, finishRestore+` RETURNING `+restoreColumns, r.p.Tenant, r.row.ID, doc, rowsOf(report), revertible); err != nil {
		return err
	}
	if err := r.s.note(ctx, tx, now, audit.Done); err != nil {
		return err
	}
	if err := r.s.tell(ctx, tx, now, "restore.completed"); err != nil {
		return err
	}
	return r.complete(ctx, tx)
}

// rowsOf counts the rows of the document.
func rowsOf(report dump.Report) int64 {
	return sum(report.Created, report.Updated, report.Unchanged, report.Skipped)
}

// sum adds up counts by table.
func sum(all ...map[string]int64) (n int64) {
	for _, counts := range all {
		for _, c := range counts {
			n += c
		}
	}
	return n
}

// report writes how far the run has come until stop is called.
func (r *run) report(ctx context.Context) (stop func()) {
	r.at.Store(&dump.Progress{Phase: dump.Reading})
	return progress.Report(ctx, func(ctx context.Context) {
		_ = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
			at := r.at.Load()
			_, err := exec(ctx, tx, "note progress", noteProgress, r.p.Tenant, r.row.ID, at.Phase, at.Table, at.Rows,
				min(r.read.Load(), r.row.FileBytes), at.Step, at.Steps)
			return err
		})
	})
}
