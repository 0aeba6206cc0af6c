package tabular

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// recordState is how a record of a CSV came out.
type recordState uint8

const (
	recordWhole recordState = iota
	recordBlank             // a line of nothing, or of spaces
	recordTorn              // the window ends before it does: read more, and scan it again
	recordOpen              // the text ends within quotes
	recordVast              // one quoted cell goes past the limit
)

// record is where a record lies in the window, and how many cells it has.
type record struct {
	state recordState
	cells int
	start int
	end   int // where its text ends, before the line end
	next  int // where the following record begins
}

// scanner finds the records of a CSV in a window. Cells are slices of the window; only a cell with doubled quotes, or
// with text behind its closing quote, is put together in scratch. It makes nothing per record.
//
// The grammar is RFC 4180 with any delimiter and any line end (CRLF, LF, CR, mixed too). Beyond it: a quote that is not
// the first character of a cell is literal; blanks behind a closing quote are dropped; other text there is kept behind
// what was quoted, and the cell is noted in stray.
type scanner struct {
	w         *window
	delim     byte
	pattern   uint64 // delim in each byte
	cellBytes int    // a longer quoted cell is not waited for
	scratch   []byte
	stray     []int // columns of the last record with text behind their closing quote

	// The first line feed, carriage return and quote at or behind the place last asked for; -1: not known.
	nl, cr, quote int
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

func newScanner(w *window, delim byte, cellBytes int) *scanner {
	return &scanner{w: w, delim: delim, pattern: lowBits * uint64(delim), cellBytes: cellBytes, nl: -1, cr: -1, quote: -1}
}

// refilled forgets what is known of a window that has changed.
func (s *scanner) refilled() { s.nl, s.cr, s.quote = -1, -1, -1 }

// find gives the offset of c at or behind i, or the end of the text.
func (s *scanner) find(c byte, i int) int {
	if k := bytes.IndexByte(s.w.buf[i:s.w.end], c); k >= 0 {
		return i + k
	}
	return s.w.end
}

// lineEnd gives the first line end at or behind i, or the end of the text.
func (s *scanner) lineEnd(i int) int {
	if s.nl < i {
		s.nl = s.find('\n', i)
	}
	if s.cr < i {
		s.cr = s.find('\r', i)
	}
	return min(s.nl, s.cr)
}

// nextQuote gives the first quote at or behind i, or the end of the text.
func (s *scanner) nextQuote(i int) int {
	if s.quote < i {
		s.quote = s.find('"', i)
	}
	return s.quote
}

// scan reads the record at start, which is before the end of the text, into row. Cells beyond len(row) are counted only.
func (s *scanner) scan(row [][]byte, start int) record {
	s.stray = s.stray[:0]
	end := s.lineEnd(start)
	if s.nextQuote(start) < end {
		return s.scanQuoted(row, start)
	}
	next, ok := s.afterLine(end)
	if !ok {
		return record{state: recordTorn}
	}
	if end == start || (s.w.buf[start] == ' ' && s.delim != ' ' && onlySpaces(s.w.buf[start:end])) {
		return record{state: recordBlank, start: start, end: end, next: next}
	}
	return record{cells: s.split(row, start, end), start: start, end: end, next: next}
}

// afterLine gives the beginning of the line behind the line end at end; false if more text could change it.
func (s *scanner) afterLine(end int) (int, bool) {
	w := s.w
	if end == w.end {
		return end, w.eof
	}
	if w.buf[end] == '\n' {
		return end + 1, true
	}
	if end+1 == w.end {
		return end + 1, w.eof
	}
	if w.buf[end+1] == '\n' {
		return end + 2, true
	}
	return end + 1, true
}

// split cuts buf[i:end], which holds no quote and no line end, at the delimiters, and gives the number of cells.
// It looks at eight bytes at a time: a byte of m has its high bit set where the text has the delimiter.
func (s *scanner) split(row [][]byte, i, end int) int {
	buf, pattern, n := s.w.buf, s.pattern, 0
	for at := i; at < end; at += 8 {
		x := binary.LittleEndian.Uint64(buf[at:]) ^ pattern
		m := ^(((x &^ highBits) + ^uint64(highBits)) | x | ^uint64(highBits))
		for ; m != 0; m &= m - 1 {
			j := at + bits.TrailingZeros64(m)>>3
			if j >= end {
				break
			}
			if n < len(row) {
				row[n] = buf[i:j:j]
			}
			n++
			i = j + 1
		}
	}
	if n < len(row) {
		row[n] = buf[i:end:end]
	}
	return n + 1
}

// scanQuoted is scan for a record that has a quote on its first line.
func (s *scanner) scanQuoted(row [][]byte, start int) record {
	buf, n := s.w.buf, 0
	for i := start; ; n++ {
		var cell []byte
		var end int
		if i < s.w.end && buf[i] == '"' {
			var state recordState
			if cell, end, state = s.quoted(i, n); state != recordWhole {
				return record{state: state, cells: n + 1}
			}
		} else {
			line := s.lineEnd(i)
			if s.nextQuote(i) >= line {
				rec := s.lastCells(row, i, n, line)
				rec.start = start
				return rec
			}
			end = line
			if k := bytes.IndexByte(buf[i:line], s.delim); k >= 0 {
				end = i + k
			}
			cell = buf[i:end:end]
		}
		if n < len(row) {
			row[n] = cell
		}
		if end < s.w.end && buf[end] == s.delim {
			i = end + 1
			continue
		}
		next, ok := s.afterLine(end)
		if !ok {
			return record{state: recordTorn}
		}
		return record{cells: n + 1, start: start, end: end, next: next}
	}
}

// lastCells ends a record whose cells from the nth on, buf[i:line], hold no quotes.
func (s *scanner) lastCells(row [][]byte, i, n, line int) record {
	next, ok := s.afterLine(line)
	if !ok {
		return record{state: recordTorn}
	}
	return record{cells: n + s.split(row[min(n, len(row)):], i, line), end: line, next: next}
}

// quoted reads the cell whose opening quote is at open, column n of its record. end is the delimiter or the line end
// behind it, or the end of the text: then it is for afterLine to tell whether the quote may be the first of two.
func (s *scanner) quoted(open, n int) (cell []byte, end int, state recordState) {
	buf, w := s.w.buf, s.w
	doubled := 0
	closing := open + 1
	for ; ; closing += 2 {
		closing = s.find('"', closing)
		if closing >= w.end {
			return nil, 0, s.unclosed(w.end - open - 1 - doubled)
		}
		if closing+1 < w.end && buf[closing+1] == '"' {
			doubled++
			continue
		}
		break
	}
	cell = buf[open+1 : closing : closing]
	if doubled > 0 {
		cell = s.undouble(cell)
	}
	end = closing + 1
	if end == w.end || buf[end] == s.delim || buf[end] == '\n' || buf[end] == '\r' {
		return cell, end, recordWhole
	}
	end = s.lineEnd(closing + 1)
	if k := bytes.IndexByte(buf[closing+1:end], s.delim); k >= 0 {
		end = closing + 1 + k
	}
	if tail := buf[closing+1 : end]; !onlyBlanks(tail) {
		s.stray = append(s.stray, n)
		from := len(s.scratch)
		s.scratch = append(append(s.scratch, cell...), tail...)
		cell = s.scratch[from:len(s.scratch):len(s.scratch)]
	}
	return cell, end, recordWhole
}

// unclosed says what to do about a quoted cell that goes on, size bytes of it, to the end of the text.
func (s *scanner) unclosed(size int) recordState {
	switch {
	case size > s.cellBytes:
		return recordVast
	case s.w.eof:
		return recordOpen
	}
	return recordTorn
}

// undouble copies cell into scratch with each pair of quotes as one.
func (s *scanner) undouble(cell []byte) []byte {
	from := len(s.scratch)
	for {
		k := bytes.IndexByte(cell, '"')
		if k < 0 {
			break
		}
		s.scratch = append(s.scratch, cell[:k+1]...)
		cell = cell[k+2:]
	}
	s.scratch = append(s.scratch, cell...)
	return s.scratch[from:len(s.scratch):len(s.scratch)]
}

func onlySpaces(b []byte) bool { return len(bytes.TrimLeft(b, " ")) == 0 }

func onlyBlanks(b []byte) bool { return len(bytes.TrimLeft(b, " \t")) == 0 }
