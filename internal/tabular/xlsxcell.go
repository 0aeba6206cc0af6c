package tabular

import (
	"bytes"
)

// cellType is how a cell stores its value (ECMA-376 part 1, 18.18.11).
type cellType uint8

const (
	typeNumber cellType = iota
	typeShared          // the number of a shared text
	typeString          // the text that a formula gave
	typeBool
	typeError
	typeDate // ISO 8601
	typeInline
)

func cellTypeOf(v []byte) cellType {
	switch string(v) {
	case "s":
		return typeShared
	case "str":
		return typeString
	case "b":
		return typeBool
	case "e":
		return typeError
	case "d":
		return typeDate
	case "inlineStr":
		return typeInline
	}
	return typeNumber
}

var trueText, falseText = []byte("true"), []byte("false")

// cellTag reads the attributes of a cell, from behind its name to behind its tag: its column, which is the next one if it
// does not say, its style and its type.
func (s *sheetScan) cellTag(b []byte, i int) (next int, kind cellType, empty bool, state xmlState) {
	s.col++
	s.style = -1
	for {
		for i < len(b) && b[i] <= ' ' {
			i++
		}
		if i+1 >= len(b) {
			return i, kind, false, xmlTorn
		}
		if b[i] == '>' {
			return i + 1, kind, false, xmlWhole
		}
		if b[i] == '/' && b[i+1] == '>' {
			return i + 2, kind, true, xmlWhole
		}
		var short byte
		var value []byte
		if short, value, i, state = attribute(b, i); state != xmlWhole {
			return i, kind, false, state
		}
		switch short {
		case 'r':
			s.place(value)
		case 's':
			s.style = styleIndex(value)
		case 't':
			kind = cellTypeOf(value)
		}
	}
}

// attribute reads the attribute at b[i]. Its name is given if it has one letter, as all have that count; else zero.
func attribute(b []byte, i int) (short byte, value []byte, next int, state xmlState) {
	start := i
	for i < len(b) && b[i] != '=' && b[i] != '>' {
		i++
	}
	if i == start+1 || (i > start+1 && b[start+1] <= ' ') {
		short = b[start]
	}
	for i++; i < len(b) && b[i] <= ' '; i++ { // behind the =
	}
	if i >= len(b) {
		return 0, nil, i, xmlTorn
	}
	quote := b[i]
	if quote != '"' && quote != '\'' {
		return 0, nil, i, xmlBad
	}
	i++
	start = i
	for i < len(b) && b[i] != quote {
		i++
	}
	if i >= len(b) {
		return 0, nil, i, xmlTorn
	}
	return short, b[start:i], i + 1, xmlWhole
}

// place reads a reference such as BC23. One that makes no sense leaves the cell where it is.
func (s *sheetScan) place(ref []byte) {
	const mostLetters = 5
	col, i := 0, 0
	for ; i < len(ref) && i < mostLetters; i++ {
		c := ref[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			break
		}
		col = 26*col + int(c-'A') + 1
	}
	if col == 0 {
		return
	}
	s.col = col - 1
	if s.number == 0 {
		s.number = rowNumber(ref[i:])
	}
}

