package tabular

import (
	"errors"
	"io"

	"wharf/internal/fault"
)

// RowWriter writes a table as a file that Open reads back: the same header, the same cells, of the same kind where the
// format has kinds. It is for files of people, who mend them and upload them again. It is not safe for concurrent use.
type RowWriter interface {
	// Header comes first, and once. Names are different from each other and not blank, as a Reader gives them.
	Header(names []string) error
	// Row adds a row: at most as many cells as there are names, the others are empty. kinds is nil (all Text), or one a
	// cell. In a workbook a text may be too long for a cell: it is then cut, the error is a *CellTooLongError, and the
	// caller may go on. Other errors are those of the writer below, or say that the row does not fit, and stay.
	Row(cells [][]byte, kinds []Kind) error
	// Close ends the file, but not the writer below. It is safe to call twice. Call it also when giving up.
	Close() error
}

// WriteOptions shape what NewRowWriter writes.
type WriteOptions struct {
	Delimiter      string // of csv, as in Options and Info; "" is a comma
	Sheet          string // of xlsx
	Rows           int64  // of xlsx: as in XLSXSheet
	Unmarked       bool   // of csv and tsv: for programs, without the byte order mark
	EscapeFormulas bool   // of csv, tsv and xlsx: an apostrophe before cells that are no numbers and for which StartsFormula holds
}

// byteOrderMark tells spreadsheet programs that a text is UTF-8.
const byteOrderMark = "\ufeff"

var (
	errNoHeader   = errors.New("tabular: a row needs a header before it")
	errSurplusRow = errors.New("tabular: a row has more cells than the header has names")
)

// NewRowWriter returns a writer to w of a format as Info has it: "csv", "tsv", "xlsx", "jsonl" or "json".
//
//   - csv and tsv begin with a byte order mark, by which spreadsheet programs know UTF-8, unless they are to be Unmarked.
//   - In xlsx numbers, dates, booleans and errors are such; all else is text and stays it.
//   - jsonl and json hold one object a row. Numbers and booleans are literals; a cell that is nil is null.
//
// An unknown format and a delimiter that cannot be used are fault.Invalid.
func NewRowWriter(w io.Writer, format string, opts WriteOptions) (RowWriter, error) {
	switch format {
	case "tsv":
		return newCSVRows(w, '\t', opts), nil
	case "csv":
		if opts.Delimiter == "" {
			return newCSVRows(w, ',', opts), nil
		}
		delim, err := delimiterNamed(opts.Delimiter)
		if err != nil {
			return nil, err
		}
		return newCSVRows(w, delim, opts), nil
	case "xlsx":
		x := NewXLSXWriter(w)
		x.EscapeFormulas = opts.EscapeFormulas
		return &xlsxRows{XLSXWriter: x, opts: opts}, nil
	case "jsonl", "json":
		return &jsonRows{w: w, array: format == "json"}, nil
	}
	return nil, fault.Newf(fault.Invalid, "rows cannot be written as %q: use csv, tsv, xlsx, jsonl or json", format)
}

// csvRows writes delimited text.
type csvRows struct {
	*CSVWriter
	unmarked bool
	escape   bool
	names    int
	row      [][]byte
	scratch  []byte
}

func newCSVRows(w io.Writer, delim byte, opts WriteOptions) *csvRows {
	return &csvRows{CSVWriter: NewCSVWriter(w, delim), unmarked: opts.Unmarked, escape: opts.EscapeFormulas}
}

func (c *csvRows) Header(names []string) error {
	c.names = len(names)
	if !c.unmarked {
		c.buf = append(c.buf, byteOrderMark...)
	}
	cells := make([][]byte, len(names))
	for i, n := range names {
		cells[i] = []byte(n)
	}
	return c.Row(cells, nil)
}

func (c *csvRows) Row(cells [][]byte, kinds []Kind) error {
	if len(cells) > c.names && c.err == nil {
		c.err = errSurplusRow
	}
	c.row, c.scratch = append(c.row[:0], cells...), c.scratch[:0]
	for len(c.row) < c.names {
		c.row = append(c.row, nil)
	}
	if c.escape {
		for i, cell := range cells {
			if (kinds == nil || kinds[i] != Number) && StartsFormula(cell) {
				from := len(c.scratch)
				c.scratch = append(append(c.scratch, '\''), cell...)
				c.row[i] = c.scratch[from:len(c.scratch):len(c.scratch)]
			}
		}
	}
	return c.Write(c.row)
}

func (c *csvRows) Close() error { return c.Flush() }

// xlsxRows writes a workbook of one sheet.
type xlsxRows struct {
	*XLSXWriter
	opts WriteOptions
}

func (x *xlsxRows) Header(names []string) error {
	return x.Sheet(XLSXSheet{Name: x.opts.Sheet, Columns: names, Rows: x.opts.Rows})
}

func (x *xlsxRows) Row(cells [][]byte, kinds []Kind) error {
	for i, cell := range cells {
		kind := Text
		if kinds != nil {
			kind = kinds[i]
		}
		x.kindCell(cell, kind)
	}
	return x.EndRow()
}
