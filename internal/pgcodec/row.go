package pgcodec

import (
	"bytes"
	"fmt"
)

// Column is one column of an export: what to select, and how to print it.
type Column struct {
	Name   string     // as in the database
	SQL    string     // the expression to select; its result is asked for in binary
	Append AppendFunc // prints a value that is not NULL: as JSON or as text, whichever it was planned for
	key    []byte     // the name as a JSON key, colon included
	plain  bool       // the text never needs quotes in CSV
}

// JSONColumn plans a column whose values are printed as JSON.
//
// expr reads it in SQL, quoted: t."order". oid is that of the type below domains; pgtype.TextOID for an enum, citext and
// whatever else is sent as its own text. A type without a decoder here is turned into JSON by the server.
func JSONColumn(name, expr string, oid uint32) Column {
	c := Column{Name: name, SQL: expr, key: append(AppendJSONString(nil, []byte(name)), ':')}
	if known, ok := codecOf(oid); ok {
		c.Append = known.json
		return c
	}
	c.SQL = "pg_catalog.to_json(" + expr + ")::pg_catalog.text"
	c.Append = appendText // JSON already
	return c
}

// TextColumn plans a column whose values are printed as text, for CSV or a workbook. Arguments are as for JSONColumn.
//
// A type without a decoder here is printed by the server. concat does it by the type's output function, as COPY does;
// a cast to text may be a function of the type's own that prints something else.
func TextColumn(name, expr string, oid uint32) Column {
	c := Column{Name: name, SQL: expr}
	if known, ok := codecOf(oid); ok {
		c.Append, c.plain = known.text, known.plain
		return c
	}
	c.SQL = "CASE WHEN " + expr + " IS DISTINCT FROM NULL THEN pg_catalog.concat(" + expr + ") END"
	c.Append = appendText
	return c
}

// With gives the column printed by f instead, e.g. decrypted or redacted; the SQL stays.
func (c Column) With(f AppendFunc) Column {
	c.Append, c.plain = f, false
	return c
}

// AppendJSONRow appends a row as an object, as row_to_json prints it, without a newline. raw has a value for each of
// cols, which JSONColumn planned; nil is NULL. The error names the column and wraps ErrCorrupt, or what a With returned.
func AppendJSONRow(dst []byte, cols []Column, raw [][]byte) ([]byte, error) {
	if len(cols) != len(raw) {
		return dst, fmt.Errorf("row of %d values for %d columns: %w", len(raw), len(cols), ErrCorrupt)
	}
	dst = append(dst, '{')
	for i := range cols {
		c := &cols[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c.key...)
		if raw[i] == nil {
			dst = append(dst, "null"...)
			continue
		}
		var err error
		if dst, err = c.Append(dst, raw[i]); err != nil {
			return dst, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return append(dst, '}'), nil
}

// OneLine makes one line of what AppendJSONRow printed, in place: a json value comes with the line breaks it was stored
// with. They are white space there, as a string holds them escaped.
func OneLine(row []byte) {
	for _, lineBreak := range []byte{'\n', '\r'} {
		for rest := row; ; {
			i := bytes.IndexByte(rest, lineBreak)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// AppendCSVRow appends a row as COPY (FORMAT csv) writes it, without a newline. Arguments and errors are as for
// AppendJSONRow, with columns that TextColumn planned.
func AppendCSVRow(dst []byte, cols []Column, raw [][]byte) ([]byte, error) {
	if len(cols) != len(raw) {
		return dst, fmt.Errorf("row of %d values for %d columns: %w", len(raw), len(cols), ErrCorrupt)
	}
	for i := range cols {
		c := &cols[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		if raw[i] == nil {
			continue
		}
		start := len(dst)
		var err error
		if dst, err = c.Append(dst, raw[i]); err != nil {
			return dst, fmt.Errorf("column %s: %w", c.Name, err)
		}
		if !c.plain {
			dst = quoteCSV(dst, start, len(cols) == 1)
		}
	}
	return dst, nil
}

// AppendCSVHeader appends the names of the columns as COPY (FORMAT csv, HEADER) does, without a newline.
func AppendCSVHeader(dst []byte, cols []Column) []byte {
	for i := range cols {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendCSVField(dst, []byte(cols[i].Name), len(cols) == 1)
	}
	return dst
}