func styleIndex(v []byte) int {
	n := 0
	if len(v) == 0 || len(v) > 7 {
		return -1
	}
	for _, c := range v {
		if c-'0' > 9 {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// set gives the cell its value, of which v is the text as it stands in the file.
func (s *sheetScan) set(v []byte, kind cellType) {
	switch kind {
	case typeShared:
		s.setShared(v)
		return
	case typeNumber:
		s.setNumber(v)
		return
	}
	text, flaws := s.plain(v, kind == typeString || kind == typeInline)
	switch {
	case kind == typeBool && (string(text) == "1" || string(text) == "true"):
		s.put(trueText, Boolean, 0)
	case kind == typeBool && (string(text) == "0" || string(text) == "false"):
		s.put(falseText, Boolean, 0)
	case kind == typeError && len(text) > 0:
		s.put(text, Failed, flaws)
	case kind == typeDate:
		if date, ok := isoDate(text, s.format().class); ok {
			s.put(date, Date, flaws)
			return
		}
		s.put(text, Text, flaws)
	default:
		s.put(text, Text, flaws)
	}
}

// plain gives what v stands for.
func (s *sheetScan) plain(v []byte, escapes bool) ([]byte, textFlaws) {
	if plainXML(v) {
		return v, 0
	}
	from := len(s.scratch)
	var flaws textFlaws
	s.scratch, flaws = appendXMLText(s.scratch, v, escapes)
	return s.scratch[from:len(s.scratch):len(s.scratch)], flaws
}

func (s *sheetScan) format() cellFormat {
	if s.style < 0 || s.style >= len(s.formats) {
		return cellFormat{}
	}
	return s.formats[s.style]
}

// setNumber gives the cell a number, or the date that it stands for.
func (s *sheetScan) setNumber(v []byte) {
	f := s.format()
	if f.class == formatNumber && isPlainDecimal(v) {
		s.put(v, Number, 0)
		return
	}
	if v = bytes.TrimSpace(v); len(v) == 0 {
		return
	}
	from := len(s.scratch)
	kind, ok := Number, false
	switch f.class {
	case formatNumber:
	case formatPadded:
		s.scratch, ok = appendPadded(s.scratch, v, int(f.width))
		kind = Text
	default:
		s.scratch, kind, ok = appendDate(s.scratch, v, f.class, s.date1904)
	}
	if !ok {
		kind = Number
		s.scratch, ok = appendDecimal(s.scratch[:from], v)
	}
	if !ok { // a program's own idea of a number
		text, flaws := s.plain(v, false)
		s.put(text, Text, flaws)
		return
	}
	s.put(s.scratch[from:len(s.scratch):len(s.scratch)], kind, 0)
}

// appendPadded appends a whole number with zeros in front, as its format shows it.
func appendPadded(dst, v []byte, width int) ([]byte, bool) {
	for _, c := range v {
		if c-'0' > 9 {
			return dst, false
		}
	}
	for range width - len(v) {
		dst = append(dst, '0')
	}
	return append(dst, v...), true
}

// setShared gives the cell a shared text.
func (s *sheetScan) setShared(v []byte) {
	i := 0
	for _, c := range bytes.TrimSpace(v) {
		if c-'0' > 9 || i >= s.shared.count {
			i = s.shared.count
			break
		}
		i = 10*i + int(c-'0')
	}
	if len(v) == 0 {
		return
	}
	if i >= s.shared.count {
		s.flaw("damaged", "refers to a text that the workbook does not hold", v)
		return
	}
	text, flaws, rest, err := s.shared.get(s.scratch, i)
	if s.scratch = rest; err != nil {
		s.err = err
		return
	}
	s.given += int64(len(text))
	s.put(text, Text, flaws)
}

// put sets the cell.
func (s *sheetScan) put(text []byte, kind Kind, flaws textFlaws) {
	if len(text) == 0 {
		return
	}
	s.extent = max(s.extent, s.col+1)
	if s.col >= len(s.row) {
		return
	}
	s.row[s.col], s.kinds[s.col] = text, kind
	if len(text) > s.cellBytes {
		s.big = s.col + 1
	}
	if flaws&hasNUL != 0 {
		s.flaw("nul", "has a NUL character, which text cannot hold", text)
	}
	if flaws&hasNonChar != 0 {
		s.flaw("encoding", "has a character that is none, such as half of a surrogate pair", text)
	}
}

// flaw notes what is wrong with the cell.
func (s *sheetScan) flaw(rule, message string, value []byte) {
	s.extent = max(s.extent, s.col+1)
	if s.col < len(s.row) {
		s.flaws = append(s.flaws, CellError{Col: s.col, Rule: rule, Message: message, Value: cut(value)})
	}
}
