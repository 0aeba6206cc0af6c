package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/load"
	"wharf/internal/objectstore"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// storedFile is an import's object as a source of rows.
type storedFile struct {
	store *objectstore.Store
	row   row
}

func (f storedFile) Name() string { return f.row.FileName }
func (f storedFile) Size() int64  { return f.row.FileBytes }

func (f storedFile) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	body, _, err := f.store.Get(ctx, f.row.FileKey, offset, -1)
	if err != nil {
		return nil, fmt.Errorf("importer: open stored file: %w", err)
	}
	return body, nil
}

// resultName gives the name under which a result is saved: "contacts.csv" → "contacts-result.csv".
func resultName(file string) string {
	return strings.TrimSuffix(file, path.Ext(file)) + "-result.csv"
}

// writeResult ends an import whose destination is a file: the checked rows go to the store, with their errors beside them
// unless invalid rows are filtered out.
func (r *run) writeResult(ctx context.Context) error {
	var out outcome
	err := tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) (err error) {
		if err := r.plan.Mark(ctx, tx, r.staging); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		if out.counts.Skipped, out.counts.Errors, err = load.CountErrors(ctx, tx, r.staging); err != nil {
			return err //nolint:wrapcheck // translated by tenancy.Tx
		}
		out.errors, err = r.firstErrors(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	out.status = Completed
	if r.def.DisableOnInvalid && out.counts.Errors > 0 {
		out.disable()
	} else {
		obj, err := r.putResult(ctx)
		if err != nil {
			return err
		}
		out.resultKey = &obj.Key
		if !r.def.FilterInvalid { // every row is in the result
			out.counts.Skipped = 0
		}
	}
	err = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		if err := r.lock(ctx, tx); err != nil {
			return err
		}
		return r.finish(ctx, tx, out)
	})
	if err != nil && out.resultKey != nil {
		_ = r.s.cfg.Objects.Delete(context.WithoutCancel(ctx), *out.resultKey) // of no use without its row; swept if this fails
	}
	return err
}

func (r *run) putResult(ctx context.Context) (objectstore.Object, error) {
	pr, pw := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := r.streamResult(ctx, pw)
		pw.CloseWithError(err) // nil reads as io.EOF
		wrote <- err
	}()
	obj, err := r.s.cfg.Objects.Put(ctx, objectstore.Key(r.p.Tenant, "results", resultName(r.row.FileName)), "text/csv; charset=utf-8", pr)
	pr.CloseWithError(err)
	if writeErr := <-wrote; writeErr != nil {
		return objectstore.Object{}, writeErr
	}
	if err != nil {
		return objectstore.Object{}, fmt.Errorf("importer: store result: %w", err)
	}
	return obj, nil
}

// streamResult writes header and rows as CSV, as the program presents them.
func (r *run) streamResult(ctx context.Context, w io.Writer) error {
	out := tabular.NewCSVWriter(w, ',')
	fields := r.program.Fields()
	header := make([][]byte, 0, len(fields)+1)
	for _, f := range fields {
		header = append(header, []byte(f.Name))
	}
	withErrors := !r.def.FilterInvalid
	if withErrors {
		header = append(header, []byte("errors"))
	}
	if err := out.Write(header); err != nil {
		return fmt.Errorf("importer: write result: %w", err)
	}
	err := tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, r.plan.Select(r.staging), pgx.QueryExecModeExec)
		if err != nil {
			return fmt.Errorf("importer: read staging: %w", err)
		}
		defer rows.Close()
		cells := make([][]byte, len(header))
		shown := make([][]byte, len(fields))
		for rows.Next() {
			raw := rows.RawValues()
			if raw[1] != nil && r.def.FilterInvalid {
				continue
			}
			errs, err := rowErrors(raw[1])
			if err != nil {
				return err
			}
			for i, f := range fields {
				if cells[i] = raw[i+2]; !errs.concern(f.Name) {
					shown[i] = r.program.AppendPresent(shown[i][:0], i, raw[i+2])
					cells[i] = shown[i]
				}
			}
			if withErrors {
				cells[len(fields)] = errs.text()
			}
			if err := out.Write(cells); err != nil {
				return fmt.Errorf("importer: write result: %w", err)
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("importer: read staging: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("importer: write result: %w", err)
	}
	return nil
}

// stagedErrors are the errors of one staged row.
type stagedErrors []struct{ Field, Message string }

func rowErrors(doc []byte) (stagedErrors, error) {
	if doc == nil {
		return nil, nil
	}
	var errs stagedErrors
	if err := json.Unmarshal(doc, &errs); err != nil {
		return nil, fmt.Errorf("importer: read errors: %w", err)
	}
	return errs, nil
}

// concern reports whether an error is about the field: its cell is then shown as it came.
func (e stagedErrors) concern(field string) bool {
	for _, one := range e {
		if one.Field == field {
			return true
		}
	}
	return false
}

// text joins the messages for people.
func (e stagedErrors) text() []byte {
	var b []byte
	for i, one := range e {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = append(b, one.Message...)
	}
	return b
}
