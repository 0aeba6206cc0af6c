package exporter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/catalog"
	"wharf/internal/pgcodec"
	"wharf/internal/tabular"
)

// xlsxEncoder writes a workbook, a sheet a table. Cells come from the readers as text behind its length; the sheet's XML is
// made where the workbook is written, since a cell's reference depends on its sheet.
type xlsxEncoder struct {
	r     *run
	book  *tabular.XLSXWriter
	table string
	kinds []cellKind
	cut   int // texts of the table that were cut
}

// cellKind is what a column's texts are in a workbook.
type cellKind byte

const (
	textCell cellKind = iota
	numberCell
	dateCell
	boolCell
)

func newXLSXEncoder(r *run, out io.Writer) *xlsxEncoder {
	e := &xlsxEncoder{r: r, book: tabular.NewXLSXWriter(out)}
	if e.book.EscapeFormulas = r.req.EscapeFormulas; r.req.EscapeFormulas { // there is no manifest to note it in
		r.warn("texts that look like formulas bear an apostrophe, as was asked for")
	}
	return e
}

func isNumber(c *catalog.Column) bool {
	switch c.Kind {
	case catalog.KindInteger, catalog.KindNumeric, catalog.KindFloat:
		return !c.Tags.Redact && !c.Tags.Encrypted
	}
	return false
}

func cellKindOf(c *catalog.Column) cellKind {
	switch {
	case c.Tags.Redact || c.Tags.Encrypted:
		return textCell
	case isNumber(c):
		return numberCell
	case c.Kind == catalog.KindBoolean:
		return boolCell
	case c.Kind == catalog.KindDate, c.Kind == catalog.KindTimestamp, c.Kind == catalog.KindTimestampTZ, c.BaseOID == pgtype.TimeOID:
		return dateCell
	}
	return textCell
}

const nullCell = math.MaxUint32 // in the place of a length

// rows frames each cell: four bytes of its length, and its text.
func (e *xlsxEncoder) rows(t planned) rowEncoder {
	cols := e.r.columnsOf(t, rowAlias, pgcodec.TextColumn)
	return rowEncoder{sql: selectRows(t, cols), add: func(dst []byte, raw [][]byte) ([]byte, error) {
		for i := range cols {
			start := len(dst)
			dst = binary.LittleEndian.AppendUint32(dst, nullCell)
			if raw[i] == nil {
				continue
			}
			var err error
			if dst, err = cols[i].Append(dst, raw[i]); err != nil {
				return dst, fmt.Errorf("column %s: %w", cols[i].Name, err)
			}
			binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4)) //nolint:gosec // Postgres's values end at 1 GB
		}
		return dst, nil
	}}
}

func (e *xlsxEncoder) begin(t planned) error {
	e.table, e.kinds, e.cut = t.Name, e.kinds[:0], 0
	names := make([]string, 0, len(t.columns))
	for _, c := range t.columns {
		names = append(names, c.Name)
		e.kinds = append(e.kinds, cellKindOf(c))
	}
	return e.judge(e.book.Sheet(tabular.XLSXSheet{Name: t.Name, Columns: names}))
}

func (e *xlsxEncoder) write(chunk []byte) error {
	for len(chunk) > 0 {
		for _, kind := range e.kinds {
			n := binary.LittleEndian.Uint32(chunk)
			chunk = chunk[4:]
			if n == nullCell {
				e.book.Empty()
				continue
			}
			e.cell(kind, chunk[:n])
			chunk = chunk[n:]
		}
		if err := e.judge(e.book.EndRow()); err != nil {
			return err
		}
	}
	return nil
}

func (e *xlsxEncoder) cell(kind cellKind, text []byte) {
	switch kind {
	case numberCell:
		e.book.Number(text)
	case dateCell:
		e.book.Date(text)
	case boolCell:
		e.book.Bool(text[0] == 't')
	default:
		e.book.Text(text)
	}
}

// judge makes a warning of the first text of a table that was too long for a cell, and counts the others.
func (e *xlsxEncoder) judge(err error) error {
	var long *tabular.CellTooLongError
	if !errors.As(err, &long) {
		return err //nolint:wrapcheck // the workbook's own sentence
	}
	if e.cut++; e.cut == 1 {
		e.r.warn(long.Error())
	}
	return nil
}

func (e *xlsxEncoder) end(int64) {
	if e.cut > 1 {
		e.r.warn(fmt.Sprintf("%s: texts in %d rows in all were cut to what a cell holds; another format has them whole", e.table, e.cut))
	}
}

func (e *xlsxEncoder) close(context.Context, pgx.Tx) error { return e.book.Close() } //nolint:wrapcheck // the workbook's own sentence

func (e *xlsxEncoder) stop() { _ = e.book.Close() } // who stops knows of an error already
