package tabular

import (
	"bytes"
	"fmt"
	"slices"

	"wharf/internal/fault"
)

// csvReader reads delimited text.
type csvReader struct {
	textReader
	scan      *scanner
	comments  int64 // comment lines left out below the header
	firstNote int64 // the row of the first of them
}

// openCSV finds the dialect and the header in the window's first text.
func openCSV(base textReader) (Reader, error) {
	r := &csvReader{textReader: base}
	delim, err := r.dialect()
	if err != nil {
		return nil, err
	}
	r.info.Format, r.info.Delimiter = "csv", string(delim)
	if delim == '\t' {
		r.info.Format = "tsv"
	}
	r.scan = newScanner(r.window, delim, r.opts.Limits.CellBytes)
	if r.opts.HeaderRow > 0 {
		err = r.skipTo(int64(r.opts.HeaderRow))
	} else {
		err = r.findHeader()
	}
	if err != nil {
		return nil, err
	}
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	return r, nil
}

// dialect settles the delimiter: what was given, what a sep= line says, what is found. A sep= line is row 1.
func (r *csvReader) dialect() (byte, error) {
	said, next, ok := sepLine(r.window)
	if ok {
		r.window.pos = next
		r.row = 1
	}
	switch {
	case r.opts.Delimiter != "":
		return delimiterNamed(r.opts.Delimiter)
	case ok:
		return said, nil
	}
	preferred := delimiters[0]
	if hasSuffixFold(r.content.stored.src.Name(), ".tsv", ".tab") {
		preferred = '\t'
	}
	return findDelimiter(r.window, r.opts.Limits.CellBytes, preferred), nil
}

// findHeader goes to the header that the head shows.
func (r *csvReader) findHeader() error {
	rows := headRows(r.window, r.scan.delim, r.opts.Limits.CellBytes, r.row+1, preambleRows)
	i := findHeader(rows)
	if i < 0 {
		if len(rows) > 0 {
			return fault.New(fault.Invalid, "the file has no header row: its rows are empty or comments")
		}
		i, rows = 0, []headRow{{number: r.row + 1}} // empty, or one record larger than the head: reading will tell
	}
	if i > 0 {
		r.info.Warnings = append(r.info.Warnings,
			fmt.Sprintf("the header was found in row %d: the rows above it were left out", rows[i].number))
	}
	return r.skipTo(rows[i].number)
}

// skipTo goes to the beginning of a row.
func (r *csvReader) skipTo(number int64) error {
	if number <= r.row {
		return fault.Newf(fault.Invalid, "row %d cannot be the header: it names the delimiter", number)
	}
	for r.row < number-1 {
		if _, err := r.next(); err != nil {
			return r.endsEarly(err)
		}
	}
	return nil
}

// endsEarly says of a file that ends before its header that it does.
func (r *csvReader) endsEarly(err error) error {
	switch {
	case !r.done:
		return err
	case r.opts.HeaderRow == 0:
		return errEmptyFile
	}
	return fault.Newf(fault.Invalid, "row %d cannot be the header: the file has %s",
		r.opts.HeaderRow, counted(int(r.row), "row"))
}

// readHeader takes the names from the record that comes, and finds out how many columns there are: columns at the right
// that have no name, and in the head no value either, are none.
func (r *csvReader) readHeader() error {
	rec, err := r.next()
	for err == nil && rec.state == recordBlank && r.opts.HeaderRow == 0 {
		rec, err = r.next()
	}
	switch {
	case err != nil:
		return r.endsEarly(err)
	case rec.state == recordBlank:
		return fault.Newf(fault.Invalid, "row %d cannot be the header: it is blank", r.row)
	case rec.cells > r.opts.Limits.Columns:
		return r.opts.Limits.tooManyColumns()
	}
	r.info.HeaderRow = int(r.row)
	row := r.again(rec)
	named, cells := 0, make([]string, len(row))
	for i, c := range row {
		if len(c) > r.opts.Limits.CellBytes {
			return r.cellTooLarge(r.row, i, "")
		}
		if cells[i] = string(c); cleanName(cells[i]) != "" {
			named = i + 1
		}
	}
	if named == 0 {
		return fault.Newf(fault.Invalid, "row %d cannot be the header: its cells are empty", r.row)
	}
	for _, h := range headRows(r.window, r.scan.delim, r.opts.Limits.CellBytes, r.row+1, 0) {
		named = max(named, min(h.extent, len(cells)))
	}
	r.named(cells[:named])
	if headerLooksLikeData(cells[:named], sampleRows(r.window, r.scan.delim, r.opts.Limits.CellBytes)) {
		r.info.Warnings = append(r.info.Warnings,
			rowName(r.row)+" was taken as the header, but looks like data: put column names above it")
	}
	return nil
}

// next passes the next record, and gives where it lies in the window until the next call. It counts a row.
func (r *csvReader) next() (record, error) {
	w := r.window
	for {
		if w.pos < w.end {
			rec := r.scan.scan(nil, w.pos)
			switch rec.state {
			case recordWhole, recordBlank:
				w.pos = rec.next
				r.row++
				return rec, nil
			case recordOpen, recordVast:
				return record{}, r.unclosed(rec)
			case recordTorn:
			}
		}
		if err := r.refill(); err != nil {
			return record{}, err
		}
	}
}

