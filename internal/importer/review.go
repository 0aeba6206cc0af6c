package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/mapping"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// ReviewRow is a staged row as a person reviews it.
type ReviewRow struct {
	Row    int64             `json:"row"` // as a person counts: the header is row 1
	Values map[string]string `json:"values"`
	Errors []RowError        `json:"errors"`
}

// awaitReview ends the job after staging: the rows wait for a person.
func (r *run) awaitReview(ctx context.Context) error {
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if err := r.lock(ctx, tx); err != nil {
			return err
		}
		if err := r.plan.Keep(ctx, tx, r.staging); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		r.progress.stop()
		if err := r.noteReview(ctx, tx, enterReview); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "forget progress", forgetProgress, r.row.ID); err != nil {
			return err
		}
		return r.complete(ctx, tx)
	})
}

// noteReview writes the counts and first errors of the staged rows.
func (r *run) noteReview(ctx context.Context, tx pgx.Tx, sql string) error {
	_, errs, err := load.CountErrors(ctx, tx, r.staging)
	if err != nil {
		return err //nolint:wrapcheck // translated by tenancy.Tx
	}
	found, err := load.Errors(ctx, tx, r.staging, shownErrors)
	if err != nil {
		return err //nolint:wrapcheck // translated by tenancy.Tx
	}
	docs, err := marshalAll(rowErrorsOf(found))
	if err != nil {
		return err
	}
	_, err = exec(ctx, tx, "note review", sql, r.p.Tenant, r.row.ID, r.staged, errs, docs[0])
	return err
}

func rowErrorsOf(found []load.RowError) []RowError {
	out := make([]RowError, 0, len(found))
	for _, e := range found {
		out = append(out, RowError{Row: e.Row, Field: e.Field, Message: e.Message, Value: e.Value})
	}
	return out
}

// reopen compiles a staged import again, as it was compiled when it was staged.
func (r *run) reopen(ctx context.Context, tx pgx.Tx) error {
	var names map[string]string
	for _, part := range []struct {
		doc json.RawMessage
		dst any
	}{{r.row.Mapped, &names}, {r.row.FileInfo, &r.found}} {
		if err := json.Unmarshal(part.doc, part.dst); err != nil {
			return fmt.Errorf("importer: read import %s: %w", r.row.ID, err)
		}
	}
	columns, err := mapping.Apply(names, r.header, r.def.Fields)
	if err != nil {
		return err //nolint:wrapcheck // names the headers
	}
	r.decide(r.found.Decisions) // a row that is mended is read as the others were
	if r.memory, err = r.recall(ctx, tx, r.reportTarget()); err != nil {
		return err
	}
	table, err := r.s.table(ctx, tx, r.def.Destination)
	if err != nil {
		return err
	}
	if err := r.compile(columns, table); err != nil {
		return err
	}
	r.staging, r.staged = *r.row.StagingTable, *r.row.StagedRows
	return nil
}

// resume takes up a reviewed import.
func (r *run) resume(ctx context.Context) error {
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, r.reopen)
}

// reviewing runs fn in a transaction that holds an import in review, with what it was compiled to.
func (s *Service) reviewing(ctx context.Context, p tenancy.Principal, id uuid.UUID, lock string, fn func(ctx context.Context, tx pgx.Tx, r *run) error) error {
	return tenancy.Tx(ctx, s.cfg.DB, p, func(ctx context.Context, tx pgx.Tx) error {
		r := &run{s: s, p: p}
		var err error
		if r.row, err = readImport(ctx, tx, lock, p.Tenant, id, p.Importer, p.Actor); err != nil {
			return err
		}
		if r.row.Status != Review {
			return fault.Newf(fault.Conflict, "the import is %s: only in review do its rows wait to be read and mended", r.row.Status)
		}
		if err := r.decode(); err != nil {
			return err
		}
		if err := r.reopen(ctx, tx); err != nil {
			return err
		}
		return fn(ctx, tx, r)
	})
}

// Rows pages the rows of an import in review: status is "all", "valid" or "invalid", after the number of the last row of
// the page before.
func (s *Service) Rows(ctx context.Context, p tenancy.Principal, id uuid.UUID, status string, after int64, limit int) ([]ReviewRow, error) {
	out := []ReviewRow{}
	err := s.reviewing(ctx, p, id, ownImport, func(ctx context.Context, tx pgx.Tx, r *run) error {
		rows, err := r.plan.Rows(ctx, tx, r.staging, load.RowStatus(status), after, limit)
		if err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		for _, row := range rows {
			out = append(out, r.reviewRow(row, p))
		}
		return nil
	})
	return out, err
}

