package tabular

import (
	"unicode/utf8"
)

// The cells' styles: indexes into the cellXfs of stylesPart.
const (
	styleGeneral = "0"
	styleHeader  = "1"
	styleText    = "2"
	styleWhole   = "3" // a number without exponent, whatever its size
	styleDate    = "4"
	styleMoment  = "5"
	styleMomentF = "6" // with a fraction of the second
	styleClock   = "7"
	styleClockF  = "8"
)

// mostTyped is the longest text that gets the format of text: Excel shows longer ones as ####.
const mostTyped = 255

// cell begins the next cell. false: nothing can be written.
func (x *XLSXWriter) cell() bool {
	if !x.inRow && !x.beginRow() {
		return false
	}
	if x.col == len(x.refs) {
		_ = x.fail(errSurplusCell) // EndRow gives it
		return false
	}
	x.buf = append(append(x.buf, x.refs[x.col]...), x.rowRef...)
	x.col++
	return true
}

// widen notes that the cell just written shows n characters, as long as widths can still be told.
func (x *XLSXWriter) widen(n int) { x.widths[x.col-1] = max(x.widths[x.col-1], n) }

// Empty leaves a cell out.
func (x *XLSXWriter) Empty() {
	if !x.inRow && !x.beginRow() {
		return
	}
	if x.col++; x.col > len(x.refs) {
		_ = x.fail(errSurplusCell) // EndRow gives it
	}
}

// Text writes a text, which stays one: digits with leading zeros keep them, also when a person edits the cell. What XML
// cannot hold is escaped as Excel does it. The empty text is an empty cell.
func (x *XLSXWriter) Text(text []byte) {
	switch {
	case len(text) == 0:
		x.Empty()
	case len(text) <= mostTyped && looksTyped[text[0]]:
		x.string(styleText, text)
	default:
		x.string(styleGeneral, text)
	}
}

// looksTyped marks the first bytes of texts that Excel may take for something else when a person edits them.
var looksTyped = func() (marked [256]bool) {
	for _, c := range []byte("0123456789+-=.,(@/'") {
		marked[c] = true
	}
	return marked
}()

// string writes a text cell, cut if need be.
func (x *XLSXWriter) string(style string, text []byte) {
	if !x.cell() {
		return
	}
	if style == styleGeneral {
		x.buf = append(x.buf, ` t="inlineStr"><is><t`...)
	} else {
		x.buf = append(append(append(x.buf, ` s="`...), style...), `" t="inlineStr"><is><t`...)
	}
	room := cellUnits
	escaped := x.EscapeFormulas && StartsFormula(text)
	if escaped {
		room--
	}
	if len(text) > room {
		text = x.cut(text, room)
	}
	if len(text) > 0 && (text[0] <= ' ' || text[len(text)-1] <= ' ') {
		x.buf = append(x.buf, ` xml:space="preserve"`...)
	}
	x.buf = append(x.buf, '>')
	if escaped {
		x.buf = append(x.buf, '\'')
	}
	x.buf = append(appendXString(x.buf, text), `</t></is></c>`...)
	if !x.headed {
		x.widen(utf8.RuneCount(text[:min(len(text), 4*mostWidth)]))
	}
	if x.full() {
		x.flush() // a row may be larger than memory
	}
}

// cut gives as much of text as room, in UTF-16 units, holds, and notes that it did.
func (x *XLSXWriter) cut(text []byte, room int) []byte {
	units, fits := units(text, room)
	if fits < len(text) && x.tooLong == nil {
		x.tooLong = &CellTooLongError{
			Sheet: x.sheets[len(x.sheets)-1].name, Row: x.row, Column: x.spec.Columns[x.col-1], Units: units,
		}
	}
	return text[:fits]
}

// Number writes a number given as decimal text. Excel keeps 15 digits and numbers from 1E-307 to 1E308: others, and what
// is no number (NaN), are written as text, so that no digit is lost.
func (x *XLSXWriter) Number(text []byte) {
	ok, long := fitsNumber(text)
	if !ok {
		x.Text(text)
		return
	}
	if !x.cell() {
		return
	}
	if long {
		x.buf = append(x.buf, ` s="`+styleWhole+`"`...)
	}
	x.value(text)
}

// value ends a cell with what it holds.
func (x *XLSXWriter) value(text []byte) {
	x.buf = append(append(append(x.buf, `><v>`...), text...), `</v></c>`...)
	if !x.headed {
		x.widen(len(text))
	}
}

// Date writes a date, a time of day or both, given in ISO 8601 as Postgres prints them: 2024-02-29, 13:45,
// 2024-02-29 13:45:00.25+00. Excel knows no zones and no day before 1900-03-01: what has an offset other than zero, what
// it cannot count and what is none of these (infinity) is written as text.
func (x *XLSXWriter) Date(iso []byte) {
	var room [40]byte
	serial, style, ok := appendSerial(room[:0], iso)
	if !ok {
		x.Text(iso)
		return
	}
	if !x.cell() {
		return
	}
	x.buf = append(append(append(x.buf, ` s="`...), style...), `"><v>`...)
	x.buf = append(append(x.buf, serial...), `</v></c>`...)
	if !x.headed {
		x.widen(len(iso))
	}
}

// Bool writes true or false.
func (x *XLSXWriter) Bool(v bool) {
	if !x.cell() {
		return
	}
	x.buf = append(x.buf, ` t="b"`...)
	if v {
		x.value([]byte{'1'})
	} else {
		x.value([]byte{'0'})
	}
}

// Failed writes an error such as #DIV/0!, and text that names none that Excel knows as text.
func (x *XLSXWriter) Failed(code []byte) {
	switch string(code) {
	case "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA":
		if x.cell() {
			x.buf = append(x.buf, ` t="e"`...)
			x.value(code)
		}
	default:
		x.Text(code)
	}
}

// kindCell writes a cell of a batch: as what it is of, where that is possible.
func (x *XLSXWriter) kindCell(cell []byte, kind Kind) {
	switch {
	case kind == Number:
		x.Number(cell)
	case kind == Date:
		x.Date(cell)
	case kind == Boolean && string(cell) == "true":
		x.Bool(true)
	case kind == Boolean && string(cell) == "false":
		x.Bool(false)
	case kind == Failed:
		x.Failed(cell)
	default:
		x.Text(cell)
	}
}