// refill gets more text; io.EOF: there is none, and every row was read.
func (r *csvReader) refill() error {
	got, err := r.window.more()
	r.scan.refilled()
	switch {
	case err != nil:
		return err
	case got:
		return nil
	case r.window.eof:
		return r.ended()
	}
	return r.rowTooLarge(r.row + 1)
}

// Next fills b with the next rows. See Reader.
func (r *csvReader) Next(b *Batch) error {
	b.Reset(len(r.header))
	b.Kinds = nil
	if r.err == nil {
		r.err = r.content.stored.alive()
	}
	if r.err != nil {
		return r.err
	}
	r.scan.scratch = r.scan.scratch[:0]
	for {
		r.err = r.fill(b)
		if b.Len() > 0 {
			return nil // the rows before an error first
		}
		if r.err == nil {
			r.err = r.refill()
		}
		if r.err != nil {
			return r.err
		}
	}
}

// fill adds to b the records that the window holds whole.
func (r *csvReader) fill(b *Batch) error {
	w, cols, most := r.window, b.Cols, r.opts.Limits.CellBytes
	for b.Len() < r.perBatch && w.pos < w.end {
		b.Cells = slices.Grow(b.Cells, cols)
		row := b.Cells[len(b.Cells) : len(b.Cells)+cols]
		rec := r.scan.scan(row, w.pos)
		switch rec.state {
		case recordWhole, recordBlank:
		case recordTorn:
			return nil
		case recordOpen, recordVast:
			return r.unclosed(rec)
		}
		r.row++
		w.pos = rec.next
		if rec.state == recordBlank || (rec.cells == 1 && cols > 1 && r.comment(rec)) {
			continue
		}
		if r.rows++; r.rows > r.opts.Limits.Rows {
			return r.opts.Limits.tooManyRows()
		}
		if rec.end-rec.start > most {
			if err := r.checkSizes(row[:min(rec.cells, cols)]); err != nil {
				return err
			}
		}
		clear(row[min(rec.cells, cols):])
		b.Cells = b.Cells[:len(b.Cells)+cols]
		b.Lines = append(b.Lines, r.row)
		if rec.cells > cols || rec.start < w.dirty || len(r.scan.stray) > 0 {
			r.checkRow(b, rec, row)
		}
	}
	return nil
}

// comment reports whether rec, below the header, is a note: one unquoted cell, in a table of several columns, that
// begins with "# ".
func (r *csvReader) comment(rec record) bool {
	text := r.window.buf[rec.start:rec.end]
	if text[0] != '#' || (len(text) > 1 && text[1] != ' ') {
		return false
	}
	if r.comments++; r.comments == 1 {
		r.firstNote = r.row
	}
	return true
}

func (r *csvReader) checkSizes(row [][]byte) error {
	for i, c := range row {
		if len(c) > r.opts.Limits.CellBytes {
			return r.cellTooLarge(r.row, i, "")
		}
	}
	return nil
}

// checkRow marks what is wrong with the last row of b.
func (r *csvReader) checkRow(b *Batch, rec record, row [][]byte) {
	for _, col := range r.scan.stray {
		if col < len(row) {
			r.mark(b, col, "quote", "has text behind its closing quote: quotes within quotes must be doubled", row[col])
		}
	}
	if rec.start < r.window.dirty {
		for i, c := range row {
			row[i] = r.cell(b, i, c)
		}
	}
	if rec.cells > len(row) {
		r.checkExtra(b, rec, len(row))
	}
}

// checkExtra marks a row that has more cells than the table has columns, unless those are empty.
func (r *csvReader) checkExtra(b *Batch, rec record, cols int) {
	extra := rec.cells - cols
	text := r.window.buf[rec.start:rec.end]
	if len(bytes.TrimRight(text, string(r.scan.delim))) <= len(text)-extra {
		return
	}
	var value []byte
	if rec.cells <= r.opts.Limits.Columns {
		value = bytes.Join(r.again(rec)[cols:], []byte{r.scan.delim})
		if len(bytes.Trim(value, " \t"+string(r.scan.delim))) == 0 {
			return
		}
	}
	r.mark(b, -1, Ragged, ragged(rec.cells, cols), value)
}

// again reads all the cells of a record that is still in the window.
func (r *csvReader) again(rec record) [][]byte {
	sub := &window{buf: r.window.buf, end: rec.next, eof: true}
	row := make([][]byte, rec.cells)
	newScanner(sub, r.scan.delim, rec.next).scan(row, rec.start)
	return row
}

// unclosed is the error of a record that does not end: its last cell opens with a quote.
func (r *csvReader) unclosed(rec record) error {
	if rec.state == recordVast {
		return r.cellTooLarge(r.row+1, rec.cells-1, ", or the quote that opens it is never closed")
	}
	return fault.Newf(fault.Invalid, "%s, column %s: the quote that opens the cell is never closed",
		rowName(r.row+1), columnLetter(rec.cells-1))
}

// Info tells what was found out, so far, about the file.
func (r *csvReader) Info() Info {
	info := r.textReader.Info()
	if r.comments > 0 {
		info.Warnings = append(info.Warnings,
			fmt.Sprintf("comment lines were left out: %d, the first in row %d", r.comments, r.firstNote))
	}
	return info
}