// withheld stands for personal data of another's file, where the caller may not see it.
const withheld = "[encrypted]"

func (r *run) reviewRow(row load.Row, p tenancy.Principal) ReviewRow {
	v := ReviewRow{Row: row.Line, Values: make(map[string]string, len(row.Cells)), Errors: rowErrorsOf(row.Errors)}
	for i, cell := range row.Cells {
		name := r.shape.fields[i].Name
		if v.Values[name] = cell; cell != "" && r.shape.sealed[name] && !r.row.clearFor(p) {
			v.Values[name] = withheld
		}
	}
	return v
}

// clearFor reports whether p may see encrypted fields of the import in clear: with pii:read, or as who brought them.
func (r row) clearFor(p tenancy.Principal) bool {
	return p.May(tenancy.PIIRead) || r.RequestedBy == p.Actor
}

// Amend puts values in place of a row's in review, checks the row anew and gives it as it stands then. A field that the
// file does not fill is a fault.Invalid, a row there is not a fault.NotFound.
func (s *Service) Amend(ctx context.Context, p tenancy.Principal, id uuid.UUID, line int64, values map[string]*string) (ReviewRow, error) {
	var out ReviewRow
	err := s.reviewing(ctx, p, id, lockOwnImport, func(ctx context.Context, tx pgx.Tx, r *run) error {
		rows, err := r.plan.Rows(ctx, tx, r.staging, load.AllRows, line-1, 1)
		if err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if len(rows) == 0 || rows[0].Line != line {
			return fault.Newf(fault.NotFound, "the import has no row %d", line)
		}
		b, err := r.amended(rows[0], values)
		if err != nil {
			return err
		}
		if err := r.program.Apply(b); err != nil {
			return fmt.Errorf("importer: check row %d: %w", line, err)
		}
		r.keepFlaws(b, rows[0], values)
		if err := r.plan.Replace(ctx, tx, r.staging, line, b); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if err := r.noteReview(ctx, tx, noteReview); err != nil {
			return err
		}
		if rows, err = r.plan.Rows(ctx, tx, r.staging, load.AllRows, line-1, 1); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		out = r.reviewRow(rows[0], p)
		return nil
	})
	return out, err
}

// amended gives a batch of the one row with its new values. Cells that were good are in their canonical text, and marked
// so: they must not be read anew as a file's.
func (r *run) amended(row load.Row, values map[string]*string) (*tabular.Batch, error) {
	b := &tabular.Batch{Cols: len(row.Cells), Lines: []int64{row.Line}}
	for i, cell := range row.Cells {
		f, kind := r.shape.fields[i], row.Kinds[i]
		if !r.plan.HasTable() && !concern(row.Errors, f.Name) {
			kind = kindOf(f)
		}
		if v, given := values[f.Name]; given {
			cell, kind = "", tabular.Text
			if v != nil {
				cell = *v
			}
		}
		b.Cells, b.Kinds = append(b.Cells, []byte(cell)), append(b.Kinds, kind)
	}
	var wrong []fault.Field
	for name := range values {
		if r.shape.field(name) >= 0 {
			continue
		}
		wrong = append(wrong, fault.Field{Field: name, Message: "is no field that the file fills"})
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, z fault.Field) int { return strings.Compare(a.Field, z.Field) })
		return nil, fault.New(fault.Invalid, "the row cannot be changed so").WithFields(wrong...)
	}
	return b, nil
}

// keepFlaws marks again what the reader found wrong, but for the cells that were given anew: what it gave in their place may
// look good.
func (r *run) keepFlaws(b *tabular.Batch, row load.Row, values map[string]*string) {
	for _, e := range row.Errors {
		if _, given := values[e.Field]; given || !tabular.IsFlaw(e.Rule) {
			continue
		}
		b.Errors = append(b.Errors, tabular.CellError{Col: r.shape.field(e.Field), Rule: e.Rule, Message: e.Message, Value: e.Value})
	}
}

// Confirm lets an import in review go on: its rows are merged by a job.
func (s *Service) Confirm(ctx context.Context, p tenancy.Principal, id uuid.UUID) (Import, error) {
	var out Import
	err := s.reviewing(ctx, p, id, lockOwnImport, func(ctx context.Context, tx pgx.Tx, _ *run) error {
		job, err := s.cfg.Queue.Enqueue(ctx, tx, Kind, p.Tenant, id)
		if err != nil {
			return fmt.Errorf("importer: enqueue: %w", err)
		}
		row, err := readImport(ctx, tx, confirmImport, p.Tenant, id, job)
		if err != nil {
			return err
		}
		out, err = row.view()
		return err
	})
	return out, err
}
