package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"wharf/internal/load"
	"wharf/internal/objectstore"
	"wharf/internal/tabular"
)

// The formats that files come out in, by that of the file that went in: its ending, and its content type.
var outFormats = map[string]struct{ ending, contentType string }{
	"csv":   {".csv", "text/csv; charset=utf-8"},
	"tsv":   {".tsv", "text/tab-separated-values; charset=utf-8"},
	"xlsx":  {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	"json":  {".json", "application/json"},
	"jsonl": {".jsonl", "application/x-ndjson"},
}

// outName gives the name under which a file that comes of an import is saved: "contacts.csv.gz" → "contacts-errors.csv".
func outName(file, what, format string) string {
	base := file
	for range 2 {
		switch ext := strings.ToLower(path.Ext(base)); ext {
		case ".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".json", ".jsonl", ".ndjson", ".gz", ".zip":
			base = base[:len(base)-len(ext)]
		}
	}
	return base + "-" + what + outFormats[format].ending
}

// put streams what write gives into the store, and answers its key.
func (r *run) put(ctx context.Context, what string, opts tabular.WriteOptions, write func(w tabular.RowWriter) error) (string, error) {
	format := outFormats[r.found.Format]
	key := objectstore.Key(r.p.Tenant, what, outName(r.row.FileName, what, r.found.Format))
	obj, err := objectstore.Piped(func(w io.Writer) error { return r.write(w, opts, write) }, func(body io.Reader) (objectstore.Object, error) {
		obj, err := r.s.cfg.Objects.Put(ctx, key, format.contentType, body)
		if err != nil {
			return obj, fmt.Errorf("importer: store %s: %w", what, err)
		}
		return obj, nil
	})
	return obj.Key, err //nolint:wrapcheck // both sides say what failed
}

func (r *run) write(w io.Writer, opts tabular.WriteOptions, rows func(w tabular.RowWriter) error) error {
	opts.Delimiter, opts.Sheet = r.found.Delimiter, r.found.Sheet
	out, err := tabular.NewRowWriter(w, r.found.Format, opts)
	if err != nil {
		return fmt.Errorf("importer: write rows: %w", err)
	}
	if err := rows(out); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("importer: write rows: %w", err)
	}
	return nil
}

// The columns that an error report adds behind the file's own.
const (
	reportRow    = "row"
	reportErrors = "errors"
)

// ownColumns are the file's columns but those that a report added, if it is one.
func (r *run) ownColumns(header []string) (own []int) {
	for c, h := range header {
		if r.memory == nil || !slices.Contains(r.memory.Report, h) {
			own = append(own, c)
		}
	}
	return own
}

// reportHeader gives the report's header, and which of its columns it adds: they go by other names where the file has theirs.
func (r *run) reportHeader(header []string) (all, added []string) {
	taken := map[string]bool{}
	for _, c := range r.ownColumns(header) {
		all = append(all, header[c])
		taken[strings.ToLower(header[c])] = true
	}
	added = []string{distinct(reportRow, taken), distinct(reportErrors, taken)}
	return append(all, added...), added
}

// putReport stores the rows that failed as the file had them, with their row number and errors behind: a person mends it
// and uploads it again.
func (r *run) putReport(ctx context.Context, tx pgx.Tx) (string, error) {
	return r.put(ctx, kindErrors, tabular.WriteOptions{}, func(w tabular.RowWriter) error {
		f, err := r.feed(ctx)
		if err != nil {
			return err
		}
		defer f.close()
		header, added := r.reportHeader(f.reader.Header())
		width := len(header) - len(added)
		if err := w.Header(header); err != nil {
			return fmt.Errorf("importer: write report: %w", err)
		}
		rows := fileRows{feed: f}
		cells, kinds := make([][]byte, width+2), make([]tabular.Kind, width+2)
		kinds[width] = tabular.Number
		own := r.ownColumns(f.reader.Header())
		return load.EachError(ctx, tx, r.staging, func(line int64, errs []load.RowError) error {
			if err := rows.seek(line, own, cells, kinds); err != nil {
				return err
			}
			cells[width] = strconv.AppendInt(cells[width][:0], line, 10)
			cells[width+1] = messages(errs)
			return writeRow(w, cells, kinds)
		})
	})
}

// writeRow adds a row. What is too long for a workbook's cell is cut: the file it comes from still has it.
func writeRow(w tabular.RowWriter, cells [][]byte, kinds []tabular.Kind) error {
	var cut *tabular.CellTooLongError
	if err := w.Row(cells, kinds); err != nil && !errors.As(err, &cut) {
		return fmt.Errorf("importer: write row: %w", err)
	}
	return nil
}

// fileRows walks a file's rows by their numbers.
type fileRows struct {
	feed *feed
	row  int
}

// seek puts the own columns' cells of the row numbered line into cells; lines come in ascending order.
func (f *fileRows) seek(line int64, own []int, cells [][]byte, kinds []tabular.Kind) error {
	file := &f.feed.file
	for {
		for ; f.row < len(file.Lines); f.row++ {
			if file.Lines[f.row] != line {
				continue
			}
			row := file.Row(f.row)
			for i, c := range own {
				cells[i], kinds[i] = row[c], tabular.Text
				if file.Kinds != nil {
					kinds[i] = file.Kinds[f.row*file.Cols+c]
				}
			}
			return nil
		}
		f.row = 0
		if err := f.feed.reader.Next(file); err != nil {
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("importer: row %d is not in the stored file any more", line)
			}
			return err //nolint:wrapcheck // names its place
		}
	}
}

// messages joins errors for people.
func messages(errs []load.RowError) []byte {
	var b bytes.Buffer
	for i, e := range errs {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(e.Message)
		if e.Rule == tabular.Ragged && e.Value != "" { // there is no column to show them in
			b.WriteString(": " + e.Value)
		}
	}
	return b.Bytes()
}
