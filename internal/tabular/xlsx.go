package tabular

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"wharf/internal/fault"
)

const (
	// mostScratch is how many bytes of texts that had to be copied end a batch.
	mostScratch = 4 << 20
	// sharedWindows is how many windows full of shared texts are held in memory.
	sharedWindows = 32
	// leastRows is what a row's number may always be, and mostRows what it may never be beyond.
	leastRows = 1 << 20
	mostRows  = 1 << 28
)

// xlsxReader reads one sheet of a workbook.
//
// Open reads the parts around it, and the shared texts; the sheet then streams through the window, inflated in a
// goroutine of its own. Cells point into the window, into the shared texts or into the scanner's scratch.
type xlsxReader struct {
	textReader
	book   *workbook
	entry  *part  // the sheet's part
	ahead  *ahead // reads it
	scan   sheetScan
	seen   []uint64 // the numbers of the rows that were read, one bit each
	shared sharedTexts
	loaded int64 // bytes of the shared texts' part
	total  int64 // bytes of the parts, decompressed, as the zip has them
	last   int64 // what BytesRead said
}

// openXLSX reads what surrounds the rows, chooses the sheet and finds its header.
func openXLSX(c *content, opts Options, size int) (_ Reader, err error) {
	if opts.Encoding != "" || opts.Delimiter != "" {
		return nil, fault.New(fault.Invalid, "an encoding or a delimiter was given, but a workbook has neither")
	}
	r := &xlsxReader{textReader: textReader{content: c, opts: opts, info: Info{Format: "xlsx"}}}
	defer func() {
		if err != nil {
			_ = r.release() // the first error is the one that counts
		}
	}()
	r.book, err = readWorkbook(newParts(c, opts.Limits))
	if err != nil {
		return nil, err
	}
	chosen, warnings, err := r.book.choose(opts.Sheet)
	if err != nil {
		return nil, err
	}
	r.info.Sheet, r.info.Warnings = chosen.name, warnings
	if err := r.begin(chosen, size); err != nil {
		return nil, err
	}
	if err := r.readHead(); err != nil {
		return nil, err
	}
	return r, nil
}

// begin reads the shared texts and starts on the sheet's part.
func (r *xlsxReader) begin(s sheet, size int) error {
	r.total = int64(s.file.UncompressedSize64) //nolint:gosec // what it claims: only progress hangs on it
	r.shared.most = sharedWindows * size
	parts := r.book.parts
	if f := r.book.strings; f != nil {
		before := parts.inflated
		if err := r.book.readShared(f, &r.shared, size); err != nil {
			return err
		}
		r.loaded = parts.inflated - before
		r.total += r.loaded
	}
	var err error
	if r.entry, err = parts.open(s.file); err != nil {
		return err
	}
	r.ahead = readAhead(r.content.stored.ctx, r.entry)
	if r.window, err = textOf(r.ahead, s.file.Name, size, r.opts.Limits.recordBytes()); err != nil {
		return err
	}
	r.text = r.window.src.(*text) //nolint:forcetypeassert // textOf made it
	r.scan = sheetScan{
		window: r.window, shared: &r.shared, formats: r.book.formats, date1904: r.book.date1904, cellBytes: r.opts.Limits.CellBytes,
	}
	return r.findRows(s)
}

// findRows goes to the first row.
func (r *xlsxReader) findRows(s sheet) error {
	tags := tagScan{window: r.window, part: s.file.Name}
	for first := true; ; {
		if err := r.content.alive(); err != nil {
			return err
		}
		t, err := tags.next()
		switch {
		case errors.Is(err, io.EOF):
			return r.emptySheet()
		case err != nil:
			return err
		case t.is("sheetData"):
			if r.done = t.kind == tagEmpty; r.done {
				return r.emptySheet()
			}
			return nil
		case first && t.kind == tagOpen && string(t.name) != "worksheet":
			return damagedPart(s.file.Name, errNotXML)
		}
		first = first && t.kind == tagOther
	}
}

