package tabular

import (
	"bytes"
	"fmt"

	"wharf/internal/fault"
)

// headSample is how many rows below the header show whether that is one.
const headSample = 20

// sheetHead is what the first rows of a sheet show; blank ones are left out.
type sheetHead struct {
	rows []headRow
	at   []int // where each begins in the window
	end  bool  // there are no others
	pos  int   // behind the last of them, blank ones too …
	last int64 // … and its number
}

// readHead finds the header, and with it the columns, and goes behind it.
func (r *xlsxReader) readHead() error {
	given := int64(r.opts.HeaderRow)
	if err := r.skipTo(given); err != nil {
		return err
	}
	head, err := r.head()
	if err != nil {
		return err
	}
	i := 0
	if given > 0 {
		if head.rows[0].number != given {
			return fault.Newf(fault.Invalid, "row %d cannot be the header: it is blank", given)
		}
	} else if i = findHeader(head.rows); i < 0 {
		return fault.New(fault.Invalid, "the file has no header row: its rows are empty or comments")
	}
	header := head.rows[i]
	for _, h := range head.rows[:i] {
		if h.number > header.number {
			return fault.Newf(fault.Invalid, "the rows of sheet %q are not in order%s", r.info.Sheet, saveAgain)
		}
	}
	if i > 0 {
		r.info.Warnings = append(r.info.Warnings,
			fmt.Sprintf("the header was found in row %d: the rows above it were left out", header.number))
	}
	if err := r.takeHeader(head, i); err != nil {
		return err
	}
	r.window.pos, r.scan.last = head.at[i], header.number-1
	_, err = r.next(nil, nil)
	r.scan.scratch = r.scan.scratch[:0]
	return err
}

// takeHeader names the columns by row i of the head. Columns at the right that have no name, and in the head no value
// either, are none.
func (r *xlsxReader) takeHeader(head *sheetHead, i int) error {
	header := head.rows[i]
	if header.cells > r.opts.Limits.Columns {
		return r.opts.Limits.tooManyColumns()
	}
	cells, err := r.cellsAt(head, i)
	if err != nil {
		return err
	}
	columns := 0
	for col, c := range cells {
		if cleanName(c) != "" {
			columns = col + 1
		}
	}
	if columns == 0 {
		return fault.Newf(fault.Invalid, "row %d cannot be the header: its cells are empty", header.number)
	}
	var below [][]string
	for j := i + 1; j < len(head.rows); j++ {
		columns = max(columns, min(head.rows[j].extent, r.opts.Limits.Columns))
		if len(below) < headSample {
			row, err := r.cellsAt(head, j)
			if err != nil {
				return err
			}
			below = append(below, row)
		}
	}
	names := make([]string, columns)
	copy(names, cells)
	r.info.HeaderRow = int(header.number)
	r.named(names)
	if headerLooksLikeData(names, below) {
		r.info.Warnings = append(r.info.Warnings,
			rowName(header.number)+" was taken as the header, but looks like data: put column names above it")
	}
	return nil
}

// cellsAt gives the cells of row i of the head.
func (r *xlsxReader) cellsAt(head *sheetHead, i int) ([]string, error) {
	row := make([][]byte, min(head.rows[i].cells, r.opts.Limits.Columns))
	r.scan.scan(row, make([]Kind, len(row)), head.at[i])
	cells := make([]string, len(row))
	for col, c := range row {
		cells[col] = string(c)
		if len(c) > r.opts.Limits.CellBytes {
			return nil, r.cellTooLarge(head.rows[i].number, col, "")
		}
	}
	r.scan.scratch = r.scan.scratch[:0]
	return cells, r.scan.err
}

// head looks at the rows that the window holds, of which there is at least one.
func (r *xlsxReader) head() (*sheetHead, error) {
	for {
		if err := r.content.alive(); err != nil {
			return nil, err
		}
		got, err := r.window.more()
		if err != nil {
			return nil, err
		}
		head := r.look()
		switch {
		case r.scan.err != nil:
			return nil, r.scan.err
		case len(head.rows) > 0:
			return head, nil
		case head.end && r.opts.HeaderRow > 0:
			return nil, r.endsEarly()
		case head.end:
			return nil, r.emptySheet()
		case head.pos > r.window.pos: // blank rows
			r.window.pos, r.row, r.scan.last = head.pos, head.last, head.last
		case !got:
			_, err := r.next(nil, nil)
			if err == errTorn || err == nil { //nolint:errorlint // never wrapped
				err = r.refill()
			}
			return nil, err
		}
	}
}

// look looks at the rows that the window holds whole.
func (r *xlsxReader) look() *sheetHead {
	head := &sheetHead{}
	row, kinds := make([][]byte, headCells), make([]Kind, headCells)
	last, pos := r.scan.last, r.window.pos
	defer func() { r.scan.last, r.scan.scratch = last, r.scan.scratch[:0] }()
	for len(head.rows) < headRecords {
		r.scan.scratch = r.scan.scratch[:0]
		rec, state := r.scan.scan(row, kinds, pos)
		if most := min(rec.extent, r.opts.Limits.Columns); state == xmlWhole && most > len(row) {
			row, kinds = make([][]byte, most), make([]Kind, most)
			rec, state = r.scan.scan(row, kinds, pos)
		}
		if state != xmlWhole || rec.end {
			head.end = state == xmlWhole
			break
		}
		if rec.extent > 0 {
			h := lookAt(row[:min(rec.extent, len(row))], len(head.rows) < preambleRows)
			h.number, h.cells, h.note = rec.number, rec.extent, bytes.HasPrefix(row[0], []byte{'#'})
			head.rows, head.at = append(head.rows, h), append(head.at, pos)
		}
		pos, r.scan.last = rec.next, rec.number
	}
	head.pos, head.last = pos, r.scan.last
	return head
}

// skipTo passes the rows above a number.
func (r *xlsxReader) skipTo(number int64) error {
	for number > 0 {
		rec, state := r.scan.scan(nil, nil, r.window.pos)
		r.scan.scratch = r.scan.scratch[:0]
		switch {
		case r.scan.err != nil:
			return r.scan.err
		case state == xmlTorn:
			if err := r.refill(); err != nil {
				return err
			}
			continue
		case state == xmlDTD:
			return errDocumentType
		case state != xmlWhole:
			return r.damaged(errNotXML)
		case rec.end:
			return r.endsEarly()
		case rec.number >= number:
			return nil
		}
		r.window.pos, r.row, r.scan.last = rec.next, rec.number, rec.number
	}
	return nil
}

// endsEarly is the error of a sheet that ends before its header.
func (r *xlsxReader) endsEarly() error {
	return fault.Newf(fault.Invalid, "row %d cannot be the header: sheet %q has %s",
		r.opts.HeaderRow, r.info.Sheet, counted(int(r.row), "row"))
}
