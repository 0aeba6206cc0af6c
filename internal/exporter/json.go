package exporter

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/catalog"
	"wharf/internal/pgcodec"
)

// Redacted stands in every export where a secret was.
const Redacted = "[redacted on export]"

// columnsOf plans how each column of a table is selected and printed.
func columnsOf(t *catalog.Table) []pgcodec.Column {
	cols := make([]pgcodec.Column, 0, len(t.Columns))
	for _, c := range t.Columns {
		expr := "x." + c.Ident()
		if c.Tags.Redact { // the secret itself is not even read
			expr = "CASE WHEN " + expr + " IS NOT NULL THEN '" + Redacted + "'::text END"
			cols = append(cols, pgcodec.JSONColumn(c.Name, expr, pgtype.TextOID))
			continue
		}
		cols = append(cols, pgcodec.JSONColumn(c.Name, expr, codecOID(c)))
	}
	return cols
}

// codecOID is the type that a column's values are sent as: that of an enum, or of an extension's text, is text.
func codecOID(c *catalog.Column) uint32 {
	if c.Kind == catalog.KindEnum {
		return pgtype.TextOID
	}
	if _, known := pgcodec.JSON(c.BaseOID); !known && c.Kind == catalog.KindText {
		return pgtype.TextOID
	}
	return c.BaseOID
}

func selectTable(t *catalog.Table, cols []pgcodec.Column) string {
	exprs := make([]string, 0, len(cols))
	for _, c := range cols {
		exprs = append(exprs, c.SQL)
	}
	return "SELECT " + strings.Join(exprs, ", ") + " FROM " + t.Ident() + " x WHERE " + t.TenantPredicate("x", "$1")
}

// qualified quotes "schema.table".
func qualified(name string) string { return pgx.Identifier(strings.SplitN(name, ".", 2)).Sanitize() }

// writer writes one JSON object whose members are values or arrays of rows, a row a line.
type writer struct {
	out   io.Writer
	buf   []byte
	comma bool // before the next member
	first bool // row of the open array
}

// flushAt is how much is encoded before it is handed on, in bytes.
const flushAt = 64 << 10

func newWriter(out io.Writer) *writer {
	return &writer{out: out, buf: append(make([]byte, 0, flushAt+flushAt/2), '{')}
}

func (w *writer) key(name string) {
	if w.comma {
		w.buf = append(w.buf, ',', '\n')
	}
	w.comma = true
	w.buf = append(pgcodec.AppendJSONString(w.buf, []byte(name)), ':')
}

func (w *writer) value(v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("exporter: encode: %w", err)
	}
	w.buf = append(w.buf, doc...)
	return nil
}

func (w *writer) beginTable(name string) {
	w.key(name)
	w.buf = append(w.buf, '[')
	w.first = true
}

func (w *writer) row(cols []pgcodec.Column, raw [][]byte) error {
	if !w.first {
		w.buf = append(w.buf, ',')
	}
	w.first = false
	w.buf = append(w.buf, '\n')
	var err error
	if w.buf, err = pgcodec.AppendJSONRow(w.buf, cols, raw); err != nil {
		return err //nolint:wrapcheck // names the column
	}
	if len(w.buf) >= flushAt {
		return w.flush()
	}
	return nil
}

func (w *writer) endTable() { w.buf = append(w.buf, ']') }

func (w *writer) end() error {
	w.buf = append(w.buf, '}', '\n')
	return w.flush()
}

func (w *writer) flush() error {
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err //nolint:wrapcheck // the pipe's own
}
