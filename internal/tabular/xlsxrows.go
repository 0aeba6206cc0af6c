package tabular

import (
	"errors"
	"fmt"
	"io"

	"wharf/internal/fault"
)

// errTorn says that the window does not hold the next row whole.
var errTorn = errors.New("tabular: the row is torn")

// xlsxRow is a row and where it lies in the window.
type xlsxRow struct {
	sheetRow
	start int
}

// next passes the next row; errTorn: the window has to be filled first; io.EOF: every row was read.
func (r *xlsxReader) next(row [][]byte, kinds []Kind) (xlsxRow, error) {
	w := r.window
	copied, given := len(r.scan.scratch), r.scan.given
	rec, state := r.scan.scan(row, kinds, w.pos)
	switch {
	case r.scan.err != nil:
		return xlsxRow{}, r.scan.err
	case state == xmlTorn:
		r.scan.scratch, r.scan.given = r.scan.scratch[:copied], given
		return xlsxRow{}, errTorn
	case state == xmlDTD:
		return xlsxRow{}, errDocumentType
	case state != xmlWhole:
		return xlsxRow{}, r.damaged(errNotXML)
	case rec.end:
		w.pos = rec.next
		return xlsxRow{}, r.finish()
	}
	if err := r.admit(rec, len(r.scan.scratch)-copied, r.scan.given-given); err != nil {
		return xlsxRow{}, err
	}
	start := w.pos
	w.pos, r.row, r.scan.last = rec.next, rec.number, rec.number
	return xlsxRow{rec, start}, nil
}

// admit checks a row against the limits. copied and given are bytes that its cells took besides those in the window.
func (r *xlsxReader) admit(rec sheetRow, copied int, given int64) error {
	limits := r.opts.Limits
	if rec.number > min(max(limits.Rows, leastRows), mostRows) {
		return overLimit("rows", limits.Rows, "the sheet has a row numbered "+fmt.Sprint(rec.number))
	}
	word, bit := rec.number/64, uint64(1)<<(rec.number%64)
	for int64(len(r.seen)) <= word {
		r.seen = append(r.seen, 0)
	}
	if r.seen[word]&bit != 0 {
		return fault.Newf(fault.Invalid, "the workbook is damaged: %s is there twice%s", rowName(rec.number), saveAgain)
	}
	r.seen[word] |= bit
	if r.scan.big > 0 {
		return r.cellTooLarge(rec.number, r.scan.big-1, "")
	}
	if most := int64(limits.recordBytes()); int64(copied) > most || given > most {
		return r.rowTooLarge(rec.number)
	}
	switch { // one shared text may be given many times
	case r.scan.given > limits.DecompressedBytes:
		return overLimit("decompressed bytes", limits.DecompressedBytes, "the file holds too much data")
	case r.scan.given > ratioGrace && r.scan.given/max(r.content.size, 1) >= limits.Ratio:
		return overLimit("ratio", limits.Ratio, "the cells hold too many times the bytes of the file")
	}
	return nil
}

// refill gets more of the sheet. A sheet that ends before its rows do is damaged.
func (r *xlsxReader) refill() error {
	if err := r.content.alive(); err != nil {
		return err
	}
	got, err := r.window.more()
	switch {
	case err != nil:
		return err
	case got:
		return nil
	case r.window.eof:
		return r.damaged(io.ErrUnexpectedEOF)
	}
	return r.rowTooLarge(r.row + 1)
}

// damaged is the error of a sheet that cannot be read on.
func (r *xlsxReader) damaged(cause error) error {
	return fault.Wrap(cause, fault.Invalid, "the workbook is damaged: sheet \""+r.info.Sheet+"\" cannot be read beyond "+
		rowName(r.row)+saveAgain)
}

// finish reads the rest of the sheet's part, so that its checksum is compared, and ends the rows.
func (r *xlsxReader) finish() error {
	w := r.window
	for {
		if err := r.content.alive(); err != nil {
			return err
		}
		w.pos = w.end
		got, err := w.more()
		if err != nil {
			return err
		}
		if !got || w.eof {
			return r.ended()
		}
	}
}
