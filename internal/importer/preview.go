package importer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"wharf/internal/fault"
	"wharf/internal/load"
	"wharf/internal/mapping"
	"wharf/internal/rowprogram"
	"wharf/internal/tabular"
	"wharf/internal/tenancy"
)

// Preview is what an import of a file would begin with.
type Preview struct {
	UploadID uuid.UUID          `json:"upload_id"` // the file is kept: an import may name it instead of sending it again
	File     File               `json:"file"`
	Columns  []PreviewColumn    `json:"columns"`
	Mapping  map[string]*string `json:"mapping"`  // header → field; nil: not taken
	Rows     []ReviewRow        `json:"rows"`     // the first, checked as an import checks them
	Problems []fault.Field      `json:"problems"` // what would keep the import from beginning; e.g. a required field without a column
}

// PreviewColumn is a column of the file.
type PreviewColumn struct {
	Header     string         `json:"header"`
	Samples    []string       `json:"samples"`    // its first values that differ
	Field      *string        `json:"field"`      // nil: not taken
	Confidence float64        `json:"confidence"` // 0–1; 1 where a person chose
	Reason     mapping.Reason `json:"reason"`     // exact, name, alias, similar, values; "given", "remembered"
}

const (
	previewRead    = 200 // rows that are looked at
	previewRows    = 20  // rows that are shown
	previewSamples = 5

	given      mapping.Reason = "given"
	remembered mapping.Reason = "remembered"
)

// Preview reads the head of an upload as an import with the request would. Nothing is created. Errors about the file or the
// request are as Start's and Run's.
func (s *Service) Preview(ctx context.Context, p tenancy.Principal, req Request) (Preview, error) {
	def, err := s.definition(ctx, p, req)
	if err != nil {
		return Preview{}, err
	}
	file, name, err := s.UploadedFile(ctx, p, *req.Upload)
	if err != nil {
		return Preview{}, err
	}
	r := &run{
		s: s, p: p, def: def, asked: normalise(req.Mapping), options: req.Options,
		row: row{ImporterID: req.ImporterID, RequestedBy: p.Actor, FileName: name, FileKey: file.Key, FileBytes: file.Bytes},
	}
	r.options.Limits, r.options.BatchRows = s.cfg.Limits, previewRead
	f, err := r.feed(ctx)
	if err != nil {
		return Preview{}, err
	}
	defer f.close()
	if err := f.readAhead(); err != nil {
		return Preview{}, err
	}
	r.header, r.found.Info = f.reader.Header(), f.reader.Info()
	out := Preview{UploadID: *req.Upload, Rows: []ReviewRow{}, Problems: []fault.Field{}}
	columns, err := r.previewColumns(ctx, f, &out)
	if err != nil {
		return Preview{}, err
	}
	if err := r.previewRows(ctx, f, columns, &out); err != nil {
		return Preview{}, err
	}
	out.File = File{Name: name, Bytes: file.Bytes, SHA256: file.SHA256, Found: r.found}
	return out, nil
}

// previewColumns maps the columns and tells why.
func (r *run) previewColumns(ctx context.Context, f *feed, out *Preview) (columns mapping.Columns, err error) {
	err = tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		columns, err = r.match(ctx, tx, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	reason := remembered
	if r.asked != nil {
		reason = given
	}
	out.Mapping = map[string]*string{}
	names := columns.Names(r.header, r.def.Fields)
	for c, header := range r.header {
		col := PreviewColumn{Header: header, Samples: samples(&f.file, c)}
		if name := names[header]; name != "" {
			col.Field, col.Confidence, col.Reason = &name, 1, reason
		}
		if r.proposal != nil {
			col.Confidence, col.Reason = r.proposal.Matches[c].Confidence, r.proposal.Matches[c].Reason
		}
		out.Mapping[header] = col.Field
		out.Columns = append(out.Columns, col)
	}
	return columns, nil
}

func samples(b *tabular.Batch, column int) []string {
	out := []string{}
	seen := map[string]bool{}
	for r := 0; r < b.Len() && len(out) < previewSamples; r++ {
		if cell := string(b.Row(r)[column]); cell != "" && !seen[cell] {
			seen[cell] = true
			out = append(out, cell)
		}
	}
	return out
}

// previewRows checks the rows that were read. What the columns decide is decided from these alone.
func (r *run) previewRows(ctx context.Context, f *feed, columns mapping.Columns, out *Preview) error {
	err := tenancy.Tx(ctx, r.s.cfg.DB, r.p, func(ctx context.Context, tx pgx.Tx) error {
		table, err := r.s.table(ctx, tx, r.def.Destination)
		if err != nil {
			return err
		}
		return r.compile(columns, table)
	})
	if fault.CodeOf(err) == fault.Invalid { // the mapping can still be mended: the preview says how
		e, _ := fault.As(err)
		if out.Problems = e.Fields; len(e.Fields) == 0 {
			out.Problems = []fault.Field{{Field: "mapping", Message: e.Message}}
		}
		if r.shape == nil {
			return nil
		}
	} else if err != nil {
		return err
	}
	var b tabular.Batch
	if err := f.next(&b); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	err = r.program.Apply(&b)
	if errors.Is(err, rowprogram.ErrUndecided) {
		r.shape.project(&b, &f.file, nil)
		r.program.Survey(&b)
		r.found.Decisions = r.program.Decide()
		err = r.program.Apply(&b)
	}
	if err != nil {
		return fmt.Errorf("importer: check rows: %w", err)
	}
	out.Rows = r.shown(&b)
	return nil
}

func (r *run) shown(b *tabular.Batch) []ReviewRow {
	rows := make([]ReviewRow, 0, previewRows)
	for n := range min(b.Len(), previewRows) {
		row := ReviewRow{Row: b.Lines[n], Values: map[string]string{}, Errors: []RowError{}}
		for i, f := range r.shape.fields {
			row.Values[f.Name] = string(b.Row(n)[i])
		}
		rows = append(rows, row)
	}
	for _, e := range b.Errors {
		if e.Row >= len(rows) {
			continue
		}
		field := ""
		if e.Col >= 0 {
			f := r.shape.fields[e.Col]
			if field = f.Name; r.shape.secret[field] || r.shape.sealed[field] {
				e = load.Hidden(e, f.Label())
			}
		}
		rows[e.Row].Errors = append(rows[e.Row].Errors, RowError{Row: rows[e.Row].Row, Field: field, Message: e.Message, Value: e.Value})
	}
	return rows
}
