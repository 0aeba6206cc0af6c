package tabular

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strconv"

	"wharf/internal/fault"
)

// What a sheet can hold, by Excel's specifications and limits.
const (
	sheetRows    = 1 << 20
	sheetColumns = 1 << 14
	cellUnits    = 32_767 // UTF-16 units of a text
)

const (
	// firstBlock is how much of a sheet is held back for its head, which tells its size and the widths of its columns.
	firstBlock = 1 << 20
	// nextBlocks is how much is gathered before it is compressed.
	nextBlocks = 128 << 10
)

// XLSXWriter writes a workbook row by row, straight to a writer that need not seek. It keeps about 4 MiB, however many
// rows there are, and makes the same bytes of the same cells.
//
// For each sheet: Sheet, then for each row its cells from left to right and EndRow. Close ends the workbook; what was
// written is one only if Close returned nil. It is not safe for concurrent use, and compresses on a goroutine of its own.
//
// No value changes: what a spreadsheet cannot hold as a number or a date is written as text. A text of more than 32,767
// UTF-16 units fits nowhere: see CellTooLongError. Rows past the 1,048,576th of a sheet go on in a sheet "name (2)".
type XLSXWriter struct {
	// EscapeFormulas puts an apostrophe before texts for which StartsFormula holds. Set it before the first row.
	EscapeFormulas bool

	zip     *zip.Writer
	deflate *Deflater
	names   sheetNames
	sheets  []writtenSheet
	open    bool // a sheet is
	closed  bool
	err     error

	// The open sheet.
	spec     XLSXSheet
	part     io.Writer
	refs     [][]byte // of each column: a cell's beginning, as in `<c r="AB`
	widths   []int    // of each column: characters of its widest cell in the first block
	headed   bool     // the head is written
	buf      []byte
	sheetMax int   // rows of a sheet: sheetRows, less in tests
	before   int64 // rows below the headers of full sheets of the same spec
	row      int   // number of the row being written, or of the last one
	inRow    bool
	col      int    // of the next cell
	rowRef   []byte // the rest of a cell's reference, as in `12"`
	tooLong  error  // the first text of the row that was cut
}

// XLSXSheet describes a sheet.
type XLSXSheet struct {
	Name    string   // changed where Excel would refuse it, and told apart from others without regard to case
	Columns []string // the header
	Rows    int64    // how many rows will come, if known: a sheet of over 1 MiB of XML then tells its size; a lie is an error
}

// writtenSheet is what the workbook says of a sheet.
type writtenSheet struct {
	name string
	area string // header and rows, as in $A$1:$C$10; "" without columns
}

// CellTooLongError says that a text was longer than a cell of a workbook holds, and was cut.
type CellTooLongError struct {
	Sheet  string
	Row    int // as a person counts
	Column string
	Units  int // length of the text in UTF-16 units
}

func (e *CellTooLongError) Error() string {
	return fmt.Sprintf("sheet %q, row %d, column %q: a text of %d characters was cut to the %d that a cell holds",
		e.Sheet, e.Row, e.Column, e.Units, cellUnits)
}

var (
	errNoSheet     = errors.New("tabular: a row needs a sheet, and a workbook that is not closed")
	errManyColumns = fault.Newf(fault.Invalid, "a sheet of a workbook has at most %d columns: choose another format", sheetColumns)
	errSurplusCell = errors.New("tabular: a row has more cells than the sheet has columns")
)

// NewXLSXWriter returns a writer to w. The caller closes, also when giving up: until then w may be written to.
func NewXLSXWriter(w io.Writer) *XLSXWriter {
	x := &XLSXWriter{sheetMax: sheetRows, buf: make([]byte, 0, nextBlocks+nextBlocks/4)}
	if x.zip, x.deflate, x.err = NewZip(w); x.err == nil {
		x.whole("[Content_Types].xml", contentTypesPart)
		x.whole("_rels/.rels", rootRelsPart)
		x.whole("xl/styles.xml", stylesPart)
	}
	return x
}

// Sheet ends the sheet before and begins the next one with its header row: bold, frozen, with a filter.
// A *CellTooLongError is about a column's name; other errors are those of EndRow.
func (x *XLSXWriter) Sheet(s XLSXSheet) error {
	x.endSheet()
	switch {
	case x.err != nil:
		return x.err
	case x.closed:
		return errNoSheet
	case len(s.Columns) > sheetColumns:
		return x.fail(errManyColumns)
	}
	x.spec, x.before = s, 0
	x.refs = x.refs[:0]
	for i := range s.Columns {
		x.refs = append(x.refs, []byte(`<c r="`+columnLetter(i)))
	}
	return x.begin()
}

// begin opens a part for the sheet, or for a further piece of it, and writes the header.
func (x *XLSXWriter) begin() error {
	name := x.names.free(x.spec.Name)
	part, err := x.zip.Create("xl/worksheets/sheet" + strconv.Itoa(len(x.sheets)+1) + ".xml")
	if err != nil {
		return x.fail(fmt.Errorf("tabular: begin sheet %q: %w", name, err))
	}
	x.sheets = append(x.sheets, writtenSheet{name: name})
	x.part, x.open, x.headed, x.row = part, true, false, 0
	x.widths = append(x.widths[:0], make([]int, len(x.refs))...)
	for _, c := range x.spec.Columns {
		x.string(styleHeader, []byte(c))
	}
	return x.EndRow()
}

