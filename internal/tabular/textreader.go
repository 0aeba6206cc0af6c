package tabular

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"wharf/internal/fault"
)

// mostValue is how many characters of a cell an error repeats.
const mostValue = 200

// textReader is what the readers of text formats share: the way from the stored file to the window, the header, and the
// marking of cells.
type textReader struct {
	content  *content
	text     *text
	window   *window
	opts     Options
	info     Info
	header   []string
	row      int64 // number of the last row read
	rows     int64 // rows given
	perBatch int
	done     bool
	err      error // what Next says from now on
}

func (r *textReader) Header() []string { return r.header }

// BytesRead is the place in the stored file that was read up to: some of it may still be in the window.
func (r *textReader) BytesRead() int64 {
	if r.done {
		return r.content.stored.src.Size()
	}
	return r.content.stored.pos
}

func (r *textReader) Close() error { return r.content.close() }

// named takes the header from its cells.
func (r *textReader) named(cells []string) {
	names, warnings := columnNames(cells)
	r.header = names
	r.info.Warnings = append(r.info.Warnings, warnings...)
	r.perBatch = r.opts.batchRows(len(names))
}

// Info adds to what Open found what is known by now of the encoding.
func (r *textReader) Info() Info {
	info := r.info
	info.Compression = r.content.compression
	info.Encoding = r.text.charset.name
	info.Warnings = append([]string(nil), r.info.Warnings...)
	if r.text.charset.guessed {
		info.Warnings = append(info.Warnings, "the file does not say its encoding: "+info.Encoding+
			" was assumed; give the encoding if letters look wrong")
	}
	return info
}

// ended is the end of the file, once every row was given.
func (r *textReader) ended() error {
	r.done = true
	return io.EOF
}

// cell makes c what a cell has to be, valid UTF-8 without NUL, and marks it in b if it was not.
func (r *textReader) cell(b *Batch, col int, c []byte) []byte {
	nul := bytes.IndexByte(c, 0) >= 0
	damaged := !utf8.Valid(c) || (r.text.decoded() && bytes.Contains(c, replacement))
	if !nul && !damaged {
		return c
	}
	c = bytes.ReplaceAll(bytes.ToValidUTF8(c, replacement), []byte{0}, replacement)
	if nul {
		r.mark(b, col, "nul", "has a NUL byte, which text cannot hold", c)
	}
	if damaged {
		r.mark(b, col, "encoding", "has bytes that are not "+r.text.charset.name+
			": save the file as UTF-8, or give its encoding", c)
	}
	return c
}

// mark records an error of the last row of b.
func (r *textReader) mark(b *Batch, col int, rule, message string, value []byte) {
	b.Errors = append(b.Errors, CellError{Row: b.Len() - 1, Col: col, Rule: rule, Message: message, Value: cut(value)})
}

// cut is the beginning of a value, for an error.
func cut(value []byte) string {
	s := strings.ToValidUTF8(string(value[:min(len(value), 4*mostValue+utf8.UTFMax)]), "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	n := 0
	for i := range s {
		if n == mostValue {
			return s[:i]
		}
		n++
	}
	return s
}

// ragged is the message of a row that has more cells than the table has columns.
func ragged(cells, columns int) string {
	return fmt.Sprintf("has %d cells, but the table has %s", cells, counted(columns, "column"))
}

// counted puts a number before the word for what is counted.
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}

// rowName names a row in an error.
func rowName(row int64) string { return "row " + strconv.FormatInt(row, 10) }

// rowTooLarge is the error of a row that does not fit into the window.
func (r *textReader) rowTooLarge(row int64) error {
	most := r.opts.Limits.recordBytes()
	return overLimit("row bytes", int64(most), rowName(row)+" is too large")
}

func (r *textReader) cellTooLarge(row int64, col int, hint string) *fault.Error {
	return overLimit("cell bytes", int64(r.opts.Limits.CellBytes),
		rowName(row)+", column "+columnLetter(col)+": the cell is too large"+hint)
}
