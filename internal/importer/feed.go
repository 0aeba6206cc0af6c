package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"wharf/internal/catalog"
	"wharf/internal/objectstore"
	"wharf/internal/tabular"
)

// storedFile is an object as a source of rows.
type storedFile struct {
	store *objectstore.Store
	name  string
	key   string
	bytes int64
}

func (f storedFile) Name() string { return f.name }
func (f storedFile) Size() int64  { return f.bytes }

func (f storedFile) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	body, _, err := f.store.Get(ctx, f.key, offset, -1)
	if err != nil {
		return nil, fmt.Errorf("importer: open stored file: %w", err)
	}
	return body, nil
}

// feed gives a file's rows in the columns of the run's shape.
type feed struct {
	run    *run
	reader tabular.Reader
	file   tabular.Batch
	ahead  bool  // file holds rows that next has yet to give
	err    error // that came with them
	arena  []byte
}

func (r *run) source() storedFile {
	return storedFile{store: r.s.cfg.Objects, name: r.row.FileName, key: r.row.FileKey, bytes: r.row.FileBytes}
}

// feed opens the stored file. The caller closes.
func (r *run) feed(ctx context.Context) (*feed, error) {
	reader, err := tabular.Open(ctx, r.source(), r.options)
	if err != nil {
		return nil, err //nolint:wrapcheck // names its place
	}
	return &feed{run: r, reader: reader}, nil
}

func (f *feed) close() { _ = f.reader.Close() } // read only

// readAhead reads the first rows, by whose values columns are told apart.
func (f *feed) readAhead() error {
	f.ahead = true
	f.err = f.reader.Next(&f.file)
	if errors.Is(f.err, io.EOF) {
		return nil
	}
	return f.err //nolint:wrapcheck // names its place
}

// next fills b with the next rows; io.EOF at the end.
func (f *feed) next(b *tabular.Batch) error {
	if !f.ahead {
		f.err = f.reader.Next(&f.file)
	}
	f.ahead = false
	if f.err != nil {
		return f.err //nolint:wrapcheck // io.EOF, or an error that names its place
	}
	f.file.DropEmptyRows()
	f.arena = f.run.shape.project(b, &f.file, f.arena)
	for i := range b.Errors {
		if e := &b.Errors[i]; e.Col >= 0 { // the reader does not know what people call the column
			e.Message = f.run.shape.fields[e.Col].Label() + " " + e.Message
		}
	}
	f.guard(b)
	return nil
}

// damaged stands where a reader found bytes that are no character.
var damaged = []byte("\uFFFD")

// guard marks cells that look good and are not what they seem: in an error report that came back, what was damaged in the
// file; in a column that no export shows, what an export shows instead.
func (f *feed) guard(b *tabular.Batch) {
	isReport := f.run.memory != nil && f.run.memory.Report != nil
	for c, field := range f.run.shape.fields {
		secret := f.run.shape.secret[field.Name]
		if !isReport && !secret {
			continue
		}
		for r := range b.Lines {
			cell := &b.Row(r)[c]
			switch {
			case isReport && bytes.Contains(*cell, damaged):
				f.mark(b, r, c, "encoding", " still has the mark of a damaged character: write the text anew")
			case secret && string(*cell) == catalog.Redacted && f.run.def.Destination.Blank == "clear":
				f.mark(b, r, c, "redacted", " holds what an export shows in place of the secret: give the secret itself")
			case secret && string(*cell) == catalog.Redacted:
				*cell = nil // what is there stays
			}
		}
	}
}

func (f *feed) mark(b *tabular.Batch, row, col int, rule, message string) {
	b.Errors = append(b.Errors, tabular.CellError{Row: row, Col: col, Rule: rule, Message: f.run.shape.fields[col].Label() + message})
}