// endSheet writes what the open sheet still lacks.
func (x *XLSXWriter) endSheet() {
	if !x.open {
		return
	}
	if x.inRow {
		_ = x.EndRow() // its error stays in err
	}
	x.endPiece()
	x.open = false
	if rows := x.before + int64(x.row-1); x.err == nil && x.spec.Rows > 0 && x.spec.Rows != rows {
		x.err = fmt.Errorf("tabular: sheet %q was to have %d rows, and got %d", x.spec.Name, x.spec.Rows, rows)
	}
}

// endPiece ends the open part.
func (x *XLSXWriter) endPiece() {
	if x.err != nil {
		return
	}
	if !x.headed {
		x.head(x.row)
	}
	x.buf = append(x.buf, `</sheetData>`...)
	if n := len(x.refs); n > 0 {
		x.sheets[len(x.sheets)-1].area = "$A$1:$" + columnLetter(n-1) + "$" + strconv.Itoa(x.row)
		x.buf = append(x.buf, `<autoFilter ref="`+area(n, x.row)+`"/>`...)
	}
	x.buf = append(x.buf, `</worksheet>`...)
	x.flush()
}

// beginRow begins a row, in a further sheet if this one is full. false: it cannot.
func (x *XLSXWriter) beginRow() bool {
	if x.err == nil && !x.open {
		x.err = errNoSheet
	}
	if x.err == nil && x.row == x.sheetMax {
		x.endPiece()
		if x.before += int64(x.row - 1); x.err == nil {
			_ = x.begin() // its error stays in err; a name too long was told with the first piece
		}
	}
	if x.err != nil {
		return false
	}
	x.row++
	x.inRow, x.col = true, 0
	x.rowRef = append(strconv.AppendInt(x.rowRef[:0], int64(x.row), 10), '"')
	x.buf = append(append(append(x.buf, `<row r="`...), x.rowRef...), '>')
	return true
}

// EndRow ends a row, of as many cells as came; the others are empty.
//
// A *CellTooLongError names the first text of the row that did not fit: it was cut, all else is written, and the caller
// may go on. Any other error, of the writer below or for a row that does not fit its sheet, stays.
func (x *XLSXWriter) EndRow() error {
	if !x.inRow && !x.beginRow() {
		return x.err
	}
	x.inRow = false
	x.buf = append(x.buf, `</row>`...)
	if x.full() {
		x.flush()
	}
	long := x.tooLong
	x.tooLong = nil
	if x.err != nil {
		return x.err
	}
	return long
}

// full reports whether there is enough to be compressed.
func (x *XLSXWriter) full() bool {
	return len(x.buf) >= nextBlocks && (x.headed || len(x.buf) >= firstBlock)
}

// flush hands on what is gathered, behind the head of its sheet.
func (x *XLSXWriter) flush() {
	if x.err == nil && !x.headed {
		x.head(x.expectedRows())
	}
	if x.err == nil {
		x.write(x.buf)
	}
	if x.buf = x.buf[:0]; cap(x.buf) > 2*nextBlocks {
		x.buf = make([]byte, 0, nextBlocks+nextBlocks/4)
	}
}

// expectedRows is the number of the last row that this part will have; 0: nobody knows.
func (x *XLSXWriter) expectedRows() int {
	if x.spec.Rows <= 0 {
		return 0
	}
	return int(min(int64(x.sheetMax), x.spec.Rows-x.before+1))
}

func (x *XLSXWriter) write(p []byte) {
	if _, err := x.part.Write(p); err != nil {
		_ = x.fail(fmt.Errorf("tabular: write workbook: %w", err))
	}
}

func (x *XLSXWriter) fail(err error) error {
	x.err, x.inRow = err, false
	return err
}

// Close ends the workbook; one without sheets gets an empty one. It is safe to call twice.
func (x *XLSXWriter) Close() error {
	if x.closed {
		return x.err
	}
	if len(x.sheets) == 0 && x.err == nil {
		_ = x.Sheet(XLSXSheet{}) // its error stays in err
	}
	x.endSheet()
	x.closed = true
	x.whole("xl/workbook.xml", workbookPart(x.sheets))
	x.whole("xl/_rels/workbook.xml.rels", workbookRelsPart(len(x.sheets)))
	if x.err != nil {
		_ = x.deflate.Wait() // so that nothing is written behind the caller's back
		return x.err
	}
	if err := x.zip.Close(); err != nil {
		x.err = fmt.Errorf("tabular: end workbook: %w", err)
	}
	return x.err
}

// whole writes a part at once.
func (x *XLSXWriter) whole(name, content string) {
	if x.err != nil {
		return
	}
	part, err := x.zip.Create(name)
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err != nil {
		x.err = fmt.Errorf("tabular: write %s of the workbook: %w", name, err)
	}
}
