package tabular

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// flushBytes is how much a CSVWriter gathers before it writes.
const flushBytes = 64 << 10

// CSVWriter writes rows as delimited text that Open reads back identically: UTF-8, a line feed behind every row, and
// quotes only where a cell needs them. It is not safe for concurrent use.
type CSVWriter struct {
	w       io.Writer
	delim   byte
	pattern uint64 // delim in each byte
	buf     []byte
	begun   bool
	err     error
}

// NewCSVWriter returns a writer to w. delimiter is one ASCII character other than a quote or a line end; of a file that
// was read it is Info.Delimiter[0]. The caller flushes.
func NewCSVWriter(w io.Writer, delimiter byte) *CSVWriter {
	return &CSVWriter{
		w: w, delim: delimiter, pattern: lowBits * uint64(delimiter),
		buf: make([]byte, 0, flushBytes+flushBytes/4),
	}
}

// Write adds a row; one without cells adds nothing. An error is that of the writer below, and stays.
func (c *CSVWriter) Write(row [][]byte) error {
	if c.err != nil || len(row) == 0 {
		return c.err
	}
	for i, cell := range row {
		if i > 0 {
			c.buf = append(c.buf, c.delim)
		}
		if c.bare(cell, i == 0, len(row) == 1) {
			c.buf = append(c.buf, cell...)
		} else {
			c.quote(cell)
		}
	}
	c.buf = append(c.buf, '\n')
	c.begun = true
	if len(c.buf) >= flushBytes {
		return c.Flush()
	}
	return nil
}

// bare reports whether cell means the same without quotes. The first of a row must not look like a blank line or a
// comment, nor the first of the file like another kind of file.
func (c *CSVWriter) bare(cell []byte, first, only bool) bool {
	if len(cell) == 0 {
		return !only
	}
	switch {
	case cell[0] == ' ' || (first && cell[0] == '#') || c.special(cell):
		return false
	case first && !c.begun:
		return plainStart(cell)
	}
	return true
}

// special reports whether cell holds a delimiter, a quote or a control character. It looks at eight bytes at a time, the
// last of them perhaps twice.
func (c *CSVWriter) special(cell []byte) bool {
	const quotes, blanks = lowBits * '"', lowBits * ' '
	if len(cell) < 8 {
		for _, b := range cell {
			if b == c.delim || b == '"' || b < ' ' {
				return true
			}
		}
		return false
	}
	for i := 0; i < len(cell); i += 8 {
		x := binary.LittleEndian.Uint64(cell[min(i, len(cell)-8):])
		q, d := x^quotes, x^c.pattern
		if (((q-lowBits)&^q)|((d-lowBits)&^d)|((x-blanks)&^x))&highBits != 0 {
			return true
		}
	}
	return false
}

// plainStart reports whether cell begins like a word, and not like the line "sep=;" or the signature of another format.
func plainStart(cell []byte) bool {
	b := cell[0]
	letter := b >= 0x80 || (b|0x20 >= 'a' && b|0x20 <= 'z') || (b >= '0' && b <= '9') || b == '_'
	return letter && bytes.IndexByte(cell, '=') < 0 && kindOf(cell) == kindText && !bytes.HasPrefix(cell, []byte("\xef\xbb\xbf"))
}

// quote adds cell within quotes.
func (c *CSVWriter) quote(cell []byte) {
	c.buf = append(c.buf, '"')
	for {
		i := bytes.IndexByte(cell, '"')
		if i < 0 {
			break
		}
		c.buf = append(append(c.buf, cell[:i+1]...), '"')
		cell = cell[i+1:]
	}
	c.buf = append(append(c.buf, cell...), '"')
}

// Flush writes what is gathered.
func (c *CSVWriter) Flush() error {
	if c.err != nil || len(c.buf) == 0 {
		return c.err
	}
	if _, err := c.w.Write(c.buf); err != nil {
		c.err = fmt.Errorf("tabular: write rows: %w", err)
	}
	c.buf = c.buf[:0]
	return c.err
}
