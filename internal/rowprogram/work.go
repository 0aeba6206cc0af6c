package rowprogram

import (
	"bytes"
	"unicode/utf8"

	"wharf/internal/tabular"
)

// work is the cell at hand and what is needed to change and judge it.
type work struct {
	phones       *phones
	casing       *casing
	plainNumbers bool

	batch    *tabular.Batch
	field    *field
	row, col int
	original []byte
	kind     tabular.Kind

	survey    bool // only look
	failed    bool // the cell broke a rule
	undecided bool // the cell waits for a decision about its column

	arena  []byte // new text of the batch
	digits []byte // scratch
	fold   []byte // scratch
}

// cell gives what becomes of a cell.
func (w *work) cell(cell []byte) []byte {
	f := w.field
	w.original, w.failed, w.kind = cell, false, tabular.Text
	if len(w.batch.Kinds) > 0 {
		w.kind = w.batch.Kinds[w.row*w.batch.Cols+w.col]
	}
	if w.kind == tabular.Failed {
		w.wrong(errorCell, nil)
		return cell
	}
	text := cell
	inner := trim(text)
	if len(f.pre) > 0 {
		if len(inner) == 0 {
			text = nil
		}
		text = w.transform(f.pre, text)
		inner = trim(text)
	}
	if len(inner) == 0 {
		text = nil
		if f.required != "" {
			w.fail("required", f.required)
		}
	} else {
		text = w.check(text, inner)
	}
	if len(f.post) > 0 && !f.kind.typed() {
		text = w.transform(f.post, text)
	}
	if w.failed {
		return cell
	}
	return text
}

// transform runs ops over text. What was changed is no longer what the file said it was.
func (w *work) transform(ops []op, text []byte) []byte {
	for i := range ops {
		op := &ops[i]
		if len(text) == 0 && !op.fills {
			continue
		}
		changed := op.run(w, text)
		if (op.fills || w.kind != tabular.Text) && !bytes.Equal(changed, text) {
			w.kind = op.filled
		}
		text = changed
	}
	return text
}

// check judges a cell that is not empty, and gives its canonical text. inner is text without the blanks around it, which
// count where the text is stored as it is.
func (w *work) check(text, inner []byte) []byte {
	f := w.field
	why := fine
	switch f.kind {
	case kindText, kindPattern:
		why = checkText(text)
	case kindEmail:
		why = checkEmail(text)
	case kindPhone:
		if why = checkText(text); why == fine && !w.phones.parses(text) {
			why = notPhone
		}
	case kindSelect:
		option, folded, ok := f.choice.find(inner, w.fold)
		w.fold = folded
		if text = option; !ok {
			text = inner
			w.fail(TypeSelect, f.options)
		}
	case kindNumber:
		text, why = w.number(inner)
	case kindDate:
		text, why = w.date(inner)
	case kindBoolean:
		if text, why = readBoolean(inner); why != fine {
			text = inner
		}
	}
	if why != fine {
		w.wrong(why, inner)
	}
	if !w.survey && !w.undecided {
		for i := range f.rules {
			f.rules[i].check(w, text, why == fine)
		}
	}
	return text
}

func checkText(text []byte) reason {
	switch {
	case !utf8.Valid(text):
		return notUTF8
	case bytes.IndexByte(text, 0) >= 0:
		return holdsNUL
	}
	return fine
}

// number gives the canonical text of a number, and notes what its spelling shows of the column.
func (w *work) number(text []byte) ([]byte, reason) {
	c := &w.field.column
	if w.kind == tabular.Number {
		return w.canonical(text, markPoint, true)
	}
	point, plain := plainNumber(text)
	switch {
	case !plain:
	case point < 0, c.mark == markPoint:
		return text, fine
	case c.mark == markUnknown && !couldGroup(text, point):
		if w.survey {
			c.point.note(w, text)
		}
		return text, fine
	}
	return w.canonical(text, c.mark, c.markFixed)
}

// couldGroup reports whether the point of a plain number has one to three digits before it and three after it, so that it
// may part thousands.
func couldGroup(text []byte, point int) bool {
	if text[0] == '-' {
		text, point = text[1:], point-1
	}
	return len(text)-point == 4 && point <= 3 && text[0] != '0'
}

func (w *work) canonical(text []byte, m mark, strict bool) ([]byte, reason) {
	n, digits, why := readNumber(text, w.digits, m, strict)
	w.digits = digits
	if why != fine {
		return text, why
	}
	c := &w.field.column
	if m == markUnknown && !c.decided {
		c.number(w, n.shows, n.unclear, text)
		w.undecided = !w.survey && (n.unclear == markComma || c.pointWaits())
	} else if n.unclear != markUnknown {
		return text, numberUnclear
	}
	start := len(w.arena)
	w.arena = n.append(w.arena)
	return w.since(start, text), fine
}

// date gives the ISO text of a date, and notes what its spelling shows of the column.
func (w *work) date(text []byte) ([]byte, reason) {
	if year, month, day, ok := isoDate(text); ok {
		if !validDay(year, month, day) {
			return text, dateMissing
		}
		return text, fine
	}
	t, why := w.readDate(text)
	if why != fine {
		return text, why
	}
	start := len(w.arena)
	w.arena = t.append(w.arena)
	return w.since(start, text), fine
}

// readDate reads a trimmed cell by what is known of its column.
func (w *work) readDate(text []byte) (stamp, reason) {
	c := &w.field.column
	switch {
	case w.kind == tabular.Number && !w.plainNumbers:
		return readSerial(text)
	case w.kind != tabular.Text:
		return readDate(text, orderUnknown, false)
	}
	t, why := readDate(text, c.order, c.orderFixed)
	if c.orderFixed || c.decided {
		return t, why
	}
	if w.survey {
		c.date(w, &t, why, text)
	}
	if why == dateUnclear {
		w.undecided = !w.survey
	}
	return t, why
}

// since gives the text that the arena took in since start, or text if it says the same.
func (w *work) since(start int, text []byte) []byte {
	if bytes.Equal(w.arena[start:], text) {
		w.arena = w.arena[:start]
		return text
	}
	return w.arena[start:len(w.arena):len(w.arena)]
}

// wrong records that the cell is not of its field's type.
func (w *work) wrong(why reason, text []byte) {
	if w.quiet() {
		w.failed = true
		return
	}
	w.fail(w.field.source.Type, w.explain(why, text))
}

// fail records a rule that the cell breaks.
func (w *work) fail(rule, message string) {
	w.failed = true
	if w.quiet() {
		return
	}
	w.batch.Errors = append(w.batch.Errors, tabular.CellError{
		Row: w.row, Col: w.col, Rule: rule, Message: message, Value: excerpt(w.original),
	})
}

// quiet reports whether nobody wants to hear of errors: while surveying, while the cell waits, and in presentation.
func (w *work) quiet() bool { return w.survey || w.undecided || w.batch == nil }

func (w *work) line() int64 { return w.batch.Lines[w.row] }
