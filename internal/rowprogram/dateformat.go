package rowprogram

import (
	"fmt"
	"strings"

	"wharf/internal/tabular"
)

const defaultDateFormat = "YYYY-MM-DD"

// dateFormat is the pattern of normalize_date: parts of a date, and literal text between them.
type dateFormat []datePart

type datePart struct {
	literal string
	token   string
}

var dateTokens = []string{"YYYY", "MM", "DD", "HH", "mm", "ss"}

// parseDateFormat takes YYYY MM DD HH mm ss. Of other letters only T and Z may stand in a format: they have a meaning in
// dates, and others look like tokens that are not known.
func parseDateFormat(text string) (dateFormat, error) {
	var format dateFormat
	tokens := 0
next:
	for text != "" {
		for _, token := range dateTokens {
			if strings.HasPrefix(text, token) {
				format = append(format, datePart{token: token})
				text = text[len(token):]
				tokens++
				continue next
			}
		}
		c := text[0]
		if isAlphanumeric(c) && c > '9' && c != 'T' && c != 'Z' {
			return nil, fmt.Errorf("%q is not known: a format is made of %s", text[:1], strings.Join(dateTokens, " "))
		}
		format = append(format, datePart{literal: text[:1]})
		text = text[1:]
	}
	if tokens == 0 {
		return nil, fmt.Errorf("it holds none of %s", strings.Join(dateTokens, " "))
	}
	return format, nil
}

// append writes t, with a time of 00:00:00 if it has none.
func (f dateFormat) append(dst []byte, t *stamp) []byte {
	for _, part := range f {
		switch part.token {
		case "YYYY":
			dst = appendDigits(dst, t.year, 4)
		case "MM":
			dst = appendDigits(dst, t.month, 2)
		case "DD":
			dst = appendDigits(dst, t.day, 2)
		case "HH":
			dst = appendDigits(dst, t.hour, 2)
		case "mm":
			dst = appendDigits(dst, t.minute, 2)
		case "ss":
			dst = appendDigits(dst, t.second, 2)
		default:
			dst = append(dst, part.literal...)
		}
	}
	return dst
}

// normalizeDateOp writes a date in the format. What is no date is left for the check; a date that can be read in two ways
// is an error on a field that has no check for it.
func normalizeDateOp(format dateFormat) func(*work, []byte) []byte {
	return func(w *work, cell []byte) []byte {
		inner := trim(cell)
		t, why := w.readDate(inner)
		if why == dateUnclear && w.field.kind != kindDate {
			w.fail("normalize_date", w.explain(why, inner))
		}
		if why != fine || w.survey && w.kind == tabular.Text {
			return cell
		}
		start := len(w.arena)
		w.arena = format.append(w.arena, &t)
		return w.since(start, cell)
	}
}
