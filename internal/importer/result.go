package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"wharf/internal/load"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// writeResult ends an import whose destination is a file or a webhook: the checked rows go to the store, with their errors
// beside them unless invalid rows are filtered out.
func (r *run) writeResult(ctx context.Context) error {
	var out outcome
	err := r.makeResult(ctx, &out)
	if err == nil {
		err = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
			if err := r.lock(ctx, tx); err != nil {
				return err
			}
			data, err := r.webhookData(ctx, tx)
			if err != nil {
				return err
			}
			return r.finish(ctx, tx, out, data)
		})
	}
	r.discardUnless(ctx, err == nil, out)
	return err
}

func (r *run) makeResult(ctx context.Context, out *outcome) error {
	return tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) (err error) {
		if err := r.plan.Mark(ctx, tx, r.staging); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if out.counts.Skipped, out.counts.Errors, err = load.CountErrors(ctx, tx, r.staging); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if err := r.gatherErrors(ctx, tx, out); err != nil {
			return err
		}
		out.status = Completed
		if r.def.DisableOnInvalid && out.counts.Errors > 0 {
			out.disable()
			return nil
		}
		if r.row.Mode != ModeDryRun {
			r.progress.enter(phaseWriting, 0, 0)
			key, err := r.putResult(ctx, tx)
			if err != nil {
				return err
			}
			out.resultKey = &key
		}
		if !r.def.FilterInvalid { // every row is in the result
			out.counts.Skipped = 0
		}
		return nil
	})
}

// putResult stores header and rows as the program presents them.
func (r *run) putResult(ctx context.Context, tx pgx.Tx) (string, error) {
	return r.put(ctx, kindResult, tabular.WriteOptions{Unmarked: true}, func(w tabular.RowWriter) error {
		var header []string
		for _, f := range r.shape.fields {
			header = append(header, f.Name)
		}
		withErrors := !r.def.FilterInvalid
		if withErrors {
			header = append(header, reportErrors)
		}
		if err := w.Header(header); err != nil {
			return fmt.Errorf("importer: write result: %w", err)
		}
		return r.eachPresent(ctx, tx, func(p presented) (bool, error) {
			if p.errors != nil && r.def.FilterInvalid {
				return true, nil
			}
			cells, kinds := p.cells, p.kinds
			if withErrors {
				cells, kinds = append(cells, messages(p.errors)), append(kinds, tabular.Text)
			}
			return true, writeRow(w, cells, kinds)
		})
	})
}

// presented is a staged row as people see it. It is valid until the next.
type presented struct {
	cells  [][]byte // one a field
	kinds  []tabular.Kind
	errors []load.RowError
}

// eachPresent gives the staged rows in order, until fn says that it has enough.
func (r *run) eachPresent(ctx context.Context, tx pgx.Tx, fn func(presented) (more bool, err error)) error {
	rows, err := tx.Query(ctx, r.plan.Select(r.staging), pgx.QueryExecModeExec)
	if err != nil {
		return fmt.Errorf("importer: read staging: %w", err)
	}
	defer rows.Close()
	fields := r.shape.fields
	p := presented{cells: make([][]byte, len(fields), len(fields)+1), kinds: make([]tabular.Kind, len(fields), len(fields)+1)}
	shown := make([][]byte, len(fields))
	for rows.Next() {
		raw := rows.RawValues()
		if p.errors, err = rowErrors(raw[1]); err != nil {
			return err
		}
		for i, f := range fields {
			p.cells[i], p.kinds[i] = raw[i+2], tabular.Text
			if !concern(p.errors, f.Name) {
				shown[i] = r.program.AppendPresent(shown[i][:0], i, raw[i+2])
				if p.cells[i] = shown[i]; bytes.Equal(shown[i], raw[i+2]) { // no transformation shaped it
					p.kinds[i] = kindOf(f)
				}
			}
		}
		more, err := fn(p)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("importer: read staging: %w", err)
	}
	return nil
}

// kindOf gives what the field's canonical cells are.
func kindOf(f rowprogram.Field) tabular.Kind {
	switch f.Type {
	case rowprogram.TypeNumber:
		return tabular.Number
	case rowprogram.TypeDate:
		return tabular.Date
	case rowprogram.TypeBoolean:
		return tabular.Boolean
	}
	return tabular.Text
}

// concern reports whether an error is about the field: its cell is then shown as it came.
func concern(errs []load.RowError, field string) bool {
	return slices.ContainsFunc(errs, func(e load.RowError) bool { return e.Field == field })
}

func rowErrors(doc []byte) ([]load.RowError, error) {
	if doc == nil {
		return nil, nil
	}
	var errs []load.RowError
	if err := json.Unmarshal(doc, &errs); err != nil {
		return nil, fmt.Errorf("importer: read errors: %w", err)
	}
	return errs, nil
}