func (r *xlsxReader) emptySheet() error {
	return fault.Newf(fault.Invalid, "the file is empty: sheet %q has no cells", r.info.Sheet)
}

// BytesRead is the share of the parts that was read, as a share of the stored file: a workbook's parts lie in any order.
func (r *xlsxReader) BytesRead() int64 {
	if r.done {
		return r.content.size
	}
	read := r.loaded + r.ahead.n
	r.last = max(r.last, int64(float64(r.content.size)*float64(min(read, r.total))/float64(max(r.total, 1))))
	return min(r.last, r.content.size)
}

// Close ends reading ahead, and frees the temporary files.
func (r *xlsxReader) Close() error {
	err := r.release()
	if closed := r.content.close(); err == nil {
		err = closed
	}
	return err
}

func (r *xlsxReader) release() error {
	r.content.cancel()
	if r.ahead != nil {
		r.ahead.close()
	}
	r.shared.close()
	if r.entry == nil {
		return nil
	}
	entry := r.entry
	r.entry = nil
	return entry.close()
}

// Info tells what was found out.
func (r *xlsxReader) Info() Info {
	info := r.info
	info.Compression = r.content.compression
	info.Warnings = slices.Clone(r.info.Warnings)
	return info
}

// Next fills b with the next rows. See Reader.
func (r *xlsxReader) Next(b *Batch) error {
	b.Reset(len(r.header))
	if b.Kinds == nil {
		b.Kinds = []Kind{}
	}
	if r.err == nil {
		r.err = r.content.alive()
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

// fill adds to b the rows that the window holds whole.
func (r *xlsxReader) fill(b *Batch) error {
	cols := b.Cols
	for b.Len() < r.perBatch && len(r.scan.scratch) < mostScratch {
		b.Cells, b.Kinds = slices.Grow(b.Cells, cols), slices.Grow(b.Kinds, cols)
		n := len(b.Cells)
		row, kinds := b.Cells[n:n+cols], b.Kinds[n:n+cols]
		rec, err := r.next(row, kinds)
		switch {
		case err == errTorn: //nolint:errorlint // never wrapped
			return nil
		case err != nil:
			return err
		case rec.extent == 0:
			continue
		}
		if r.rows++; r.rows > r.opts.Limits.Rows {
			return r.opts.Limits.tooManyRows()
		}
		b.Cells, b.Kinds = b.Cells[:n+cols], b.Kinds[:n+cols]
		b.Lines = append(b.Lines, rec.number)
		r.checkRow(b, rec, row)
	}
	return nil
}

// checkRow marks what is wrong with the last row of b.
func (r *xlsxReader) checkRow(b *Batch, rec xlsxRow, row [][]byte) {
	for _, e := range r.scan.flaws {
		e.Row = b.Len() - 1
		b.Errors = append(b.Errors, e)
	}
	if rec.start < r.window.dirty {
		for i, c := range row {
			row[i] = r.cell(b, i, c)
		}
	}
	if rec.extent <= len(row) {
		return
	}
	var value []byte
	if rec.extent <= r.opts.Limits.Columns {
		surplus := r.again(rec)[len(row):]
		for i, c := range surplus {
			if len(strings.TrimSpace(string(c))) > 0 {
				value = fmt.Appendf(value, "%s: %s ", columnLetter(len(row)+i), c)
			}
			if len(value) > mostValue {
				break
			}
		}
		if len(value) == 0 {
			return
		}
		value = value[:len(value)-1]
	}
	r.mark(b, -1, Ragged, fmt.Sprintf("has a value in column %s, but the table has %s",
		columnLetter(rec.extent-1), counted(len(row), "column")), value)
}

// again reads all the cells of a row that is still in the window.
func (r *xlsxReader) again(rec xlsxRow) [][]byte {
	sub := r.scan
	sub.flaws, sub.scratch = nil, nil
	row := make([][]byte, rec.extent)
	sub.scan(row, make([]Kind, rec.extent), rec.start)
	return row
}
