package tabular

import (
	"bytes"
	"math"
)

// sheetScan reads the rows of a worksheet, each of which the window has to hold whole. It knows just so much of XML as a
// sheet needs, and reads a row's bytes once.
type sheetScan struct {
	window    *window
	shared    *sharedTexts
	formats   []cellFormat
	date1904  bool
	cellBytes int
	scratch   []byte // texts of the batch that are not in the window as they stand
	given     int64  // bytes of shared texts that cells were given
	prefix    int    // the length of the prefix of the names
	last      int64  // number of the last row

	// The row being read.
	row    [][]byte
	kinds  []Kind
	number int64
	col    int // the cell being read, from 0
	style  int // -1: none
	extent int // number of the last cell with a value
	big    int // number of a cell beyond cellBytes
	flaws  []CellError
	err    error // of the shared texts
}

// sheetRow is a row that was read.
type sheetRow struct {
	number int64
	extent int  // number of the last cell with a value; 0: the row is blank
	next   int  // the offset behind it
	end    bool // it is no row, but the end of them
}

// scan reads the row that comes at pos or behind. Cells beyond len(row) are counted and not kept.
func (s *sheetScan) scan(row [][]byte, kinds []Kind, pos int) (sheetRow, xmlState) {
	b := s.window.buf[:s.window.end]
	for {
		k := bytes.IndexByte(b[pos:], '<')
		if k < 0 {
			return sheetRow{}, xmlTorn
		}
		t, state := readTag(b, pos+k)
		if state != xmlWhole {
			return sheetRow{}, state
		}
		pos = t.next
		switch {
		case t.kind == tagClose && string(t.name) == "sheetData":
			return sheetRow{next: pos, end: true}, xmlWhole
		case t.is("row"):
			return s.readRow(&t, row, kinds, b, pos)
		}
	}
}

func (s *sheetScan) readRow(t *xmlTag, row [][]byte, kinds []Kind, b []byte, pos int) (sheetRow, xmlState) {
	s.row, s.kinds, s.flaws = row, kinds, s.flaws[:0]
	s.col, s.extent, s.big, s.prefix = -1, 0, 0, t.prefix
	s.number = rowNumber(t.rawAttr("r"))
	clear(row)
	clear(kinds)
	state := xmlWhole
	if t.kind == tagOpen {
		pos, state = s.cells(b, pos)
	}
	if s.number == 0 {
		s.number = s.last + 1
	}
	return sheetRow{number: s.number, extent: s.extent, next: pos}, state
}

// rowNumber reads the number of a row; 0: there is none. What is beyond all bounds is the largest there is.
func rowNumber(v []byte) int64 {
	n := int64(0)
	for _, c := range v {
		if c-'0' > 9 {
			return 0
		}
		if n > math.MaxInt64/100 {
			return math.MaxInt64
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// cells reads the cells of a row, from behind its opening tag to behind its closing one.
func (s *sheetScan) cells(b []byte, i int) (int, xmlState) {
	for {
		for i < len(b) && b[i] != '<' {
			i++
		}
		k := i + 1 + s.prefix
		if k+1 >= len(b) {
			return i, xmlTorn
		}
		var state xmlState
		if b[k] == 'c' && (b[k+1] == ' ' || b[k+1] == '>') && s.named(b, k) {
			if i, state = s.cell(b, k+1); state != xmlWhole {
				return i, state
			}
			continue
		}
		t, state := readTag(b, i)
		if state != xmlWhole {
			return i, state
		}
		start := i
		i = t.next
		switch {
		case t.kind == tagClose:
			if string(t.name) != "row" {
				return i, xmlBad
			}
			return i, xmlWhole
		case t.is("c"):
			s.prefix = t.prefix
			i, state = s.cell(b, start+1+t.prefix+len(t.name))
		case t.kind == tagOpen:
			i, state = skipElement(b, i)
		}
		if state != xmlWhole {
			return i, state
		}
	}
}

// named reports whether a name, and not the end of a longer one, begins at b[k].
func (s *sheetScan) named(b []byte, k int) bool {
	return s.prefix == 0 || b[k-1] == ':'
}

// cell reads a cell, from behind its name.
func (s *sheetScan) cell(b []byte, i int) (int, xmlState) {
	i, kind, empty, state := s.cellTag(b, i)
	if state != xmlWhole || empty {
		return i, state
	}
	formula, valued := false, false
	for {
		for i < len(b) && b[i] != '<' {
			i++
		}
		k := i + 1 + s.prefix
		if k+2 >= len(b) {
			return i, xmlTorn
		}
		switch {
		case b[k] == 'v' && b[k+1] == '>' && s.named(b, k):
			i, state = s.value(b, k+2, kind)
			valued = true
		case b[i+1] == '/' && b[k+1] == 'c' && b[k+2] == '>':
			s.endCell(formula && !valued, kind)
			return k + 3, xmlWhole
		default:
			var t xmlTag
			if t, state = readTag(b, i); state != xmlWhole {
				return i, state
			}
			if t.kind == tagClose {
				if string(t.name) != "c" {
					return i, xmlBad
				}
				s.endCell(formula && !valued, kind)
				return t.next, xmlWhole
			}
			formula = formula || t.is("f")
			valued = valued || t.is("v") || t.is("is")
			i, state = s.part(b, &t, kind)
		}
		if state != xmlWhole {
			return i, state
		}
	}
}

// endCell marks a formula of which nobody knows the value. Programs leave out that of an empty text.
func (s *sheetScan) endCell(unknown bool, kind cellType) {
	if unknown && kind != typeString {
		s.flaw("formula", "holds a formula that was never calculated: open the workbook in a spreadsheet program and save it", nil)
	}
}

// part reads an element of a cell that is not a value in its plainest form.
func (s *sheetScan) part(b []byte, t *xmlTag, kind cellType) (int, xmlState) {
	switch {
	case t.kind != tagOpen:
		return t.next, xmlWhole
	case string(t.name) == "v":
		return s.value(b, t.next, kind)
	case string(t.name) == "is":
		if text, next, ok := soleText(b, t.next, t.prefix); ok {
			s.put(text, Text, 0)
			return next, xmlWhole
		}
		text, flaws, rest, next, state := richText(s.scratch, b, t.next)
		s.scratch = rest
		if state == xmlWhole {
			s.put(text, Text, flaws)
		}
		return next, state
	}
	return skipElement(b, t.next)
}

// value reads the text of a v element, from behind its opening tag.
func (s *sheetScan) value(b []byte, i int, kind cellType) (int, xmlState) {
	k := bytes.IndexByte(b[i:], '<')
	if k < 0 {
		return i, xmlTorn
	}
	j := i + k
	if end := j + 3 + s.prefix; end < len(b) && b[j+1] == '/' && b[end-1] == 'v' && b[end] == '>' {
		s.set(b[i:j:j], kind)
		return end + 1, xmlWhole
	}
	raw, _, next, state := elementText(b, i)
	if state != xmlWhole {
		return i, state
	}
	if raw == nil {
		from := len(s.scratch)
		s.scratch, _ = appendElement(s.scratch, b[i:next], false)
		raw = s.scratch[from:len(s.scratch):len(s.scratch)]
	}
	s.set(raw, kind)
	return next, xmlWhole
}
