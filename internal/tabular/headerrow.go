package tabular

import (
	"bytes"
	"regexp"
	"strconv"
)

// preambleRows is how many rows may stand above a header.
const preambleRows = 100

// headRow is what a record of the head looks like.
type headRow struct {
	number int64 // of its row
	cells  int
	filled int // cells that are not blank
	extent int // number of the last such cell
	note   bool
	data   bool // its first cell, or half of them, are values rather than names
}

// headRows looks at the records from pos on, at the first few of them closely; blank ones are counted and left out.
// number is that of the first row.
func headRows(w *window, delim byte, cellBytes int, number int64, closely int) []headRow {
	s := newScanner(w, delim, cellBytes)
	row := make([][]byte, headCells)
	var rows []headRow
	for pos := w.pos; pos < w.end && len(rows) < headRecords; number++ {
		s.scratch = s.scratch[:0]
		rec := s.scan(row, pos)
		switch rec.state {
		case recordBlank:
		case recordWhole:
			if rec.cells > len(row) { // the table is wider than first thought
				row = make([][]byte, rec.cells+headCells)
				rec = newScanner(w, delim, cellBytes).scan(row, pos)
			}
			h := lookAt(row[:rec.cells], len(rows) < closely)
			h.number, h.note = number, w.buf[pos] == '#'
			rows = append(rows, h)
		default:
			return rows
		}
		pos = rec.next
	}
	return rows
}

// lookAt looks at a row; at what its cells hold only closely.
func lookAt(row [][]byte, closely bool) headRow {
	h := headRow{cells: len(row)}
	values := 0
	for i, c := range row {
		if c = bytes.TrimSpace(c); len(c) == 0 {
			continue
		}
		h.filled++
		h.extent = i + 1
		if closely && looksLikeData(c) {
			values++
			h.data = h.data || h.filled == 1
		}
	}
	h.data = h.data || (values > 0 && 2*values >= h.filled)
	return h
}

// findHeader gives the index of the header among rows: the first row that is no preamble. Preambles are what programs
// write above a table: empty rows, notes that begin with #, titles, a few cells of "Period | May 2024". A row is one of
// them if it is much emptier than the table, and a row that could be the header follows. -1: there is none.
func findHeader(rows []headRow) int {
	width := tableWidth(rows)
	for i, h := range rows {
		if i < preambleRows && h.preamble(width) && !h.lastChance(rows[i+1:], width) {
			continue
		}
		return i
	}
	return -1
}

// tableWidth is the commonest number of cells; of equally common ones the largest.
func tableWidth(rows []headRow) int {
	counts := map[int]int{}
	width := 0
	for _, h := range rows {
		counts[h.cells]++
		if c := counts[h.cells]; c > counts[width] || (c == counts[width] && h.cells > width) {
			width = h.cells
		}
	}
	return width
}

// preamble reports whether h can stand above a table of that width.
func (h headRow) preamble(width int) bool {
	switch {
	case h.filled == 0:
		return true
	case h.note && h.cells < width:
		return true
	case width == 2:
		return h.cells == 1
	}
	return width > 2 && (h.filled == 1 || (h.filled == 2 && 3*h.filled <= width))
}

// lastChance reports whether no row of rest can be the header, so that h has to be: a header names most columns, and does
// not begin with a number or date. A row that is empty or a note is never one.
func (h headRow) lastChance(rest []headRow, width int) bool {
	if h.filled == 0 || (h.note && h.cells < width) {
		return false
	}
	for _, next := range rest {
		if !next.preamble(width) {
			return next.data || 3*next.filled < 2*width
		}
	}
	return true
}

var dataShapes = regexp.MustCompile(
	`^(?:[-+(]?[$€£]?[-+]?[0-9][0-9.,' ]*%?\)?` + // a number or an amount
		`|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[T ].*)?` + // a date, with a time or without
		`|[^@\s]+@[^@\s]+\.[^@\s]+)$`) // an e-mail address

// looksLikeData reports whether c is a value rather than the name of a column. A year may be either: it counts as a name.
func looksLikeData(c []byte) bool {
	c = bytes.TrimSpace(c)
	if len(c) >= 256 || !bytes.ContainsAny(c, "@0123456789") {
		return false
	}
	if n, err := strconv.Atoi(string(c)); err == nil && n >= 1900 && n <= 2100 {
		return false
	}
	return dataShapes.Match(c)
}

// headerLooksLikeData reports whether header, on the evidence of the rows below it, is itself a row of data: it has
// values where they have, and no name over values.
func headerLooksLikeData(header []string, below [][]string) bool {
	like := 0
	for col, name := range header {
		values, filled := 0, 0
		for _, row := range below {
			if col < len(row) && row[col] != "" {
				filled++
				if looksLikeData([]byte(row[col])) {
					values++
				}
			}
		}
		if filled == 0 || 2*values < filled {
			continue
		}
		if name != "" && !looksLikeData([]byte(name)) {
			return false
		}
		like++
	}
	return like > 0
}

// sampleRows gives a few rows from pos on, for headerLooksLikeData.
func sampleRows(w *window, delim byte, cellBytes int) [][]string {
	const enough = 20
	var rows [][]string
	eachRecord(w, delim, cellBytes, func(_ record, row [][]byte, _ bool) {
		if len(rows) == enough {
			return
		}
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = string(c)
		}
		rows = append(rows, cells)
	})
	return rows
}
