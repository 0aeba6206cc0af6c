package exporter

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"wharf/internal/pgcodec"
	"wharf/internal/tabular"
)

// bundled is what the formats with a file a table have in common.
type bundled struct {
	r      *run
	bundle *bundle
	file   *bundleFile // of the table that is being written
	listed []manifestTable
}

func (b *bundled) beginFile(t planned, name string) (err error) {
	if b.file, err = b.bundle.file(name); err != nil {
		return err
	}
	b.listed = append(b.listed, manifestTable{Table: t.Name, File: b.file.Name, Why: t.why, Narrowed: t.narrowed})
	return nil
}

func (b *bundled) write(chunk []byte) error {
	_, err := b.file.Write(chunk)
	return err
}

func (b *bundled) end(rows int64) { b.file.Rows = rows }

func (b *bundled) close(ctx context.Context, tx pgx.Tx) error {
	r := b.r
	var files []manifestFile
	if slices.Contains(r.req.Include, IncludeFiles) {
		var warnings []string
		var err error
		if files, warnings, err = addFiles(ctx, tx, r.s.cfg.Objects, r.p.Tenant, r.plan.tables, b.bundle); err != nil {
			return err
		}
		r.warnings = append(r.warnings, warnings...)
	}
	return b.bundle.close(manifest{
		WharfVersion: r.s.cfg.Version, ExportedAt: r.at.UTC(), Tenant: manifestTenant{ID: r.p.Tenant, Slug: r.slug, Name: r.name},
		Scope: r.req.Scope, Format: r.req.Format, Request: r.req.public(), Tables: b.listed, Files: files, Warnings: r.warned(),
		EscapeFormulas: r.req.EscapeFormulas, Encrypted: r.req.Encrypt != nil,
	})
}

func (b *bundled) stop() { b.bundle.stop() }

// jsonlEncoder writes a file of lines a table, each the object that row_to_json prints.
type jsonlEncoder struct{ bundled }

func (e *jsonlEncoder) begin(t planned) error { return e.beginFile(t, "tables/"+t.Name+".jsonl") }

func (e *jsonlEncoder) rows(t planned) rowEncoder {
	cols := e.r.columnsOf(t, rowAlias, pgcodec.JSONColumn)
	return rowEncoder{sql: selectRows(t, cols), add: func(dst []byte, raw [][]byte) ([]byte, error) {
		start := len(dst)
		dst, err := pgcodec.AppendJSONRow(dst, cols, raw)
		if err != nil {
			return dst, err //nolint:wrapcheck // names the column
		}
		pgcodec.OneLine(dst[start:])
		return append(dst, '\n'), nil
	}}
}

// csvEncoder writes a file a table, as COPY (FORMAT csv, HEADER) does.
type csvEncoder struct{ bundled }

func (e *csvEncoder) begin(t planned) error {
	if err := e.beginFile(t, t.Name+".csv"); err != nil {
		return err
	}
	names := e.r.columnsOf(t, rowAlias, pgcodec.TextColumn)
	if e.r.req.EscapeFormulas {
		for i, c := range names {
			if tabular.StartsFormula([]byte(c.Name)) {
				names[i].Name = "'" + c.Name
			}
		}
	}
	return e.write(append(pgcodec.AppendCSVHeader(nil, names), '\n'))
}

func (e *csvEncoder) rows(t planned) rowEncoder {
	cols := e.r.columnsOf(t, rowAlias, pgcodec.TextColumn)
	if e.r.req.EscapeFormulas {
		for i, c := range t.columns {
			if !isNumber(c) {
				cols[i] = cols[i].With(escaped(cols[i].Append))
			}
		}
	}
	return rowEncoder{sql: selectRows(t, cols), add: func(dst []byte, raw [][]byte) ([]byte, error) {
		dst, err := pgcodec.AppendCSVRow(dst, cols, raw)
		return append(dst, '\n'), err //nolint:wrapcheck // names the column
	}}
}

// escaped puts an apostrophe before what f prints where a spreadsheet program would take it for a formula.
func escaped(f pgcodec.AppendFunc) pgcodec.AppendFunc {
	return func(dst, raw []byte) ([]byte, error) {
		start := len(dst)
		dst, err := f(dst, raw)
		if err == nil && tabular.StartsFormula(dst[start:]) {
			dst = append(dst, 0)
			copy(dst[start+1:], dst[start:])
			dst[start] = '\''
		}
		return dst, err
	}
}
