package exporter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"wharf/internal/catalog"
	"wharf/internal/fault"
	"wharf/internal/fieldcrypt"
	"wharf/internal/pgcodec"
)

// encoder writes one format. Rows become bytes where they are read, by several readers at a time; what comes of them is
// written by one goroutine in the order of the plan:
//
//	begin(t), write(…) for each chunk that came of rows(t), end(rows), and after the last table close
//
// close may read more in the snapshot. stop ends it in every case, also after close; nothing is written to the writer below after it.
type encoder interface {
	rows(t planned) rowEncoder
	begin(t planned) error
	write(chunk []byte) error
	end(rows int64)
	close(ctx context.Context, tx pgx.Tx) error
	stop()
}

// rowEncoder makes the bytes of one table's rows: sql selects them, and add appends what a row is in this format. raw has a
// value of Postgres's binary form for each column; nil is NULL. One reader uses it.
type rowEncoder struct {
	sql    string
	add    func(dst []byte, raw [][]byte) ([]byte, error)
	finish func(dst []byte) []byte // appends what the last row left open; nil: nothing
	nested map[string]int64        // how many of the rows were of tables that sit inside the table's; nil: none do
}

// newEncoder begins the object of the run's format on out.
func (r *run) newEncoder(out io.Writer) (encoder, error) {
	switch r.req.Format {
	case FormatJSON, FormatDump:
		return newJSONEncoder(r, out)
	case FormatJSONL:
		return &jsonlEncoder{bundled{r: r, bundle: newBundle(out, r.at)}}, nil
	case FormatCSV:
		return &csvEncoder{bundled{r: r, bundle: newBundle(out, r.at)}}, nil
	case FormatXLSX:
		return newXLSXEncoder(r, out), nil
	}
	return nil, fault.Newf(fault.Invalid, "rows cannot be exported as %q", r.req.Format)
}

// columnPlan is pgcodec.JSONColumn or pgcodec.TextColumn.
type columnPlan func(name, expr string, oid uint32) pgcodec.Column

// columnsOf plans how each column of a table is selected from the row of alias, and printed.
func (r *run) columnsOf(t planned, alias string, plan columnPlan) []pgcodec.Column {
	cols := make([]pgcodec.Column, 0, len(t.columns))
	for _, c := range t.columns {
		expr := alias + "." + c.Ident()
		switch {
		case c.Tags.Redact: // the secret itself is not even read
			expr = "CASE WHEN " + expr + " IS NOT NULL THEN '" + catalog.Redacted + "'::text END"
			cols = append(cols, plan(c.Name, expr, pgtype.TextOID))
		case c.Tags.Encrypted:
			text := plan(c.Name, expr, pgtype.TextOID)
			cols = append(cols, text.With(r.opened(t.Table, c, text.Append)))
		default:
			cols = append(cols, r.users.noted(c, plan(c.Name, expr, codecOID(c))))
		}
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

// opened prints what a sealed value holds: as text or, where it is none, as Postgres prints bytes.
func (r *run) opened(t *catalog.Table, c *catalog.Column, text pgcodec.AppendFunc) pgcodec.AppendFunc {
	place := fieldcrypt.Column{Tenant: r.p.Tenant, Table: t.Schema + "." + t.Relation, Column: c.Name}
	hex, _ := pgcodec.Text(pgtype.ByteaOID)
	var plain, printed []byte
	return func(dst, raw []byte) ([]byte, error) {
		var err error
		if plain, err = r.s.cfg.Crypt.Open(plain[:0], raw, place); errors.Is(err, fieldcrypt.ErrOpen) {
			return dst, fault.Wrap(err, fault.Conflict,
				fmt.Sprintf("%s.%s holds a value that the keys in WHARF_FIELD_KEYS do not open; nothing was exported", t.Name, c.Name))
		} else if err != nil {
			return dst, err //nolint:wrapcheck // a sentence of its own
		}
		if utf8.Valid(plain) {
			return text(dst, plain)
		}
		if printed, err = hex(printed[:0], plain); err != nil {
			return dst, err //nolint:wrapcheck // of a bytea there is none
		}
		return text(dst, printed)
	}
}

// selectRows gives the statement that reads a table's rows.
func selectRows(t planned, cols []pgcodec.Column) string {
	return "SELECT " + selected(cols) + " FROM " + t.Ident() + " x WHERE " + t.where
}

// selected gives the columns as they are selected.
func selected(cols []pgcodec.Column) string {
	exprs := make([]string, 0, len(cols))
	for _, c := range cols {
		exprs = append(exprs, c.SQL)
	}
	return strings.Join(exprs, ", ")
}
