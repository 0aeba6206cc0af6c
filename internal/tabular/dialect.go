package tabular

import (
	"bytes"
	"strings"

	"wharf/internal/fault"
)

const (
	// headRecords is how many records of the head are looked at for the delimiter and the header.
	headRecords = 1000
	// headCells is how many cells of each are.
	headCells = 1024
	// leastScore is what a delimiter must reach that nothing else speaks for.
	leastScore = 0.05
)

// delimiters are the candidates. The first one is what a file gets that shows none.
var delimiters = []byte{',', ';', '\t', '|'}

// delimiterNames are spellings of delimiters that cannot be typed into a form.
var delimiterNames = map[string]byte{`\t`: '\t', "tab": '\t', "comma": ',', "semicolon": ';', "pipe": '|', "space": ' '}

// delimiterNamed reads the delimiter that a person gave.
func delimiterNamed(given string) (byte, error) {
	if d, ok := delimiterNames[strings.ToLower(given)]; ok {
		return d, nil
	}
	if len(given) == 1 && isDelimiter(given[0]) {
		return given[0], nil
	}
	return 0, fault.Newf(fault.Invalid,
		"delimiter %q cannot be used: give one ASCII character, such as a comma, or \"tab\"", given)
}

// isDelimiter reports whether a reader can tell c from the contents of cells.
func isDelimiter(c byte) bool {
	return c < 0x80 && c != 0 && c != '"' && c != '\r' && c != '\n'
}

// sepLine reads a first line of the form "sep=;", which names the delimiter. next is where the line behind it begins.
func sepLine(w *window) (delim byte, next int, ok bool) {
	s := newScanner(w, 0, w.most)
	end := s.lineEnd(w.pos)
	line := w.buf[w.pos:end]
	if len(line) != len("sep=;") || !strings.EqualFold(string(line[:4]), "sep=") || !isDelimiter(line[4]) {
		return 0, 0, false
	}
	next, _ = s.afterLine(end)
	return line[4], next, true
}

// findDelimiter chooses the candidate under which the head of the text is most a table; preferred wins where none is one.
func findDelimiter(w *window, cellBytes int, preferred byte) byte {
	best, most := preferred, leastScore
	for _, d := range delimiters {
		if bytes.IndexByte(w.buf[w.pos:w.end], d) < 0 {
			continue
		}
		if score := dialectScore(w, d, cellBytes); score > most {
			best, most = d, score
		}
	}
	return best
}

// dialectScore says how much of a table the head is under delim, from 0 to 1. Three things count: records have the same
// number of cells, the first record too; there are many cells rather than few; and cells look like values, without
// delimiters of another dialect or quotes inside of them.
func dialectScore(w *window, delim byte, cellBytes int) float64 {
	widths := map[int]int{}
	first, records, cells, clean := 0, 0, 0, 0
	eachRecord(w, delim, cellBytes, func(rec record, row [][]byte, stray bool) {
		if records == 0 {
			first = rec.cells
		}
		records++
		widths[rec.cells]++
		cells += len(row)
		for _, c := range row {
			if cleanCell(c, delim) {
				clean++
			}
		}
		if stray {
			clean--
		}
	})
	width, share := 0, 0
	for n, count := range widths {
		if n > 1 && (count > share || (count == share && n > width)) {
			width, share = n, count
		}
	}
	if width == 0 {
		return 0
	}
	same := float64(share) / float64(records)
	good := float64(clean) / float64(cells)
	score := same * same * good * good * float64(width-1) / float64(width)
	if first != width {
		score *= 0.3 // the header is likelier to be a row of the table than a title
	}
	return score
}

// eachRecord calls f with the records of the head, blank ones and comments left out.
func eachRecord(w *window, delim byte, cellBytes int, f func(rec record, row [][]byte, stray bool)) {
	s := newScanner(w, delim, cellBytes)
	row := make([][]byte, headCells)
	for pos, n := w.pos, 0; pos < w.end && n < headRecords; n++ {
		s.scratch = s.scratch[:0]
		rec := s.scan(row, pos)
		if rec.state != recordWhole && rec.state != recordBlank {
			return
		}
		if rec.state == recordWhole && w.buf[pos] != '#' {
			f(rec, row[:min(rec.cells, len(row))], len(s.stray) > 0)
		}
		pos = rec.next
	}
}

// cleanCell reports whether c looks like one value rather than several under another delimiter. A comma or semicolon
// before a blank is punctuation, a comma among digits a decimal sign; an odd quote was torn off its pair.
func cleanCell(c []byte, delim byte) bool {
	quotes := 0
	for i, ch := range c {
		switch {
		case ch == delim: // within quotes
		case ch == '"':
			quotes++
		case ch == '\t' || ch == '|':
			return false
		case (ch == ';' || ch == ',') && i+1 < len(c) && c[i+1] > ' ' && (ch == ';' || !digitsAround(c, i)):
			return false
		}
	}
	return quotes&1 == 0
}

func digitsAround(c []byte, i int) bool {
	digit := func(i int) bool { return i < 0 || i >= len(c) || (c[i] >= '0' && c[i] <= '9') }
	return digit(i-1) && digit(i+1)
}
